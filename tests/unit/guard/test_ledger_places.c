/* SPDX-License-Identifier: MIT
 *
 * Who is given up when a set of the ledger is full: by rank and age, with every term at its last
 * microsecond; what strangers cannot reach; a random life against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "guard/ledger.h"

#define T0 (1000 * USEC_SEC)

static const struct siphash_key key = {0x0123456789abcdef, 0xfedcba9876543210};

static struct ledger_key source(uint32_t n)
{
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10}};

	a.ip[13] = (uint8_t)(n >> 16);
	a.ip[14] = (uint8_t)(n >> 8);
	a.ip[15] = (uint8_t)n;
	return ledger_key(LEDGER_SOURCE, &a, 0, 0);
}

static struct ledger *ledger_of(size_t entries)
{
	struct ledger *l;

	assert_int_equal(ledger_new(entries, &key, &l), OK);
	return l;
}

static usec_t latest; /* when somebody came last */

static struct ledger_entry *lock(struct ledger *l, uint32_t n, usec_t now)
{
	struct ledger_key k = source(n);

	latest = now;
	return ledger_lock(l, ledger_hash(l, &k), &k, now);
}

static struct ledger_entry *lock_or_add(
    struct ledger *l, uint32_t n, enum event_tier rank, usec_t now)
{
	struct ledger_key k = source(n);

	latest = now;
	return ledger_lock_or_add(l, ledger_hash(l, &k), &k, rank, now);
}

static bool has(struct ledger *l, uint32_t n)
{
	struct ledger_entry *e = lock(l, n, latest);

	if (e)
		ledger_unlock(l, e);
	return e != NULL;
}

