/* SPDX-License-Identifier: MIT
 *
 * Bad configurations: each file in bad/ ends with what must be said about it, one line "#= " a
 * message, all of it and nothing else. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/conf.h"

static char expected[32 * 1024], got[32 * 1024];

static size_t read_file(const char *name, char *text, size_t cap)
{
	char path[512];
	FILE *in;
	size_t n;

	assert_true(snprintf(path, sizeof(path), "%s/%s", BAD_DIR, name) < (int)sizeof(path));
	in = fopen(path, "r");
	assert_non_null(in);
	n = fread(text, 1, cap, in);
	fclose(in);
	return n;
}

static void collect_expected(struct span text)
{
	struct buf b = BUF(expected);
	struct span line;
	bool more = true;

	while (more) {
		more = span_cut(&text, '\n', &line);
		if (span_starts(line, SPAN("#= "))) {
			buf_add_span(&b, span_from(line, line.p + 3));
			buf_add_char(&b, '\n');
		}
	}
	assert_true(buf_terminate(&b));
}

/* As in the files: the place, when there is one, and the text. */
static void collect_got(const struct conf_errors *errs)
{
	struct buf b = BUF(got);

	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->list[i];

		conf_error_add(&b, "", e);
		buf_add_char(&b, '\n');
	}
	assert_true(buf_terminate(&b));
}

/* The messages begin with an empty file name here: ":3:4: text", or ": text". */
static bool same_messages(void)
{
	struct span g = span_str(got), e = span_str(expected), gl, el;

	while (g.n && e.n) {
		span_cut(&g, '\n', &gl);
		span_cut(&e, '\n', &el);
		gl = span_from(gl, gl.p + (gl.n > 1 && gl.p[1] == ' ' ? 2 : 1));
		if (!span_eq(gl, el))
			return false;
	}
	return !g.n && !e.n;
}

static void check_file(const char *name)
{
	static char text[64 * 1024];
	struct conf_errors errs;
	struct conf *c = NULL;
	size_t n = read_file(name, text, sizeof(text));

	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_of(text, n), "bad.yaml", &c, &errs), ERR_SYNTAX);
	assert_null(c);
	assert_true(errs.errors > 0);
	collect_expected(span_of(text, n));
	collect_got(&errs);
	if (!same_messages())
		fail_msg("%s: expected\n%sgot\n%s", name, expected, got);
	conf_errors_done(&errs);
}

static void test_each_says_what_is_wrong(void **state)
{
	DIR *dir = opendir(BAD_DIR);
	const struct dirent *entry;
	size_t files = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".yaml")) {
			check_file(entry->d_name);
			files++;
		}
	closedir(dir);
	assert_true(files >= 60);
}

/* Whatever is cut off a file, nothing crashes and nothing wrong is let in without a word. */
static void test_truncated_anywhere(void **state)
{
	static char text[64 * 1024];
	size_t n = read_file("all-at-once.yaml", text, sizeof(text));

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		struct conf_errors errs;
		struct conf *c = NULL;
		char *copy = malloc(cut + 1);
		enum err e;

		memcpy(copy, text, cut);
		conf_errors_init(&errs);
		e = conf_load_text(span_of(copy, cut), "bad.yaml", &c, &errs);
		assert_int_equal(e, errs.errors ? ERR_SYNTAX : OK);
		conf_put(c);
		conf_errors_done(&errs);
		free(copy);
	}
}

static void expect_first(char *text, size_t n, const char *message)
{
	struct conf_errors errs;
	struct conf *c = NULL;

	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_of(text, n), "bad.yaml", &c, &errs), ERR_SYNTAX);
	assert_string_equal(errs.list[0].text.p, message);
	conf_errors_done(&errs);
}

static void test_too_large(void **state)
{
	size_t n = 1024 * 1024 + 1;
	char *text = malloc(n);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', n);
	expect_first(text, n, "the file is larger than 1 MiB");
	memset(text, ',', n);
	memcpy(text, "node: [a", 8);
	for (size_t i = 8; i + 2 < 200000; i += 2)
		text[i + 1] = 'a';
	expect_first(text, 200000, "too large: at most 50000 values");
	free(text);
}

static void test_the_list_is_capped_and_the_rest_counted(void **state)
{
	static char text[16 * 1024];
	struct buf b = BUF(text);
	struct conf_errors errs;
	struct conf *c = NULL;

	(void)state;
	for (int i = 0; i < 200; i++)
		buf_addf(&b, "unknown%d: 1\n", i);
	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(buf_span(&b), "bad.yaml", &c, &errs), ERR_SYNTAX);
	assert_int_equal(errs.count, CONF_ERRORS_MAX);
	assert_int_equal(errs.errors, 202); /* and no zones, and no domains */
	conf_errors_done(&errs);
}

static void test_text_of_the_file_is_escaped(void **state)
{
	char text[] = "\"a\\e[31m\\u0000b\": 1\nzones:\n  public: {trust: \"\xe2\x80\xae\"}\n";
	struct conf_errors errs;
	struct conf *c = NULL;

	(void)state;
	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(text), "bad.yaml", &c, &errs), ERR_SYNTAX);
	for (size_t i = 0; i < errs.count; i++)
		for (size_t k = 0; k < errs.list[i].text.n; k++)
			assert_in_range(errs.list[i].text.p[k], ' ', '~');
	conf_errors_done(&errs);
}

static void test_unreadable_files(void **state)
{
	static const struct {
		const char *path, *message;
	} rows[] = {
	    {BAD_DIR "/does-not-exist.yaml", "cannot be read: No such file or directory"},
	    {BAD_DIR, "cannot be read: Is a directory"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_errors errs;
		struct conf *c = NULL;

		conf_errors_init(&errs);
		assert_int_equal(conf_load(rows[i].path, &c, &errs), ERR_IO);
		assert_string_equal(errs.list[0].text.p, rows[i].message);
		conf_errors_done(&errs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_says_what_is_wrong),
	    cmocka_unit_test(test_truncated_anywhere),
	    cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_the_list_is_capped_and_the_rest_counted),
	    cmocka_unit_test(test_text_of_the_file_is_escaped),
	    cmocka_unit_test(test_unreadable_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
