/* SPDX-License-Identifier: MIT
 *
 * Callers and callees: RFC 3261 §13 as far as a call needs it, with all the moods of people. */
#include <assert.h>

#include "base/attr.h"
#include "sim.h"

/* --- callers --- */

static void start_client(struct sim *s, const struct sim_msg *m)
{
	struct sim_xact *x = sim_new_client(s, m);

	if (x)
		sim_start(x);
}

static struct sim_msg request(struct sim_call *c, enum sim_method method, unsigned to)
{
	return (struct sim_msg){.method = (uint8_t)method,
	    .branch = c->sim->next_branch++,
	    .call = (uint32_t)(c - c->sim->call),
	    .from = c->caller,
	    .to = (uint16_t)to};
}

static void hang_up(struct sim_call *c, unsigned callee)
{
	struct sim_msg m = request(c, SIM_BYE, SIM_PROXY);

	m.callee = (uint16_t)callee;
	c->sim->stats.byes++;
	start_client(c->sim, &m);
}

static void on_talked(struct timer *t, usec_t now)
{
	struct sim_call *c = CONTAINER_OF(t, struct sim_call, talk);

	(void)now;
	hang_up(c, c->answered[0]);
}

static void give_up(struct sim_call *c)
{
	struct sim_msg m;

	if (c->cancelled || !c->ringing || !c->invite)
		return;
	c->cancelled = true;
	c->sim->stats.cancels++;
	m = c->invite->request;
	m.method = SIM_CANCEL;
	start_client(c->sim, &m);
	sim_step(c->invite, TXN_EV_CANCELLED, NULL);
}

static void on_patience(struct timer *t, usec_t now)
{
	struct sim_call *c = CONTAINER_OF(t, struct sim_call, patience);

	(void)now;
	if (c->final)
		return;
	c->cancelling = true;
	give_up(c);
}

static void choose_targets(struct sim *s, struct sim_call *c)
{
	unsigned group = 0, first = sim_chance(s, 900);

	c->targets = (uint8_t)(sim_chance(s, 10) < 6 ? 1 : 1 + sim_chance(s, 4));
	for (unsigned i = 0; i < c->targets; i++) {
		group += i > 0 && sim_chance(s, 3) == 0;
		c->target[i] = (uint16_t)(SIM_CALLEE + (first + i * 37) % 900);
		c->group[i] = (uint16_t)group;
	}
}

void sim_caller_start(struct sim *s)
{
	struct sim_call *c = &s->call[s->calls++];
	bool call = sim_chance(s, 5) != 0;
	struct sim_msg m;

	c->sim = s;
	c->caller = (uint16_t)(SIM_CALLER + sim_chance(s, 900));
	timer_init(&c->patience, on_patience);
	timer_init(&c->talk, on_talked);
	m = request(c, call ? SIM_INVITE : SIM_OPTIONS, SIM_PROXY);
	if (!call) {
		s->stats.options++;
		c->final = c->over = true;
		start_client(s, &m);
		return;
	}
	s->stats.calls++;
	choose_targets(s, c);
	c->invite = sim_new_client(s, &m);
	if (!c->invite) {
		c->final = c->over = true;
		return;
	}
	wheel_arm(&s->wheel, &c->patience,
	    s->now + (sim_chance(s, 50) ? 1 + sim_chance(s, 60) : 400) * USEC_SEC +
		sim_chance(s, 1000) * USEC_MS);
	sim_start(c->invite);
}

static void on_answer(struct sim_call *c, unsigned callee)
{
	struct sim *s = c->sim;
	struct sim_msg ack = request(c, SIM_ACK, callee);

	/* Each 2xx gets its ACK, again and again; each callee is one call more. */
	c->final = true;
	sim_send(s, &ack);
	for (unsigned i = 0; i < c->answers; i++)
		if (c->answered[i] == callee)
			return;
	assert(c->answers < ARRAY_LEN(c->answered));
	c->answered[c->answers++] = (uint16_t)callee;
	if (c->answers > 1 || c->cancelling) {
		hang_up(c, callee);
		return;
	}
	s->stats.answered++;
	wheel_arm(&s->wheel, &c->talk, s->now + sim_chance(s, 120000) * USEC_MS);
}

void sim_caller_response(struct sim_xact *client, const struct sim_msg *m, unsigned failure)
{
	struct sim_call *c = &client->sim->call[client->request.call];

	if (client->request.method != SIM_INVITE)
		return;
	if (failure) {
		client->sim->stats.timeouts += !c->final;
		c->final = true;
	} else if (m->status < 200) {
		c->ringing = true;
		if (c->cancelling)
			give_up(c);
	} else if (m->status < 300) {
		on_answer(c, m->callee);
	} else {
		assert(!c->final); /* one final response, and no other kind behind a 2xx */
		c->final = true;
		client->sim->stats.refused++;
	}
	if (c->final)
		wheel_cancel(&client->sim->wheel, &c->patience);
}

void sim_caller_gone(struct sim_xact *x)
{
	struct sim_call *c = &x->sim->call[x->request.call];

	if (x != c->invite)
		return;
	c->invite = NULL;
	c->over = true;
	assert(c->final);
}

/* --- callees --- */

enum mood {
	DEAD,
	BUSY,
	UNKNOWN,
	BROKEN,
	DECLINE,
	MOVED,
	CHALLENGE,
	PROXY_CHALLENGE,
	QUICK,
	LATE_BUSY,
	NEVER,
	MUTE,
	ANSWERS
};

enum stage { WAIT, RINGING, CONFIRMING, TALKING };

