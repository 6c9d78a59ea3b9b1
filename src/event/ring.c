/* SPDX-License-Identifier: MIT */
#include "event/ring.h"

#include <assert.h>
#include <stdlib.h>

#include "base/pages.h"

enum err event_ring_init(struct event_ring *r, uint32_t slots, event_wake_fn wake, void *arg)
{
	struct event *memory;

	assert(slots >= 2 && (slots & (slots - 1)) == 0);
	memory = pages_alloc_zeroed(slots * sizeof(*memory));
	if (!memory)
		return ERR_NOMEM;
	*r = (struct event_ring){.slots = memory, .mask = slots - 1, .wake = wake, .arg = arg};
	return OK;
}

void event_ring_done(struct event_ring *r)
{
	free(r->slots);
	r->slots = NULL;
}

size_t event_ring_memory(uint32_t slots)
{
	return slots * sizeof(struct event);
}

bool event_ring_push(struct event_ring *r, const struct event *e)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (UNLIKELY(head - r->tail_seen > r->mask)) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head - r->tail_seen > r->mask) {
			uint64_t lost = atomic_load_explicit(&r->lost, memory_order_relaxed);

			atomic_store_explicit(&r->lost, lost + 1, memory_order_relaxed);
			return false;
		}
	}
	event_copy(&r->slots[head & r->mask], e);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

/* The consumer takes the mark down before it looks at head. Both change it with one read-modify-
 * write: either the producer finds it down and wakes, or the consumer comes after the producer and
 * sees its head. */
void event_ring_flush(struct event_ring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head == r->flushed)
		return;
	r->flushed = head;
	if (!atomic_exchange_explicit(&r->awake, true, memory_order_acq_rel) && r->wake)
		r->wake(r->arg);
}

size_t event_ring_drain(
    struct event_ring *r, size_t max, void (*fn)(void *arg, const struct event *e), void *arg)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint32_t head;
	size_t n;

	atomic_exchange_explicit(&r->awake, false, memory_order_acq_rel);
	head = atomic_load_explicit(&r->head, memory_order_acquire);
	for (n = 0; n < max && tail != head; n++) {
		fn(arg, &r->slots[tail & r->mask]);
		atomic_store_explicit(&r->tail, ++tail, memory_order_release);
	}
	return n;
}

uint64_t event_ring_lost(const struct event_ring *r)
{
	return atomic_load_explicit(&r->lost, memory_order_relaxed);
}
