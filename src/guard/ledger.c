/* SPDX-License-Identifier: MIT */
#include "guard/ledger.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "base/spin.h"

#define WAYS        LEDGER_WAYS
#define KNOWN_WAYS  (LEDGER_WAYS - LEDGER_WAYS_STRANGERS)
#define SAFE_WAYS   (LEDGER_WAYS - 1)
#define SHARDS      16
#define ORDER_START 0x76543210u

/* The head tells, within one line, where an entry is and which one to give up. Tags and order are
 * read without the lock, too, to prefetch; all else is under it. */
struct set {
	_Alignas(CACHE_LINE) _Atomic uint32_t tag[WAYS]; /* of the hash; 0: free */
	struct spin lock;
	_Atomic uint32_t order; /* the ways, four bits each, lowest: seen last */
	uint8_t rank[WAYS];     /* enum ledger_rank as of the last unlock */
	usec_t stale;           /* when the first of these ranks runs out */
	usec_t now;             /* when it was locked */
	struct ledger_entry entry[WAYS];
};
_Static_assert(offsetof(struct set, entry) == CACHE_LINE, "the head is one line");
_Static_assert(offsetof(struct ledger_entry, suspect) == CACHE_LINE, "the hot part is one line");
_Static_assert(offsetof(struct ledger_entry, window.at) == 3 * CACHE_LINE,
    "what is cleared, and the moments of the window, are whole lines");
_Static_assert(sizeof(struct ledger_entry) == 7 * CACHE_LINE, "448 bytes an entry");

struct counters {
	_Alignas(CACHE_LINE) _Atomic uint64_t entries;
	_Atomic uint64_t refused;
	_Atomic uint64_t evicted[EVENT_TIER_COUNT];
};

struct ledger {
	struct siphash_key key;
	size_t sets;
	struct counters counters[SHARDS]; /* by set, so that workers seldom meet at one */
	struct set set[];
};

static size_t sets_for(size_t entries)
{
	return MIN(MAX((entries + WAYS - 1) / WAYS, 1), UINT32_MAX);
}

size_t ledger_memory(size_t entries)
{
	return sizeof(struct ledger) + sets_for(entries) * sizeof(struct set);
}

enum err ledger_new(size_t entries, const struct siphash_key *key, struct ledger **out_l)
{
	struct ledger *l;

	if (entries > SIZE_MAX / sizeof(struct set))
		return ERR_NOMEM;
	l = pages_alloc(ledger_memory(entries));
	if (!l)
		return ERR_NOMEM;
	memset(l, 0, ledger_memory(entries));
	l->key = *key;
	l->sets = sets_for(entries);
	for (size_t i = 0; i < l->sets; i++) {
		l->set[i].order = ORDER_START;
		l->set[i].stale = USEC_MAX;
	}
	*out_l = l;
	return OK;
}

void ledger_free(struct ledger *l)
{
	free(l);
}

uint64_t ledger_hash(const struct ledger *l, const struct ledger_key *k)
{
	return siphash13(&l->key, k, sizeof(*k));
}

/* The lower half of the hash finds the set, the upper one is the tag. */
static struct set *set_of(const struct ledger *l, uint64_t hash)
{
	return (struct set *)&l->set[(uint64_t)(uint32_t)hash * l->sets >> 32];
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

static struct set *set_at(const struct ledger *l, const struct ledger_entry *e)
{
	size_t at = (size_t)((const char *)e - (const char *)l->set);

