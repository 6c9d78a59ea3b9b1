/* SPDX-License-Identifier: MIT
 *
 * The gate: each threshold on both sides, holds and their end, who passes over a threshold, what is
 * told, when a nonce is looked for. Devices of a known address are in test_gate_known.c, scenes of
 * many phones in test_gate_nat.c. */
#include "judge.h"

#define A       "192.0.2.7:5060"
#define WINDOW  (2 * USEC_SEC)
#define RELEASE (30 * USEC_SEC)

static void threshold(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 60, T0), 60);
	assert_int_equal(j.answer.tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(j.answer.reason, REASON_NONE);
	assert_false(judge_sends(&j, A, LEDGER_INVITE, T0));
	assert_int_equal(j.answer.reason, REASON_FLOOD_SOURCE);
	assert_true(j.answer.tell);
	assert_false(j.answer.proven);
	assert_true(j.answer.value == 61 && j.answer.threshold == 60);
	assert_int_equal(j.answer.window, WINDOW);
	assert_false(judge_sends(&j, A, LEDGER_INVITE, T0));
	assert_false(j.answer.tell);
	/* Others are not concerned. */
	assert_true(judge_sends(&j, "192.0.2.8:5060", LEDGER_INVITE, T0));
	judge_done(&j);
}

/* The window slides: exact to the microsecond. */
static void slides(void **state)
{
	struct judge j;

	(void)state;
	for (int late = 0; late < 2; late++) {
		judge_init(&j, 64);
		for (unsigned i = 0; i < 60; i++)
			assert_true(judge_sends(&j, A, LEDGER_OPTIONS, T0 + i * 10000));
		assert_int_equal(
		    judge_sends(&j, A, LEDGER_OPTIONS, T0 + WINDOW - 1 + (usec_t)late), late);
		judge_done(&j);
	}
}

static void held_until_quiet(void **state)
{
	struct judge j;
	usec_t last;

	(void)state;
	judge_init(&j, 64);
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 61, T0), 60);
	/* 60 each window is within the threshold, so it does not prolong the hold. */
	for (usec_t t = T0 + WINDOW; t < T0 + RELEASE; t += WINDOW)
		assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 60, t), 0);
	assert_false(judge_sends(&j, A, LEDGER_OPTIONS, T0 + RELEASE - 1));
	/* That last one made 61 in a window. */
	last = T0 + RELEASE - 1;
	assert_false(judge_sends(&j, A, LEDGER_OPTIONS, last + RELEASE - 1));
	assert_true(judge_sends(&j, A, LEDGER_OPTIONS, last + RELEASE));
	assert_int_equal(j.answer.reason, REASON_FLOOD_RELEASED);
	assert_true(j.answer.tell);
	assert_true(j.answer.value == 1 + 14 * 60 + 2); /* dropped meanwhile */
	assert_true(judge_sends(&j, A, LEDGER_OPTIONS, last + RELEASE));
	assert_int_equal(j.answer.reason, REASON_NONE);
	assert_false(j.answer.tell);
	/* The next hold is counted for itself. */
	last += 2 * RELEASE;
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 65, last), 60);
	assert_true(judge_sends(&j, A, LEDGER_OPTIONS, last + RELEASE));
	assert_true(j.answer.value == 5);
	judge_done(&j);
}

/* While it lasts it is told again with each `release`. */
static void told_again(void **state)
{
	struct judge j;
	unsigned told = 0;

	(void)state;
	judge_init(&j, 64);
	for (usec_t t = T0; t <= T0 + 4 * RELEASE; t += 10 * USEC_MS) {
		judge_sends(&j, A, LEDGER_OPTIONS, t);
		told += j.answer.tell;
	}
	assert_int_equal(told, 4);
	judge_done(&j);
}

static void suspect_threshold(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_found(&j, &who, REASON_SCAN_USERS, T0);
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 25, T0), 20);
	assert_int_equal(j.answer.tier, EVENT_TIER_SUSPECT);
	assert_true(judge_look(&j, A, T0).score == 5);
	judge_done(&j);
}

static void no_threshold(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	j.flood_conf.requests = j.flood_conf.prefix_requests = j.flood_conf.wide_requests = 0;
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 20000, T0), 20000);
	judge_done(&j);
}

