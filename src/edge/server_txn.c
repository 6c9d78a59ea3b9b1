/* SPDX-License-Identifier: MIT
 *
 * Server transactions: the requests that strangers, phones and peers sent us and that we forward.
 */
#include "edge/proxy.h"
#include "edge/reply.h"
#include "edge/transport.h"

static void server_txn_free(struct server_txn *t)
{
	struct worker *w = t->w;

	counter_inc(w->counters, COUNTER_TXN_ENDED);
	table_remove(&w->txns.servers, &t->node);
	wheel_cancel(&w->wheel, &t->timer);
	stored_clear(w, &t->request);
	stored_clear(w, &t->account);
	stored_clear(w, &t->response);
	if (t->ctx)
		proxy_server_gone(t->ctx);
	while (!list_empty(&t->followers)) {
		struct client_txn *c = list_entry(t->followers.next, struct client_txn, follows);

		list_remove(&c->follows);
		c->server = NULL;
	}
	slab_free(&w->slab, t);
}

static void arm(struct server_txn *t)
{
	usec_t next = txn_next(&t->fsm);

	if (next)
		wheel_arm(&t->w->wheel, &t->timer, next);
	else
		wheel_cancel(&t->w->wheel, &t->timer);
}

/* Does what the machine says with the answer that is kept; t may be gone afterwards. */
static void act(struct server_txn *t, unsigned acts)
{
	struct worker *w = t->w;

	if (acts & TXN_SEND_RESPONSE && t->response.p) {
		counter_inc(w->counters, COUNTER_TXN_RETRANSMITTED);
		transport_answer_again(w, &t->flow, stored_span(&t->response));
	}
	/* Nobody may have answered for long, and the other side sends again and again (RFC 4320
	 * §4.1). */
	if (acts & TXN_SEND_TRYING && t->request.p) {
		const struct sip_msg *msg = worker_parse_stored(w, stored_span(&t->request));

		if (msg)
			server_txn_trying(t, msg);
	}
	if (acts & TXN_TERMINATED_NOW)
		server_txn_free(t);
	else
		arm(t);
}

static void on_timer(struct timer *timer, usec_t now)
{
	struct server_txn *t = CONTAINER_OF(timer, struct server_txn, timer);

	act(t, txn_step(&t->fsm, TXN_EV_TIMER, &t->w->snap->timers, now));
}

struct server_txn *server_txn_new(struct worker *w, const struct txn_key *key,
    const struct flow *flow, const struct sip_msg *msg, bool initial)
{
	struct server_txn *t = slab_alloc(&w->slab, sizeof(*t));
	bool invite = msg->method == SIP_METHOD_INVITE;

	if (!t)
		goto full;
	*t = (struct server_txn){
	    .key = *key,
	    .w = w,
	    .flow = *flow,
	    .method = (uint8_t)msg->method,
	    .initial = initial,
	};
	list_init(&t->followers);
	timer_init(&t->timer, on_timer);
	txn_init(&t->fsm, invite ? TXN_INVITE_SERVER : TXN_NONINVITE_SERVER,
	    transport_is_stream(flow->transport));
	stored_set(w, &t->request, msg->text);
	if (!t->request.p || table_insert(&w->txns.servers, &t->node) != OK) {
		stored_clear(w, &t->request);
		slab_free(&w->slab, t);
		goto full;
	}
	counter_inc(w->counters, COUNTER_TXN_CREATED);
	(void)txn_step(&t->fsm, TXN_EV_START, &w->snap->timers, w->loop.now);
	arm(t);
	return t;
full:
	counter_inc(w->counters, COUNTER_TXN_FULL);
	return NULL;
}

void server_txn_request(struct server_txn *t)
{
	counter_inc(t->w->counters, COUNTER_TXN_RETRANSMISSIONS);
	act(t, txn_step(&t->fsm, TXN_EV_REQUEST, &t->w->snap->timers, t->w->loop.now));
}

void server_txn_ack(struct server_txn *t)
{
	act(t, txn_step(&t->fsm, TXN_EV_ACK, &t->w->snap->timers, t->w->loop.now));
}

/* Whether an answer may have to be sent again: not over streams, and a 2xx to an INVITE is sent
 * again by whom it came from (RFC 3261 §13.3.1.4). */
static bool is_kept(const struct server_txn *t, unsigned status)
{
	if (t->method == SIP_METHOD_INVITE && status / 100 == 2)
		return false;
	return !t->fsm.reliable;
}

void server_txn_respond(struct server_txn *t, unsigned status, struct outgoing *out)
{
	struct worker *w = t->w;
	unsigned acts =
	    txn_step(&t->fsm, txn_event_of_status(status), &w->snap->timers, w->loop.now);

	if (acts & TXN_SEND_RESPONSE) {
		t->status = (uint16_t)status;
		if (is_kept(t, status))
			stored_set(w, &t->response, buf_span(&out->buf));
		else
			stored_clear(w, &t->response);
		counter_inc(w->counters,
		    (enum counter)(COUNTER_RESPONSE_1XX + MIN(MAX(status / 100, 1), 6) - 1));
		outgoing_answer(out);
	}
	/* One phone refused for all, another was answered at that moment: the caller has to know
	 * that there is a call (RFC 3261 §16.7 steps 5 and 9). */
	if (acts & TXN_STRAY && t->method == SIP_METHOD_INVITE && status / 100 == 2)
		outgoing_answer(out);
	if (status >= 200) {
		stored_clear(w, &t->request);
		stored_clear(w, &t->account);
	}
	if (acts & TXN_TERMINATED_NOW)
		server_txn_free(t);
	else
		arm(t);
}

void server_txn_reply(struct server_txn *t, unsigned status, struct span extra)
{
	struct worker *w = t->w;
	const struct sip_msg *msg =
	    t->request.p ? worker_parse_stored(w, stored_span(&t->request)) : NULL;
	struct outgoing out;

	if (msg && outgoing_open(w, &t->flow, CONF_NONE, &out) == OK &&
	    reply_write(w, msg, &t->flow, status, extra, &out.buf) == OK)
		server_txn_respond(t, status, &out);
	else if (status >= 200)
		/* The listener was taken away by a reload: nothing would ever end it. */
		server_txn_free(t);
}

void server_txn_trying(struct server_txn *t, const struct sip_msg *msg)
{
	struct outgoing out;

	if (outgoing_open(t->w, &t->flow, CONF_NONE, &out) == OK &&
	    reply_write(t->w, msg, &t->flow, 100, span_of(NULL, 0), &out.buf) == OK)
		server_txn_respond(t, 100, &out);
}

void server_txn_abandon(struct server_txn *t)
{
	server_txn_free(t);
}
