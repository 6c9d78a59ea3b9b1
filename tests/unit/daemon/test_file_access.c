/* SPDX-License-Identifier: MIT
 *
 * Which paths lie in what was named, as a reload asks. Nothing is withheld from the test itself. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/file_access.h"

struct fixture {
	char dir[64];
	struct file_access files;
};

static const char *in(const struct fixture *f, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char text[256];
	struct buf why = BUF(text);

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/rf-test-files-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(mkdir(in(f, "log"), 0700), 0);
	assert_int_equal(mkdir(in(f, "log/old"), 0700), 0);
	assert_int_equal(mkdir(in(f, "other"), 0700), 0);
	/* A kernel without Landlock notes places all the same. */
	if (file_access_begin(&f->files, &why) != OK)
		assert_int_equal(f->files.abi, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	file_access_end(&f->files);
	unlink(in(f, "other/link"));
	rmdir(in(f, "log/old"));
	rmdir(in(f, "log"));
	rmdir(in(f, "other"));
	rmdir(f->dir);
	free(f);
	return 0;
}

static void test_a_folder_stands_for_all_below(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_access_add(&f->files, in(f, "log"), FILE_WRITE), OK);
	assert_true(file_access_has(&f->files, in(f, "log/new.jsonl"), FILE_WRITE));
	assert_true(file_access_has(&f->files, in(f, "log/old/new.jsonl"), FILE_WRITE));
	assert_false(file_access_has(&f->files, in(f, "log/new.jsonl"), FILE_READ));
	assert_false(file_access_has(&f->files, in(f, "other/new.jsonl"), FILE_WRITE));
	assert_false(file_access_has(&f->files, in(f, "new.jsonl"), FILE_WRITE));
}

static void test_uses_of_nested_folders_add_up(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_access_add(&f->files, f->dir, FILE_READ), OK);
	assert_int_equal(file_access_add(&f->files, in(f, "log"), FILE_WRITE | FILE_REMOVE), OK);
	assert_true(
	    file_access_has(&f->files, in(f, "log/x"), FILE_READ | FILE_WRITE | FILE_REMOVE));
	assert_false(file_access_has(&f->files, in(f, "other/x"), FILE_READ | FILE_WRITE));
}

static void test_links_and_dots_lead_to_the_real_place(void **state)
{
	struct fixture *f = *state;
	char target[PATH_MAX];

	assert_int_equal(file_access_add(&f->files, in(f, "log"), FILE_WRITE), OK);
	snprintf(target, sizeof(target), "%s/other", f->dir);
	assert_false(file_access_has(&f->files, in(f, "log/../other/x"), FILE_WRITE));
	assert_true(file_access_has(&f->files, in(f, "other/../log/x"), FILE_WRITE));
	snprintf(target, sizeof(target), "%s/log", f->dir);
	assert_int_equal(symlink(target, in(f, "other/link")), 0);
	assert_true(file_access_has(&f->files, in(f, "other/link/x"), FILE_WRITE));
}

static void test_what_is_missing_is_passed_over(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_access_add(&f->files, in(f, "nowhere"), FILE_READ), OK);
	assert_int_equal(f->files.n, 0);
	/* Nothing can be opened there: the error of the system says more than a refusal. */
	assert_true(file_access_has(&f->files, in(f, "nowhere/x"), FILE_READ));
}

static void test_what_cannot_be_opened_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symlink("link", in(f, "other/link")), 0);
	assert_int_equal(file_access_add(&f->files, in(f, "other/link"), FILE_READ), ERR_IO);
	assert_int_equal(f->files.n, 0);
}

static void test_the_list_is_bounded(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < FILE_PLACES_MAX; i++)
		assert_int_equal(file_access_add(&f->files, f->dir, FILE_READ), OK);
	assert_int_equal(file_access_add(&f->files, f->dir, FILE_READ), ERR_FULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_folder_stands_for_all_below),
	    TEST(test_uses_of_nested_folders_add_up),
	    TEST(test_links_and_dots_lead_to_the_real_place),
	    TEST(test_what_is_missing_is_passed_over),
	    TEST(test_what_cannot_be_opened_is_an_error),
	    TEST(test_the_list_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
