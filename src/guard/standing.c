/* SPDX-License-Identifier: MIT
 *
 * The tier of a source, and how log-ins and challenges change it. What findings do is
 * standing_found.c, bans by hand standing_bans.c. */
#include <stdlib.h>
#include <string.h>

#include "guard/score.h"
#include "guard/standing_private.h"

/* Answers to challenges that may be outstanding behind one address. */
#define ANSWERS_MAX 1024

/* A log-in is noted again when it moves the end of `known` by at least this part of it: between
 * these a busy phone costs no writing to the store. */
#define KNOWN_STEPS 16

void standing_policy_init(struct standing_policy *p, const struct conf_standing *conf,
    const struct conf_flood *flood, const struct prefix *never, size_t never_n)
{
	*p = (struct standing_policy){
	    .conf = conf, .flood = flood, .never = never, .never_n = never_n};
	for (unsigned r = 0; r < REASON_COUNT; r++)
		p->weight[r] = reason_info((enum reason)r)->weight;
	for (size_t i = 0; i < conf->weights_count; i++)
		p->weight[conf->weights[i].reason] = conf->weights[i].weight;
}

enum err standing_new(size_t entries, const struct siphash_key *key, struct standing **out_s)
{
	/* Names are hashed apart from keys, so that neither tells of the other. */
	static const char use[] = "names of users";
	struct standing *s = calloc(1, sizeof(*s));
	enum err e;

	if (!s)
		return ERR_NOMEM;
	e = ledger_new(entries, key, &s->ledger);
	if (e != OK) {
		free(s);
		return e;
	}
	s->names.k0 = siphash24(key, use, sizeof(use));
	s->names.k1 = siphash24(key, use, sizeof(use) - 1);
	prefix_bans_init(&s->prefixes);
	*out_s = s;
	return OK;
}

void standing_free(struct standing *s)
{
	if (!s)
		return;
	prefix_bans_done(&s->prefixes);
	ledger_free(s->ledger);
	free(s);
}

size_t standing_memory(size_t entries)
{
	return sizeof(struct standing) + ledger_memory(entries);
}

struct ledger *standing_ledger(struct standing *s)
{
	return s->ledger;
}

uint32_t standing_user_hash(const struct standing *s, struct span user, struct span domain)
{
	uint64_t pair[2] = {
	    siphash13(&s->names, user.p, user.n), siphash13(&s->names, domain.p, domain.n)};
	uint32_t h = (uint32_t)siphash13(&s->names, pair, sizeof(pair));

	return h ? h : 1;
}

double standing_score(const struct ledger_entry *e, const struct standing_policy *p, usec_t now)
{
	usec_t passed = now > e->scored ? now - e->scored : 0;

	if (e->score <= 0 && e->unproven <= 0)
		return 0;
	return score_after((double)e->score + (double)e->unproven, passed, p->conf->half_life);
}

/* Known comes before suspect: what is found behind an address with known users is held against its
 * devices, and what others send with its address is no fault of it. */
enum event_tier standing_tier(
    const struct ledger_entry *e, const struct standing_policy *p, usec_t now)
{
	if (standing_is_banned(e, p, now))
		return EVENT_TIER_DENIED;
	if (now < e->known)
		return EVENT_TIER_KNOWN;
	if (now < e->suspect && p->conf->mode == CONF_MODE_ENFORCE)
		return EVENT_TIER_SUSPECT;
	if (standing_may_answer(e, now))
		return EVENT_TIER_CHALLENGED;
	return EVENT_TIER_UNKNOWN;
}

bool standing_never(const struct standing_policy *p, const struct prefix *what)
{
	struct addr a = {.port = 0}, b = {.port = 0};

	memcpy(a.ip, what->ip, sizeof(a.ip));
	for (size_t i = 0; i < p->never_n; i++) {
		memcpy(b.ip, p->never[i].ip, sizeof(b.ip));
		if (prefix_contains(what, &b) || prefix_contains(&p->never[i], &a))
			return true;
	}
	return false;
}

void standing_challenged(
    struct standing *s, const struct standing_policy *p, const struct addr *source, usec_t now)
{
	struct standing_place at = standing_place(s, LEDGER_SOURCE, source, 0, 0);
	struct ledger_entry *e = standing_get(s, &at, now);

	if (!e)
		return;
	if (e->challenged <= now)
		e->answers = 0;
	e->challenged = now + p->conf->challenged;
	if (e->answers < ANSWERS_MAX)
		e->answers++;
	ledger_unlock(s->ledger, e);
}

bool standing_awaits_answer(struct standing *s, const struct addr *source, usec_t now)
{
	struct standing_place at = standing_place(s, LEDGER_SOURCE, source, 0, 0);
	struct ledger_entry *e = standing_get(s, &at, now);
	bool awaits;

	if (!e)
		return false;
	awaits = standing_may_answer(e, now);
	ledger_unlock(s->ledger, e);
	return awaits;
}

