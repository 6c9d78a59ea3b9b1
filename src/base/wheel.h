/* SPDX-License-Identifier: MIT
 *
 * Hierarchical timing wheel: arm, re-arm and cancel in constant time for any number of timers,
 * which live inside their owners. Five levels of 256 slots; a tick is 1.024 ms (a shift, and far
 * below SIP's 500 ms T1), so the horizon is 35 years. A timer waits on the level of the highest
 * byte in which its tick differs from the current one and moves down at most once a level: a
 * 32 s timer moves once or twice in its life.
 *
 * Invariants: a timer never fires early, and at most one tick late by the wheel's own doing; timers
 * fire in the order of their ticks. One owner thread. The wheel owns no timer. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/usec.h"

#define WHEEL_LEVELS 5
#define WHEEL_SLOTS  256
#define WHEEL_TICK   ((usec_t)1024)

struct timer;
typedef void timer_fn(struct timer *t, usec_t now);

/* Embedded in its owner (CONTAINER_OF brings it back). Zeroed memory is a valid unarmed timer
 * without a function; 32 bytes. */
struct timer {
	struct list link;
	usec_t due; /* as armed */
	timer_fn *fn;
};

struct wheel {
	uint64_t tick;                                 /* every tick up to this one has fired */
	size_t armed;                                  /* timers waiting */
	uint64_t busy[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* which slots hold timers */
	struct list slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, usec_t now);

/* fn is called when the timer fires; the timer is then unarmed and may be armed again, or its
 * memory freed. */
void timer_init(struct timer *t, timer_fn *fn);

static inline bool timer_armed(const struct timer *t)
{
	return t->link.next && t->link.next != &t->link;
}

/* Arms t for `due`, or moves it there. A time that has passed fires with the next tick. Times past
 * the horizon (USEC_MAX) are as good as never. Allowed in callbacks. */
void wheel_arm(struct wheel *w, struct timer *t, usec_t due);

/* Harmless when t is not armed. Allowed in callbacks, for the timer itself and for others. */
void wheel_cancel(struct wheel *w, struct timer *t);

/* Fires all that is due at `now` and returns how many. A clock that went back fires nothing. The
 * cost follows the timers, not the time that passed. Must not be called from a callback. */
size_t wheel_advance(struct wheel *w, usec_t now);

/* When to call wheel_advance next: at or before the first timer's tick (before, when it waits on
 * an upper level and has to move down first; then ask again). False when no timer is armed;
 * *out_due is then untouched. */
bool wheel_next(const struct wheel *w, usec_t *out_due);

#endif
