/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

/* The greatest power of two that calloc could serve. */
#define BUCKETS_MAX (SIZE_MAX / 2 / sizeof(struct table_node *))

static size_t bucket_count(size_t capacity)
{
	size_t n = 8;

	while (n < capacity && n <= BUCKETS_MAX / 2)
		n *= 2;
	return n;
}

size_t table_memory(size_t capacity)
{
	return bucket_count(capacity) * sizeof(struct table_node *);
}

enum err table_init(struct table *t, size_t capacity, ptrdiff_t key_offset, size_t key_size,
    const struct siphash_key *hash_key)
{
	size_t n = bucket_count(capacity);
	struct table_node **bucket = calloc(n, sizeof(struct table_node *));

	if (!bucket)
		return ERR_NOMEM;
	*t = (struct table){.bucket = bucket,
	    .mask = n - 1,
	    .capacity = capacity,
	    .key_size = key_size,
	    .key_offset = key_offset,
	    .hash_key = *hash_key};
	return OK;
}

void table_done(struct table *t)
{
	if (!t)
		return;
	free(t->bucket);
	*t = (struct table){0};
}

static const void *key_of(const struct table *t, const struct table_node *n)
{
	return (const char *)n + t->key_offset;
}

static struct table_node *find_hashed(const struct table *t, const void *key, uint64_t hash)
{
	struct table_node *n = t->bucket[hash & t->mask];

	while (n && (n->hash != hash || memcmp(key_of(t, n), key, t->key_size) != 0))
		n = n->next;
	return n;
}

struct table_node *table_find(const struct table *t, const void *key)
{
	return find_hashed(t, key, siphash13(&t->hash_key, key, t->key_size));
}

enum err table_insert(struct table *t, struct table_node *n)
{
	const void *key = key_of(t, n);
	uint64_t hash = siphash13(&t->hash_key, key, t->key_size);
	struct table_node **bucket = &t->bucket[hash & t->mask];

	if (find_hashed(t, key, hash))
		return ERR_EXISTS;
	if (t->count == t->capacity) {
		t->refused++;
		return ERR_FULL;
	}
	n->hash = hash;
	n->next = *bucket;
	n->link = bucket;
	if (n->next)
		n->next->link = &n->next;
	*bucket = n;
	t->count++;
	return OK;
}

void table_remove(struct table *t, struct table_node *n)
{
	if (!n->link)
		return;
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	n->next = NULL;
	n->link = NULL;
	t->count--;
}

static struct table_node *from_bucket(const struct table *t, size_t i)
{
	for (; i <= t->mask; i++)
		if (t->bucket[i])
			return t->bucket[i];
	return NULL;
}

struct table_node *table_first(const struct table *t)
{
	return t->count ? from_bucket(t, 0) : NULL;
}

struct table_node *table_next(const struct table *t, const struct table_node *n)
{
	if (!n)
		return NULL;
	return n->next ? n->next : from_bucket(t, (n->hash & t->mask) + 1);
}
