/* SPDX-License-Identifier: MIT
 *
 * Counts in sliding windows, what is told of them, distinct things, and whose entry goes when there
 * is no room. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/tally.h"

#define START (1000 * USEC_SEC)
#define SPAN_ (10 * USEC_SEC)

static const struct siphash_key key = {3, 4};

static struct tally_table *make(size_t entries)
{
	struct tally_table *t = NULL;

	assert_int_equal(tally_table_new(entries, USEC_MIN, &key, &t), OK);
	return t;
}

/* Up to so many events each leaves the window at its own moment, to the millisecond. */
static void exact(void **state)
{
	struct tally e = {.seen_s = START / USEC_SEC};

	(void)state;
	for (uint32_t i = 0; i < TALLY_SLOTS; i++)
		assert_int_equal(tally_add(&e, SPAN_, START + i * 100 * USEC_MS), i + 1);
	for (uint32_t i = 0; i < TALLY_SLOTS; i++) {
		usec_t out = START + i * 100 * USEC_MS + SPAN_;

		assert_int_equal(tally_count(&e, SPAN_, out - USEC_MS), TALLY_SLOTS - i);
		assert_int_equal(tally_count(&e, SPAN_, out), TALLY_SLOTS - i - 1);
	}
}

/* However many come at once, all are counted and all leave; spread out, never too few. */
static void many(void **state)
{
	static const uint32_t sizes[] = {27, 64, 100, 1000, 100000};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct tally e = {.seen_s = START / USEC_SEC};

		for (uint32_t i = 0; i < sizes[k]; i++)
			assert_int_equal(tally_add(&e, SPAN_, START), i + 1);
		assert_int_equal(tally_count(&e, SPAN_, START + SPAN_ - USEC_MS), sizes[k]);
		assert_int_equal(tally_count(&e, SPAN_, START + SPAN_), 0);
		assert_int_equal(tally_add(&e, SPAN_, START + SPAN_), 1);
	}
	/* 100 a span for ever: between 100 and a grain more. */
	struct tally e = {.seen_s = START / USEC_SEC};

	for (uint32_t i = 1; i < 5000; i++) {
		uint32_t n = tally_add(&e, SPAN_, START + i * (SPAN_ / 100));

		assert_true(n >= MIN(i, 100));
		assert_true(n <= 108);
	}
}

/* Two workers: the clock of one is a moment behind the other's, across the edges of milliseconds,
 * seconds and ticks. Nothing is forgotten, and nothing looks as if it were long ago. */
static void another_clock(void **state)
{
	static const usec_t behind[] = {1, USEC_MS, 3 * USEC_MS, 40 * USEC_MS, 999 * USEC_MS};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(behind); i++) {
		struct tally e = {.seen_s = START / USEC_SEC}, d = {.seen_s = START / USEC_SEC};
		usec_t age = 1;

		for (uint32_t n = 0; n < 2 * 20; n += 2) {
			assert_int_equal(tally_add(&e, SPAN_, START), n + 1);
			assert_int_equal(tally_add(&e, SPAN_, START - behind[i]), n + 2);
		}
		assert_int_equal(tally_count(&e, SPAN_, START - behind[i]), 40);
		for (uint32_t n = 0; n < 20; n += 2) {
			assert_int_equal(
			    tally_add_distinct(&d, (n + 1) << 12, SPAN_, START, &age), n + 1);
			assert_int_equal(
			    tally_add_distinct(&d, (n + 2) << 12, SPAN_, START - behind[i], &age),
			    n + 2);
			assert_int_equal(age, 0);
		}
	}
}

/* Long silence: the clock of 32 bits has gone round. */
static void long_silence(void **state)
{
	static const usec_t after[] = {SPAN_, TALLY_SPAN_MAX, ((usec_t)1 << 31) * USEC_MS,
	    ((usec_t)1 << 32) * USEC_MS - USEC_MS, ((usec_t)1 << 32) * USEC_MS,
	    ((usec_t)1 << 32) * USEC_MS + USEC_MS};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(after); i++) {
		struct tally e = {.seen_s = START / USEC_SEC};
		usec_t age = 1;

		(void)tally_add(&e, SPAN_, START);
		assert_int_equal(tally_add(&e, SPAN_, START + after[i]), 1);
		e = (struct tally){.seen_s = START / USEC_SEC};
		(void)tally_add_distinct(&e, 77u << 10, SPAN_, START, &age);
		(void)tally_add_distinct(&e, 78u << 10, SPAN_, START + SPAN_ / 2, &age);
		assert_int_equal(
		    tally_add_distinct(&e, 79u << 10, SPAN_, START + SPAN_ * 2 + after[i], &age),
		    1);
		assert_int_equal(age, 0);
	}
}

