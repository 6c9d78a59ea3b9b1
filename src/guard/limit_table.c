/* SPDX-License-Identifier: MIT */
#include "guard/limit_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

struct set {
	_Alignas(CACHE_LINE) struct spin lock;
	uint32_t evicted;
	uint64_t tag[LIMIT_WAYS - 1]; /* a line with the lock; the last stands in its entry alone */
};

struct limit_table {
	size_t mask;       /* sets - 1 */
	size_t entry_size; /* with its `used` */
	size_t set_size;
	unsigned char *sets;
};

static size_t sets_for(size_t entries)
{
	size_t sets = 1;

	while (sets * LIMIT_WAYS < entries && sets < SIZE_MAX / 65536)
		sets *= 2;
	return sets;
}

static size_t entry_size_for(size_t bytes)
{
	return (sizeof(struct limit_entry) + bytes + 7) / 8 * 8;
}

static size_t set_size_for(size_t bytes)
{
	size_t n = sizeof(struct set) + LIMIT_WAYS * entry_size_for(bytes);

	return (n + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

size_t limit_table_memory(size_t entries, size_t bytes)
{
	return sizeof(struct limit_table) + sets_for(entries) * set_size_for(bytes);
}

static struct set *set_at(const struct limit_table *t, size_t i)
{
	return (struct set *)(void *)(t->sets + i * t->set_size);
}

static struct limit_entry *entry_at(const struct limit_table *t, struct set *s, unsigned way)
{
	return (struct limit_entry *)(void *)((unsigned char *)(s + 1) + way * t->entry_size);
}

struct limit_table *limit_table_new(size_t entries, size_t bytes)
{
	struct limit_table *t = malloc(sizeof(*t));
	size_t sets = sets_for(entries), size = set_size_for(bytes);

	if (!t)
		return NULL;
	*t = (struct limit_table){.mask = sets - 1,
	    .entry_size = entry_size_for(bytes),
	    .set_size = size,
	    .sets = pages_alloc(sets * size)};
	if (!t->sets) {
		free(t);
		return NULL;
	}
	memset(t->sets, 0, sets * size);
	return t;
}

void limit_table_free(struct limit_table *t)
{
	if (t)
		free(t->sets);
	free(t);
}

/* Requests that the entry still holds back, about: they leave evenly. */
static uint64_t held_back(const struct limit_entry *e, usec_t now)
{
	if (now >= e->free_at)
		return 0;
	if (now <= e->touched)
		return e->events;
	return ((uint64_t)e->events * (e->free_at - now) + (e->free_at - e->touched) - 1) /
	       (e->free_at - e->touched);
}

static struct limit_entry *find(const struct limit_table *t, struct set *s, uint64_t tag)
{
	for (unsigned way = 0; way < LIMIT_WAYS - 1; way++)
		if (s->tag[way] == tag)
			return entry_at(t, s, way);
	return entry_at(t, s, LIMIT_WAYS - 1)->tag == tag ? entry_at(t, s, LIMIT_WAYS - 1) : NULL;
}

/* The way to give up: one that holds back nothing, else a stranger's before a strong one's, else
 * the one that holds back least. */
static unsigned choose(struct limit_table *t, struct set *s, usec_t now)
{
	uint64_t least = UINT64_MAX;
	unsigned best = 0;

	for (unsigned way = 0; way < LIMIT_WAYS; way++) {
		const struct limit_entry *e = entry_at(t, s, way);
		uint64_t worth = held_back(e, now);

		if (worth && e->strong)
			worth += (uint64_t)1 << 32;
		if (worth < least) {
			least = worth;
			best = way;
		}
	}
	return best;
}

static struct limit_entry *make(
    struct limit_table *t, struct set *s, uint64_t tag, bool strong, usec_t now)
{
	unsigned way = choose(t, s, now);
	struct limit_entry *e = entry_at(t, s, way);
	uint64_t lost = held_back(e, now);

	if (lost && !strong && (e->strong || lost > 1))
		return NULL;
	if (lost)
		s->evicted++;
	memset(e, 0, t->entry_size);
	e->tag = tag;
	if (way < LIMIT_WAYS - 1)
		s->tag[way] = tag;
	return e;
}

struct limit_entry *limit_table_lock(
    struct limit_table *t, uint64_t tag, bool strong, usec_t now, struct spin **out_lock)
{
	struct set *s = set_at(t, (size_t)tag & t->mask);
	struct limit_entry *e;

	spin_lock(&s->lock);
	e = find(t, s, tag);
	if (!e)
		e = make(t, s, tag, strong, now);
	if (!e) {
		spin_unlock(&s->lock);
		return NULL;
	}
	e->strong = e->strong || strong;
	*out_lock = &s->lock;
	return e;
}

struct limit_entry *limit_table_find(struct limit_table *t, uint64_t tag, struct spin **out_lock)
{
	struct set *s = set_at(t, (size_t)tag & t->mask);
	struct limit_entry *e;

	spin_lock(&s->lock);
	e = find(t, s, tag);
	if (e)
		*out_lock = &s->lock;
	else
		spin_unlock(&s->lock);
	return e;
}

void limit_table_stats(struct limit_table *t, usec_t now, struct limit_table_stats *out)
{
	*out = (struct limit_table_stats){.capacity = (t->mask + 1) * LIMIT_WAYS};
	for (size_t i = 0; i <= t->mask; i++) {
		struct set *s = set_at(t, i);

		spin_lock(&s->lock);
		out->evicted += s->evicted;
		for (unsigned way = 0; way < LIMIT_WAYS; way++)
			out->keys += entry_at(t, s, way)->free_at > now;
		spin_unlock(&s->lock);
	}
}
