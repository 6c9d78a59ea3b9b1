/* SPDX-License-Identifier: MIT
 *
 * Bans by hand and their list, pardon, and what survives a restart. */
#include "base/rng.h"
#include "judge.h"

#define HOUR (60 * USEC_MIN)
#define WALL (UINT64_C(1800000000) * USEC_SEC)

static void ban(struct judge *j, const char *what, usec_t until)
{
	struct prefix p = judge_prefix(what);

	assert_int_equal(standing_ban(j->standing, &j->policy, &p, until, T0), OK);
}

static enum err unban(struct judge *j, const char *what)
{
	struct prefix p = judge_prefix(what);

	return standing_unban(j->standing, &p, T0);
}

static bool is_banned(struct judge *j, const char *what, usec_t now)
{
	struct prefix p = judge_prefix(what);

	return standing_bans_whole(j->standing, &p, now);
}

static void by_hand(void **state)
{
	struct standing_view v;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	ban(&j, "192.0.2.7", T0 + HOUR);
	v = judge_look(&j, "192.0.2.7:99", T0);
	assert_int_equal(v.tier, EVENT_TIER_DENIED);
	assert_int_equal(v.banned_until, T0 + HOUR);
	assert_int_equal(v.reason, REASON_STANDING_MANUAL);
	assert_true(v.manual);
	assert_int_equal(judge_tier(&j, "192.0.2.7", T0 + HOUR - 1), EVENT_TIER_DENIED);
	assert_int_equal(judge_tier(&j, "192.0.2.7", T0 + HOUR), EVENT_TIER_UNKNOWN);
	/* In force whatever the mode is. */
	j.standing_conf.mode = CONF_MODE_OFF;
	assert_int_equal(judge_tier(&j, "192.0.2.7", T0), EVENT_TIER_DENIED);
	j.standing_conf.mode = CONF_MODE_ENFORCE;

	ban(&j, "198.51.100.0/24", T0 + HOUR);
	v = judge_look(&j, "198.51.100.200", T0);
	assert_int_equal(v.tier, EVENT_TIER_DENIED);
	assert_int_equal(v.banned_until, T0 + HOUR);
	assert_true(v.manual);
	assert_int_equal(judge_tier(&j, "198.51.101.1", T0), EVENT_TIER_UNKNOWN);
	ban(&j, "2001:db8:7::/64", T0 + HOUR);
	assert_int_equal(judge_tier(&j, "2001:db8:7::99", T0), EVENT_TIER_DENIED);

	assert_true(is_banned(&j, "192.0.2.7", T0 + HOUR - 1));
	assert_false(is_banned(&j, "192.0.2.7", T0 + HOUR));
	assert_false(is_banned(&j, "192.0.2.8", T0));
	assert_true(is_banned(&j, "198.51.100.0/24", T0));
	assert_false(is_banned(&j, "198.51.100.0/25", T0));
	assert_false(is_banned(&j, "198.51.100.200", T0)); /* exactly this */
	assert_true(is_banned(&j, "2001:db8:7::/64", T0));

	assert_int_equal(unban(&j, "192.0.2.8"), ERR_NOT_FOUND);
	assert_int_equal(unban(&j, "192.0.2.7"), OK);
	assert_int_equal(unban(&j, "192.0.2.7"), ERR_NOT_FOUND);
	assert_false(is_banned(&j, "192.0.2.7", T0));
	assert_int_equal(unban(&j, "198.51.100.0/25"), ERR_NOT_FOUND);
	assert_int_equal(unban(&j, "198.51.100.0/24"), OK);
	assert_int_equal(unban(&j, "2001:db8:7::/64"), OK);
	assert_int_equal(judge_tier(&j, "192.0.2.7", T0), EVENT_TIER_UNKNOWN);
	assert_int_equal(judge_tier(&j, "198.51.100.200", T0), EVENT_TIER_UNKNOWN);
	judge_done(&j);
}

