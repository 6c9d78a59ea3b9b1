/* SPDX-License-Identifier: MIT */
#include "edge/record.h"

#include "edge/edge.h"
#include "edge/stream.h"
#include "enforce/ring.h"

/* By a message of a source that nobody knows and that may be forged. That strangers are sent away
 * is told once only, however many there are. */
static bool is_of_stranger(const struct event *e)
{
	return e->reason != REASON_OVERLOAD_SHED && e->transport != TRANSPORT_NONE && !e->proven &&
	       e->tier < EVENT_TIER_KNOWN;
}

/* A flood of forged datagrams must not fill the disk: of those only some a second are told. */
static void push(struct worker *w, const struct event *e)
{
	enum { A_SECOND = 200 };

	if (is_of_stranger(e) && w->told_strangers++ >= A_SECOND) {
		counter_inc(w->counters, COUNTER_EVENTS_LEFT_OUT);
		return;
	}
	counter_inc(w->counters, COUNTER_EVENTS);
	if (!event_ring_push(w->events, e))
		counter_inc(w->counters, COUNTER_EVENTS_LOST);
}

/* The URI alone, without display name and tag; all of the value where it is no address. */
static void set_party(struct event *e, enum event_text which, struct span value)
{
	struct sip_nameaddr addr;

	event_set_text(e, which, sip_nameaddr_parse(value, &addr) == SIP_OK ? addr.uri : value);
}

static void describe(struct event *e, const struct sip_msg *msg)
{
	event_set_text(
	    e, EVENT_TEXT_METHOD, msg->is_request ? msg->method_name : msg->cseq_method_name);
	event_set_text(e, EVENT_TEXT_CALL_ID, msg->call_id);
	set_party(e, EVENT_TEXT_FROM, sip_msg_value(msg, SIP_HEADER_FROM));
	set_party(e, EVENT_TEXT_TO, sip_msg_value(msg, SIP_HEADER_TO));
	event_set_text(e, EVENT_TEXT_USER_AGENT, sip_msg_value(msg, SIP_HEADER_USER_AGENT));
}

static enum event_verdict verdict_of(const struct pass *p, enum step step)
{
	if (step == STEP_DROP)
		return EVENT_DROP;
	if (step != STEP_REPLY)
		return EVENT_PASS;
	if (p->finding.reason == REASON_AUTH_CHALLENGE || p->finding.reason == REASON_AUTH_STALE)
		return EVENT_CHALLENGE;
	return p->reply.status / 100 == 2 ? EVENT_PASS : EVENT_REPLY;
}

static void count(struct pass *p, enum event_mode mode, enum event_verdict v)
{
	static const enum counter which[EVENT_VERDICT_COUNT] = {
	    [EVENT_PASS] = COUNTER_VERDICT_PASS,
	    [EVENT_CHALLENGE] = COUNTER_VERDICT_CHALLENGE,
	    [EVENT_REPLY] = COUNTER_VERDICT_REPLY,
	    [EVENT_DROP] = COUNTER_VERDICT_DROP,
	};

	counter_inc(
	    p->w->counters, mode == EVENT_MODE_OBSERVE ? COUNTER_VERDICT_OBSERVED : which[v]);
	if (p->finding.reason == REASON_NONE)
		return;
	counter_reason(p->w->counters, p->finding.reason);
	if (mode == EVENT_MODE_OBSERVE)
		counter_would(p->w->counters, p->finding.reason);
}

/* Passing requests that change nothing are only counted. */
static bool is_worth_telling(const struct pass *p, enum event_verdict v)
{
	if (p->reply.silent)
		return false;
	return v != EVENT_PASS || p->finding.reason != REASON_NONE;
}

void record_account(const struct pass *p, struct buf *b)
{
	if (!p->account_user.n)
		return;
	buf_add_span(b, p->account_user);
	buf_add_char(b, '@');
	buf_add_span(b, p->account_domain);
}

static struct span zone_name(const struct worker *w, const struct flow *flow)
{
	const struct conf_listener *l = snapshot_listener(w->snap, flow->listener);

	return l ? w->snap->conf->zones[l->zone].name : span_of(NULL, 0);
}

/* A ban is in the ledger; the kernel is told, too, but for what it cannot do: one device or flow,
 * or an address but for those behind it who logged in. Without proof nobody is banned; it is asked
 * here once more, since the kernel asks nobody. */
static void tell_kernel(struct worker *w, bool proven, const struct standing_change *c)
{
	struct enforce_ban ban = {.until = c->until, .since = w->loop.now};

	if (!proven || c->spare || ledger_key_kind(&c->key) != LEDGER_SOURCE)
		return;
	ban.what = ledger_key_prefix(&c->key);
	enforce_ring_push(w->bans, &ban);
}

