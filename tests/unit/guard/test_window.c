/* SPDX-License-Identifier: MIT
 *
 * Exact windows: each threshold from both sides, at each kind of limit, in long times and random
 * ones against a list of all moments; and rates of two periods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/rng.h"
#include "guard/window.h"

#define SPAN_ (2 * USEC_SEC)

static const uint32_t limits[] = {1, 2, 59, 60, 61, 62, 63, 64, 65, 66, 126, 127, 128, 600, 65535};

/* Where 32 bits of microseconds are nothing special, and where they begin anew within the test. */
static const usec_t starts[] = {1, 777 * USEC_SEC, ((usec_t)5 << 32) - USEC_SEC};

static uint32_t grain(uint32_t limit)
{
	return limit <= WINDOW_SLOTS ? 1 : (limit + WINDOW_SLOTS - 2) / (WINDOW_SLOTS - 1);
}

static void burst(struct window *w, bool take, uint32_t limit, usec_t now)
{
	for (uint32_t n = 0; n < limit; n++) {
		bool ok = take ? window_take(w, limit, SPAN_, now, NULL)
			       : window_count(w, limit, SPAN_, now);

		if (!ok)
			fail_msg("limit %u: event %u refused", limit, n + 1);
	}
	assert_int_equal(window_events(w, SPAN_, now), limit);
}

static void burst_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits) * ARRAY_LEN(starts); i++) {
		uint32_t limit = limits[i % ARRAY_LEN(limits)];
		usec_t t = starts[i / ARRAY_LEN(limits)], wait = 0;
		struct window w = {0};

		burst(&w, true, limit, t);
		assert_false(window_take(&w, limit, SPAN_, t, &wait));
		assert_int_equal(wait, SPAN_);
		assert_false(window_take(&w, limit, SPAN_, t + SPAN_ - 1, &wait));
		assert_int_equal(wait, 1);
		/* What was refused has not deepened the debt. */
		burst(&w, true, limit, t + SPAN_);
		assert_false(window_take(&w, limit, SPAN_, t + SPAN_, NULL));
	}
}

static void burst_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits) * ARRAY_LEN(starts); i++) {
		uint32_t limit = limits[i % ARRAY_LEN(limits)];
		usec_t t = starts[i / ARRAY_LEN(limits)];
		struct window w = {0};

		burst(&w, false, limit, t);
		for (uint32_t n = 0; n < 3 * limit && n < 3000; n++)
			assert_false(window_count(&w, limit, SPAN_, t + n / 2));
		/* It never lets go while it goes on. */
		for (uint32_t n = 0; n < 2 * limit; n++)
			assert_false(window_count(&w, limit, SPAN_, t + SPAN_ - 1));
		assert_true(
		    window_events(&w, SPAN_, t + SPAN_ - 1) > limit || limit == WINDOW_SLOTS);
		/* All have left, and as many as at first may come. */
		assert_int_equal(window_events(&w, SPAN_, t + 2 * SPAN_ - 1), 0);
		burst(&w, false, limit, t + 2 * SPAN_ - 1);
		assert_false(window_count(&w, limit, SPAN_, t + 2 * SPAN_ - 1));
	}
}

/* A steady sender at the limit passes for ever; one microsecond faster it does not. */
static void steady(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits) * ARRAY_LEN(starts); i++) {
		uint32_t limit = limits[i % ARRAY_LEN(limits)];
		usec_t t = starts[i / ARRAY_LEN(limits)], step = 1000, span = limit * step;
		struct window count = {0}, take = {0}, fast = {0};
		bool fast_passes = true;

		if (limit > WINDOW_SLOTS) /* to the grain */
			step = span / (limit - grain(limit)) + 1;
		for (uint32_t n = 0; n < 4 * limit + 10; n++) {
			assert_true(window_count(&count, limit, span, t + n * step));
			assert_true(window_take(&take, limit, span, t + n * step, NULL));
			fast_passes &=
			    window_count(&fast, limit, span, t + n * 1000 - (n == limit));
			assert_int_equal(fast_passes, n < limit);
		}
	}
}

