/* SPDX-License-Identifier: MIT */
#include "edge/stream.h"

#include "edge/edge.h"
#include "edge/mail.h"
#include "edge/record.h"
#include "sip/frame.h"

#define BOUND_MAX 32 /* AoRs remembered for one connection */

struct bound {
	struct bound *next;
	uint32_t n;
	char aor[];
};

/* net_conn_user of every open connection. */
struct stream {
	struct sip_framer framer;
	struct list clients; /* client_txn.conn */
	struct bound *bound;
	unsigned n_bound;
	bool full; /* about to be closed */
};

static struct stream *stream_of(struct worker *w, struct net_conn *c)
{
	struct stream *s = net_conn_user(c);

	if (s)
		return s;
	s = slab_alloc(&w->slab, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct stream){.bound = NULL};
	list_init(&s->clients);
	net_conn_set_user(c, s);
	return s;
}

/* The other workers are told how many there are. */
static void tell_inbound(struct worker *w, uint32_t gone)
{
	uint32_t n = net_tcp_counters(w->tcp)->inbound;

	atomic_store_explicit(&w->inbound, n - MIN(gone, n), memory_order_relaxed);
}

static void opened(void *arg, struct net_conn *c)
{
	struct worker *w = arg;

	tell_inbound(w, 0);
	counter_inc(
	    w->counters, net_conn_is_inbound(c) ? COUNTER_CONN_ACCEPTED : COUNTER_CONN_OPENED);
	if (!stream_of(w, c))
		net_conn_close(c);
}

static void framing_failed(struct worker *w, struct net_conn *c, const struct sip_parse_error *err)
{
	counter_inc(w->counters, COUNTER_CONN_CLOSED_FRAMING);
	record_connection(
	    w, net_conn_flow(c), REASON_TRANSPORT_FRAMING, span_str(sip_bad_text(err->reason)));
	net_conn_close(c);
}

/* False: nothing more is taken from it. */
static bool take_message(struct worker *w, struct net_conn *c, struct span msg)
{
	struct gate_answer gate;
	bool ends;

	counter_inc(w->counters, COUNTER_RECEIVED_TCP);
	counter_add(w->counters, COUNTER_RECEIVED_BYTES, msg.n);
	if (admit_message(w, net_conn_flow(c), msg, &gate, &ends)) {
		net_conn_got_message(c);
		worker_receive(w, net_conn_flow(c), msg, &gate);
	} else if (ends) {
		counter_inc(w->counters, COUNTER_CONN_CLOSED_BANNED);
		net_conn_close(c);
		return false;
	}
	return true;
}

void stream_end(struct worker *w, uint64_t conn)
{
	struct net_conn *c = net_tcp_get(w->tcp, conn);

	if (!c)
		return;
	counter_inc(w->counters, COUNTER_CONN_CLOSED_BANNED);
	net_conn_close_after_write(c);
}

static size_t data(void *arg, struct net_conn *c, struct span in)
{
	struct worker *w = arg;
	struct stream *s = stream_of(w, c);
	uint64_t id = net_conn_id(c);
	size_t done = 0;

	overload_begin(&w->overload, w->loop.now);
	/* Also when its listener was taken away by a reload. */
	if (!s || !snapshot_listener(w->snap, net_conn_flow(c)->listener)) {
		net_conn_close(c);
		return in.n;
	}
	while (done < in.n && net_tcp_get(w->tcp, id)) {
		struct sip_parse_error err = {0};
		struct span msg;
		size_t used = 0;

		switch (sip_frame_next(&s->framer, &w->snap->limits,
		    span_of(in.p + done, in.n - done), &used, &msg, &err)) {
		case SIP_FRAME_MORE:
			return done;
		case SIP_FRAME_BAD:
			framing_failed(w, c, &err);
			return in.n;
		case SIP_FRAME_PING:
			counter_inc(w->counters, COUNTER_RECEIVED_KEEPALIVES);
			if (net_conn_write(c, SPAN("\r\n")) != OK)
				net_conn_close(c);
			break;
		case SIP_FRAME_CRLF:
			break;
		case SIP_FRAME_MESSAGE:
			if (!take_message(w, c, msg))
				return in.n;
			break;
		}
		done += used;
	}
	event_ring_flush(w->events);
	return done;
}

static enum reason close_reason(enum net_close why)
{
	switch (why) {
	case NET_CLOSE_FIRST_MESSAGE:
		return REASON_TRANSPORT_FIRST_MESSAGE;
	case NET_CLOSE_SLOW_MESSAGE:
		return REASON_TRANSPORT_MESSAGE_TIMEOUT;
	case NET_CLOSE_SLOW_READER:
		return REASON_TRANSPORT_WRITE_FULL;
	case NET_CLOSE_TOO_LARGE:
		return REASON_TRANSPORT_FRAMING;
	case NET_CLOSE_CONNECT:
		return REASON_TRANSPORT_CONNECT_FAILED;
	case NET_CLOSE_IDLE:
		return REASON_TRANSPORT_IDLE;
	case NET_CLOSE_LOCAL:
	case NET_CLOSE_PEER:
	case NET_CLOSE_ERROR:
	case NET_CLOSE_DEADLINE:
	case NET_CLOSE_MEMORY:
	case NET_CLOSE_COUNT:
		break;
	}
	return REASON_NONE;
}

