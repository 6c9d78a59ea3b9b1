/* SPDX-License-Identifier: MIT
 *
 * Which nonce counts were used (RFC 7616 §3.4, nc). An entry is made only after a password was
 * right, so challenges, guesses and floods use no memory here.
 *
 * A fixed table of sets of eight entries, 40 bytes an entry, shared by all workers under striped
 * locks. A full set gives up its oldest nonce and remembers its time of issue as `floor`: a nonce
 * which is not in the set and not younger than the floor is STALE, so nothing that was used and
 * then forgotten is ever accepted again; its owner answers a new challenge without being asked.
 * For the same reason the table starts with every floor at the time it was made: what a former
 * process accepted is not accepted twice. */
#ifndef GUARD_REPLAY_H
#define GUARD_REPLAY_H

#include "base/err.h"
#include "base/siphash.h"

struct replay;

enum replay_verdict {
	REPLAY_NEW,            /* first use; it is marked now */
	REPLAY_USED,           /* this nc was used, or is 64 or more behind the highest */
	REPLAY_RETRANSMISSION, /* the last request of this nonce once more, same nc and same hash */
	REPLAY_STALE,          /* too old to know */
};

#define REPLAY_WINDOW 64 /* counts below the highest that may come late, out of order */

/* Room for `entries` nonces, rounded up to a power of two, at least 8. wall_ms: now; nonces issued
 * before are STALE. NULL when there is no memory. */
struct replay *replay_new(size_t entries, uint64_t wall_ms, const struct siphash_key *key);
void replay_free(struct replay *r);

/* Bytes that a table of `entries` takes, for ever. */
size_t replay_memory(size_t entries);

/* Call only when the response was right. id and issued_ms from nonce_info; nc > 0; request: keyed
 * hash of what makes a byte-identical retransmission (branch, flow), never 0. Any thread. */
enum replay_verdict replay_use(
    struct replay *r, uint64_t id, uint64_t issued_ms, uint32_t nc, uint64_t request);

/* Brings what replay_use will look at closer, while the response is being computed. */
void replay_prefetch(const struct replay *r, uint64_t id);

struct replay_stats {
	uint64_t evicted;
	size_t used, entries;
};

/* A snapshot for `status`; approximate while others write. */
void replay_stats(struct replay *r, struct replay_stats *out_stats);

#endif