static void told(void **state)
{
	static const struct {
		uint32_t limit, at[4];
	} rows[] = {{5, {6, 11, 16, 21}}, {1, {2, 3, 4, 5}}, {20, {21, 41, 61, 81}}};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		struct tally e = {.seen_s = START / USEC_SEC};
		size_t next = 0;

		for (uint32_t i = 1; i <= rows[k].at[3]; i++) {
			uint32_t n = tally_add(&e, SPAN_, START);
			bool want = i == rows[k].at[next];

			assert_int_equal(tally_passed(&e, rows[k].limit, n), want);
			next += want;
		}
		/* A new episode. */
		for (uint32_t i = 1; i <= rows[k].limit + 1; i++) {
			uint32_t n = tally_add(&e, SPAN_, START + SPAN_);

			assert_int_equal(
			    tally_passed(&e, rows[k].limit, n), i == rows[k].limit + 1);
		}
	}
	struct tally none = {.seen_s = 0};

	assert_false(tally_passed(&none, 0, 1000));
}

static void distinct(void **state)
{
	struct tally e = {.seen_s = START / USEC_SEC};
	usec_t age;

	(void)state;
	for (uint32_t i = 1; i <= TALLY_DISTINCT_MAX; i++) {
		assert_int_equal(
		    tally_add_distinct(&e, i << 10, SPAN_, START + i * 10 * USEC_MS, &age), i);
		assert_int_equal(age, (i - 1) * 10 * USEC_MS);
		/* The same again is none more. */
		assert_int_equal(
		    tally_add_distinct(&e, i << 10, SPAN_, START + i * 10 * USEC_MS, &age), i);
	}
	/* Over its room it stays full. */
	for (uint32_t i = 100; i < 200; i++)
		assert_int_equal(
		    tally_add_distinct(&e, i << 10, SPAN_, START + USEC_SEC, &age), TALLY_SLOTS);
	/* One that is tried on stays; all others leave a span after, to span / 256. */
	assert_int_equal(
	    tally_add_distinct(&e, 199u << 10, SPAN_, START + USEC_SEC + SPAN_ - SPAN_ / 256, &age),
	    TALLY_SLOTS);
	assert_int_equal(tally_add_distinct(&e, 199u << 10, SPAN_,
			     START + USEC_SEC + SPAN_ + SPAN_ / 256 + 1, &age),
	    1);
}

/* Few and old go first; what is kept outlives strangers, and strangers find a place all the same.
 */
