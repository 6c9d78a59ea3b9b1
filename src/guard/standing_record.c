/* SPDX-License-Identifier: MIT
 *
 * Standing that outlives a restart, as records of STANDING_RECORD bytes. Times are wall clock,
 * numbers are little-endian, and the reason is its name, since its number may differ in another
 * version:
 *
 *   version 1 · flags 1 · offences 1 · reserved 1 · accounts 2 · devices 2 · banned 8 · known 8 ·
 *   scored 8 · score in thousandths 4 · name of the reason 28
 *
 * A prefix that a person banned has the same record under a key of its own. */
#include <string.h>

#include "guard/standing_private.h"

#define VERSION  1
#define KEY_SIZE 16

enum { FLAG_PROVEN = 1, FLAG_MANUAL = 2, FLAG_SPARES = 4 };

enum {
	AT_FLAGS = 1,
	AT_OFFENCES = 2,
	AT_ACCOUNTS = 4,
	AT_DEVICES = 6,
	AT_BANNED = 8,
	AT_KNOWN = 16,
	AT_SCORED = 24,
	AT_SCORE = 32,
	AT_REASON = 36
};

_Static_assert(sizeof(struct ledger_key) == KEY_SIZE && STANDING_KEY_MAX == KEY_SIZE + 1,
    "a key of the ledger is its bytes, a prefix one more");

static void put(char *p, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++, v >>= 8)
		p[i] = (char)(v & 0xff);
}

static uint64_t get(const char *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | (unsigned char)p[n];
	return v;
}

/* 0 stays 0: never. */
static uint64_t wall_of(usec_t t, usec_t now, usec_t wall)
{
	if (t == 0)
		return 0;
	return t >= now ? wall + (t - now) : wall - MIN(now - t, wall - 1);
}

/* A moment from before this clock began is its first. */
static usec_t monotonic_of(uint64_t at, usec_t now, usec_t wall)
{
	if (at == 0)
		return 0;
	if (at >= wall)
		return now + MIN(at - wall, USEC_MAX - now);
	return wall - at < now ? now - (wall - at) : 1;
}

/* A clock that was wrong at one of the two starts makes nothing last longer than it may. */
static usec_t at_most(usec_t until, usec_t now, usec_t longest)
{
	return MIN(until, now + longest);
}

static void write_reason(char *record, enum reason r)
{
	struct span name = span_str(reason_name(r));

	memcpy(record + AT_REASON, name.p, MIN(name.n, STANDING_RECORD - AT_REASON));
}

static enum reason read_reason(const char *record)
{
	struct span name = {record + AT_REASON, STANDING_RECORD - AT_REASON};
	enum reason r;

	name.n = span_find(name, '\0');
	return reason_parse(name, &r) == OK ? r : REASON_NONE;
}

/* ---- out ---- */

static bool is_worth_keeping(const struct ledger_entry *e, usec_t now)
{
	return now < e->banned || now < e->known || e->offences;
}

static void write_entry(const struct ledger_entry *e, usec_t now, usec_t wall, char *record)
{
	memset(record, 0, STANDING_RECORD);
	record[0] = VERSION;
	record[AT_FLAGS] = (char)((ledger_is_proven(e, now) ? FLAG_PROVEN : 0) |
				  (e->manual ? FLAG_MANUAL : 0) | (e->spares ? FLAG_SPARES : 0));
	record[AT_OFFENCES] = (char)e->offences;
	put(record + AT_ACCOUNTS, 2, e->accounts);
	put(record + AT_DEVICES, 2, e->devices);
	put(record + AT_BANNED, 8, wall_of(e->banned, now, wall));
	put(record + AT_KNOWN, 8, wall_of(e->known, now, wall));
	put(record + AT_SCORED, 8, wall_of(e->scored, now, wall));
	put(record + AT_SCORE, 4, (uint32_t)MIN((double)e->score * 1000, 4e9));
	write_reason(record, e->reason);
}

struct save {
	struct standing *s;
	usec_t now, wall;
	struct ledger_key key;
	char record[STANDING_RECORD];
	size_t record_n; /* 0: to be forgotten */
	bool found;
};

/* Stops at the first entry that changed. Devices are left out: the hash of their names is under a
 * key of this process. */
static bool save_next(void *arg, struct ledger_entry *e)
{
	struct save *v = arg;

	if (!e->dirty || ledger_key_kind(&e->key) == LEDGER_DEVICE)
		return true;
	e->dirty = false;
	v->found = true;
	v->key = e->key;
	v->record_n = is_worth_keeping(e, v->now) ? STANDING_RECORD : 0;
	write_entry(e, v->now, v->wall, v->record);
	return false;
}

static void write_prefix(
    const struct prefix_ban_view *b, usec_t now, usec_t wall, char *key, char *record)
{
	memcpy(key, b->prefix.ip, KEY_SIZE);
	key[KEY_SIZE] = (char)b->prefix.bits;
	memset(record, 0, STANDING_RECORD);
	record[0] = VERSION;
	record[AT_FLAGS] = FLAG_MANUAL;
	put(record + AT_BANNED, 8, wall_of(b->until, now, wall));
	write_reason(record, REASON_STANDING_MANUAL);
}

