/* SPDX-License-Identifier: MIT
 *
 * The proxy: does what the response context says. */
#include <assert.h>

#include "base/attr.h"
#include "sim.h"

static void apply(
    struct sim_context *c, struct fork_act a, unsigned branch, const struct sim_msg *m);

static void free_if_over(struct sim_context *c)
{
	struct sim *s = c->sim;

	if (c->busy || c->server || !c->done)
		return;
	for (unsigned i = 0; i < c->fork.n; i++)
		if (c->client[i])
			return;
	/* The promise to the caller: one final response, or 2xx; or silence as RFC 4320 wants it.
	 */
	if (c->fork.invite)
		assert(c->sent_2xx ? c->sent_final == 0 : c->sent_final == 1);
	else
		assert(c->sent_2xx + c->sent_final + c->silent <= 1);
	assert(c->have == 0);
	wheel_cancel(&s->wheel, &c->timer);
	slab_free(&s->slab, c);
}

static void upstream(struct sim_context *c, unsigned status, unsigned callee)
{
	struct sim *s = c->sim;

	if (!c->server) {
		/* The server transaction is over: nothing can be sent. Never the first answer to an
		 * INVITE, whose transaction waits for it. */
		assert(!c->fork.invite || c->sent_2xx);
		s->stats.late_2xx++;
		return;
	}
	if (status >= 300) {
		assert(c->sent_2xx == 0 && c->sent_final == 0);
		c->sent_final++;
	} else if (status >= 200) {
		assert(c->sent_final == 0);
		c->sent_2xx++;
	}
	sim_respond(c->server, status, callee);
}

static void start_branch(struct sim_context *c, unsigned i)
{
	struct sim *s = c->sim;
	struct sim_msg m = {.method = c->fork.invite ? SIM_INVITE : SIM_BYE,
	    .branch = s->next_branch++,
	    .call = c->call,
	    .from = SIM_PROXY,
	    .to = c->target[i],
	    .callee = c->target[i]};
	struct sim_xact *x = sim_new_client(s, &m);

	if (!x) {
		apply(c, fork_unreachable(&c->fork, i, s->now), i, NULL);
		return;
	}
	x->context = c;
	x->branch = (uint8_t)i;
	c->client[i] = x;
	sim_start(x);
}

static void cancel_branch(struct sim_context *c, unsigned i)
{
	struct sim_xact *x = c->client[i], *cancel;
	struct sim_msg m;

	assert(x && x->fsm.state == TXN_PROCEEDING);
	m = x->request;
	m.method = SIM_CANCEL;
	cancel = sim_new_client(c->sim, &m);
	if (cancel)
		sim_start(cancel);
	sim_step(x, TXN_EV_CANCELLED, NULL);
}

static void answer(
    struct sim_context *c, struct fork_act a, unsigned branch, const struct sim_msg *m)
{
	const struct sim_msg *best = m && a.branch == branch ? m : &c->stored[a.branch];

	if (a.flags & FORK_LOCAL) {
		upstream(c, a.status, 0);
		return;
	}
	assert(best == m || (c->have >> a.branch & 1));
	assert(best->status == (a.flags & FORK_AS_500 ? 503 : a.status));
	if (a.flags & FORK_AGGREGATE) {
		c->sim->stats.aggregated++;
		for (unsigned i = 0; i < c->fork.n; i++)
			if ((a.challenges >> i & 1) && !(m && i == branch))
				assert(c->have >> i & 1);
	}
	upstream(c, a.status, best->callee);
}

static void apply(
    struct sim_context *c, struct fork_act a, unsigned branch, const struct sim_msg *m)
{
	struct sim *s = c->sim;

	c->busy++;
	c->done |= (a.flags & FORK_DONE) != 0;
	if (a.flags & FORK_STORE) {
		assert(m);
		c->stored[branch] = *m;
		c->have |= (uint16_t)(1u << branch);
	}
	if (a.flags & FORK_FORWARD) {
		assert(m);
		upstream(c, m->status, m->callee);
	}
	if (a.flags & FORK_ANSWER)
		answer(c, a, branch, m);
	if (a.flags & FORK_SILENT) {
		s->stats.silent++;
		c->silent = true;
		if (c->server)
			sim_step(c->server, TXN_EV_ABANDON, NULL);
	}
	assert((a.release & ~c->have) == 0);
	c->have &= (uint16_t)~a.release;
	for (unsigned i = 0; i < c->fork.n; i++)
		if (a.cancel >> i & 1)
			cancel_branch(c, i);
	for (unsigned i = 0; i < c->fork.n; i++)
		if (a.start >> i & 1)
			start_branch(c, i);
	if (fork_next(&c->fork))
		wheel_arm(&s->wheel, &c->timer, fork_next(&c->fork));
	else
		wheel_cancel(&s->wheel, &c->timer);
	c->busy--;
	free_if_over(c);
}

