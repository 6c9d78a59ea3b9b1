/* SPDX-License-Identifier: MIT
 *
 * What makes standing survive: bans, offences and known sources go from the ledger to the state
 * store. A tick looks at half of the ledger and writes what changed, in batches of one transaction
 * each, so that with a tick every half second a crash loses a second at most; at the end everything
 * is written. The store has about as many rows as the ledger has entries: the oldest are removed.
 *
 * A store that fails costs nothing but time: the batch is kept and tried again, and once the store
 * is back everything is written anew, as it may be another file. Storage thread only, but for
 * loading, which happens before it runs. */
#ifndef EDGE_STANDING_KEEP_H
#define EDGE_STANDING_KEEP_H

#include "guard/standing.h"
#include "store/store.h"

struct standing_keep_stats {
	uint64_t loaded, left_out; /* at start; left out: ran out, damaged, or no room */
	uint64_t written, removed; /* rows */
	uint64_t failed;           /* calls of the store that failed */
	bool pending;              /* a batch waits to be tried again */
};

struct standing_keep;

size_t standing_keep_memory(void);

/* s must outlive it. ERR_NOMEM. */
NODISCARD enum err standing_keep_new(struct standing *s, struct standing_keep **out_k);
void standing_keep_free(struct standing_keep *k); /* NULL is fine */

/* Before the first tick and before anyone else uses the ledger. Returns what the store said. */
NODISCARD enum err standing_keep_load(struct standing_keep *k, struct store *s,
    const struct standing_policy *p, usec_t now, usec_t wall);

/* Every half second. s: NULL while the store is lost. OK, or what the store said; what was not
 * written is written later. */
enum err standing_keep_tick(struct standing_keep *k, struct store *s, usec_t now, usec_t wall);

/* At the end: the whole ledger. */
enum err standing_keep_flush(struct standing_keep *k, struct store *s, usec_t now, usec_t wall);

void standing_keep_stats(const struct standing_keep *k, struct standing_keep_stats *out_s);

#endif
