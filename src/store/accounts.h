/* SPDX-License-Identifier: MIT
 *
 * The account cache that all workers share, in front of the storage thread. A hit is answered at
 * once; a miss starts one fetch a name, however many wait for it, and the waiters are called back.
 *
 * A fixed table of sets of eight entries under striped locks. Entries are found by a keyed 128-bit
 * hash of the name, so names take no room and cannot be aimed at a set. At most two of eight ways
 * hold "no such account", so a flood of invented users never pushes accounts out.
 *
 * An answer is used for its lifetime and not a moment longer: with the database lost, accounts that
 * were used lately go on working until then and everything else is ERR_IO, to be answered 503.
 * A password that was changed elsewhere works at once all the same: see accounts_recheck. */
#ifndef STORE_ACCOUNTS_H
#define STORE_ACCOUNTS_H

#include "base/siphash.h"
#include "store/worker.h"

struct accounts;

/* What a caller asks for. The structure is the caller's and must stay where it is until `done` was
 * called; then it is the caller's again. */
struct accounts_waiter {
	/* On the storage thread, once: e is OK, ERR_NOT_FOUND, ERR_IO, ERR_TIMEOUT or ERR_CLOSED;
	 * ha1s is filled when e is OK. Must only post to a mailbox. May also come from within
	 * accounts_free of the storage worker. */
	void (*done)(struct accounts_waiter *w, enum err e);
	struct digest_ha1s ha1s;
	struct accounts_waiter *next; /* the cache's */
};

struct accounts_config {
	size_t entries;           /* rounded up to a power of two, at least 8 */
	usec_t lifetime;          /* of an answer */
	usec_t negative_lifetime; /* of "no such account"; not more than lifetime */
	size_t fetches;           /* names being fetched at one time; 0 = 1024 */
	struct siphash_key key;
	struct store_worker *worker; /* outlives the cache's last call; not owned */
};

NODISCARD enum err accounts_new(const struct accounts_config *config, struct accounts **out_a);

/* After the storage worker was freed: nothing may be in flight. NULL is accepted. */
void accounts_free(struct accounts *a);

/* Bytes that a cache of `entries` takes, for ever. */
size_t accounts_memory(size_t entries);

/* Takes effect at once (reload). */
void accounts_set_lifetime(struct accounts *a, usec_t lifetime, usec_t negative_lifetime);

/* A name as the cache looks for it, hashed once for all that is asked about it. The spans are the
 * caller's; domain is in lower case. */
struct accounts_name {
	struct span user, domain;
	uint64_t tag, check; /* keyed hash of both */
	bool possible;       /* else it is too long to be an account's */
};

struct accounts_name accounts_name(const struct accounts *a, struct span user, struct span domain);

/* Bring closer what accounts_get will look at: first where the entry would be, then, some hundreds
 * of instructions later, the entry. */
void accounts_prefetch(const struct accounts *a, const struct accounts_name *who);
void accounts_prefetch_entry(const struct accounts *a, const struct accounts_name *who);

/* OK or ERR_NOT_FOUND: answered from the cache, OK fills w->ha1s. ERR_BUSY: w->done will be called.
 * ERR_FULL: too many fetches at a time; ERR_IO, ERR_CLOSED: no database; done is not called.
 * Any thread. */
NODISCARD enum err accounts_get(struct accounts *a, const struct accounts_name *who, usec_t now,
    usec_t deadline, struct accounts_waiter *w);

/* After a password that did not match, or an unknown user: asks the database again if the answer is
 * older than a second. ERR_BUSY: w->done will be called, judge again with what it brings; any other
 * result: keep the verdict. */
NODISCARD enum err accounts_recheck(struct accounts *a, const struct accounts_name *who, usec_t now,
    usec_t deadline, struct accounts_waiter *w);

/* Drops what is known about a name: it was changed. A fetch in flight will not be kept. */
void accounts_forget(struct accounts *a, struct span user, struct span domain);
void accounts_forget_all(struct accounts *a);

struct accounts_stats {
	uint64_t hits, misses, shared; /* shared: misses that joined a fetch under way */
	uint64_t evicted, refused, failed;
	size_t used, negative, entries, fetching;
};

void accounts_stats(struct accounts *a, struct accounts_stats *out_stats);

#endif
