/* SPDX-License-Identifier: MIT
 *
 * Buckets of one cache line, each with eight entries of a tag and a count; striped locks. A source
 * lives in the one bucket of its hash; the tag is 48 more bits of the same hash. */
#include "net/sources.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/siphash.h"

#define ENTRIES   8
#define STRIPES   64
#define COUNT_MAX 0xffffu

struct bucket {
	uint64_t entries[ENTRIES]; /* tag << 16 | count; 0 = free */
};

struct stripe {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
};

struct net_sources {
	struct stripe stripes[STRIPES];
	struct siphash_key key;
	size_t mask;
	struct bucket *buckets;
};

static size_t bucket_count(size_t connections)
{
	size_t n = STRIPES;

	while (n < connections)
		n *= 2;
	return n;
}

size_t net_sources_memory(size_t connections)
{
	return sizeof(struct net_sources) + bucket_count(connections) * sizeof(struct bucket);
}

enum err net_sources_new(size_t connections, struct net_sources **out_t)
{
	size_t n = bucket_count(connections);
	struct net_sources *t = aligned_alloc(CACHE_LINE, sizeof(*t));
	struct bucket *buckets = aligned_alloc(CACHE_LINE, n * sizeof(*buckets));
	enum err e = t && buckets ? rng_system(&t->key, sizeof(t->key)) : ERR_NOMEM;

	if (e != OK) {
		free(buckets);
		free(t);
		return e;
	}
	memset(buckets, 0, n * sizeof(*buckets));
	t->buckets = buckets;
	t->mask = n - 1;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&t->stripes[i].lock, NULL);
	*out_t = t;
	return OK;
}

void net_sources_free(struct net_sources *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&t->stripes[i].lock);
	free(t->buckets);
	free(t);
}

/* Where a source belongs. */
struct place {
	struct bucket *bucket;
	pthread_mutex_t *lock;
	uint64_t tag; /* in the upper 48 bits */
};

static struct place find_place(struct net_sources *t, const struct addr *a)
{
	uint64_t hash = siphash13(&t->key, a->ip, addr_is_v4(a) ? 16 : 8);
	size_t i = hash & t->mask;
	uint64_t tag = (hash * 0x9e3779b97f4a7c15u) & ~(uint64_t)COUNT_MAX;

	return (struct place){&t->buckets[i], &t->stripes[i % STRIPES].lock, tag};
}

/* The entry of that tag, or NULL. */
static uint64_t *find_entry(const struct place *p)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		uint64_t e = p->bucket->entries[i];

		if ((e & COUNT_MAX) && (e & ~(uint64_t)COUNT_MAX) == p->tag)
			return &p->bucket->entries[i];
	}
	return NULL;
}

static uint64_t *find_free(const struct place *p)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (p->bucket->entries[i] == 0)
			return &p->bucket->entries[i];
	}
	return NULL;
}

static enum err count_up(const struct place *p, uint32_t max)
{
	uint64_t *e = find_entry(p);

	if (e) {
		if ((*e & COUNT_MAX) >= max)
			return ERR_DENIED;
		++*e;
		return OK;
	}
	e = find_free(p);
	if (!e)
		return ERR_FULL;
	*e = p->tag | 1;
	return OK;
}

enum err net_sources_take(struct net_sources *t, const struct addr *a, uint32_t max)
{
	struct place p = find_place(t, a);
	enum err r;

	assert(max > 0 && max <= COUNT_MAX);
	pthread_mutex_lock(p.lock);
	r = count_up(&p, max);
	pthread_mutex_unlock(p.lock);
	return r;
}

void net_sources_give(struct net_sources *t, const struct addr *a)
{
	struct place p = find_place(t, a);
	uint64_t *e;

	pthread_mutex_lock(p.lock);
	e = find_entry(&p);
	assert(e);
	if (e && (--*e & COUNT_MAX) == 0)
		*e = 0;
	pthread_mutex_unlock(p.lock);
}

uint32_t net_sources_count(struct net_sources *t, const struct addr *a)
{
	struct place p = find_place(t, a);
	uint64_t *e;
	uint32_t n;

	pthread_mutex_lock(p.lock);
	e = find_entry(&p);
	n = e ? (uint32_t)(*e & COUNT_MAX) : 0;
	pthread_mutex_unlock(p.lock);
	return n;
}
