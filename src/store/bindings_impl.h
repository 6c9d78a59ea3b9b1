/* SPDX-License-Identifier: MIT
 *
 * Inside of the table of bindings, for store/bindings*.c only. One mapping holds the table, the
 * stripes, the buckets and the cells:
 *
 *   bucket -> head cell -> head cell …    AoRs of one bucket, linked by `chain`
 *               `-> cell -> cell          the rest of the AoR's record, linked by `next`
 *
 * A bucket belongs to one stripe, whose lock covers its chain, its records and its list of changed
 * AoRs. The pool of cells has its own lock, taken inside a stripe's, and only when a record changes
 * its number of cells. Index 0 means none.
 *
 * An AoR whose bindings are gone stays as a head without bindings ("ghost") while the log may still
 * tell otherwise; it is freed when the log was told, or when all that the log holds has expired: a
 * store that is lost for long does not fill the table with ghosts. */
#ifndef STORE_BINDINGS_IMPL_H
#define STORE_BINDINGS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/binding_record.h"
#include "store/bindings.h"
#include "store/cells.h"

#define STRIPES   1024
#define HEAD_DATA 196

struct head {          /* the first cell of an AoR */
	uint32_t next; /* same place as in struct cell */
	uint32_t chain;
	uint64_t hash;
	usec_t first_expiry, last_expiry; /* of the record as it stands */
	usec_t logged_until;              /* when all that the log holds of this AoR has expired */
	uint32_t dirty_prev, dirty_next;
	uint32_t bytes;        /* of the record */
	uint32_t logged_bytes; /* of the newest frame in the log; 0 = none */
	uint16_t n;            /* bindings */
	bool dirty;            /* is in its stripe's list */
	char data[HEAD_DATA];
};

_Static_assert(sizeof(struct head) == sizeof(struct cell), "a head is a cell");
_Static_assert(offsetof(struct head, next) == offsetof(struct cell, next), "one kind of link");

struct stripe {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	_Atomic uint32_t dirty_first; /* read without the lock to skip what is clean */
	uint32_t dirty_last;
};

struct bindings {
	struct siphash_key key;
	uint64_t max_bindings;
	size_t n_buckets, mapped_bytes;
	struct stripe *stripes;
	_Atomic uint32_t *buckets; /* written under the stripe's lock, peeked at without */
	size_t sweep_bucket, drain_stripe;
	bindings_expired_fn *expired_fn; /* the sweeping thread's */
	void *expired_arg;
	struct cells cells;

	/* Sums, read without locks. */
	_Alignas(CACHE_LINE) _Atomic uint64_t bindings, aors, dirty, refused, expired, logged_bytes;
};

/* Where an AoR is, or would be; under the lock of its stripe. */
struct place {
	uint64_t hash;
	struct stripe *stripe;
	_Atomic uint32_t *bucket;
	uint32_t at; /* its head; 0 = not there */
};

static inline void count(_Atomic uint64_t *c, int64_t by)
{
	if (by)
		atomic_fetch_add_explicit(c, (uint64_t)by, memory_order_relaxed);
}

static inline uint64_t counted(_Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static inline uint32_t peek(_Atomic uint32_t *index)
{
	return atomic_load_explicit(index, memory_order_relaxed);
}

static inline void poke(_Atomic uint32_t *index, uint32_t c)
{
	atomic_store_explicit(index, c, memory_order_relaxed);
}

static inline struct head *head_at(struct bindings *t, uint32_t c)
{
	return (struct head *)&t->cells.at[c];
}

static inline struct stripe *bucket_lock(struct bindings *t, size_t bucket)
{
	struct stripe *st = &t->stripes[bucket & (STRIPES - 1)];

	pthread_mutex_lock(&st->lock);
	return st;
}

void bindings_place_lock(struct bindings *t, struct span aor, struct place *p);

static inline void bindings_place_unlock(struct place *p)
{
	pthread_mutex_unlock(&p->stripe->lock);
}

/* Copies the record of h to out; returns its length. */
size_t bindings_head_read(const struct bindings *t, const struct head *h, char *out);

/* Replaces the record at p by rec with n bindings; all or nothing: ERR_FULL. Leaves a head without
 * bindings when n = 0, over which bindings_head_settle decides. */
enum err bindings_place_store(struct bindings *t, struct place *p, const char *rec, size_t n,
    const struct binding_record_sum *sum);

/* Frees a head that has neither bindings nor something to tell the log at wall. */
void bindings_head_settle(struct bindings *t, struct stripe *st, uint32_t at, usec_t wall);

/* Puts the AoR at the end of its stripe's list of changes, once; takes it out again. */
void bindings_dirty_add(struct bindings *t, struct stripe *st, uint32_t at);
void bindings_dirty_remove(struct bindings *t, struct stripe *st, uint32_t at);

#endif