static void modes(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	j.flood_conf.mode = CONF_MODE_OFF;
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 20000, T0), 20000);
	assert_int_equal(j.answer.reason, REASON_NONE);
	/* observe: says so, and lets it through. */
	j.flood_conf.mode = CONF_MODE_OBSERVE;
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 60, T0), 60);
	assert_int_equal(j.answer.reason, REASON_NONE);
	assert_true(judge_sends(&j, A, LEDGER_OPTIONS, T0));
	assert_int_equal(j.answer.reason, REASON_FLOOD_SOURCE);
	assert_true(j.answer.tell);
	assert_true(judge_sends(&j, A, LEDGER_OPTIONS, T0));
	assert_int_equal(j.answer.reason, REASON_FLOOD_SOURCE);
	assert_false(j.answer.tell);
	judge_done(&j);
}

static void trusted(void **state)
{
	struct addr a = judge_addr(A);
	struct gate_facts f = {.source = &a, .method = LEDGER_INVITE, .bytes = 400};
	struct ledger_stats stats;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (int i = 0; i < 10000; i++) {
		f.trust = i & 1 ? STANDING_PEER : STANDING_EXEMPT;
		gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
		assert_true(j.answer.pass);
		assert_int_equal(j.answer.tier, EVENT_TIER_TRUSTED);
	}
	ledger_stats(standing_ledger(j.standing), &stats);
	assert_int_equal(stats.entries, 0);
	judge_done(&j);
}

static void banned(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct addr a = judge_addr(A);
	struct gate_facts f = {.source = &a, .trust = STANDING_OWN, .bytes = 400};
	struct prefix p = judge_prefix("192.0.2.0/24");
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, T0);
	for (int i = 0; i < 3; i++) {
		assert_false(judge_sends(&j, A, LEDGER_OPTIONS, T0));
		assert_int_equal(j.answer.reason, REASON_GATE_BANNED);
		assert_int_equal(j.answer.tier, EVENT_TIER_DENIED);
		assert_int_equal(j.answer.tell, i == 0);
	}
	assert_int_equal(judge_look(&j, "192.0.2.7", T0).dropped, 3);
	/* Flood control on observe lets floods through, not bans. */
	j.flood_conf.mode = CONF_MODE_OBSERVE;
	assert_false(judge_sends(&j, A, LEDGER_OPTIONS, T0));
	j.flood_conf.mode = CONF_MODE_ENFORCE;
	/* In observe a ban that was in force is not; and our own are never refused for it. */
	j.standing_conf.mode = CONF_MODE_OBSERVE;
	assert_true(judge_sends(&j, A, LEDGER_OPTIONS, T0));
	j.standing_conf.mode = CONF_MODE_ENFORCE;
	gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
	assert_true(j.answer.pass);
	assert_int_not_equal(j.answer.tier, EVENT_TIER_DENIED);
	assert_false(judge_sends(&j, A, LEDGER_OPTIONS, T0 + 10 * USEC_MIN - 1));
	assert_true(judge_sends(&j, A, LEDGER_OPTIONS, T0 + 10 * USEC_MIN));

	assert_int_equal(standing_ban(j.standing, &j.policy, &p, T0 + RELEASE, T0), OK);
	for (int i = 0; i < 3; i++) {
		assert_false(judge_sends(&j, "192.0.2.99:5060", LEDGER_OPTIONS, T0));
		assert_int_equal(j.answer.reason, REASON_GATE_BANNED);
		assert_int_equal(j.answer.tell, i == 0);
	}
	assert_true(judge_sends(&j, "192.0.3.1:5060", LEDGER_OPTIONS, T0));
	assert_true(judge_sends(&j, "192.0.2.99:5060", LEDGER_OPTIONS, T0 + RELEASE));
	judge_done(&j);
}

/* ---- answers to challenges ---- */

