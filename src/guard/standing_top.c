/* SPDX-License-Identifier: MIT */
#include "guard/standing_top.h"

#include <string.h>

#include "guard/standing_private.h"

static const char *const key_names[STANDING_TOP_KEYS] = {
    [STANDING_TOP_RATE] = "rate",
    [STANDING_TOP_DROPPED] = "dropped",
    [STANDING_TOP_SCORE] = "score",
    [STANDING_TOP_FAILURES] = "failures",
    [STANDING_TOP_OFFENCES] = "offences",
    [STANDING_TOP_BANNED] = "banned",
    [STANDING_TOP_SEEN] = "seen",
};

const char *standing_top_key_name(unsigned key)
{
	return key < STANDING_TOP_KEYS ? key_names[key] : NULL;
}

/* ---- the filter ---- */

/* "192.0.2." and "192.0.2": whole numbers of an IPv4 address, the first of four. */
static bool is_begin_of_v4(struct span text, struct prefix *out_p)
{
	struct prefix p = {.ip = {[10] = 0xff, [11] = 0xff}};
	struct span number;
	unsigned n = 0;
	uint64_t v;

	while (text.n) {
		span_cut(&text, '.', &number);
		if (n == 4 || span_to_u64(number, 255, &v) != OK)
			return false;
		p.ip[12 + n++] = (uint8_t)v;
	}
	p.bits = (uint8_t)(96 + 8 * n);
	*out_p = p;
	return n > 0;
}

/* "2001:db8:" and "2001:db8": whole groups of an IPv6 address, before any "::". */
static bool is_begin_of_v6(struct span text, struct prefix *out_p)
{
	char whole[ADDR_TEXT_MAX];
	struct buf b = BUF(whole);
	unsigned groups = 0;
	struct span rest = text, group;
	struct addr a;

	if (!memchr(text.p, ':', text.n) || text.n > sizeof("ffff:ffff:ffff:ffff:ffff:ffff:ffff:"))
		return false;
	while (rest.n) {
		span_cut(&rest, ':', &group);
		groups += group.n > 0;
	}
	buf_add_span(&b, text);
	buf_add_span(&b, text.p[text.n - 1] == ':' ? SPAN(":") : SPAN("::"));
	if (groups == 0 || groups > 7 || addr_parse_ip(buf_span(&b), &a) != OK)
		return false;
	memcpy(out_p->ip, a.ip, sizeof(out_p->ip));
	out_p->bits = (uint8_t)(16 * groups);
	return true;
}

static bool holds(const char *name, struct span part)
{
	return memmem(name, strlen(name), part.p, part.n) != NULL;
}

static bool find_names(struct span text, struct standing_filter *f)
{
	bool any = false;

	for (unsigned t = EVENT_TIER_DENIED; t < EVENT_TIER_COUNT; t++)
		if (holds(event_tier_name((enum event_tier)t), text))
			f->tiers |= 1u << t;
	for (unsigned r = 1; r < REASON_COUNT; r++) {
		f->reasons[r] = holds(reason_name((enum reason)r), text);
		any = any || f->reasons[r];
	}
	f->by_name = any || f->tiers;
	return f->by_name;
}

enum err standing_filter_parse(struct span text, struct standing_filter *out_f)
{
	struct standing_filter f = {.by_prefix = true};

	if (!text.n) {
		f.by_prefix = false;
	} else if (prefix_parse(text, &f.prefix) != OK && !is_begin_of_v4(text, &f.prefix) &&
		   !is_begin_of_v6(text, &f.prefix)) {
		f.by_prefix = false;
		if (!find_names(text, &f))
			return ERR_NOT_FOUND;
	}
	*out_f = f;
	return OK;
}

/* One lies in the other: a filter of one address finds the prefix that holds it. */
static bool prefix_fits(const struct prefix *a, const struct prefix *b)
{
	const struct prefix *wide = a->bits <= b->bits ? a : b, *narrow = wide == a ? b : a;
	struct addr x = {.port = 0};

	memcpy(x.ip, narrow->ip, sizeof(x.ip));
	return prefix_contains(wide, &x);
}

static bool fits(const struct standing_filter *f, const struct prefix *where, enum event_tier tier,
    enum reason reason)
{
	if (f->by_prefix && !prefix_fits(&f->prefix, where))
		return false;
	return !f->by_name || f->tiers >> tier & 1 || f->reasons[reason];
}

/* ---- the foremost ---- */

/* Whoever is seen last comes first among equals. */
static bool is_below(const struct standing_top_rank *a, double value, usec_t seen)
{
	return a->value < value || (a->value <= value && a->item.view.seen < seen);
}

static bool rank_is_below(const struct standing_top_rank *a, const struct standing_top_rank *b)
{
	return is_below(a, b->value, b->item.view.seen);
}

static void swap(struct standing_top_rank *a, struct standing_top_rank *b)
{
	struct standing_top_rank c = *a;

	*a = *b;
	*b = c;
}

/* The least stands first, so that it can be given up. */
static void sink(struct standing_top_heap *h)
{
	size_t at = 0, least;

	for (;;) {
		least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < h->n; child++)
			if (rank_is_below(&h->at[child], &h->at[least]))
				least = child;
		if (least == at)
			return;
		swap(&h->at[at], &h->at[least]);
		at = least;
	}
}

