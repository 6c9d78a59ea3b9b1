/* SPDX-License-Identifier: MIT */
#include "guard/tally.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/pages.h"
#include "base/spin.h"

#define STRIPES 256
#define TICKS   256 /* parts of a span, of distinct things */

/* As far may the clock of another worker be ahead. */
#define TICKS_AHEAD 64

enum { TICK_BITS = 10, TICK_MASK = (1 << TICK_BITS) - 1 };

/* Names apart, so that a look-up touches one line and the entry. 0: free. */
struct set {
	_Alignas(CACHE_LINE) uint64_t name[TALLY_WAYS];
	struct tally way[TALLY_WAYS];
};

struct stripe {
	_Alignas(CACHE_LINE) struct spin lock;
};

struct tally_table {
	struct siphash_key key;
	size_t mask; /* sets - 1 */
	uint32_t fade_s;
	_Atomic size_t used;
	_Atomic uint64_t evicted;
	struct stripe stripes[STRIPES];
	struct set sets[];
};

static size_t sets_for(size_t entries)
{
	size_t sets = 1;

	while (sets * TALLY_WAYS < entries && sets < SIZE_MAX / sizeof(struct set) / 4)
		sets *= 2;
	return sets;
}

static size_t bytes_for(size_t sets)
{
	return sizeof(struct tally_table) + sets * sizeof(struct set);
}

size_t tally_table_memory(size_t entries)
{
	return bytes_for(sets_for(entries));
}

enum err tally_table_new(
    size_t entries, usec_t fade, const struct siphash_key *key, struct tally_table **out_t)
{
	size_t sets = sets_for(entries);
	struct tally_table *t = pages_alloc(bytes_for(sets));

	if (!t)
		return ERR_NOMEM;
	/* Written once, so that no traffic makes the process grow. */
	memset(t, 0, bytes_for(sets));
	t->key = *key;
	t->mask = sets - 1;
	t->fade_s = (uint32_t)MAX(fade / USEC_SEC, 1);
	*out_t = t;
	return OK;
}

void tally_table_free(struct tally_table *t)
{
	free(t);
}

uint64_t tally_name(const struct tally_table *t, uint8_t kind, const void *what, size_t n)
{
	struct siphash_key key = {t->key.k0 ^ kind, t->key.k1};
	uint64_t h = siphash13(&key, what, n);

	return h ? h : 1;
}

static uint32_t seconds(usec_t now)
{
	return (uint32_t)(now / USEC_SEC);
}

static uint32_t millis(usec_t t)
{
	return (uint32_t)(t / USEC_MS);
}

/* How long ago, both modulo 2**32: the clock of another worker may be a little ahead, and then it
 * was just now. */
static uint32_t passed(uint32_t then, uint32_t now)
{
	return (int32_t)(now - then) < 0 ? 0 : now - then;
}

static struct set *set_of(struct tally_table *t, uint64_t name)
{
	return &t->sets[name & t->mask];
}

static struct set *lock_set(struct tally_table *t, uint64_t name)
{
	spin_lock(&t->stripes[(name & t->mask) % STRIPES].lock);
	return set_of(t, name);
}

void tally_unlock(struct tally_table *t, uint64_t name)
{
	spin_unlock(&t->stripes[(name & t->mask) % STRIPES].lock);
}

static int way_of(const struct set *s, uint64_t name)
{
	for (int i = 0; i < TALLY_WAYS; i++)
		if (s->name[i] == name)
			return i;
	return -1;
}

struct tally *tally_lock(struct tally_table *t, uint64_t name)
{
	struct set *s = lock_set(t, name);
	int i = way_of(s, name);

	if (i < 0) {
		tally_unlock(t, name);
		return NULL;
	}
	return &s->way[i];
}

static uint32_t log2_of(uint32_t v)
{
	return v ? 31 - (uint32_t)__builtin_clz(v) : 0;
}

/* Doublings of its events, less the time without any. */
static uint32_t value_of(const struct tally_table *t, const struct tally *e, usec_t now)
{
	uint32_t idle = passed(e->seen_s, seconds(now)) / t->fade_s;
	uint32_t worth = 1 + e->shift + log2_of(e->used);

	if (e->until > now)
		return UINT32_MAX;
	return worth > idle ? worth - idle : 0;
}

static bool is_worse(
    const struct tally_table *t, const struct tally *a, const struct tally *b, usec_t now)
{
	uint32_t va = value_of(t, a, now), vb = value_of(t, b, now);

	return va != vb ? va < vb : a->seen_s < b->seen_s;
}

/* A free way, or the least of those that may go: never a kept one for a stranger, nor a stranger's
 * place for more kept ones than there may be. */
static int way_take(const struct tally_table *t, const struct set *s, bool kept, usec_t now)
{
	bool from_kept;
	int n_kept = 0, found = -1;

	for (int i = 0; i < TALLY_WAYS; i++)
		n_kept += s->name[i] && s->way[i].kept;
	from_kept = kept && n_kept >= TALLY_WAYS - TALLY_WAYS_STRANGERS;
	for (int i = 0; i < TALLY_WAYS; i++) {
		if (!s->name[i] && !from_kept)
			return i;
		if (s->name[i] && (bool)s->way[i].kept == from_kept &&
		    (found < 0 || is_worse(t, &s->way[i], &s->way[found], now)))
			found = i;
	}
	return found;
}

struct tally *tally_lock_or_add(
    struct tally_table *t, uint64_t name, uint8_t kind, bool kept, usec_t now)
{
	struct set *s = lock_set(t, name);
	int i = way_of(s, name);

