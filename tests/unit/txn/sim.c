/* SPDX-License-Identifier: MIT
 *
 * The network, and the transactions of all nodes. */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/buf.h"

struct flight {
	struct timer timer;
	struct sim *sim;
	struct sim_msg m;
};

static void deliver(struct sim *s, const struct sim_msg *m);

unsigned sim_chance(struct sim *s, unsigned below)
{
	return rng_below(&s->rng, below);
}

bool sim_is_reliable(const struct sim *s, unsigned node)
{
	return node != SIM_PROXY && node * 7919 % 100 < s->p.reliable;
}

static bool hop_is_reliable(const struct sim *s, const struct sim_msg *m)
{
	return sim_is_reliable(s, m->from) || sim_is_reliable(s, m->to);
}

static void on_arrival(struct timer *t, usec_t now)
{
	struct flight *f = CONTAINER_OF(t, struct flight, timer);
	struct sim *s = f->sim;
	struct sim_msg m = f->m;

	(void)now;
	slab_free(&s->slab, f);
	deliver(s, &m);
}

static void fly(struct sim *s, const struct sim_msg *m, usec_t delay)
{
	struct flight *f = slab_alloc(&s->slab, sizeof(*f));

	if (!f) {
		s->stats.no_room++;
		return;
	}
	*f = (struct flight){.sim = s, .m = *m};
	timer_init(&f->timer, on_arrival);
	wheel_arm(&s->wheel, &f->timer, s->now + delay);
}

bool sim_send(struct sim *s, const struct sim_msg *m)
{
	s->stats.sent++;
	if (hop_is_reliable(s, m)) {
		if (sim_chance(s, 1000) < s->p.broken)
			return false;
		fly(s, m, 20 * USEC_MS);
		return true;
	}
	for (unsigned copies = 1 + (sim_chance(s, 1000) < s->p.twice); copies; copies--) {
		if (sim_chance(s, 1000) < s->p.loss)
			s->stats.lost++;
		else
			fly(s, m, (5 + sim_chance(s, 150)) * USEC_MS);
	}
	return true;
}

static struct span method_span(unsigned method)
{
	static const struct span names[] = {
	    SPAN("INVITE"), SPAN("ACK"), SPAN("CANCEL"), SPAN("BYE"), SPAN("OPTIONS")};

	return names[method];
}

static void key_of(
    const struct sim *s, const struct sim_msg *m, unsigned method, bool server, struct txn_key *out)
{
	char branch[32], by[16];
	struct buf b = BUF(branch), h = BUF(by);

	buf_add_lit(&b, "z9hG4bK");
	buf_add_u64(&b, m->branch);
	buf_add_u64(&h, m->from);
	if (server)
		txn_key_server(&s->key, buf_span(&b), buf_span(&h), method_span(method), out);
	else
		txn_key_client(&s->key, buf_span(&b), method_span(method), out);
}

static struct sim_xact *find(struct sim *s, const struct txn_key *key)
{
	struct table_node *n = table_find(&s->xacts, key);

	return n ? table_entry(n, struct sim_xact, node) : NULL;
}

struct sim_xact *sim_find_server(struct sim *s, const struct sim_msg *m, enum sim_method method)
{
	struct txn_key key;

	key_of(s, m, method, true, &key);
	return find(s, &key);
}

static void on_timer(struct timer *t, usec_t now)
{
	(void)now;
	sim_step(CONTAINER_OF(t, struct sim_xact, timer), TXN_EV_TIMER, NULL);
}

static struct sim_xact *new_xact(struct sim *s, const struct sim_msg *m, bool server)
{
	struct sim_xact *x = slab_alloc(&s->slab, sizeof(*x));
	bool invite = m->method == SIM_INVITE;
	enum txn_kind kind = server ? (invite ? TXN_INVITE_SERVER : TXN_NONINVITE_SERVER)
				    : (invite ? TXN_INVITE_CLIENT : TXN_NONINVITE_CLIENT);

