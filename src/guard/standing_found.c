/* SPDX-License-Identifier: MIT
 *
 * What a finding does to the standing of its source: scores, composites, suspicion, bans; and,
 * behind an address with known users, to the device that it came from. One entry of the ledger is
 * locked at a time; what one tells the next is carried in struct finding. */
#include <string.h>

#include "guard/score.h"
#include "guard/standing_private.h"

/* What is left of a score when it is forgotten altogether. */
#define FORGOTTEN 0.5

/* Of a flow that logged in. */
#define FORGIVEN 1

/* ledger_entry.controls: what proven findings showed, and SAW_ALL bits higher what all of them
 * did. GAVE: the composite was given since the score was forgotten. */
#define SAW_AUTH         1u
#define SAW_SCAN         2u
#define SAW_MALFORMED    4u
#define GAVE_ENUMERATION 8u
#define GAVE_PROBING     16u
#define SAW_ALL          8

struct finding {
	const struct standing_policy *p;
	const struct standing_who *who;
	struct standing_changes *out;
	enum reason reason;
	uint32_t weight;
	bool act;
	usec_t now;
};

static unsigned saw(enum reason r)
{
	static const uint8_t of[CONTROL_COUNT] = {
	    [CONTROL_AUTH] = SAW_AUTH,
	    [CONTROL_GUESSING] = SAW_AUTH,
	    [CONTROL_SCAN] = SAW_SCAN,
	    [CONTROL_PARSE] = SAW_MALFORMED,
	    [CONTROL_CHECK] = SAW_MALFORMED,
	};

	return of[reason_info(r)->control];
}

/* A log-in that failed. What guessing finds besides are failures that were counted already. */
static bool is_failure(enum reason r)
{
	return reason_info(r)->control == CONTROL_AUTH || r == REASON_GUESSING_LOCKED;
}

/* Whether to hold it against the whole address would hit others: those who logged in behind it, or
 * somebody whom nobody may ban. */
static bool is_to_spare(const struct finding *f, const struct ledger_entry *e, bool banned)
{
	if (f->who->trust != STANDING_STRANGER || ledger_key_kind(&e->key) != LEDGER_SOURCE)
		return true;
	return banned && f->act ? e->spares : standing_has_users(e, f->now);
}

static void tell(struct finding *f, const struct ledger_entry *e, enum reason r, double score,
    double threshold, usec_t until)
{
	struct standing_changes *out = f->out;

	if (out->n == STANDING_CHANGES)
		return;
	out->item[out->n++] = (struct standing_change){
	    .reason = r,
	    .key = e->key,
	    .tier = standing_tier(e, f->p, f->now),
	    .score = score,
	    .threshold = threshold,
	    .until = until,
	    .offences = e->offences,
	    .spare = is_to_spare(f, e, until != 0),
	};
}

/* Brings the scores to now. Failures halve with each half-life without a finding. */
static void age(struct ledger_entry *e, const struct standing_policy *p, usec_t now)
{
	usec_t half = p->conf->half_life, passed = now > e->scored ? now - e->scored : 0;

	e->score = (float)score_after((double)e->score, passed, half);
	e->unproven = (float)score_after((double)e->unproven, passed, half);
	if (half)
		e->failures = passed / half < 16 ? (uint16_t)(e->failures >> passed / half) : 0;
	e->scored = MAX(e->scored, now);
	if ((double)e->score + (double)e->unproven >= FORGOTTEN)
		return;
	e->score = e->unproven = 0;
	e->controls = 0;
	e->failures = 0;
}

static void add(struct ledger_entry *e, bool proven, uint32_t weight)
{
	float *score = proven ? &e->score : &e->unproven;

	*score += (float)weight;
}

static double total(const struct ledger_entry *e)
{
	return (double)e->score + (double)e->unproven;
}

/* Gives the composite if both halves were seen and it was not given yet: as proven when proven
 * findings alone make it up. */
static void compose(struct finding *f, struct ledger_entry *e, enum reason r, unsigned one,
    unsigned other, unsigned gave)
{
	unsigned all = (unsigned)e->controls >> SAW_ALL, proven = e->controls;
	bool is_proven = proven & one && proven & other;

	if (proven & gave || !(all & one && all & other) || (all & gave && !is_proven))
		return;
	e->controls |= (uint16_t)(gave << SAW_ALL | (is_proven ? gave : 0));
	if (!f->p->weight[r])
		return;
	add(e, is_proven, f->p->weight[r]);
	tell(f, e, r, total(e), f->p->conf->deny, 0);
}

