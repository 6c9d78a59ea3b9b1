/* SPDX-License-Identifier: MIT */
#include "event/history.h"

#include <stdlib.h>

#include "base/pages.h"
#include "event/filter.h"
#include "event/history_impl.h"

#define BYTES_A_BUCKET 512 /* of the ring: about a record */

/* part: how many eighths of the memory. A source, and a prefix, may hold so many parts in 32 of a
 * ring. What went well has no such bound: all calls of a carrier come from one address. whole: so
 * many of the same are kept each. */
static const struct {
	uint32_t part, source, prefix, whole;
} shares[EVENT_HISTORY_RINGS] = {
    [RING_FORGED] = {2, 2, 8, EVENT_HISTORY_WHOLE},
    [RING_STRANGERS] = {2, 2, 8, EVENT_HISTORY_WHOLE},
    [RING_KNOWN] = {2, 8, 32, EVENT_HISTORY_WHOLE},
    [RING_CALLS] = {1, 32, 32, UINT32_MAX},
    [RING_REGISTRATIONS] = {1, 32, 32, 1},
};

/* ---- sizes ---- */

static uint32_t buckets_of(size_t memory)
{
	uint32_t n = 64;

	while ((size_t)n * 2 * BYTES_A_BUCKET <= memory)
		n *= 2;
	return n;
}

static size_t index_bytes(uint32_t buckets)
{
	return buckets * (CHAIN_COUNT * sizeof(uint64_t) + 4 * sizeof(uint32_t));
}

static size_t part_of(size_t memory, int kind)
{
	return memory / 8 * shares[kind].part / CACHE_LINE * CACHE_LINE;
}

size_t event_history_memory(size_t memory)
{
	size_t sum = sizeof(struct event_history);

	if (!memory)
		return 0;
	for (int i = 0; i < EVENT_HISTORY_RINGS; i++)
		sum += part_of(memory - sizeof(struct event_history), i);
	return sum;
}

static enum err ring_init(struct ring *r, size_t memory)
{
	uint32_t buckets = buckets_of(memory);
	size_t index = index_bytes(buckets);
	char *p = pages_alloc_zeroed(memory);

	if (!p)
		return ERR_NOMEM;
	*r = (struct ring){.buckets = (uint64_t *)(void *)p, .mask = buckets - 1};
	r->held = (uint32_t *)(void *)(p + buckets * CHAIN_COUNT * sizeof(uint64_t));
	r->bytes = p + index;
	r->size = (memory - index) / 8 * 8;
	r->head = r->tail = r->size; /* so that no position is 0 */
	return OK;
}

enum err event_history_new(
    size_t memory, const struct siphash_key *key, usec_t began, struct event_history **out_h)
{
	struct event_history *h = calloc(1, sizeof(*h));
	enum err e = h ? OK : ERR_NOMEM;

	for (int i = 0; i < EVENT_HISTORY_RINGS && e == OK; i++)
		e = ring_init(&h->rings[i], part_of(memory - sizeof(*h), i));
	if (e != OK) {
		event_history_free(h);
		return e;
	}
	h->key = *key;
	h->began = h->last = began;
	*out_h = h;
	return OK;
}

void event_history_free(struct event_history *h)
{
	if (!h)
		return;
	for (int i = 0; i < EVENT_HISTORY_RINGS; i++)
		free(h->rings[i].buckets);
	free(h);
}

/* ---- hashes ---- */

/* Never 0. */
static uint64_t hash_of(const struct event_history *h, enum chain salt, const void *p, size_t n)
{
	struct siphash_key key = {h->key.k0 + (uint64_t)salt, h->key.k1};
	uint64_t v = siphash13(&key, p, n);

	return (uint32_t)v ? v : v | 1;
}

/* The first `bits` of an address, on the mapped form. */
static uint64_t hash_bits(
    const struct event_history *h, enum chain salt, const struct addr *a, unsigned bytes)
{
	return hash_of(h, salt, a->ip, bytes);
}

uint64_t history_hash_source(const struct event_history *h, const struct addr *a)
{
	return hash_bits(h, CHAIN_SOURCE, a, addr_is_v4(a) ? 16 : 8);
}

/* Of another length than any source, so that they never meet. */
uint64_t history_hash_prefix(const struct event_history *h, const struct addr *a)
{
	return hash_bits(h, CHAIN_SOURCE, a, addr_is_v4(a) ? 15 : 6);
}

static uint64_t hash_text(const struct event_history *h, enum chain salt, struct span s, size_t max)
{
	char low[MAX(CALL_LOOK, ACCOUNT_LOOK)];
	size_t n = MIN(s.n, max);

	ascii_lower_copy(low, s.p, n);
	return hash_of(h, salt, low, n);
}

