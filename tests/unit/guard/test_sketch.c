/* SPDX-License-Identifier: MIT
 *
 * The sketch of wide prefixes: exact when nothing else is there, two periods, never too few, and
 * how far off under a flood from everywhere. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "guard/sketch.h"

#define T0     (1000 * USEC_SEC)
#define PERIOD (2 * USEC_SEC)

static const struct siphash_key key = {3, 4};

static struct addr v4(uint32_t ip)
{
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff}};

	for (int i = 0; i < 4; i++)
		a.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_str(text), 0, &a), OK);
	return a;
}

static struct sketch *sketch_of(usec_t period)
{
	struct sketch *s;

	assert_int_equal(sketch_new(&key, period, &s), OK);
	return s;
}

static void same_prefix(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"192.0.2.7", "192.0.255.255", true},
	    {"192.0.2.7", "192.1.2.7", false},
	    {"192.0.2.7", "193.0.2.7", false},
	    {"2001:db8::1", "2001:db8:ffff:ffff::", true},
	    {"2001:db8::1", "2001:db9::1", false},
	    {"c000::1", "192.0.0.1", false},
	    {"::1", "0.0.0.1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sketch *s = sketch_of(PERIOD);
		struct addr a = address(rows[i].a), b = address(rows[i].b);

		assert_int_equal(sketch_count(s, &a, T0), 1);
		assert_int_equal(sketch_count(s, &b, T0), rows[i].same ? 2 : 1);
		sketch_free(s);
	}
	sketch_free(NULL);
	assert_in_range(sketch_memory(), 1, 1 << 20);
}

static void periods(void **state)
{
	struct sketch *s = sketch_of(PERIOD);
	struct addr a = v4(0x0a000001);

	(void)state;
	for (uint32_t n = 1; n <= 6000; n++)
		assert_int_equal(sketch_count(s, &a, T0 + n * 300), n);
	/* The next period takes it over and lets it go evenly. */
	assert_int_equal(sketch_count(s, &a, T0 + PERIOD), 6001);
	assert_int_equal(sketch_count(s, &a, T0 + PERIOD + PERIOD / 4), 2 + 4500);
	assert_int_equal(sketch_count(s, &a, T0 + 2 * PERIOD - 1), 3);
	assert_int_equal(sketch_count(s, &a, T0 + 2 * PERIOD), 4);
	/* Two periods of silence empty it, and so does any longer one. */
	assert_int_equal(sketch_count(s, &a, T0 + 4 * PERIOD), 1);
	assert_int_equal(sketch_count(s, &a, T0 + 70000 * PERIOD), 1);
	/* A clock that is behind by less than a period counts into the newest. */
	assert_int_equal(sketch_count(s, &a, T0 + 70001 * PERIOD), 2);
	assert_int_equal(sketch_count(s, &a, T0 + 70001 * PERIOD - 1), 3);
	assert_int_equal(sketch_count(s, &a, T0 + 70001 * PERIOD), 4);
	sketch_free(s);
}

/* Counts stop at the top instead of running into their neighbour. */
static void top(void **state)
{
	const uint32_t most = (1u << 22) - 1;
	struct sketch *s = sketch_of(PERIOD);
	struct addr a = v4(0x0a000001);
	uint32_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < most + 10; i++)
		n = sketch_count(s, &a, T0);
	assert_int_equal(n, most);
	assert_int_equal(sketch_count(s, &a, T0 + PERIOD), most + 1);
	assert_int_equal(sketch_count(s, &a, T0 + 3 * PERIOD), 1);
	sketch_free(s);
}

/* A million messages from everywhere, 20,000 of one prefix, ten of a quiet one. */
static void flood(void **state)
{
	struct sketch *s = sketch_of(PERIOD);
	struct addr heavy = v4(0x0a010000), quiet = v4(0x0a020000), a;
	uint32_t n_heavy = 0, n_quiet = 0, estimate = 0, over = 0;
	struct rng r;

	(void)state;
	rng_init_seed(&r, 3);
	for (uint32_t i = 0; i < 1000000; i++) {
		a = v4((uint32_t)rng_u64(&r));
		over += sketch_count(s, &a, T0 + i) > 6000;
		if (i % 50 == 0) {
			estimate = sketch_count(s, &heavy, T0 + i);
			assert_true(estimate >= ++n_heavy);
			assert_true(estimate < n_heavy + 500);
		}
		if (i % 100000 == 99999) {
			estimate = sketch_count(s, &quiet, T0 + i);
			assert_true(estimate >= ++n_quiet);
			assert_true(estimate < n_quiet + 500);
		}
	}
	/* Nobody is taken for the flooder but who shares its prefix. */
	assert_true(over < 1000000 / 65536 * 3 + 10);
	sketch_free(s);
}

#define STEPS 200000

static void *work(void *arg)
{
	struct rng r;

	rng_init_seed(&r, 9);
	for (uint32_t i = 0; i < STEPS; i++) {
		struct addr mine = v4(0x0a000000), any = v4((uint32_t)rng_u64(&r));

		sketch_count(arg, &mine, T0 + i);
		sketch_count(arg, &any, T0 + i);
	}
	return NULL;
}

static void threads(void **state)
{
	struct sketch *s = sketch_of(PERIOD);
	struct addr mine = v4(0x0a000000);
	pthread_t t[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, work, s), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* What they lose to each other is less than half, whatever happens. */
	assert_in_range(sketch_count(s, &mine, T0 + STEPS), STEPS / 2, 2 * STEPS + 500);
	sketch_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_prefix),
	    cmocka_unit_test(periods),
	    cmocka_unit_test(top),
	    cmocka_unit_test(flood),
	    cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
