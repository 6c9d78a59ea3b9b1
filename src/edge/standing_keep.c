/* SPDX-License-Identifier: MIT */
#include "edge/standing_keep.h"

#include <stdlib.h>

#define BATCH        512 /* rows of one transaction */
#define TICK_BATCHES 8   /* of one tick: log-ins wait for the storage thread, too */
#define TICKS_A_WALK 2
#define FLUSH_WALKS  8
#define TRIM_SLACK   1024 /* rows */

struct kept {
	uint8_t key_n, record_n;
	char key[STANDING_KEY_MAX], record[STANDING_RECORD];
};

struct standing_keep {
	struct standing *standing;
	size_t capacity; /* entries of the ledger, and rows of the store */
	size_t cursor;
	size_t unknown; /* rows put since the table was last trimmed: it may have grown by these */
	bool again;     /* the store failed: what it holds is not known */
	struct standing_keep_stats stats;
	size_t n;
	struct kept rows[BATCH];
	struct store_source views[BATCH]; /* of rows, for the store */
};

size_t standing_keep_memory(void)
{
	return sizeof(struct standing_keep);
}

enum err standing_keep_new(struct standing *s, struct standing_keep **out_k)
{
	struct standing_keep *k = calloc(1, sizeof(*k));
	struct ledger_stats ledger;

	if (!k)
		return ERR_NOMEM;
	ledger_stats(standing_ledger(s), &ledger);
	k->standing = s;
	k->capacity = ledger.capacity;
	*out_k = k;
	return OK;
}

void standing_keep_free(struct standing_keep *k)
{
	free(k);
}

/* Notes what the store said. */
static enum err said(struct standing_keep *k, enum err e)
{
	if (e != OK) {
		k->stats.failed++;
		k->again = true;
	}
	return e;
}

/* The batch has room. False: now it has not. */
static bool take(void *arg, struct span key, struct span record)
{
	struct standing_keep *k = arg;
	struct kept *row = &k->rows[k->n];

	if (key.n > sizeof(row->key) || record.n > sizeof(row->record))
		return true; /* cannot be */
	row->key_n = (uint8_t)key.n;
	row->record_n = (uint8_t)record.n;
	memcpy(row->key, key.p, key.n);
	if (record.n)
		memcpy(row->record, record.p, record.n);
	return ++k->n < BATCH;
}

static enum err trim(struct standing_keep *k, struct store *s)
{
	enum err e = said(k, store_sources_trim(s, k->capacity));

	if (e == OK)
		k->unknown = 0;
	return e;
}

/* ---- loading ---- */

struct load {
	struct standing_keep *k;
	const struct standing_policy *policy;
	usec_t now, wall;
};

static bool load_row(void *arg, const struct store_source *row)
{
	struct load *l = arg;
	struct standing_keep *k = l->k;

	if (standing_restore(k->standing, l->policy, row->key, row->record, l->now, l->wall) ==
	    OK) {
		k->stats.loaded++;
		return true;
	}
	k->stats.left_out++;
	/* What ran out is removed with the first tick, as far as there is room to remember it. */
	if (k->n < BATCH)
		(void)take(k, row->key, span_of(NULL, 0));
	return true;
}

enum err standing_keep_load(struct standing_keep *k, struct store *s,
    const struct standing_policy *p, usec_t now, usec_t wall)
{
	struct load l = {k, p, now, wall};
	enum err e = trim(k, s);

	k->n = 0;
	k->stats.loaded = k->stats.left_out = 0;
	return e == OK ? said(k, store_sources_each(s, load_row, &l)) : e;
}

/* ---- writing ---- */

static enum err write_batch(struct standing_keep *k, struct store *s, usec_t wall)
{
	size_t removed = 0;
	enum err e;

	if (!k->n)
		return OK;
	for (size_t i = 0; i < k->n; i++) {
		const struct kept *row = &k->rows[i];

		k->views[i].key = span_of(row->key, row->key_n);
		k->views[i].record = span_of(row->record, row->record_n);
		removed += row->record_n == 0;
	}
	e = said(k, store_sources_put(s, k->views, k->n, wall));
	if (e != OK)
		return e;
	k->stats.written += k->n - removed;
	k->stats.removed += removed;
	k->unknown += k->n - removed;
	k->n = 0;
	return OK;
}

/* Looks at up to `budget` sets, and again at as many behind each full batch, of which it writes at
 * most max_batches. *out_more: the walk is not at its end. */
static enum err walk(struct standing_keep *k, struct store *s, usec_t now, usec_t wall,
    size_t budget, size_t max_batches, bool *out_more)
{
	bool full = true;
	enum err e = OK;

	*out_more = true;
	for (size_t i = 0; i < max_batches && full && e == OK; i++) {
		*out_more = standing_save(k->standing, &k->cursor, budget, now, wall, take, k);
		if (!*out_more)
			k->cursor = 0;
		full = k->n == BATCH && *out_more;
		e = write_batch(k, s, wall);
	}
	if (e == OK && k->unknown > k->capacity / 4 + TRIM_SLACK)
		e = trim(k, s);
	return e;
}

/* Writes what waited, and begins again from nothing if the store failed meanwhile. */
static enum err begin(struct standing_keep *k, struct store *s, usec_t wall)
{
	if (!s)
		return said(k, ERR_IO);
	if (k->again) {
		standing_save_again(k->standing);
		k->cursor = 0;
		k->again = false;
	}
	return write_batch(k, s, wall);
}

enum err standing_keep_tick(struct standing_keep *k, struct store *s, usec_t now, usec_t wall)
{
	size_t sets = k->capacity / LEDGER_WAYS;
	enum err e = begin(k, s, wall);
	bool more;

	if (e != OK)
		return e;
	return walk(k, s, now, wall, sets / TICKS_A_WALK + 1, TICK_BATCHES, &more);
}

/* A batch that was full may have left something behind in the middle of a set, which the next walk
 * meets; one that finds nothing is the last. */
enum err standing_keep_flush(struct standing_keep *k, struct store *s, usec_t now, usec_t wall)
{
	enum err e = begin(k, s, wall);
	bool more, wrote = true;

	k->cursor = 0;
	for (int i = 0; i < FLUSH_WALKS && wrote && e == OK; i++) {
		uint64_t before = k->stats.written + k->stats.removed;

		for (more = true; more && e == OK;)
			e = walk(k, s, now, wall, k->capacity, SIZE_MAX, &more);
		wrote = k->stats.written + k->stats.removed != before;
	}
	return e;
}

void standing_keep_stats(const struct standing_keep *k, struct standing_keep_stats *out_s)
{
	*out_s = k->stats;
	out_s->pending = k->n > 0;
}