/* Rank by what is set; each term until its last microsecond. */
static void ranks(void **state)
{
	static const struct {
		struct ledger_entry e;
		enum ledger_rank at_t0, later; /* T0 - 1 and T0 */
	} rows[] = {
	    {{.tier = EVENT_TIER_UNKNOWN}, LEDGER_RANK_UNKNOWN, LEDGER_RANK_UNKNOWN},
	    {{.tier = EVENT_TIER_NONE}, LEDGER_RANK_UNKNOWN, LEDGER_RANK_UNKNOWN},
	    {{.tier = EVENT_TIER_SUSPECT}, LEDGER_RANK_SUSPECT, LEDGER_RANK_SUSPECT},
	    {{.challenged = T0}, LEDGER_RANK_CHALLENGED, LEDGER_RANK_UNKNOWN},
	    {{.held = T0, .proven_s = UINT32_MAX}, LEDGER_RANK_HELD, LEDGER_RANK_UNKNOWN},
	    {{.held = T0}, LEDGER_RANK_CHALLENGED, LEDGER_RANK_UNKNOWN},
	    {{.held = T0, .challenged = T0 - 1}, LEDGER_RANK_CHALLENGED, LEDGER_RANK_UNKNOWN},
	    {{.held = T0 - 1, .challenged = T0}, LEDGER_RANK_CHALLENGED, LEDGER_RANK_UNKNOWN},
	    {{.held = T0, .tier = EVENT_TIER_SUSPECT}, LEDGER_RANK_CHALLENGED, LEDGER_RANK_SUSPECT},
	    {{.proven_s = UINT32_MAX}, LEDGER_RANK_UNKNOWN, LEDGER_RANK_UNKNOWN},
	    {{.banned = T0, .tier = EVENT_TIER_DENIED}, LEDGER_RANK_DENIED, LEDGER_RANK_UNKNOWN},
	    {{.banned = T0, .held = T0 + 1, .proven_s = UINT32_MAX}, LEDGER_RANK_DENIED,
		LEDGER_RANK_HELD},
	    {{.known = T0, .tier = EVENT_TIER_KNOWN}, LEDGER_RANK_KNOWN, LEDGER_RANK_UNKNOWN},
	    {{.known = T0, .banned = T0 + 1}, LEDGER_RANK_KNOWN, LEDGER_RANK_DENIED},
	    {{.tier = EVENT_TIER_TRUSTED}, LEDGER_RANK_TRUSTED, LEDGER_RANK_TRUSTED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (ledger_rank(&rows[i].e, T0 - 1) != rows[i].at_t0 ||
		    ledger_rank(&rows[i].e, T0) != rows[i].later)
			fail_msg("row %zu", i);
	}
}

/* Gives it what makes the rank, up to `until`. */
static void give(struct ledger_entry *e, enum ledger_rank rank, usec_t until)
{
	switch (rank) {
	case LEDGER_RANK_TRUSTED:
		e->tier = EVENT_TIER_TRUSTED;
		break;
	case LEDGER_RANK_FLOW: /* of flows only */
	case LEDGER_RANK_KNOWN:
		e->known = until;
		e->tier = EVENT_TIER_KNOWN;
		break;
	case LEDGER_RANK_DENIED:
		e->banned = until;
		e->tier = EVENT_TIER_DENIED;
		break;
	case LEDGER_RANK_HELD:
		e->held = until;
		e->proven_s = UINT32_MAX;
		break;
	case LEDGER_RANK_CHALLENGED:
		e->challenged = until;
		e->tier = EVENT_TIER_CHALLENGED;
		break;
	case LEDGER_RANK_SUSPECT:
		e->tier = EVENT_TIER_SUSPECT;
		break;
	case LEDGER_RANK_UNKNOWN:
		break;
	}
}

static const enum event_tier tier_of[] = {EVENT_TIER_UNKNOWN, EVENT_TIER_SUSPECT,
    EVENT_TIER_CHALLENGED, EVENT_TIER_UNKNOWN, EVENT_TIER_KNOWN, EVENT_TIER_DENIED,
    EVENT_TIER_KNOWN, EVENT_TIER_TRUSTED};

/* Sees it come, and makes what it is. False: no place for it. */
static bool add(struct ledger *l, uint32_t n, enum ledger_rank rank, usec_t until, usec_t now)
{
	struct ledger_entry *e = lock_or_add(l, n, tier_of[rank], now);

	if (!e)
		return false;
	e->seen = now;
	give(e, rank, until);
	ledger_unlock(l, e);
	return true;
}

static void give_it(struct ledger *l, uint32_t n, enum ledger_rank rank, usec_t until, usec_t now)
{
	struct ledger_entry *e = lock(l, n, now);

	assert_non_null(e);
	e->seen = now;
	give(e, rank, until);
	ledger_unlock(l, e);
}

/* Ranks by their letters: unknown, suspect, challenged, held, denied, known, trusted. */
static enum ledger_rank rank_of(char c)
{
	const char *letters = "USCHFDKT";

	return (enum ledger_rank)(strchr(letters, c) - letters);
}

/* A ledger of one set: 8 entries come in this order, numbered from 0; then strangers come, one a
 * microsecond, and become suspect. */
static void order_of_leaving(void **state)
{
	static const struct {
		const char *rank;
		const char *leave; /* numbers, in order of their leaving */
	} rows[] = {
	    {"UUUUUUUU", "01234567"},
	    {"SUSUUUUU", "134567"},
	    {"CSUUUUUU", "234567"},
	    {"UUKDHTKD", "01"},
	    {"DDDDDDUU", "67"},
	    {"HDKTHDSC", "6"},
	    {"KKKKKKCS", "7"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger *l = ledger_of(8);
		usec_t now = T0;
		struct ledger_stats st;

		for (uint32_t n = 0; n < 8; n++) {
			struct ledger_entry *e = lock_or_add(l, n, EVENT_TIER_UNKNOWN, now++);

			give(e, rank_of(rows[i].rank[n]), T0 + USEC_MIN);
			ledger_unlock(l, e);
		}
		for (uint32_t k = 0; rows[i].leave[k]; k++) {
			uint32_t leaves = (uint32_t)(rows[i].leave[k] - '0');

			assert_true(has(l, leaves));
			assert_true(add(l, 100 + k, LEDGER_RANK_SUSPECT, 0, now++));
			if (has(l, leaves))
				fail_msg("row %zu: %u did not leave", i, leaves);
			ledger_stats(l, &st);
			assert_int_equal(st.entries, 8);
			assert_int_equal(st.evicted, k + 1);
		}
		/* From now on they only replace each other. */
		for (uint32_t k = 200; k < 1200; k++)
			assert_true(add(l, k, LEDGER_RANK_SUSPECT, 0, now++));
		for (uint32_t n = 0; n < 8; n++) {
			bool safe = rank_of(rows[i].rank[n]) >= LEDGER_RANK_CHALLENGED;

			if (has(l, n) != (safe && !strchr(rows[i].leave, '0' + (int)n)))
				fail_msg("row %zu: %u", i, n);
		}
		ledger_stats(l, &st);
		assert_int_equal(st.refused, 0);
		ledger_free(l);
	}
}

/* Eight strangers come in this order and become what they are where they stand; then a thousand
 * strangers come. */
static void promotions(void **state)
{
	static const struct {
		const char *rank;
		const char *gone; /* at once, for others of value */
		bool closed;      /* to strangers */
	} rows[] = {
	    {"KKKDHTUD", "", false}, {"KKKDHTHD", "4", false},   /* the eighth */
	    {"TDTTTDTT", "1", false}, {"KTKKKKKK", "02", false}, /* the known have six at most */
	    {"DDDDDDDD", "0", false}, {"KKKKKKUD", "", false}, {"KKKKKKDD", "6", false},
	    {"TTTTTTDK", "6", false}, {"TTTTTTKD", "", true}, /* all others are better than it */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger *l = ledger_of(8);
		struct ledger_stats st;
		usec_t now = T0;

		for (uint32_t n = 0; n < 8; n++) {
			assert_true(add(l, n, LEDGER_RANK_UNKNOWN, 0, now));
			give_it(l, n, rank_of(rows[i].rank[n]), T0 + USEC_MIN, now++);
		}
		ledger_stats(l, &st);
		assert_int_equal(st.evicted, strlen(rows[i].gone));
		assert_int_equal(st.entries, 8 - strlen(rows[i].gone));
		for (uint32_t k = 200; k < 1200; k++)
			assert_int_equal(add(l, k, LEDGER_RANK_SUSPECT, 0, now++), !rows[i].closed);
		for (uint32_t n = 0; n < 8; n++) {
			bool stays = rows[i].rank[n] != 'U' && !strchr(rows[i].gone, '0' + (int)n);

			if (has(l, n) != stays)
				fail_msg("row %zu: %u", i, n);
		}
		ledger_stats(l, &st);
		assert_int_equal(st.refused, rows[i].closed ? 1000 : 0);
		ledger_free(l);
	}
}

/* Being seen keeps young; being looked at does not. */
static void age(void **state)
{
	struct ledger *l = ledger_of(8);
	struct ledger_entry *e;

	(void)state;
	for (uint32_t n = 0; n < 8; n++)
		assert_true(add(l, n, LEDGER_RANK_UNKNOWN, 0, T0 + n));
	e = lock(l, 0, T0 + 10);
	e->seen = T0 + 10;
	ledger_unlock(l, e);
	assert_true(has(l, 1)); /* a look */
	assert_true(add(l, 3, LEDGER_RANK_UNKNOWN, 0, T0 + 11));
	assert_true(add(l, 5, LEDGER_RANK_UNKNOWN, 0, T0 + 12));
	assert_true(add(l, 0, LEDGER_RANK_UNKNOWN, 0, T0 + 13));
	for (uint32_t n = 0; n < 8; n++) {
		static const uint32_t order[] = {1, 2, 4, 6, 7, 3, 5, 0};

		assert_true(has(l, order[n]));
		assert_true(add(l, 50 + n, LEDGER_RANK_UNKNOWN, 0, T0 + 20 + n));
		assert_false(has(l, order[n]));
	}
	ledger_free(l);
}

/* What runs out counts until its last microsecond, also when nothing came from it since. */
static void terms(void **state)
{
	static const enum ledger_rank timed[] = {
	    LEDGER_RANK_CHALLENGED, LEDGER_RANK_HELD, LEDGER_RANK_DENIED, LEDGER_RANK_KNOWN};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(timed); i++) {
		for (int late = 0; late < 2; late++) {
			struct ledger *l = ledger_of(8);
			usec_t end = T0 + USEC_SEC;

			assert_true(add(l, 0, timed[i], end, T0));
			for (uint32_t n = 1; n < 8; n++)
				assert_true(add(l, n, LEDGER_RANK_UNKNOWN, 0, T0 + n));
			assert_true(add(l, 9, LEDGER_RANK_UNKNOWN, 0, late ? end : end - 1));
			assert_int_equal(has(l, 0), !late);
			assert_int_equal(has(l, 1), late);
			ledger_free(l);
		}
	}
}

/* Known users keep to their share while there are free ways; a ban takes what it finds. */
static void share_of_known(void **state)
{
	struct ledger *l = ledger_of(8);
	struct ledger_stats st;

	(void)state;
	for (uint32_t n = 0; n < 100; n++)
		assert_true(add(l, n, LEDGER_RANK_KNOWN, T0 + USEC_MIN, T0 + n));
	ledger_stats(l, &st);
	assert_int_equal(st.entries, LEDGER_WAYS - LEDGER_WAYS_STRANGERS);
	assert_true(add(l, 100, LEDGER_RANK_TRUSTED, T0 + USEC_MIN, T0 + 100));
	ledger_stats(l, &st);
	assert_int_equal(st.entries, LEDGER_WAYS - LEDGER_WAYS_STRANGERS);
	assert_int_equal(st.evicted, 95);
	assert_true(add(l, 101, LEDGER_RANK_DENIED, T0 + USEC_MIN, T0 + 101));
	assert_true(add(l, 102, LEDGER_RANK_UNKNOWN, 0, T0 + 102));
	ledger_stats(l, &st);
	assert_int_equal(st.entries, LEDGER_WAYS);
	assert_int_equal(st.evicted, 95);
	assert_int_equal(st.refused, 0);
	ledger_free(l);
}

/* One account logs in from port after port: no ban and no known address gives way, only flows. */
static void flows(void **state)
{
	struct ledger *l = ledger_of(8);
	struct ledger_stats st;

	(void)state;
	for (uint32_t n = 0; n < 5; n++)
		assert_true(add(
		    l, n, n % 2 ? LEDGER_RANK_KNOWN : LEDGER_RANK_DENIED, T0 + USEC_MIN, T0 + n));
	for (uint16_t port = 1; port < 1000; port++) {
		struct addr a = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10}};
		struct ledger_key k = ledger_key(LEDGER_FLOW, &a, port, 0);
		struct ledger_entry *e =
		    ledger_lock_or_add(l, ledger_hash(l, &k), &k, EVENT_TIER_KNOWN, T0 + 10 + port);

		assert_non_null(e);
		give(e, LEDGER_RANK_KNOWN, T0 + USEC_MIN);
		assert_int_equal(ledger_rank(e, T0), LEDGER_RANK_FLOW);
		ledger_unlock(l, e);
	}
	for (uint32_t n = 0; n < 5; n++)
		assert_true(has(l, n));
	assert_true(add(l, 20, LEDGER_RANK_UNKNOWN, 0, T0 + 2000));
	ledger_stats(l, &st);
	assert_int_equal(st.evicted, 997);
	assert_int_equal(st.evicted_tier[EVENT_TIER_KNOWN], 997);
	ledger_free(l);
}

