/* SPDX-License-Identifier: MIT
 *
 * Does it come from a scanner? Asked of all but peers, the allow-list, devices that logged in and
 * what comes along a route of ours. The judgement is guard/scan's; here are its facts. */
#include "edge/admit.h"
#include "edge/edge.h"
#include "edge/record.h"
#include "edge/stages.h"
#include "guard/scan.h"

static bool is_asked(const struct pass *p)
{
	/* One that waited was counted when it came. */
	if (p->answers.have || p->peer || p->has_token || p->gate.known_flow)
		return false;
	if (p->trust == STANDING_EXEMPT || p->trust == STANDING_PEER)
		return false;
	return p->msg.method != SIP_METHOD_ACK && p->msg.method != SIP_METHOD_CANCEL;
}

static struct span header_of(void *arg, struct span name)
{
	const struct pass *p = arg;
	const struct sip_header *h = sip_msg_find(&p->msg, name);

	return h ? h->value : span_of(NULL, 0);
}

static void gather(struct pass *p, struct scan_facts *f)
{
	bool registers = p->msg.method == SIP_METHOD_REGISTER;
	const struct party *self = registers ? &p->to : &p->from;

	*f = (struct scan_facts){
	    .look = {.method = p->msg.method_name,
		.user_agent = sip_msg_value(&p->msg, SIP_HEADER_USER_AGENT),
		.from_user = p->from.user,
		.to_user = p->target.user.n ? p->target.user : p->to.user,
		.call_id = p->msg.call_id,
		.header = header_of,
		.arg = p},
	    .source = &p->flow.remote,
	    .who = p->gate.tier >= EVENT_TIER_KNOWN ? SCAN_NEIGHBOUR : SCAN_STRANGER,
	    .user = self->user,
	    .domain = self->host,
	    .user_is_ours = self->domain != NULL,
	    .is_options = p->msg.method == SIP_METHOD_OPTIONS,
	    .method_known = p->msg.method != SIP_METHOD_UNKNOWN,
	    /* Where nobody is asked to log in, nobody is found by not doing so. */
	    .has_credentials = p->conf->auth.mode != CONF_MODE_ENFORCE ||
			       sip_msg_has(&p->msg, SIP_HEADER_AUTHORIZATION) ||
			       sip_msg_has(&p->msg, SIP_HEADER_PROXY_AUTHORIZATION),
	};
	if (!registers && p->target.domain) {
		f->target_user = p->target.user;
		f->target_domain = p->target.domain->name;
	}
}

/* A datagram of a scanner may be forged, and its address must not be banned for it. So it is asked
 * for a password, as a phone would be: a guesser answers, and what he answers with shows that he is
 * there. Once, until he did or the time for it is over: nobody makes us send to others. OPTIONS are
 * not asked: who sweeps with them never answers, and would only learn that somebody is here. */
static bool is_challenged(const struct pass *p, const struct scan_facts *f)
{
	return !p->proven && !f->has_credentials && !f->is_options && f->method_known &&
	       !standing_awaits_answer(p->w->edge->standing, &p->flow.remote, p->now);
}

/* The answer to a decoy must not tell it from any other user. And a few forged datagrams that name
 * many users must not keep the phones of an address from being challenged, which is how they show
 * that they are there. */
static bool is_only_told(
    const struct pass *p, const struct scan_facts *f, const struct scan_answer *a)
{
	return a->reason == REASON_SCAN_DECOY || (a->reason == REASON_SCAN_USERS && !p->proven) ||
	       (a->reason == REASON_SCAN_SIGNATURE && is_challenged(p, f));
}

/* A scanner's password is not looked at, only the nonce that it comes with; an old one may have
 * been given to who had this address before. */
static bool is_proven(const struct pass *p)
{
	return p->proven ||
	       admit_carries_nonce(p->w, &p->flow.remote, p->data, p->w->snap->auth.nonce_lifetime);
}

enum step stage_inspect(struct pass *p)
{
	const struct conf_scan *c = &p->conf->scan;
	struct scan_answer a;
	struct scan_facts f;

	if (!is_asked(p))
		return STEP_NEXT;
	gather(p, &f);
	scan_judge(p->w->edge->scan, c, p->w->snap->signatures, &f, p->now, &a);
	if (a.reason == REASON_NONE)
		return STEP_NEXT;
	if (a.reason == REASON_SCAN_SIGNATURE)
		p->proven = is_proven(p);
	if (is_only_told(p, &f, &a)) {
		const struct finding told = {.reason = a.reason,
		    .text = a.text,
		    .has_value = a.has_value,
		    .value = a.value,
		    .threshold = a.threshold,
		    .window = a.window};

		record_finding(p,
		    c->mode == CONF_MODE_OBSERVE ? EVENT_MODE_OBSERVE : EVENT_MODE_ENFORCE, &told);
		return STEP_NEXT;
	}
	if (a.has_value)
		pass_evidence(p, a.value, a.threshold, a.window);
	else
		pass_evidence_text(p, a.text);
	return pass_drop(p, a.reason);
}