/* What a source has earned changed. account: the one it tried, or empty; cause: what was found. */
static void tell_change(struct worker *w, const struct flow *flow, bool proven, struct span account,
    enum reason cause, const struct standing_change *c)
{
	bool act = w->snap->conf->standing.mode == CONF_MODE_ENFORCE;
	bool ban = c->until > w->loop.now;
	struct event e;

	counter_reason(w->counters, c->reason);
	if (!act && ban)
		counter_would(w->counters, c->reason);
	if (act && ban && transport_is_stream(flow->transport))
		stream_end(w, flow->conn);
	if (act && ban)
		tell_kernel(w, proven, c);
	if (!conf_wants_events(w->snap->conf))
		return;
	event_init(&e, EVENT_STANDING, c->reason, net_loop_wall(&w->loop));
	event_set_source(&e, flow, zone_name(w, flow), proven);
	event_set_verdict(
	    &e, act ? EVENT_MODE_ENFORCE : EVENT_MODE_OBSERVE, ban ? EVENT_DROP : EVENT_PASS, 0);
	event_set_evidence(&e, c->score, c->threshold, ban ? c->until - w->loop.now : 0);
	event_set_evidence_text(&e, span_str(reason_name(cause)));
	if (account.n)
		event_set_text(&e, EVENT_TEXT_ACCOUNT, account);
	e.score = (float)c->score;
	e.tier = (uint8_t)c->tier;
	e.spare = c->spare;
	push(w, &e);
}

/* To be told after the event of what was found: the cause comes first. */
static void tell_changes(struct worker *w, const struct flow *flow, bool proven,
    struct span account, enum reason cause, const struct standing_changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		tell_change(w, flow, proven, account, cause, &c->item[i]);
}

/* Holds a finding against its source. False: it does not count, and nothing changed. */
static bool hold_against(
    struct worker *w, const struct standing_who *who, enum reason r, struct standing_changes *out)
{
	enum conf_mode mode = w->snap->conf->standing.mode;

	out->n = 0;
	if (LIKELY(w->snap->standing.weight[r] == 0) || mode == CONF_MODE_OFF ||
	    who->trust == STANDING_EXEMPT || who->trust == STANDING_PEER)
		return false;
	standing_found(w->edge->standing, &w->snap->standing, who, r, mode == CONF_MODE_ENFORCE,
	    w->loop.now, out);
	return true;
}

/* Made with keys that are not ours: by somebody's server before, by another machine of ours, or by
 * this one before it lost its state. All phones of an office come with such at once, so it bans
 * nobody, wherever it comes from. */
static bool is_of_other_keys(enum reason r)
{
	return r == REASON_AUTH_FORGED_NONCE || r == REASON_ROUTE_FORGED_FLOW;
}

/* Without the name that it tried, which only a finding is held against. */
static struct standing_who who_of(const struct pass *p, enum reason r)
{
	return (struct standing_who){.source = p->flow.remote,
	    .proven = p->proven && !is_of_other_keys(r),
	    .trust = p->trust};
}

/* What the message showed of its source: that it made a mistake. */
static void judge_source(
    struct pass *p, enum event_mode mode, enum reason r, struct standing_changes *out)
{
	struct worker *w = p->w;
	struct standing_who who;

	out->n = 0;
	if (p->trust == STANDING_EXEMPT || p->trust == STANDING_PEER ||
	    mode != EVENT_MODE_ENFORCE || w->snap->standing.weight[r] == 0)
		return;
	who = who_of(p, r);
	if (p->account_user.n)
		who.user_hash =
		    standing_user_hash(w->edge->standing, p->account_user, p->account_domain);
	if (hold_against(w, &who, r, out)) {
		p->gate.score = out->score;
		p->gate.tier = out->tier;
	}
}

/* A challenge was sent, or answered well. */
static void note_log_in(struct pass *p, enum event_mode mode)
{
	struct worker *w = p->w;
	enum reason r = p->finding.reason;

	if (p->trust == STANDING_EXEMPT || p->trust == STANDING_PEER || mode != EVENT_MODE_ENFORCE)
		return;
	if (p->authenticated && p->proven) {
		struct standing_who who = who_of(p, r);

		(void)standing_logged_in(w->edge->standing, &w->snap->standing, &who, p->now);
	} else if (r == REASON_AUTH_CHALLENGE || r == REASON_AUTH_STALE ||
		   r == REASON_AUTH_WRONG_SOURCE || r == REASON_AUTH_FORGED_NONCE) {
		standing_challenged(w->edge->standing, &w->snap->standing, &p->flow.remote, p->now);
	}
}

