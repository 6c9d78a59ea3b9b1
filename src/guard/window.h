/* SPDX-License-Identifier: MIT
 *
 * The exact sliding window: may there be one more in the last `span` of time? An event is in the
 * window until it is `span` old; at that very microsecond it has left. The moments of the last
 * WINDOW_SLOTS grains are kept; a grain is one event while the limit is at most WINDOW_SLOTS, else
 * the limit by WINDOW_SLOTS - 1, rounded up, and then events leave the window a grain at a time, at
 * the moment of its last one. So with any limit: `limit` events at once pass and one more does not,
 * and no stretch of `span` ever holds more than `limit`; with up to WINDOW_SLOTS it is exact to the
 * microsecond and the event. A plain value of fixed size without a clock; its owner's thread or
 * lock. A `now` before that of the last event (of another thread) is taken as that. */
#ifndef GUARD_WINDOW_H
#define GUARD_WINDOW_H

#include <stdbool.h>

#include "base/usec.h"

#define WINDOW_SLOTS    64
#define WINDOW_SPAN_MAX (60 * USEC_MIN) /* longer spans are this */

/* All zero: empty; so is one whose `at` holds anything, if the rest is zero. */
struct window {
	usec_t last;       /* of the last event; older than the span: all is empty */
	uint16_t limit;    /* that grains are cut for; another one empties the window */
	uint16_t grain;    /* events of a grain */
	uint16_t in_grain; /* events of the newest grain */
	uint8_t next, used;
	uint32_t at[WINDOW_SLOTS]; /* microseconds, modulo 2**32, of the last event of each grain */
};

/* Counts one event whatever comes of it and says whether it is within the limit: whether the event
 * `limit` before it has left the window. A limit of 0 is no limit: true, and nothing is counted;
 * above 65535 it is 65535. A changed limit empties the window; a longer span sees what the shorter
 * one had kept. */
bool window_count(struct window *w, uint32_t limit, usec_t span, usec_t now);

/* The same, but an event that is refused is not counted: it does not deepen the debt.
 * *out_wait (may be NULL), when refused: the time after which one will be let through, if none is
 * taken meanwhile. */
bool window_take(struct window *w, uint32_t limit, usec_t span, usec_t now, usec_t *out_wait);

/* The event that was counted last has not been, after all; an empty window stays empty. Where a
 * grain is many events their moment is still that of the one given back. */
void window_give_back(struct window *w);

/* Events within the last span: exact, or to the grain, never too few; those that window_count
 * refused are among them, up to some more than the limit. For evidence and listings. */
uint32_t window_events(const struct window *w, usec_t span, usec_t now);

/* A rate without memory of moments: this period and the one before it, weighed by how much of it is
 * still in sight (as stick tables do). Coarse; costs two words. Counts stop at 65535 a period. All
 * zero: empty. Periods of 1 ms to an hour. */
struct freq {
	uint32_t begin_ms; /* of this period, modulo 2**32 */
	uint16_t now, before;
};

/* Adds n and gives the estimate for the last period. */
uint32_t freq_add(struct freq *f, uint32_t n, usec_t period, usec_t now);
uint32_t freq_read(const struct freq *f, usec_t period, usec_t now);

#endif