/* The window slides: what leaves makes room for as many, at its own moment. */
static void slides(void **state)
{
	struct window w = {0};
	usec_t wait;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(window_take(&w, 3, 1000, 5000 + i * 300, NULL));
	assert_false(window_take(&w, 3, 1000, 5700, &wait));
	assert_int_equal(wait, 300);
	assert_false(window_take(&w, 3, 1000, 5999, &wait));
	assert_int_equal(wait, 1);
	assert_true(window_take(&w, 3, 1000, 6000, NULL));
	assert_false(window_take(&w, 3, 1000, 6000, &wait));
	assert_int_equal(wait, 300);
	assert_false(window_take(&w, 3, 1000, 6299, NULL));
	assert_int_equal(window_events(&w, 1000, 6300), 2);
	assert_true(window_take(&w, 3, 1000, 6300, NULL));
	/* A refused event that is counted pushes the moment of the next on. */
	assert_false(window_count(&w, 3, 1000, 6400)); /* behind 5600, 6000, 6300 */
	assert_false(window_take(&w, 3, 1000, 6999, &wait));
	assert_int_equal(wait, 1);
	assert_true(window_take(&w, 3, 1000, 7000, NULL));
	assert_false(window_count(&w, 3, 1000, 7001));
	assert_false(window_take(&w, 3, 1000, 7299, &wait)); /* 6300 6400 7000 7001 */
	assert_int_equal(wait, 101);
}

/* Silence of any length, also of 2**32 microseconds or one less, empties it. */
static void idle(void **state)
{
	static const usec_t silences[] = {SPAN_, SPAN_ + 1, ((usec_t)1 << 32) - 1, (usec_t)1 << 32,
	    ((usec_t)1 << 32) + 1, ((usec_t)1 << 32) + SPAN_ / 2, (usec_t)7 << 32, (usec_t)1 << 45};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(silences) * ARRAY_LEN(limits); i++) {
		uint32_t limit = limits[i % ARRAY_LEN(limits)];
		usec_t t = 12345, later = t + silences[i / ARRAY_LEN(limits)];
		struct window w = {0};

		burst(&w, true, limit, t);
		assert_int_equal(window_events(&w, SPAN_, later), 0);
		burst(&w, true, limit, later);
		assert_false(window_take(&w, limit, SPAN_, later, NULL));
	}
}

/* With spans near 2**32 microseconds an old moment must not look like a young one. */
static void long_spans(void **state)
{
	const usec_t hour = WINDOW_SPAN_MAX, turn = (usec_t)1 << 32;
	struct window w = {0};
	usec_t wait;

	(void)state;
	assert_true(window_take(&w, 2, hour, 1000, NULL));
	assert_true(window_take(&w, 2, hour, 1000 + hour - USEC_SEC, NULL));
	assert_false(window_take(&w, 2, hour, 1000 + hour - 1, NULL));
	/* The first is turn + 5 old, which is 5 in 32 bits; the second is younger than an hour. */
	assert_int_equal(window_events(&w, hour, 1000 + turn + 5), 1);
	assert_true(window_take(&w, 2, hour, 1000 + turn + 5, NULL));
	assert_false(window_take(&w, 2, hour, 1000 + turn + 6, &wait));
	assert_int_equal(wait, 2 * hour - USEC_SEC - turn - 6);
	/* More than an hour is an hour. */
	assert_false(window_take(&w, 2, 24 * hour, 1000 + turn + 7, &wait));
	assert_int_equal(wait, 2 * hour - USEC_SEC - turn - 7);
	/* One every two minutes for a week. */
	w = (struct window){0};
	for (usec_t t = 5; t < 7 * 24 * hour; t += 2 * USEC_MIN)
		assert_true(window_count(&w, 30, hour, t));
	w = (struct window){0};
	for (usec_t n = 0; n < 7 * 24 * 30; n++)
		assert_int_equal(window_count(&w, 29, hour, 5 + n * 2 * USEC_MIN), n < 29);
}