/* A ban that ran out, of a source that is only looked at, counts for nothing. */
static void a_look_at_who_lapsed(void **state)
{
	struct ledger *l = ledger_of(8);
	usec_t end = T0 + USEC_SEC;
	struct ledger_stats st;

	(void)state;
	assert_true(add(l, 0, LEDGER_RANK_DENIED, end, T0));
	for (uint32_t n = 1; n < 8; n++)
		assert_true(add(l, n, LEDGER_RANK_UNKNOWN, 0, end - 20 + n));
	for (uint32_t n = 1; n < 8; n++)
		give_it(l, n, LEDGER_RANK_DENIED, end + USEC_MIN, end + n);
	assert_true(has(l, 0));
	for (uint32_t n = 0; n < 8; n++)
		assert_true(has(l, n));
	ledger_stats(l, &st);
	assert_int_equal(st.evicted, 0);
	ledger_free(l);
}

/* Those that are to be kept compete with each other once they have their places. */
static void safe_places(void **state)
{
	static const struct {
		const char *rank;
		char newcomer;
		int leaves; /* -1: refused */
	} rows[] = {
	    {"DDDDDDUU", 'D', 6}, /* the seventh: a stranger makes room */
	    {"DDDDDDDU", 'D', 0}, /* the eighth: the oldest of its rank */
	    {"KKKKKKUU", 'D', 6},
	    {"KKKKKKDU", 'D', 6},
	    {"KKKKKKUU", 'K', 0}, /* the known have six at most */
	    {"TKKKKKUU", 'K', 1},
	    {"KKDKKDUU", 'K', 6},
	    {"KKDKKDKU", 'K', 2},
	    {"TTTTTTUU", 'K', -1},
	    {"TTTTTTUU", 'T', 0},
	    {"TTTTTHHC", 'D', 5},
	    {"TTTTTHSC", 'C', 6},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger *l = ledger_of(8);
		struct ledger_stats st;

		for (uint32_t n = 0; n < 8; n++)
			assert_true(add(l, n, rank_of(rows[i].rank[n]), T0 + USEC_MIN, T0 + n));
		assert_int_equal(add(l, 20, rank_of(rows[i].newcomer), T0 + USEC_MIN, T0 + 20),
		    rows[i].leaves >= 0);
		for (int n = 0; n < 8; n++) {
			if (has(l, (uint32_t)n) == (n == rows[i].leaves))
				fail_msg("row %zu: %d", i, n);
		}
		ledger_stats(l, &st);
		assert_int_equal(st.refused, rows[i].leaves < 0);
		assert_int_equal(st.evicted, rows[i].leaves >= 0);
		if (rows[i].leaves >= 0)
			assert_int_equal(
			    st.evicted_tier[tier_of[rank_of(rows[i].rank[rows[i].leaves])]], 1);
		ledger_free(l);
	}
}

