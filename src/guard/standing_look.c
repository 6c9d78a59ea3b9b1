/* SPDX-License-Identifier: MIT
 *
 * Standing as a person asks for it. */
#include <string.h>

#include "guard/score.h"
#include "guard/standing_private.h"

static double aged(float score, const struct ledger_entry *e, usec_t half_life, usec_t now)
{
	return score_after((double)score, now > e->scored ? now - e->scored : 0, half_life);
}

/* 0: over. */
static usec_t if_after(usec_t t, usec_t now)
{
	return now < t ? t : 0;
}

void standing_view_of(const struct ledger_entry *e, const struct standing_policy *p, usec_t now,
    struct standing_view *v)
{
	*v = (struct standing_view){
	    .key = e->key,
	    .tier = standing_tier(e, p, now),
	    .proven = ledger_is_proven(e, now),
	    .manual = e->manual && now < e->banned,
	    .spares = e->spares && now < e->banned,
	    .score = (float)aged(e->score, e, p->conf->half_life, now),
	    .unproven = (float)aged(e->unproven, e, p->conf->half_life, now),
	    .banned_until = if_after(e->banned, now),
	    .held_until = if_after(e->held, now),
	    .suspect_until = if_after(e->suspect, now),
	    .known_until = if_after(e->known, now),
	    .seen = e->seen,
	    .offences = e->offences,
	    .failures = e->failures,
	    .devices = e->devices,
	    .accounts = e->accounts,
	    .dropped = e->dropped,
	    .reason = e->reason,
	};
	for (unsigned i = 0; i < LEDGER_METHODS; i++)
		v->rate[i] = freq_read(&e->rate[i], p->flood->window, now);
}

static bool look_at(struct standing *s, const struct standing_policy *p,
    const struct standing_place *at, usec_t now, struct standing_view *out)
{
	struct ledger_entry *e = standing_get(s, at, now);

	if (!e)
		return false;
	standing_view_of(e, p, now, out);
	ledger_unlock(s->ledger, e);
	return true;
}

/* The flow's own, where it has one; else it stands as its address does. */
static void add_flow(struct standing_view *v, const struct standing_view *flow)
{
	enum event_tier source = v->tier;
	usec_t banned = v->banned_until;
	bool manual = v->manual, spared = v->spares && flow->tier == EVENT_TIER_KNOWN;

	*v = *flow;
	if (spared)
		return;
	if (source == EVENT_TIER_DENIED) {
		v->tier = source;
		v->banned_until = banned;
		v->manual = manual;
	} else if (flow->tier == EVENT_TIER_UNKNOWN) {
		v->tier = source;
	}
}

bool standing_look(struct standing *s, const struct standing_policy *p, const struct addr *source,
    bool with_port, usec_t now, struct standing_view *out)
{
	struct standing_place at = standing_place(s, LEDGER_SOURCE, source, 0, 0);
	struct standing_view flow;
	bool found, first;
	usec_t until;

	memset(out, 0, sizeof(*out));
	out->key = at.key;
	out->tier = EVENT_TIER_UNKNOWN;
	found = look_at(s, p, &at, now, out);
	if (with_port) {
		at = standing_place(s, LEDGER_FLOW, source, source->port, 0);
		if (look_at(s, p, &at, now, &flow)) {
			add_flow(out, &flow);
			found = true;
		}
	}
	until = prefix_bans_until(&s->prefixes, source, false, now, &first);
	if (until) {
		out->tier = EVENT_TIER_DENIED;
		out->banned_until = MAX(out->banned_until, until);
		out->reason = REASON_STANDING_MANUAL;
		out->manual = true;
		found = true;
	}
	return found;
}

struct tally {
	const struct standing_policy *p;
	struct standing_tiers *sum;
	usec_t now;
};

enum event_tier standing_tally(struct standing_tiers *sum, const struct ledger_entry *e,
    const struct standing_policy *p, usec_t now)
{
	enum event_tier tier = standing_tier(e, p, now);

	switch (ledger_key_kind(&e->key)) {
	case LEDGER_SOURCE:
		sum->n[tier]++;
		sum->held += now < e->held;
		break;
	case LEDGER_FLOW:
		sum->flows += tier == EVENT_TIER_KNOWN;
		break;
	case LEDGER_DEVICE:
	case LEDGER_PEER:
		return tier;
	case LEDGER_PREFIX:
	case LEDGER_KIND_COUNT:
		break;
	}
	sum->banned += now < e->banned;
	return tier;
}

static bool tally_entry(void *arg, struct ledger_entry *e)
{
	struct tally *t = arg;

	(void)standing_tally(t->sum, e, t->p, t->now);
	return true;
}

bool standing_count(struct standing *s, const struct standing_policy *p, size_t *cursor,
    size_t budget, usec_t now, struct standing_tiers *sum)
{
	struct tally t = {p, sum, now};

	return ledger_each(s->ledger, cursor, budget, tally_entry, &t);
}
