/* SPDX-License-Identifier: MIT
 *
 * Standing: what a source has earned. Findings add their weight to a score that halves every
 * half-life; its thresholds make a source suspect and then ban it, longer with each offence. A
 * log-in makes it known.
 *
 * Nobody is banned on the word of an address alone: a finding counts towards a ban only when the
 * message came over a stream or carried a nonce that was given to that very address ("proven");
 * findings of unproven datagrams make suspect and no more. Behind an address with known users
 * findings go to the device (its flow, and the user name that it tries); the address falls as a
 * whole when `devices` of them were denied, but for its flows that logged in and did nothing: they
 * are served as before. Peers, the allow-list, our own addresses and core zones
 * are never suspect or banned, nor is a prefix that contains one of them.
 *
 * Thread-safe through the ledger's locks. No clock, no I/O, no messages. */
#ifndef GUARD_STANDING_H
#define GUARD_STANDING_H

#include "base/flow.h"
#include "conf/conf.h"
#include "guard/ledger.h"

/* What follows from a configuration; immutable, of the snapshot. */
struct standing_policy {
	const struct conf_standing *conf;
	const struct conf_flood *flood;
	uint32_t weight[REASON_COUNT];
	const struct prefix *never; /* allow-list, peers, own addresses, gateways, core targets */
	size_t never_n;
};

/* Fills the weights from the table of reasons and the configuration's changes. */
void standing_policy_init(struct standing_policy *p, const struct conf_standing *conf,
    const struct conf_flood *flood, const struct prefix *never, size_t never_n);

/* Who cannot be banned, and what it may. */
enum standing_trust {
	STANDING_STRANGER,
	STANDING_OWN,    /* an address or gateway of ours: never banned, otherwise a stranger */
	STANDING_EXEMPT, /* allow-list, core zone: trusted; never suspect, never banned, no flood */
	STANDING_PEER    /* a configured trunk: likewise */
};

struct standing;

/* An entry of the ledger and where it is, so that it is hashed once. Plain data. */
struct standing_place {
	struct ledger_key key;
	uint64_t hash;
};

/* entries: of the ledger. ERR_NOMEM. */
NODISCARD enum err standing_new(
    size_t entries, const struct siphash_key *key, struct standing **out_s);
void standing_free(struct standing *s);
size_t standing_memory(size_t entries);
struct ledger *standing_ledger(struct standing *s);

/* Who did it. user_hash: standing_user_hash of the name it tried, 0: none. */
struct standing_who {
	struct addr source; /* with its port */
	uint32_t user_hash;
	bool proven;
	enum standing_trust trust;
};

uint32_t standing_user_hash(const struct standing *s, struct span user, struct span domain);

/* What a finding led to; told as an event each. Up to STANDING_CHANGES at once. */
#define STANDING_CHANGES 4
struct standing_change {
	enum reason reason; /* STANDING_SUSPECT, _BANNED, _DEVICE, or a composite */
	struct ledger_key key;
	enum event_tier tier; /* that it has now */
	double score, threshold;
	usec_t until; /* of a ban, monotonic; else 0 */
	uint8_t offences;
	bool spare; /* not to be held against the whole address: struct event */
};

struct standing_changes {
	size_t n;
	struct standing_change item[STANDING_CHANGES];
	/* Always filled: of the source after the finding. */
	float score;
	enum event_tier tier;
};

/* A finding about a message of `who`. Composites follow from it by themselves. In mode observe the
 * caller passes act = false: scores are kept and changes are told, but nobody is banned. EXEMPT and
 * PEER earn nothing; OWN may become suspect. A flow that logged in is forgiven what weighs 1: a
 * wrong number, a broken header. */
void standing_found(struct standing *s, const struct standing_policy *p,
    const struct standing_who *who, enum reason r, bool act, usec_t now,
    struct standing_changes *out);

/* It was sent a challenge: for a few seconds the answer may come through an avalanche. Not for
 * EXEMPT and PEER, which the ledger does not hold. */
void standing_challenged(
    struct standing *s, const struct standing_policy *p, const struct addr *source, usec_t now);

/* It was challenged less than `challenged` ago, and not every challenge was answered. */
bool standing_awaits_answer(struct standing *s, const struct addr *source, usec_t now);

/* It logged in with a nonce that was given to this address: the source and the flow are proven and
 * known. Cheap when they are already. A flow that is suspect stays so. True: the source was not
 * known before; what it was held for is then forgotten. */
bool standing_logged_in(struct standing *s, const struct standing_policy *p,
    const struct standing_who *who, usec_t now);

/* The connection from this address and port is closed: nobody comes with that port again who would
 * be known by it. Its address stays known. */
void standing_flow_ended(struct standing *s, const struct addr *source, usec_t now);

