/* SPDX-License-Identifier: MIT
 *
 * The one table of bindings (RFC 3261 §10): which contacts an address-of-record has and over which
 * flow each is reached. Shared by all workers and the storage thread; every function may be called
 * from any thread. Memory is fixed at creation, mapped once, and nothing is ever evicted: what does
 * not fit is refused and counted. An AoR is one record packed into cells of 256 bytes; a record is
 * read and replaced as a whole under the lock of its stripe, so an update is all or nothing. Locks
 * are held for one record at a time.
 *
 * Times are wall clock (they survive a restart). A binding is live while wall < expires_at. */
#ifndef STORE_BINDINGS_H
#define STORE_BINDINGS_H

#include "base/siphash.h"
#include "store/binding.h"

struct bindings;

/* All memory that a table for max_bindings will ever use, in bytes. Holds that many bindings of
 * ordinary size (two cells each, their share of the AoR included); longer ones take more cells. */
size_t bindings_memory(size_t max_bindings);

/* key: secret, from the system, so that nobody can aim at one bucket. ERR_NOMEM, ERR_RANGE. */
NODISCARD enum err bindings_new(
    size_t max_bindings, const struct siphash_key *key, struct bindings **out_t);
void bindings_free(struct bindings *t);

/* Lays out the live bindings of the AoR, sorted; s->n = 0 when there are none. The AoR is canonical
 * "user@domain" text; equal text is the same AoR. */
void bindings_lookup(struct bindings *t, struct span aor, usec_t wall, struct binding_set *s);

/* Sees the live bindings of the AoR (unsorted) under the lock of its stripe and may change them in
 * place: alter, remove, append up to s->cap. New spans may point anywhere that outlives the call of
 * bindings_update. Must be quick and must not call into the table. Returns whether s is to become
 * the new state; when false, nothing is stored and s stays as the callback left it. */
typedef bool bindings_edit_fn(void *arg, struct binding_set *s);

/* Reads, edits and stores the bindings of one AoR as one step. On failure nothing has changed:
 * ERR_FULL (no room in the table; counted), ERR_RANGE (a text over its cap). On success s holds the
 * new state; on failure its contents are undefined. */
NODISCARD enum err bindings_update(struct bindings *t, struct span aor, usec_t wall,
    struct binding_set *s, bindings_edit_fn *edit, void *arg);

/* Bring closer what bindings_update and bindings_lookup will look at: first where the AoR would be,
 * which is returned; then, some hundreds of instructions later, the record there. */
uint64_t bindings_prefetch(struct bindings *t, struct span aor);
void bindings_prefetch_record(struct bindings *t, uint64_t place);

/* Removes all bindings of the AoR; returns how many there were. */
size_t bindings_remove(struct bindings *t, struct span aor, usec_t wall, struct binding_set *s);

/* The connection is gone: the AoR's bindings that were reached over it are dropped when they are
 * outbound flows (reg-id, RFC 5626 §5.3), and otherwise kept with conn = 0. The owner of the
 * connection remembers which AoRs registered over it. Returns how many bindings were touched. */
size_t bindings_drop_conn(
    struct bindings *t, struct span aor, uint64_t conn, usec_t wall, struct binding_set *s);

/* Frees what expired, looking at `budget` buckets from where the last call stopped; the whole table
 * is bindings_buckets() of them. Returns the number of bindings freed. One thread at a time. */
size_t bindings_sweep(struct bindings *t, usec_t wall, size_t budget, struct binding_set *s);

/* Has bindings_sweep tell each binding that it frees; NULL ends it. fn is called with a lock of the
 * table held: it is short and asks nothing of the table. Only the thread that sweeps may set it. */
typedef void bindings_expired_fn(void *arg, struct span aor, const struct binding *b);
void bindings_on_expired(struct bindings *t, bindings_expired_fn *fn, void *arg);

size_t bindings_buckets(const struct bindings *t);

/* Called without a lock held, with s the live bindings of aor, sorted. False stops the walk. */
typedef bool bindings_each_fn(void *arg, struct span aor, struct binding_set *s);

/* Where a walk is; all zero at first. Plain data: it can be kept for as long as one likes. */
struct bindings_cursor {
	size_t bucket;
	uint64_t hash;
};

/* Walks at most `budget` buckets from *cursor and moves it. An AoR that is there all the time is
 * shown exactly once, however often the walk is interrupted. False when the walk is complete. */
bool bindings_each(struct bindings *t, usec_t wall, struct bindings_cursor *cursor, size_t budget,
    struct binding_set *s, bindings_each_fn *fn, void *arg);

struct bindings_stats {
	uint64_t bindings, aors; /* now, with those that expired but were not swept yet */
	uint64_t max_bindings;
	uint64_t cells, max_cells;
	uint64_t dirty;        /* AoRs whose change is not in the log yet */
	uint64_t refused_full; /* updates refused for want of room */
	uint64_t expired;      /* bindings that ran out */
};

void bindings_stats(struct bindings *t, struct bindings_stats *out_s);

/* ---- for store/binding_log, on the storage thread alone ---- */

/* Appends framed records (store/binding_record.h) of changed AoRs to b, as many as fit, and clears
 * their dirty marks. Returns true when some are left. */
bool bindings_drain(struct bindings *t, usec_t wall, struct buf *b);

/* Marks the AoRs of `budget` buckets from *cursor on as changed, so that they are written to the
 * log again, and moves *cursor. False when the table's end was reached. */
bool bindings_mark(struct bindings *t, size_t *cursor, size_t budget);

/* Sets an AoR to what a record of the log says, unless a change of it waits for the log; what
 * expired is left out and conn is 0. The result is not dirty. ERR_SYNTAX: not a record of this
 * version; ERR_FULL: no room. */
NODISCARD enum err bindings_restore(
    struct bindings *t, struct span payload, usec_t wall, struct binding_set *s);

/* Bytes that the newest records of all AoRs take in the log. */
uint64_t bindings_logged_bytes(struct bindings *t);

#endif
