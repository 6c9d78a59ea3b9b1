/* SPDX-License-Identifier: MIT
 *
 * What belongs to a transaction that is known ends here: retransmissions, the ACK of a refusal,
 * CANCEL (RFC 3261 §9.2, §17.2.3), responses (§17.1.3). */
#include "edge/edge.h"
#include "edge/mail.h"
#include "edge/proxy.h"
#include "edge/reply.h"
#include "edge/stages.h"

/* The CANCEL of a caller whose later packets the kernel gave to another worker looks for its INVITE
 * from worker to worker. */
static bool ask_next_worker(struct pass *p)
{
	struct worker *w = p->w;
	uint32_t n = edge_workers(w->edge);

	if (w->hops + 1 >= n)
		return false;
	return mail_hand_over(p, (w->id + 1) % n, w->hops + 1) == OK;
}

static enum step match_cancel(struct pass *p)
{
	struct txn_key key;
	struct server_txn *t;

	txns_request_key(p->w, &p->msg, &p->parts, true, &key);
	t = txns_find(p->w, &key);
	/* Hop by hop: only who sent the INVITE may take it back (§22.1, §26). */
	if (!t || !addr_same_ip(&t->flow.remote, &p->flow.remote)) {
		if (ask_next_worker(p))
			return STEP_DONE;
		counter_inc(p->w->counters, COUNTER_STRAY_CANCEL);
		return pass_reply(p, REASON_TXN_STRAY_CANCEL, 481);
	}
	p->reply.status = 200;
	reply_send(p);
	proxy_cancel(t);
	return STEP_DONE;
}

enum step stage_match(struct pass *p)
{
	struct server_txn *t;

	if (p->msg.method == SIP_METHOD_CANCEL)
		return match_cancel(p);
	txns_request_key(p->w, &p->msg, &p->parts, p->msg.method == SIP_METHOD_ACK, &p->key);
	t = txns_find(p->w, &p->key);
	if (!t)
		return STEP_NEXT;
	if (p->msg.method != SIP_METHOD_ACK) {
		server_txn_request(t);
		return STEP_DONE;
	}
	/* An ACK with the same branch as its INVITE is that of a refusal; some old clients ACK a
	 * 2xx like that, too, and it has to go on. */
	if (t->status / 100 == 2)
		return STEP_NEXT;
	server_txn_ack(t);
	return STEP_DONE;
}

/* Behind our Via there is that of the caller (RFC 3261 §16.7 step 3). */
static bool goes_further(const struct sip_msg *msg)
{
	return sip_msg_count(msg, SIP_HEADER_VIA) > 1 ||
	       msg->via.value.n < sip_msg_value(msg, SIP_HEADER_VIA).n;
}

enum step stage_match_response(struct pass *p)
{
	struct worker *w = p->w;
	struct branch b;
	struct client_txn *t;

	/* Not addressed to us, or not of our making (§18.1.2). */
	if (branch_read(p->msg.via.branch, &b) != OK)
		goto stray;
	if (b.worker != w->id) {
		if (w->hops == 0 && b.worker < edge_workers(w->edge) &&
		    mail_hand_over(p, b.worker, 1) == OK)
			return STEP_DONE;
		goto stray;
	}
	t = client_txn_find(w, &b);
	if (!t || (p->msg.cseq_method != SIP_METHOD_CANCEL && !goes_further(&p->msg)) ||
	    (p->msg.cseq_method != (enum sip_method)t->method &&
		!(p->msg.cseq_method == SIP_METHOD_CANCEL && t->cancel)))
		goto stray;
	client_txn_response(t, &p->msg);
	return STEP_DONE;
stray:
	counter_inc(w->counters, COUNTER_STRAY_RESPONSE);
	return pass_drop(p, REASON_TXN_STRAY_RESPONSE);
}