static void composites(struct finding *f, struct ledger_entry *e)
{
	unsigned bits = saw(f->reason);

	e->controls |= (uint16_t)(bits << SAW_ALL | (f->who->proven ? bits : 0));
	compose(f, e, REASON_STANDING_ENUMERATION, SAW_AUTH, SAW_SCAN, GAVE_ENUMERATION);
	compose(f, e, REASON_STANDING_PROBING, SAW_MALFORMED, SAW_AUTH | SAW_SCAN, GAVE_PROBING);
}

static usec_t ban_time(struct ledger_entry *e, const struct conf_standing *c, usec_t now)
{
	usec_t t = MIN(c->ban, c->ban_max);

	if (e->banned && now >= e->banned && now - e->banned >= c->ban_max)
		e->offences = 0;
	for (unsigned i = 0; i < e->offences && t < c->ban_max; i++)
		t = MIN(2 * t, c->ban_max);
	return t;
}

/* Bans, or in mode observe only says so. Whom nobody may ban stays suspect. spares: see struct
 * ledger_entry. True: done now. */
static bool ban(struct finding *f, struct ledger_entry *e, enum reason r, double value,
    double threshold, bool spares)
{
	struct prefix what = ledger_key_prefix(&e->key);
	usec_t time;

	if (f->who->trust != STANDING_STRANGER || standing_never(f->p, &what))
		return false;
	time = ban_time(e, f->p->conf, f->now);
	if (f->act) {
		e->banned = f->now + time;
		e->manual = false;
		e->spares = spares;
		e->dropped = 0;
		e->reason = (uint16_t)f->reason;
		e->dirty = true;
		if (e->offences < UINT8_MAX)
			e->offences++;
	}
	tell(f, e, r, value, threshold, f->now + time);
	return true;
}

/* Suspicion begins at `suspect` and ends when the score is down to half of it. */
static void suspect(struct finding *f, struct ledger_entry *e, bool quiet)
{
	double begin = f->p->conf->suspect, end = begin / 2, score = total(e);
	bool was = f->now < e->suspect;
	usec_t left;

	if (begin <= 0 || score < (was ? end : begin))
		return;
	left = score_time_to(score, end, f->p->conf->half_life);
	e->suspect = left < USEC_MAX - f->now ? f->now + left : USEC_MAX;
	if (!was && !quiet)
		tell(f, e, REASON_STANDING_SUSPECT, score, begin, 0);
}

/* Adds the finding to an entry and draws the consequences. at_once: whatever its score is. True: it
 * was denied just now. */
static bool judge(struct finding *f, struct ledger_entry *e, enum reason denied, bool at_once)
{
	double deny = f->p->conf->deny, before;
	bool was = f->now < e->banned, now_denied = false;

	if (f->who->proven)
		ledger_prove(e, f->now + f->p->conf->known);
	age(e, f->p, f->now);
	before = (double)e->score;
	add(e, f->who->proven, f->weight);
	e->reason = was ? e->reason : (uint16_t)f->reason;
	if (is_failure(f->reason) && e->failures < UINT16_MAX)
		e->failures++;
	composites(f, e);
	/* One that is not acted on is told when the score passes the threshold, not ever after. */
	if (!was && ((double)e->score >= deny || at_once) && (f->act || before < deny))
		now_denied = ban(f, e, denied, (double)e->score, deny, false);
	suspect(f, e, was || now_denied);
	e->tier = (uint8_t)standing_tier(e, f->p, f->now);
	return now_denied && f->act;
}

/* ---- behind an address with known users ---- */

struct device {
	bool was_denied, denied; /* the device before and after this finding */
	bool flow_denied;        /* just now */
	bool flow_lost;          /* a known flow is known no more */
	float score;             /* of the flow */
};

/* The device: who it says that it is. Nobody is told of it, its flow is what is refused. */
static void found_device(struct standing *s, struct finding *f, struct device *d)
{
	struct standing_place at =
	    standing_place(s, LEDGER_DEVICE, &f->who->source, 0, f->who->user_hash);
	struct standing_changes untold = {0};
	struct finding g = *f;
	struct ledger_entry *e;

	if (!f->who->user_hash)
		return;
	e = standing_make(s, &at, EVENT_TIER_UNKNOWN, f->now);
	if (!e)
		return;
	g.out = &untold;
	d->was_denied = f->now < e->banned;
	(void)judge(&g, e, REASON_STANDING_DEVICE, false);
	d->denied = f->now < e->banned;
	ledger_unlock(s->ledger, e);
}

