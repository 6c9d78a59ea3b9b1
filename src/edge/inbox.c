/* SPDX-License-Identifier: MIT */
#include "edge/inbox.h"

#include <stdlib.h>

#include "base/pages.h"

#define KIB ((size_t)1024)

/* Bytes for each tier; what is served later needs less room, for it is worth less when it is old.
 */
static const size_t room_of[EVENT_TIER_COUNT] = {
    [EVENT_TIER_SUSPECT] = 128 * KIB,
    [EVENT_TIER_UNKNOWN] = 512 * KIB,
    [EVENT_TIER_CHALLENGED] = 512 * KIB,
    [EVENT_TIER_KNOWN] = 1024 * KIB,
    [EVENT_TIER_TRUSTED] = 1024 * KIB,
};

/* What stands in the ring before the bytes of a datagram; as aligned as its size. */
struct entry {
	uint32_t
	    size; /* with the datagram, a multiple of 8; 0: the ring goes on at its beginning */
	uint32_t n;
	struct flow flow;
	struct gate_answer gate;
	usec_t received;
};

/* From head on is the oldest; at tail the next is written. The two are equal when it is empty: a
 * ring is never filled to the last byte. */
struct ring {
	char *bytes;
	size_t size, head, tail;
	size_t taken; /* of the one that was given out last, still to be freed */
};

struct inbox {
	struct ring rings[EVENT_TIER_COUNT];
	struct inbox_stats stats;
	char *bytes;
};

_Static_assert(_Alignof(struct entry) <= 8, "entries lie at multiples of 8");

static size_t all_rooms(void)
{
	size_t sum = 0;

	for (int t = 0; t < EVENT_TIER_COUNT; t++)
		sum += room_of[t];
	return sum;
}

enum err inbox_new(struct inbox **out_b)
{
	struct inbox *b = calloc(1, sizeof(*b));
	size_t at = 0;

	if (!b)
		return ERR_NOMEM;
	b->bytes = pages_alloc_zeroed(all_rooms());
	if (!b->bytes) {
		free(b);
		return ERR_NOMEM;
	}
	for (int t = 0; t < EVENT_TIER_COUNT; t++) {
		b->rings[t] = (struct ring){.bytes = b->bytes + at, .size = room_of[t]};
		at += room_of[t];
	}
	*out_b = b;
	return OK;
}

void inbox_free(struct inbox *b)
{
	if (!b)
		return;
	free(b->bytes);
	free(b);
}

size_t inbox_memory(void)
{
	return sizeof(struct inbox) + all_rooms();
}

/* Where an entry of that size can be written; NULL: there is no room. One byte stays free. */
static struct entry *room_for(struct ring *r, size_t size)
{
	if (r->tail >= r->head) {
		if (r->size - r->tail > size || (r->size - r->tail == size && r->head > 0))
			return (struct entry *)(void *)(r->bytes + r->tail);
		if (r->head <= size)
			return NULL;
		memset(r->bytes + r->tail, 0, sizeof(uint32_t));
		r->tail = 0;
		return (struct entry *)(void *)r->bytes;
	}
	return r->head - r->tail > size ? (struct entry *)(void *)(r->bytes + r->tail) : NULL;
}

/* An empty ring begins anew, so that little traffic stays in few cache lines. */
static void free_taken(struct ring *r)
{
	if (!r->taken)
		return;
	r->head += r->taken;
	r->taken = 0;
	if (r->head == r->size)
		r->head = 0;
	if (r->head == r->tail)
		r->head = r->tail = 0;
}

bool inbox_put(struct inbox *b, const struct inbox_item *item)
{
	enum event_tier t = item->gate.queue;
	struct ring *r = &b->rings[t];
	size_t size = (sizeof(struct entry) + item->data.n + 7) & ~(size_t)7;
	struct entry *e;

	free_taken(r);
	e = room_for(r, size);
	if (!e) {
		b->stats.dropped[t]++;
		return false;
	}
	*e = (struct entry){.size = (uint32_t)size,
	    .n = (uint32_t)item->data.n,
	    .flow = item->flow,
	    .gate = item->gate,
	    .received = item->received};
	memcpy(e + 1, item->data.p, item->data.n);
	r->tail += size;
	if (r->tail == r->size)
		r->tail = 0;
	b->stats.queued[t]++;
	b->stats.waiting++;
	return true;
}

/* The oldest, which there is. */
static const struct entry *oldest(struct ring *r)
{
	const struct entry *e = (const struct entry *)(const void *)(r->bytes + r->head);

	if (e->size == 0) {
		r->head = 0;
		e = (const struct entry *)(const void *)r->bytes;
	}
	return e;
}

static bool take(struct inbox *b, enum event_tier t, struct inbox_item *out_item)
{
	struct ring *r = &b->rings[t];
	const struct entry *e;

	free_taken(r);
	if (r->head == r->tail)
		return false;
	e = oldest(r);
	r->taken = e->size;
	*out_item = (struct inbox_item){.flow = e->flow,
	    .gate = e->gate,
	    .data = span_of((const char *)(e + 1), e->n),
	    .received = e->received};
	b->stats.served[t]++;
	b->stats.waiting--;
	return true;
}

bool inbox_take(struct inbox *b, struct inbox_item *out_item)
{
	if (inbox_is_empty(b))
		return false;
	for (int t = EVENT_TIER_TRUSTED; t >= EVENT_TIER_SUSPECT; t--)
		if (take(b, (enum event_tier)t, out_item))
			return true;
	return false;
}

bool inbox_waits(const struct inbox *b, enum event_tier tier)
{
	for (int t = (int)tier; t < EVENT_TIER_COUNT; t++)
		if (b->stats.queued[t] != b->stats.served[t])
			return true;
	return false;
}

bool inbox_is_empty(const struct inbox *b)
{
	return b->stats.waiting == 0;
}

const struct inbox_stats *inbox_stats(const struct inbox *b)
{
	return &b->stats;
}

double inbox_fill(const struct inbox *b)
{
	double most = 0;

	for (int t = EVENT_TIER_UNKNOWN; t < EVENT_TIER_COUNT; t++) {
		const struct ring *r = &b->rings[t];
		size_t used = r->tail >= r->head ? r->tail - r->head : r->size - r->head + r->tail;

		if (r->size)
			most = MAX(most, (double)used / (double)r->size);
	}
	return most;
}