static void room(void **state)
{
	struct tally_table *t = make(TALLY_WAYS);
	struct tally_stats st;
	struct tally *e;

	(void)state;
	for (uint64_t i = 1; i <= 20; i++) {
		(void)tally_lock_or_add(t, i, 9, true, START + i * USEC_SEC);
		tally_unlock(t, i);
	}
	/* The last six, as two places are for strangers. */
	for (uint64_t i = 1; i <= 20; i++) {
		e = tally_lock(t, i);
		assert_int_equal(e != NULL, i > 14);
		if (e)
			tally_unlock(t, i);
	}
	for (uint64_t i = 100; i < 100000; i++) {
		e = tally_lock_or_add(t, i, 1, false, START + 30 * USEC_SEC);
		assert_non_null(e);
		assert_int_equal(e->used, 0);
		(void)tally_add(e, SPAN_, START + 30 * USEC_SEC);
		/* One of them did more than once. */
		for (int k = 0; i == 105 && k < 10; k++)
			(void)tally_add(e, SPAN_, START + 30 * USEC_SEC);
		tally_unlock(t, i);
	}
	for (uint64_t i = 15; i <= 20; i++) {
		assert_non_null(tally_lock(t, i));
		tally_unlock(t, i);
	}
	assert_non_null(tally_lock(t, 105));
	tally_unlock(t, 105);
	/* It fades, too. */
	for (uint64_t i = 200000; i < 200004; i++) {
		e = tally_lock_or_add(t, i, 1, false, START + 10 * USEC_MIN);
		(void)tally_add(e, SPAN_, START + 10 * USEC_MIN);
		tally_unlock(t, i);
	}
	assert_null(tally_lock(t, 105));
	/* An entry whose time is to come stays. */
	e = tally_lock_or_add(t, 300000, 1, false, START + 10 * USEC_MIN);
	e->until = START + 11 * USEC_MIN;
	tally_unlock(t, 300000);
	assert_int_equal(tally_pending(t, START + 11 * USEC_MIN - 1), 1);
	assert_int_equal(tally_pending(t, START + 11 * USEC_MIN), 0);
	for (uint64_t i = 400000; i < 400100; i++) {
		(void)tally_lock_or_add(t, i, 1, false, START + 11 * USEC_MIN - 1);
		tally_unlock(t, i);
	}
	assert_non_null(tally_lock(t, 300000));
	tally_unlock(t, 300000);
	tally_stats(t, &st);
	assert_int_equal(st.capacity, TALLY_WAYS);
	assert_int_equal(st.used, TALLY_WAYS);
	assert_true(st.evicted > 99000);
	tally_table_free(t);
}

static void sources(void **state)
{
	struct addr a, b;
	struct tally_source x, y;

	(void)state;
	assert_int_equal(addr_parse_ip(SPAN("192.0.2.1"), &a), OK);
	assert_int_equal(addr_parse_ip(SPAN("192.0.2.2"), &b), OK);
	x = tally_source(&a), y = tally_source(&b);
	assert_memory_not_equal(&x, &y, sizeof(x));
	x = tally_prefix(&a), y = tally_prefix(&b);
	assert_memory_equal(&x, &y, sizeof(x));
	assert_int_equal(addr_parse_ip(SPAN("192.0.3.1"), &b), OK);
	y = tally_prefix(&b);
	assert_memory_not_equal(&x, &y, sizeof(x));
	assert_int_equal(addr_parse_ip(SPAN("2001:db8:1:2::1"), &a), OK);
	assert_int_equal(addr_parse_ip(SPAN("2001:db8:1:2:ffff::"), &b), OK);
	x = tally_source(&a), y = tally_source(&b);
	assert_memory_equal(&x, &y, sizeof(x));
	assert_int_equal(addr_parse_ip(SPAN("2001:db8:1:3::1"), &b), OK);
	y = tally_source(&b);
	assert_memory_not_equal(&x, &y, sizeof(x));
	x = tally_prefix(&a), y = tally_prefix(&b);
	assert_memory_equal(&x, &y, sizeof(x));
}

static void *hammer(void *arg)
{
	struct tally_table *t = arg;

	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t name = 1 + i % 64;
		struct tally *e = tally_lock_or_add(t, name, 1, false, START);

		(void)tally_add(e, SPAN_, START);
		tally_unlock(t, name);
	}
	return NULL;
}

static void threads(void **state)
{
	struct tally_table *t = make(1024);
	pthread_t a, b;
	uint32_t sum = 0;

	(void)state;
	assert_int_equal(pthread_create(&a, NULL, hammer, t), 0);
	assert_int_equal(pthread_create(&b, NULL, hammer, t), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	for (uint64_t name = 1; name <= 64; name++) {
		struct tally *e = tally_lock(t, name);

		assert_non_null(e);
		sum += tally_count(e, SPAN_, START);
		tally_unlock(t, name);
	}
	assert_int_equal(sum, 40000);
	tally_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exact),
	    cmocka_unit_test(many),
	    cmocka_unit_test(long_silence),
	    cmocka_unit_test(another_clock),
	    cmocka_unit_test(told),
	    cmocka_unit_test(distinct),
	    cmocka_unit_test(room),
	    cmocka_unit_test(sources),
	    cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests_name("guard/tally", tests, NULL, NULL);
}