/* True: it was not known before. */
static bool make_known(struct ledger_entry *e, const struct standing_policy *p, usec_t now)
{
	usec_t until = now + p->conf->known;
	bool fresh = now >= e->known;

	e->seen = MAX(e->seen, now);
	ledger_prove(e, until);
	if (fresh || until - MIN(e->known, until) >= p->conf->known / KNOWN_STEPS) {
		e->known = until;
		e->dirty = true;
	}
	if (fresh) {
		e->tier = EVENT_TIER_KNOWN;
		e->held = 0;
		e->dropped = 0;
		e->window.used = 0;
		e->window.limit = 0;
	}
	return fresh;
}

/* What a log-in made of its flow. */
enum flow_outcome { FLOW_REFUSED, FLOW_KNOWN, FLOW_NEW };

/* Right credentials do not make up for what it did; time does. What others did in its name, which
 * they cannot prove, does not count. */
static bool is_guilty(const struct ledger_entry *e, const struct standing_policy *p, usec_t now)
{
	usec_t passed = now > e->scored ? now - e->scored : 0;

	return now < e->suspect && score_after((double)e->score, passed, p->conf->half_life) >
				       (double)p->conf->suspect / 2;
}

static enum flow_outcome flow_logged_in(
    struct standing *s, const struct standing_policy *p, const struct standing_who *who, usec_t now)
{
	struct standing_place at =
	    standing_place(s, LEDGER_FLOW, &who->source, who->source.port, 0);
	struct ledger_entry *e = standing_make(s, &at, EVENT_TIER_KNOWN, now);
	enum flow_outcome o = FLOW_REFUSED;

	if (!e)
		return FLOW_REFUSED;
	if (!standing_is_banned(e, p, now) && !is_guilty(e, p, now))
		o = make_known(e, p, now) ? FLOW_NEW : FLOW_KNOWN;
	ledger_unlock(s->ledger, e);
	return o;
}

bool standing_logged_in(
    struct standing *s, const struct standing_policy *p, const struct standing_who *who, usec_t now)
{
	struct standing_place at = standing_place(s, LEDGER_SOURCE, &who->source, 0, 0);
	struct ledger_entry *e;
	enum flow_outcome o;
	bool fresh = false;

	if (who->trust == STANDING_EXEMPT || who->trust == STANDING_PEER)
		return false;
	o = flow_logged_in(s, p, who, now);
	e = standing_make(s, &at, EVENT_TIER_KNOWN, now);
	if (!e)
		return false;
	if (now >= e->known)
		e->accounts = 0;
	if ((o == FLOW_NEW && e->accounts < UINT16_MAX) || (o == FLOW_KNOWN && !e->accounts))
		e->accounts++;
	/* A misbehaving flow alone does not make its address known. */
	if (e->accounts && (!standing_is_banned(e, p, now) || e->spares)) {
		fresh = make_known(e, p, now);
		e->tier = (uint8_t)standing_tier(e, p, now);
	}
	ledger_unlock(s->ledger, e);
	return fresh;
}

/* What it is refused for stays with it. */
static bool forget_flow(struct standing *s, const struct addr *source, usec_t now)
{
	struct standing_place at = standing_place(s, LEDGER_FLOW, source, source->port, 0);
	struct ledger_entry *e = standing_get(s, &at, now);
	bool known;

	if (!e)
		return false;
	known = now < e->known;
	if (known) {
		e->known = 0;
		e->dirty = true;
		e->tier = EVENT_TIER_UNKNOWN;
	}
	ledger_unlock(s->ledger, e);
	return known;
}

void standing_flow_ended(struct standing *s, const struct addr *source, usec_t now)
{
	struct standing_place at;
	struct ledger_entry *e;

	if (!forget_flow(s, source, now))
		return;
	at = standing_place(s, LEDGER_SOURCE, source, 0, 0);
	e = standing_get(s, &at, now);
	if (!e)
		return;
	/* The last one may come back, and is no stranger until then. */
	if (e->accounts > 1)
		e->accounts--;
	ledger_unlock(s->ledger, e);
}

bool standing_may_send(struct standing *s, const struct addr *to, size_t bytes, usec_t now)
{
	struct standing_place at = standing_place(s, LEDGER_SOURCE, to, 0, 0);
	struct ledger_entry *e = standing_get(s, &at, now);
	bool may;

	if (!e)
		return false;
	may = ledger_is_proven(e, now) || now < e->known;
	if (!may && (uint64_t)e->bytes_out + bytes <= 3 * (uint64_t)e->bytes_in) {
		e->bytes_out += (uint32_t)bytes;
		may = true;
	}
	ledger_unlock(s->ledger, e);
	return may;
}