/* Half of the ledger is of value; a million strangers pass; all of it is still there. */
static void strangers(void **state)
{
	const uint32_t kept = 1024, entries = 8192;
	struct ledger *l = ledger_of(entries);
	struct ledger_stats st;
	uint32_t lost = 0;

	(void)state;
	for (uint32_t n = 0; n < kept; n++)
		assert_true(add(
		    l, n, n % 2 ? LEDGER_RANK_KNOWN : LEDGER_RANK_DENIED, T0 + 60 * USEC_MIN, T0));
	for (uint32_t n = 0; n < 1000000; n++)
		assert_true(add(l, kept + n, LEDGER_RANK_UNKNOWN, 0, T0 + n));
	for (uint32_t n = 0; n < kept; n++)
		lost += !has(l, n);
	assert_int_equal(lost, 0);
	ledger_stats(l, &st);
	assert_int_equal(st.entries, entries);
	assert_int_equal(st.capacity, entries);
	assert_int_equal(st.refused, 0);
	assert_int_equal(st.evicted, 1000000 + kept - entries);
	assert_int_equal(st.evicted_tier[EVENT_TIER_UNKNOWN], st.evicted);
	/* The last strangers are there, too: a set has places for them. */
	for (uint32_t n = 0; n < 100; n++)
		assert_true(has(l, kept + 999999 - n));
	ledger_free(l);
}

