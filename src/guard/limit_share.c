/* SPDX-License-Identifier: MIT
 *
 * Limits by the load of the machine: a share of the requests is refused, by the throw of a die. */
#include <stdatomic.h>

#include "guard/limit_algorithm.h"

/* Per second of deviation, and of a change of it; a step is never longer than STEP_MAX, with which
 * the loop is still stable. Found by simulation, see test_limit_share.c. */
static const double INTEGRAL = 3.0, PROPORTIONAL = 0.3, STEP_MAX = 0.3;

/* Below these the share would hardly move any more. */
static const double PASS_LEAST = 0.02, LOAD_LEAST = 0.1;

static const double SCALE = 4294967295.0;

static double bounded(double v)
{
	/* Not a number is no load. */
	return v > 0 ? (v < 1 ? v : 1) : 0;
}

static void publish(struct limit_controller *c, double share, double value, usec_t now)
{
	c->exact = share;
	c->at = now;
	atomic_store_explicit(&c->share, (uint32_t)(share * SCALE), memory_order_relaxed);
	atomic_store_explicit(&c->value, (uint32_t)(value * SCALE), memory_order_relaxed);
}

void limit_feedback_measure(struct limit_controller *c, double target, double cpu, usec_t now)
{
	const double load = bounded(cpu), error = load - target;
	const double pass = 1 - c->exact;
	const double gain =
	    (pass > PASS_LEAST ? pass : PASS_LEAST) / (load > LOAD_LEAST ? load : LOAD_LEAST);
	double step = 0, change = 0;

	if (c->at && now > c->at) {
		step = (double)(now - c->at) / (double)USEC_SEC;
		change = error - c->error;
	}
	if (step > STEP_MAX)
		step = STEP_MAX;
	c->error = error;
	publish(c, bounded(c->exact + gain * (PROPORTIONAL * change + INTEGRAL * error * step)),
	    load, now);
}

void limit_network_measure(struct limit_controller *c, double target, double fill, usec_t now)
{
	const double value = bounded(fill);

	publish(c, bounded((value - target) / (1 - target)), value, now);
}

double limit_share_of(const struct limit_controller *c)
{
	return atomic_load_explicit(&c->share, memory_order_relaxed) / SCALE;
}

void limit_share_take(struct limit_controller *c, const struct conf_limit *l, struct rng *rng,
    struct limit_outcome *out)
{
	const uint32_t share = atomic_load_explicit(&c->share, memory_order_relaxed);
	const double pass = 1 - share / SCALE;

	*out = (struct limit_outcome){.threshold = l->target,
	    .value = atomic_load_explicit(&c->value, memory_order_relaxed) / SCALE};
	out->taken = share == 0 || (share < UINT32_MAX && (uint32_t)(rng_u64(rng) >> 32) >= share);
	/* As many seconds as tries would be needed: the more is refused, the longer they stay away.
	 */
	if (!out->taken)
		out->wait = (usec_t)((pass > 1.0 / 30 ? 1 / pass : 30) * (double)USEC_SEC);
}
