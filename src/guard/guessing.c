/* SPDX-License-Identifier: MIT */
#include "guard/guessing.h"

#include <stdatomic.h>
#include <stdlib.h>

#define FADE      (60 * USEC_MIN)
#define NAME_LOOK 256 /* octets of a name that tell it apart */

enum kind {
	KIND_PAIR = 1,
	KIND_SOURCE,
	KIND_PREFIX,
	KIND_ACCOUNT, /* until: when an attack on it is over */
	KIND_SLOW,
	KIND_OWNER, /* at: two hashes for each place, source and prefix, the last place first;
		       over: failures of a place since */
	KIND_PLACE  /* hashes only */
};
_Static_assert(2 * GUESSING_PLACES <= TALLY_SLOTS, "room for the places");

struct guessing {
	struct tally_table *table;
	_Atomic uint64_t attacks_until; /* after that no account is under attack */
};

/* One place of one account. */
struct who {
	uint64_t account;
	struct tally_source source;
	const struct addr *addr;
	uint32_t here; /* hash of the source, as in at */
};

enum err guessing_new(size_t entries, const struct siphash_key *key, struct guessing **out_g)
{
	struct guessing *g = calloc(1, sizeof(*g));
	enum err e = g ? tally_table_new(entries, FADE, key, &g->table) : ERR_NOMEM;

	if (e != OK) {
		free(g);
		return e;
	}
	*out_g = g;
	return OK;
}

void guessing_free(struct guessing *g)
{
	if (!g)
		return;
	tally_table_free(g->table);
	free(g);
}

size_t guessing_memory(size_t entries)
{
	return sizeof(struct guessing) + tally_table_memory(entries);
}

static uint64_t account_of(const struct guessing *g, const struct guessing_facts *f)
{
	char name[2 * NAME_LOOK + 1];
	struct buf b = BUF(name);

	buf_add(&b, f->user.p, MIN(f->user.n, NAME_LOOK));
	buf_add_char(&b, '@');
	buf_add(&b, f->domain.p, MIN(f->domain.n, NAME_LOOK));
	return tally_name(g->table, KIND_ACCOUNT, b.p, b.n);
}

/* Something of an account at a source or prefix. */
static uint64_t name_at(const struct guessing *g, enum kind kind, uint64_t account,
    const struct tally_source *where, uint64_t wide)
{
	struct {
		uint64_t account, wide;
		struct tally_source where;
	} what = {account, wide, *where};

	_Static_assert(sizeof(what) == 32, "no padding is hashed");
	return tally_name(g->table, (uint8_t)kind, &what, sizeof(what));
}

static void know(const struct guessing *g, const struct guessing_facts *f, struct who *out)
{
	out->account = account_of(g, f);
	out->addr = f->source;
	out->source = tally_source(f->source);
	out->here = (uint32_t)name_at(g, KIND_PLACE, out->account, &out->source, 0);
}

static uint32_t near_of(const struct guessing *g, const struct who *w)
{
	struct tally_source prefix = tally_prefix(w->addr);

	return (uint32_t)name_at(g, KIND_PLACE, w->account, &prefix, 1);
}

/* Another entry of an account. Its own name is a keyed hash already. */
static uint64_t beside(uint64_t account, enum kind kind)
{
	uint64_t name = account + (uint64_t)kind * 0x9e3779b97f4a7c15u;

	return name ? name : 1;
}

/* half 0: by source, 1: by prefix. Its number, or -1. */
static int place_of(const struct tally *owner, uint32_t hash, int half)
{
	for (int i = 0; i < owner->used; i++)
		if (owner->at[2 * i + half] == hash)
			return i;
	return -1;
}

/* The owner was here, or nearby. A failure is noted, so that the next success looks further. */
static bool is_place(struct guessing *g, const struct who *w, bool failed)
{
	uint64_t name = beside(w->account, KIND_OWNER);
	uint32_t near = near_of(g, w);
	struct tally *owner = tally_lock(g->table, name);
	bool known;

	if (!owner)
		return false;
	known = place_of(owner, w->here, 0) >= 0 || place_of(owner, near, 1) >= 0;
	owner->over += known && failed;
	tally_unlock(g->table, name);
	return known;
}