	return (struct set *)&l->set[at / sizeof(struct set)];
}

static uint32_t load_tag(const struct set *s, unsigned way)
{
	return atomic_load_explicit(&s->tag[way], memory_order_relaxed);
}

static void store_tag(struct set *s, unsigned way, uint32_t tag)
{
	atomic_store_explicit(&s->tag[way], tag, memory_order_relaxed);
}

static uint32_t load_order(const struct set *s)
{
	return atomic_load_explicit(&s->order, memory_order_relaxed);
}

/* A bit for each way with this tag. */
static unsigned ways_with(const struct set *s, uint32_t tag)
{
	unsigned ways = 0;

	for (unsigned i = 0; i < WAYS; i++)
		ways |= (unsigned)(load_tag(s, i) == tag) << i;
	return ways;
}

void ledger_prefetch(const struct ledger *l, uint64_t hash)
{
	__builtin_prefetch(set_of(l, hash), 1);
}

void ledger_prefetch_entry(const struct ledger *l, uint64_t hash)
{
	const struct set *s = set_of(l, hash);
	unsigned ways = ways_with(s, tag_of(hash));
	/* None: most likely the one seen longest ago makes room for it. */
	unsigned way = ways ? (unsigned)__builtin_ctz(ways) : load_order(s) >> 4 * (WAYS - 1);
	const struct ledger_entry *e = &s->entry[way];

	__builtin_prefetch(e, 1);
	__builtin_prefetch(&e->suspect, 1);
	__builtin_prefetch(&e->bytes_since, 1);
}

static inline void lock_set(struct set *s)
{
	spin_lock(&s->lock);
}

static inline void unlock_set(struct set *s)
{
	spin_unlock(&s->lock);
}

/* Something behind an address: whoever has one account can make as many as there are ports. */
static bool is_part(const struct ledger_key *k)
{
	enum ledger_kind kind = ledger_key_kind(k);

	return kind == LEDGER_FLOW || kind == LEDGER_DEVICE;
}

/* The rank, and when it ends, if it does. */
static enum ledger_rank rank_until(const struct ledger_entry *e, usec_t now, usec_t *out_until)
{
	*out_until = USEC_MAX;
	if (e->tier == EVENT_TIER_TRUSTED)
		return LEDGER_RANK_TRUSTED;
	if (now < e->known && !is_part(&e->key)) {
		*out_until = e->known;
		return LEDGER_RANK_KNOWN;
	}
	if (now < e->banned) {
		*out_until = e->banned;
		return LEDGER_RANK_DENIED;
	}
	if (now < e->known) {
		*out_until = e->known;
		return LEDGER_RANK_FLOW;
	}
	if (now < e->held && ledger_is_proven(e, now)) {
		*out_until = MIN(e->held, e->proven_s * USEC_SEC);
		return LEDGER_RANK_HELD;
	}
	if (now < e->challenged || now < e->held) {
		*out_until = MAX(e->challenged, e->held);
		return LEDGER_RANK_CHALLENGED;
	}
	return e->tier == EVENT_TIER_SUSPECT ? LEDGER_RANK_SUSPECT : LEDGER_RANK_UNKNOWN;
}

enum ledger_rank ledger_rank(const struct ledger_entry *e, usec_t now)
{
	usec_t until;

	return rank_until(e, now, &until);
}

/* Keeps the rank in the head. */
static void note_rank(struct set *s, unsigned way, usec_t now)
{
	usec_t until;

	s->rank[way] = (uint8_t)rank_until(&s->entry[way], now, &until);
	s->stale = MIN(s->stale, until);
}

/* Moves the way to the front of the order. */
static void touch(struct set *s, unsigned way)
{
	uint32_t order = load_order(s), x = order ^ way * 0x11111111u;
	/* The lowest four bits of x that are zero are where it stands. */
	unsigned at = (unsigned)__builtin_ctz((x - 0x11111111u) & ~x & 0x88888888u) & ~3u;
	uint32_t before = order & (((uint32_t)1 << at) - 1);
	uint32_t behind = (uint32_t)((uint64_t)order >> (at + 4) << (at + 4));

	atomic_store_explicit(&s->order, behind | before << 4 | way, memory_order_relaxed);
}

static struct ledger_entry *find_among(
    struct set *s, unsigned ways, uint32_t tag, const struct ledger_key *k)
{
	for (; ways; ways &= ways - 1) {
		unsigned way = (unsigned)__builtin_ctz(ways);
		struct ledger_entry *e = &s->entry[way];

		if (LIKELY(e->key.lo == k->lo && e->key.hi == k->hi && load_tag(s, way) == tag))
			return e;
	}
	return NULL;
}

/* ways: of this tag, as of before the lock; mostly they still are. */
static struct ledger_entry *find(
    struct set *s, unsigned ways, uint32_t tag, const struct ledger_key *k)
{
	struct ledger_entry *e = find_among(s, ways, tag, k);