	if (!x) {
		s->stats.no_room++;
		return NULL;
	}
	*x = (struct sim_xact){.sim = s,
	    .request = *m,
	    .self = server ? m->to : m->from,
	    .peer = server ? m->from : m->to};
	txn_init(&x->fsm, kind, hop_is_reliable(s, m));
	timer_init(&x->timer, on_timer);
	key_of(s, m, m->method, server, &x->key);
	if (table_insert(&s->xacts, &x->node) != OK) {
		s->stats.no_room++;
		slab_free(&s->slab, x);
		return NULL;
	}
	s->stats.transactions++;
	return x;
}

struct sim_xact *sim_new_client(struct sim *s, const struct sim_msg *request)
{
	return new_xact(s, request, false);
}

struct sim_xact *sim_new_server(struct sim *s, const struct sim_msg *request)
{
	return new_xact(s, request, true);
}

static void free_xact(struct sim_xact *x)
{
	struct sim *s = x->sim;

	if (x->self == SIM_PROXY)
		sim_proxy_gone(x);
	else if (x->self < SIM_CALLEE)
		sim_caller_gone(x);
	else
		sim_callee_gone(x);
	wheel_cancel(&s->wheel, &x->timer);
	table_remove(&s->xacts, &x->node);
	slab_free(&s->slab, x);
}

static struct sim_msg ack_of(const struct sim_xact *x)
{
	struct sim_msg m = x->request;

	m.method = SIM_ACK;
	return m;
}

static struct sim_msg response_of(const struct sim_xact *x, unsigned status, unsigned callee)
{
	struct sim_msg m = x->request;

	m.from = x->self;
	m.to = x->peer;
	m.status = (uint16_t)status;
	m.callee = (uint16_t)callee;
	return m;
}

/* What the machine wants to be sent; false when a stream broke under it. */
static bool send_all(struct sim_xact *x, unsigned actions)
{
	struct sim *s = x->sim;
	bool sent = true;

	if (actions & TXN_SEND_TRYING)
		x->response = response_of(x, 100, x->self);
	if (actions & TXN_SEND_REQUEST)
		sent &= sim_send(s, &x->request);
	if (actions & (TXN_SEND_RESPONSE | TXN_SEND_TRYING))
		sent &= sim_send(s, &x->response);
	if (actions & TXN_SEND_ACK) {
		struct sim_msg ack = ack_of(x);

		sent &= sim_send(s, &ack);
	}
	return sent;
}

static void pass_up(struct sim_xact *x, unsigned actions, const struct sim_msg *m)
{
	unsigned failure = actions & (TXN_TIMEOUT | TXN_TRANSPORT_FAILED);

	if (failure)
		m = NULL;
	if (txn_is_server(&x->fsm)) {
		/* Lost ACKs and broken streams are nothing that a server's user could mend. */
		if (failure)
			return;
		if (x->self == SIM_PROXY)
			sim_proxy_request(x, m);
		else
			sim_callee_request(x, m);
	} else if (x->self == SIM_PROXY) {
		sim_proxy_response(x, m, failure);
	} else {
		sim_caller_response(x, m, failure);
	}
}

void sim_step(struct sim_xact *x, enum txn_event ev, const struct sim_msg *m)
{
	struct sim *s = x->sim;
	unsigned actions = txn_step(&x->fsm, ev, &s->timers, s->now);
	bool outermost = !x->busy, sent;

	s->stats.strays += (actions & TXN_STRAY) != 0;
	s->stats.transport_failed += (actions & TXN_TRANSPORT_FAILED) != 0;
	x->busy = true;
	sent = send_all(x, actions);
	if (actions & (TXN_PASS_UP | TXN_TIMEOUT | TXN_TRANSPORT_FAILED))
		pass_up(x, actions, m);
	if (!sent && !txn_ended(&x->fsm))
		sim_step(x, TXN_EV_TRANSPORT_ERROR, NULL);
	if (!outermost)
		return;
	x->busy = false;
	if (txn_ended(&x->fsm))
		free_xact(x);
	else if (txn_next(&x->fsm))
		wheel_arm(&s->wheel, &x->timer, txn_next(&x->fsm));
	else
		wheel_cancel(&s->wheel, &x->timer);
}

