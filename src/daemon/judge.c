/* SPDX-License-Identifier: MIT
 *
 * What the control socket asks of the judge: bans, a person's word, the standing of a source, and
 * the figures for `status`. Main thread. */
#include "daemon/serve.h"
#include "edge/exempt.h"

static struct edge *edge_of(void *arg)
{
	return ((struct daemon *)arg)->edge;
}

/* ---- a person's word, as an event ---- */

/* "192.0.2.0/24 by uid 0: the words"; of a single source without it, as the event names it. */
static void add_who(struct buf *b, const struct prefix *what, const struct admin_person *who)
{
	struct addr a = {0};

	memcpy(a.ip, what->ip, sizeof(a.ip));
	if (what->bits != (addr_is_v4(&a) ? 128 : 64)) {
		prefix_add(b, what);
		buf_add_lit(b, " by ");
	}
	if (who->uid >= 0)
		buf_addf(b, "uid %lld", (long long)who->uid);
	else
		buf_add_lit(b, "somebody");
	if (who->words.n) {
		buf_add_lit(b, ": ");
		buf_add_span(b, who->words);
	}
}

/* time: of a ban, 0 at its end. */
static void tell(struct daemon *d, enum reason r, const struct prefix *what, usec_t time,
    const struct admin_person *who)
{
	char text[ADDR_TEXT_MAX + ADMIN_WORDS_MAX + 64];
	struct buf b = BUF(text);
	struct event e;

	event_init(&e, EVENT_STANDING, r, edge_wall());
	memcpy(e.source.ip, what->ip, sizeof(e.source.ip));
	event_set_verdict(&e, EVENT_MODE_ENFORCE, time ? EVENT_DROP : EVENT_PASS, 0);
	e.tier = time ? EVENT_TIER_DENIED : EVENT_TIER_NONE;
	add_who(&b, what, who);
	event_set_evidence_text(&e, buf_span(&b));
	e.window = time;
	e.has_window = time > 0;
	event_hub_emit(&d->hub, &e);
}

/* ---- bans ---- */

static bool bans(void *arg, size_t *cursor, size_t budget, standing_ban_fn *fn, void *fn_arg)
{
	return standing_bans(edge_of(arg)->standing, cursor, budget, edge_now(), fn, fn_arg);
}

static enum err ban(void *arg, const struct prefix *what, usec_t time,
    const struct admin_person *who, struct buf *why, usec_t *out_time)
{
	const struct snapshot *snap = edge_of(arg)->snap;
	usec_t now = edge_now();
	struct exempt x;
	enum err e;

	if (!time)
		time = snap->conf->standing.ban;
	e = standing_ban(edge_of(arg)->standing, &snap->standing, what, now + time, now);
	if (e == ERR_DENIED && exempt_find(snap->conf, &snap->trust, what, &x))
		exempt_add_why(why, what, &x);
	if (e != OK)
		return e;
	enforcement_change(arg, what, now + time);
	tell(arg, REASON_STANDING_MANUAL, what, time, who);
	*out_time = time;
	return OK;
}

static void where(
    void *arg, const struct standing_view *v, const struct prefix *prefix, struct plan_place *out)
{
	enforcement_where(arg, v, prefix, out);
}

struct ending {
	struct daemon *d;
	const struct admin_person *who;
};

static bool tell_end(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	const struct ending *x = arg;
	struct prefix what = prefix ? *prefix : ledger_key_prefix(&v->key);

	tell(x->d, REASON_STANDING_UNBANNED, &what, 0, x->who);
	return true;
}

/* The kernel may have a ban that the ledger gave up for others: it is told in any case. */
static size_t unban(
    void *arg, const struct prefix *what, const struct admin_person *who, bool *out_kernel)
{
	struct ending x = {arg, who};
	size_t n;

	*out_kernel = enforcement_is_wanted(arg);
	if (!what) {
		n = standing_unban_all(edge_of(arg)->standing, edge_now(), tell_end, &x);
		enforcement_unban_all(arg);
		return n;
	}
	n = standing_unban(edge_of(arg)->standing, what, edge_now()) == OK;
	enforcement_change(arg, what, 0);
	if (n)
		tell(arg, REASON_STANDING_UNBANNED, what, 0, who);
	return n;
}

/* ---- standing ---- */

/* In one of the zones that strangers reach. */
static bool is_trusted(const struct snapshot *s, const struct addr *source)
{
	for (size_t z = 0; z < s->conf->zones_count; z++) {
		enum standing_trust t = trust_of(&s->trust, s->conf, z, source);

		if (s->conf->zones[z].trust == CONF_TRUST_NONE &&
		    (t == STANDING_PEER || t == STANDING_EXEMPT))
			return true;
	}
	return false;
}

