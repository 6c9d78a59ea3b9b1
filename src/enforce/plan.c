/* SPDX-License-Identifier: MIT */
#include "enforce/plan.h"

void plan_init(struct plan *p, const struct plan_source *source)
{
	memset(p, 0, sizeof(*p));
	p->source = *source;
}

static void forget_backends(struct plan *p)
{
	for (unsigned b = 0; b < HELPER_BACKENDS; b++)
		p->backend[b] = (struct plan_backend){.state = MESSAGE_OFF};
}

static bool same_ports(const struct helper_setup *a, const struct helper_setup *b)
{
	if (a->ports_n != b->ports_n)
		return false;
	for (size_t i = 0; i < a->ports_n; i++)
		if (a->ports[i].tcp != b->ports[i].tcp || a->ports[i].port != b->ports[i].port)
			return false;
	return true;
}

static bool same_interfaces(const struct helper_setup *a, const struct helper_setup *b)
{
	if (a->interfaces_n != b->interfaces_n)
		return false;
	for (size_t i = 0; i < a->interfaces_n; i++)
		if (strcmp(a->interfaces[i], b->interfaces[i]) != 0)
			return false;
	return true;
}

static bool same_setup(const struct helper_setup *a, const struct helper_setup *b)
{
	return a->wanted == b->wanted && strcmp(a->table, b->table) == 0 &&
	       a->all_ports == b->all_ports && a->xdp_mode == b->xdp_mode && same_ports(a, b) &&
	       same_interfaces(a, b);
}

void plan_use(struct plan *p, const struct helper_setup *setup)
{
	bool same = same_setup(&p->setup, setup);

	p->pause = 0;
	plan_again(p);
	/* What stands stays: while there is no table nothing is dropped. */
	if (same)
		return;
	p->setup = *setup;
	p->untold = true;
	if (p->phase > PLAN_CONFIGURE)
		p->phase = PLAN_CONFIGURE;
}

void plan_connected(struct plan *p, usec_t now)
{
	p->phase = PLAN_GREETING;
	p->asked = p->silent = false;
	p->asked_at = now;
}

void plan_gone(struct plan *p)
{
	p->phase = PLAN_DOWN;
	p->asked = p->silent = p->resync = false;
	p->n = p->sent_n = p->done_n = 0;
	forget_backends(p);
}

void plan_again(struct plan *p)
{
	p->resync = true;
	p->resync_at = 0;
}

void plan_change(struct plan *p, const struct enforce_ban *ban)
{
	/* Before SYNC_BEGIN the ledger is going to be walked anyway. */
	if (p->phase <= PLAN_SYNC_BEGIN || !message_may_block(&ban->what))
		return;
	if (p->n == PLAN_QUEUE) {
		p->overflows++;
		plan_again(p);
		return;
	}
	p->queue[(p->head + p->n++) % PLAN_QUEUE] = *ban;
}

/* ---- answers ---- */

static void start_anew(struct plan *p)
{
	p->phase = PLAN_CONFIGURE;
	p->asked = p->silent = p->resync = false;
	p->n = p->sent_n = 0;
	p->pause = 0;
}

static bool works(const struct plan_backend *b)
{
	return b->state == MESSAGE_UP || b->state == MESSAGE_PARTLY;
}

static bool any_up(const struct plan *p)
{
	for (unsigned b = 0; b < HELPER_BACKENDS; b++)
		if (works(&p->backend[b]))
			return true;
	return false;
}

/* Another try, later each time that it fails again. */
static void try_again(struct plan *p, usec_t now)
{
	/* What works is told all, too: with a part that is not to be had for good, seldom. */
	usec_t most = any_up(p) ? PLAN_PART_MAX : PLAN_RETRY_MAX;

	p->pause = p->pause ? MIN(2 * p->pause, most) : PLAN_RETRY;
	p->resync = true;
	p->resync_at = now + p->pause;
}

static bool all_well(const struct plan *p)
{
	for (unsigned b = 0; b < HELPER_BACKENDS; b++)
		if (p->setup.wanted & 1u << b && p->backend[b].state != MESSAGE_UP)
			return false;
	return true;
}

