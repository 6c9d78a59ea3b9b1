/* SPDX-License-Identifier: MIT
 *
 * The ledger: what is known of each source. A table of fixed size, made and touched at start, that
 * no traffic can make grow: sets of LEDGER_WAYS entries, found by a keyed hash (SipHash-1-3), so
 * strangers cannot choose whom they push out. A full set gives up its least valuable entry: of the
 * lowest rank, the one seen longest ago (ledger_rank). Strangers push out each other, never who is
 * held, denied, known or trusted. Of these known and trusted addresses have all but
 * LEDGER_WAYS_STRANGERS ways of a set, and all together leave one: one that comes, or becomes of
 * value where it stands, takes the place of the least valuable that is no better than itself. So
 * strangers can be counted and judged whatever the ledger is full of. A stranger for whom nothing
 * is left is refused, and judged together with its network only.
 *
 * Keys of several kinds share the table: an address (IPv4 /32, IPv6 /64), its prefix (/24, /48), a
 * flow (address and port), a device (address and user name), an address as a peer's. What the
 * fields of an entry mean is standing.h's and gate.h's business; here they are found, kept and
 * given up.
 *
 * Thread-safe: each set has a spin lock; an entry is used between ledger_lock and ledger_unlock
 * only, for some ten nanoseconds, without any call that could sleep. One set is locked at a time by
 * a thread. */
#ifndef GUARD_LEDGER_H
#define GUARD_LEDGER_H

#include "base/addr.h"
#include "base/siphash.h"
#include "event/event.h"
#include "guard/window.h"

#define LEDGER_WAYS           8
#define LEDGER_WAYS_STRANGERS 2

enum ledger_kind {
	LEDGER_SOURCE, /* an IPv4 address or an IPv6 /64 */
	LEDGER_PREFIX, /* IPv4 /24, IPv6 /48 */
	LEDGER_FLOW,   /* address and port */
	LEDGER_DEVICE, /* address and user name that it logs in as */
	LEDGER_PEER,   /* a SOURCE where it is met as a configured trunk */
	LEDGER_KIND_COUNT
};

/* lo: kind in the top 4 bits, family (4 or 6) in the next, the port in the upper half. IPv4: the
 * address is the lower half, hi the name. IPv6: hi is the upper 8 bytes of the address, the lower
 * half of lo the name, of a FLOW its lower 8 bytes, folded. Made by ledger_key only; equal keys are
 * equal bytes. */
struct ledger_key {
	uint64_t hi, lo;
};

/* port: of a FLOW; name: a keyed hash of the user name, of a DEVICE; else 0. */
struct ledger_key ledger_key(
    enum ledger_kind kind, const struct addr *a, uint16_t port, uint32_t name);

enum ledger_kind ledger_key_kind(const struct ledger_key *k);

/* The address part as text: "192.0.2.7", "192.0.2.0/24", "2001:db8:1:2::/64"; a FLOW with its port:
 * "192.0.2.7:5060", "[2001:db8:1:2::/64]:5060". */
void ledger_key_add(struct buf *b, const struct ledger_key *k);

/* The prefix that the key stands for (a FLOW and a DEVICE: that of their address). */
struct prefix ledger_key_prefix(const struct ledger_key *k);

/* Classes of methods, each with a rate of its own. */
enum ledger_method {
	LEDGER_REGISTER,
	LEDGER_INVITE,
	LEDGER_OPTIONS,
	LEDGER_OTHER, /* other requests */
	LEDGER_RESPONSE,
	LEDGER_METHODS
};

/* By cache lines: the first is all that a refused datagram touches, then what standing is made of,
 * then what is counted for each message that passes. Times are monotonic; 0: never. */
struct ledger_entry {
	_Alignas(CACHE_LINE) struct ledger_key key;
	usec_t seen;       /* when its last message came: moving it on keeps the entry young */
	usec_t banned;     /* refused until then */
	usec_t held;       /* flood: refused until then, moved on by each excess */
	usec_t challenged; /* `challenged` until then */
	usec_t known;      /* it logged in: known until then */
	uint32_t dropped;  /* refused unread since it was banned or held */
	uint16_t answers;  /* to challenges, that may still come through an avalanche */
	uint8_t tier;      /* enum event_tier, as of the last change; see standing_tier */
	bool dirty : 1;    /* to be written to the store */
	bool manual : 1;   /* banned by a person */
	bool floods : 1;   /* what it is held for came over connections, too */
	bool spares : 1;   /* banned for what devices did: those that logged in go on */

