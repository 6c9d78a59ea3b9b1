/* SPDX-License-Identifier: MIT
 *
 * The timing wheel on virtual time: exactness, order, and a random walk against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/rng.h"
#include "base/wheel.h"

#define START (1000 * USEC_SEC + 137)

struct probe {
	struct timer timer;
	struct wheel *w;
	unsigned fired;
	usec_t at;
	usec_t rearm;         /* in the callback, for so much later */
	struct probe *victim; /* cancelled in the callback */
	struct probe *next;   /* armed in the callback, for now */
};

static unsigned sequence;

static void on_fire(struct timer *t, usec_t now)
{
	struct probe *p = CONTAINER_OF(t, struct probe, timer);

	assert_false(timer_armed(t));
	assert_true(now >= t->due);
	p->fired++;
	p->at = now;
	sequence++;
	if (p->rearm)
		wheel_arm(p->w, t, now + p->rearm);
	if (p->victim)
		wheel_cancel(p->w, &p->victim->timer);
	if (p->next)
		wheel_arm(p->w, &p->next->timer, now);
}

static struct wheel *new_wheel(void)
{
	struct wheel *w = malloc(sizeof(*w));

	assert_non_null(w);
	wheel_init(w, START);
	return w;
}

static struct probe probe_of(struct wheel *w)
{
	struct probe p = {.w = w};

	p.timer.fn = on_fire;
	return p;
}

/* Sleeps as a loop would: from one wheel_next to the next. Gives the time at which something fired,
 * 0 when nothing is armed. */
static usec_t sleep_until_fired(struct wheel *w, unsigned *out_wakes)
{
	usec_t due;
	unsigned wakes = 0;

	while (wheel_next(w, &due)) {
		wakes++;
		if (wheel_advance(w, due)) {
			*out_wakes = wakes;
			return due;
		}
	}
	return 0;
}

/* Every distance that RFC 3261 knows and those around the wheel's own edges. */
static void test_never_early_and_at_most_a_tick_late(void **state)
{
	static const usec_t delays[] = {0, 1, 1023, 1024, 1025, 200 * USEC_MS, 500 * USEC_MS,
	    USEC_SEC, 4 * USEC_SEC, 5 * USEC_SEC, 32 * USEC_SEC, 180 * USEC_SEC, 255 * 1024,
	    256 * 1024, 257 * 1024, 65535 * 1024, 65536 * 1024, 65537 * 1024, 3600 * USEC_SEC,
	    24 * 3600 * USEC_SEC, 400 * 24 * 3600 * USEC_SEC};
	struct wheel *w = new_wheel();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		usec_t now = w->tick * WHEEL_TICK + 777, due = now + delays[i], at;
		struct probe p = probe_of(w);
		unsigned wakes;

		wheel_arm(w, &p.timer, due);
		assert_true(timer_armed(&p.timer));
		at = sleep_until_fired(w, &wakes);
		assert_int_equal(p.fired, 1);
		assert_true(at >= due);
		assert_true(at <= MAX(due + WHEEL_TICK - 1, now + WHEEL_TICK));
		assert_in_range(wakes, 1, WHEEL_LEVELS);
		assert_int_equal(w->armed, 0);
	}
	free(w);
}

static void test_one_microsecond_before(void **state)
{
	struct wheel *w = new_wheel();
	usec_t now = START;

	(void)state;
	for (usec_t delay = 2 * WHEEL_TICK; delay < USEC_MIN; delay = delay * 3 / 2) {
		struct probe p = probe_of(w);
		/* Due at a tick's beginning: exact to the microsecond. */
		usec_t due = (now + delay) / WHEEL_TICK * WHEEL_TICK;

		wheel_arm(w, &p.timer, due);
		assert_int_equal(wheel_advance(w, due - 1), 0);
		assert_int_equal(wheel_advance(w, due), 1);
		assert_int_equal(p.at, due);
		now = due;
	}
	free(w);
}