/* What worked and does so no more is tried at once, however long the pause for another place is. */
static void note_worse(struct plan *p, const struct plan_backend *b, enum message_state now)
{
	if (p->phase != PLAN_UP || !works(b) || now == b->state || now == MESSAGE_UP)
		return;
	p->pause = 0;
	p->resync = p->resync && p->resync_at == 0;
}

static void heard_results(struct plan *p, const struct message *m)
{
	bool fresh = p->request.type == MESSAGE_CONFIGURE || p->request.type == MESSAGE_SYNC_BEGIN;

	for (size_t i = 0; i < m->n; i++) {
		const struct message_result *r = &m->results[i];
		struct plan_backend *b = &p->backend[r->backend];

		/* What failed stays so, for its first reason, until all is told again. */
		if (!fresh && (b->state == MESSAGE_FAILED ||
				  (b->state == MESSAGE_PARTLY && r->state == MESSAGE_UP)))
			continue;
		note_worse(p, b, r->state);
		b->state = r->state;
		b->error = r->error;
		memcpy(b->text, r->text, sizeof(b->text));
	}
}

static void heard_figures(struct plan *p, const struct message *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct message_figures *f = &m->figures[i];
		struct plan_backend *b = &p->backend[f->backend];

		if (f->state == MESSAGE_FAILED && works(b)) {
			static const char lost[] =
			    "what was made in the kernel is gone or cannot be read";

			memcpy(b->text, lost, sizeof(lost));
			b->error = 0;
		}
		if (f->state == MESSAGE_FAILED) {
			note_worse(p, b, f->state);
			b->state = f->state;
		}
		b->entries = f->entries;
		b->evicted = f->evicted;
		b->packets = f->packets;
		b->bytes = f->bytes;
		if (p->most && f->entries > p->most && !p->resync) {
			p->overflows++;
			plan_again(p);
		}
	}
}

static void note_done(struct plan *p, const struct message *m)
{
	p->done_in = 0;
	for (size_t i = 0; m->type == MESSAGE_RESULT && i < m->n; i++)
		if (m->results[i].state == MESSAGE_UP || m->results[i].state == MESSAGE_PARTLY)
			p->done_in |= 1u << m->results[i].backend;
	p->done_n = p->done_in ? p->sent_n : 0;
	p->sent_n = 0;
}

/* The request was carried out as far as it could be. */
static void proceed(struct plan *p, usec_t now)
{
	switch (p->request.type) {
	case MESSAGE_CONFIGURE:
		p->phase = p->untold ? PLAN_CONFIGURE : PLAN_SYNC_BEGIN;
		break;
	case MESSAGE_SYNC_BEGIN:
		p->phase = any_up(p) ? PLAN_SYNC_PAGES : PLAN_UP;
		p->cursor = 0;
		p->more = true;
		break;
	case MESSAGE_SYNC_END:
		p->phase = PLAN_UP;
		p->syncs++;
		if (all_well(p))
			p->pause = 0;
		break;
	case MESSAGE_ADD:
	case MESSAGE_REMOVE:
		if (p->request.since)
			p->lag = now - MIN(now, p->request.since);
		break;
	case MESSAGE_STATS:
	case MESSAGE_STOP:
	case MESSAGE_HELLO:
	case MESSAGE_RESULT:
	case MESSAGE_FIGURES:
	case MESSAGE_REFUSED:
	default:
		break;
	}
}

void plan_heard(struct plan *p, const struct message *m, usec_t now)
{
	p->done_n = 0;
	if (m->type == MESSAGE_HELLO) {
		p->generation = m->generation;
		start_anew(p);
		return;
	}
	/* Answers to requests that a former worker was sent are nobody's. */
	if (!p->asked || m->sequence != p->request.sequence || p->phase == PLAN_GREETING)
		return;
	p->asked = p->silent = false;
	note_done(p, m);
	if (m->type == MESSAGE_RESULT)
		heard_results(p, m);
	else if (m->type == MESSAGE_FIGURES)
		heard_figures(p, m);
	if (m->type == MESSAGE_REFUSED) {
		p->refused++;
		start_anew(p);
		p->pause = PLAN_RETRY;
		p->resync_at = now + p->pause;
		return;
	}
	/* A reload may have turned the page while the answer was under way. */
	if (p->phase != PLAN_CONFIGURE || p->request.type == MESSAGE_CONFIGURE)
		proceed(p, now);
	if (p->phase == PLAN_UP && !all_well(p) && !p->resync)
		try_again(p, now);
}

