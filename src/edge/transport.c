/* SPDX-License-Identifier: MIT */
#include "edge/transport.h"

#include "edge/edge.h"
#include "edge/stream.h"

enum err outgoing_open(struct worker *w, const struct flow *to, size_t zone, struct outgoing *out)
{
	uint16_t slot = snapshot_slot_for(w->snap, to, zone);

	if (slot == SLOT_NONE)
		return ERR_NOT_FOUND;
	*out = (struct outgoing){.w = w, .flow = *to};
	out->flow.listener = slot;
	out->listener = snapshot_listener(w->snap, slot);
	if (to->transport == TRANSPORT_UDP) {
		if (!w->udp[slot])
			return ERR_NOT_FOUND;
		out->udp = w->udp[slot];
		out->buf = net_udp_reserve(out->udp);
	} else {
		out->buf = buf_of(w->stream_out, STREAM_ROOM);
	}
	return OK;
}

static enum err send_udp(struct outgoing *out)
{
	const struct addr *local = out->flow.local.port ? &out->flow.local : NULL;
	enum err e = net_udp_commit(out->udp, &out->buf, &out->flow.remote, local);

	if (e == OK) {
		counter_inc(out->w->counters, COUNTER_SENT_UDP);
		counter_add(out->w->counters, COUNTER_SENT_BYTES, out->buf.n);
	} else {
		counter_inc(out->w->counters, COUNTER_SEND_ERRORS);
	}
	return e;
}

enum err outgoing_send(struct outgoing *out, const struct branch *branch)
{
	if (out->udp)
		return send_udp(out);
	if (out->buf.overflow)
		return ERR_RANGE;
	return stream_send(out->w, &out->flow, buf_span(&out->buf), branch);
}

/* RFC 9000 §8. */
static bool may_answer(struct outgoing *out)
{
	struct worker *w = out->w;
	enum standing_trust trust;

	if (!out->udp || out->buf.overflow)
		return true;
	trust = admit_trust(w, out->flow.listener, &out->flow.remote);
	if (trust == STANDING_EXEMPT || trust == STANDING_PEER ||
	    standing_may_send(w->edge->standing, &out->flow.remote, out->buf.n, w->loop.now))
		return true;
	counter_inc(w->counters, COUNTER_ANSWERS_WITHHELD);
	counter_reason(w->counters, REASON_GATE_AMPLIFICATION);
	return false;
}

enum err outgoing_answer(struct outgoing *out)
{
	return may_answer(out) ? outgoing_send(out, NULL) : ERR_DENIED;
}

enum err transport_answer_again(struct worker *w, const struct flow *to, struct span text)
{
	struct outgoing out;
	enum err e = outgoing_open(w, to, CONF_NONE, &out);

	if (e != OK)
		return e;
	buf_add_span(&out.buf, text);
	return outgoing_answer(&out);
}

enum err transport_resend(
    struct worker *w, const struct flow *to, struct span text, const struct branch *branch)
{
	struct outgoing out;
	enum err e = outgoing_open(w, to, CONF_NONE, &out);

	if (e != OK)
		return e;
	buf_add_span(&out.buf, text);
	return outgoing_send(&out, branch);
}

/* Of a turn: so many datagrams, or so much time, and the socket is looked at again. A flood at the
 * full rate of a core fills a small part of the kernel's queue in that time, and a known user's
 * datagram waits there no longer than that. */
#define SERVED_A_TURN 64
#define TIME_A_TURN   (USEC_MS / 4)

/* What is trusted comes before everything else anyway: it need not be put aside for others. */
#define TRUSTED_A_TURN 512

static bool may_serve_now(const struct worker *w, enum event_tier tier, bool little)
{
	if (inbox_waits(w->inbox, tier))
		return false;
	if (little && inbox_is_empty(w->inbox))
		return true;
	return w->turn_served < (tier == EVENT_TIER_TRUSTED    ? TRUSTED_A_TURN
				    : tier == EVENT_TIER_KNOWN ? SERVED_A_TURN
							       : 0);
}

static void serve_or_put(struct worker *w, struct net_udp *u, const struct net_dgram *d,
    const struct gate_answer *gate, bool little)
{
	struct inbox_item item = {
	    .flow = {.transport = TRANSPORT_UDP,
		.listener = net_udp_listener(u),
		.remote = d->from,
		.local = d->local},
	    .gate = *gate,
	    .data = d->data,
	    .received = w->loop.now,
	};

	if (may_serve_now(w, gate->queue, little)) {
		w->turn_served++;
		worker_receive(w, &item.flow, d->data, gate);
	} else if (!inbox_put(w->inbox, &item)) {
		counter_reason(w->counters, REASON_GATE_QUEUE_FULL);
	}
}

/* Bits of the tiers that passed. */
static unsigned tiers_of(const struct gate_answer *a, size_t n)
{
	unsigned tiers = 0;

	for (size_t i = 0; i < n; i++)
		tiers |= a[i].pass ? 1u << a[i].queue : 0;
	return tiers;
}

void transport_received(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n)
{
	struct worker *w = arg;
	const struct gate_answer *answers = w->admit.answers;
	unsigned tiers;

	overload_begin(&w->overload, w->loop.now);
	admit_datagrams(w, net_udp_listener(u), d, n);
	tiers = tiers_of(answers, n);
	for (int t = EVENT_TIER_TRUSTED; t >= EVENT_TIER_SUSPECT; t--)
		for (size_t i = 0; tiers & 1u << t && i < n; i++)
			if (answers[i].pass && (int)answers[i].queue == t)
				serve_or_put(w, u, &d[i], &answers[i], n < NET_UDP_BATCH);
}

static void serve(struct worker *w, const struct inbox_item *item)
{
	overload_waited(&w->overload, item->received, w->loop.now);
	worker_receive(w, &item->flow, item->data, &item->gate);
}

bool transport_drained(void *arg, struct net_udp *u)
{
	struct worker *w = arg;
	struct inbox_item item;

	(void)u;
	if (!inbox_is_empty(w->inbox)) {
		usec_t until;

		net_loop_refresh(&w->loop);
		until = w->loop.now + TIME_A_TURN;
		for (unsigned i = 0; i < SERVED_A_TURN && w->loop.now < until; i++) {
			if (!inbox_take(w->inbox, &item))
				break;
			serve(w, &item);
			if (i % 8 == 7)
				net_loop_refresh(&w->loop);
		}
	}
	w->turn_served = 0;
	event_ring_flush(w->events);
	return !inbox_is_empty(w->inbox);
}

void transport_serve_all(struct worker *w)
{
	struct inbox_item item;

	while (inbox_take(w->inbox, &item))
		serve(w, &item);
}
