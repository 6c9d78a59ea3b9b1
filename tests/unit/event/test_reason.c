/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/counter.h"
#include "event/reason.h"

static bool is_name(const char *p)
{
	for (; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !ascii_is_digit(*p) && *p != '-' && *p != '.')
			return false;
	return true;
}

static void test_table_is_sound(void **state UNUSED)
{
	for (unsigned i = 1; i < REASON_COUNT; i++) {
		const struct reason_info *r = reason_info((enum reason)i);
		struct span head, rest = span_str(r->name);
		enum reason back = REASON_NONE;

		assert_true(span_cut(&rest, '.', &head));
		assert_true(span_eq(head, span_str(control_name(r->control))));
		assert_true(rest.n > 0 && is_name(r->name));
		assert_true(r->status == 0 || (r->status >= 200 && r->status < 700));
		assert_true(r->weight <= 10);
		assert_true(strlen(r->meaning) > 10 && strlen(r->advice) > 10);
		assert_null(strchr(r->meaning, '|'));
		assert_null(strchr(r->advice, '|'));
		/* A name that stood twice would be found under its first identifier. */
		assert_int_equal(reason_parse(span_str(r->name), &back), OK);
		assert_int_equal(back, i);
	}
}

static void test_parse_refuses_what_is_not_there(void **state UNUSED)
{
	static const char *const bad[] = {"", "none", "auth", "auth.", "auth.stale ", "AUTH.stale"};
	enum reason r = REASON_TXN_FULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(reason_parse(span_str(bad[i]), &r), ERR_NOT_FOUND);
	assert_int_equal(r, REASON_TXN_FULL);
}

static void test_out_of_range_is_harmless(void **state UNUSED)
{
	assert_string_equal(reason_name((enum reason)9999), "none");
	assert_string_equal(control_name((enum control)9999), "none");
	assert_string_equal(counter_name((enum counter)9999), "unknown");
}

static void test_nearest(void **state UNUSED)
{
	static const struct {
		const char *typed;
		enum reason meant;
	} rows[] = {
	    {"auth.bad-pasword", REASON_AUTH_BAD_PASSWORD},
	    {"bad-password", REASON_AUTH_BAD_PASSWORD},
	    {"AUTH.STALE", REASON_AUTH_STALE},
	    {"relay-denied", REASON_ROUTE_RELAY_DENIED},
	    {"", REASON_NONE},
	    {"zzzzzzzzzzzzzzzzzzzzzzzz", REASON_NONE},
	    {"01234567890123456789012345678901234567890123456789", REASON_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(reason_name(reason_nearest(span_str(rows[i].typed))),
		    reason_name(rows[i].meant));
}

static void test_counters(void **state UNUSED)
{
	static struct counters a, b;
	struct counter_totals sum = {0};

	counter_inc(&a, COUNTER_RECEIVED_UDP);
	counter_add(&b, COUNTER_RECEIVED_UDP, 41);
	counter_reason(&a, REASON_AUTH_STALE);
	counter_reason(&a, REASON_AUTH_STALE);
	counter_sum(&sum, &a);
	counter_sum(&sum, &b);
	assert_int_equal(sum.v[COUNTER_RECEIVED_UDP], 42);
	assert_int_equal(sum.reason[REASON_AUTH_STALE], 2);
	assert_int_equal(sum.v[COUNTER_EVENTS], 0);
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		assert_true(is_name(counter_name((enum counter)i)));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
			    counter_name((enum counter)i), counter_name((enum counter)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table_is_sound),
	    cmocka_unit_test(test_parse_refuses_what_is_not_there),
	    cmocka_unit_test(test_out_of_range_is_harmless),
	    cmocka_unit_test(test_nearest),
	    cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
