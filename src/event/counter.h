/* SPDX-License-Identifier: MIT
 *
 * Counters: one struct a worker, which alone adds to it; any thread reads. No read-modify-write
 * instruction is needed for that, so counting costs a load and a store. The table counter.def
 * makes the enum and the names; refusals are counted for each reason, and apart those
 * that were not carried out because their control is in mode observe. */
#ifndef EVENT_COUNTER_H
#define EVENT_COUNTER_H

#include <stdatomic.h>

#include "event/reason.h"

enum counter {
#define ROW(id, name, meaning) COUNTER_##id,
#include "event/counter.def"
#undef ROW
	COUNTER_COUNT
};

struct counters {
	_Alignas(CACHE_LINE) _Atomic uint64_t v[COUNTER_COUNT];
	_Atomic uint64_t reason[REASON_COUNT];
	_Atomic uint64_t would[REASON_COUNT]; /* of those: not carried out, control in observe */
};

/* A sum of the counters of several workers, for one reader. */
struct counter_totals {
	uint64_t v[COUNTER_COUNT];
	uint64_t reason[REASON_COUNT];
	uint64_t would_reason[REASON_COUNT];
	uint64_t would[CONTROL_COUNT]; /* the same by control */
};

static inline void counter_add_to(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(
	    c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Only the owner of c calls these. */
static inline void counter_add(struct counters *c, enum counter which, uint64_t n)
{
	counter_add_to(&c->v[which], n);
}

static inline void counter_inc(struct counters *c, enum counter which)
{
	counter_add_to(&c->v[which], 1);
}

static inline void counter_reason(struct counters *c, enum reason r)
{
	counter_add_to(&c->reason[r], 1);
}

/* A refusal for that reason that was not carried out, as its control only observes. */
static inline void counter_would(struct counters *c, enum reason r)
{
	counter_add_to(&c->would[r], 1);
}

/* Adds what c holds now to *sum; any thread. */
void counter_sum(struct counter_totals *sum, const struct counters *c);

/* "received.udp" and "messages received over UDP"; never NULL. */
const char *counter_name(enum counter c);
const char *counter_meaning(enum counter c);

#endif
