/* SPDX-License-Identifier: MIT */
#include "edge/admit.h"

#include "edge/edge.h"
#include "edge/record.h"

/* A nonce further behind is none of a phone's. */
#define HEAD_LOOKED_AT ((size_t)8192)
#define NONCES_TRIED   4

/* What is longer is none, whatever is in it. */
#define KEEPALIVE_MAX 128

void admit_init(struct worker *w)
{
	w->admit.gate = (struct gate){.standing = w->edge->standing, .sketch = w->edge->sketch};
	admit_forget(w);
}

void admit_forget(struct worker *w)
{
	memset(w->admit.cache, 0, sizeof(w->admit.cache));
}

/* Who aims at one place of it gains nothing but the time of a look-up. */
static struct admit_cached *place_of(struct admit *a, uint16_t listener, const struct addr *source)
{
	uint64_t high, low;

	memcpy(&high, source->ip, sizeof(high));
	memcpy(&low, source->ip + 8, sizeof(low));
	low = (low ^ high * UINT64_C(0x9e3779b97f4a7c15) ^ listener) * UINT64_C(0xff51afd7ed558ccd);
	return &a->cache[low >> 32 & (ADMIT_CACHE - 1)];
}

static bool is_judged(enum standing_trust t)
{
	return t == STANDING_STRANGER || t == STANDING_OWN;
}

/* *out_requests: of a trusted source, how many it may send; else 0. */
static enum standing_trust look_up(
    struct worker *w, uint16_t listener, const struct addr *source, uint32_t *out_requests)
{
	struct admit_cached *c = place_of(&w->admit, listener, source);
	const struct snapshot *s = w->snap;
	const struct conf_listener *l;
	enum standing_trust trust;

	*out_requests = c->requests;
	if (c->trust && c->listener == listener && memcmp(c->ip, source->ip, sizeof(c->ip)) == 0)
		return (enum standing_trust)(c->trust - 1);
	*out_requests = 0;
	l = snapshot_listener(s, listener);
	if (!l)
		return STANDING_STRANGER;
	trust = trust_of(&s->trust, s->conf, l->zone, source);
	if (!is_judged(trust))
		*out_requests = trust_requests(&s->trust, s->conf, l->zone, source);
	*c = (struct admit_cached){
	    .listener = listener, .trust = (uint8_t)(trust + 1), .requests = *out_requests};
	memcpy(c->ip, source->ip, sizeof(c->ip));
	return trust;
}

enum standing_trust admit_trust(struct worker *w, uint16_t listener, const struct addr *source)
{
	uint32_t requests;

	return look_up(w, listener, source, &requests);
}

struct looked_at {
	struct worker *w;
	const struct addr *source;
	struct span data;
};

/* `nonce="..."`, and not `cnonce=`. */
bool admit_carries_nonce(
    const struct worker *w, const struct addr *source, struct span msg, usec_t max_age)
{
	static const char name[] = "nonce=\"";
	usec_t wall = w->edge->nonce_epoch + w->loop.now;
	struct span rest = span_of(msg.p, MIN(msg.n, HEAD_LOOKED_AT));

	for (int i = 0; i < NONCES_TRIED;) {
		const char *at = memmem(rest.p, rest.n, name, sizeof(name) - 1);
		const char *value = at ? at + sizeof(name) - 1 : rest.p + rest.n;
		size_t left = rest.n - (size_t)(value - rest.p);

		if (!at || left < NONCE_TEXT_LEN)
			return false;
		if (at == rest.p || ascii_lower((unsigned char)at[-1]) != 'c') {
			if (nonce_was_given_to(&w->auth.keys, span_of(value, NONCE_TEXT_LEN),
				source, wall, max_age))
				return true;
			i++;
		}
		rest = span_of(value, left);
	}
	return false;
}

static bool carries_nonce(void *arg)
{
	const struct looked_at *m = arg;

	return admit_carries_nonce(m->w, m->source, m->data, m->w->snap->conf->standing.known);
}

static void count(struct worker *w, const struct gate_answer *a)
{
	int above = (int)a->tier - (a->pass ? EVENT_TIER_SUSPECT : EVENT_TIER_DENIED);

	if (above >= 0)
		counter_inc(w->counters,
		    (enum counter)(
			(a->pass ? COUNTER_PASSED_SUSPECT : COUNTER_DROPPED_DENIED) + above));
}

static void decide(
    struct worker *w, const struct flow *flow, const struct gate_facts *f, struct gate_answer *out)
{
	gate_decide(&w->admit.gate, &w->snap->standing, f, w->loop.now, out);
	count(w, out);
	if (UNLIKELY(out->reason != REASON_NONE))
		record_gate(w, flow, f->trust, out);
}

/* Noise is judged like everything else, so that it is cut off when there is much of it; the little
 * that passes goes no further. */
