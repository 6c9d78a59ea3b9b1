/* SPDX-License-Identifier: MIT
 *
 * Decay by half-life, and its inverse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/attr.h"
#include "guard/score.h"

#define HALF (10 * USEC_MIN)

static bool near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

static void decays(void **state)
{
	static const struct {
		double score;
		usec_t passed;
		double want;
	} rows[] = {
	    {10, 0, 10},
	    {10, HALF, 5}, /* whole half-lives are exact */
	    {10, 2 * HALF, 2.5},
	    {10, 10 * HALF, 10.0 / 1024},
	    {1, HALF / 2, 0.70710678118654752},
	    {8, HALF / 10, 7.4642639322944592},
	    {0, HALF, 0},
	    {10, 5000 * HALF, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!near(score_after(rows[i].score, rows[i].passed, HALF), rows[i].want))
			fail_msg(
			    "row %zu: %.17g", i, score_after(rows[i].score, rows[i].passed, HALF));
	assert_true(score_after(10, HALF, HALF) == 5.0);
	assert_true(score_after(7, USEC_MAX, 0) == 7.0);
}

static void time_to(void **state)
{
	(void)state;
	assert_int_equal(score_time_to(10, 5, HALF), HALF);
	assert_int_equal(score_time_to(10, 2.5, HALF), 2 * HALF);
	assert_int_equal(score_time_to(5, 5, HALF), 0);
	assert_int_equal(score_time_to(4, 5, HALF), 0);
	assert_int_equal(score_time_to(10, 0, HALF), USEC_MAX);
	assert_int_equal(score_time_to(10, 5, 0), USEC_MAX);
	/* The first microsecond at which the floor is reached. */
	for (double score = 5.1; score < 40; score += 0.7) {
		usec_t t = score_time_to(score, 2.5, HALF);

		assert_true(score_after(score, t, HALF) <= 2.5 + 1e-8);
		assert_true(score_after(score, t - 2, HALF) > 2.5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decays),
	    cmocka_unit_test(time_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