static void changes(void **state)
{
	struct window w = {0};

	(void)state;
	/* Another limit begins anew; the same does not. */
	burst(&w, true, 20, 1000);
	assert_false(window_take(&w, 20, SPAN_, 1001, NULL));
	burst(&w, true, 60, 1001);
	assert_false(window_take(&w, 60, SPAN_, 1001, NULL));
	burst(&w, true, 600, 1002);
	burst(&w, true, 60, 1002);
	assert_false(window_take(&w, 60, SPAN_, 1002, NULL));
	/* A shorter span forgets, a longer one sees what is still there. */
	w = (struct window){0};
	for (usec_t i = 0; i < 10; i++)
		assert_true(window_take(&w, 10, 1000, 5000 + i * 100, NULL));
	assert_false(window_take(&w, 10, 1000, 5999, NULL));
	assert_int_equal(window_events(&w, 500, 5999), 5);
	assert_int_equal(window_events(&w, 1000, 5999), 10); /* looking changes nothing */
	assert_int_equal(window_events(&w, 2000, 6500), 10);
	assert_true(window_take(&w, 10, 500, 5999, NULL));
	assert_int_equal(window_events(&w, 100000, 5999), 6);
	/* No limit at all. */
	w = (struct window){0};
	for (int i = 0; i < 100; i++) {
		assert_true(window_count(&w, 0, SPAN_, 9000));
		assert_true(window_take(&w, 0, SPAN_, 9000, NULL));
	}
	assert_int_equal(window_events(&w, SPAN_, 9000), 0);
	/* Limits beyond the greatest are the greatest. */
	for (uint32_t i = 0; i < 65535; i++)
		assert_true(window_take(&w, i % 2 ? 65536 : UINT32_MAX, SPAN_, 9000, NULL));
	assert_false(window_take(&w, 70000, SPAN_, 9000, NULL));
}

/* Another worker's clock is a little ahead: its moment counts for both. */
static void clocks(void **state)
{
	struct window w = {0};
	usec_t wait = 0;

	(void)state;
	assert_true(window_take(&w, 2, 1000, 5000, NULL));
	assert_true(window_take(&w, 2, 1000, 4990, NULL));
	assert_int_equal(window_events(&w, 1000, 4000), 2);
	assert_false(window_take(&w, 2, 1000, 4995, &wait));
	assert_int_equal(wait, 1000);
	assert_false(window_take(&w, 2, 1000, 5999, NULL));
	assert_true(window_take(&w, 2, 1000, 6000, NULL));
}

/* All moments that counted, oldest first. */
struct model {
	usec_t *at;
	size_t first, n;
};

static size_t model_events(struct model *m, usec_t span, usec_t now)
{
	while (m->first < m->n && now - m->at[m->first] >= span)
		m->first++;
	return m->n - m->first;
}

/* Random gaps: none, tiny, a share of the span, more than it; sometimes of hours. */
static usec_t random_gap(struct rng *r, usec_t span, uint32_t limit)
{
	switch (rng_below(r, 64 + 8 * limit)) {
	case 0:
		return rng_u64(r) % (3 * span);
	case 1:
		return rng_below(r, 8) ? span : rng_u64(r) % ((usec_t)9 << 32);
	case 2:
	case 3:
	case 4:
		return rng_u64(r) % (span / limit * 20 + 1);
	default:
		return rng_below(r, 3) ? rng_u64(r) % (2 * (span / limit) + 2) : 0;
	}
}

static void against_all_moments(uint32_t limit, usec_t span, bool take, struct rng *r)
{
	const size_t steps = 20000 + 4 * (size_t)limit;
	struct model m = {malloc(steps * sizeof(usec_t)), 0, 0};
	uint32_t passed = 0, refused = 0;
	struct window w = {0};
	usec_t t = rng_u64(r) >> 20;

	assert_non_null(m.at);
	for (size_t i = 0; i < steps; i++) {
		usec_t wait = 0;
		size_t before;
		bool ok;

		t += random_gap(r, span, limit);
		before = model_events(&m, span, t);
		if (take || before <= limit) { /* else more than it need remember */
			assert_true(window_events(&w, span, t) >= before);
			assert_true(window_events(&w, span, t) < before + grain(limit));
		}
		ok = take ? window_take(&w, limit, span, t, &wait)
			  : window_count(&w, limit, span, t);
		if (ok ? before >= limit : before + grain(limit) - 1 < limit)
			fail_msg("limit %u span %llu step %zu: %zu before, passes: %d", limit,
			    (unsigned long long)span, i, before, ok);
		if (ok || !take)
			m.at[m.n++] = t;
		if (!ok && take && limit <= WINDOW_SLOTS)
			assert_int_equal(wait, m.at[m.n - limit] + span - t);
		if (!ok && take) {
			struct window copy = w;

			assert_false(window_take(&copy, limit, span, t + wait - 1, NULL));
			assert_true(window_take(&copy, limit, span, t + wait, NULL));
		}
		passed += ok;
		refused += !ok;
	}
	if (passed < 100 || refused < 100)
		fail_msg("limit %u: %u passed, %u refused", limit, passed, refused);
	free(m.at);
}