/* By account and NAMED alike, so that one question finds both. */
uint32_t history_hash_account(const struct event_history *h, struct span s)
{
	return s.n ? (uint32_t)hash_text(h, CHAIN_ACCOUNT, s, ACCOUNT_LOOK) : 0;
}

uint32_t history_hash_call(const struct event_history *h, struct span s)
{
	return s.n ? (uint32_t)hash_text(h, CHAIN_CALL, s, CALL_LOOK) : 0;
}

/* ---- records ---- */

static void hold(struct ring *r, uint64_t hash, uint32_t add)
{
	if (!hash)
		return;
	r->held[hash >> 32 & r->mask] += add;
	r->held[r->mask + 1 + (hash >> 16 & r->mask)] += add;
}

static uint32_t held(const struct ring *r, uint64_t hash)
{
	uint32_t a = r->held[hash >> 32 & r->mask];
	uint32_t b = r->held[r->mask + 1 + (hash >> 16 & r->mask)];

	return MIN(a, b);
}

static void forget_oldest(struct ring *r)
{
	const struct record *rec = ring_at(r, r->tail);

	if (rec->event_n) {
		hold(r, rec->of_source, (uint32_t)0 - rec->size);
		hold(r, rec->of_prefix, (uint32_t)0 - rec->size);
		r->items--;
	}
	r->tail += rec->size;
	r->wrapped = true;
}

/* Room for a record of so many bytes, at the head. */
static struct record *make_room(struct ring *r, uint32_t size)
{
	size_t rest = r->size - (size_t)(r->head % r->size);
	bool skip = rest < size;
	uint64_t need = skip ? rest + size : size;

	while (r->head + need - r->tail > r->size)
		forget_oldest(r);
	if (skip) {
		struct record *stub = ring_at(r, r->head);

		stub->size = (uint32_t)rest;
		stub->event_n = 0;
		r->head += rest;
	}
	return ring_at(r, r->head);
}

/* ---- adding ---- */

/* What is known of an event that is to be added. */
struct facts {
	struct ring *ring;
	enum ring_kind kind;
	uint64_t source, prefix;
	uint32_t account, named, call;
};

static enum ring_kind ring_kind_of(const struct event *e)
{
	if (e->kind == EVENT_CALL || e->reason == REASON_ROUTE_FORWARDED ||
	    e->reason == REASON_CALL_START)
		return RING_CALLS;
	if (e->verdict == EVENT_PASS && e->mode == EVENT_MODE_ENFORCE &&
	    (e->kind == EVENT_REGISTRATION || e->kind == EVENT_VERDICT))
		return RING_REGISTRATIONS;
	if (e->transport == TRANSPORT_NONE || e->tier >= EVENT_TIER_KNOWN)
		return RING_KNOWN;
	return e->proven ? RING_STRANGERS : RING_FORGED;
}

static void look(struct event_history *h, const struct event *e, struct facts *f)
{
	enum ring_kind kind = ring_kind_of(e);

	*f = (struct facts){.ring = &h->rings[kind], .kind = kind};
	if (event_has_source(e)) {
		f->source = history_hash_source(h, &e->source);
		f->prefix = history_hash_prefix(h, &e->source);
	}
	f->account = history_hash_account(h, event_text(e, EVENT_TEXT_ACCOUNT));
	f->named = history_hash_account(h, event_uri_account(event_text(e, EVENT_TEXT_TO)));
	if (f->named == f->account)
		f->named = 0;
	f->call = history_hash_call(h, event_text(e, EVENT_TEXT_CALL_ID));
}

/* A chain of those that may become one item. */
static uint32_t hash_same(const struct event_history *h, const struct facts *f,
    const struct event *e, enum event_history_kind kind)
{
	const struct {
		uint64_t who, what;
	} same = {
	    kind == EVENT_HISTORY_SOURCES ? f->prefix : f->source,
	    (uint64_t)(kind == EVENT_HISTORY_SAME ? f->account ^ f->named : 0) << 32 |
		(uint64_t)e->reason << 16 | (uint64_t)kind << 12 | (uint64_t)e->mode << 8 |
		(uint64_t)e->verdict << 4 | e->kind,
	};

	return (uint32_t)hash_of(h, CHAIN_SAME, &same, sizeof(same));
}

static struct record *find_same(const struct ring *r, uint32_t hash, usec_t wall)
{
	uint64_t pos = *ring_bucket(r, CHAIN_SAME, hash);
	unsigned looked = 0;