static void decide_datagram(
    struct worker *w, uint16_t listener, const struct net_dgram *d, size_t i)
{
	struct gate_answer *out = &w->admit.answers[i];
	struct looked_at m = {w, &d->from, d->data};
	struct flow flow = {.transport = TRANSPORT_UDP, .listener = listener, .remote = d->from};
	enum ledger_method method = LEDGER_OTHER;
	bool sip = gate_peek(d->data.p, d->data.n, &method);
	const struct gate_facts f = {
	    .source = &d->from,
	    .place = &w->admit.places[i],
	    .trust = w->admit.trust[i],
	    .peer_requests = w->admit.requests[i],
	    .method = sip ? method : LEDGER_OTHER,
	    .bytes = d->data.n,
	    .carries_nonce = carries_nonce,
	    .arg = &m,
	};

	decide(w, &flow, &f, out);
	if (sip || !out->pass)
		return;
	out->pass = false;
	out->reason = REASON_GATE_NOISE;
	record_noise(w, &flow, f.trust, out);
}

/* The entries of all sources are on their way from memory while the first are judged. */
static void prefetch(struct worker *w, uint16_t listener, const struct net_dgram *d, size_t n)
{
	struct admit *a = &w->admit;

	for (size_t i = 0; i < n; i++) {
		a->trust[i] = look_up(w, listener, &d[i].from, &a->requests[i]);
		if (is_judged(a->trust[i]))
			gate_prefetch(&a->gate, &d[i].from, &a->places[i]);
		else if (a->requests[i])
			gate_prefetch_peer(&a->gate, &d[i].from, &a->places[i]);
	}
	for (size_t i = 0; i < n; i++)
		if (is_judged(a->trust[i]) || a->requests[i])
			gate_prefetch_entry(&a->gate, &a->places[i]);
}

void admit_datagrams(struct worker *w, uint16_t listener, const struct net_dgram *d, size_t n)
{
	prefetch(w, listener, d, n);
	for (size_t i = 0; i < n; i++) {
		counter_inc(w->counters, COUNTER_RECEIVED_UDP);
		counter_add(w->counters, COUNTER_RECEIVED_BYTES, d[i].data.n);
		if (d[i].data.n <= KEEPALIVE_MAX && gate_is_keepalive(d[i].data.p, d[i].data.n)) {
			counter_inc(w->counters, COUNTER_RECEIVED_KEEPALIVES);
			w->admit.answers[i].pass = false;
		} else {
			decide_datagram(w, listener, &d[i], i);
		}
	}
}

bool admit_message(struct worker *w, const struct flow *flow, struct span msg,
    struct gate_answer *out, bool *out_close)
{
	struct looked_at m = {w, &flow->remote, msg};
	enum ledger_method method = LEDGER_OTHER;
	uint32_t requests;
	enum standing_trust trust = look_up(w, flow->listener, &flow->remote, &requests);
	const struct gate_facts f = {
	    .source = &flow->remote,
	    .trust = trust,
	    .peer_requests = requests,
	    .method = gate_peek(msg.p, msg.n, &method) ? method : LEDGER_OTHER,
	    .stream = true,
	    .bytes = msg.n,
	    .carries_nonce = carries_nonce,
	    .arg = &m,
	};

	decide(w, flow, &f, out);
	/* A stranger that is held may connect again when it is not. */
	*out_close = !out->pass && out->tier < EVENT_TIER_KNOWN;
	return out->pass;
}

/* Strangers leave the last KNOWN_PLACES-th part of all connections to those who logged in and to
 * whom the configuration names: who opens many of them and holds them keeps no customer out. */
#define KNOWN_PLACES 4

static bool has_place(struct worker *w, bool known)
{
	uint32_t max = (uint32_t)w->snap->conf->tcp.connections, n = 0;

	for (uint32_t i = 0; i < edge_workers(w->edge); i++) {
		struct worker *other = edge_worker(w->edge, i);

		n += other == w ? net_tcp_counters(w->tcp)->inbound
				: atomic_load_explicit(&other->inbound, memory_order_relaxed);
	}
	if (n < (known ? max : max - max / KNOWN_PLACES))
		return true;
	w->refused_full++;
	return false;
}

bool admit_connection(struct worker *w, uint16_t listener, const struct addr *from)
{
	struct standing *s = w->edge->standing;
	enum standing_trust trust = admit_trust(w, listener, from);
	struct standing_view v;

	if (!is_judged(trust))
		return has_place(w, true);
	(void)standing_look(s, &w->snap->standing, from, false, w->loop.now, &v);
	if (trust == STANDING_OWN || v.tier != EVENT_TIER_DENIED)
		return has_place(w, v.tier >= EVENT_TIER_KNOWN);
	counter_inc(w->counters, COUNTER_CONN_REFUSED_BANNED);
	counter_reason(w->counters, REASON_GATE_BANNED);
	w->last_banned = *from;
	w->last_banned.port = 0;
	return false;
}