void sim_start(struct sim_xact *x)
{
	sim_step(x, TXN_EV_START, &x->request);
}

void sim_respond(struct sim_xact *x, unsigned status, unsigned callee)
{
	struct sim_msg last = x->response;
	uint8_t state = x->fsm.state;

	/* A final response that the machine does not take any more must not replace the last one.
	 */
	if (state != TXN_PROCEEDING && state != TXN_TRYING && state != TXN_ACCEPTED) {
		x->sim->stats.strays++;
		return;
	}
	x->response = response_of(x, status, callee);
	if (state == TXN_ACCEPTED && status / 100 != 2)
		x->response = last;
	sim_step(x, txn_event_of_status(status), NULL);
}

static void deliver_request(struct sim *s, const struct sim_msg *m)
{
	struct sim_xact *x = sim_find_server(s, m, m->method == SIM_ACK ? SIM_INVITE : m->method);

	if (m->to >= SIM_CALLEE && sim_callee_is_dead(s, m))
		return;
	if (x) {
		sim_step(x, m->method == SIM_ACK ? TXN_EV_ACK : TXN_EV_REQUEST, m);
	} else if (m->method == SIM_ACK) {
		if (m->to >= SIM_CALLEE)
			sim_callee_ack(s, m);
		else
			s->stats.strays++;
	} else {
		x = sim_new_server(s, m);
		if (x)
			sim_start(x);
	}
}

static void deliver(struct sim *s, const struct sim_msg *m)
{
	struct txn_key key;
	struct sim_xact *x;

	if (m->status == 0) {
		deliver_request(s, m);
		return;
	}
	key_of(s, m, m->method, false, &key);
	x = find(s, &key);
	if (x)
		sim_step(x, txn_event_of_status(m->status), m);
	else
		s->stats.strays++;
}

/* More by day than by night: a quarter to seven quarters of the mean over the time. */
static usec_t next_gap(struct sim *s)
{
	unsigned phase = (unsigned)(s->now * 24 / (s->p.length + 1) % 8);
	unsigned busy = 1 + (phase < 4 ? phase : 7 - phase) * 2;

	return 1 + s->p.call_gap * 4 / busy * sim_chance(s, 2000) / 1000;
}

static void on_next_call(struct timer *t, usec_t now)
{
	struct sim *s = CONTAINER_OF(t, struct sim, arrivals);

	if (now >= s->until || s->calls == s->calls_max)
		return;
	wheel_arm(&s->wheel, t, now + next_gap(s));
	/* Now and then everybody at once. */
	for (unsigned n = sim_chance(s, 500) ? 1 : 60; n && s->calls < s->calls_max; n--)
		sim_caller_start(s);
}

void sim_init(struct sim *s, const struct sim_params *p)
{
	*s = (struct sim){.p = *p, .timers = TXN_TIMERS_DEFAULT, .now = USEC_MIN};
	s->until = s->now + p->length;
	s->calls_max = (size_t)(p->length / p->call_gap) * 4 + 1000;
	s->call = calloc(s->calls_max, sizeof(*s->call));
	assert(s->call);
	rng_init_seed(&s->rng, p->seed);
	s->key = (struct siphash_key){rng_u64(&s->rng), rng_u64(&s->rng)};
	wheel_init(&s->wheel, s->now);
	if (slab_init(&s->slab, p->slab_bytes) != OK ||
	    table_init(
		&s->xacts, p->table_capacity, TABLE_KEY(struct sim_xact, node, key), &s->key) != OK)
		abort();
	sim_legs_init(s);
	timer_init(&s->arrivals, on_next_call);
	wheel_arm(&s->wheel, &s->arrivals, s->now);
}

void sim_done(struct sim *s)
{
	table_done(&s->xacts);
	table_done(&s->legs);
	slab_done(&s->slab);
	free(s->call);
}

usec_t sim_run(struct sim *s)
{
	usec_t due;

	while (wheel_next(&s->wheel, &due)) {
		s->now = MAX(s->now, due);
		wheel_advance(&s->wheel, s->now);
	}
	return s->now;
}