	for (; ring_has(r, pos) && looked < 64; pos = ring_at(r, pos)->prev[CHAIN_SAME], looked++) {
		struct record *rec = ring_at(r, pos);

		if (rec->hash[CHAIN_SAME] == hash)
			return wall < rec->last + EVENT_HISTORY_REPEAT ? rec : NULL;
	}
	return NULL;
}

static void count_onto(struct event_history *h, struct record *rec, const struct event *e)
{
	rec->count += rec->count < UINT32_MAX;
	rec->last = MAX(rec->last, e->wall);
	rec->value = e->value;
	rec->score = e->score;
	rec->tier = e->tier;
	h->counted++;
}

static void link_record(struct ring *r, struct record *rec)
{
	rec->before = r->last;
	r->last = r->head;
	for (int c = 0; c < CHAIN_COUNT; c++) {
		uint64_t *b = ring_bucket(r, (enum chain)c, rec->hash[c]);

		rec->prev[c] = 0;
		if (!rec->hash[c])
			continue;
		rec->prev[c] = *b;
		*b = r->head;
	}
	hold(r, rec->of_source, rec->size);
	hold(r, rec->of_prefix, rec->size);
	r->items++;
}

static void append(struct event_history *h, const struct facts *f, const struct event *e,
    enum event_history_kind kind, uint32_t same, uint32_t run)
{
	size_t event_n = offsetof(struct event, pool) + e->pool_used;
	size_t size = (sizeof(struct record) + event_n + 7) / 8 * 8;
	struct record *rec = make_room(f->ring, (uint32_t)size);

	*rec = (struct record){
	    .size = (uint32_t)size,
	    .event_n = (uint16_t)event_n,
	    .kind = (uint8_t)kind,
	    .tier = e->tier,
	    .run = run,
	    .count = 1,
	    .score = e->score,
	    .hash = {(uint32_t)f->source, f->account, f->named, f->call, same},
	    .value = e->value,
	    .last = e->wall,
	    .number = ++h->number,
	    .of_source = f->source,
	    .of_prefix = f->prefix,
	};
	if (kind == EVENT_HISTORY_SOURCES)
		rec->hash[CHAIN_SOURCE] = (uint32_t)f->prefix;
	memcpy(rec->event, e, event_n);
	link_record(f->ring, rec);
	f->ring->head += size;
}

/* How closely it is kept: does its source, or its prefix, hold as much as it may? */
static enum event_history_kind kind_for(const struct facts *f)
{
	const struct ring *r = f->ring;
	size_t part = r->size / 32;

	if (f->prefix && held(r, f->prefix) > part * shares[f->kind].prefix)
		return EVENT_HISTORY_SOURCES;
	if (f->source && held(r, f->source) > part * shares[f->kind].source)
		return EVENT_HISTORY_ACCOUNTS;
	return EVENT_HISTORY_SAME;
}

void event_history_add(struct event_history *h, const struct event *e)
{
	enum event_history_kind kind;
	struct record *rec;
	uint32_t same, run = 0;
	struct facts f;

	look(h, e, &f);
	kind = kind_for(&f);
	same = hash_same(h, &f, e, kind);
	rec = find_same(f.ring, same, e->wall);
	h->last = MAX(h->last, e->wall);
	if (rec && f.source &&
	    (kind != EVENT_HISTORY_SAME || rec->run + 1 >= shares[f.kind].whole)) {
		count_onto(h, rec, e);
		return;
	}
	if (rec)
		run = rec->run + 1;
	append(h, &f, e, kind, same, run);
}

/* ---- about itself ---- */

static usec_t oldest_of(const struct ring *r, usec_t last)
{
	uint64_t pos = r->tail;

	while (pos < r->head && !ring_at(r, pos)->event_n)
		pos += ring_at(r, pos)->size;
	if (pos >= r->head)
		return last;
	{
		usec_t wall;

		memcpy(&wall, ring_at(r, pos)->event + offsetof(struct event, wall), sizeof(wall));
		return wall;
	}
}

usec_t event_history_since(const struct event_history *h)
{
	usec_t since = h->began;

	for (int i = 0; i < EVENT_HISTORY_RINGS; i++)
		if (h->rings[i].wrapped)
			since = MAX(since, oldest_of(&h->rings[i], h->last));
	return since;
}

void event_history_stats(const struct event_history *h, struct event_history_stats *out)
{
	*out = (struct event_history_stats){.counted = h->counted};
	for (int i = 0; i < EVENT_HISTORY_RINGS; i++) {
		out->items += h->rings[i].items;
		out->bytes += (size_t)(h->rings[i].head - h->rings[i].tail);
		out->capacity += h->rings[i].size;
	}
}
