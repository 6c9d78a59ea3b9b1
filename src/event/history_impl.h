/* SPDX-License-Identifier: MIT
 *
 * Inside of history.c and history_ask.c: records lie one behind the other in rings of bytes and are
 * named by positions that only grow: the byte at position p is bytes[p % size]. So a link to a
 * record that was overwritten is known by being less than the tail, and nothing has to be unlinked.
 */
#ifndef EVENT_HISTORY_IMPL_H
#define EVENT_HISTORY_IMPL_H

#include "event/history.h"

#define CALL_LOOK    128 /* octets of a Call-ID, as an event keeps them */
#define ACCOUNT_LOOK 96

enum ring_kind { RING_FORGED, RING_STRANGERS, RING_KNOWN, RING_CALLS, RING_REGISTRATIONS };
_Static_assert(RING_REGISTRATIONS + 1 == EVENT_HISTORY_RINGS, "one ring a kind");

enum chain { CHAIN_SOURCE, CHAIN_ACCOUNT, CHAIN_NAMED, CHAIN_CALL, CHAIN_SAME, CHAIN_COUNT };

struct record {
	uint32_t size;    /* of all of it, a multiple of 8 */
	uint16_t event_n; /* 0: nothing but the rest of the ring before its end */
	uint8_t kind;     /* enum event_history_kind */
	uint8_t tier;     /* of the last one */
	uint32_t run;     /* how many of the same were kept before without a pause */
	uint32_t count;
	float score;
	uint32_t hash[CHAIN_COUNT]; /* 0: not in that chain */
	double value;
	usec_t last;
	uint64_t number, before;    /* before: position of the record that came before; 0: none */
	uint64_t prev[CHAIN_COUNT]; /* likewise in the same bucket */
	uint64_t of_source, of_prefix; /* whose share it takes from; 0: nobody's */
	char event[];
};
_Static_assert(sizeof(struct record) % 8 == 0, "records are aligned");

_Static_assert(offsetof(struct record, kind) <= 8, "the rest of a ring has room for this much");

struct ring {
	char *bytes;
	size_t size;
	uint64_t head, tail, last; /* last: position of the newest record; 0: none */
	uint64_t *buckets;         /* CHAIN_COUNT times `mask` + 1 */
	/* Bytes held by sources and by prefixes: two rows of counts each, under different parts of
	 * a keyed hash. The less of the two is never too low. */
	uint32_t *held;
	uint32_t mask;
	size_t items;
	bool wrapped;
};

struct event_history {
	struct siphash_key key;
	struct ring rings[EVENT_HISTORY_RINGS];
	uint64_t number, counted;
	usec_t began, last;
	struct event event; /* the one that is shown */
};

static inline struct record *ring_at(const struct ring *r, uint64_t pos)
{
	return (struct record *)(void *)(r->bytes + pos % r->size);
}

static inline bool ring_has(const struct ring *r, uint64_t pos)
{
	return pos >= r->tail && pos < r->head;
}

/* The head of a chain: position of its newest record. */
static inline uint64_t *ring_bucket(const struct ring *r, enum chain c, uint32_t hash)
{
	return &r->buckets[(size_t)c * (r->mask + 1) + (hash & r->mask)];
}

/* Keyed hashes; those of texts are 0 for an empty one. */
uint64_t history_hash_source(const struct event_history *h, const struct addr *a);
uint64_t history_hash_prefix(const struct event_history *h, const struct addr *a);
uint32_t history_hash_account(const struct event_history *h, struct span s);
uint32_t history_hash_call(const struct event_history *h, struct span s);

#endif
