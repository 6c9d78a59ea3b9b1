/* SPDX-License-Identifier: MIT
 *
 * Standing: thresholds on both sides, proof, suspicion and its end, bans and their length,
 * composites, who is never banned. Devices behind an address are in test_standing_devices.c. */
#include "guard/score.h"
#include "judge.h"

#define A    "192.0.2.7:5060"
#define HALF (10 * USEC_MIN)

static void weights(void **state)
{
	static const struct conf_weight changed[] = {
	    {REASON_AUTH_BAD_PASSWORD, 7}, {REASON_SCAN_DECOY, 0}};
	struct conf_standing c = judge_standing;
	struct standing_policy p;

	(void)state;
	c.weights = changed;
	c.weights_count = ARRAY_LEN(changed);
	standing_policy_init(&p, &c, &judge_flood, NULL, 0);
	assert_int_equal(p.weight[REASON_AUTH_BAD_PASSWORD], 7);
	assert_int_equal(p.weight[REASON_SCAN_DECOY], 0);
	assert_int_equal(p.weight[REASON_SCAN_SIGNATURE], 10);
	assert_int_equal(p.weight[REASON_AUTH_CHALLENGE], 0);
}

/* AUTH_BAD_PASSWORD weighs 2: suspect with the third, banned with the fifth. */
static void thresholds(void **state)
{
	static const enum event_tier want[] = {EVENT_TIER_UNKNOWN, EVENT_TIER_UNKNOWN,
	    EVENT_TIER_SUSPECT, EVENT_TIER_SUSPECT, EVENT_TIER_DENIED};
	struct standing_who who = judge_who(A, true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
		assert_int_equal(j.changes.tier, want[i]);
		assert_true(j.changes.score == 2.0f * (float)(i + 1));
		assert_int_equal(judge_tier(&j, A, T0), want[i]);
		/* Each is told once, when it happens. */
		assert_int_equal(judge_told(&j, REASON_STANDING_SUSPECT), i == 2);
		assert_int_equal(judge_told(&j, REASON_STANDING_BANNED), i == 4);
		assert_int_equal(j.changes.n, i == 2 || i == 4);
	}
	assert_int_equal(j.changes.item[0].until, T0 + 10 * USEC_MIN);
	assert_int_equal(j.changes.item[0].offences, 1);
	assert_false(j.changes.item[0].spare);
	assert_int_equal(j.changes.item[0].tier, EVENT_TIER_DENIED);
	assert_true(j.changes.item[0].score == 10 && j.changes.item[0].threshold == 10);
	assert_int_equal(judge_look(&j, A, T0).failures, 5);
	judge_found(&j, &who, REASON_GUESSING_PAIR, T0); /* about failures that were counted */
	assert_int_equal(judge_look(&j, A, T0).failures, 5);
	judge_found(&j, &who, REASON_GUESSING_LOCKED, T0); /* instead of looking at the password */
	assert_int_equal(judge_look(&j, A, T0).failures, 6);
	assert_int_equal(judge_look(&j, A, T0).reason, REASON_AUTH_BAD_PASSWORD);
	judge_done(&j);
}

/* Just under `deny`, by a second of decay. */
static void decayed(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (int i = 0; i < 4; i++)
		judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0 + USEC_SEC);
	assert_int_equal(j.changes.tier, EVENT_TIER_SUSPECT);
	assert_true(j.changes.score < 10 && j.changes.score > 9.9f);
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0 + USEC_SEC);
	assert_int_equal(j.changes.tier, EVENT_TIER_DENIED);
	/* One half-life later half of it is left. */
	assert_true(
	    judge_look(&j, A, T0 + USEC_SEC + HALF).score == (float)((double)j.changes.score / 2));
	judge_done(&j);
}

/* What nobody can prove makes suspect and never more, however much of it there is. */
static void unproven(void **state)
{
	struct standing_who who = judge_who(A, false);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (int i = 0; i < 1000; i++) {
		judge_found(&j, &who, REASON_SCAN_DECOY, T0);
		assert_int_equal(j.changes.tier, EVENT_TIER_SUSPECT);
		assert_false(judge_told(&j, REASON_STANDING_BANNED));
	}
	/* And it does not help those who would blame it for one thing that it did. */
	who.proven = true;
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	assert_int_equal(judge_tier(&j, A, T0), EVENT_TIER_SUSPECT);
	judge_done(&j);
}

