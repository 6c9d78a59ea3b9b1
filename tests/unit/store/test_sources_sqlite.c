/* SPDX-License-Identifier: MIT
 *
 * What is known of sources in a real database file: put, replaced, removed, trimmed; all or nothing
 * when the file cannot be written; and there again after the file was closed without notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <unistd.h>

#include "store/sqlite.h"

static char dir[40], path[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char file[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
	return rmdir(dir);
}

static struct store *open_store(void)
{
	char why[STORE_WHY_MAX];
	struct buf b = BUF(why);
	struct store *s;

	if (sqlite_open(path, STORE_STATE | STORE_CREATE, 50, &b, &s) != OK)
		fail_msg("%.*s", SPAN_FMT(buf_span(&b)));
	return s;
}

/* "key=record " of every row, in the order of the listing. */
struct listing {
	char text[512];
	struct buf b;
	unsigned stop_after, n;
};

static bool list_row(void *arg, const struct store_source *row)
{
	struct listing *l = arg;

	buf_add_span(&l->b, row->key);
	buf_add_char(&l->b, '=');
	buf_add_span(&l->b, row->record);
	buf_add_char(&l->b, ' ');
	return ++l->n != l->stop_after;
}

static void expect_rows(struct store *s, unsigned stop_after, const char *rows)
{
	struct listing l = {.stop_after = stop_after};

	l.b = BUF(l.text);
	assert_int_equal(store_sources_each(s, list_row, &l), OK);
	assert_true(buf_terminate(&l.b));
	assert_string_equal(l.text, rows);
}

static enum err put(struct store *s, const char *key, const char *record, usec_t wall)
{
	const struct store_source row = {span_str(key), span_str(record)};

	return store_sources_put(s, &row, 1, wall);
}

static void putting_replacing_removing(void **state)
{
	const struct store_source batch[] = {
	    {SPAN("a"), SPAN("1")},
	    {SPAN("b"), SPAN("2")},
	    {SPAN("a"), SPAN("3")}, /* the later one counts */
	    {SPAN("c"), SPAN("4")},
	    {SPAN("c"), SPAN("")},
	    {SPAN("never seen"), SPAN("")},
	};
	struct store *s = open_store();

	(void)state;
	expect_rows(s, 0, "");
	assert_int_equal(store_sources_put(s, batch, ARRAY_LEN(batch), 100), OK);
	assert_int_equal(store_sources_put(s, NULL, 0, 100), OK);
	expect_rows(s, 0, "a=3 b=2 ");
	/* Oldest first; a row that is put again is new. */
	assert_int_equal(put(s, "d", "5", 50), OK);
	expect_rows(s, 0, "d=5 a=3 b=2 ");
	assert_int_equal(put(s, "d", "6", 101), OK);
	expect_rows(s, 0, "a=3 b=2 d=6 ");
	expect_rows(s, 2, "a=3 b=2 ");
	/* A listing that was stopped leaves nothing behind. */
	expect_rows(s, 0, "a=3 b=2 d=6 ");
	store_close(s);
	s = open_store();
	expect_rows(s, 0, "a=3 b=2 d=6 ");
	store_close(s);
}

static void keys_and_records_are_bytes(void **state)
{
	static const char key[17] = {0, 0, (char)0xff, 'x', '\'', 0}, record[64] = {0};
	const struct store_source row = {span_of(key, 17), span_of(record, 64)};
	struct store *s = open_store();
	struct listing l = {0};

	(void)state;
	l.b = BUF(l.text);
	assert_int_equal(store_sources_put(s, &row, 1, 1), OK);
	assert_int_equal(put(s, "", "empty key", 2), OK);
	assert_int_equal(store_sources_put(s, &row, 1, UINT64_MAX), OK); /* not negative */
	assert_int_equal(store_sources_each(s, list_row, &l), OK);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.b.n, 11 + 17 + 1 + 64 + 1);
	assert_memory_equal(l.text, "=empty key ", 11);
	assert_memory_equal(l.text + 11, key, 17);
	assert_memory_equal(l.text + 11 + 18, record, 64);
	store_close(s);
}

static void trimming(void **state)
{
	static const struct {
		size_t most;
		const char *left;
	} rows[] = {
	    {SIZE_MAX, "a=1 b=1 c=1 d=1 e=1 "},
	    {5, "a=1 b=1 c=1 d=1 e=1 "},
	    {4, "b=1 c=1 d=1 e=1 "},
	    {1, "e=1 "},
	    {0, ""},
	};
	struct store *s = open_store();

	(void)state;
	for (const char *key = "edcba"; *key; key++)
		assert_int_equal(put(s, (const char[]){*key, '\0'}, "1", (usec_t)*key), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(store_sources_trim(s, rows[i].most), OK);
		expect_rows(s, 0, rows[i].left);
	}
	store_close(s);
}

/* While another program writes, nothing of a batch is written; afterwards all of it. */
static void all_or_nothing(void **state)
{
	const struct store_source batch[] = {{SPAN("a"), SPAN("1")}, {SPAN("b"), SPAN("2")}};
	struct store *s = open_store();
	sqlite3 *other;

	(void)state;
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_sources_put(s, batch, 2, 1), ERR_BUSY);
	assert_non_null(strstr(store_why(s), "another program holds it"));
	assert_int_equal(store_sources_trim(s, 0), ERR_BUSY);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	expect_rows(s, 0, "");
	/* The second row does not fit; the first must not stay. */
	assert_int_equal(sqlite3_exec(other,
			     "CREATE TRIGGER no_b BEFORE INSERT ON source_standing WHEN "
			     "new.key = x'62' BEGIN SELECT RAISE(ABORT, 'no'); END",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(store_sources_put(s, batch, 2, 1), ERR_IO);
	expect_rows(s, 0, "");
	assert_int_equal(sqlite3_exec(other, "DROP TRIGGER no_b", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(store_sources_put(s, batch, 2, 1), OK);
	expect_rows(s, 0, "a=1 b=2 ");
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(putting_replacing_removing, setup, teardown),
	    cmocka_unit_test_setup_teardown(keys_and_records_are_bytes, setup, teardown),
	    cmocka_unit_test_setup_teardown(trimming, setup, teardown),
	    cmocka_unit_test_setup_teardown(all_or_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