static bool is_attacked(struct guessing *g, uint64_t account, usec_t now)
{
	struct tally *e = tally_lock(g->table, account);
	bool attacked;

	if (!e)
		return false;
	attacked = e->until > now;
	tally_unlock(g->table, account);
	return attacked;
}

bool guessing_may_try(struct guessing *g, const struct guessing_facts *f, usec_t now)
{
	struct who w;

	if (atomic_load_explicit(&g->attacks_until, memory_order_relaxed) <= now)
		return true;
	know(g, f, &w);
	return !is_attacked(g, w.account, now) || is_place(g, &w, false);
}

bool guessing_is_stopped(
    struct guessing *g, const struct conf_guessing *c, const struct guessing_facts *f, usec_t now)
{
	struct tally *pair;
	uint64_t name;
	struct who w;
	uint32_t n;

	if (!c->pair)
		return false;
	know(g, f, &w);
	name = name_at(g, KIND_PAIR, w.account, &w.source, 0);
	pair = tally_lock(g->table, name);
	if (!pair)
		return false;
	n = tally_count(pair, c->window, now);
	tally_unlock(g->table, name);
	return n / GUESSING_STOP >= c->pair;
}

/* Counts one, and says how many there are; *out_told: whether its limit was passed now. */
static uint32_t count(struct guessing *g, uint64_t name, enum kind kind, uint32_t limit,
    usec_t window, usec_t now, bool *out_told)
{
	struct tally *e = tally_lock_or_add(g->table, name, (uint8_t)kind, false, now);
	uint32_t n = tally_add(e, window, now);

	*out_told = tally_passed(e, limit, n);
	tally_unlock(g->table, name);
	return n;
}

/* The same for a pair; *out_new: it did not try within the last GUESSING_SLOW. */
static uint32_t count_pair(struct guessing *g, const struct who *w, const struct conf_guessing *c,
    usec_t now, bool *out_told, bool *out_new)
{
	uint64_t name = name_at(g, KIND_PAIR, w->account, &w->source, 0);
	struct tally *e = tally_lock_or_add(g->table, name, KIND_PAIR, false, now);
	uint32_t n;

	/* until: nothing is due before it, so it is the last failure, in the past. */
	*out_new = !e->until || (now > e->until && now - e->until > GUESSING_SLOW);
	e->until = now;
	n = tally_add(e, c->window, now);
	*out_told = tally_passed(e, c->pair, n);
	tally_unlock(g->table, name);
	return n;
}

static void close_until(struct guessing *g, usec_t until)
{
	uint64_t before = atomic_load_explicit(&g->attacks_until, memory_order_relaxed);

	while (before < until && !atomic_compare_exchange_weak_explicit(&g->attacks_until, &before,
				     until, memory_order_relaxed, memory_order_relaxed))
		;
}

/* The account's own count; closes it when it is too high. */
static void count_account(struct guessing *g, const struct conf_guessing *c, const struct who *w,
    bool is_new, bool closed, usec_t now, struct guessing_answer *out)
{
	bool told, was, over;
	uint32_t slow = 0, n;
	struct tally *e;

	if (is_new)
		slow = count(g, beside(w->account, KIND_SLOW), KIND_SLOW, c->account, GUESSING_SLOW,
		    now, &told);
	e = tally_lock_or_add(g->table, w->account, KIND_ACCOUNT, false, now);
	n = tally_add(e, c->window, now);
	was = e->until > now;
	over = n > c->account || slow > c->account;
	if (over || (closed && was))
		e->until = now + c->lock;
	tally_unlock(g->table, w->account);
	if (over || (closed && was))
		close_until(g, now + c->lock);
	if (!over || was)
		return;
	out->account = true;
	out->account_value = n > c->account ? n : slow;
	out->account_threshold = c->account;
	out->account_window = n > c->account ? c->window : GUESSING_SLOW;
}

static void found(struct guessing_answer *out, enum reason r, uint32_t value, uint32_t threshold,
    const struct conf_guessing *c)
{
	if (out->reason != REASON_NONE)
		return;
	out->reason = r;
	out->value = value;
	out->threshold = threshold;
	out->window = c->window;
}

