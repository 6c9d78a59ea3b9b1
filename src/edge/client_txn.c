/* SPDX-License-Identifier: MIT
 *
 * Client transactions: the branches over which requests were forwarded, and their CANCELs. */
#include "edge/proxy.h"
#include "edge/stream.h"
#include "edge/transport.h"
#include "sip/build.h"

static bool slot_take(struct txns *t, uint32_t *out_slot)
{
	if (t->clients_free != UINT32_MAX) {
		*out_slot = t->clients_free;
		t->clients_free = t->clients[*out_slot].next_free;
		return true;
	}
	if (t->clients_used == t->clients_cap)
		return false;
	*out_slot = t->clients_used++;
	return true;
}

static void slot_give(struct txns *t, uint32_t slot)
{
	struct client_slot *s = &t->clients[slot];

	s->txn = NULL;
	s->generation++;
	s->next_free = t->clients_free;
	t->clients_free = slot;
}

static void cancel_free(struct worker *w, struct cancel_txn *c)
{
	wheel_cancel(&w->wheel, &c->timer);
	stored_clear(w, &c->request);
	c->invite->cancel = NULL;
	slab_free(&w->slab, c);
}

static void client_txn_free(struct client_txn *t)
{
	struct worker *w = t->w;

	wheel_cancel(&w->wheel, &t->timer);
	list_remove(&t->conn);
	list_remove(&t->follows);
	stored_clear(w, &t->request);
	if (t->cancel)
		cancel_free(w, t->cancel);
	slot_give(&w->txns, t->branch.slot);
	if (t->ctx)
		proxy_client_gone(t->ctx, t->index);
	slab_free(&w->slab, t);
}

static void arm(struct client_txn *t)
{
	usec_t next = txn_next(&t->fsm);

	if (next)
		wheel_arm(&t->w->wheel, &t->timer, next);
	else
		wheel_cancel(&t->w->wheel, &t->timer);
}

/* The end of an event: frees the machine or arms its timer. The context may have been told things
 * before that freed others, never this one: only here. */
static void settle(struct client_txn *t, unsigned acts)
{
	if (acts & TXN_TERMINATED_NOW)
		client_txn_free(t);
	else
		arm(t);
}

static void on_timer(struct timer *timer, usec_t now)
{
	struct client_txn *t = CONTAINER_OF(timer, struct client_txn, timer);
	struct worker *w = t->w;
	unsigned acts = txn_step(&t->fsm, TXN_EV_TIMER, &w->snap->timers, now);

	if (acts & TXN_SEND_REQUEST && t->request.p) {
		counter_inc(w->counters, COUNTER_TXN_RETRANSMITTED);
		transport_resend(w, &t->flow, stored_span(&t->request), &t->branch);
	}
	if (acts & TXN_TIMEOUT) {
		counter_inc(w->counters, COUNTER_TXN_TIMEOUTS);
		arena_clear(&w->arena);
		if (t->ctx)
			proxy_timeout(t->ctx, t->index);
	}
	settle(t, acts);
}

struct client_txn *client_txn_new(
    struct worker *w, struct context *ctx, unsigned index, enum sip_method method, uint32_t loop)
{
	struct client_txn *t = slab_alloc(&w->slab, sizeof(*t));
	uint32_t slot;

	if (!t || !slot_take(&w->txns, &slot)) {
		slab_free(&w->slab, t);
		counter_inc(w->counters, COUNTER_TXN_FULL);
		return NULL;
	}
	*t = (struct client_txn){
	    .w = w,
	    .ctx = ctx,
	    .index = (uint8_t)index,
	    .method = (uint8_t)method,
	    .branch = {.worker = (uint8_t)w->id,
		.slot = slot,
		.generation = w->txns.clients[slot].generation,
		.cookie = rng_u64(&w->rng),
		.loop = loop},
	};
	list_init(&t->conn);
	list_init(&t->follows);
	timer_init(&t->timer, on_timer);
	w->txns.clients[slot].txn = t;
	return t;
}

void client_txn_sent(struct client_txn *t, const struct flow *flow, struct span text, enum err e)
{
	struct worker *w = t->w;
	bool invite = t->method == SIP_METHOD_INVITE;
	bool stream = transport_is_stream(flow->transport);
	unsigned acts;

	t->flow = *flow;
	txn_init(&t->fsm, invite ? TXN_INVITE_CLIENT : TXN_NONINVITE_CLIENT, stream);
	(void)txn_step(&t->fsm, TXN_EV_START, &w->snap->timers, w->loop.now);
	if (e == OK && (invite || !stream)) {
		stored_set(w, &t->request, text);
		if (!t->request.p)
			e = ERR_NOMEM;
	}
	if (e == OK) {
		if (stream)
			stream_watch(w, t);
		arm(t);
		return;
	}
	acts = txn_step(&t->fsm, TXN_EV_TRANSPORT_ERROR, &w->snap->timers, w->loop.now);
	if (t->ctx)
		proxy_unreachable(t->ctx, t->index);
	settle(t, acts);
}

struct client_txn *client_txn_find(struct worker *w, const struct branch *b)
{
	struct client_txn *t;

	if (b->worker != w->id || b->slot >= w->txns.clients_cap)
		return NULL;
	t = w->txns.clients[b->slot].txn;
	if (!t || t->branch.generation != b->generation || t->branch.cookie != b->cookie)
		return NULL;
	return t;
}

