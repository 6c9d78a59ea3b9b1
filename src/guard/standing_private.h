/* SPDX-License-Identifier: MIT
 *
 * What the files of standing share. */
#ifndef GUARD_STANDING_PRIVATE_H
#define GUARD_STANDING_PRIVATE_H

#include "guard/prefix_bans.h"
#include "guard/standing.h"

struct standing {
	struct ledger *ledger;
	struct siphash_key names; /* of user names */
	_Atomic usec_t wide_told; /* when a flood of a wide prefix was last told */
	struct prefix_bans prefixes;
};

_Static_assert(STANDING_PREFIX_BANS == PREFIX_BANS_MAX, "the list of prefixes banned by hand");

static inline struct standing_place standing_place(const struct standing *s, enum ledger_kind kind,
    const struct addr *a, uint16_t port, uint32_t name)
{
	struct standing_place at = {.key = ledger_key(kind, a, port, name)};

	at.hash = ledger_hash(s->ledger, &at.key);
	return at;
}

static inline struct ledger_entry *standing_get(
    struct standing *s, const struct standing_place *at, usec_t now)
{
	return ledger_lock(s->ledger, at->hash, &at->key, now);
}

static inline struct ledger_entry *standing_make(
    struct standing *s, const struct standing_place *at, enum event_tier rank, usec_t now)
{
	return ledger_lock_or_add(s->ledger, at->hash, &at->key, rank, now);
}

/* A ban in force: one by hand always, another one if the policy acts. */
static inline bool standing_is_banned(
    const struct ledger_entry *e, const struct standing_policy *p, usec_t now)
{
	return UNLIKELY(now < e->banned) && (e->manual || p->conf->mode == CONF_MODE_ENFORCE);
}

/* Whether the answer to a challenge may still come. */
static inline bool standing_may_answer(const struct ledger_entry *e, usec_t now)
{
	return now < e->challenged && e->answers;
}

/* Somebody logged in from behind this address: what is found there is the devices' business. */
static inline bool standing_has_users(const struct ledger_entry *e, usec_t now)
{
	return now < e->known && e->accounts;
}

/* The ban of its address for what some devices did does not concern a flow that logged in and did
 * nothing. */
static inline bool standing_is_spared(
    const struct ledger_entry *flow, const struct standing_policy *p, usec_t now)
{
	return now < flow->known && !standing_is_banned(flow, p, now);
}

/* Score and unproven score now. */
double standing_score(const struct ledger_entry *e, const struct standing_policy *p, usec_t now);

/* An entry as a person asks for it. */
void standing_view_of(const struct ledger_entry *e, const struct standing_policy *p, usec_t now,
    struct standing_view *v);

/* Counts an entry where it belongs and gives its tier. */
enum event_tier standing_tally(struct standing_tiers *sum, const struct ledger_entry *e,
    const struct standing_policy *p, usec_t now);

/* Whether it is, contains, or is part of what must never be banned. */
bool standing_never(const struct standing_policy *p, const struct prefix *what);

#endif