static void found_flow(struct standing *s, struct finding *f, struct device *d)
{
	struct standing_place at =
	    standing_place(s, LEDGER_FLOW, &f->who->source, f->who->source.port, 0);
	struct ledger_entry *e = standing_make(s, &at, EVENT_TIER_UNKNOWN, f->now);
	bool known;

	if (!e)
		return;
	known = f->now < e->known;
	d->flow_denied = judge(f, e, REASON_STANDING_DEVICE, d->denied && f->who->proven);
	if (known && f->act && (double)e->score >= f->p->conf->suspect) {
		e->known = 0;
		e->dirty = true;
		d->flow_lost = true;
	}
	d->score = e->score;
	e->tier = (uint8_t)standing_tier(e, f->p, f->now);
	f->out->score = (float)total(e);
	f->out->tier = e->tier == EVENT_TIER_UNKNOWN ? EVENT_TIER_KNOWN : e->tier;
	ledger_unlock(s->ledger, e);
}

/* Devices denied one soon after the other count together. Of a large office a few always have an
 * old password: there it takes one in so many. */
#define ONE_IN 16

static void count_device(struct finding *f, struct ledger_entry *e)
{
	const struct conf_standing *c = f->p->conf;
	uint32_t limit;

	if (f->now - MIN(e->scored, f->now) > c->ban)
		e->devices = 0;
	age(e, f->p, f->now);
	if (e->devices < UINT16_MAX)
		e->devices++;
	limit = MAX(c->devices, e->accounts / ONE_IN);
	if (!c->devices || e->devices < limit || f->now < e->banned)
		return;
	if (ban(f, e, REASON_STANDING_BANNED, e->devices, limit, true))
		e->devices = 0;
}

/* With the last of its known users an address loses what they earned it, and has what they did. */
static void lose_account(struct finding *f, struct ledger_entry *e, float score)
{
	if (e->accounts)
		e->accounts--;
	if (e->accounts)
		return;
	e->known = 0;
	e->dirty = true;
	age(e, f->p, f->now);
	e->score = MAX(e->score, score);
	if ((double)e->score >= f->p->conf->deny && f->now >= e->banned)
		(void)ban(f, e, REASON_STANDING_BANNED, (double)e->score, (double)f->p->conf->deny,
		    false);
	suspect(f, e, true);
}

static void found_behind(struct standing *s, struct finding *f, const struct standing_place *source)
{
	struct device d = {.denied = false};
	struct ledger_entry *e;
	bool another;

	found_device(s, f, &d);
	found_flow(s, f, &d);
	another = d.flow_denied && !d.was_denied;
	if (!d.flow_lost && !another)
		return;
	e = standing_get(s, source, f->now);
	if (!e)
		return;
	if (another)
		count_device(f, e);
	if (d.flow_lost)
		lose_account(f, e, d.score);
	e->tier = (uint8_t)standing_tier(e, f->p, f->now);
	if (e->tier == EVENT_TIER_DENIED && !(e->spares && f->out->tier == EVENT_TIER_KNOWN))
		f->out->tier = EVENT_TIER_DENIED;
	ledger_unlock(s->ledger, e);
}

/* Whether a flow that logged in sent it. */
static bool is_forgiven(struct standing *s, const struct finding *f)
{
	struct standing_place at =
	    standing_place(s, LEDGER_FLOW, &f->who->source, f->who->source.port, 0);
	struct ledger_entry *e;
	bool known;

	if (f->weight > FORGIVEN)
		return false;
	e = standing_get(s, &at, f->now);
	if (!e)
		return false;
	known = f->now < e->known;
	ledger_unlock(s->ledger, e);
	return known;
}

void standing_found(struct standing *s, const struct standing_policy *p,
    const struct standing_who *who, enum reason r, bool act, usec_t now,
    struct standing_changes *out)
{
	struct finding f = {p, who, out, r, p->weight[r], act, now};
	struct standing_place source;
	struct ledger_entry *e;
	bool behind, spares;

	f.act = act && p->conf->mode == CONF_MODE_ENFORCE;
	memset(out, 0, sizeof(*out));
	out->tier = EVENT_TIER_TRUSTED;
	if (who->trust == STANDING_EXEMPT || who->trust == STANDING_PEER)
		return;
	out->tier = EVENT_TIER_UNKNOWN;
	source = standing_place(s, LEDGER_SOURCE, &who->source, 0, 0);
	e = standing_make(s, &source, EVENT_TIER_UNKNOWN, now);
	if (!e)
		return;
	behind = standing_has_users(e, now);
	if (!behind && f.weight && p->conf->mode != CONF_MODE_OFF)
		(void)judge(&f, e, REASON_STANDING_BANNED, false);
	out->score = (float)standing_score(e, p, now);
	out->tier = standing_tier(e, p, now);
	spares = out->tier == EVENT_TIER_DENIED && e->spares;
	ledger_unlock(s->ledger, e);
	if (!behind || !f.weight || p->conf->mode == CONF_MODE_OFF)
		return;
	if (!is_forgiven(s, &f))
		found_behind(s, &f, &source);
	else if (spares)
		out->tier = EVENT_TIER_KNOWN;
}
