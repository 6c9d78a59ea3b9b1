/* SPDX-License-Identifier: MIT
 *
 * Hash table of fixed capacity for entries that carry a table_node and, at a fixed distance from
 * it, a key of fixed size. SipHash-1-3 under a key of the table: strangers cannot choose
 * collisions. Chained, so that a removal moves nothing. It owns no entry. One owner thread. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/siphash.h"

struct table_node {
	struct table_node *next;
	struct table_node **link; /* what points here; NULL = in no table */
	uint64_t hash;
};

struct table {
	struct table_node **bucket;
	size_t mask; /* buckets - 1; buckets = capacity rounded up to a power of two */
	size_t count, capacity;
	size_t key_size;
	ptrdiff_t key_offset; /* of the key from the node */
	struct siphash_key hash_key;
	uint64_t refused; /* insertions into the full table */
};

/* The place of the key, for table_init: TABLE_KEY(struct txn, node, key). */
#define TABLE_KEY(type, node, key) \
	((ptrdiff_t)offsetof(type, key) - (ptrdiff_t)offsetof(type, node)), sizeof(((type *)0)->key)

/* key_offset and key_size are in bytes; keys are compared bytewise, so they have no padding.
 * ERR_NOMEM. */
NODISCARD enum err table_init(struct table *t, size_t capacity, ptrdiff_t key_offset,
    size_t key_size, const struct siphash_key *hash_key);

/* Frees the buckets; the entries are their owner's. Zeroed memory is fine. */
void table_done(struct table *t);

/* The entry's key must stay as it is while it is in the table. ERR_FULL (counted) or ERR_EXISTS. */
NODISCARD enum err table_insert(struct table *t, struct table_node *n);

/* NULL when there is none; `key` points to key_size bytes. */
struct table_node *table_find(const struct table *t, const void *key);

/* Harmless when n is in no table; n->link must be NULL or valid. */
void table_remove(struct table *t, struct table_node *n);

static inline bool table_has(const struct table_node *n)
{
	return n->link != NULL;
}

struct table_node *table_first(const struct table *t);
struct table_node *table_next(const struct table *t, const struct table_node *n); /* NULL -> NULL */

/* Every entry once, in no order; `it` (a struct table_node *) may be removed and freed, others may
 * not. */
#define table_for_each(it, t)                                                            \
	for (struct table_node *it = table_first(t), *it##_next = table_next(t, it); it; \
	     it = it##_next, it##_next = table_next(t, it))

#define table_entry(n, type, member) CONTAINER_OF(n, type, member)

/* Bytes that table_init(capacity) takes from the heap. */
size_t table_memory(size_t capacity);

#endif
