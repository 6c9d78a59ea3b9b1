/* SPDX-License-Identifier: MIT
 *
 * The sandbox at a start and at reloads, each in a process of its own, since it is for good. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/privileges.h"
#include "daemon/sandbox.h"

#define HEAD                                                \
	"zones: {public: {listen: [udp:127.0.0.1:5060]}}\n" \
	"domains: {example.com: {}}\n"                      \
	"accounts: {store: \"sqlite:accounts.db\"}\n"       \
	"state: {store: \"sqlite:state.db\"}\n"             \
	"admin: {listen: \"unix:rf.sock\"}\n"

struct fixture {
	char dir[64], other[64];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/rf-test-box-XXXXXX");
	snprintf(f->other, sizeof(f->other), "/tmp/rf-test-else-XXXXXX");
	assert_true(mkdtemp(f->dir) && mkdtemp(f->other));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rmdir(f->dir);
	rmdir(f->other);
	free(f);
	return 0;
}

/* `more` follows HEAD; the file would be in `folder`. */
static const struct conf *load(const char *folder, const char *more)
{
	char text[4096], path[128];
	struct conf_errors errs;
	struct conf *c = NULL;
	int n = snprintf(text, sizeof(text), HEAD "%s", more);

	snprintf(path, sizeof(path), "%s/ringfence.yaml", folder);
	conf_errors_init(&errs);
	if (conf_load_text(span_of(text, (size_t)n), path, &c, &errs) != OK)
		fprintf(stderr, "%.*s\n", SPAN_FMT(errs.list[0].text));
	conf_errors_done(&errs);
	return c;
}

typedef int inside_fn(const struct fixture *f, const struct conf *c, struct buf *why);

/* What fn gives, in a process that it may confine. */
static int run_inside(const struct fixture *f, const char *more, inside_fn *fn)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char text[4096];
		struct buf why = BUF(text);
		const struct conf *c = load(f->dir, more);
		int rc = c ? fn(f, c, &why) : 100;

		if (rc)
			fprintf(stderr, "%d: %.*s\n", rc, (int)why.n, why.p);
		conf_put(c);
		_exit(rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static int covers_what_was_named(const struct fixture *f, const struct conf *c, struct buf *why)
{
	static struct sandbox s;
	const struct conf *same, *elsewhere;
	char more[256];

	if (sandbox_enter(&s, c, why) != OK)
		return 1;
	if (!s.entered || privileges_left())
		return 2;
	same = load(f->dir, "events: [{file: second.jsonl}, {fail2ban: bans.log}]\n");
	snprintf(more, sizeof(more), "events: [{file: %s/events.jsonl}]\n", f->other);
	elsewhere = load(f->dir, more);
	if (!same || !elsewhere || sandbox_covers(&s, same, why) != OK)
		return 3;
	if (s.files_guarded && (sandbox_covers(&s, elsewhere, why) != ERR_DENIED ||
				   !memmem(why->p, why->n, "restart it", 10)))
		return 4;
	conf_put(same);
	conf_put(elsewhere);
	return 0;
}

static void test_a_reload_keeps_to_the_folders(void **state)
{
	assert_int_equal(
	    run_inside(*state, "events: [{file: events.jsonl}]\n", covers_what_was_named), 0);
}

static int is_off(const struct fixture *f UNUSED, const struct conf *c, struct buf *why)
{
	static struct sandbox s;
	int fd;

	if (sandbox_enter(&s, c, why) != OK)
		return 1;
	if (s.files_guarded || s.calls_filtered || privileges_left())
		return 2;
	fd = open("/etc", O_RDONLY | O_DIRECTORY);
	return fd >= 0 && sandbox_covers(&s, c, why) == OK ? 0 : 3;
}

static void test_off_gives_up_privileges_only(void **state)
{
	assert_int_equal(run_inside(*state, "privileges: {sandbox: \"off\"}\n", is_off), 0);
}

/* ERR_DENIED before anything is written there. */
static int is_refused(const struct fixture *f UNUSED, const struct conf *c, struct buf *why)
{
	static struct sandbox s;
	enum err e = sandbox_enter(&s, c, why);

	if (e == OK && !s.files_guarded)
		return 0; /* a kernel without Landlock */
	if (e != ERR_DENIED || !memmem(why->p, why->n, "folder of its own", 17))
		return 1;
	return 0;
}

static void test_etc_is_never_given_away(void **state)
{
	assert_int_equal(
	    run_inside(*state, "events: [{file: /etc/events.jsonl}]\n", is_refused), 0);
	assert_int_equal(run_inside(*state, "events: [{file: /events.jsonl}]\n", is_refused), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_reload_keeps_to_the_folders),
	    TEST(test_off_gives_up_privileges_only),
	    TEST(test_etc_is_never_given_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