/* One set as a plain list, least lately seen first. */
struct plain {
	uint32_t name;
	struct ledger_entry e;
	enum ledger_rank noted; /* as of when it was last unlocked, or all were looked at */
};

struct model {
	struct plain item[LEDGER_WAYS];
	size_t n;
	usec_t stale; /* when the first of these ranks may have run out */
};

static size_t model_find(const struct model *m, uint32_t name)
{
	size_t i = 0;

	while (i < m->n && m->item[i].name != name)
		i++;
	return i;
}

static void model_drop(struct model *m, size_t i)
{
	memmove(&m->item[i], &m->item[i + 1], (m->n - i - 1) * sizeof(m->item[0]));
	m->n--;
}

static void model_note(struct model *m, size_t i, usec_t now)
{
	const struct ledger_entry *e = &m->item[i].e;
	usec_t until = USEC_MAX;

	m->item[i].noted = ledger_rank(e, now);
	switch (m->item[i].noted) {
	case LEDGER_RANK_FLOW:
	case LEDGER_RANK_KNOWN:
		until = e->known;
		break;
	case LEDGER_RANK_DENIED:
		until = e->banned;
		break;
	case LEDGER_RANK_HELD:
		until = MIN(e->held, e->proven_s * USEC_SEC);
		break;
	case LEDGER_RANK_CHALLENGED:
		until = MAX(e->challenged, e->held);
		break;
	case LEDGER_RANK_TRUSTED:
	case LEDGER_RANK_SUSPECT:
	case LEDGER_RANK_UNKNOWN:
		break;
	}
	m->stale = MIN(m->stale, until);
}