static void answers_pass(void **state)
{
	struct addr a = judge_addr(A);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_burst(&j, A, LEDGER_REGISTER, 60, T0);
	for (int i = 0; i < 3; i++)
		standing_challenged(j.standing, &j.policy, &a, T0);
	judge_burst(&j, A, LEDGER_REGISTER, 100, T0);
	assert_false(j.answer.pass);
	/* As many as challenges, each of them with a nonce. */
	for (int i = 0; i < 3; i++) {
		assert_true(judge_ask(&j, &a, LEDGER_REGISTER, true, T0));
		assert_int_equal(j.answer.tier, EVENT_TIER_CHALLENGED);
		assert_true(j.answer.proven);
		assert_false(judge_ask(&j, &a, LEDGER_REGISTER, false, T0));
		assert_false(j.answer.proven);
	}
	assert_false(judge_ask(&j, &a, LEDGER_REGISTER, true, T0));

	/* In time. */
	standing_challenged(j.standing, &j.policy, &a, T0);
	assert_false(judge_ask(&j, &a, LEDGER_REGISTER, true, T0 + 5 * USEC_SEC));
	standing_challenged(j.standing, &j.policy, &a, T0);
	assert_true(judge_ask(&j, &a, LEDGER_REGISTER, true, T0 + 5 * USEC_SEC - 1));
	/* What was not answered in time does not add up. */
	standing_challenged(j.standing, &j.policy, &a, T0 + 5 * USEC_SEC);
	assert_true(judge_ask(&j, &a, LEDGER_REGISTER, true, T0 + 5 * USEC_SEC));
	assert_false(judge_ask(&j, &a, LEDGER_REGISTER, true, T0 + 5 * USEC_SEC));
	judge_done(&j);
}

/* Of a source that was just challenged only what carries a nonce goes before other strangers. */
static void tier_of_an_answer(void **state)
{
	struct addr a = judge_addr(A);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	assert_false(standing_awaits_answer(j.standing, &a, T0)); /* never heard of */
	judge_sends(&j, A, LEDGER_REGISTER, T0);
	assert_false(standing_awaits_answer(j.standing, &a, T0));
	standing_challenged(j.standing, &j.policy, &a, T0);
	assert_int_equal(judge_tier(&j, A, T0), EVENT_TIER_CHALLENGED);
	assert_true(standing_awaits_answer(j.standing, &a, T0 + 5 * USEC_SEC - 1));
	assert_false(standing_awaits_answer(j.standing, &a, T0 + 5 * USEC_SEC));
	assert_true(judge_ask(&j, &a, LEDGER_REGISTER, false, T0));
	assert_int_equal(j.answer.tier, EVENT_TIER_UNKNOWN);
	assert_true(judge_ask(&j, &a, LEDGER_REGISTER, true, T0));
	assert_int_equal(j.answer.tier, EVENT_TIER_CHALLENGED);
	assert_false(standing_awaits_answer(j.standing, &a, T0));
	assert_true(judge_ask(&j, &a, LEDGER_REGISTER, true, T0));
	assert_int_equal(j.answer.tier, EVENT_TIER_UNKNOWN);
	judge_done(&j);
}

/* Some 200 ns each: only where it decides. */
static void asked_only_where_it_decides(void **state)
{
	struct addr a = judge_addr(A);
	unsigned asked = 0;
	struct gate_facts f = {
	    .source = &a, .bytes = 400, .carries_nonce = judge_no, .arg = &asked};
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (int i = 0; i < 60; i++)
		gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
	assert_int_equal(asked, 0);
	for (int i = 0; i < 1000; i++)
		gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
	assert_int_equal(asked, 1); /* for what is told */
	standing_challenged(j.standing, &j.policy, &a, T0);
	gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
	assert_int_equal(asked, 2);
	gate_decide(&j.gate, &j.policy, &f, T0 + 5 * USEC_SEC, &j.answer);
	assert_int_equal(asked, 2);
	judge_done(&j);
}

/* A log-in ends the hold, and the count begins anew with what a known source may. */
static void log_in_ends_a_hold(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_burst(&j, A, LEDGER_REGISTER, 1000, T0);
	judge_log_in(&j, A, T0);
	assert_int_equal(judge_burst(&j, "192.0.2.7:7777", LEDGER_REGISTER, 1200, T0), 1200);
	assert_false(judge_sends(&j, "192.0.2.7:7777", LEDGER_REGISTER, T0));
	assert_int_equal(j.answer.tier, EVENT_TIER_KNOWN);
	assert_int_equal(j.answer.reason, REASON_FLOOD_SOURCE);
	assert_true(j.answer.tell);
	assert_true(judge_sends(&j, "192.0.2.7:7777", LEDGER_REGISTER, T0 + WINDOW));
	assert_int_equal(j.answer.reason, REASON_NONE);
	assert_true(judge_sends(&j, "192.0.2.7:7777", LEDGER_REGISTER, T0 + RELEASE));
	assert_int_equal(j.answer.reason, REASON_FLOOD_RELEASED);
	judge_done(&j);

	/* Also when both thresholds are the same figure. */
	judge_init(&j, 64);
	j.flood_conf.known_requests = 60;
	judge_burst(&j, A, LEDGER_REGISTER, 1000, T0);
	judge_log_in(&j, A, T0);
	assert_int_equal(judge_burst(&j, "192.0.2.7:7777", LEDGER_REGISTER, 70, T0), 60);
	judge_done(&j);
}