/* An event about the message at hand. */
static void tell(struct pass *p, enum event_kind kind, enum event_mode mode, enum event_verdict v,
    unsigned status, const struct finding *f, struct span account)
{
	struct event *e = &p->event;

	event_init(e, kind, f->reason, p->wall);
	event_set_source(e, &p->flow, p->zone ? p->zone->name : span_of(NULL, 0), p->proven);
	event_set_verdict(e, mode, v, status);
	describe(e, &p->msg);
	if (account.n)
		event_set_text(e, EVENT_TEXT_ACCOUNT, account);
	if (f->text.n)
		event_set_evidence_text(e, f->text);
	if (f->has_value)
		event_set_evidence(e, f->value, f->threshold, f->window);
	e->score = p->gate.score;
	e->tier = (uint8_t)p->gate.tier;
	e->spare = p->gate.spare;
	push(p->w, e);
}

void record_verdict(struct pass *p, enum event_mode mode, enum step step)
{
	enum event_verdict v = verdict_of(p, step);
	char name[ACCOUNT_TEXT_MAX];
	struct buf account = BUF(name);
	struct standing_changes changes;

	count(p, mode, v);
	record_account(p, &account);
	judge_source(p, mode, p->finding.reason, &changes);
	note_log_in(p, mode);
	if (is_worth_telling(p, v) && conf_wants_events(p->conf))
		tell(p, EVENT_VERDICT, mode, v, step == STEP_REPLY ? p->reply.status : 0,
		    &p->finding, buf_span(&account));
	tell_changes(p->w, &p->flow, p->proven, buf_span(&account), p->finding.reason, &changes);
}

void record_finding(struct pass *p, enum event_mode mode, const struct finding *f)
{
	char name[ACCOUNT_TEXT_MAX];
	struct buf account = BUF(name);
	struct standing_changes changes;

	counter_reason(p->w->counters, f->reason);
	if (mode == EVENT_MODE_OBSERVE)
		counter_would(p->w->counters, f->reason);
	record_account(p, &account);
	judge_source(p, mode, f->reason, &changes);
	if (conf_wants_events(p->conf))
		tell(p, EVENT_FINDING, mode, EVENT_PASS, 0, f, buf_span(&account));
	tell_changes(p->w, &p->flow, p->proven, buf_span(&account), f->reason, &changes);
}

/* What the gate decided about a message that nobody has read. */
static void tell_gate(struct worker *w, const struct flow *flow, enum reason r,
    const struct gate_answer *a, enum event_mode mode, enum event_verdict v)
{
	struct event e;

	if (!conf_wants_events(w->snap->conf))
		return;
	event_init(&e, EVENT_STANDING, r, net_loop_wall(&w->loop));
	event_set_source(&e, flow, zone_name(w, flow), a->proven);
	event_set_verdict(&e, mode, v, 0);
	if (a->threshold > 0)
		event_set_evidence(&e, a->value, a->threshold, a->window);
	e.score = a->score;
	e.tier = (uint8_t)a->tier;
	e.spare = a->spare;
	push(w, &e);
}

void record_gate(struct worker *w, const struct flow *flow, enum standing_trust trust,
    const struct gate_answer *a)
{
	bool observed = a->pass && a->reason != REASON_FLOOD_RELEASED;
	const struct standing_who who = {
	    .source = flow->remote, .proven = a->proven, .trust = trust};
	struct standing_changes changes;
	struct gate_answer after = *a;

	counter_reason(w->counters, a->reason);
	if (observed) {
		counter_inc(w->counters, COUNTER_VERDICT_OBSERVED);
		counter_would(w->counters, a->reason);
	}
	if (!a->tell)
		return;
	changes.n = 0;
	if (!a->pass && hold_against(w, &who, a->reason, &changes)) {
		after.score = changes.score;
		after.tier = changes.tier;
	}
	tell_gate(w, flow, a->reason, &after, observed ? EVENT_MODE_OBSERVE : EVENT_MODE_ENFORCE,
	    observed || !a->pass ? EVENT_DROP : EVENT_PASS);
	tell_changes(w, flow, who.proven, span_of(NULL, 0), a->reason, &changes);
}

void record_noise(struct worker *w, const struct flow *flow, enum standing_trust trust,
    const struct gate_answer *a)
{
	enum { A_SECOND = 10 };
	const struct standing_who who = {.source = flow->remote, .trust = trust};
	struct standing_changes changes;
	struct gate_answer after = *a;

	counter_inc(w->counters, COUNTER_RECEIVED_NOISE);
	counter_inc(w->counters, COUNTER_VERDICT_DROP);
	counter_reason(w->counters, REASON_GATE_NOISE);
	if (hold_against(w, &who, REASON_GATE_NOISE, &changes)) {
		after.score = changes.score;
		after.tier = changes.tier;
	}
	if (w->told_noise++ < A_SECOND)
		tell_gate(w, flow, REASON_GATE_NOISE, &after, EVENT_MODE_ENFORCE, EVENT_DROP);
	tell_changes(w, flow, false, span_of(NULL, 0), REASON_GATE_NOISE, &changes);
}

