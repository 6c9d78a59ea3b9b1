/* SPDX-License-Identifier: MIT
 *
 * A bounded ring after D. Vyukov: each slot carries the turn at which it may be written or read, so
 * that senders claim slots with one compare-and-swap and never wait for each other. */
#include "net/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	_Atomic uint64_t
	    turn; /* position: free for the letter of that number; position + 1: holds it */
	struct mail mail;
};

struct mailbox {
	_Alignas(CACHE_LINE) _Atomic uint64_t tail; /* next letter to be written */
	_Atomic uint64_t refused;
	_Alignas(CACHE_LINE) _Atomic bool woken; /* a wake-up is on its way */
	_Alignas(CACHE_LINE) uint64_t head;      /* next letter to be read; the loop's */
	uint64_t mask;
	struct slot *slots;
	mail_fn received, dropped;
	void *arg;
	struct net_loop *loop;
	uv_async_t wake;
};

static size_t slot_count(size_t capacity)
{
	size_t n = 2;

	while (n < capacity)
		n *= 2;
	return n;
}

size_t mailbox_memory(size_t capacity)
{
	return sizeof(struct mailbox) + slot_count(capacity) * sizeof(struct slot);
}

/* Takes the next letter. False when there is none that is written whole. */
static bool take(struct mailbox *mb, struct mail *out_m)
{
	struct slot *s = &mb->slots[mb->head & mb->mask];

	if (atomic_load_explicit(&s->turn, memory_order_acquire) != mb->head + 1)
		return false;
	*out_m = s->mail;
	atomic_store_explicit(&s->turn, mb->head + mb->mask + 1, memory_order_release);
	mb->head++;
	return true;
}

static void wake(struct mailbox *mb)
{
	if (!atomic_exchange_explicit(&mb->woken, true, memory_order_acq_rel))
		uv_async_send(&mb->wake);
}

/* `woken` is cleared before the ring is read: a letter that is written later finds it clear and
 * wakes again, one written earlier is seen. At most one ring is taken at a time. */
static void deliver(uv_async_t *h)
{
	struct mailbox *mb = h->data;
	uint64_t left = mb->mask + 1;
	struct mail m;

	atomic_exchange_explicit(&mb->woken, false, memory_order_acq_rel);
	net_loop_refresh(mb->loop);
	while (left && take(mb, &m)) {
		left--;
		mb->received(mb->arg, &m);
	}
	if (!left)
		wake(mb);
}

enum err mailbox_new(struct net_loop *l, size_t capacity, mail_fn received, mail_fn dropped,
    void *arg, struct mailbox **out_mb)
{
	size_t n = slot_count(capacity);
	struct mailbox *mb = aligned_alloc(CACHE_LINE, sizeof(*mb));
	struct slot *slots = calloc(n, sizeof(*slots));

	if (!mb || !slots) {
		free(mb);
		free(slots);
		return ERR_NOMEM;
	}
	memset(mb, 0, sizeof(*mb));
	mb->mask = n - 1;
	mb->slots = slots;
	mb->received = received;
	mb->dropped = dropped;
	mb->arg = arg;
	mb->loop = l;
	mb->wake.data = mb;
	for (size_t i = 0; i < n; i++)
		atomic_init(&slots[i].turn, i);
	if (uv_async_init(&l->uv, &mb->wake, deliver) != 0) {
		free(slots);
		free(mb);
		return ERR_IO;
	}
	mb->wake.data = mb;
	*out_mb = mb;
	return OK;
}

static void handle_closed(uv_handle_t *h)
{
	struct mailbox *mb = h->data;

	free(mb->slots);
	free(mb);
}

void mailbox_free(struct mailbox *mb)
{
	struct mail m;

	if (!mb)
		return;
	while (take(mb, &m)) {
		if (mb->dropped)
			mb->dropped(mb->arg, &m);
	}
	uv_close((uv_handle_t *)&mb->wake, handle_closed);
}

enum err mailbox_post(struct mailbox *mb, const struct mail *m)
{
	uint64_t at = atomic_load_explicit(&mb->tail, memory_order_relaxed);
	struct slot *s;

	for (;;) {
		uint64_t turn;

		s = &mb->slots[at & mb->mask];
		turn = atomic_load_explicit(&s->turn, memory_order_acquire);
		if (turn == at) {
			if (atomic_compare_exchange_weak_explicit(
				&mb->tail, &at, at + 1, memory_order_relaxed, memory_order_relaxed))
				break;
		} else if ((int64_t)(turn - at) < 0) {
			atomic_fetch_add_explicit(&mb->refused, 1, memory_order_relaxed);
			return ERR_FULL;
		} else {
			at = atomic_load_explicit(&mb->tail, memory_order_relaxed);
		}
	}
	s->mail = *m;
	atomic_store_explicit(&s->turn, at + 1, memory_order_release);
	wake(mb);
	return OK;
}

uint64_t mailbox_refused(const struct mailbox *mb)
{
	return atomic_load_explicit(&mb->refused, memory_order_relaxed);
}