/* An unban ends the bans of the address's flows, and the score that would bring them back. */
static void pardon(void **state)
{
	struct standing_who who = judge_who("192.0.2.7:7000", true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, "192.0.2.7:5060", T0);
	judge_found(&j, &who, REASON_SCAN_DECOY, T0);
	assert_int_equal(judge_tier(&j, "192.0.2.7:7000", T0), EVENT_TIER_DENIED);
	assert_int_equal(unban(&j, "192.0.2.7"), OK);
	assert_int_equal(judge_tier(&j, "192.0.2.7:7000", T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_tier(&j, "192.0.2.7:5060", T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_look(&j, "192.0.2.7", T0).devices, 0);
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	assert_true(j.changes.score == 2);
	judge_found(&j, &who, REASON_SCAN_DECOY, T0);
	assert_int_equal(j.changes.item[j.changes.n - 1].offences, 1);
	judge_done(&j);
}

struct seen {
	char text[40][64];
	size_t n, stop_at;
};

static bool see(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	struct seen *s = arg;
	struct buf b = BUF(s->text[0]);

	if (s->n == s->stop_at)
		return false;
	b = buf_of(s->text[s->n], sizeof(s->text[0]) - 1);
	if (prefix)
		prefix_add(&b, prefix);
	else
		ledger_key_add(&b, &v->key);
	assert_int_equal(v->tier, EVENT_TIER_DENIED);
	s->n++;
	return true;
}

static bool saw(const struct seen *s, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += strcmp(s->text[i], text) == 0;
	return n == 1;
}

/* Each is met once, however often the walk is interrupted. */
static void list(void **state)
{
	struct standing_who who = judge_who("192.0.2.7:7000", true);

	(void)state;
	for (size_t step = 1; step <= 7; step++) {
		struct seen s = {.n = 0};
		size_t cursor = 0, calls = 0;
		struct judge j;
		char text[32];

		judge_init(&j, 256);
		judge_log_in(&j, "192.0.2.7:5060", T0);
		who.user_hash = 77;
		judge_found(&j, &who, REASON_SCAN_DECOY, T0);
		ban(&j, "198.51.100.0/24", T0 + HOUR);
		ban(&j, "198.51.101.0/24", T0 + HOUR);
		ban(&j, "198.51.102.0/24", T0); /* is over */
		for (int i = 0; i < 20; i++) {
			snprintf(text, sizeof(text), "203.0.113.%d", i);
			ban(&j, text, T0 + HOUR);
		}
		ban(&j, "203.0.113.99", T0); /* is over */
		do
			s.stop_at = s.n + step;
		while (calls++ < 200 && standing_bans(j.standing, &cursor, 4, T0, see, &s));
		assert_int_equal(s.n, 23);
		assert_true(saw(&s, "198.51.100.0/24") && saw(&s, "198.51.101.0/24"));
		assert_true(saw(&s, "192.0.2.7:7000"));
		for (int i = 0; i < 20; i++) {
			snprintf(text, sizeof(text), "203.0.113.%d", i);
			assert_true(saw(&s, text));
		}
		judge_done(&j);
	}
}

/* ---- a restart ---- */

struct row {
	char key[STANDING_KEY_MAX], record[STANDING_RECORD];
	size_t key_n, record_n;
};

struct rows {
	struct row row[64];
	size_t n, room;
};

static bool keep(void *arg, struct span key, struct span record)
{
	struct rows *r = arg;
	struct row *row = &r->row[r->n++];

	assert_true(r->room > 0); /* not called again after it said no */
	assert_true(key.n <= sizeof(row->key) && r->n <= ARRAY_LEN(r->row));
	memcpy(row->key, key.p, key.n);
	if (record.n)
		memcpy(row->record, record.p, record.n);
	row->key_n = key.n;
	row->record_n = record.n;
	return --r->room > 0;
}

static void save_all(struct judge *j, struct rows *r, size_t room, usec_t now, usec_t wall)
{
	size_t cursor = 0;
	bool more;

	r->n = 0;
	do {
		r->room = room;
		more = standing_save(j->standing, &cursor, 3, now, wall, keep, r);
	} while (more);
	/* What did not fit when the prefixes were written. */
	cursor = 0;
	r->room = SIZE_MAX;
	while (standing_save(j->standing, &cursor, 3, now, wall, keep, r))
		;
}

static void restore_all(struct judge *j, const struct rows *r, usec_t now, usec_t wall)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->row[i].record_n)
			assert_int_equal(
			    standing_restore(j->standing, &j->policy,
				span_of(r->row[i].key, r->row[i].key_n),
				span_of(r->row[i].record, r->row[i].record_n), now, wall),
			    OK);
}