/* Begins at 5, ends at 2.5: not before, not after. */
static void hysteresis(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct judge j;
	usec_t end;

	(void)state;
	judge_init(&j, 64);
	judge_found(&j, &who, REASON_GUESSING_SOURCE, T0); /* 5 */
	assert_true(judge_told(&j, REASON_STANDING_SUSPECT));
	assert_int_equal(judge_tier(&j, A, T0 + HALF - 1), EVENT_TIER_SUSPECT);
	assert_int_equal(judge_tier(&j, A, T0 + HALF), EVENT_TIER_UNKNOWN);
	/* 2.5 and 2 are not enough to begin it again. */
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0 + HALF);
	assert_int_equal(j.changes.tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(j.changes.n, 0);
	judge_found(&j, &who, REASON_AUTH_MALFORMED, T0 + HALF); /* 5.5 */
	assert_true(judge_told(&j, REASON_STANDING_SUSPECT));
	/* While it lasts, less than 5 makes it last longer: 2.75 + 1. Nothing is told again. */
	judge_found(&j, &who, REASON_AUTH_MALFORMED, T0 + 2 * HALF);
	assert_int_equal(j.changes.n, 0);
	end = T0 + 2 * HALF + score_time_to(3.75, 2.5, HALF);
	assert_int_equal(judge_tier(&j, A, end - 1), EVENT_TIER_SUSPECT);
	assert_int_equal(judge_tier(&j, A, end), EVENT_TIER_UNKNOWN);
	judge_done(&j);
}

static void bans_double(void **state)
{
	static const unsigned minutes[] = {10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440};
	struct standing_who who = judge_who(A, true);
	struct judge j;
	usec_t now = T0;

	(void)state;
	judge_init(&j, 64);
	for (unsigned i = 0; i < ARRAY_LEN(minutes); i++) {
		judge_found(&j, &who, REASON_SCAN_SIGNATURE, now);
		assert_int_equal(j.changes.item[j.changes.n - 1].reason, REASON_STANDING_BANNED);
		assert_int_equal(
		    j.changes.item[j.changes.n - 1].until, now + minutes[i] * USEC_MIN);
		assert_int_equal(
		    judge_tier(&j, A, now + minutes[i] * USEC_MIN - 1), EVENT_TIER_DENIED);
		now += minutes[i] * USEC_MIN;
		assert_int_not_equal(judge_tier(&j, A, now), EVENT_TIER_DENIED);
	}
	/* A day of quiet less an instant: it is still the same offender. */
	now += 24 * 60 * USEC_MIN - 1;
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, now);
	assert_int_equal(j.changes.item[0].until, now + 24 * 60 * USEC_MIN);
	/* A whole day: forgotten. */
	now += 2 * 24 * 60 * USEC_MIN;
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, now);
	assert_int_equal(j.changes.item[0].until, now + 10 * USEC_MIN);
	assert_int_equal(j.changes.item[0].offences, 1);
	judge_done(&j);
}

static void composites(void **state)
{
	struct standing_who who = judge_who(A, true), other = judge_who("192.0.2.8:5060", false);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	j.standing_conf.suspect = j.standing_conf.deny = 1000;
	judge_found(&j, &who, REASON_SCAN_SWEEP, T0);
	assert_int_equal(j.changes.n, 0);
	judge_found(&j, &who, REASON_AUTH_UNKNOWN_USER, T0);
	assert_int_equal(j.changes.n, 1);
	assert_int_equal(j.changes.item[0].reason, REASON_STANDING_ENUMERATION);
	assert_true(j.changes.score == 3 + 2 + 5);
	/* Once. */
	judge_found(&j, &who, REASON_AUTH_UNKNOWN_USER, T0);
	assert_int_equal(j.changes.n, 0);
	judge_found(&j, &who, REASON_PARSE_VIA, T0);
	assert_int_equal(j.changes.n, 1);
	assert_int_equal(j.changes.item[0].reason, REASON_STANDING_PROBING);
	assert_true(j.changes.score == 12 + 1 + 3);
	judge_found(&j, &who, REASON_CHECK_METHOD, T0);
	assert_int_equal(j.changes.n, 0);
	/* Again when all of it was forgotten: 17 halves six times to 0.3. */
	judge_found(&j, &who, REASON_GUESSING_PAIR, T0 + 6 * HALF);
	assert_int_equal(j.changes.n, 0);
	judge_found(&j, &who, REASON_SCAN_METHODS, T0 + 6 * HALF);
	assert_true(judge_told(&j, REASON_STANDING_ENUMERATION));

	/* Both at once; of what is not proven only as unproven. */
	judge_found(&j, &other, REASON_PARSE_HEADER, T0);
	judge_found(&j, &other, REASON_SCAN_SWEEP, T0);
	assert_true(judge_told(&j, REASON_STANDING_PROBING));
	judge_found(&j, &other, REASON_AUTH_BAD_PASSWORD, T0);
	assert_true(judge_told(&j, REASON_STANDING_ENUMERATION));
	assert_true(judge_look(&j, "192.0.2.8", T0).score == 0);
	assert_true(judge_look(&j, "192.0.2.8", T0).unproven == 1 + 3 + 3 + 2 + 5);
	/* One proven half does not make the other one proven. */
	other.proven = true;
	judge_found(&j, &other, REASON_SCAN_SWEEP, T0);
	assert_int_equal(j.changes.n, 0);
	judge_found(&j, &other, REASON_AUTH_BAD_PASSWORD, T0);
	assert_true(judge_told(&j, REASON_STANDING_ENUMERATION));
	assert_true(judge_look(&j, "192.0.2.8", T0).score == 3 + 2 + 5);
	judge_done(&j);
}