	if (UNLIKELY(!e))
		e = find_among(s, ways_with(s, tag), tag, k);
	return e;
}

struct ledger_entry *ledger_lock(
    struct ledger *l, uint64_t hash, const struct ledger_key *k, usec_t now)
{
	struct set *s = set_of(l, hash);
	unsigned ways = ways_with(s, tag_of(hash));
	struct ledger_entry *e;

	if (!ways)
		return NULL;
	lock_set(s);
	s->now = now;
	e = find(s, ways, tag_of(hash), k);
	if (!e)
		unlock_set(s);
	return e;
}

static void count(_Atomic uint64_t *n, int64_t by)
{
	atomic_fetch_add_explicit(n, (uint64_t)by, memory_order_relaxed);
}

static struct counters *counters_of(struct ledger *l, const struct set *s)
{
	return &l->counters[(size_t)(s - l->set) % SHARDS];
}

/* Of those with from <= rank < to, and not the way `but`, the lowest, seen longest ago; -1: there
 * is none. */
static int lowest(const struct set *s, enum ledger_rank from, enum ledger_rank to, int but)
{
	uint32_t order = load_order(s);
	int way = -1;

	for (unsigned shift = 0; shift < 4 * WAYS; shift += 4) {
		unsigned i = order >> shift & 15;

		if (load_tag(s, i) && s->rank[i] >= from && s->rank[i] < to && (int)i != but &&
		    (way < 0 || s->rank[i] <= s->rank[way]))
			way = (int)i;
	}
	return way;
}

static enum ledger_rank rank_of_new(const struct ledger_key *k, enum event_tier t)
{
	switch (t) {
	case EVENT_TIER_TRUSTED:
		return LEDGER_RANK_TRUSTED;
	case EVENT_TIER_KNOWN:
		return is_part(k) ? LEDGER_RANK_FLOW : LEDGER_RANK_KNOWN;
	case EVENT_TIER_DENIED:
		return LEDGER_RANK_DENIED;
	case EVENT_TIER_CHALLENGED:
		return LEDGER_RANK_CHALLENGED;
	case EVENT_TIER_SUSPECT:
		return LEDGER_RANK_SUSPECT;
	case EVENT_TIER_NONE:
	case EVENT_TIER_UNKNOWN:
	case EVENT_TIER_COUNT:
		break;
	}
	return LEDGER_RANK_UNKNOWN;
}

/* How many of the set rank so or higher. */
static unsigned count_from(struct set *s, enum ledger_rank from, usec_t now)
{
	unsigned n = 0;

	if (now >= s->stale) {
		s->stale = USEC_MAX;
		for (unsigned i = 0; i < WAYS; i++)
			note_rank(s, i, now);
	}
	for (unsigned i = 0; i < WAYS; i++)
		n += load_tag(s, i) && s->rank[i] >= from;
	return n;
}

/* Whose way a new entry gets: -1: nobody's. */
static int victim(struct set *s, enum ledger_rank rank, bool full, usec_t now)
{
	if (rank >= LEDGER_RANK_KNOWN && count_from(s, LEDGER_RANK_KNOWN, now) >= KNOWN_WAYS)
		return lowest(s, LEDGER_RANK_KNOWN, rank + 1, -1);
	if (!full)
		return -1;
	if (count_from(s, LEDGER_RANK_HELD, now) < SAFE_WAYS || rank < LEDGER_RANK_HELD)
		return lowest(s, LEDGER_RANK_UNKNOWN, LEDGER_RANK_HELD, -1);
	return lowest(s, LEDGER_RANK_HELD, rank + 1, -1);
}

/* A way for the new entry, cleared; -1: refused. */
static int place(struct ledger *l, struct set *s, enum ledger_rank rank, usec_t now)
{
	struct counters *c = counters_of(l, s);
	unsigned free_ways = ways_with(s, 0);
	int way = -1;

	if (!free_ways || rank >= LEDGER_RANK_KNOWN)
		way = victim(s, rank, !free_ways, now);
	if (way >= 0) {
		count(&c->evicted[s->entry[way].tier % EVENT_TIER_COUNT], 1);
	} else if (free_ways) {
		way = __builtin_ctz(free_ways);
		count(&c->entries, 1);
	} else {
		count(&c->refused, 1);
		return -1;
	}
	s->rank[way] = LEDGER_RANK_UNKNOWN;
	memset(&s->entry[way], 0, offsetof(struct ledger_entry, window.at));
	return way;
}

struct ledger_entry *ledger_lock_or_add(
    struct ledger *l, uint64_t hash, const struct ledger_key *k, enum event_tier rank, usec_t now)
{
	struct set *s = set_of(l, hash);
	unsigned ways = ways_with(s, tag_of(hash));
	struct ledger_entry *e;
	int way;