/* May `bytes` be sent to an address that never showed that it receives? At most three times what
 * the gate let come from it (RFC 9000 §8), in the present and the last STANDING_BYTES_WINDOW;
 * counts them when they may. Known sources always may, and those that showed within the time of
 * `known` that they receive; the ledger does not hold EXEMPT
 * and PEER: not to be asked for them. */
#define STANDING_BYTES_WINDOW (30 * USEC_SEC)
bool standing_may_send(struct standing *s, const struct addr *to, size_t bytes, usec_t now);

/* As a person asks for it. The tier by flow and source, with everything that decided; false: never
 * heard of it (out is then zeroed, tier UNKNOWN). */
struct standing_view {
	struct ledger_key key;
	enum event_tier tier;
	bool proven, manual, spares; /* spares: a ban that flows that logged in are exempt from */
	float score, unproven;
	usec_t banned_until, held_until, suspect_until, known_until, seen; /* monotonic; 0: not */
	uint8_t offences;
	uint16_t failures, devices, accounts;
	uint32_t dropped, rate[LEDGER_METHODS];
	enum reason reason;
};
bool standing_look(struct standing *s, const struct standing_policy *p, const struct addr *source,
    bool with_port, usec_t now, struct standing_view *out);

/* By hand. A prefix of any length; what the ledger knows as one source (an IPv4 address, an IPv6
 * /64) is an entry of it, others are a list of at most STANDING_PREFIX_BANS. until: monotonic. In
 * force whatever the mode is. ERR_DENIED: it is, contains, or is part of what must never be banned;
 * ERR_FULL. */
#define STANDING_PREFIX_BANS 256
NODISCARD enum err standing_ban(struct standing *s, const struct standing_policy *p,
    const struct prefix *what, usec_t until, usec_t now);

/* Told of a ban; see standing_bans. */
typedef bool standing_ban_fn(void *arg, const struct standing_view *v, const struct prefix *prefix);

/* Ends bans of exactly this address or prefix (and of the flows and devices of an address), its
 * score and offences. ERR_NOT_FOUND: none. */
NODISCARD enum err standing_unban(struct standing *s, const struct prefix *what, usec_t now);

/* Whether exactly this address or prefix is banned, and not but for those who logged in. */
bool standing_bans_whole(struct standing *s, const struct prefix *what, usec_t now);

/* Ends every ban; fn is told of each before it ends and returns true. Returns how many there were.
 */
size_t standing_unban_all(struct standing *s, usec_t now, standing_ban_fn *fn, void *arg);

/* Whether one of the prefixes banned by hand holds it; cheap when there are none. */
bool standing_prefix_banned(struct standing *s, const struct addr *a, usec_t now);

/* Each ban in force, prefixes by hand first (`prefix` is then not NULL and the view has no key).
 * Called without a lock. Return false to stop: this one comes first the next time. Cursor and
 * budget as ledger_each; true: there is more. */
bool standing_bans(
    struct standing *s, size_t *cursor, size_t budget, usec_t now, standing_ban_fn *fn, void *arg);

/* The tier of an entry now, bans and times that ran out considered; for gate.c and listings. */
enum event_tier standing_tier(
    const struct ledger_entry *e, const struct standing_policy *p, usec_t now);

/* For the store: entries worth a restart (bans, offences, known, proven) and the prefixes banned by
 * hand, as records of fixed layout, times as wall clock. A key is the 16 bytes of a ledger key, or
 * the 16 bytes and the bits of a prefix. */
#define STANDING_RECORD   64
#define STANDING_HAND_MAX (365 * 24 * 60 * USEC_MIN) /* of a ban by hand */
#define STANDING_KEY_MAX  17
/* Writes those that changed since the last call: at most `budget` sets looked at from *cursor
 * (prefixes when it is 0); fn gets the key and the record (n = 0: forget it), takes it, and returns
 * false to stop behind it. What is left of a set is met again with the next walk. */
typedef bool standing_save_fn(void *arg, struct span key, struct span record);
bool standing_save(struct standing *s, size_t *cursor, size_t budget, usec_t now, usec_t wall,
    standing_save_fn *fn, void *arg);
/* All that is worth it counts as changed from now on: what was written is lost. */
void standing_save_again(struct standing *s);
/* ERR_SYNTAX: not a record of ours: it is left out. ERR_NOT_FOUND: it ran out meanwhile. Whatever
 * the clocks of the two starts say, no ban is longer than the policy's longest, or a year when a
 * person made it, and nobody is known for longer than a log-in makes it. */
NODISCARD enum err standing_restore(struct standing *s, const struct standing_policy *p,
    struct span key, struct span record, usec_t now, usec_t wall);

/* Sources of each tier now; walks the ledger: for status, in steps of `budget` sets into *sum. */
struct standing_tiers {
	size_t n[EVENT_TIER_COUNT], banned, held, flows;
};
bool standing_count(struct standing *s, const struct standing_policy *p, size_t *cursor,
    size_t budget, usec_t now, struct standing_tiers *sum);

#endif