static size_t model_count(struct model *m, enum ledger_rank from, usec_t now)
{
	size_t n = 0;

	if (now >= m->stale) {
		m->stale = USEC_MAX;
		for (size_t i = 0; i < m->n; i++)
			model_note(m, i, now);
	}
	for (size_t i = 0; i < m->n; i++)
		n += m->item[i].noted >= from;
	return n;
}

/* The oldest of the lowest rank from `from` to `to`, not the one at `but`; LEDGER_WAYS: none. */
static size_t model_worst(
    const struct model *m, enum ledger_rank from, enum ledger_rank to, size_t but)
{
	size_t worst = LEDGER_WAYS;

	for (size_t i = 0; i < m->n; i++) {
		enum ledger_rank r = m->item[i].noted;

		if (i == but || r < from || r > to)
			continue;
		if (worst == LEDGER_WAYS || r < m->item[worst].noted)
			worst = i;
	}
	return worst;
}

enum { KNOWN_MOST = LEDGER_WAYS - LEDGER_WAYS_STRANGERS, SAFE_MOST = LEDGER_WAYS - 1 };

/* Makes room as ledger.h says; false: refused. */
static bool model_room(struct model *m, enum ledger_rank rank, usec_t now)
{
	bool full = m->n == LEDGER_WAYS, stranger = rank < LEDGER_RANK_HELD;
	size_t worst = LEDGER_WAYS;

	if (rank >= LEDGER_RANK_KNOWN && model_count(m, LEDGER_RANK_KNOWN, now) >= KNOWN_MOST)
		worst = model_worst(m, LEDGER_RANK_KNOWN, rank, LEDGER_WAYS);
	else if (full && (model_count(m, LEDGER_RANK_HELD, now) < SAFE_MOST || stranger))
		worst = model_worst(m, LEDGER_RANK_UNKNOWN, LEDGER_RANK_CHALLENGED, LEDGER_WAYS);
	else if (full)
		worst = model_worst(m, LEDGER_RANK_HELD, rank, LEDGER_WAYS);
	if (worst == LEDGER_WAYS)
		return !full;
	model_drop(m, worst);
	return true;
}

static void model_unlock(struct model *m, size_t i, usec_t now)
{
	enum ledger_rank before = m->item[i].noted, rank;
	size_t worst = LEDGER_WAYS;

	model_note(m, i, now);
	rank = m->item[i].noted;
	if (before >= LEDGER_RANK_HELD || rank < LEDGER_RANK_HELD)
		return;
	if (rank >= LEDGER_RANK_KNOWN && model_count(m, LEDGER_RANK_KNOWN, now) > KNOWN_MOST)
		worst = model_worst(m, LEDGER_RANK_KNOWN, rank, i);
	if (worst == LEDGER_WAYS && model_count(m, LEDGER_RANK_HELD, now) > SAFE_MOST)
		worst = model_worst(m, LEDGER_RANK_HELD, rank, i);
	if (worst < LEDGER_WAYS)
		model_drop(m, worst);
}

static size_t model_see(struct model *m, size_t i)
{
	struct plain p = m->item[i];

	model_drop(m, i);
	m->item[m->n] = p;
	return m->n++;
}

static struct plain *model_add(struct model *m, uint32_t name, enum ledger_rank rank, usec_t now)
{
	if (!model_room(m, rank, now))
		return NULL;
	m->item[m->n++] =
	    (struct plain){name, {.seen = now, .tier = EVENT_TIER_UNKNOWN}, LEDGER_RANK_UNKNOWN};
	return &m->item[m->n - 1];
}

static void same(const struct ledger_entry *a, const struct ledger_entry *b)
{
	assert_int_equal(a->seen, b->seen);
	assert_int_equal(a->banned, b->banned);
	assert_int_equal(a->held, b->held);
	assert_int_equal(a->known, b->known);
	assert_int_equal(a->challenged, b->challenged);
	assert_int_equal(a->tier, b->tier);
	assert_int_equal(a->proven_s, b->proven_s);
	assert_int_equal(a->dropped, b->dropped);
}