static void standing(void *arg, const struct addr *source, struct admin_standing *out)
{
	const struct snapshot *snap = edge_of(arg)->snap;
	struct prefix whole = {.bits = 128};
	struct exempt x;

	out->found = standing_look(edge_of(arg)->standing, &snap->standing, source,
	    source->port != 0, edge_now(), &out->view);
	out->prefix_banned = standing_prefix_banned(edge_of(arg)->standing, source, edge_now());
	out->suspect = snap->conf->standing.suspect;
	out->deny = snap->conf->standing.deny;
	memcpy(whole.ip, source->ip, sizeof(whole.ip));
	if (exempt_find(snap->conf, &snap->trust, &whole, &x)) {
		struct buf b = BUF(out->exempt);

		buf_add_span(&b, span_str(x.name));
		(void)buf_terminate(&b);
	}
	if (is_trusted(snap, source))
		out->view.tier = EVENT_TIER_TRUSTED;
}

static const struct standing_policy *policy(void *arg)
{
	return &edge_of(arg)->snap->standing;
}

static void account(void *arg, struct span name, struct admin_account *out)
{
	const struct conf_guessing *c = &edge_of(arg)->snap->conf->guessing;
	struct span user;

	out->threshold = c->mode == CONF_MODE_ENFORCE ? c->account : 0;
	out->window = c->window;
	out->lock = c->lock;
	if (span_cut(&name, '@', &user))
		guessing_look(edge_of(arg)->guessing, c, user, name, edge_now(), &out->view);
}

/* ---- figures ---- */

static void fill_controls(
    const struct conf *c, const struct counter_totals *t, struct admin_judge *g)
{
	const struct {
		enum control control;
		enum conf_mode mode;
	} all[] = {
	    {CONTROL_FLOOD, c->flood.mode},
	    {CONTROL_CHECK, c->check_mode},
	    {CONTROL_SCAN, c->scan.mode},
	    {CONTROL_GUESSING, c->guessing.mode},
	    {CONTROL_AUTH, c->auth.mode},
	    {CONTROL_OVERLOAD, c->overload.mode},
	    {CONTROL_STANDING, c->standing.mode},
	};

	_Static_assert(ARRAY_LEN(all) <= ADMIN_CONTROLS_MAX, "room for all controls");
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		g->controls[g->controls_n++] = (struct admin_control){control_name(all[i].control),
		    conf_mode_name(all[i].mode), t->would[all[i].control]};
}

static void fill_queues(const struct counter_totals *t, struct admin_judge *g)
{
	for (unsigned tier = EVENT_TIER_DENIED; tier < EVENT_TIER_COUNT; tier++) {
		struct admin_queue *q = &g->queues[tier];

		q->refused = t->v[COUNTER_DROPPED_DENIED + tier - EVENT_TIER_DENIED];
		if (tier < EVENT_TIER_SUSPECT)
			continue;
		q->dropped = t->v[COUNTER_QUEUE_LOST_SUSPECT + tier - EVENT_TIER_SUSPECT];
		q->served = t->v[COUNTER_PASSED_SUSPECT + tier - EVENT_TIER_SUSPECT];
		q->served -= MIN(q->served, q->dropped);
	}
	g->waiting = t->v[COUNTER_QUEUE_WAITING];
}

static void fill_guessing(struct edge *e, struct admin_judge *g)
{
	struct guessing_stats stats;

	if (!g->unwalked)
		guessing_stats(e->guessing, edge_now(), &stats);
	else
		guessing_figures(e->guessing, &stats);
	g->attacked = stats.attacked;
	g->guessing_entries = stats.table.used;
	g->guessing_capacity = stats.table.capacity;
	g->guessing_evicted = stats.table.evicted;
}

static void fill_scan(const struct edge *e, struct admin_judge *g)
{
	struct tally_stats stats;

	scan_stats(e->scan, &stats);
	g->scan_entries = stats.used;
	g->scan_capacity = stats.capacity;
	g->scan_evicted = stats.evicted;
}

static bool top(
    void *arg, size_t *cursor, size_t budget, struct standing_top *t, usec_t *out_window)
{
	const struct snapshot *snap = edge_of(arg)->snap;

	*out_window = snap->conf->flood.window;
	return standing_top_walk(
	    edge_of(arg)->standing, &snap->standing, cursor, budget, edge_now(), t);
}

void judge_status(struct daemon *d, bool walk, struct admin_status *out)
{
	struct admin_judge *g = &out->judge;
	const struct snapshot *snap = d->edge->snap;
	size_t cursor = 0;

	ledger_stats(standing_ledger(d->edge->standing), &g->ledger);
	g->unwalked = !walk;
	while (walk && standing_count(d->edge->standing, &snap->standing, &cursor, SIZE_MAX,
			   edge_now(), &g->tiers))
		;
	fill_controls(snap->conf, &out->totals, g);
	fill_queues(&out->totals, g);
	fill_guessing(d->edge, g);
	fill_scan(d->edge, g);
	limits_status(d, &out->limits);
}

void judge_backend_init(struct admin_backend *b)
{
	b->bans = bans;
	b->where = where;
	b->ban = ban;
	b->unban = unban;
	b->standing = standing;
	b->policy = policy;
	b->account = account;
	b->top = top;
}
