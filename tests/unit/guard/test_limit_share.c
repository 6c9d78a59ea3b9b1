/* SPDX-License-Identifier: MIT
 *
 * Limits by the load against a simulated machine on virtual time: a worker that spends so much of a
 * core on each request that it serves, and little on one that it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "guard/limit_algorithm.h"

#define PERIOD (100 * USEC_MS)

/* Cores that the offered requests would take, and those that they take when all are refused. */
static double load_of(const struct limit_controller *c, double offered, double refusing)
{
	double share = limit_share_of(c), load = offered * (1 - share) + refusing * share;

	return load < 1 ? load : 1; /* a core cannot be more than busy */
}

static double run_for(struct limit_controller *c, double target, double offered, double refusing,
    usec_t *now, usec_t time)
{
	double load = 0;

	for (usec_t end = *now + time; *now < end;) {
		*now += PERIOD;
		load = load_of(c, offered, refusing);
		limit_feedback_measure(c, target, load, *now);
		assert_true(limit_share_of(c) >= 0 && limit_share_of(c) <= 1);
	}
	return load;
}

static void feedback_settles_at_its_target(void **state)
{
	static const double offers[] = {0.9, 1.0, 1.5, 2, 3, 5, 10, 30};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		struct limit_controller c = {.at = 0};
		usec_t now = USEC_SEC;
		double least = 1, most = 0;

		(void)run_for(&c, 0.8, offers[i], 0, &now, 15 * USEC_SEC);
		for (unsigned k = 0; k < 100; k++) {
			double load = run_for(&c, 0.8, offers[i], 0, &now, PERIOD);

			least = load < least ? load : least;
			most = load > most ? load : most;
		}
		if (least < 0.78 || most > 0.82)
			fail_msg("offered %.1f: %.3f to %.3f", offers[i], least, most);
	}
}

static void feedback_lets_all_through_below_its_target(void **state)
{
	struct limit_controller c = {.at = 0};
	usec_t now = USEC_SEC;

	(void)state;
	(void)run_for(&c, 0.8, 0.79, 0, &now, USEC_MIN);
	assert_true(limit_share_of(&c) == 0);
}

/* Hours of an overload that refusing cannot cure wind nothing up: when it ends, all pass within
 * seconds; and hours of idleness do not delay the next refusal. */
static void feedback_does_not_wind_up(void **state)
{
	struct limit_controller c = {.at = 0};
	usec_t now = USEC_SEC, begin;

	(void)state;
	(void)run_for(&c, 0.8, 50, 0.95, &now, 120 * USEC_MIN);
	assert_true(limit_share_of(&c) == 1);
	begin = now;
	while (limit_share_of(&c) > 0 && now - begin < USEC_MIN)
		(void)run_for(&c, 0.8, 0.3, 0, &now, PERIOD);
	assert_true(now - begin <= 5 * USEC_SEC);
	(void)run_for(&c, 0.8, 0, 0, &now, 120 * USEC_MIN);
	begin = now;
	while (limit_share_of(&c) < 0.5 && now - begin < USEC_MIN)
		(void)run_for(&c, 0.8, 3, 0, &now, PERIOD);
	assert_true(now - begin <= 5 * USEC_SEC);
}

/* Measurements that are late, double, or nonsense. */
static void feedback_bears_bad_measurements(void **state)
{
	static const double loads[] = {-1, 0, 2, 1e300, -1e300, 0.0 / 0.0, 1.0 / 0.0};
	struct limit_controller c = {.at = 0};
	usec_t now = USEC_SEC;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		limit_feedback_measure(&c, 0.8, loads[i % ARRAY_LEN(loads)], now);
		assert_true(limit_share_of(&c) >= 0 && limit_share_of(&c) <= 1);
		now += i % 3 == 0 ? 0 : i % 3 == 1 ? PERIOD : USEC_MIN;
	}
	limit_feedback_measure(&c, 0.8, 0.8, now - USEC_SEC); /* a clock that went back */
	assert_true(limit_share_of(&c) >= 0 && limit_share_of(&c) <= 1);
}