static void count_close(struct worker *w, enum net_close why)
{
	counter_inc(w->counters, COUNTER_CONN_CLOSED);
	if (why == NET_CLOSE_FIRST_MESSAGE || why == NET_CLOSE_SLOW_MESSAGE ||
	    why == NET_CLOSE_IDLE || why == NET_CLOSE_DEADLINE)
		counter_inc(w->counters, COUNTER_CONN_CLOSED_DEADLINE);
	if (why == NET_CLOSE_SLOW_READER)
		counter_inc(w->counters, COUNTER_CONN_CLOSED_WRITE);
	if (why == NET_CLOSE_CONNECT)
		counter_inc(w->counters, COUNTER_CONN_CONNECT_FAILED);
}

static void closed(void *arg, struct net_conn *c, enum net_close why, int sys)
{
	struct worker *w = arg;
	struct stream *s = net_conn_user(c);
	enum reason r = close_reason(why);

	count_close(w, why);
	tell_inbound(w, net_conn_is_inbound(c) ? 1 : 0);
	if (net_conn_is_inbound(c))
		standing_flow_ended(w->edge->standing, &net_conn_flow(c)->remote, w->loop.now);
	if (r != REASON_NONE)
		record_connection(w, net_conn_flow(c), r,
		    sys ? span_str(strerrordesc_np(sys)) : span_str(net_close_text(why)));
	event_ring_flush(w->events);
	if (!s)
		return;
	net_conn_set_user(c, NULL);
	while (!list_empty(&s->clients)) {
		struct client_txn *t = list_entry(s->clients.next, struct client_txn, conn);

		list_remove(&t->conn);
		arena_clear(&w->arena);
		client_txn_transport_error(t);
	}
	while (s->bound) {
		struct bound *b = s->bound;

		s->bound = b->next;
		(void)bindings_drop_conn(w->edge->bindings, span_of(b->aor, b->n), net_conn_id(c),
		    net_loop_wall(&w->loop), &w->bindings);
		slab_free(&w->slab, b);
	}
	slab_free(&w->slab, s);
}

static bool accept_allowed(void *arg, const struct addr *from, uint16_t listener)
{
	return admit_connection(arg, listener, from);
}

const struct net_tcp_handler stream_handler = {
    .accept_allowed = accept_allowed, .opened = opened, .data = data, .closed = closed};

static enum err connect_to(struct worker *w, struct flow *flow, struct net_conn **out_c)
{
	struct net_conn *c = net_tcp_find(w->tcp, &flow->remote, NULL);
	const struct slot *slot = &w->snap->slots[flow->listener];
	const struct addr *local = addr_is_unspecified(&slot->addr) ? NULL : &slot->addr;
	enum err e = OK;

	if (!c)
		e = net_tcp_connect(w->tcp, &flow->remote, local, flow->listener, &c, NULL);
	if (e == OK && !stream_of(w, c))
		e = ERR_NOMEM;
	if (e == OK) {
		flow->conn = net_conn_id(c);
		*out_c = c;
	}
	return e;
}

/* It does not take what we send, and on a stream nothing may be left out: it ends. Not here: this
 * may be in the midst of its own transactions. */
static void close_full(struct worker *w, struct net_conn *c)
{
	struct stream *s = net_conn_user(c);

	if (!s || s->full)
		return;
	s->full = true;
	counter_inc(w->counters, COUNTER_CONN_CLOSED_WRITE);
	record_connection(w, net_conn_flow(c), REASON_TRANSPORT_WRITE_FULL,
	    span_str(net_close_text(NET_CLOSE_SLOW_READER)));
	net_conn_set_deadline(c, w->loop.now);
}

enum err stream_send(
    struct worker *w, struct flow *flow, struct span text, const struct branch *branch)
{
	struct net_conn *c = NULL;
	enum err e;

	if (flow->conn && net_conn_id_worker(flow->conn) != w->id)
		return mail_send(w, net_conn_id_worker(flow->conn), flow, text, branch);
	if (flow->conn)
		c = net_tcp_get(w->tcp, flow->conn);
	/* A peer that has closed its half still takes answers, but no requests. */
	if (c && branch && net_conn_is_inbound(c) && !net_conn_is_open(c))
		return ERR_CLOSED;
	if (!c && (flow->conn || !branch))
		return ERR_CLOSED;
	if (!c) {
		e = connect_to(w, flow, &c);
		if (e != OK)
			return e;
	}
	e = net_conn_write(c, text);
	if (e == OK) {
		counter_inc(w->counters, COUNTER_SENT_TCP);
		counter_add(w->counters, COUNTER_SENT_BYTES, text.n);
	} else {
		counter_inc(w->counters, COUNTER_SEND_ERRORS);
		if (e == ERR_FULL)
			close_full(w, c);
	}
	return e;
}

void stream_watch(struct worker *w, struct client_txn *t)
{
	struct net_conn *c = net_tcp_get(w->tcp, t->flow.conn);
	struct stream *s = c ? net_conn_user(c) : NULL;

	list_remove(&t->conn);
	if (s)
		list_append(&s->clients, &t->conn);
}

void stream_bound(struct worker *w, uint64_t conn, struct span aor)
{
	struct net_conn *c = net_tcp_get(w->tcp, conn);
	struct stream *s = c ? net_conn_user(c) : NULL;
	struct bound *b;

	if (!s || s->n_bound >= BOUND_MAX)
		return;
	for (b = s->bound; b; b = b->next)
		if (span_eq(span_of(b->aor, b->n), aor))
			return;
	b = slab_alloc(&w->slab, sizeof(*b) + aor.n);
	if (!b)
		return;
	b->n = (uint32_t)aor.n;
	memcpy(b->aor, aor.p, aor.n);
	b->next = s->bound;
	s->bound = b;
	s->n_bound++;
}
