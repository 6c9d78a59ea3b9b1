/* SPDX-License-Identifier: MIT
 *
 * The decision about one message. The order: who is always trusted; prefixes and sources that are
 * banned, which those of its flows that did nothing may be exempt from; behind an address with
 * known users, the flow; what the source may send; what all
 * strangers of a prefix may send together. One entry of the ledger is locked at a time, and none
 * while a message is searched for a nonce. */
#include "guard/gate.h"

#include "guard/score.h"
#include "guard/standing_private.h"

/* Of a flow: what went through over its budget because it carried a nonce. */
#define BY_NONCE LEDGER_RESPONSE

/* Which strangers of a flooding wide prefix get through changes every so many windows. */
#define SHARE_WINDOWS 16

/* One decision on its way. */
struct turn {
	struct standing *s;
	struct sketch *sketch;
	const struct standing_policy *p;
	const struct gate_facts *f;
	struct gate_answer *out;
	struct standing_place source;
	usec_t now;
	uint32_t rate; /* of messages of this class from the source */
	bool asked, has_nonce;
};

static bool carries_nonce(struct turn *t)
{
	if (!t->asked) {
		t->asked = true;
		t->has_nonce = t->f->carries_nonce && t->f->carries_nonce(t->f->arg);
		t->out->proven = t->out->proven || t->has_nonce;
	}
	return t->has_nonce;
}

static void fill_score(struct turn *t, const struct ledger_entry *e)
{
	t->out->score = (float)standing_score(e, t->p, t->now);
}

static void pass(struct turn *t, enum event_tier tier)
{
	t->out->pass = true;
	t->out->tier = tier;
	t->out->queue = tier;
}

/* A drop; in mode observe of the control only told. */
static void refuse(struct turn *t, enum event_tier tier, enum reason r)
{
	t->out->tier = tier;
	t->out->queue = tier;
	t->out->reason = r;
	t->out->pass = r != REASON_GATE_BANNED && t->p->flood->mode == CONF_MODE_OBSERVE;
}

static void tell(struct turn *t, double value, uint32_t threshold)
{
	t->out->tell = true;
	t->out->value = value;
	t->out->threshold = threshold;
	t->out->window = t->p->flood->window;
}

/* Drops a banned one and unlocks. Told with the first. */
static void refuse_banned(struct turn *t, struct ledger_entry *e)
{
	refuse(t, EVENT_TIER_DENIED, REASON_GATE_BANNED);
	if (e->dropped++ == 0) {
		t->out->tell = true;
		t->out->value = (double)(e->banned - t->now) / USEC_SEC;
		fill_score(t, e);
	}
	ledger_unlock(t->s->ledger, e);
}

/* ---- over a threshold ---- */

/* Notes that the threshold was passed just now; with the first time, and with each `release` that
 * it lasts, it is told. */
static void over(struct turn *t, struct ledger_entry *e, uint32_t limit)
{
	const struct conf_flood *c = t->p->flood;
	bool begins = t->now >= e->held;

	e->held = t->now + c->release;
	e->floods = t->f->stream || (e->floods && !begins);
	if (begins)
		e->dropped = 0;
	if (begins || t->now - MIN(e->told, t->now) >= c->release) {
		e->told = t->now;
		tell(t, begins ? (double)limit + 1 : (double)e->dropped, limit);
		fill_score(t, e);
	}
}

/* What others send with its address must not stop what comes over its own connections: that is over
 * the threshold only when it is so alone. Of datagrams always true. */
static bool is_over_alone(struct turn *t, struct ledger_entry *e, uint32_t limit)
{
	return !t->f->stream || freq_add(&e->streams, 1, t->p->flood->window, t->now) > limit;
}

/* It was over a threshold and is quiet for long enough. */
static void released(struct turn *t, struct ledger_entry *e)
{
	e->held = 0;
	t->out->reason = REASON_FLOOD_RELEASED;
	tell(t, e->dropped, 0);
	t->out->window = t->p->flood->release;
}