static void random_moments(void **state)
{
	static const usec_t spans[] = {1000, 2 * USEC_SEC, 977777, USEC_MIN, WINDOW_SPAN_MAX};
	struct rng r;

	(void)state;
	rng_init_seed(&r, 7);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		for (size_t k = 0; k < ARRAY_LEN(spans); k++) {
			if (spans[k] < 2 * limits[i]) /* several in a microsecond */
				continue;
			against_all_moments(limits[i], spans[k], true, &r);
			against_all_moments(limits[i], spans[k], false, &r);
		}
	}
}

static void rates(void **state)
{
	const usec_t t = 1000 * USEC_SEC, period = USEC_SEC;
	struct freq f = {0};

	(void)state;
	assert_int_equal(freq_read(&f, period, t), 0);
	assert_int_equal(freq_add(&f, 100, period, t), 100);
	assert_int_equal(freq_add(&f, 1, period, t + period - 1), 101);
	/* In the next period they go as it comes. */
	assert_int_equal(freq_read(&f, period, t + period), 101);
	assert_int_equal(freq_add(&f, 1, period, t + period), 102);
	assert_int_equal(freq_read(&f, period, t + period + period / 4), 1 + 101 * 3 / 4);
	assert_int_equal(freq_read(&f, period, t + 2 * period - USEC_MS), 1);
	assert_int_equal(freq_read(&f, period, t + 2 * period), 1);
	assert_int_equal(freq_read(&f, period, t + 3 * period), 0);
	/* A rate in steady state is itself. */
	f = (struct freq){0};
	for (unsigned i = 0; i < 500; i++) {
		uint32_t n = freq_add(&f, 1, period, t + i * 10 * USEC_MS);

		if (i >= 100)
			assert_in_range(n, 100, 101);
	}
	/* It stops at the top instead of beginning anew. */
	for (unsigned i = 0; i < 70000; i++)
		freq_add(&f, 1, period, t + 20 * period);
	assert_int_equal(freq_read(&f, period, t + 20 * period), 65535);
	assert_int_equal(freq_add(&f, UINT32_MAX, period, t + 20 * period), 65535);
	/* A clock that is a little behind changes nothing, nor does one that is 49 days ahead. */
	assert_int_equal(freq_read(&f, period, t + 20 * period - 5 * USEC_MS), 65535);
	assert_int_equal(freq_read(&f, period, t + 20 * period + 4294967295 * USEC_MS - period), 0);
}

/* Where milliseconds begin anew in 32 bits. */
static void rates_wrap(void **state)
{
	const usec_t t = ((usec_t)1 << 32) * USEC_MS - 500 * USEC_MS, period = USEC_SEC;
	struct freq f = {0};

	(void)state;
	assert_int_equal(freq_add(&f, 1, period, t - 5 * period), 1);
	assert_int_equal(freq_add(&f, 60, period, t), 60);
	assert_int_equal(freq_add(&f, 1, period, t + 999 * USEC_MS), 61);
	assert_int_equal(freq_read(&f, period, t + 1500 * USEC_MS), 30);
	assert_int_equal(freq_read(&f, period, t + 2000 * USEC_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(burst_taken),
	    cmocka_unit_test(burst_counted),
	    cmocka_unit_test(steady),
	    cmocka_unit_test(slides),
	    cmocka_unit_test(idle),
	    cmocka_unit_test(long_spans),
	    cmocka_unit_test(changes),
	    cmocka_unit_test(clocks),
	    cmocka_unit_test(random_moments),
	    cmocka_unit_test(rates),
	    cmocka_unit_test(rates_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