/* False: fn wants to stop. */
static bool save_prefixes(
    struct standing *s, usec_t now, usec_t wall, standing_save_fn *fn, void *arg)
{
	for (unsigned i = 0; i < PREFIX_BANS_MAX; i++) {
		char key[STANDING_KEY_MAX], record[STANDING_RECORD];
		struct prefix_ban_view b;
		bool more;

		prefix_bans_get(&s->prefixes, i, &b);
		if (!b.dirty)
			continue;
		write_prefix(&b, now, wall, key, record);
		more = fn(arg, span_of(key, sizeof(key)),
		    span_of(record, now < b.until ? sizeof(record) : 0));
		prefix_bans_written(&s->prefixes, i, b.until);
		if (!more)
			return false;
	}
	return true;
}

bool standing_save(struct standing *s, size_t *cursor, size_t budget, usec_t now, usec_t wall,
    standing_save_fn *fn, void *arg)
{
	struct save v = {.s = s, .now = now, .wall = wall};
	bool more = true;

	if (*cursor == 0 && !save_prefixes(s, now, wall, fn, arg))
		return true;
	while (budget > 0 && more) {
		size_t before = *cursor;

		v.found = false;
		more = ledger_each(s->ledger, cursor, 1, save_next, &v);
		budget -= *cursor / LEDGER_WAYS > before / LEDGER_WAYS;
		if (v.found && !fn(arg, span_of((const char *)&v.key, sizeof(v.key)),
				   span_of(v.record, v.record_n)))
			break;
	}
	return more;
}

static bool make_dirty(void *arg, struct ledger_entry *e)
{
	/* What changed already stays changed: perhaps it is to be forgotten. */
	e->dirty = e->dirty || is_worth_keeping(e, *(const usec_t *)arg);
	return true;
}

void standing_save_again(struct standing *s)
{
	usec_t any = 0; /* what ran out is told as well: it is forgotten then */
	size_t cursor = 0;

	while (ledger_each(s->ledger, &cursor, SIZE_MAX, make_dirty, &any))
		;
	prefix_bans_dirty(&s->prefixes);
}

/* ---- in ---- */

static enum err restore_prefix(
    struct standing *s, struct span key, const char *record, usec_t now, usec_t wall)
{
	usec_t until =
	    at_most(monotonic_of(get(record + AT_BANNED, 8), now, wall), now, STANDING_HAND_MAX);
	struct prefix p;

	memcpy(p.ip, key.p, KEY_SIZE);
	p.bits = (uint8_t)key.p[KEY_SIZE];
	if (p.bits > 128)
		return ERR_SYNTAX;
	if (until <= now)
		return ERR_NOT_FOUND;
	return prefix_bans_add(&s->prefixes, &p, until, true, now);
}

static void read_entry(struct ledger_entry *e, const struct standing_policy *p, const char *record,
    usec_t now, usec_t wall)
{
	e->manual = record[AT_FLAGS] & FLAG_MANUAL;
	e->spares = !e->manual && record[AT_FLAGS] & FLAG_SPARES;
	e->offences = (uint8_t)record[AT_OFFENCES];
	e->accounts = (uint16_t)get(record + AT_ACCOUNTS, 2);
	e->devices = (uint16_t)get(record + AT_DEVICES, 2);
	e->banned = at_most(monotonic_of(get(record + AT_BANNED, 8), now, wall), now,
	    e->manual ? STANDING_HAND_MAX : p->conf->ban_max);
	e->known = at_most(monotonic_of(get(record + AT_KNOWN, 8), now, wall), now, p->conf->known);
	if (record[AT_FLAGS] & FLAG_PROVEN && now < MAX(e->banned, e->known))
		ledger_prove(e, MIN(MAX(e->banned, e->known), now + p->conf->known));
	e->scored = monotonic_of(get(record + AT_SCORED, 8), now, wall);
	e->scored = MIN(e->scored, now);
	e->score = (float)get(record + AT_SCORE, 4) / 1000;
	e->reason = (uint16_t)read_reason(record);
	if (now < e->known)
		e->tier = EVENT_TIER_KNOWN;
	if (now < e->banned)
		e->tier = EVENT_TIER_DENIED;
}

enum err standing_restore(struct standing *s, const struct standing_policy *p, struct span key,
    struct span record, usec_t now, usec_t wall)
{
	struct ledger_entry *e, probe = {.tier = EVENT_TIER_UNKNOWN};
	struct standing_place at;

	if (record.n != STANDING_RECORD || record.p[0] != VERSION ||
	    (key.n != KEY_SIZE && key.n != STANDING_KEY_MAX))
		return ERR_SYNTAX;
	if (key.n == STANDING_KEY_MAX)
		return restore_prefix(s, key, record.p, now, wall);
	memcpy(&at.key, key.p, sizeof(at.key));
	if (ledger_key_kind(&at.key) >= LEDGER_KIND_COUNT)
		return ERR_SYNTAX;
	read_entry(&probe, p, record.p, now, wall);
	if (!is_worth_keeping(&probe, now))
		return ERR_NOT_FOUND;
	at.hash = ledger_hash(s->ledger, &at.key);
	e = standing_make(s, &at, (enum event_tier)probe.tier, now);
	if (!e)
		return ERR_FULL;
	read_entry(e, p, record.p, now, wall);
	ledger_unlock(s->ledger, e);
	return OK;
}