static void test_order_of_ticks(void **state)
{
	struct wheel *w = new_wheel();
	struct probe p[64];
	struct rng rng;
	usec_t last = 0;

	(void)state;
	rng_init_seed(&rng, 11);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		p[i] = probe_of(w);
		wheel_arm(w, &p[i].timer, START + rng_below(&rng, 200000) * USEC_MS);
	}
	for (usec_t due; wheel_next(w, &due);) {
		assert_true(due >= last);
		wheel_advance(w, due);
		last = due;
	}
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		assert_true(p[i].fired == 1 && p[i].at < p[i].timer.due + WHEEL_TICK);
	free(w);
}

static unsigned long_sequence_ok;

static void in_sequence(struct timer *t, usec_t now)
{
	(void)now;
	assert_true(t->due >= long_sequence_ok);
	long_sequence_ok = (unsigned)t->due;
}

/* One call that catches up hours fires in order too. */
static void test_order_within_one_advance(void **state)
{
	struct wheel *w = malloc(sizeof(*w));
	struct timer t[200];
	struct rng rng;

	(void)state;
	wheel_init(w, 0);
	rng_init_seed(&rng, 12);
	long_sequence_ok = 0;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		timer_init(&t[i], in_sequence);
		wheel_arm(w, &t[i], (usec_t)rng_below(&rng, 4000000) * WHEEL_TICK % UINT32_MAX);
	}
	assert_int_equal(wheel_advance(w, 24 * 3600 * USEC_SEC), ARRAY_LEN(t));
	free(w);
}

static void test_cancel_and_rearm(void **state)
{
	struct wheel *w = new_wheel();
	struct probe p = probe_of(w), q = probe_of(w);
	usec_t due = 0;

	(void)state;
	assert_false(wheel_next(w, &due));
	assert_int_equal(due, 0);
	wheel_cancel(w, &p.timer);
	wheel_arm(w, &p.timer, START + USEC_SEC);
	wheel_arm(w, &q.timer, START + USEC_SEC);
	wheel_cancel(w, &p.timer);
	wheel_cancel(w, &p.timer);
	assert_int_equal(w->armed, 1);
	wheel_arm(w, &q.timer, START + USEC_MIN);
	assert_int_equal(w->armed, 1);
	assert_int_equal(wheel_advance(w, START + 59 * USEC_SEC), 0);
	wheel_arm(w, &q.timer, START + 59 * USEC_SEC + 500 * USEC_MS); /* earlier again */
	assert_int_equal(wheel_advance(w, START + 59 * USEC_SEC + 502 * USEC_MS), 1);
	assert_int_equal(p.fired, 0);
	assert_int_equal(q.fired, 1);
	assert_false(wheel_next(w, &due));
	for (size_t l = 0; l < WHEEL_LEVELS; l++)
		for (size_t i = 0; i < ARRAY_LEN(w->busy[l]); i++)
			assert_true(w->busy[l][i] == 0);
	free(w);
}

static void test_callbacks_may_do_anything(void **state)
{
	struct wheel *w = new_wheel();
	struct probe p = probe_of(w), victim = probe_of(w), other = probe_of(w), late = probe_of(w);
	usec_t due = START + USEC_SEC;

	(void)state;
	p.victim = &victim; /* on the same tick, after p */
	p.next = &late;
	p.rearm = USEC_SEC;
	wheel_arm(w, &p.timer, due);
	wheel_arm(w, &victim.timer, due);
	wheel_arm(w, &other.timer, due);
	assert_int_equal(wheel_advance(w, due + WHEEL_TICK), 2);
	assert_int_equal(victim.fired, 0);
	assert_int_equal(other.fired, 1);
	assert_int_equal(late.fired, 0);
	assert_int_equal(wheel_advance(w, due + 3 * WHEEL_TICK), 1);
	assert_int_equal(late.fired, 1);
	p.victim = &p; /* cancels what it has just armed */
	p.next = NULL;
	assert_int_equal(wheel_advance(w, due + 2 * USEC_SEC), 1);
	assert_int_equal(p.fired, 2);
	assert_int_equal(w->armed, 0);
	free(w);
}