/* Takes one of the outstanding answers, unless another message took the last. */
static bool take_answer(struct turn *t)
{
	struct ledger_entry *e = standing_get(t->s, &t->source, t->now);
	bool took;

	if (!e)
		return false;
	took = standing_may_answer(e, t->now);
	if (took) {
		e->answers--;
		ledger_prove(e, t->now + t->p->conf->known);
	}
	ledger_unlock(t->s->ledger, e);
	return took;
}

/* ---- strangers together ---- */

/* What passed the source's own threshold is held against that of its prefix. */
static bool prefix_allows(struct turn *t)
{
	const struct conf_flood *c = t->p->flood;
	struct standing_place at;
	struct ledger_entry *e;
	bool within;

	if (!c->prefix_requests)
		return true;
	at = standing_place(t->s, LEDGER_PREFIX, t->f->source, 0, 0);
	e = standing_make(t->s, &at, EVENT_TIER_UNKNOWN, t->now);
	if (!e)
		return true;
	e->seen = t->now;
	within = !is_over_alone(t, e, c->prefix_requests);
	within = window_take(&e->window, c->prefix_requests, c->window, t->now, NULL) || within;
	if (!within) {
		over(t, e, c->prefix_requests);
		e->dropped++;
	}
	ledger_unlock(t->s->ledger, e);
	return within;
}

/* Up to the limit everybody has one. Of a wide prefix that sends n times what it may, one stranger
 * in n gets through, for a while the same ones, so that what they begin they can finish. Who it is
 * nobody outside can tell. */