static void on_timer_c(struct timer *t, usec_t now)
{
	struct sim_context *c = CONTAINER_OF(t, struct sim_context, timer);

	c->sim->stats.timer_c++;
	apply(c, fork_timer(&c->fork, now), FORK_MAX, NULL);
}

static bool add_branches(struct sim_context *c, const struct sim_msg *m)
{
	const struct sim_call *call = &c->sim->call[m->call];
	unsigned n = c->fork.invite ? call->targets : 1, branch;
	struct fork_act act;

	for (unsigned i = 0; i < n; i++) {
		if (fork_add(&c->fork, c->fork.invite ? call->group[i] : 0, c->sim->now, &branch,
			&act) != OK)
			return false;
		c->target[branch] = c->fork.invite ? call->target[i] : m->callee;
	}
	return true;
}

static void forward(struct sim_xact *server, const struct sim_msg *m)
{
	struct sim *s = server->sim;
	struct sim_context *c = slab_alloc(&s->slab, sizeof(*c));

	if (!c) {
		s->stats.no_room++;
		sim_respond(server, 503, SIM_PROXY);
		return;
	}
	*c = (struct sim_context){.sim = s, .server = server, .call = m->call};
	server->context = c;
	timer_init(&c->timer, on_timer_c);
	fork_init(&c->fork, m->method == SIM_INVITE, 181 * USEC_SEC);
	if (!add_branches(c, m))
		assert(false);
	apply(c, fork_start(&c->fork, s->now), FORK_MAX, NULL);
}

struct later {
	struct timer timer;
	struct sim *sim;
	struct sim_msg m;
};

static void on_later(struct timer *t, usec_t now)
{
	struct later *l = CONTAINER_OF(t, struct later, timer);
	struct sim_xact *server = sim_find_server(l->sim, &l->m, SIM_OPTIONS);

	(void)now;
	if (server)
		sim_respond(server, 200, SIM_PROXY);
	slab_free(&l->sim->slab, l);
}

/* Most at once; some so late that a 100 goes before. */
static void answer_options(struct sim_xact *server, const struct sim_msg *m)
{
	struct sim *s = server->sim;
	struct later *l = sim_chance(s, 10) ? NULL : slab_alloc(&s->slab, sizeof(*l));

	if (!l) {
		sim_respond(server, 200, SIM_PROXY);
		return;
	}
	*l = (struct later){.sim = s, .m = *m};
	timer_init(&l->timer, on_later);
	wheel_arm(&s->wheel, &l->timer, s->now + sim_chance(s, 8000) * USEC_MS);
}

void sim_proxy_request(struct sim_xact *server, const struct sim_msg *m)
{
	struct sim *s = server->sim;
	struct sim_xact *invite;

	switch (m->method) {
	case SIM_OPTIONS:
		answer_options(server, m);
		break;
	case SIM_CANCEL:
		invite = sim_find_server(s, m, SIM_INVITE);
		sim_respond(server, invite ? 200 : 481, SIM_PROXY);
		if (invite && invite->context)
			apply(invite->context, fork_cancel(&invite->context->fork, s->now),
			    FORK_MAX, NULL);
		break;
	default:
		forward(server, m);
	}
}

void sim_proxy_response(struct sim_xact *client, const struct sim_msg *m, unsigned failure)
{
	struct sim_context *c = client->context;
	usec_t now = client->sim->now;
	struct fork_act a;

	if (!c) /* of a CANCEL */
		return;
	if (failure & TXN_TIMEOUT)
		a = fork_timeout(&c->fork, client->branch, now);
	else if (failure)
		a = fork_unreachable(&c->fork, client->branch, now);
	else
		a = fork_response(&c->fork, client->branch, m->status, now);
	if (!failure && m->status / 100 == 2 && c->sent_2xx && c->fork.invite)
		c->sim->stats.forked_2xx++;
	c->sim->stats.groups += a.start != 0;
	apply(c, a, client->branch, m);
}

void sim_proxy_gone(struct sim_xact *x)
{
	struct sim_context *c = x->context;

	if (!c)
		return;
	if (x == c->server)
		c->server = NULL;
	else
		c->client[x->branch] = NULL;
	free_if_over(c);
}
