/* SPDX-License-Identifier: MIT
 *
 * The count of bans in force, held against one that is kept the slow way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper/book.h"

static struct helper_ban ban(unsigned i, uint32_t seconds)
{
	struct helper_ban b = {
	    .what = {.ip = {[10] = 0xff, 0xff, 11}, .bits = 128}, .seconds = seconds};

	b.what.ip[13] = (uint8_t)(i >> 16);
	b.what.ip[14] = (uint8_t)(i >> 8);
	b.what.ip[15] = (uint8_t)i;
	return b;
}

static void test_bans_ends_and_new_ends(void **state UNUSED)
{
	struct helper_ban b;
	struct book *book;

	assert_int_equal(book_new(&book), OK);
	assert_int_equal(book_count(book, 1000), 0);
	for (unsigned i = 0; i < 100000; i++) {
		b = ban(i, 10 + i % 2);
		book_set(book, &b, 1000);
	}
	assert_int_equal(book_count(book, 1009), 100000);
	assert_int_equal(book_count(book, 1010), 50000);
	assert_int_equal(book_count(book, 1011), 0);
	b = ban(7, 60);
	book_set(book, &b, 1011);
	b.seconds = 90;
	book_set(book, &b, 1020);
	assert_int_equal(book_count(book, 1109), 1);
	b.seconds = 0;
	book_set(book, &b, 1109);
	assert_int_equal(book_count(book, 1109), 0);
	b = ban(8, 60);
	book_set(book, &b, 1109);
	book_clear(book);
	assert_int_equal(book_count(book, 1109), 0);
	book_free(book);
}

static void test_against_a_slow_one(void **state UNUSED)
{
	enum { SOURCES = 500, STEPS = 200000 };
	static uint32_t until[SOURCES];
	struct book *book;
	uint32_t now = 1000;

	assert_int_equal(book_new(&book), OK);
	srand(7);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)rand() % SOURCES, seconds = (unsigned)rand() % 50;
		struct helper_ban b = ban(i, seconds);

		book_set(book, &b, now);
		until[i] = now + seconds;
		if (step % 997 == 0) {
			size_t n = 0;

			now++;
			for (unsigned k = 0; k < SOURCES; k++)
				n += until[k] > now;
			assert_int_equal(book_count(book, now), n);
		}
	}
	book_free(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bans_ends_and_new_ends),
	    cmocka_unit_test(test_against_a_slow_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
