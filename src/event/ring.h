/* SPDX-License-Identifier: MIT
 *
 * Events on their way from one worker to the main thread: fixed slots, one producer, one consumer,
 * no locks. Never blocks the producer: when the ring is full the event is lost and counted. */
#ifndef EVENT_RING_H
#define EVENT_RING_H

#include <stdatomic.h>

#include "event/event.h"

#define EVENT_RING_SLOTS 4096

/* Called on the producer's thread; tells the consumer to drain soon (uv_async_send). */
typedef void (*event_wake_fn)(void *arg);

struct event_ring {
	struct event *slots;
	uint32_t mask;
	event_wake_fn wake;
	void *arg;
	_Alignas(CACHE_LINE) _Atomic uint32_t head; /* next to write; producer's */
	uint32_t tail_seen;                         /* producer's copy of tail */
	uint32_t flushed;                           /* head at the last flush */
	_Atomic uint64_t lost;                      /* written by the producer only */
	_Alignas(CACHE_LINE) _Atomic uint32_t tail; /* next to read; consumer's */
	_Alignas(CACHE_LINE) _Atomic bool awake; /* the consumer was told and did not start yet */
};

/* slots: a power of two >= 2. ERR_NOMEM. wake may be NULL when the consumer polls. */
NODISCARD enum err event_ring_init(
    struct event_ring *r, uint32_t slots, event_wake_fn wake, void *arg);
void event_ring_done(struct event_ring *r);

/* Bytes that a ring of so many slots takes. */
size_t event_ring_memory(uint32_t slots);

/* Producer: copies e. False, and counted, when the ring is full. Wakes nobody: call
 * event_ring_flush when the batch of messages is done. */
bool event_ring_push(struct event_ring *r, const struct event *e);

/* Producer: wakes the consumer if something was pushed since the last flush and it is not on its
 * way already. Costs two loads when there is nothing to do. */
void event_ring_flush(struct event_ring *r);

/* Consumer: calls fn for each event, oldest first, at most max of them. The event is valid during
 * the call only. Returns how many; if it is max, call again soon. */
size_t event_ring_drain(
    struct event_ring *r, size_t max, void (*fn)(void *arg, const struct event *e), void *arg);

/* Events lost so far; any thread. */
uint64_t event_ring_lost(const struct event_ring *r);

#endif