static void survives(void **state)
{
	struct standing_who bad = judge_who("203.0.113.5:5060", true);
	struct standing_who device = judge_who("192.0.2.7:7000", true);
	usec_t boot = 60 * USEC_SEC; /* the clock of the next start is young */

	(void)state;
	for (size_t room = 1; room < 12; room++) {
		struct rows r = {.n = 0}, again = {.n = 0};
		struct judge a, b;
		struct standing_view v;

		judge_init(&a, 256);
		judge_init(&b, 256);
		judge_found(&a, &bad, REASON_SCAN_SIGNATURE, T0);
		judge_found(&a, &bad, REASON_AUTH_BAD_PASSWORD, T0);
		judge_log_in(&a, "192.0.2.7:5060", T0);
		judge_log_in(&a, "192.0.2.7:6060", T0);
		device.user_hash = 99;
		judge_found(&a, &device, REASON_SCAN_DECOY, T0);
		ban(&a, "198.51.100.0/24", T0 + HOUR);
		ban(&a, "198.51.101.9", T0 + HOUR);
		/* Forgotten: a stranger, and one that is merely suspect. */
		judge_sends(&a, "192.0.2.50:1", LEDGER_OPTIONS, T0);
		bad = judge_who("203.0.113.6:5060", true);
		judge_found(&a, &bad, REASON_SCAN_USERS, T0);
		bad = judge_who("203.0.113.5:5060", true);

		save_all(&a, &r, room, T0, WALL);
		assert_int_equal(r.n, 7);
		/* Nothing changed since. */
		save_all(&a, &again, room, T0, WALL);
		assert_int_equal(again.n, 0);

		/* Down for five minutes. */
		restore_all(&b, &r, boot, WALL + 5 * USEC_MIN);
		v = judge_look(&b, "203.0.113.5", boot);
		assert_int_equal(v.tier, EVENT_TIER_DENIED);
		assert_int_equal(v.banned_until, boot + 5 * USEC_MIN);
		assert_int_equal(v.reason, REASON_SCAN_SIGNATURE);
		assert_int_equal(v.offences, 1);
		assert_true(v.proven && !v.manual);
		v = judge_look(&b, "192.0.2.7", boot);
		assert_int_equal(v.tier, EVENT_TIER_KNOWN);
		assert_int_equal(v.known_until, boot + 24 * HOUR - 5 * USEC_MIN);
		assert_int_equal(v.accounts, 2);
		assert_int_equal(v.devices, 1);
		assert_int_equal(judge_tier(&b, "192.0.2.7:6060", boot), EVENT_TIER_KNOWN);
		assert_int_equal(judge_tier(&b, "192.0.2.7:7000", boot), EVENT_TIER_DENIED);
		v = judge_look(&b, "198.51.100.77", boot);
		assert_int_equal(v.banned_until, boot + 55 * USEC_MIN);
		v = judge_look(&b, "198.51.101.9", boot);
		assert_true(v.manual && v.banned_until == boot + 55 * USEC_MIN);
		assert_int_equal(judge_tier(&b, "203.0.113.6", boot), EVENT_TIER_UNKNOWN);
		/* What was restored need not be written. */
		save_all(&b, &again, room, boot, WALL);
		assert_int_equal(again.n, 0);
		standing_save_again(b.standing);
		save_all(&b, &again, room, boot, WALL);
		assert_int_equal(again.n, 7);
		judge_done(&a);
		judge_done(&b);
	}
}

/* The wall clock of this start is that of another century, or that of the last one was: nothing
 * lasts longer than it could have at the most. */
static void wrong_clock(void **state)
{
	static const usec_t walls[] = {1, WALL - 50 * 365 * 24 * HOUR, WALL + 50 * 365 * 24 * HOUR};
	struct standing_who bad = judge_who("203.0.113.5:5060", true);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(walls); i++) {
		bool early = walls[i] < WALL;
		struct rows r = {.n = 0};
		struct judge a, b;

		judge_init(&a, 256);
		judge_init(&b, 256);
		judge_found(&a, &bad, REASON_SCAN_SIGNATURE, T0);
		judge_log_in(&a, "192.0.2.7:5060", T0);
		ban(&a, "198.51.100.0/24", T0 + HOUR);
		ban(&a, "198.51.101.9", T0 + HOUR);
		save_all(&a, &r, 64, T0, WALL);
		for (size_t k = 0; k < r.n; k++)
			(void)!standing_restore(b.standing, &b.policy,
			    span_of(r.row[k].key, r.row[k].key_n),
			    span_of(r.row[k].record, r.row[k].record_n), T0, walls[i]);
		assert_int_equal(judge_look(&b, "203.0.113.5", T0).banned_until,
		    early ? T0 + b.standing_conf.ban_max : 0);
		assert_int_equal(judge_look(&b, "192.0.2.7", T0).known_until,
		    early ? T0 + b.standing_conf.known : 0);
		assert_int_equal(judge_look(&b, "198.51.100.1", T0).banned_until,
		    early ? T0 + STANDING_HAND_MAX : 0);
		assert_int_equal(judge_look(&b, "198.51.101.9", T0).banned_until,
		    early ? T0 + STANDING_HAND_MAX : 0);
		judge_done(&a);
		judge_done(&b);
	}
}

/* An unban is told to the store, too. */
static void forgets(void **state)
{
	struct rows r = {.n = 0};
	struct judge j;

	(void)state;
	judge_init(&j, 256);
	ban(&j, "198.51.100.0/24", T0 + HOUR);
	ban(&j, "198.51.101.9", T0 + HOUR);
	save_all(&j, &r, 9, T0, WALL);
	assert_int_equal(r.n, 2);
	assert_int_equal(unban(&j, "198.51.100.0/24"), OK);
	assert_int_equal(unban(&j, "198.51.101.9"), OK);
	save_all(&j, &r, 9, T0, WALL);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.row[0].record_n, 0);
	assert_int_equal(r.row[1].record_n, 0);
	judge_done(&j);
}

