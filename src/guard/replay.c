/* SPDX-License-Identifier: MIT */
#include "guard/replay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

#define WAYS    8
#define STRIPES 256

/* By columns, so that a look-up touches one cache line. nc = 0 marks a free way. Bit i of window is
 * the count nc - i. */
struct set {
	_Alignas(CACHE_LINE) uint64_t id[WAYS];
	uint64_t issued_ms[WAYS];
	uint64_t window[WAYS];
	uint64_t last[WAYS];
	uint32_t nc[WAYS];
	uint64_t floor_ms;
	uint64_t evicted;
};
_Static_assert(sizeof(struct set) == 40 * WAYS, "40 bytes an entry");

struct stripe {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
};

struct replay {
	struct siphash_key key;
	size_t mask; /* sets - 1 */
	struct stripe stripes[STRIPES];
	struct set sets[];
};

static size_t sets_for(size_t entries)
{
	size_t sets = 1;

	while (sets * WAYS < entries && sets < SIZE_MAX / sizeof(struct set) / 4)
		sets *= 2;
	return sets;
}

static size_t bytes_for(size_t sets)
{
	size_t n = sizeof(struct replay) + sets * sizeof(struct set);

	return (n + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

size_t replay_memory(size_t entries)
{
	return bytes_for(sets_for(entries));
}

struct replay *replay_new(size_t entries, uint64_t wall_ms, const struct siphash_key *key)
{
	size_t sets = sets_for(entries);
	struct replay *r = pages_alloc(bytes_for(sets));

	if (!r)
		return NULL;
	memset(r, 0, bytes_for(sets));
	r->key = *key;
	r->mask = sets - 1;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&r->stripes[i].lock, NULL);
	for (size_t i = 0; i < sets; i++)
		r->sets[i].floor_ms = wall_ms;
	return r;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&r->stripes[i].lock);
	free(r);
}

static int way_of(const struct set *s, uint64_t id, uint64_t issued_ms)
{
	for (int i = 0; i < WAYS; i++)
		if (s->id[i] == id && s->issued_ms[i] == issued_ms && s->nc[i])
			return i;
	return -1;
}

/* A free way, or that of the oldest nonce, which the floor then remembers. -1: the newcomer is the
 * oldest itself, and the set is full. */
static int way_take(struct set *s, uint64_t issued_ms)
{
	int oldest = 0;

	for (int i = 0; i < WAYS; i++) {
		if (!s->nc[i])
			return i;
		if (s->issued_ms[i] < s->issued_ms[oldest])
			oldest = i;
	}
	if (issued_ms <= s->issued_ms[oldest])
		return -1;
	s->floor_ms = MAX(s->floor_ms, s->issued_ms[oldest]);
	s->evicted++;
	return oldest;
}

static enum replay_verdict use_known(struct set *s, int i, uint32_t nc, uint64_t request)
{
	if (nc > s->nc[i]) {
		uint32_t step = nc - s->nc[i];

		s->window[i] = step < REPLAY_WINDOW ? s->window[i] << step | 1 : 1;
		s->nc[i] = nc;
		s->last[i] = request;
		return REPLAY_NEW;
	}
	if (nc == s->nc[i] && request && request == s->last[i])
		return REPLAY_RETRANSMISSION;
	if (s->nc[i] - nc >= REPLAY_WINDOW || s->window[i] >> (s->nc[i] - nc) & 1)
		return REPLAY_USED;
	s->window[i] |= (uint64_t)1 << (s->nc[i] - nc);
	return REPLAY_NEW;
}

static enum replay_verdict use_locked(
    struct set *s, uint64_t id, uint64_t issued_ms, uint32_t nc, uint64_t request)
{
	int i = way_of(s, id, issued_ms);

	if (i >= 0)
		return use_known(s, i, nc, request);
	if (issued_ms <= s->floor_ms)
		return REPLAY_STALE;
	i = way_take(s, issued_ms);
	if (i < 0)
		return REPLAY_STALE;
	s->id[i] = id;
	s->issued_ms[i] = issued_ms;
	s->window[i] = 1;
	s->last[i] = request;
	s->nc[i] = nc;
	return REPLAY_NEW;
}

static size_t set_at(const struct replay *r, uint64_t id)
{
	return siphash13(&r->key, &id, sizeof(id)) & r->mask;
}

void replay_prefetch(const struct replay *r, uint64_t id)
{
	const char *set = (const char *)&r->sets[set_at(r, id)];

	for (size_t at = 0; at < sizeof(struct set); at += CACHE_LINE)
		__builtin_prefetch(set + at, 1);
}

enum replay_verdict replay_use(
    struct replay *r, uint64_t id, uint64_t issued_ms, uint32_t nc, uint64_t request)
{
	size_t at = set_at(r, id);
	pthread_mutex_t *lock = &r->stripes[at % STRIPES].lock;
	enum replay_verdict v;

	pthread_mutex_lock(lock);
	v = use_locked(&r->sets[at], id, issued_ms, nc, request);
	pthread_mutex_unlock(lock);
	return v;
}

void replay_stats(struct replay *r, struct replay_stats *out_stats)
{
	struct replay_stats st = {.entries = (r->mask + 1) * WAYS};

	for (size_t at = 0; at <= r->mask; at++) {
		const struct set *s = &r->sets[at];

		pthread_mutex_lock(&r->stripes[at % STRIPES].lock);
		for (int i = 0; i < WAYS; i++)
			st.used += s->nc[i] != 0;
		st.evicted += s->evicted;
		pthread_mutex_unlock(&r->stripes[at % STRIPES].lock);
	}
	*out_stats = st;
}
