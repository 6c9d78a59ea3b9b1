/* SPDX-License-Identifier: MIT
 *
 * Datagrams that passed the gate and wait to be worked on: one bounded queue for each tier, emptied
 * trusted first, suspect last. While a socket has more to read than one batch everything that it
 * has is taken out and judged first, so that the kernel's queue never fills with what will be
 * refused; only then is it worked on, a little at a time. One owner thread.
 *
 * A queue is a ring of bytes made at start; what does not fit is dropped and counted. */
#ifndef EDGE_INBOX_H
#define EDGE_INBOX_H

#include "base/flow.h"
#include "guard/gate.h"

/* Queues, by tier; DENIED and NONE have none. */
struct inbox;

/* A datagram with what the gate said of it. */
struct inbox_item {
	struct flow flow;
	struct gate_answer gate;
	struct span data; /* valid until the next call for this inbox */
	usec_t received;
};

struct inbox_stats {
	uint64_t queued[EVENT_TIER_COUNT], dropped[EVENT_TIER_COUNT], served[EVENT_TIER_COUNT];
	size_t waiting;
};

NODISCARD enum err inbox_new(struct inbox **out_b);
void inbox_free(struct inbox *b);
size_t inbox_memory(void);

/* False: the queue of its tier is full; counted. */
bool inbox_put(struct inbox *b, const struct inbox_item *item);

/* The first of the highest tier that has one; false: all are empty. */
bool inbox_take(struct inbox *b, struct inbox_item *out_item);

/* One of this tier or of a higher one waits. */
bool inbox_waits(const struct inbox *b, enum event_tier tier);

bool inbox_is_empty(const struct inbox *b);

/* How full the fullest queue is, 0..1; that of suspect sources does not count: it may well be full.
 */
double inbox_fill(const struct inbox *b);

const struct inbox_stats *inbox_stats(const struct inbox *b);

#endif