/* Of an address: it is never FLOW. */
static enum ledger_rank any_rank(struct rng *r)
{
	enum ledger_rank rank = rng_below(r, LEDGER_RANK_TRUSTED + 1);

	return rank == LEDGER_RANK_FLOW ? LEDGER_RANK_KNOWN : rank;
}

/* One step of the life of a set; every entry carries its whole history in `dropped`. */
static void step(struct ledger *l, struct model *m, struct rng *r, usec_t now)
{
	uint32_t name = rng_below(r, 24), mark = (uint32_t)rng_u64(r);
	enum ledger_rank rank = rng_below(r, 3) ? LEDGER_RANK_UNKNOWN : any_rank(r);
	usec_t until = now + rng_below(r, 200);
	size_t at = model_find(m, name);
	bool removed = rng_below(r, 50) == 0, seen = rng_below(r, 4) != 0, insert = rng_below(r, 4);
	struct plain *p = at < m->n ? &m->item[at] : NULL;
	struct ledger_entry *e;

	e = insert ? lock_or_add(l, name, tier_of[rank], now) : lock(l, name, now);
	if (!p && insert)
		p = model_add(m, name, rank == LEDGER_RANK_HELD ? LEDGER_RANK_UNKNOWN : rank, now);
	assert_int_equal(e != NULL, p != NULL);
	if (!e)
		return;
	same(e, &p->e);
	if (removed) {
		ledger_remove(l, e);
		model_drop(m, (size_t)(p - m->item));
		return;
	}
	give(e, rank, until);
	give(&p->e, rank, until);
	if (rng_below(r, 8) == 0) { /* pardoned */
		e->banned = e->held = e->known = p->e.banned = p->e.held = p->e.known = 0;
		e->tier = p->e.tier = EVENT_TIER_UNKNOWN;
	}
	e->dropped = p->e.dropped = mark;
	at = (size_t)(p - m->item);
	if (seen && e->seen != now) {
		e->seen = p->e.seen = now;
		at = model_see(m, at);
	}
	model_unlock(m, at, now);
	ledger_unlock(l, e);
}

static void random_life(void **state)
{
	struct ledger *l = ledger_of(8);
	struct ledger_stats st;
	struct model m = {.stale = USEC_MAX};
	struct rng r;
	usec_t now = T0;

	(void)state;
	rng_init_seed(&r, 11);
	for (int i = 0; i < 300000; i++) {
		now += 1 + rng_below(&r, rng_below(&r, 100) ? 20 : 2000);
		step(l, &m, &r, now);
		ledger_stats(l, &st);
		assert_int_equal(st.entries, m.n);
	}
	assert_true(st.refused > 50 && st.evicted > 10000);
	for (size_t t = EVENT_TIER_DENIED; t < EVENT_TIER_COUNT; t++)
		assert_true(st.evicted_tier[t] > 10);
	ledger_free(l);
}

static bool ban(void *arg, struct ledger_entry *e)
{
	(void)arg;
	give(e, LEDGER_RANK_DENIED, T0 + USEC_MIN);
	return true;
}

/* What a listing changes counts. */
static void each_changes_rank(void **state)
{
	struct ledger *l = ledger_of(8);
	size_t cursor = 0;

	(void)state;
	for (uint32_t n = 0; n < 6; n++)
		assert_true(add(l, n, LEDGER_RANK_UNKNOWN, 0, T0 + n));
	assert_false(ledger_each(l, &cursor, 100, ban, NULL));
	for (uint32_t n = 0; n < 1000; n++)
		assert_true(add(l, 100 + n, LEDGER_RANK_UNKNOWN, 0, T0 + 10 + n));
	for (uint32_t n = 0; n < 6; n++)
		assert_true(has(l, n));
	ledger_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranks),
	    cmocka_unit_test(order_of_leaving),
	    cmocka_unit_test(promotions),
	    cmocka_unit_test(age),
	    cmocka_unit_test(terms),
	    cmocka_unit_test(share_of_known),
	    cmocka_unit_test(flows),
	    cmocka_unit_test(a_look_at_who_lapsed),
	    cmocka_unit_test(safe_places),
	    cmocka_unit_test(strangers),
	    cmocka_unit_test(random_life),
	    cmocka_unit_test(each_changes_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