/* ---- requests ---- */

/* Why the kernel is not told of a ban; NULL: it is, of *out_what. */
static const char *why_kept(const struct plan_source *s, const struct standing_view *v,
    const struct prefix *prefix, struct prefix *out_what)
{
	*out_what = prefix ? *prefix : ledger_key_prefix(&v->key);
	if (!prefix && ledger_key_kind(&v->key) != LEDGER_SOURCE)
		return "it is one device, the kernel would drop all of its address";
	if (v->spares)
		return "others behind the address are logged in and go on";
	if (!message_may_block(out_what))
		return "addresses like this are never blocked in the kernel";
	if (!s->may_block(s->arg, out_what, v->manual))
		return "it is exempt, or standing.mode is not enforce";
	return NULL;
}

bool plan_is_for_kernel(const struct plan_source *s, const struct standing_view *v,
    const struct prefix *prefix, struct prefix *out_what)
{
	struct prefix what;

	if (why_kept(s, v, prefix, &what))
		return false;
	*out_what = what;
	return true;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* In the queue, or in the request that is out. */
static bool is_on_its_way(const struct plan *p, const struct prefix *what)
{
	for (size_t i = 0; i < p->sent_n && p->asked; i++)
		if (same_prefix(&p->sent[i].what, what))
			return true;
	for (size_t i = 0; i < p->n; i++)
		if (same_prefix(&p->queue[(p->head + i) % PLAN_QUEUE].what, what))
			return true;
	return false;
}

void plan_where(const struct plan *p, const struct standing_view *v, const struct prefix *prefix,
    struct plan_place *out)
{
	struct prefix what;

	*out = (struct plan_place){.why = why_kept(&p->source, v, prefix, &what)};
	if (out->why)
		return;
	for (unsigned b = 0; b < HELPER_BACKENDS && p->phase == PLAN_UP && !p->silent; b++)
		if (p->setup.wanted & 1u << b && works(&p->backend[b]))
			out->backends |= 1u << b;
	if (out->backends && is_on_its_way(p, &what))
		*out = (struct plan_place){.why = "on its way to the kernel"};
	else if (!out->backends && p->phase >= PLAN_SYNC_BEGIN && p->phase < PLAN_UP && !p->silent)
		out->why = "all bans are just told to the kernel";
	else if (!out->backends)
		out->why = plan_why(p);
}

static uint32_t seconds_left(usec_t until, usec_t now)
{
	usec_t s = until > now ? (until - now + USEC_SEC - 1) / USEC_SEC : 0;

	return (uint32_t)MIN(s, (usec_t)HELPER_SECONDS_MAX);
}

static void add_to(struct message *m, const struct prefix *what, uint32_t seconds)
{
	m->bans[m->n] = (struct helper_ban){.seconds = seconds};
	memcpy(m->bans[m->n].what.ip, what->ip, sizeof(what->ip));
	m->bans[m->n++].what.bits = what->bits;
}

struct page {
	struct plan *plan;
	struct message *m;
	usec_t now;
};

static bool add_to_page(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	struct page *page = arg;
	struct prefix what;
	uint32_t left = seconds_left(v->banned_until, page->now);

	if (!left || !plan_is_for_kernel(&page->plan->source, v, prefix, &what))
		return true;
	if (page->m->n == MESSAGE_ITEMS)
		return false;
	add_to(page->m, &what, left);
	return true;
}

/* The next bans of the ledger; empty when there are no more. */
static void take_page(struct plan *p, usec_t now, struct message *m)
{
	/* Sets of the ledger, and so many times of them before the main thread goes on. */
	enum { BUDGET = 4096, CHUNKS = 16 };
	struct page page = {p, m, now};
	unsigned chunks = 0;

	m->type = MESSAGE_ADD;
	m->n = 0;
	while (p->more && m->n < MESSAGE_ITEMS / 2 && chunks++ < CHUNKS)
		p->more =
		    p->source.bans(p->source.arg, &p->cursor, BUDGET, now, add_to_page, &page);
	p->added += m->n;
}

/* The end of a ban that a worker just made may have been queued before it. */
static bool is_still_for_kernel(const struct plan *p, const struct enforce_ban *b, usec_t now)
{
	const struct plan_source *s = &p->source;

	return s->may_block(s->arg, &b->what, b->by_hand) && s->is_banned(s->arg, &b->what, now);
}

/* Changes of one kind, as they were made. What may not be blocked, or ended meanwhile, is left out.
 */
static void take_changes(struct plan *p, usec_t now, struct message *m)
{
	m->n = 0;
	p->request.since = 0;
	while (p->n && m->n < MESSAGE_ITEMS) {
		const struct enforce_ban *b = &p->queue[p->head];
		enum message_type type = b->until ? MESSAGE_ADD : MESSAGE_REMOVE;
		uint32_t left = seconds_left(b->until, now);

		if (m->n && type != m->type)
			break;
		m->type = type;
		if (type == MESSAGE_REMOVE || (left && is_still_for_kernel(p, b, now))) {
			add_to(m, &b->what, left);
			if (type == MESSAGE_ADD)
				p->sent[p->sent_n++] = *b;
			if (!p->request.since)
				p->request.since = b->since;
		}
		p->head = (p->head + 1) % PLAN_QUEUE;
		p->n--;
	}
	*(m->type == MESSAGE_ADD ? &p->added : &p->removed) += m->n;
}

static bool ask(struct plan *p, usec_t now, struct message *m)
{
	p->asked = true;
	p->asked_at = now;
	p->request.type = m->type;
	p->request.sequence = m->sequence = ++p->sequence;
	return true;
}

static bool ask_simple(struct plan *p, usec_t now, struct message *m, enum message_type type)
{
	m->type = type;
	return ask(p, now, m);
}

static bool next_of_sync(struct plan *p, usec_t now, struct message *m)
{
	take_page(p, now, m);
	if (m->n)
		return ask(p, now, m);
	if (p->more)
		return false;
	p->phase = PLAN_SYNC_END;
	return ask_simple(p, now, m, MESSAGE_SYNC_END);
}

bool plan_next(struct plan *p, usec_t now, struct message *out_m)
{
	bool waits = p->asked || p->phase == PLAN_GREETING;

	if (waits && now - MIN(now, p->asked_at) >= PLAN_DEADLINE)
		p->silent = true;
	if (waits || p->phase == PLAN_DOWN)
		return false;
	p->request.since = 0;
	p->sent_n = 0;
	if (p->phase == PLAN_CONFIGURE) {
		if (p->pause && now < p->resync_at)
			return false;
		out_m->setup = p->setup;
		p->untold = false;
		return ask_simple(p, now, out_m, MESSAGE_CONFIGURE);
	}
	if (p->phase == PLAN_UP && p->resync && now >= p->resync_at)
		p->phase = PLAN_SYNC_BEGIN;
	if (p->phase == PLAN_SYNC_BEGIN) {
		p->resync = false;
		p->n = 0;
		return ask_simple(p, now, out_m, MESSAGE_SYNC_BEGIN);
	}
	if (p->n) {
		take_changes(p, now, out_m);
		if (out_m->n)
			return ask(p, now, out_m);
	}
	if (p->phase == PLAN_SYNC_PAGES)
		return next_of_sync(p, now, out_m);
	if (p->phase != PLAN_UP || now < p->stats_at)
		return false;
	p->stats_at = now + PLAN_STATS;
	return ask_simple(p, now, out_m, MESSAGE_STATS);
}

bool plan_has_more(const struct plan *p)
{
	return p->phase == PLAN_SYNC_PAGES && !p->asked && p->more;
}

bool plan_is_up(const struct plan *p)
{
	return p->phase >= PLAN_SYNC_PAGES && !p->silent && all_well(p);
}

const char *plan_why(const struct plan *p)
{
	if (p->silent)
		return "the helper does not answer";
	for (unsigned b = 0; b < HELPER_BACKENDS; b++)
		if (p->setup.wanted & 1u << b && p->backend[b].text[0] &&
		    p->backend[b].state != MESSAGE_UP)
			return p->backend[b].text;
	return plan_is_up(p) ? "" : "not yet";
}
