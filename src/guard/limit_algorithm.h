/* SPDX-License-Identifier: MIT
 *
 * The algorithms behind limit.h. Those that count have a state for each key, all zero when nothing
 * was used up; those that go by the load of the machine have a controller for each worker. Plain
 * values without a clock or a lock; private to guard. */
#ifndef GUARD_LIMIT_ALGORITHM_H
#define GUARD_LIMIT_ALGORITHM_H

#include "base/rng.h"
#include "conf/conf.h"
#include "guard/window.h"

/* What came of one request: evidence, and how long the key remembers it. */
struct limit_outcome {
	bool taken;
	double value, threshold;
	usec_t wait;     /* when refused: until one would pass, about */
	uint32_t events; /* that the key holds now, for its place in the table */
	usec_t free_at;  /* when it will hold none */
};

/* GCRA: a key is the moment by which all that it let through is paid for, in units of 1/events us,
 * so that no rate is rounded. */
struct limit_bucket {
	uint64_t paid_at;
};
void limit_bucket_take(
    struct limit_bucket *b, const struct conf_limit *l, usec_t now, struct limit_outcome *out);
void limit_bucket_give_back(struct limit_bucket *b, const struct conf_limit *l);

struct limit_stretch {
	usec_t begin;
	uint32_t events; /* 0: none has begun */
};
void limit_stretch_take(
    struct limit_stretch *s, const struct conf_limit *l, usec_t now, struct limit_outcome *out);
void limit_stretch_give_back(struct limit_stretch *s);

void limit_sliding_take(
    struct window *w, const struct conf_limit *l, usec_t now, struct limit_outcome *out);

/* Counts what passed; the share that is refused grows from 0 at half of the rate to 1 at the rate.
 */
void limit_red_take(struct freq *f, const struct conf_limit *l, struct rng *rng, usec_t now,
    struct limit_outcome *out);

/* A controller of one worker; written by its thread, read by any. */
struct limit_controller {
	_Alignas(CACHE_LINE) _Atomic uint32_t share; /* refused, of 2**32 - 1 */
	_Atomic uint32_t value;                      /* measured last, of 2**32 - 1 */
	double exact, error; /* the share as computed, the deviation measured last */
	usec_t at;           /* of the last measurement; 0: none */
};

/* FEEDBACK: a PI controller in its velocity form, so the integral is the share itself, and bounding
 * that to 0..1 is all the anti-windup it needs. It steers what passes rather than what is refused,
 * in proportion to it, and so settles as fast at ten times the capacity as at a little above it. */
void limit_feedback_measure(struct limit_controller *c, double target, double cpu, usec_t now);

/* NETWORK: nothing is refused up to the target, all when the queue is full, between them a share
 * that grows evenly. */
void limit_network_measure(struct limit_controller *c, double target, double fill, usec_t now);

/* Refuses by the share. */
void limit_share_take(struct limit_controller *c, const struct conf_limit *l, struct rng *rng,
    struct limit_outcome *out);
double limit_share_of(const struct limit_controller *c);

#endif
