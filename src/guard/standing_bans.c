/* SPDX-License-Identifier: MIT
 *
 * Bans by hand, the end of bans, and the list of those in force. */
#include <string.h>

#include "guard/score.h"
#include "guard/standing_private.h"

/* What one source is to the ledger. */
static bool is_source(const struct prefix *p, struct addr *out_a)
{
	*out_a = (struct addr){.port = 0};
	memcpy(out_a->ip, p->ip, sizeof(out_a->ip));
	return p->bits == (addr_is_v4(out_a) ? 128 : 64);
}

enum err standing_ban(struct standing *s, const struct standing_policy *p,
    const struct prefix *what, usec_t until, usec_t now)
{
	struct standing_place at;
	struct ledger_entry *e;
	struct addr a;

	if (standing_never(p, what))
		return ERR_DENIED;
	if (!is_source(what, &a))
		return prefix_bans_add(&s->prefixes, what, until, false, now);
	at = standing_place(s, LEDGER_SOURCE, &a, 0, 0);
	e = standing_make(s, &at, EVENT_TIER_DENIED, now);
	if (!e)
		return ERR_FULL;
	e->banned = until;
	e->manual = true;
	e->spares = false;
	e->dropped = 0;
	e->reason = REASON_STANDING_MANUAL;
	e->tier = EVENT_TIER_DENIED;
	e->dirty = true;
	ledger_unlock(s->ledger, e);
	return OK;
}

/* Gives back a clean sheet; what it earned by log-ins stays. */
static bool pardon(struct ledger_entry *e, usec_t now)
{
	bool was = now < e->banned;

	e->dirty = e->dirty || e->banned || e->offences;
	e->banned = e->held = e->suspect = 0;
	e->score = e->unproven = 0;
	e->controls = 0;
	e->failures = e->devices = 0;
	e->offences = 0;
	e->dropped = 0;
	e->manual = e->spares = false;
	e->reason = REASON_NONE;
	e->window.used = 0;
	e->window.limit = 0;
	e->tier = now < e->known ? EVENT_TIER_KNOWN : EVENT_TIER_UNKNOWN;
	return was;
}

struct pardon {
	struct prefix of;
	usec_t now;
	bool found;
};

static bool pardon_if_of(void *arg, struct ledger_entry *e)
{
	struct pardon *x = arg;
	struct prefix p = ledger_key_prefix(&e->key);

	if (ledger_key_kind(&e->key) != LEDGER_PREFIX && p.bits == x->of.bits &&
	    memcmp(p.ip, x->of.ip, sizeof(p.ip)) == 0)
		x->found |= pardon(e, x->now);
	return true;
}

enum err standing_unban(struct standing *s, const struct prefix *what, usec_t now)
{
	struct pardon x = {.of = *what, .now = now};
	size_t cursor = 0;
	struct addr a;

	if (!is_source(what, &a))
		return prefix_bans_remove(&s->prefixes, what, now);
	while (ledger_each(s->ledger, &cursor, SIZE_MAX, pardon_if_of, &x))
		;
	return x.found ? OK : ERR_NOT_FOUND;
}

bool standing_bans_whole(struct standing *s, const struct prefix *what, usec_t now)
{
	struct standing_place at;
	struct ledger_entry *e;
	struct addr a;
	bool banned;

	if (!is_source(what, &a))
		return prefix_bans_has(&s->prefixes, what, now);
	at = standing_place(s, LEDGER_SOURCE, &a, 0, 0);
	e = standing_get(s, &at, now);
	if (!e)
		return false;
	banned = now < e->banned && !e->spares;
	ledger_unlock(s->ledger, e);
	return banned;
}

bool standing_prefix_banned(struct standing *s, const struct addr *a, usec_t now)
{
	bool first;

	return prefix_bans_until(&s->prefixes, a, false, now, &first) != 0;
}

struct pardon_all {
	usec_t now;
	standing_ban_fn *fn;
	void *arg;
	size_t n;
};

static bool tell(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	struct pardon_all *x = arg;

	x->n++;
	return x->fn(x->arg, v, prefix);
}

static bool pardon_if_banned(void *arg, struct ledger_entry *e)
{
	usec_t now = ((struct pardon_all *)arg)->now;

	if (now < e->banned)
		(void)pardon(e, now);
	return true;
}

size_t standing_unban_all(struct standing *s, usec_t now, standing_ban_fn *fn, void *arg)
{
	struct pardon_all x = {now, fn, arg, 0};
	size_t cursor = 0;

	while (standing_bans(s, &cursor, SIZE_MAX, now, tell, &x))
		;
	for (cursor = 0; ledger_each(s->ledger, &cursor, SIZE_MAX, pardon_if_banned, &x);)
		;
	for (unsigned i = 0; i < PREFIX_BANS_MAX; i++) {
		struct prefix_ban_view b;

		prefix_bans_get(&s->prefixes, i, &b);
		if (now < b.until)
			(void)!prefix_bans_remove(&s->prefixes, &b.prefix, now);
	}
	return x.n;
}

/* ---- the list ---- */

/* The cursor counts prefixes first, then entries of the ledger. */
static bool list_prefixes(
    struct standing *s, size_t *cursor, usec_t now, standing_ban_fn *fn, void *arg)
{
	for (; *cursor < PREFIX_BANS_MAX; ++*cursor) {
		struct prefix_ban_view b;
		struct standing_view v = {
		    .tier = EVENT_TIER_DENIED, .manual = true, .reason = REASON_STANDING_MANUAL};

		prefix_bans_get(&s->prefixes, (unsigned)*cursor, &b);
		if (b.until <= now)
			continue;
		v.banned_until = b.until;
		v.dropped = b.dropped;
		if (!fn(arg, &v, &b.prefix))
			return false;
	}
	return true;
}

struct next {
	struct standing_view view;
	usec_t now;
	bool found;
};

/* Stops at the first entry that is banned. */
static bool next_ban(void *arg, struct ledger_entry *e)
{
	struct next *n = arg;

	if (n->now >= e->banned || ledger_key_kind(&e->key) == LEDGER_DEVICE)
		return true;
	n->view = (struct standing_view){
	    .key = e->key,
	    .tier = EVENT_TIER_DENIED,
	    .proven = ledger_is_proven(e, n->now),
	    .manual = e->manual,
	    .spares = e->spares,
	    .score = e->score,
	    .unproven = e->unproven,
	    .banned_until = e->banned,
	    .seen = e->seen,
	    .offences = e->offences,
	    .failures = e->failures,
	    .devices = e->devices,
	    .accounts = e->accounts,
	    .dropped = e->dropped,
	    .reason = e->reason,
	};
	n->found = true;
	return false;
}

bool standing_bans(
    struct standing *s, size_t *cursor, size_t budget, usec_t now, standing_ban_fn *fn, void *arg)
{
	struct next n = {.now = now};
	size_t at;
	bool more = true;

	if (!list_prefixes(s, cursor, now, fn, arg))
		return true;
	at = *cursor - PREFIX_BANS_MAX;
	while (budget > 0 && more) {
		size_t before = at;

		n.found = false;
		more = ledger_each(s->ledger, &at, 1, next_ban, &n);
		if (n.found && !fn(arg, &n.view, NULL)) {
			*cursor = PREFIX_BANS_MAX + at - 1;
			return true;
		}
		budget -= at / LEDGER_WAYS > before / LEDGER_WAYS;
	}
	*cursor = PREFIX_BANS_MAX + at;
	return more;
}