static void damaged(void **state)
{
	struct rows r = {.n = 0};
	struct span key, record;
	struct judge j;

	(void)state;
	judge_init(&j, 256);
	ban(&j, "198.51.101.9", T0 + HOUR);
	save_all(&j, &r, 9, T0, WALL);
	key = span_of(r.row[0].key, r.row[0].key_n);
	record = span_of(r.row[0].record, r.row[0].record_n);
	assert_int_equal(
	    standing_restore(j.standing, &j.policy, key, span_of(record.p, 63), T0, WALL),
	    ERR_SYNTAX);
	assert_int_equal(
	    standing_restore(j.standing, &j.policy, span_of(key.p, 15), record, T0, WALL),
	    ERR_SYNTAX);
	r.row[0].record[0] = 9; /* of another version */
	assert_int_equal(
	    standing_restore(j.standing, &j.policy, key, record, T0, WALL), ERR_SYNTAX);
	r.row[0].record[0] = 1;
	r.row[0].key[15] = (char)0xff; /* no kind of ours, whatever the byte order */
	r.row[0].key[8] = (char)0xff;
	assert_int_equal(
	    standing_restore(j.standing, &j.policy, key, record, T0, WALL), ERR_SYNTAX);
	memcpy(r.row[0].key, "0123456789abcdef\x81", 17);
	assert_int_equal(
	    standing_restore(j.standing, &j.policy, span_of(key.p, 17), record, T0, WALL),
	    ERR_SYNTAX);
	/* One that ran out meanwhile. */
	r.row[0].key[16] = 100;
	assert_int_equal(
	    standing_restore(j.standing, &j.policy, span_of(key.p, 17), record, T0, WALL + HOUR),
	    ERR_NOT_FOUND);
	judge_done(&j);
}

/* Records from a disk may hold anything: they are read or left out, nothing else happens. */
static void anything(void **state)
{
	struct rng rng;
	struct judge j;

	(void)state;
	rng_init_seed(&rng, 3);
	judge_init(&j, 64);
	for (int i = 0; i < 20000; i++) {
		char key[STANDING_KEY_MAX], record[STANDING_RECORD];
		enum err e;

		for (size_t n = 0; n < sizeof(key); n++)
			key[n] = (char)rng_below(&rng, 256);
		for (size_t n = 0; n < sizeof(record); n++)
			record[n] = (char)(rng_below(&rng, 2) ? 0 : rng_below(&rng, 256));
		record[0] = 1;
		e = standing_restore(j.standing, &j.policy, span_of(key, i & 1 ? 16 : 17),
		    span_of(record, sizeof(record)), T0, WALL);
		assert_true(e == OK || e == ERR_SYNTAX || e == ERR_NOT_FOUND || e == ERR_FULL);
	}
	judge_done(&j);
}

static void counts(void **state)
{
	struct standing_tiers sum = {.banned = 0};
	struct standing_who bad = judge_who("203.0.113.5:5060", true);
	struct judge j;
	size_t cursor = 0;

	(void)state;
	judge_init(&j, 256);
	judge_found(&j, &bad, REASON_SCAN_SIGNATURE, T0);
	bad = judge_who("203.0.113.6:5060", true);
	judge_found(&j, &bad, REASON_SCAN_USERS, T0);
	judge_log_in(&j, "192.0.2.7:5060", T0);
	judge_log_in(&j, "192.0.2.7:6060", T0);
	for (int i = 0; i < 61; i++)
		judge_sends(&j, "192.0.2.50:1", LEDGER_OPTIONS, T0);
	while (standing_count(j.standing, &j.policy, &cursor, 5, T0, &sum))
		;
	assert_int_equal(sum.n[EVENT_TIER_DENIED], 1);
	assert_int_equal(sum.n[EVENT_TIER_SUSPECT], 1);
	assert_int_equal(sum.n[EVENT_TIER_KNOWN], 1);
	assert_int_equal(sum.n[EVENT_TIER_UNKNOWN], 1);
	assert_int_equal(sum.banned, 1);
	assert_int_equal(sum.held, 1);
	assert_int_equal(sum.flows, 2);
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_hand),
	    cmocka_unit_test(pardon),
	    cmocka_unit_test(list),
	    cmocka_unit_test(survives),
	    cmocka_unit_test(wrong_clock),
	    cmocka_unit_test(forgets),
	    cmocka_unit_test(damaged),
	    cmocka_unit_test(anything),
	    cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
