/* SPDX-License-Identifier: MIT */
#include "edge/guess.h"

#include "edge/edge.h"
#include "edge/record.h"

static bool is_asked(const struct pass *p)
{
	return p->conf->guessing.mode != CONF_MODE_OFF && p->trust != STANDING_EXEMPT;
}

static struct guessing_facts facts_of(
    const struct pass *p, const struct auth_facts *f, const struct auth_claim *c)
{
	return (struct guessing_facts){.source = &p->flow.remote,
	    .user = f->username,
	    .domain = f->expected_realm,
	    .proven = c->proven};
}

static bool is_closed(const struct pass *p, const struct guessing_facts *g)
{
	struct guessing *all = p->w->edge->guessing;

	return !guessing_may_try(all, g, p->now) ||
	       (!p->gate.known_flow && guessing_is_stopped(all, &p->conf->guessing, g, p->now));
}

bool guess_is_closed(const struct pass *p, const struct auth_facts *f, const struct auth_claim *c)
{
	struct guessing_facts g = facts_of(p, f, c);

	return is_asked(p) && p->conf->guessing.mode == CONF_MODE_ENFORCE && is_closed(p, &g);
}

static void tell(struct pass *p, enum reason r, double value, double threshold, usec_t window)
{
	const struct finding f = {.reason = r,
	    .has_value = true,
	    .value = value,
	    .threshold = threshold,
	    .window = window};

	record_finding(p,
	    p->conf->guessing.mode == CONF_MODE_OBSERVE ? EVENT_MODE_OBSERVE : EVENT_MODE_ENFORCE,
	    &f);
}

static void failed(struct pass *p, const struct guessing_facts *g, bool closed)
{
	struct guessing_answer a;

	guessing_failed(p->w->edge->guessing, &p->conf->guessing, g, closed, p->now, &a);
	if (a.reason != REASON_NONE)
		tell(p, a.reason, a.value, a.threshold, a.window);
	if (a.account)
		tell(p, REASON_GUESSING_ACCOUNT, a.account_value, a.account_threshold,
		    a.account_window);
}

void guess_concluded(
    struct pass *p, const struct auth_facts *f, const struct auth_claim *c, enum auth_outcome o)
{
	const struct finding would = {.reason = REASON_GUESSING_LOCKED};
	bool right = o == AUTH_OK || o == AUTH_RETRANSMISSION, closed;
	struct guessing_facts g = facts_of(p, f, c);

	/* What counts for a user who does not exist counts for everybody: a ban must not tell. */
	if (!right && o != AUTH_BAD_PASSWORD && o != AUTH_NO_HASH && o != AUTH_UNKNOWN_USER)
		return;
	closed = is_asked(p) && is_closed(p, &g);
	if (closed && p->conf->guessing.mode == CONF_MODE_OBSERVE)
		record_finding(p, EVENT_MODE_OBSERVE, &would);
	if (right && p->conf->guessing.mode != CONF_MODE_OFF)
		guessing_succeeded(p->w->edge->guessing, &g, p->now);
	else if (!right && is_asked(p))
		failed(p, &g, closed);
}

struct restoring {
	struct guessing *guessing;
	usec_t now;
};

static bool restore(void *arg, struct span aor, struct binding_set *s)
{
	struct restoring *r = arg;
	struct guessing_facts g = {.domain = aor};

	if (!span_cut(&g.domain, '@', &g.user))
		return true;
	for (size_t i = 0; i < s->n; i++) {
		g.source = &s->items[i].flow.remote;
		guessing_succeeded(r->guessing, &g, r->now);
	}
	return true;
}

void guess_restore(struct edge *e, usec_t now, usec_t wall)
{
	struct restoring r = {e->guessing, now};
	struct bindings_cursor cursor = {0};

	(void)bindings_each(e->bindings, wall, &cursor, SIZE_MAX, &e->sweep_set, restore, &r);
}