/* Peers and the allow-list earn nothing; our own addresses no ban. */
static void trust(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	who.trust = STANDING_PEER;
	for (int i = 0; i < 2; i++) {
		judge_found(&j, &who, REASON_SCAN_SIGNATURE, T0);
		assert_int_equal(j.changes.tier, EVENT_TIER_TRUSTED);
		assert_int_equal(j.changes.n, 0);
		who.trust = STANDING_EXEMPT;
	}
	assert_false(standing_look(j.standing, &j.policy, &who.source, false, T0,
	    &(struct standing_view){.tier = EVENT_TIER_NONE}));
	who.trust = STANDING_OWN;
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, T0);
	assert_int_equal(j.changes.tier, EVENT_TIER_SUSPECT);
	assert_false(judge_told(&j, REASON_STANDING_BANNED));
	judge_done(&j);
}

/* A stranger whose /64 holds a peer. */
static void never(void **state)
{
	struct prefix list[] = {judge_prefix("2001:db8:0:1::5"), judge_prefix("203.0.113.0/28")};
	struct standing_who who = judge_who("[2001:db8:0:1::6]:5060", true);
	static const struct {
		const char *prefix;
		enum err want;
	} rows[] = {
	    {"203.0.113.9", ERR_DENIED},    /* is */
	    {"203.0.113.0/24", ERR_DENIED}, /* contains */
	    {"203.0.113.8/30", ERR_DENIED}, /* is part of */
	    {"203.0.113.16", OK},
	    {"203.0.113.16/28", OK},
	    {"0.0.0.0/0", ERR_DENIED},
	    {"::/0", ERR_DENIED},
	    {"2001:db8::/48", ERR_DENIED},
	    {"2001:db8:0:1::/64", ERR_DENIED},
	    {"2001:db8:0:1::6", OK}, /* one address of the /64 goes into the list */
	    {"2001:db8:0:2::/64", OK},
	};
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	j.policy.never = list;
	j.policy.never_n = ARRAY_LEN(list);
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, T0);
	assert_int_equal(j.changes.tier, EVENT_TIER_SUSPECT);
	assert_false(judge_told(&j, REASON_STANDING_BANNED));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p = judge_prefix(rows[i].prefix);

		if (standing_ban(j.standing, &j.policy, &p, T0 + HALF, T0) != rows[i].want)
			fail_msg("%s", rows[i].prefix);
	}
	assert_int_equal(judge_tier(&j, "[2001:db8:0:1::6]:5060", T0), EVENT_TIER_DENIED);
	assert_int_equal(judge_tier(&j, "[2001:db8:0:1::7]:5060", T0), EVENT_TIER_SUSPECT);
	judge_done(&j);
}

/* observe tells once what would have been, and acts on nothing; off does nothing. */
static void modes(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (unsigned i = 1; i <= 20; i++) {
		standing_found(
		    j.standing, &j.policy, &who, REASON_AUTH_BAD_PASSWORD, false, T0, &j.changes);
		assert_int_equal(judge_told(&j, REASON_STANDING_BANNED), i == 5);
		assert_int_not_equal(judge_tier(&j, A, T0), EVENT_TIER_DENIED);
	}
	j.standing_conf.mode = CONF_MODE_OBSERVE;
	assert_int_equal(judge_tier(&j, A, T0), EVENT_TIER_UNKNOWN);
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, T0);
	assert_int_equal(judge_tier(&j, A, T0), EVENT_TIER_UNKNOWN);
	j.standing_conf.mode = CONF_MODE_ENFORCE;
	assert_int_equal(judge_tier(&j, A, T0), EVENT_TIER_SUSPECT);
	j.standing_conf.mode = CONF_MODE_OFF;
	who = judge_who("192.0.2.8:1", true);
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, T0);
	assert_int_equal(j.changes.n, 0);
	assert_true(judge_look(&j, "192.0.2.8", T0).score == 0);
	judge_done(&j);
}