/* A target that changes while it runs is the target from then on. */
static void feedback_follows_a_new_target(void **state)
{
	struct limit_controller c = {.at = 0};
	usec_t now = USEC_SEC;
	double load;

	(void)state;
	(void)run_for(&c, 0.8, 2, 0, &now, 15 * USEC_SEC);
	load = run_for(&c, 0.4, 2, 0, &now, 15 * USEC_SEC);
	assert_true(load > 0.38 && load < 0.42);
}

static void network_grows_from_target_to_full(void **state)
{
	static const struct {
		double target, fill, share;
	} rows[] = {
	    {0.5, 0, 0},
	    {0.5, 0.5, 0},
	    {0.5, 0.51, 0.02},
	    {0.5, 0.75, 0.5},
	    {0.5, 1, 1},
	    {0.5, 1.5, 1},
	    {0.5, -1, 0},
	    {0.8, 0.8, 0},
	    {0.8, 0.9, 0.5},
	    {0.8, 1, 1},
	    {0.99, 1, 1},
	    {0.01, 0.01, 0},
	    {0.5, 0.0 / 0.0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct limit_controller c = {.at = 0};
		double off;

		limit_network_measure(&c, rows[i].target, rows[i].fill, USEC_SEC);
		off = limit_share_of(&c) - rows[i].share;
		if (off < -1e-6 || off > 1e-6)
			fail_msg("row %zu: %f", i, limit_share_of(&c));
	}
}

/* A queue that fills faster than it is emptied, until so much is refused that it does not. */
static void network_holds_a_queue(void **state)
{
	struct limit_controller c = {.at = 0};
	double fill = 0;

	(void)state;
	for (unsigned i = 0; i < 6000; i++) {
		/* In a tenth of a second a tenth of the queue comes in, half of that can be done.
		 */
		fill += 0.1 * (1 - limit_share_of(&c)) - 0.05;
		fill = fill < 0 ? 0 : fill > 1 ? 1 : fill;
		limit_network_measure(&c, 0.5, fill, USEC_SEC + i * PERIOD);
	}
	assert_true(fill > 0.74 && fill < 0.76);
}

static void refused_as_often_as_the_share_says(void **state)
{
	static const double fills[] = {0.5, 0.6, 0.75, 0.9, 0.99, 1};
	const struct conf_limit l = {.algorithm = CONF_LIMIT_NETWORK, .target = 0.5};
	struct rng rng;

	(void)state;
	rng_init_seed(&rng, 7);
	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		struct limit_controller c = {.at = 0};
		struct limit_outcome o;
		unsigned refused = 0, n = 100000;
		double off;

		limit_network_measure(&c, 0.5, fills[i], USEC_SEC);
		for (unsigned k = 0; k < n; k++) {
			limit_share_take(&c, &l, &rng, &o);
			refused += !o.taken;
			assert_true(o.taken || (o.wait >= USEC_SEC && o.wait <= 30 * USEC_SEC));
		}
		off = (double)refused / n - (fills[i] - 0.5) * 2;
		assert_true(off > -0.01 && off < 0.01);
		assert_true(fills[i] > 0.5 || refused == 0);
		assert_true(fills[i] < 1 || refused == n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(feedback_settles_at_its_target),
	    cmocka_unit_test(feedback_lets_all_through_below_its_target),
	    cmocka_unit_test(feedback_does_not_wind_up),
	    cmocka_unit_test(feedback_bears_bad_measurements),
	    cmocka_unit_test(feedback_follows_a_new_target),
	    cmocka_unit_test(network_grows_from_target_to_full),
	    cmocka_unit_test(network_holds_a_queue),
	    cmocka_unit_test(refused_as_often_as_the_share_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