	lock_set(s);
	s->now = now;
	e = find(s, ways, tag_of(hash), k);
	if (e)
		return e;
	way = place(l, s, rank_of_new(k, rank), now);
	if (way < 0) {
		unlock_set(s);
		return NULL;
	}
	e = &s->entry[way];
	e->key = *k;
	e->seen = now;
	e->tier = EVENT_TIER_UNKNOWN;
	touch(s, (unsigned)way);
	store_tag(s, (unsigned)way, tag_of(hash));
	return e;
}

/* Who became of value where it stood takes a place of its like, when they have their share. */
static void keep_share(struct ledger *l, struct set *s, unsigned way, usec_t now)
{
	struct counters *c = counters_of(l, s);
	enum ledger_rank rank = s->rank[way];
	int out = -1;

	if (rank >= LEDGER_RANK_KNOWN && count_from(s, LEDGER_RANK_KNOWN, now) > KNOWN_WAYS)
		out = lowest(s, LEDGER_RANK_KNOWN, rank + 1, (int)way);
	if (out < 0 && count_from(s, LEDGER_RANK_HELD, now) > SAFE_WAYS)
		out = lowest(s, LEDGER_RANK_HELD, rank + 1, (int)way);
	if (out < 0)
		return;
	store_tag(s, (unsigned)out, 0);
	count(&c->entries, -1);
	count(&c->evicted[s->entry[out].tier % EVENT_TIER_COUNT], 1);
}

void ledger_unlock(struct ledger *l, struct ledger_entry *e)
{
	struct set *s = set_at(l, e);
	unsigned way = (unsigned)(e - s->entry);
	uint8_t before = s->rank[way];

	if (e->seen == s->now && (load_order(s) & 15) != way)
		touch(s, way);
	note_rank(s, way, s->now);
	if (UNLIKELY(before < LEDGER_RANK_HELD && s->rank[way] >= LEDGER_RANK_HELD))
		keep_share(l, s, way, s->now);
	unlock_set(s);
}

void ledger_remove(struct ledger *l, struct ledger_entry *e)
{
	struct set *s = set_at(l, e);

	store_tag(s, (unsigned)(e - s->entry), 0);
	count(&counters_of(l, s)->entries, -1);
	unlock_set(s);
}

/* From the way at *cursor on; false when fn wants to stop. */
static bool each_of_set(struct set *s, size_t *cursor, ledger_each_fn *fn, void *arg)
{
	bool more = true;

	lock_set(s);
	do {
		unsigned way = *cursor % WAYS;

		if (load_tag(s, way)) {
			more = fn(arg, &s->entry[way]);
			note_rank(s, way, s->entry[way].seen);
		}
		++*cursor;
	} while (more && *cursor % WAYS);
	unlock_set(s);
	return more;
}

bool ledger_each(struct ledger *l, size_t *cursor, size_t budget, ledger_each_fn *fn, void *arg)
{
	while (budget-- && *cursor < l->sets * WAYS) {
		if (!each_of_set(&l->set[*cursor / WAYS], cursor, fn, arg))
			break;
	}
	return *cursor < l->sets * WAYS;
}

void ledger_stats(const struct ledger *l, struct ledger_stats *out)
{
	*out = (struct ledger_stats){.capacity = l->sets * WAYS};
	for (size_t i = 0; i < SHARDS; i++) {
		const struct counters *c = &l->counters[i];

		out->entries += atomic_load_explicit(&c->entries, memory_order_relaxed);
		out->refused += atomic_load_explicit(&c->refused, memory_order_relaxed);
		for (size_t t = 0; t < EVENT_TIER_COUNT; t++) {
			uint64_t n = atomic_load_explicit(&c->evicted[t], memory_order_relaxed);

			out->evicted += n;
			out->evicted_tier[t] += n;
		}
	}
}