/* ---- strangers together ---- */

static unsigned from_prefix(
    struct judge *j, const char *head, const char *tail, unsigned n, usec_t now)
{
	unsigned passed = 0;
	char text[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s%u%s", head, i % 250 + 1, tail);
		passed += judge_sends(j, text, LEDGER_REGISTER, now);
	}
	return passed;
}

static void prefix(void **state)
{
	struct addr a = judge_addr("192.0.2.1:5060");
	struct judge j;

	(void)state;
	judge_init(&j, 65536);
	judge_log_in(&j, "192.0.2.77:5060", T0);
	assert_int_equal(from_prefix(&j, "203.0.113.", ":5060", 600, T0), 600);
	assert_int_equal(from_prefix(&j, "192.0.2.", ":5060", 76, T0), 76);
	assert_int_equal(from_prefix(&j, "192.0.2.", ":5060", 76, T0), 76);
	assert_int_equal(from_prefix(&j, "192.0.2.", ":5060", 456, T0), 448 + 2);
	/* 600 of strangers, and two of .77, which is known and counts apart. */
	assert_int_equal(j.answer.reason, REASON_FLOOD_PREFIX);
	assert_int_equal(j.answer.tier, EVENT_TIER_UNKNOWN);
	assert_true(judge_sends(&j, "192.0.2.77:5060", LEDGER_INVITE, T0));
	assert_true(judge_sends(&j, "192.0.2.77:9", LEDGER_INVITE, T0));
	/* An answer to a challenge, too. */
	standing_challenged(j.standing, &j.policy, &a, T0);
	assert_false(judge_ask(&j, &a, LEDGER_REGISTER, false, T0));
	assert_true(judge_ask(&j, &a, LEDGER_REGISTER, true, T0));
	assert_true(judge_sends(&j, "192.0.2.1:5060", LEDGER_INVITE, T0 + WINDOW));
	judge_done(&j);
}

static void prefix_of_ipv6(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 65536);
	assert_int_equal(from_prefix(&j, "[2001:db8:7:", "::1]:5060", 700, T0), 600);
	assert_int_equal(from_prefix(&j, "[2001:db8:8:", "::1]:5060", 600, T0), 600);
	judge_done(&j);
}

/* IPv6 addresses of a /64 are one source. */
static void one_64(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 65536);
	assert_int_equal(from_prefix(&j, "[2001:db8:7:7::", "]:5060", 100, T0), 60);
	judge_done(&j);
}

static unsigned from_wide(struct judge *j, unsigned from, unsigned to, usec_t now)
{
	unsigned passed = 0;
	char text[64];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "10.7.%u.%u:5060", i / 200 % 256, i % 200);
		passed += judge_sends(j, text, LEDGER_REGISTER, now);
	}
	return passed;
}

static void wide(void **state)
{
	struct judge j;
	unsigned passed;

	(void)state;
	judge_init(&j, 65536);
	judge_log_in(&j, "10.7.250.250:5060", T0);
	assert_int_equal(from_wide(&j, 0, 6000, T0), 6000);
	assert_false(j.answer.tell);
	/* Six times what it may: about a sixth gets through. */
	passed = from_wide(&j, 6000, 36000, T0);
	assert_in_range(passed, 6000, 14000);
	assert_true(judge_sends(&j, "10.7.250.250:5060", LEDGER_INVITE, T0));
	/* Whom it met it meets again, and whom not, not: a log-in can be finished. */
	passed = 0;
	for (unsigned i = 0; i < 400; i++) {
		bool first = from_wide(&j, i, i + 1, T0) == 1;

		passed += first;
		if (from_wide(&j, i, i + 1, T0) != first)
			passed += 1000;
	}
	assert_in_range(passed, 20, 140);
	/* After two windows of quiet all pass. */
	assert_int_equal(from_wide(&j, 0, 1000, T0 + 3 * WINDOW), 1000);
	judge_done(&j);
}

static void wide_is_told(void **state)
{
	struct judge j;
	unsigned told = 0;
	char text[64];

	(void)state;
	judge_init(&j, 65536);
	for (unsigned i = 0; i < 40000; i++) {
		snprintf(text, sizeof(text), "10.7.%u.%u:5060", i / 200 % 256, i % 200);
		(void)judge_sends(&j, text, LEDGER_REGISTER, T0);
		if (j.answer.reason != REASON_FLOOD_WIDE)
			continue;
		assert_false(j.answer.pass);
		if (j.answer.tell && told++ == 0)
			assert_true(j.answer.value > 6000 && j.answer.threshold == 6000);
	}
	assert_int_equal(told, 1);
	judge_done(&j);
}

