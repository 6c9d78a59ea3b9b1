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
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/call_filter.h"
#include "daemon/privileges.h"
#include "daemon/sandbox.h"

#define HEAD                                                \
	"zones: {public: {listen: [udp:127.0.0.1:5060]}}\n" \
	"domains: {example.com: {}}\n"                      \
	"accounts: {store: \"sqlite:accounts.db\"}\n"       \
	"state: {store: \"sqlite:state.db\"}\n"

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

static void test_what_others_rely_on_is_never_given_away(void **state)
{
	static const char *const folders[] = {"", "/etc", "/etc/ssl", "/usr/lib", "/lib", "/dev",
	    "/proc/self/fd", "/tmp", "/run", "/var/run", "/var/log", "/var/lib", "/root"};
	char more[128];

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (folders[i][0] && access(folders[i], F_OK) != 0)
			continue;
		snprintf(more, sizeof(more), "events: [{file: %s/rf-test.jsonl}]\n", folders[i]);
		if (run_inside(*state, more, is_refused) != 0)
			fail_msg("%s", more);
	}
}

static int is_kept_in_run(const struct fixture *f UNUSED, const struct conf *c, struct buf *why)
{
	static struct sandbox s;

	if (sandbox_enter(&s, c, why) != OK)
		return 1;
	return s.files_guarded && file_access_has(&s.files, "/run/x", FILE_REMOVE) ? 2 : 0;
}

/* A socket there stays at the end; the next start removes it. */
static void test_nothing_of_run_can_be_removed(void **state)
{
	assert_int_equal(run_inside(*state,
			     "admin: {listen: [\"unix:/run/rf-test.sock\", "
			     "\"http:unix:/run/rf-test-http.sock\"]}\n",
			     is_kept_in_run),
	    0);
}

/* The presets put the databases beside the configuration, and that is in a folder of /etc. */
static int has_own_folder(
    const struct fixture *f UNUSED, const struct conf *c UNUSED, struct buf *why)
{
	static struct sandbox s;
	const struct conf *own = load("/etc/ssl", "");
	enum err e = own ? sandbox_enter(&s, own, why) : ERR_SYNTAX;

	conf_put(own);
	return e == OK ? 0 : 1;
}

static void test_the_folder_of_the_configuration_may_be_in_etc(void **state)
{
	assert_int_equal(
	    access("/etc/ssl", F_OK) == 0 ? run_inside(*state, "", has_own_folder) : 0, 0);
}

static int writes_to_a_pipe(const struct fixture *f, const struct conf *c, struct buf *why)
{
	static struct sandbox s;
	int ends[2], fd;

	if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0 || sandbox_enter(&s, c, why) != OK)
		return 1;
	fd = open("/dev/stdout", O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd < 0 || sandbox_covers(&s, c, why) != OK)
		return 2;
	if (s.files_guarded && file_access_has(&s.files, "/dev/rf-test", FILE_WRITE))
		return 3;
	return write(fd, f->dir, 1) == 1 ? 0 : 4;
}

static void test_standard_output_is_a_pipe(void **state)
{
	assert_int_equal(
	    run_inside(*state, "events: [{file: /dev/stdout}]\n", writes_to_a_pipe), 0);
}

static int writes_to_a_file(const struct fixture *f, const struct conf *c, struct buf *why)
{
	static struct sandbox s;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/redirected", f->other);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || sandbox_enter(&s, c, why) != OK)
		return 1;
	fd = open("/dev/stdout", O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd < 0 || sandbox_covers(&s, c, why) != OK)
		return 2;
	return s.files_guarded && file_access_has(&s.files, "/dev/rf-test", FILE_WRITE) ? 3 : 0;
}

static void test_standard_output_is_a_file(void **state)
{
	const struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/redirected", f->other);
	assert_int_equal(run_inside(f, "events: [{file: /dev/stdout}]\n", writes_to_a_file), 0);
	assert_int_equal(unlink(path), 0);
}

/* ---- when the kernel refuses ---- */

/* Makes calls to the filter itself, and to give up capabilities, fail so. */
static bool refuse_calls(int error)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	bool ok =
	    ctx &&
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)error), SCMP_SYS(capset), 0) == 0 &&
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)error), SCMP_SYS(seccomp), 0) == 0 &&
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)error), SCMP_SYS(prctl), 1,
		SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)) == 0 &&
	    seccomp_load(ctx) == 0;

	seccomp_release(ctx);
	return ok;
}

static int call_filter_fails(const struct buf *why, enum err e, enum err wanted, const char *text)
{
	if (e == ERR_UNSUPPORTED && memmem(why->p, why->n, "sanitizer", 9))
		return 0;
	return e == wanted && memmem(why->p, why->n, text, strlen(text)) ? 0 : 2;
}

static int runs_without_filter(
    const struct fixture *f UNUSED, const struct conf *c UNUSED, struct buf *why)
{
	if (!refuse_calls(EPERM))
		return 1;
	return call_filter_fails(
	    why, call_filter_apply(EPERM, why), ERR_UNSUPPORTED, "not permitted");
}

static int does_not_run_without_filter(
    const struct fixture *f UNUSED, const struct conf *c UNUSED, struct buf *why)
{
	if (!refuse_calls(EACCES))
		return 1;
	return call_filter_fails(why, call_filter_apply(EPERM, why), ERR_IO, "Permission denied");
}

static void test_only_a_kernel_that_lacks_the_filter_is_let_off(void **state)
{
	assert_int_equal(run_inside(*state, "", runs_without_filter), 0);
	assert_int_equal(run_inside(*state, "", does_not_run_without_filter), 0);
}

static int keeps_its_capabilities(
    const struct fixture *f UNUSED, const struct conf *c UNUSED, struct buf *why)
{
	const bool has = privileges_left();
	enum err e;

	if (!refuse_calls(EPERM))
		return 1;
	e = privileges_give_up(why);
	if (!has)
		return e == OK ? 0 : 2;
	return e == ERR_IO && memmem(why->p, why->n, "Operation not permitted", 23) ? 0 : 3;
}

static void test_what_cannot_be_given_up_is_said(void **state)
{
	assert_int_equal(run_inside(*state, "", keeps_its_capabilities), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_reload_keeps_to_the_folders),
	    TEST(test_off_gives_up_privileges_only),
	    TEST(test_what_others_rely_on_is_never_given_away),
	    TEST(test_nothing_of_run_can_be_removed),
	    TEST(test_the_folder_of_the_configuration_may_be_in_etc),
	    TEST(test_standard_output_is_a_pipe),
	    TEST(test_standard_output_is_a_file),
	    TEST(test_only_a_kernel_that_lacks_the_filter_is_let_off),
	    TEST(test_what_cannot_be_given_up_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