struct leg {
	struct table_node node;
	struct leg_key {
		uint32_t call, callee;
	} key;
	struct timer timer;
	struct sim *sim;
	struct sim_xact *invite;
	usec_t interval, until;
	enum stage stage;
	enum mood mood;
};

static enum mood mood_of(const struct sim *s, const struct sim_msg *m)
{
	struct leg_key k = {m->call, m->to};
	unsigned h = (unsigned)(siphash13(&s->key, &k, sizeof(k)) % 24);

	return h < ANSWERS ? (enum mood)h : ANSWERS;
}

bool sim_callee_is_dead(struct sim *s, const struct sim_msg *m)
{
	return mood_of(s, m) == DEAD;
}

static struct leg *find_leg(struct sim *s, const struct sim_msg *m)
{
	struct leg_key k = {m->call, m->to};
	struct table_node *n = table_find(&s->legs, &k);

	return n ? table_entry(n, struct leg, node) : NULL;
}

static void end_leg(struct leg *l)
{
	struct sim *s = l->sim;

	wheel_cancel(&s->wheel, &l->timer);
	table_remove(&s->legs, &l->node);
	slab_free(&s->slab, l);
}

static void leg_wait(struct leg *l, usec_t delay)
{
	wheel_arm(&l->sim->wheel, &l->timer, l->sim->now + delay);
}

static void refuse(struct leg *l, unsigned status)
{
	struct sim_xact *x = l->invite;
	unsigned callee = l->key.callee;

	end_leg(l);
	sim_respond(x, status, callee);
}

/* The 2xx is the callee's own to send again until the ACK comes (§13.3.1.4). */
static void answer(struct leg *l)
{
	l->stage = CONFIRMING;
	l->interval = l->sim->timers.t1;
	l->until = l->sim->now + 64 * l->sim->timers.t1;
	leg_wait(l, l->interval);
	sim_respond(l->invite, 200, l->key.callee);
}

static void answer_again(struct leg *l)
{
	if (l->sim->now >= l->until || !l->invite) {
		end_leg(l);
		return;
	}
	l->interval = MIN(2 * l->interval, l->sim->timers.t2);
	leg_wait(l, l->interval);
	sim_respond(l->invite, 200, l->key.callee);
}

static void ring(struct leg *l)
{
	struct sim *s = l->sim;

	l->stage = RINGING;
	leg_wait(l,
	    l->mood == NEVER || l->mood == MUTE ? 500 * USEC_SEC : sim_chance(s, 40000) * USEC_MS);
	if (l->mood != MUTE)
		sim_respond(l->invite, 180, l->key.callee);
}

static void on_leg(struct timer *t, usec_t now)
{
	struct leg *l = CONTAINER_OF(t, struct leg, timer);

	(void)now;
	switch (l->stage) {
	case WAIT:
		ring(l);
		break;
	case RINGING:
		if (l->mood == ANSWERS)
			answer(l);
		else
			refuse(l, l->mood == LATE_BUSY ? 486 : 480);
		break;
	case CONFIRMING:
		answer_again(l);
		break;
	case TALKING: /* no BYE came in ten minutes */
		end_leg(l);
		break;
	}
}

static void on_invite(struct sim_xact *server, const struct sim_msg *m)
{
	static const uint16_t status[] = {[BUSY] = 486,
	    [UNKNOWN] = 404,
	    [BROKEN] = 503,
	    [DECLINE] = 603,
	    [MOVED] = 302,
	    [CHALLENGE] = 401,
	    [PROXY_CHALLENGE] = 407};
	struct sim *s = server->sim;
	struct leg *l = slab_alloc(&s->slab, sizeof(*l));

	if (!l) {
		s->stats.no_room++;
		sim_respond(server, 500, m->to);
		return;
	}
	*l = (struct leg){
	    .key = {m->call, m->to}, .sim = s, .invite = server, .mood = mood_of(s, m)};
	timer_init(&l->timer, on_leg);
	if (table_insert(&s->legs, &l->node) != OK) {
		slab_free(&s->slab, l);
		sim_respond(server, 482, m->to);
	} else if (l->mood < ARRAY_LEN(status)) {
		refuse(l, status[l->mood]);
	} else if (l->mood == QUICK) {
		answer(l);
	} else {
		leg_wait(l, sim_chance(s, 2000) * USEC_MS);
	}
}

void sim_callee_request(struct sim_xact *server, const struct sim_msg *m)
{
	struct leg *l = find_leg(server->sim, m);

	switch (m->method) {
	case SIM_INVITE:
		on_invite(server, m);
		break;
	case SIM_CANCEL:
		sim_respond(server, l ? 200 : 481, m->to);
		if (l && l->stage <= RINGING)
			refuse(l, 487);
		break;
	case SIM_BYE:
		sim_respond(server, l ? 200 : 481, m->to);
		if (l && l->stage >= CONFIRMING)
			end_leg(l);
		break;
	default:
		assert(false);
	}
}

void sim_callee_ack(struct sim *s, const struct sim_msg *m)
{
	struct leg *l = find_leg(s, m);

	if (!l || l->stage != CONFIRMING) {
		s->stats.strays += !l;
		return;
	}
	l->stage = TALKING;
	leg_wait(l, 600 * USEC_SEC);
}

void sim_callee_gone(struct sim_xact *x)
{
	struct leg *l = find_leg(x->sim, &x->request);

	if (!l || x != l->invite)
		return;
	assert(l->stage >= CONFIRMING); /* the transaction waits for its answer */
	l->invite = NULL;
}

void sim_legs_init(struct sim *s)
{
	enum err e =
	    table_init(&s->legs, s->p.table_capacity, TABLE_KEY(struct leg, node, key), &s->key);

	assert(e == OK);
	(void)e;
}
