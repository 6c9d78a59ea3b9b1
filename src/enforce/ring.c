/* SPDX-License-Identifier: MIT */
#include "enforce/ring.h"

_Static_assert((ENFORCE_RING_SLOTS & (ENFORCE_RING_SLOTS - 1)) == 0, "a power of two");

void enforce_ring_init(struct enforce_ring *r, enforce_wake_fn *wake, void *arg)
{
	r->wake = wake;
	r->arg = arg;
}

void enforce_ring_push(struct enforce_ring *r, const struct enforce_ban *ban)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) < ENFORCE_RING_SLOTS) {
		r->slots[head % ENFORCE_RING_SLOTS] = *ban;
		atomic_store_explicit(&r->head, head + 1, memory_order_release);
	} else {
		/* The ban is in the ledger already, so who sees the mark finds it there. */
		atomic_store_explicit(&r->missed, true, memory_order_release);
	}
	if (r->wake)
		r->wake(r->arg);
}

bool enforce_ring_drain(
    struct enforce_ring *r, void (*fn)(void *arg, const struct enforce_ban *ban), void *arg)
{
	bool missed = atomic_exchange_explicit(&r->missed, false, memory_order_acq_rel);
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	while (tail != head) {
		fn(arg, &r->slots[tail % ENFORCE_RING_SLOTS]);
		atomic_store_explicit(&r->tail, ++tail, memory_order_release);
	}
	return missed;
}