	if (i >= 0)
		return &s->way[i];
	i = way_take(t, s, kept, now);
	if (s->name[i])
		atomic_fetch_add_explicit(&t->evicted, 1, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&t->used, 1, memory_order_relaxed);
	s->name[i] = name;
	s->way[i] = (struct tally){.kind = kind, .kept = kept, .seen_s = seconds(now)};
	return &s->way[i];
}

void tally_clear(struct tally *e)
{
	e->used = e->shift = 0;
	e->in_grain = e->over = 0;
}

static void drop_first(struct tally *e, uint8_t n)
{
	e->used -= n;
	memmove(e->at, e->at + n, e->used * sizeof(e->at[0]));
}

/* What is older than the span goes. Moments are kept modulo 2**32 ms, which is safe since nothing
 * stays that was not looked at for longer than a span. */
static void expire(struct tally *e, usec_t span, usec_t now)
{
	uint32_t now_ms = millis(now), span_ms = millis(span);
	uint8_t old = 0;

	if (passed(e->seen_s, seconds(now)) > seconds(span) + 1) {
		tally_clear(e);
		return;
	}
	while (old < e->used && passed(e->at[old], now_ms) >= span_ms)
		old++;
	if (old == e->used)
		tally_clear(e);
	else if (old)
		drop_first(e, old);
}

/* Two grains become one. */
static void merge(struct tally *e)
{
	for (uint8_t i = 0; i < TALLY_SLOTS / 2; i++)
		e->at[i] = e->at[2 * i + 1];
	e->used = TALLY_SLOTS / 2;
	e->shift++;
	e->in_grain = (uint32_t)1 << e->shift;
}
_Static_assert(TALLY_SLOTS % 2 == 0, "grains are merged in pairs");

static uint32_t events(const struct tally *e)
{
	return e->used ? ((uint32_t)(e->used - 1) << e->shift) + e->in_grain : 0;
}

uint32_t tally_add(struct tally *e, usec_t span, usec_t now)
{
	expire(e, span, now);
	e->seen_s = seconds(now);
	if (!e->used || e->in_grain == (uint32_t)1 << e->shift) {
		if (e->used == TALLY_SLOTS && e->shift < 24)
			merge(e);
		if (e->used == TALLY_SLOTS)
			drop_first(e, 1);
		e->used++;
		e->in_grain = 0;
	}
	e->in_grain++;
	e->at[e->used - 1] = millis(now);
	return events(e);
}

uint32_t tally_count(struct tally *e, usec_t span, usec_t now)
{
	expire(e, span, now);
	return events(e);
}

bool tally_passed(struct tally *e, uint32_t limit, uint32_t count)
{
	if (!limit || count <= limit) {
		e->over = 0;
		return false;
	}
	return e->over++ % limit == 0;
}

static uint32_t tick_of(usec_t span, usec_t now)
{
	return (uint32_t)(now / MAX(span / TICKS, 1)) & TICK_MASK;
}

/* Forgets those that are older than the span. */
static void expire_distinct(struct tally *e, uint32_t tick, usec_t span, usec_t now)
{
	uint8_t n = 0;

	if (passed(e->seen_s, seconds(now)) > seconds(span) + 1)
		e->used = 0;
	for (uint8_t i = 0; i < e->used; i++) {
		uint32_t age = (tick - e->at[i]) & TICK_MASK;

		if (age <= TICKS || age > TICK_MASK - TICKS_AHEAD)
			e->at[n++] = e->at[i];
	}
	e->used = n;
}

uint32_t tally_add_distinct(
    struct tally *e, uint32_t hash, usec_t span, usec_t now, usec_t *out_age)
{
	uint32_t tick = tick_of(span, now);
	uint8_t i = 0;

	expire_distinct(e, tick, span, now);
	e->seen_s = seconds(now);
	if (!e->used)
		e->over = millis(now);
	while (i < e->used && (e->at[i] ^ hash) >> TICK_BITS)
		i++;
	/* The newest stand last, so the one that goes for another is the oldest. */
	if (i < e->used || e->used == TALLY_SLOTS) {
		uint8_t gone = i < e->used ? i : 0;

		memmove(e->at + gone, e->at + gone + 1,
		    (size_t)(e->used - gone - 1) * sizeof(e->at[0]));
		e->used--;
	}
	e->at[e->used++] = (hash & ~(uint32_t)TICK_MASK) | tick;
	*out_age = (usec_t)passed(e->over, millis(now)) * USEC_MS;
	return e->used;
}

void tally_stats(const struct tally_table *t, struct tally_stats *out)
{
	out->used = atomic_load_explicit(&t->used, memory_order_relaxed);
	out->capacity = (t->mask + 1) * TALLY_WAYS;
	out->evicted = atomic_load_explicit(&t->evicted, memory_order_relaxed);
}

size_t tally_pending(struct tally_table *t, usec_t now)
{
	size_t n = 0;

	for (uint64_t at = 0; at <= t->mask; at++) {
		struct set *s = lock_set(t, at);

		for (int i = 0; i < TALLY_WAYS; i++)
			n += s->name[i] && s->way[i].until > now;
		tally_unlock(t, at);
	}
	return n;
}

static struct tally_source first_bytes(const struct addr *a, size_t v4, size_t v6)
{
	struct tally_source s = {{0}};

	memcpy(s.ip, a->ip, addr_is_v4(a) ? v4 : v6);
	return s;
}

struct tally_source tally_source(const struct addr *a)
{
	return first_bytes(a, 16, 8);
}

struct tally_source tally_prefix(const struct addr *a)
{
	return first_bytes(a, 15, 6);
}