void guessing_failed(struct guessing *g, const struct conf_guessing *c,
    const struct guessing_facts *f, bool closed, usec_t now, struct guessing_answer *out)
{
	bool told_pair, told_source, told_prefix, is_new;
	struct tally_source net = tally_prefix(f->source);
	uint32_t pair, source, prefix;
	struct who w;

	*out = (struct guessing_answer){.reason = REASON_NONE};
	know(g, f, &w);
	pair = count_pair(g, &w, c, now, &told_pair, &is_new);
	source = count(g, tally_name(g->table, KIND_SOURCE, &w.source, sizeof(w.source)),
	    KIND_SOURCE, c->source, c->window, now, &told_source);
	prefix = count(g, tally_name(g->table, KIND_PREFIX, &net, sizeof(net)), KIND_PREFIX,
	    c->prefix, c->window, now, &told_prefix);
	if (told_source)
		found(out, REASON_GUESSING_SOURCE, source, c->source, c);
	if (told_pair)
		found(out, REASON_GUESSING_PAIR, pair, c->pair, c);
	if (told_prefix)
		found(out, REASON_GUESSING_PREFIX, prefix, c->prefix, c);
	/* Who waits before a closed account and tries on does not keep it closed. */
	if (c->account && f->proven && !is_place(g, &w, true) && (!c->pair || pair <= c->pair) &&
	    (is_new || !closed))
		count_account(g, c, &w, is_new, closed, now, out);
}

/* The last place comes first. */
static void move_to_front(struct tally *owner, uint32_t here, uint32_t near)
{
	int i = place_of(owner, here, 0);

	if (i < 0 && owner->used < GUESSING_PLACES)
		i = owner->used++;
	if (i < 0)
		i = GUESSING_PLACES - 1;
	memmove(owner->at + 2, owner->at, (size_t)i * 2 * sizeof(owner->at[0]));
	owner->at[0] = here;
	owner->at[1] = near;
}

/* True: it was the last place before already, and nothing failed there since. */
static bool remember(struct guessing *g, const struct who *w, usec_t now)
{
	uint64_t name = beside(w->account, KIND_OWNER);
	struct tally *owner = tally_lock_or_add(g->table, name, KIND_OWNER, true, now);
	bool same = place_of(owner, w->here, 0) == 0 && !owner->over;

	owner->seen_s = (uint32_t)(now / USEC_SEC);
	owner->over = 0;
	if (!same)
		move_to_front(owner, w->here, near_of(g, w));
	tally_unlock(g->table, name);
	return same;
}

void guessing_succeeded(struct guessing *g, const struct guessing_facts *f, usec_t now)
{
	struct tally *pair;
	uint64_t name;
	struct who w;

	know(g, f, &w);
	if (remember(g, &w, now))
		return;
	name = name_at(g, KIND_PAIR, w.account, &w.source, 0);
	pair = tally_lock(g->table, name);
	if (!pair)
		return;
	tally_clear(pair);
	tally_unlock(g->table, name);
}

void guessing_look(struct guessing *g, const struct conf_guessing *c, struct span user,
    struct span domain, usec_t now, struct guessing_view *out)
{
	const struct guessing_facts facts = {.user = user, .domain = domain};
	uint64_t account = account_of(g, &facts), owner = beside(account, KIND_OWNER);
	struct tally *e = tally_lock(g->table, account);

	*out = (struct guessing_view){0};
	if (e) {
		out->failures = tally_count(e, c->window, now);
		out->closed_until = e->until > now ? e->until : 0;
		tally_unlock(g->table, account);
	}
	e = tally_lock(g->table, owner);
	if (!e)
		return;
	out->places = e->used;
	tally_unlock(g->table, owner);
}

void guessing_stats(struct guessing *g, usec_t now, struct guessing_stats *out)
{
	guessing_figures(g, out);
	out->attacked = tally_pending(g->table, now);
}

void guessing_figures(const struct guessing *g, struct guessing_stats *out)
{
	out->attacked = 0;
	tally_stats(g->table, &out->table);
}
