/* SPDX-License-Identifier: MIT
 *
 * Which programs may be run, by where configuration, databases and programs lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/program_rules.h"

/* Folders: conf and data, bin for programs; data/link leads to a file of bin, bin/link to one of
 * data. */
struct fixture {
	char dir[64];
};

static void make_file(const char *dir, const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
}

static void make_link(const char *dir, const char *to, const char *name)
{
	char from[128], path[128];

	snprintf(from, sizeof(from), "%s/%s", dir, to);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(symlink(from, path), 0);
}

static int set_up(void **state)
{
	static const char *const folders[] = {"", "/conf", "/data", "/data/deep", "/bin"};
	struct fixture *f = calloc(1, sizeof(*f));
	char path[128];

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/rf-test-rules-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (size_t i = 1; i < ARRAY_LEN(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", f->dir, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	make_file(f->dir, "bin/first");
	make_file(f->dir, "bin/second");
	make_file(f->dir, "data/deep/first");
	make_link(f->dir, "bin/first", "data/link");
	make_link(f->dir, "data/deep/first", "bin/link");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* A configuration in dir/folder with its data in dir/data, and one program of dir. */
static const struct conf *load(
    const struct fixture *f, const char *folder, const char *program, const char *more)
{
	char text[4096], path[128];
	struct conf_errors errs;
	struct conf *c = NULL;
	int n = snprintf(text, sizeof(text),
	    "zones: {public: {listen: [udp:127.0.0.1:5060]}}\n"
	    "domains: {example.com: {}}\n"
	    "accounts: {store: \"sqlite:%s/data/accounts.db\"}\n"
	    "state: {store: \"sqlite:%s/data/state.db\"}\n"
	    "admin: {listen: \"unix:%s/rf.sock\"}\n"
	    "events: [{exec: %s/%s, reasons: [auth]}]\n%s",
	    f->dir, f->dir, f->dir, f->dir, program, more);

	snprintf(path, sizeof(path), "%s/%s/ringfence.yaml", f->dir, folder);
	conf_errors_init(&errs);
	if (conf_load_text(span_of(text, (size_t)n), path, &c, &errs) != OK)
		fprintf(stderr, "%.*s\n", SPAN_FMT(errs.list[0].text));
	conf_errors_done(&errs);
	assert_non_null(c);
	return c;
}

static void test_what_may_run(void **state)
{
	static const char off[] = "privileges: {sandbox: \"off\"}\n";
	static const struct {
		const char *folder;        /* of the configuration */
		const char *first, *later; /* the program at the start, and after a reload */
		const char *more;
		enum err at_start, at_reload;
	} rows[] = {
	    {"conf", "bin/first", "bin/first", "", OK, OK},
	    {"conf", "bin/first", "bin/second", "", OK, OK},
	    {"conf", "bin/first", "data/deep/first", "", OK, ERR_DENIED},
	    {"conf", "data/missing", "bin/first", "", ERR_DENIED, OK},
	    {"conf", "data/none/missing", "bin/none/missing", "", ERR_DENIED, OK},
	    {"conf", "data/link", "bin/link", "", ERR_DENIED, ERR_DENIED},
	    {"data", "bin/first", "bin/first", "", OK, OK},
	    {"data", "bin/first", "bin/second", "", OK, ERR_NOT_FOUND},
	    {"data/deep", "bin/first", "bin/second", "", OK, ERR_NOT_FOUND},
	    {"data", "data/deep/first", "bin/second", off, OK, OK},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct conf *c = load(*state, rows[i].folder, rows[i].first, rows[i].more);
		const struct conf *next = load(*state, rows[i].folder, rows[i].later, rows[i].more);
		struct exec_program first = program_of(&c->sinks[0]);
		struct exec_program later = program_of(&next->sinks[0]);
		struct program_rules r;
		char text[1024];
		struct buf why = BUF(text);

		assert_int_equal(program_rules_init(&r, c), OK);
		assert_int_equal(program_rules_check(&r, c, &first, &why), rows[i].at_start);
		assert_int_equal(program_rules_check(&r, next, &later, &why), rows[i].at_reload);
		assert_int_equal(why.n > 0, rows[i].at_start != OK || rows[i].at_reload != OK);
		program_rules_done(&r);
		conf_put(next);
		conf_put(c);
	}
}

/* The runner asks with what the daemon sent. */
static void test_what_the_file_does_not_name(void **state)
{
	const struct conf *c = load(*state, "conf", "bin/first", "");
	const struct conf *other = load(*state, "conf", "bin/second", "");
	struct exec_program p = program_of(&other->sinks[0]);
	struct program_rules r;
	struct buf unsaid = buf_of(NULL, 0);

	assert_int_equal(program_rules_init(&r, c), OK);
	assert_false(r.fixed);
	assert_int_equal(program_rules_check(&r, c, &p, &unsaid), ERR_NOT_FOUND);
	program_rules_done(&r);
	conf_put(other);
	conf_put(c);
}

/* `-c ringfence.yaml` */
static void test_a_relative_path(void **state)
{
	const struct fixture *f = *state;
	char data[128], was[512];
	struct program_rules r;
	struct conf *c = NULL;
	struct conf_errors errs;

	snprintf(data, sizeof(data), "%s/data", f->dir);
	assert_non_null(getcwd(was, sizeof(was)));
	assert_int_equal(chdir(data), 0);
	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(SPAN("zones: {public: {listen: [udp:127.0.0.1:5060]}}\n"
					     "domains: {example.com: {}}\n"),
			     "ringfence.yaml", &c, &errs),
	    OK);
	conf_errors_done(&errs);
	assert_int_equal(program_rules_init(&r, c), OK);
	assert_true(r.fixed);
	program_rules_done(&r);
	conf_put(c);
	assert_int_equal(chdir(was), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_what_may_run),
	    TEST(test_what_the_file_does_not_name),
	    TEST(test_a_relative_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