/* ---- proof ---- */

/* Floods a source for a while, and does what the edge does with what is told. Returns when it was
 * banned; 0: never. */
static usec_t flood_for(struct judge *j, bool stream, bool nonce, usec_t time)
{
	struct addr a = judge_addr(A);
	struct gate_facts f = {.source = &a,
	    .stream = stream,
	    .bytes = 400,
	    .carries_nonce = nonce ? judge_yes : judge_no};

	for (usec_t t = T0; t < T0 + time; t += 10 * USEC_MS) {
		gate_decide(&j->gate, &j->policy, &f, t, &j->answer);
		if (j->answer.reason == REASON_GATE_BANNED)
			return t;
		if (j->answer.tell && j->answer.reason == REASON_FLOOD_SOURCE) {
			struct standing_who who = {.source = a, .proven = j->answer.proven};

			judge_found(j, &who, REASON_FLOOD_SOURCE, t);
		}
	}
	return 0;
}

static void proven_flood_is_banned(void **state)
{
	struct judge j;
	usec_t t;

	(void)state;
	for (int nonce = 0; nonce < 2; nonce++) {
		judge_init(&j, 64);
		t = flood_for(&j, !nonce, nonce, 10 * USEC_MIN);
		/* Told at 0.6 s, then each 30 s; five times 2 decays below 10, so with the sixth.
		 */
		assert_in_range(t, T0 + 150 * USEC_SEC, T0 + 152 * USEC_SEC);
		judge_done(&j);
	}
	/* A spoofer may go on for a day. */
	judge_init(&j, 64);
	assert_int_equal(flood_for(&j, false, false, 24 * 60 * USEC_MIN), 0);
	assert_int_equal(judge_tier(&j, A, T0), EVENT_TIER_SUSPECT);
	judge_done(&j);
}

static void may_send(void **state)
{
	struct addr a = judge_addr(A), b = judge_addr("192.0.2.8:5060");
	const struct gate_facts stream = {.source = &b, .stream = true, .bytes = 400};
	struct judge j;
	usec_t t = T0;
	uint64_t in = 0, out = 0;

	(void)state;
	judge_init(&j, 64);
	assert_false(standing_may_send(j.standing, &a, 1, T0)); /* nothing came from it */
	judge_sends(&j, A, LEDGER_OPTIONS, T0);                 /* 400 bytes */
	assert_true(standing_may_send(j.standing, &a, 1199, T0));
	assert_false(standing_may_send(j.standing, &a, 2, T0));
	assert_true(standing_may_send(j.standing, &a, 1, T0));
	assert_false(standing_may_send(j.standing, &a, 1, T0));

	/* Never more than three times, at any time, however it is asked. */
	judge_done(&j);
	judge_init(&j, 64);
	for (unsigned i = 0; i < 100000; i++) {
		t += i * 7919 % 400 * USEC_MS;
		if (i % 5 == 0) {
			judge_sends(&j, A, LEDGER_OPTIONS, t);
			in += 400;
		}
		if (standing_may_send(j.standing, &a, 100 + i % 700, t))
			out += 100 + i % 700;
		assert_true(out <= 3 * in);
	}
	assert_true(out > in);
	/* What was not used does not wait for ever. */
	for (unsigned i = 0; i < 50; i++)
		judge_sends(&j, A, LEDGER_OPTIONS, t);
	judge_sends(&j, A, LEDGER_OPTIONS, t + 2 * STANDING_BYTES_WINDOW);
	assert_true(standing_may_send(j.standing, &a, 1200, t + 2 * STANDING_BYTES_WINDOW));
	assert_false(standing_may_send(j.standing, &a, 1, t + 2 * STANDING_BYTES_WINDOW));
	judge_done(&j);
	judge_init(&j, 64);
	/* Who receives what we send may be sent anything: it has a stream, or logged in. */
	gate_decide(&j.gate, &j.policy, &stream, t, &j.answer);
	assert_true(standing_may_send(j.standing, &b, 1000000, t));
	judge_log_in(&j, A, t);
	assert_true(standing_may_send(j.standing, &a, 1000000, t));
	/* Addresses change hands: it is believed as long as a log-in is, and to the moment, though
	 * others go on sending with its address. */
	gate_decide(&j.gate, &j.policy, &stream, t, &j.answer);
	t += j.standing_conf.known;
	judge_sends(&j, "192.0.2.8:5060", LEDGER_OPTIONS, t - USEC_SEC);
	assert_true(standing_may_send(j.standing, &b, 1000000, t - USEC_SEC));
	t += USEC_SEC;
	judge_sends(&j, "192.0.2.8:5060", LEDGER_OPTIONS, t);
	assert_true(standing_may_send(j.standing, &b, 1200, t));
	assert_false(standing_may_send(j.standing, &b, 1, t));
	judge_done(&j);
}

