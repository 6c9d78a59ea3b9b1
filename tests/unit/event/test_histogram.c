/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/counter.h"
#include "event/histogram.h"

#define UNUSED __attribute__((unused))

static void test_bounds(void **state UNUSED)
{
	assert_int_equal(histogram_bound(0), 100);
	assert_int_equal(histogram_bound(HISTOGRAM_BOUNDS - 1), 100000000);
	for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++) {
		assert_true(histogram_bound(i) >= 2 * histogram_bound(i - 1));
		assert_true(2 * histogram_bound(i) <= 5 * histogram_bound(i - 1));
	}
}

static void test_buckets(void **state UNUSED)
{
	static const struct {
		uint64_t ns;
		size_t bucket;
	} rows[] = {
	    {0, 0},
	    {100, 0}, /* a bound belongs to its bucket, as with Prometheus' le */
	    {101, 1},
	    {200, 1},
	    {1000, 3},
	    {1001, 4},
	    {100000000, HISTOGRAM_BOUNDS - 1},
	    {100000001, HISTOGRAM_BOUNDS},
	    {UINT64_MAX / 2, HISTOGRAM_BOUNDS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct histogram h = {0};
		struct histogram_totals t = {0};

		histogram_add(&h, rows[i].ns);
		histogram_sum(&t, &h);
		assert_int_equal(t.bucket[rows[i].bucket], 1);
		assert_int_equal(histogram_count(&t), 1);
		assert_int_equal(t.ns, rows[i].ns);
	}
}

static void test_sum_of_threads(void **state UNUSED)
{
	struct histogram a = {0}, b = {0};
	struct histogram_totals t = {0};

	histogram_add(&a, 150);
	histogram_add(&a, 300);
	histogram_add(&b, 180);
	histogram_sum(&t, &a);
	histogram_sum(&t, &b);
	assert_int_equal(t.bucket[1], 2);
	assert_int_equal(t.bucket[2], 1);
	assert_int_equal(histogram_count(&t), 3);
	assert_int_equal(t.ns, 630);
}

/* What was only observed is known by reason, and by control. */
static void test_would(void **state UNUSED)
{
	static struct counters c;
	static struct counter_totals t;

	counter_reason(&c, REASON_AUTH_BAD_PASSWORD);
	counter_reason(&c, REASON_AUTH_BAD_PASSWORD);
	counter_would(&c, REASON_AUTH_BAD_PASSWORD);
	counter_would(&c, REASON_AUTH_STALE);
	counter_sum(&t, &c);
	assert_int_equal(t.reason[REASON_AUTH_BAD_PASSWORD], 2);
	assert_int_equal(t.would_reason[REASON_AUTH_BAD_PASSWORD], 1);
	assert_int_equal(t.would_reason[REASON_AUTH_STALE], 1);
	assert_int_equal(t.would[CONTROL_AUTH], 2);
	assert_int_equal(t.would[CONTROL_FLOOD], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_buckets),
	    cmocka_unit_test(test_sum_of_threads),
	    cmocka_unit_test(test_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