static bool has_share(const struct turn *t, uint32_t estimate, uint32_t limit)
{
	uint64_t slot = t->now / (SHARE_WINDOWS * MAX(t->p->flood->window, 1));
	uint64_t x =
	    (t->source.hash ^ slot * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

	return (x >> 32) * estimate < (uint64_t)limit << 32;
}

static bool wide_allows(struct turn *t)
{
	const struct conf_flood *c = t->p->flood;
	usec_t told;
	uint32_t n;

	if (!c->wide_requests)
		return true;
	n = sketch_count(t->sketch, t->f->source, t->now);
	if (has_share(t, n, c->wide_requests))
		return true;
	told = atomic_load_explicit(&t->s->wide_told, memory_order_relaxed);
	if ((told == 0 || t->now - MIN(told, t->now) >= c->release) &&
	    atomic_compare_exchange_strong(&t->s->wide_told, &told, t->now))
		tell(t, n, c->wide_requests);
	return false;
}

static void judge_together(struct turn *t, enum event_tier tier)
{
	pass(t, tier);
	if (t->p->flood->mode == CONF_MODE_OFF)
		return;
	if (!prefix_allows(t))
		refuse(t, tier, REASON_FLOOD_PREFIX);
	else if (!t->f->stream && !wide_allows(t))
		refuse(t, tier, REASON_FLOOD_WIDE);
}

/* ---- a stranger ---- */

/* Counts the message; whether its source is held. A release is told here, too. */
static bool is_held(struct turn *t, struct ledger_entry *e, enum event_tier tier)
{
	const struct conf_flood *c = t->p->flood;
	uint32_t limit = tier == EVENT_TIER_SUSPECT ? c->suspect_requests : c->requests;
	bool alone, within;

	if (c->mode == CONF_MODE_OFF)
		return false;
	alone = is_over_alone(t, e, limit);
	within = window_count(&e->window, limit, c->window, t->now);
	if (!within && alone)
		over(t, e, limit);
	else if (within && t->now >= e->held && e->held)
		released(t, e);
	return t->now < e->held && (e->floods || !t->f->stream);
}

/* e is locked; is unlocked here. */
static void judge_stranger(struct turn *t, struct ledger_entry *e, enum event_tier tier)
{
	bool answer = standing_may_answer(e, t->now), held = is_held(t, e, tier);

	if (held)
		e->dropped++;
	else
		fill_score(t, e);
	ledger_unlock(t->s->ledger, e);
	if (answer && carries_nonce(t) && take_answer(t)) {
		pass(t, tier == EVENT_TIER_SUSPECT ? tier : EVENT_TIER_CHALLENGED);
		return;
	}
	if (tier == EVENT_TIER_CHALLENGED)
		tier = EVENT_TIER_UNKNOWN;
	if (!held) {
		judge_together(t, tier);
		return;
	}
	refuse(t, tier, REASON_FLOOD_SOURCE);
	if (t->out->tell)
		(void)carries_nonce(t);
}

/* ---- behind an address with known users ---- */

/* Over the budget of a known flow: a nonce helps, as often as the budget once more. Unlocks. */
static void judge_flow_over(struct turn *t, const struct standing_place *at, struct ledger_entry *e)
{
	const struct conf_flood *c = t->p->flood;
	bool through = false;

	over(t, e, c->flow_requests);
	e->dropped++;
	ledger_unlock(t->s->ledger, e);
	if (carries_nonce(t)) {
		e = standing_get(t->s, at, t->now);
		if (e) {
			through =
			    freq_add(&e->rate[BY_NONCE], 1, c->window, t->now) <= c->flow_requests;
			ledger_unlock(t->s->ledger, e);
		}
	}
	if (through)
		pass(t, EVENT_TIER_KNOWN);
	else
		refuse(t, EVENT_TIER_KNOWN, REASON_FLOOD_FLOW);
}

/* Whether it is within the budget of a flow that logged in. */
static bool flow_may(struct turn *t, struct ledger_entry *e)
{
	const struct conf_flood *c = t->p->flood;

	if (c->mode == CONF_MODE_OFF || !c->flow_requests)
		return true;
	if (t->f->method == LEDGER_OPTIONS)
		return freq_add(&e->rate[LEDGER_OPTIONS], 1, c->window, t->now) <= c->flow_requests;
	return window_take(&e->window, c->flow_requests, c->window, t->now, NULL);
}

/* A flow that is suspect may send what a suspect source may. Unlocks. */
static void judge_suspect_flow(struct turn *t, struct ledger_entry *e)
{
	const struct conf_flood *c = t->p->flood;

	pass(t, EVENT_TIER_SUSPECT);
	if (c->mode != CONF_MODE_OFF &&
	    !window_take(&e->window, c->suspect_requests, c->window, t->now, NULL)) {
		over(t, e, c->suspect_requests);
		e->dropped++;
		refuse(t, EVENT_TIER_SUSPECT, REASON_FLOOD_FLOW);
	}
	ledger_unlock(t->s->ledger, e);
	if (t->out->tell)
		(void)carries_nonce(t);
}

/* A flow that logged in and did nothing. Unlocks. */
static void judge_known_flow(
    struct turn *t, const struct standing_place *at, struct ledger_entry *e)
{
	t->out->known_flow = true;
	fill_score(t, e);
	if (!flow_may(t, e)) {
		judge_flow_over(t, at, e);
		return;
	}
	ledger_unlock(t->s->ledger, e);
	pass(t, EVENT_TIER_KNOWN);
}

/* True: decided by what is known of the flow itself. */
static bool judge_flow(struct turn *t)
{
	struct standing_place at =
	    standing_place(t->s, LEDGER_FLOW, t->f->source, t->f->source->port, 0);
	struct ledger_entry *e = standing_get(t->s, &at, t->now);
	enum event_tier tier;

	if (!e)
		return false;
	e->seen = t->now;
	if (t->f->trust == STANDING_STRANGER && standing_is_banned(e, t->p, t->now)) {
		refuse_banned(t, e);
		return true;
	}
	tier = standing_tier(e, t->p, t->now);
	if (tier == EVENT_TIER_SUSPECT) {
		judge_suspect_flow(t, e);
		return true;
	}
	if (tier != EVENT_TIER_KNOWN) {
		ledger_unlock(t->s->ledger, e);
		return false;
	}
	judge_known_flow(t, &at, e);
	return true;
}

/* The address is banned for what some of its devices did: true, and decided, for one that logged in
 * and did nothing. */
static bool judge_spared(struct turn *t)
{
	struct standing_place at =
	    standing_place(t->s, LEDGER_FLOW, t->f->source, t->f->source->port, 0);
	struct ledger_entry *e = standing_get(t->s, &at, t->now);

	if (!e)
		return false;
	if (!standing_is_spared(e, t->p, t->now)) {
		ledger_unlock(t->s->ledger, e);
		return false;
	}
	e->seen = t->now;
	judge_known_flow(t, &at, e);
	return true;
}

/* Another device of a known address. OPTIONS are counted apart. Unlocks. */
static void judge_known(struct turn *t, struct ledger_entry *e)
{
	const struct conf_flood *c = t->p->flood;
	uint32_t limit = c->known_requests;
	bool within, answer = standing_may_answer(e, t->now);

	pass(t, EVENT_TIER_KNOWN);
	if (c->mode == CONF_MODE_OFF)
		within = true;
	else if (t->f->method == LEDGER_OPTIONS)
		within = !limit || t->rate <= limit;
	else {
		within = !is_over_alone(t, e, limit);
		within = window_take(&e->window, limit, c->window, t->now, NULL) || within;
	}
	if (within && e->held && t->now >= e->held)
		released(t, e);
	if (!within) {
		over(t, e, limit);
		e->dropped++;
	}
	ledger_unlock(t->s->ledger, e);
	if (within || (answer && carries_nonce(t) && take_answer(t))) {
		if (!t->out->proven)
			t->out->queue = EVENT_TIER_CHALLENGED;
		return;
	}
	refuse(t, EVENT_TIER_KNOWN, REASON_FLOOD_SOURCE);
	if (t->out->tell)
		(void)carries_nonce(t);
}

/* e, of the source, is locked; is unlocked here. */
static void judge_behind(struct turn *t, struct ledger_entry *e)
{
	ledger_unlock(t->s->ledger, e);
	if (judge_flow(t))
		return;
	e = standing_get(t->s, &t->source, t->now);
	if (e)
		judge_known(t, e);
	else
		pass(t, EVENT_TIER_KNOWN);
}

/* ---- */

/* What came from it; of a window that is over, half of what it may still be sent stays. */
static void count_bytes(struct ledger_entry *e, size_t n, usec_t now)
{
	usec_t passed = now - MIN(e->bytes_since, now);

	if (passed >= STANDING_BYTES_WINDOW) {
		uint64_t may = 3 * (uint64_t)e->bytes_in, sent = e->bytes_out;
		bool lapsed = passed >= 2 * STANDING_BYTES_WINDOW;

		e->bytes_in = lapsed || sent >= may ? 0 : (uint32_t)((may - sent) / 6);
		e->bytes_out = 0;
		e->bytes_since = now;
	}
	e->bytes_in += (uint32_t)MIN(n, UINT32_MAX - e->bytes_in);
}

static bool is_banned_by_hand(struct turn *t)
{
	bool first;
	usec_t until;

	until = prefix_bans_until(&t->s->prefixes, t->f->source, true, t->now, &first);
	if (LIKELY(!until))
		return false;
	refuse(t, EVENT_TIER_DENIED, REASON_GATE_BANNED);
	t->out->tell = first;
	t->out->value = (double)(until - t->now) / USEC_SEC;
	return true;
}

/* e, of the source, is locked; is unlocked here. */
static void judge_banned(struct turn *t, struct ledger_entry *e)
{
	if (!e->spares) {
		refuse_banned(t, e);
		return;
	}
	ledger_unlock(t->s->ledger, e);
	if (judge_spared(t))
		return;
	e = standing_get(t->s, &t->source, t->now);
	if (e)
		refuse_banned(t, e);
	else
		refuse(t, EVENT_TIER_DENIED, REASON_GATE_BANNED);
}

/* e is locked; is unlocked here. */
static void judge_source(struct turn *t, struct ledger_entry *e)
{
	enum event_tier tier;

	e->seen = t->now;
	t->out->spare = t->out->spare || standing_has_users(e, t->now);
	if (t->f->trust == STANDING_STRANGER && standing_is_banned(e, t->p, t->now)) {
		judge_banned(t, e);
		return;
	}
	if (t->f->stream)
		ledger_prove(e, t->now + t->p->conf->known);
	if (!ledger_is_proven(e, t->now))
		count_bytes(e, t->f->bytes, t->now);
	t->rate = freq_add(&e->rate[t->f->method], 1, t->p->flood->window, t->now);
	tier = standing_tier(e, t->p, t->now);
	if (tier == EVENT_TIER_DENIED) /* ours: banned by hand before it was */
		tier = EVENT_TIER_UNKNOWN;
	if (standing_has_users(e, t->now))
		judge_behind(t, e);
	else
		judge_stranger(t, e, tier);
}

/* A trusted source. Its address may be forged, and is served first: so that nobody can take the
 * time of all others with it, it is bounded. Apart from what the same address is elsewhere, whose
 * threshold is another. */
static void judge_peer(struct turn *t)
{
	uint32_t limit = t->f->peer_requests;
	struct ledger_entry *e;
	bool within;

	if (!limit || t->p->flood->mode == CONF_MODE_OFF)
		return;
	t->source =
	    t->f->place ? *t->f->place : standing_place(t->s, LEDGER_PEER, t->f->source, 0, 0);
	e = standing_make(t->s, &t->source, EVENT_TIER_UNKNOWN, t->now);
	if (!e)
		return;
	e->seen = t->now;
	within = !is_over_alone(t, e, limit);
	within = window_take(&e->window, limit, t->p->flood->window, t->now, NULL) || within;
	if (!within) {
		over(t, e, limit);
		e->dropped++;
		refuse(t, EVENT_TIER_TRUSTED, REASON_FLOOD_PEER);
	}
	ledger_unlock(t->s->ledger, e);
}

void gate_decide(struct gate *g, const struct standing_policy *p, const struct gate_facts *f,
    usec_t now, struct gate_answer *out)
{
	struct turn t = {.s = g->standing, .sketch = g->sketch, .p = p, .f = f, .out = out};
	struct ledger_entry *e;

	t.now = now;
	*out = (struct gate_answer){.pass = true,
	    .tier = EVENT_TIER_TRUSTED,
	    .queue = EVENT_TIER_TRUSTED,
	    .proven = f->stream,
	    .spare = f->trust != STANDING_STRANGER};
	if (f->trust == STANDING_EXEMPT || f->trust == STANDING_PEER) {
		judge_peer(&t);
		return;
	}
	out->tier = EVENT_TIER_UNKNOWN;
	if (f->trust == STANDING_STRANGER && is_banned_by_hand(&t))
		return;
	t.source =
	    f->place ? *f->place : standing_place(g->standing, LEDGER_SOURCE, f->source, 0, 0);
	e = standing_make(g->standing, &t.source, EVENT_TIER_UNKNOWN, now);
	if (e)
		judge_source(&t, e);
	else
		judge_together(&t, EVENT_TIER_UNKNOWN);
}

void gate_prefetch(
    const struct gate *g, const struct addr *source, struct standing_place *out_place)
{
	*out_place = standing_place(g->standing, LEDGER_SOURCE, source, 0, 0);
	ledger_prefetch(g->standing->ledger, out_place->hash);
}

void gate_prefetch_peer(
    const struct gate *g, const struct addr *source, struct standing_place *out_place)
{
	*out_place = standing_place(g->standing, LEDGER_PEER, source, 0, 0);
	ledger_prefetch(g->standing->ledger, out_place->hash);
}

void gate_prefetch_entry(const struct gate *g, const struct standing_place *place)
{
	ledger_prefetch_entry(g->standing->ledger, place->hash);
}
