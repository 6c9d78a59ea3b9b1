/* SPDX-License-Identifier: MIT
 *
 * Counts of what strangers did, each in a sliding window, in one table of fixed size under a keyed
 * hash: for guessing.h and scan.h. Nothing that is sent makes it grow.
 *
 * A count keeps the moments of its last events, exactly for up to TALLY_SLOTS of them; from there
 * on neighbours are merged two by two, so events leave in groups, at the moment of the last of
 * each. A full set gives up its least valuable entry: few events, long ago. Entries that are `kept`
 * outlive all that strangers do; of each set TALLY_WAYS_STRANGERS are left to the others.
 *
 * Thread-safe: a spin lock for some sets together; an entry is used between lock and unlock only,
 * and one at a time by a thread. Times are monotonic, spans at most TALLY_SPAN_MAX. */
#ifndef GUARD_TALLY_H
#define GUARD_TALLY_H

#include "base/addr.h"
#include "base/siphash.h"
#include "base/usec.h"

#define TALLY_SLOTS          26
#define TALLY_WAYS           8
#define TALLY_WAYS_STRANGERS 2
#define TALLY_SPAN_MAX       (24 * 60 * USEC_MIN)

/* Distinct things can be told apart up to so many. */
#define TALLY_DISTINCT_MAX (TALLY_SLOTS - 1)

/* All zero but kind, kept and seen_s: new. */
struct tally {
	uint32_t seen_s;   /* when something was last counted */
	uint32_t in_grain; /* events of the newest grain */
	uint32_t over;     /* events above the limit, of this episode; distinct: the first, in ms */
	uint8_t kind, used, shift;
	bool kept;
	usec_t until; /* of its user: a time; an entry whose time is to come is not given up */
	uint32_t at[TALLY_SLOTS]; /* oldest first: ms of the last event of each grain of 1 << shift;
				     distinct: hash and time of each; or its user's */
};
_Static_assert(sizeof(struct tally) == 2 * CACHE_LINE, "two cache lines an entry");

struct tally_table;

/* entries is rounded up to a power of two. fade: in this time an entry that is not used loses half
 * of its value. ERR_NOMEM. */
NODISCARD enum err tally_table_new(
    size_t entries, usec_t fade, const struct siphash_key *key, struct tally_table **out_t);
void tally_table_free(struct tally_table *t); /* NULL is fine */
size_t tally_table_memory(size_t entries);

/* The name of an entry: kind and whatever tells it apart. Never 0. */
uint64_t tally_name(const struct tally_table *t, uint8_t kind, const void *what, size_t n);

/* The entry, locked; NULL (and nothing locked): there is none. */
struct tally *tally_lock(struct tally_table *t, uint64_t name);

/* The same, but a missing one is made. Never NULL. */
struct tally *tally_lock_or_add(
    struct tally_table *t, uint64_t name, uint8_t kind, bool kept, usec_t now);

void tally_unlock(struct tally_table *t, uint64_t name);

/* Counts one event; the events of the last span, this one included. */
uint32_t tally_add(struct tally *e, usec_t span, usec_t now);
uint32_t tally_count(struct tally *e, usec_t span, usec_t now);

/* After tally_add gave `count`: whether the limit (0: none) was passed just now, or a further
 * multiple of it since. */
bool tally_passed(struct tally *e, uint32_t limit, uint32_t count);

void tally_clear(struct tally *e);

/* Another use of an entry: different things of the last span, by a hash of each; exact up to
 * TALLY_DISTINCT_MAX, in time to span / 256. *out_age: how long ago the first came since there was
 * none. */
uint32_t tally_add_distinct(
    struct tally *e, uint32_t hash, usec_t span, usec_t now, usec_t *out_age);

struct tally_stats {
	size_t used, capacity;
	uint64_t evicted;
};
/* Counters only: cheap. */
void tally_stats(const struct tally_table *t, struct tally_stats *out);

/* Entries whose time is to come; walks the table. */
size_t tally_pending(struct tally_table *t, usec_t now);

/* The bytes that tell sources and prefixes apart: an IPv4 address or IPv6 /64; its /24 or /48. */
struct tally_source {
	uint8_t ip[16];
};
struct tally_source tally_source(const struct addr *a);
struct tally_source tally_prefix(const struct addr *a);

#endif