void record_overload_ended(struct worker *w, uint64_t shed)
{
	struct event e;

	counter_reason(w->counters, REASON_OVERLOAD_ENDED);
	if (!conf_wants_events(w->snap->conf))
		return;
	event_init(&e, EVENT_DAEMON, REASON_OVERLOAD_ENDED, net_loop_wall(&w->loop));
	event_set_evidence(&e, (double)shed, 0, 0);
	push(w, &e);
}

void record_banned_refusals(struct worker *w, uint64_t n)
{
	struct event e;

	if (!conf_wants_events(w->snap->conf))
		return;
	event_init(&e, EVENT_CONNECTION, REASON_GATE_BANNED, net_loop_wall(&w->loop));
	e.source = w->last_banned;
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_DROP, 0);
	event_set_evidence(&e, (double)n, 0, USEC_SEC);
	push(w, &e);
}

static void tell_connection(
    struct worker *w, const struct flow *flow, enum reason r, struct span words)
{
	struct event e;

	if (!conf_wants_events(w->snap->conf))
		return;
	event_init(&e, EVENT_CONNECTION, r, net_loop_wall(&w->loop));
	event_set_source(&e, flow, zone_name(w, flow), true);
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_DROP, 0);
	event_set_evidence_text(&e, words);
	push(w, &e);
}

void record_connection(struct worker *w, const struct flow *flow, enum reason r, struct span words)
{
	const struct standing_who who = {.source = flow->remote,
	    .proven = true,
	    .trust = admit_trust(w, flow->listener, &flow->remote)};
	struct standing_changes changes;
	struct flow ended = *flow;

	counter_reason(w->counters, r);
	(void)hold_against(w, &who, r, &changes);
	tell_connection(w, flow, r, words);
	ended.conn = 0; /* it ends, whatever comes of it */
	tell_changes(w, &ended, true, span_of(NULL, 0), r, &changes);
}

void record_refusals(struct worker *w, uint64_t n)
{
	const struct conf_tcp *tcp = &w->snap->conf->tcp;
	struct event e;

	counter_add_to(&w->counters->reason[REASON_TRANSPORT_CONNECTION_CAP], n);
	if (!conf_wants_events(w->snap->conf))
		return;
	event_init(&e, EVENT_CONNECTION, REASON_TRANSPORT_CONNECTION_CAP, net_loop_wall(&w->loop));
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_DROP, 0);
	event_set_evidence(&e, (double)n, (double)tcp->connections_per_source, USEC_SEC);
	push(w, &e);
}

void record_challenge(
    struct worker *w, const struct flow *phone, const struct sip_msg *msg, struct span value)
{
	struct event e;

	counter_reason(w->counters, REASON_AUTH_FOREIGN_CHALLENGE);
	if (!conf_wants_events(w->snap->conf))
		return;
	event_init(&e, EVENT_FINDING, REASON_AUTH_FOREIGN_CHALLENGE, net_loop_wall(&w->loop));
	event_set_source(&e, phone, zone_name(w, phone), true);
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_PASS, 0);
	describe(&e, msg);
	event_set_evidence_text(&e, value);
	push(w, &e);
}

static enum reason call_reason(const struct server_txn *t, unsigned status)
{
	if (t->method == SIP_METHOD_BYE)
		return status / 100 == 2 ? REASON_CALL_ENDED : REASON_NONE;
	if (t->method != SIP_METHOD_INVITE || !t->initial || t->reported)
		return REASON_NONE;
	if (status / 100 == 2)
		return REASON_CALL_ANSWERED;
	return status == 487 ? REASON_CALL_CANCELLED : REASON_CALL_FAILED;
}

static void count_call(struct worker *w, enum reason r)
{
	counter_inc(w->counters, r == REASON_CALL_ENDED      ? COUNTER_CALL_ENDED
				 : r == REASON_CALL_ANSWERED ? COUNTER_CALL_ANSWERED
							     : COUNTER_CALL_FAILED);
}

void record_answer(struct server_txn *t, unsigned status, const struct sip_msg *msg)
{
	struct worker *w = t->w;
	enum reason r = status < 200 ? REASON_NONE : call_reason(t, status);
	struct event e;

	if (r == REASON_NONE)
		return;
	t->reported = true;
	count_call(w, r);
	counter_reason(w->counters, r);
	if (!conf_wants_events(w->snap->conf))
		return;
	if (!msg && t->request.p)
		msg = worker_parse_stored(w, stored_span(&t->request));
	event_init(&e, EVENT_CALL, r, net_loop_wall(&w->loop));
	event_set_source(&e, &t->flow, zone_name(w, &t->flow), true);
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_PASS, status);
	if (msg)
		describe(&e, msg);
	if (t->account.p)
		event_set_text(&e, EVENT_TEXT_ACCOUNT, stored_span(&t->account));
	push(w, &e);
}
