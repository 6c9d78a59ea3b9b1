/* SPDX-License-Identifier: MIT
 *
 * Bans on their way from one worker to the main thread: fixed slots, one producer, one consumer, no
 * locks. Nothing is ever lost: when there is no room a mark is set, and the consumer walks the
 * whole ledger again, where every ban is. */
#ifndef ENFORCE_RING_H
#define ENFORCE_RING_H

#include <stdatomic.h>

#include "base/addr.h"
#include "base/usec.h"

#define ENFORCE_RING_SLOTS 256

/* Called on the producer's thread; tells the consumer to drain soon (uv_async_send). */
typedef void enforce_wake_fn(void *arg);

struct enforce_ban {
	struct prefix what;
	usec_t until; /* monotonic; 0: the ban ends now */
	usec_t since; /* when that was decided */
	bool by_hand;
};

struct enforce_ring {
	enforce_wake_fn *wake;
	void *arg;
	_Alignas(CACHE_LINE) _Atomic uint32_t head; /* producer's */
	_Atomic bool missed;                        /* there was no room since the last drain */
	_Alignas(CACHE_LINE) _Atomic uint32_t tail; /* consumer's */
	struct enforce_ban slots[ENFORCE_RING_SLOTS];
};

/* r is zeroed. wake may be NULL when the consumer polls. */
void enforce_ring_init(struct enforce_ring *r, enforce_wake_fn *wake, void *arg);

/* Producer. Wakes the consumer. */
void enforce_ring_push(struct enforce_ring *r, const struct enforce_ban *ban);

/* Consumer: each ban, oldest first. True: some did not fit and have to be looked up. */
bool enforce_ring_drain(
    struct enforce_ring *r, void (*fn)(void *arg, const struct enforce_ban *ban), void *arg);

#endif
