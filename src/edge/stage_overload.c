/* SPDX-License-Identifier: MIT
 *
 * Is there more to do than can be done? Then strangers are sent away before any further work, with
 * an answer that costs little and is the same for all. ACK, CANCEL and BYE end something, and are
 * worked on. */
#include "edge/reply.h"
#include "edge/stages.h"

/* One that waited is not sent away in the middle. */
static bool is_stranger(const struct pass *p)
{
	return !p->answers.have && p->trust != STANDING_EXEMPT && p->trust != STANDING_PEER &&
	       p->gate.tier <= EVENT_TIER_UNKNOWN;
}

enum step stage_overload(struct pass *p)
{
	const struct conf_overload *c = &p->conf->overload;
	usec_t lag = overload_lag(&p->w->overload);
	struct buf b;

	if (LIKELY(lag <= c->lag) || !is_stranger(p) || p->msg.method == SIP_METHOD_ACK ||
	    p->msg.method == SIP_METHOD_CANCEL || p->msg.method == SIP_METHOD_BYE)
		return STEP_NEXT;
	b = reply_headers(p, 64);
	buf_addf(&b, "Retry-After: %u\r\n", (unsigned)(c->retry_after / USEC_SEC));
	p->reply.headers = b.overflow ? span_of(NULL, 0) : buf_span(&b);
	pass_evidence(p, (double)lag / USEC_SEC, (double)c->lag / USEC_SEC, 0);
	p->reply.silent = !overload_shed(&p->w->overload, p->now);
	return pass_reply(p, REASON_OVERLOAD_SHED, 503);
}
