/* SPDX-License-Identifier: MIT
 *
 * What makes bindings survive: an append-only log of packed AoR records in a blob store. A tick
 * gathers the AoRs that changed since the last one (an AoR that changed several times is written
 * once) into blobs and appends them; a later record of an AoR replaces an earlier one, so replaying
 * any prefix, or a prefix twice, gives a state that was true at some moment. When more of the log
 * is dead than alive, all live records are appended again in slices, then the old blobs are
 * deleted, oldest first: a crash at any point loses nothing that had been appended.
 *
 * A store that fails costs nothing but time: the blob that could not be appended is kept and tried
 * again at the next tick, the rest stays marked in the table. Storage thread only. */
#ifndef STORE_BINDING_LOG_H
#define STORE_BINDING_LOG_H

#include "store/bindings.h"
#include "store/store.h"

#define BINDING_LOG_BLOB_BYTES (256u << 10)

struct binding_log_params {
	size_t blobs_per_tick; /* appended at most in one tick; 0 = 64 */
	size_t slack_bytes;    /* compact when log > 2 x live + slack; 0 = 4 MiB */
	size_t mark_buckets;   /* looked at for compaction in one tick; 0 = 8192 */
	size_t trim_ids;       /* removed from the store in one tick; 0 = 256 */
};

struct binding_log_stats {
	uint64_t log_bytes, live_bytes;
	uint64_t appended_blobs, appended_bytes;
	uint64_t failed;              /* calls of the store that failed */
	uint64_t compactions;         /* completed */
	uint64_t loaded, loaded_drop; /* records replayed; left out because the table was full */
	uint64_t corrupt;             /* torn or damaged records or blob tails left out at load */
	bool pending;                 /* a blob waits to be tried again */
	bool compacting;
};

struct binding_log;

size_t binding_log_memory(void);

/* t must outlive the log. p may be NULL. ERR_NOMEM. */
NODISCARD enum err binding_log_new(
    struct bindings *t, const struct binding_log_params *p, struct binding_log **out_log);
void binding_log_free(struct binding_log *log);

/* Before the first tick: fills the table. What a worker changed meanwhile stays. Damage is skipped
 * and counted. Otherwise returns what the store said; may then be called again. */
NODISCARD enum err binding_log_load(struct binding_log *log, struct store *s, usec_t wall);

/* Every flush interval (500 ms unless configured): writes what changed, compacts a slice. s may be
 * NULL while the store is lost, and may be another one than last time when it was opened again; a
 * log that has lost its end meanwhile is written anew. Returns OK, or what the store said; all that
 * was not written is written later. */
enum err binding_log_tick(struct binding_log *log, struct store *s, usec_t wall);

/* At the end: writes until nothing is marked, however much it is. */
enum err binding_log_flush(struct binding_log *log, struct store *s, usec_t wall);

void binding_log_stats(const struct binding_log *log, struct binding_log_stats *out_s);

#endif