static void rise(struct standing_top_heap *h)
{
	for (size_t at = h->n - 1; at > 0; at = (at - 1) / 2) {
		if (!rank_is_below(&h->at[at], &h->at[(at - 1) / 2]))
			return;
		swap(&h->at[at], &h->at[(at - 1) / 2]);
	}
}

/* Whether there is a place for it. */
static bool has_place(
    const struct standing_top_heap *h, const struct standing_top *t, double value, usec_t seen)
{
	return h->n < t->max || (h->n > 0 && is_below(&h->at[0], value, seen));
}

static void put(struct standing_top_heap *h, const struct standing_top *t, double value,
    const struct standing_top_item *item)
{
	if (!has_place(h, t, value, item->view.seen))
		return;
	if (h->n < t->max) {
		h->at[h->n++] = (struct standing_top_rank){value, *item};
		rise(h);
	} else {
		h->at[0] = (struct standing_top_rank){value, *item};
		sink(h);
	}
}

/* ---- the walk ---- */

struct walk {
	struct standing_top *t;
	const struct standing_policy *p;
	usec_t now;
};

/* Devices have no address of their own to show; prefixes and flows only when something is the
 * matter with them. */
static bool is_listed(const struct ledger_entry *e, enum event_tier tier, usec_t now)
{
	switch (ledger_key_kind(&e->key)) {
	case LEDGER_SOURCE:
	case LEDGER_PEER:
		return true;
	case LEDGER_PREFIX:
		return now < e->held;
	case LEDGER_FLOW:
		return tier == EVENT_TIER_DENIED || tier == EVENT_TIER_SUSPECT;
	case LEDGER_DEVICE:
	case LEDGER_KIND_COUNT:
		break;
	}
	return false;
}

static double messages(const struct ledger_entry *e, const struct walk *w)
{
	double sum = 0;

	for (unsigned i = 0; i < LEDGER_METHODS; i++)
		sum += freq_read(&e->rate[i], w->p->flood->window, w->now);
	return sum;
}

static double value_of(const struct ledger_entry *e, const struct walk *w)
{
	switch (w->t->key) {
	case STANDING_TOP_RATE:
		return messages(e, w);
	case STANDING_TOP_DROPPED:
		return e->dropped;
	case STANDING_TOP_SCORE:
		return standing_score(e, w->p, w->now);
	case STANDING_TOP_FAILURES:
		return e->failures;
	case STANDING_TOP_OFFENCES:
		return e->offences;
	case STANDING_TOP_BANNED:
		return w->now < e->banned ? (double)(e->banned - w->now) : 0;
	case STANDING_TOP_SEEN:
	case STANDING_TOP_KEYS:
		break;
	}
	return 0;
}

static bool look(void *arg, struct ledger_entry *e)
{
	struct walk *w = arg;
	struct standing_top *t = w->t;
	enum event_tier tier = standing_tally(&t->tiers, e, w->p, w->now);
	bool found, dropped;
	struct standing_top_item item;
	struct prefix where;
	double value;

	if (!is_listed(e, tier, w->now))
		return true;
	value = value_of(e, w);
	found = has_place(&t->found, t, value, e->seen);
	dropped = t->key == STANDING_TOP_RATE && e->dropped &&
		  w->now - MIN(e->seen, w->now) < STANDING_TOP_ACTIVE &&
		  has_place(&t->dropped, t, e->dropped, e->seen);
	if (!found && !dropped)
		return true;
	if (ledger_key_kind(&e->key) == LEDGER_PEER)
		tier = EVENT_TIER_TRUSTED;
	where = ledger_key_prefix(&e->key);
	if (!fits(t->filter, &where, tier, e->reason))
		return true;
	item = (struct standing_top_item){.by_hand = false};
	standing_view_of(e, w->p, w->now, &item.view);
	item.view.tier = tier;
	if (found)
		put(&t->found, t, value, &item);
	if (dropped)
		put(&t->dropped, t, e->dropped, &item);
	return true;
}

/* What a person banned as a prefix has no entry. */
static void look_at_prefixes(struct standing *s, const struct walk *w)
{
	for (unsigned i = 0; i < PREFIX_BANS_MAX; i++) {
		struct standing_top_item item = {.by_hand = true,
		    .view = {.tier = EVENT_TIER_DENIED,
			.manual = true,
			.reason = REASON_STANDING_MANUAL}};
		struct prefix_ban_view b;
		double value = 0;

		prefix_bans_get(&s->prefixes, i, &b);
		if (b.until <= w->now ||
		    !fits(w->t->filter, &b.prefix, item.view.tier, item.view.reason))
			continue;
		item.prefix = b.prefix;
		item.view.banned_until = b.until;
		item.view.dropped = b.dropped;
		if (w->t->key == STANDING_TOP_DROPPED)
			value = b.dropped;
		else if (w->t->key == STANDING_TOP_BANNED)
			value = (double)(b.until - w->now);
		put(&w->t->found, w->t, value, &item);
		if (w->t->key == STANDING_TOP_RATE && b.dropped)
			put(&w->t->dropped, w->t, b.dropped, &item);
	}
}

bool standing_top_walk(struct standing *s, const struct standing_policy *p, size_t *cursor,
    size_t budget, usec_t now, struct standing_top *t)
{
	struct walk w = {t, p, now};

	t->max = MIN(t->max, STANDING_TOP_MAX);
	t->tiers = (struct standing_tiers){0};
	t->found.n = t->dropped.n = 0;
	if (*cursor == 0)
		look_at_prefixes(s, &w);
	return ledger_each(s->ledger, cursor, budget, look, &w);
}
