/* SPDX-License-Identifier: MIT
 *
 * Is it SIP at all? Spans into the buffer, nothing copied. What is no SIP is dropped; what is
 * recognisably a request but malformed is told so. */
#include "edge/malformed.h"
#include "edge/stages.h"

/* Answers go to where the request came from, whether the sender asked for it (RFC 3581) or not:
 * that is the way back through a NAT. But a trunk may send from one port and listen on another,
 * which it names in its Via (RFC 3261 §18.2.2); of what the configuration names, that is believed
 * (docs/decisions/0007-answers.md). */
static void find_way_back(struct pass *p)
{
	const struct sip_via *via = &p->msg.via;
	struct addr named;

	if (p->flow.transport != TRANSPORT_UDP || via->has_rport || via->maddr.n ||
	    sip_host_addr(&via->sent_by, &named) != OK || !addr_same_ip(&named, &p->flow.remote))
		return;
	named.port = via->sent_by.port ? via->sent_by.port : 5060;
	if (named.port != p->flow.remote.port &&
	    conf_peer_find(p->conf, p->listener->zone, &p->flow.remote))
		p->back.remote.port = named.port;
}

enum step stage_parse(struct pass *p)
{
	struct worker *w = p->w;
	struct sip_parse_error err = {.reason = SIP_BAD_NONE};
	enum reason r;

	p->back = p->flow;
	if (sip_msg_parse(p->data, &w->snap->limits, w->headers, w->headers_cap, &p->msg, &err) ==
	    SIP_OK) {
		if (p->msg.is_request)
			find_way_back(p);
		return STEP_NEXT;
	}
	counter_inc(w->counters, COUNTER_PARSE_ERRORS);
	if (err.reason == SIP_BAD_EMPTY || err.reason == SIP_BAD_NOT_SIP)
		counter_inc(w->counters, COUNTER_RECEIVED_NOISE);
	r = malformed_reason(err.reason);
	pass_evidence_text(p, span_str(sip_bad_text(err.reason)));
	if (!p->msg.is_request || !sip_msg_is_answerable(&p->msg))
		return pass_drop(p, r);
	return pass_reply(p, r, sip_bad_status(err.reason));
}