	/* Its standing. */
	_Alignas(CACHE_LINE) usec_t suspect; /* at least `suspect` until then, whatever the score */
	usec_t told;                         /* when the flood that it is held for was last told */
	usec_t scored; /* when `score` and `unproven` were right; they decay */
	float score;
	float unproven; /* what it would have if it were proven: makes suspect, never denied */
	uint32_t bytes_in, bytes_out; /* since bytes_since, of an unproven source (RFC 9000 §8) */
	uint32_t proven_s; /* it really is at its address: until then, in seconds (ledger_prove) */
	struct freq streams; /* messages over connections, which nobody can forge */
	uint16_t controls;   /* what was seen since the score was forgotten (standing_found.c) */
	uint16_t reason;     /* enum reason of the last finding or of the ban */
	uint16_t failures;   /* log-ins that failed; halves with the score */
	uint16_t devices;    /* devices behind it that were denied */
	uint16_t accounts;   /* known flows behind it */
	uint8_t offences;    /* bans so far */

	_Alignas(CACHE_LINE) usec_t bytes_since;
	struct freq
	    rate[LEDGER_METHODS]; /* by class in the window of flood; counted by gate.c only */
	struct window window;     /* flood; its moments begin a line */
};

struct ledger;

/* entries is rounded up to whole sets. The memory is written once, here. ERR_NOMEM. Some four times
 * as many entries as there are known users and flows keep them all. */
NODISCARD enum err ledger_new(size_t entries, const struct siphash_key *key, struct ledger **out_l);
void ledger_free(struct ledger *l); /* NULL is fine */
size_t ledger_memory(size_t entries);

uint64_t ledger_hash(const struct ledger *l, const struct ledger_key *k);

/* Fetches the set's head into the cache; then, a little later, what gate_decide reads of the entry,
 * if there is one. Without the lock. */
void ledger_prefetch(const struct ledger *l, uint64_t hash);
void ledger_prefetch_entry(const struct ledger *l, uint64_t hash);

/* The entry, with its set locked; NULL (and nothing locked) when there is none. hash must be
 * ledger_hash of k. Who sets its `seen` to now makes it the youngest of its set. */
struct ledger_entry *ledger_lock(
    struct ledger *l, uint64_t hash, const struct ledger_key *k, usec_t now);

/* The same, but a missing one is made: zeroed but for key, seen, tier UNKNOWN and what an empty
 * window does not look at. rank: of the tier that the new entry is going to have; UNKNOWN (or
 * SUSPECT, CHALLENGED) for a stranger. NULL, and nothing locked: every entry that it might replace
 * ranks higher (counted). */
struct ledger_entry *ledger_lock_or_add(
    struct ledger *l, uint64_t hash, const struct ledger_key *k, enum event_tier rank, usec_t now);

/* What was changed decides from now on how long the entry is kept. */
void ledger_unlock(struct ledger *l, struct ledger_entry *e);

/* Removes a locked entry and unlocks. */
void ledger_remove(struct ledger *l, struct ledger_entry *e);

/* It showed that it is at its address; believed until then, since addresses change hands. */
static inline void ledger_prove(struct ledger_entry *e, usec_t until)
{
	e->proven_s = MAX(e->proven_s, (uint32_t)MIN(until / USEC_SEC + 1, (usec_t)UINT32_MAX));
}

static inline bool ledger_is_proven(const struct ledger_entry *e, usec_t now)
{
	return now < e->proven_s * USEC_SEC;
}

/* How an entry ranks when its set is full, highest kept longest. A ban, a hold or a log-in that ran
 * out does not count. Known addresses come before bans: an attacker with a wide prefix earns bans
 * by the thousand, but no log-in. Known flows come behind them: one account makes as many as there
 * are ports. */
enum ledger_rank {
	LEDGER_RANK_UNKNOWN,
	LEDGER_RANK_SUSPECT,
	LEDGER_RANK_CHALLENGED, /* or held, but nobody has proven that it is really this source */
	LEDGER_RANK_HELD,       /* from here on beyond the reach of strangers */
	LEDGER_RANK_FLOW,       /* known, but a part of an address only */
	LEDGER_RANK_DENIED,
	LEDGER_RANK_KNOWN,
	LEDGER_RANK_TRUSTED
};
enum ledger_rank ledger_rank(const struct ledger_entry *e, usec_t now);

/* Every entry in turn, its set locked while fn runs; fn may change it (not its key). Return false
 * to stop behind it. *cursor is where to go on (0: begin); at most `budget` sets are looked at.
 * True: there is more. Entries that come and go meanwhile may be missed, the others are met once.
 */
typedef bool ledger_each_fn(void *arg, struct ledger_entry *e);
bool ledger_each(struct ledger *l, size_t *cursor, size_t budget, ledger_each_fn *fn, void *arg);

struct ledger_stats {
	size_t entries, capacity;
	uint64_t evicted;                        /* entries given up for others */
	uint64_t refused;                        /* found no place */
	uint64_t evicted_tier[EVENT_TIER_COUNT]; /* by what they were */
};

/* Counters only: cheap. */
void ledger_stats(const struct ledger *l, struct ledger_stats *out);

#endif
