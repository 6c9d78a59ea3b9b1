/* SPDX-License-Identifier: MIT
 *
 * What the keys of limits have used up: a table of fixed size, sets of LIMIT_WAYS entries found by
 * a hash that strangers cannot foresee. An entry says itself when it will have forgotten all
 * (free_at), so that those that hold nothing back any more are reused first.
 *
 * A full set gives up the entry that holds back the fewest requests: one that would hold back more
 * than the newcomer stays, and the newcomer gets no place, so many keys with a request each push
 * out each other and not those who sent much. Keys of known users and of the operator's own names
 * (`strong`) always find a place and are never pushed out by strangers.
 *
 * Thread-safe: an entry is used between limit_table_lock and limit_table_unlock only, without any
 * call that could sleep. A thread locks one at a time. */
#ifndef GUARD_LIMIT_TABLE_H
#define GUARD_LIMIT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/spin.h"
#include "base/usec.h"

#define LIMIT_WAYS 8

struct limit_table;

struct limit_entry {
	uint64_t tag;            /* 0: never used */
	usec_t touched, free_at; /* from touched to free_at it forgets evenly ... */
	uint32_t events;         /* ... so many requests */
	bool strong;
	_Alignas(8) unsigned char used[]; /* the algorithm's; all zero at first */
};

/* entries: rounded up to a power of two; bytes: of `used`. NULL: no memory. */
struct limit_table *limit_table_new(size_t entries, size_t bytes);
void limit_table_free(struct limit_table *t);
size_t limit_table_memory(size_t entries, size_t bytes);

/* The entry of that hash (not 0), made if need be; its set is locked. NULL: it found no place, and
 * nothing is locked. */
struct limit_entry *limit_table_lock(
    struct limit_table *t, uint64_t tag, bool strong, usec_t now, struct spin **out_lock);

/* Only if it is there. */
struct limit_entry *limit_table_find(struct limit_table *t, uint64_t tag, struct spin **out_lock);

struct limit_table_stats {
	size_t keys, capacity;
	uint64_t evicted;
};
void limit_table_stats(struct limit_table *t, usec_t now, struct limit_table_stats *out);

#endif
