/* SPDX-License-Identifier: MIT
 *
 * The response context under random events: what must hold whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/rng.h"
#include "txn/fork.h"

#define T0 (1000 * USEC_SEC)
#define C  (181 * USEC_SEC) /* timer C */

/* What the owner of a context sees of it. */
struct view {
	uint16_t started, cancelled, stored, ringing, ended;
	unsigned answers, forwarded_2xx;
	bool done;
};

static void check(struct view *v, const struct fork *f, const struct fork_act *a, int from)
{
	unsigned kinds = a->flags & (FORK_FORWARD | FORK_STORE | FORK_DROP);

	assert_int_equal(kinds & (kinds - 1), 0); /* at most one of them */
	assert_int_equal(v->started & a->start, 0);
	v->started |= a->start;
	assert_int_equal(v->cancelled & a->cancel, 0);
	assert_int_equal(a->cancel & ~v->ringing, 0); /* never before a provisional response */
	assert_int_equal(a->cancel & v->ended, 0);
	v->cancelled |= a->cancel;
	if (a->flags & FORK_STORE)
		v->stored |= (uint16_t)(1u << from);
	if (a->flags & (FORK_ANSWER | FORK_SILENT))
		v->answers++;
	if ((a->flags & FORK_ANSWER) && !(a->flags & FORK_LOCAL))
		assert_true((v->stored >> a->branch & 1) || a->branch == from);
	for (unsigned i = 0; i < FORK_MAX; i++)
		if (a->challenges >> i & 1)
			assert_true((v->stored >> i & 1) || (int)i == from);
	assert_int_equal(a->release & ~v->stored, 0);
	v->stored &= (uint16_t)~a->release;
	assert_int_equal(v->stored, f->stored);
	v->done |= (a->flags & FORK_DONE) != 0;
	assert_int_equal(v->done, fork_ended(f));
	if (v->done)
		assert_int_equal(v->stored, 0);
}

static void walk(struct rng *rng)
{
	static const uint16_t finals[] = {
	    200, 200, 202, 300, 302, 401, 407, 404, 408, 415, 480, 484, 486, 487, 500, 503, 603};
	bool invite = rng_below(rng, 4) != 0;
	unsigned n = 1 + rng_below(rng, FORK_MAX), group = 0, b;
	struct view v = {0};
	struct fork_act a;
	usec_t now = T0;
	struct fork f;

	fork_init(&f, invite, C);
	for (unsigned i = 0; i < n; i++) {
		group += rng_below(rng, 4) == 0;
		assert_int_equal(fork_add(&f, group, now, &b, &a), OK);
	}
	a = fork_start(&f, now);
	check(&v, &f, &a, -1);
	for (int steps = 0; !v.done; steps++) {
		unsigned status;

		assert_true(steps < 10000);
		b = rng_below(rng, n);
		now += rng_below(rng, 5) * USEC_SEC;
		a = fork_timer(&f, now);
		check(&v, &f, &a, -1);
		if (rng_below(rng, 60) == 0) {
			a = fork_cancel(&f, now);
			check(&v, &f, &a, -1);
		}
		if (!(v.started >> b & 1))
			continue;
		switch (rng_below(rng, 8)) {
		case 0:
			a = fork_timeout(&f, b, now);
			v.ended |= (uint16_t)(1u << b);
			break;
		case 1:
			a = fork_unreachable(&f, b, now);
			v.ended |= (uint16_t)(1u << b);
			break;
		case 2:
			status = finals[rng_below(rng, ARRAY_LEN(finals))];
			a = fork_response(&f, b, status, now);
			v.ended |= (uint16_t)(1u << b);
			if (status < 300)
				v.forwarded_2xx += (a.flags & FORK_FORWARD) != 0;
			if (status < 300 && invite)
				assert_true(a.flags & FORK_FORWARD);
			break;
		default:
			if (!(v.ended >> b & 1))
				v.ringing |= (uint16_t)(1u << b);
			a = fork_response(&f, b, rng_below(rng, 2) ? 100 : 180, now);
		}
		check(&v, &f, &a, (int)b);
	}
	/* The caller gets its answers, and the right number of them. */
	assert_int_equal(v.answers + (v.forwarded_2xx > 0), 1);
	assert_true(invite || v.forwarded_2xx <= 1);
	assert_int_equal(fork_next(&f), 0);
}

static void test_random_walk(void **state)
{
	struct rng rng;

	(void)state;
	rng_init_seed(&rng, 2026);
	for (int i = 0; i < 20000; i++)
		walk(&rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