static void test_past_and_never(void **state)
{
	struct wheel *w = new_wheel();
	struct probe p = probe_of(w), never = probe_of(w);
	usec_t due;

	(void)state;
	wheel_arm(w, &p.timer, 0);
	wheel_arm(w, &never.timer, USEC_MAX);
	assert_true(wheel_next(w, &due));
	assert_true(due > START && due <= START + WHEEL_TICK);
	assert_int_equal(wheel_advance(w, START - USEC_SEC), 0); /* a clock that went back */
	assert_int_equal(wheel_advance(w, START + WHEEL_TICK), 1);
	assert_int_equal(wheel_advance(w, START + 365 * 86400 * USEC_SEC), 0);
	assert_true(timer_armed(&never.timer));
	assert_int_equal(w->armed, 1);
	assert_int_equal(wheel_advance(w, USEC_MAX), 0);
	wheel_cancel(w, &never.timer);
	assert_false(wheel_next(w, &due));
	free(w);
}

/* Thousands of timers, armed, moved, cancelled and left at random, against their own due times. */
static void test_random_walk(void **state)
{
	enum { N = 3000, STEPS = 40000 };
	struct wheel *w = new_wheel();
	struct probe *p = calloc(N, sizeof(*p));
	unsigned *fired = calloc(N, sizeof(*fired));
	usec_t now = START;
	struct rng rng;

	(void)state;
	assert_true(p && fired);
	rng_init_seed(&rng, 99);
	for (size_t i = 0; i < N; i++)
		p[i] = probe_of(w);
	for (size_t step = 0; step < STEPS; step++) {
		size_t i = rng_below(&rng, N);
		usec_t far = UINT64_C(1) << rng_below(&rng, 36);

		if (rng_below(&rng, 3))
			wheel_arm(w, &p[i].timer, now + rng_u64(&rng) % far);
		else
			wheel_cancel(w, &p[i].timer);
		fired[i] = p[i].fired;
		if (step % 8)
			continue;
		now += rng_u64(&rng) % (UINT64_C(1) << rng_below(&rng, 28));
		wheel_advance(w, now);
		if (step % 400)
			continue;
		for (size_t k = 0; k < N; k++) {
			struct timer *t = &p[k].timer;

			/* Whoever is armed is not due for a tick yet; whoever fired did so once. */
			assert_true(!timer_armed(t) || t->due + WHEEL_TICK > now);
			assert_in_range(p[k].fired - fired[k], 0, 1);
		}
	}
	free(fired);
	free(p);
	free(w);
}

static void test_next_is_never_late(void **state)
{
	struct wheel *w = new_wheel();
	struct probe p[50];
	struct rng rng;
	usec_t now = START;

	(void)state;
	rng_init_seed(&rng, 5);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = probe_of(w);
	for (size_t step = 0; step < 5000; step++) {
		usec_t least = USEC_MAX, due;

		wheel_arm(w, &p[rng_below(&rng, ARRAY_LEN(p))].timer,
		    now + rng_u64(&rng) % (UINT64_C(1) << rng_below(&rng, 36)));
		for (size_t i = 0; i < ARRAY_LEN(p); i++)
			if (timer_armed(&p[i].timer))
				least = MIN(least, p[i].timer.due);
		assert_true(wheel_next(w, &due));
		assert_true(due < MAX(least, w->tick * WHEEL_TICK + 1) + WHEEL_TICK);
		assert_true(due > w->tick * WHEEL_TICK);
		now = MAX(now, due);
		wheel_advance(w, now);
	}
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_never_early_and_at_most_a_tick_late),
	    cmocka_unit_test(test_one_microsecond_before),
	    cmocka_unit_test(test_order_of_ticks),
	    cmocka_unit_test(test_order_within_one_advance),
	    cmocka_unit_test(test_cancel_and_rearm),
	    cmocka_unit_test(test_callbacks_may_do_anything),
	    cmocka_unit_test(test_past_and_never),
	    cmocka_unit_test(test_random_walk),
	    cmocka_unit_test(test_next_is_never_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