static void log_in(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct judge j;
	usec_t day = 24 * 60 * USEC_MIN;

	(void)state;
	judge_init(&j, 64);
	assert_true(standing_logged_in(j.standing, &j.policy, &who, T0));
	assert_false(standing_logged_in(j.standing, &j.policy, &who, T0));
	assert_int_equal(judge_tier(&j, "192.0.2.7", T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_tier(&j, A, T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_look(&j, "192.0.2.7", T0).accounts, 1);
	assert_int_equal(judge_tier(&j, A, T0 + day - 1), EVENT_TIER_KNOWN);
	assert_int_equal(judge_tier(&j, A, T0 + day), EVENT_TIER_UNKNOWN);
	/* Another flow; the same one again moves the end. */
	judge_log_in(&j, "192.0.2.7:6000", T0 + day / 2);
	judge_log_in(&j, "192.0.2.7:6000", T0 + day / 2 + HALF);
	assert_int_equal(judge_look(&j, "192.0.2.7", T0 + day / 2).accounts, 2);
	assert_int_equal(judge_tier(&j, "192.0.2.7:6000", T0 + day), EVENT_TIER_KNOWN);
	/* When all ran out, counting begins anew. */
	judge_log_in(&j, A, T0 + 3 * day);
	assert_int_equal(judge_look(&j, "192.0.2.7", T0 + 3 * day).accounts, 1);
	/* A peer needs none of it. */
	who = judge_who("192.0.2.99:5060", true);
	who.trust = STANDING_PEER;
	assert_false(standing_logged_in(j.standing, &j.policy, &who, T0));
	assert_int_equal(judge_tier(&j, "192.0.2.99", T0), EVENT_TIER_UNKNOWN);
	judge_done(&j);
}

/* The address's end of `known` was noted at another time than that of its flow. */
static void known_flow_outlives_address(void **state)
{
	usec_t hour = 60 * USEC_MIN, late = T0 + 25 * hour + 48 * USEC_MIN;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, A, T0);
	judge_log_in(&j, "192.0.2.7:6060", T0 + 100 * USEC_MIN);
	judge_log_in(&j, A, T0 + 2 * hour);
	assert_int_equal(judge_tier(&j, "192.0.2.7", late), EVENT_TIER_UNKNOWN);
	assert_int_equal(judge_tier(&j, A, late), EVENT_TIER_KNOWN);
	judge_log_in(&j, A, late);
	assert_int_equal(judge_tier(&j, "192.0.2.7", late), EVENT_TIER_KNOWN);
	assert_int_equal(judge_look(&j, "192.0.2.7", late).accounts, 1);
	judge_done(&j);
}

/* A log-in ends suspicion of the address, not a ban. */
static void log_in_of_the_accused(void **state)
{
	struct standing_who who = judge_who(A, true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_found(&j, &who, REASON_SCAN_USERS, T0);
	assert_int_equal(judge_tier(&j, "192.0.2.7", T0), EVENT_TIER_SUSPECT);
	judge_log_in(&j, A, T0);
	assert_int_equal(judge_tier(&j, "192.0.2.7", T0), EVENT_TIER_KNOWN);

	who = judge_who("192.0.2.8:5060", true);
	judge_found(&j, &who, REASON_SCAN_SIGNATURE, T0);
	judge_log_in(&j, "192.0.2.8:5060", T0);
	assert_int_equal(judge_tier(&j, "192.0.2.8", T0), EVENT_TIER_DENIED);
	assert_int_equal(judge_tier(&j, "192.0.2.8", T0 + 10 * USEC_MIN), EVENT_TIER_SUSPECT);
	judge_done(&j);
}

static void user_names(void **state)
{
	struct judge j;
	uint32_t a;

	(void)state;
	judge_init(&j, 64);
	a = standing_user_hash(j.standing, SPAN("alice"), SPAN("example.com"));
	assert_int_not_equal(a, 0);
	assert_int_equal(a, standing_user_hash(j.standing, SPAN("alice"), SPAN("example.com")));
	assert_int_not_equal(a, standing_user_hash(j.standing, SPAN("alicee"), SPAN("xample.com")));
	assert_int_not_equal(a, standing_user_hash(j.standing, SPAN("alice"), SPAN("")));
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(weights),
	    cmocka_unit_test(thresholds),
	    cmocka_unit_test(decayed),
	    cmocka_unit_test(unproven),
	    cmocka_unit_test(hysteresis),
	    cmocka_unit_test(bans_double),
	    cmocka_unit_test(composites),
	    cmocka_unit_test(trust),
	    cmocka_unit_test(never),
	    cmocka_unit_test(modes),
	    cmocka_unit_test(log_in),
	    cmocka_unit_test(known_flow_outlives_address),
	    cmocka_unit_test(log_in_of_the_accused),
	    cmocka_unit_test(user_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