/* The ACK takes the place of the request: nothing but it can have to be sent again (§17.1.1.2). */
static void send_ack(struct client_txn *t, const struct sip_msg *response)
{
	struct worker *w = t->w;
	const struct sip_msg *sent;
	struct outgoing out;

	if (!t->request.p || outgoing_open(w, &t->flow, CONF_NONE, &out) != OK)
		return;
	if (span_starts(stored_span(&t->request), SPAN("ACK "))) {
		buf_add_span(&out.buf, stored_span(&t->request));
	} else {
		sent = worker_parse_stored(w, stored_span(&t->request));
		if (!sent || sip_build_ack(sent, response, &out.buf) != OK)
			return;
		stored_set(w, &t->request, buf_span(&out.buf));
	}
	outgoing_send(&out, &t->branch);
}

static void cancel_response(struct client_txn *t, const struct sip_msg *msg)
{
	struct cancel_txn *c = t->cancel;
	struct worker *w = t->w;
	unsigned acts;

	if (!c)
		return;
	acts = txn_step(&c->fsm, txn_event_of_status(msg->status), &w->snap->timers, w->loop.now);
	if (acts & TXN_TERMINATED_NOW || msg->status >= 200)
		cancel_free(w, c);
	else
		wheel_arm(&w->wheel, &c->timer, txn_next(&c->fsm));
}

void client_txn_response(struct client_txn *t, const struct sip_msg *msg)
{
	struct worker *w = t->w;
	unsigned acts;

	if (msg->cseq_method == SIP_METHOD_CANCEL && t->method == SIP_METHOD_INVITE) {
		cancel_response(t, msg);
		return;
	}
	acts = txn_step(&t->fsm, txn_event_of_status(msg->status), &w->snap->timers, w->loop.now);
	if (acts & TXN_SEND_ACK)
		send_ack(t, msg);
	else if (acts & TXN_PASS_UP && msg->status >= 200)
		stored_clear(w, &t->request);
	if (acts & TXN_PASS_UP && t->ctx)
		proxy_response(t->ctx, t->index, msg);
	else if (acts & TXN_PASS_UP && t->server)
		proxy_repeated(t->server, msg);
	if (acts & TXN_STRAY)
		counter_inc(w->counters, COUNTER_STRAY_RESPONSE);
	settle(t, acts);
}

void client_txn_transport_error(struct client_txn *t)
{
	struct worker *w = t->w;
	unsigned acts = txn_step(&t->fsm, TXN_EV_TRANSPORT_ERROR, &w->snap->timers, w->loop.now);

	if (acts & TXN_TRANSPORT_FAILED && t->ctx)
		proxy_unreachable(t->ctx, t->index);
	settle(t, acts);
}

void client_txn_follow(struct client_txn *t, struct server_txn *server)
{
	if (t->method != SIP_METHOD_INVITE || t->fsm.state != TXN_ACCEPTED)
		return;
	t->server = server;
	list_append(&server->followers, &t->follows);
}

static void cancel_timer(struct timer *timer, usec_t now)
{
	struct cancel_txn *c = CONTAINER_OF(timer, struct cancel_txn, timer);
	struct worker *w = c->invite->w;
	unsigned acts = txn_step(&c->fsm, TXN_EV_TIMER, &w->snap->timers, now);

	if (acts & TXN_SEND_REQUEST)
		transport_resend(w, &c->invite->flow, stored_span(&c->request), &c->invite->branch);
	if (acts & TXN_TERMINATED_NOW || !txn_next(&c->fsm))
		cancel_free(w, c);
	else
		wheel_arm(&w->wheel, &c->timer, txn_next(&c->fsm));
}

/* Writes, sends and keeps the CANCEL; c->request.p stays NULL when that failed. */
static void cancel_send(struct client_txn *t, struct cancel_txn *c)
{
	struct worker *w = t->w;
	const struct sip_msg *sent = worker_parse_stored(w, stored_span(&t->request));
	struct outgoing out;

	if (!sent || outgoing_open(w, &t->flow, CONF_NONE, &out) != OK ||
	    sip_build_cancel(sent, span_of(NULL, 0), &out.buf) != OK)
		return;
	stored_set(w, &c->request, buf_span(&out.buf));
	outgoing_send(&out, &t->branch);
}

void client_txn_cancel(struct client_txn *t)
{
	struct worker *w = t->w;
	struct cancel_txn *c;

	if (t->cancel || !t->request.p)
		return;
	/* Whatever becomes of the CANCEL, the INVITE ends in time. */
	(void)txn_step(&t->fsm, TXN_EV_CANCELLED, &w->snap->timers, w->loop.now);
	arm(t);
	c = slab_alloc(&w->slab, sizeof(*c));
	if (!c)
		return;
	*c = (struct cancel_txn){.invite = t};
	timer_init(&c->timer, cancel_timer);
	txn_init(&c->fsm, TXN_NONINVITE_CLIENT, transport_is_stream(t->flow.transport));
	t->cancel = c;
	cancel_send(t, c);
	if (!c->request.p) {
		cancel_free(w, c);
		return;
	}
	(void)txn_step(&c->fsm, TXN_EV_START, &w->snap->timers, w->loop.now);
	wheel_arm(&w->wheel, &c->timer, txn_next(&c->fsm));
}
