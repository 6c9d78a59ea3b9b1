/* SPDX-License-Identifier: MIT
 *
 * Is this more than a limit of the configuration allows (guard/limit.h, docs/limits.md)? Requests
 * that begin something are asked once, before the password is looked at; limits for each account
 * once more when it is known whose it is, so that a stranger who names an account in From does not
 * spend its allowance.
 *
 * Never asked are ACK and CANCEL, what belongs to a transaction that is known (it ended before),
 * and INVITE and BYE inside of a dialog that we let through: they begin nothing, and a call that
 * stands must be able to end. Other requests of such a dialog are asked of limits that name their
 * method. */
#include "edge/edge.h"
#include "edge/record.h"
#include "edge/reply.h"
#include "edge/stages.h"

/* The log-in is over when one of these is there: the walk before this one got further. */
#define BEHIND_LOG_IN (1u << ANSWER_TARGET | 1u << ANSWER_ALIAS_TARGET)

/* Who the request says that it is from. */
static const struct party *claimed(const struct pass *p)
{
	return p->msg.method == SIP_METHOD_REGISTER ? &p->to : &p->from;
}

static bool is_never_limited(const struct pass *p)
{
	if (p->msg.method == SIP_METHOD_ACK || p->msg.method == SIP_METHOD_CANCEL)
		return true;
	return p->has_token &&
	       (p->msg.method == SIP_METHOD_INVITE || p->msg.method == SIP_METHOD_BYE);
}

static size_t domain_index(const struct pass *p)
{
	const struct conf_domain *d = claimed(p)->domain;

	if (!d)
		d = p->target.domain;
	return d ? (size_t)(d - p->conf->domains) : CONF_NONE;
}

/* Where nobody has to log in the claim is all there is. */
static void set_account(const struct pass *p, struct limit_facts *f)
{
	const struct party *who = claimed(p);

	if (p->authenticated) {
		f->account_user = p->account_user;
		f->account_domain = p->account_domain;
	} else if (!p->peer && who->domain) {
		f->account_user = who->user;
		f->account_domain = who->host;
	}
}

static struct limit_facts gather(const struct pass *p, enum limit_turn turn)
{
	const struct party *who = claimed(p);
	struct limit_facts f = {
	    .turn = turn,
	    .worker = p->w->id,
	    .method = p->msg.method_name,
	    .named_only = p->has_token,
	    .zone = p->listener->zone,
	    .peer = p->peer ? (size_t)(p->peer - p->conf->peers) : CONF_NONE,
	    .domain = domain_index(p),
	    .tier = p->gate.tier,
	    .claims_account = !p->peer && who->domain && who->user.n,
	    .source = &p->flow.remote,
	    .destination = p->target.user.n ? p->target.user : p->target.host,
	};

	if (p->peer)
		f.peer_name = p->peer->name;
	if (turn == LIMIT_TURN_ACCOUNT)
		set_account(p, &f);
	return f;
}

/* RFC 3261 §20.33, in whole seconds; who comes back a moment early would be refused again. */
static void add_retry_after(struct pass *p, usec_t wait)
{
	struct buf b = reply_headers(p, 40);

	buf_addf(
	    &b, "Retry-After: %llu\r\n", (unsigned long long)((wait + USEC_SEC - 1) / USEC_SEC));
	if (!b.overflow)
		p->reply.headers = buf_span(&b);
}

static enum step refuse(struct pass *p, const struct limit_answer *a)
{
	pass_evidence(p, a->value, a->threshold, a->window);
	pass_evidence_text(p, a->limit->name);
	if (a->limit->answer == 0)
		return pass_drop(p, REASON_LIMIT_EXCEEDED);
	add_retry_after(p, a->retry_after);
	return pass_reply(p, REASON_LIMIT_EXCEEDED, a->limit->answer);
}

static void observed(void *arg, const struct limit_answer *a)
{
	struct pass *p = arg;

	record_verdict(p, EVENT_MODE_OBSERVE, refuse(p, a));
	pass_forget_finding(p);
}

static enum step ask(struct pass *p, enum limit_turn turn)
{
	struct limit_facts f = gather(p, turn);
	struct limit_answer a;

	limits_ask(
	    p->w->edge->limits, p->w->snap->limit_plan, &f, &p->w->rng, p->now, observed, p, &a);
	return a.limit ? refuse(p, &a) : STEP_NEXT;
}

enum step stage_limit(struct pass *p)
{
	/* Who waited for an answer of the store was asked when he came. */
	if (p->conf->limits_count == 0 || p->answers.have || is_never_limited(p))
		return STEP_NEXT;
	return ask(p, LIMIT_TURN_FIRST);
}

enum step stage_account_limit(struct pass *p)
{
	if (p->conf->limits_count == 0 || p->answers.have & BEHIND_LOG_IN || is_never_limited(p))
		return STEP_NEXT;
	return ask(p, LIMIT_TURN_ACCOUNT);
}