static bool over_stream(struct judge *j, const char *source, usec_t now)
{
	struct addr a = judge_addr(source);
	const struct gate_facts f = {
	    .source = &a, .method = LEDGER_REGISTER, .stream = true, .bytes = 400};

	gate_decide(&j->gate, &j->policy, &f, now, &j->answer);
	return j->answer.pass;
}

/* Whatever is forged with an address, what comes over its own connections has thresholds of its
 * own: of a stranger's address, of its prefix, of a wide one, and of one with known users. */
static void forgeries_stop_no_streams(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 4096);
	assert_int_equal(judge_burst(&j, A, LEDGER_REGISTER, 1000, T0), 60);
	for (unsigned i = 0; i < 60; i++) {
		assert_false(judge_sends(&j, A, LEDGER_REGISTER, T0 + i * USEC_MS));
		assert_true(over_stream(&j, A, T0 + i * USEC_MS));
		assert_false(j.answer.tell);
	}
	/* Alone it is held as ever, until it was quiet; and then by forgeries again it is not. */
	assert_false(over_stream(&j, A, T0 + 60 * USEC_MS));
	assert_true(j.answer.reason == REASON_FLOOD_SOURCE);
	assert_false(over_stream(&j, A, T0 + 20 * USEC_SEC));
	judge_burst(&j, A, LEDGER_REGISTER, 100, T0 + 200 * USEC_SEC);
	assert_false(judge_sends(&j, A, LEDGER_REGISTER, T0 + 200 * USEC_SEC));
	assert_true(over_stream(&j, A, T0 + 200 * USEC_SEC));
	judge_done(&j);

	judge_init(&j, 4096);
	j.flood_conf.prefix_requests = j.flood_conf.wide_requests = 5;
	for (unsigned i = 0; i < 50; i++)
		judge_burst(&j, A, LEDGER_REGISTER, 1, T0);
	assert_false(judge_sends(&j, "192.0.2.9:1", LEDGER_REGISTER, T0));
	for (unsigned i = 0; i < 5; i++)
		assert_true(over_stream(&j, "192.0.2.9:1", T0));
	assert_false(over_stream(&j, "192.0.2.9:1", T0));
	assert_true(j.answer.reason == REASON_FLOOD_PREFIX);
	judge_done(&j);

	judge_init(&j, 4096);
	judge_log_in(&j, "192.0.2.7:9", T0);
	judge_burst(&j, A, LEDGER_REGISTER, 2000, T0);
	assert_false(judge_sends(&j, A, LEDGER_REGISTER, T0));
	for (unsigned i = 0; i < 1200; i++)
		assert_true(over_stream(&j, "192.0.2.7:44", T0));
	assert_false(over_stream(&j, "192.0.2.7:44", T0));
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threshold),
	    cmocka_unit_test(slides),
	    cmocka_unit_test(held_until_quiet),
	    cmocka_unit_test(told_again),
	    cmocka_unit_test(suspect_threshold),
	    cmocka_unit_test(no_threshold),
	    cmocka_unit_test(modes),
	    cmocka_unit_test(trusted),
	    cmocka_unit_test(banned),
	    cmocka_unit_test(answers_pass),
	    cmocka_unit_test(tier_of_an_answer),
	    cmocka_unit_test(asked_only_where_it_decides),
	    cmocka_unit_test(log_in_ends_a_hold),
	    cmocka_unit_test(prefix),
	    cmocka_unit_test(prefix_of_ipv6),
	    cmocka_unit_test(one_64),
	    cmocka_unit_test(wide),
	    cmocka_unit_test(wide_is_told),
	    cmocka_unit_test(proven_flood_is_banned),
	    cmocka_unit_test(may_send),
	    cmocka_unit_test(forgeries_stop_no_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
