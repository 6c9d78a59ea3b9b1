/* SPDX-License-Identifier: MIT
 *
 * Behind an address with known users: the device that misbehaves is refused, the others are not,
 * and the address falls only when several devices were. */
#include "judge.h"

#define NAT   "192.0.2.7"
#define ALICE "192.0.2.7:5060"
#define BOB   "192.0.2.7:6060"

/* A device of the address that tries the password of a user. */
static struct standing_who device(struct judge *j, unsigned port, const char *user, bool proven)
{
	struct standing_who who = judge_who(NAT, proven);

	who.source.port = (uint16_t)port;
	who.user_hash = standing_user_hash(j->standing, span_str(user), SPAN("example.com"));
	return who;
}

static enum event_tier tier_of(struct judge *j, unsigned port, usec_t now)
{
	char text[32];

	snprintf(text, sizeof(text), "192.0.2.7:%u", port);
	return judge_tier(j, text, now);
}

static void one_guesses(void **state)
{
	struct standing_who guesser;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	guesser = device(&j, 7000, "bob", true);
	for (unsigned i = 1; i <= 5; i++) {
		judge_found(&j, &guesser, REASON_AUTH_BAD_PASSWORD, T0);
		assert_int_equal(judge_told(&j, REASON_STANDING_DEVICE), i == 5);
		assert_int_equal(j.changes.n, i == 3 || i == 5);
		assert_int_equal(j.changes.tier, i < 3   ? EVENT_TIER_KNOWN
						 : i < 5 ? EVENT_TIER_SUSPECT
							 : EVENT_TIER_DENIED);
	}
	assert_int_equal(ledger_key_kind(&j.changes.item[0].key), LEDGER_FLOW);
	assert_int_equal(tier_of(&j, 7000, T0), EVENT_TIER_DENIED);
	assert_int_equal(tier_of(&j, 7001, T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_look(&j, NAT, T0).devices, 1);

	/* From another port the name that it tries gives it away at once; it is the same device. */
	guesser = device(&j, 7001, "bob", true);
	judge_found(&j, &guesser, REASON_AUTH_BAD_PASSWORD, T0);
	assert_true(judge_told(&j, REASON_STANDING_DEVICE));
	assert_int_equal(tier_of(&j, 7001, T0), EVENT_TIER_DENIED);
	assert_int_equal(judge_look(&j, NAT, T0).devices, 1);
	assert_int_equal(judge_tier(&j, NAT, T0), EVENT_TIER_KNOWN);
	/* Whoever forges such a message harms nobody. */
	guesser = device(&j, 5060, "bob", false);
	judge_found(&j, &guesser, REASON_AUTH_BAD_PASSWORD, T0);
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_KNOWN);
	judge_done(&j);
}

static void deny_device(struct judge *j, unsigned port, const char *user, usec_t now)
{
	struct standing_who who = device(j, port, user, true);

	judge_found(j, &who, REASON_SCAN_DECOY, now);
	assert_true(judge_told(j, REASON_STANDING_DEVICE));
}

static void several_bring_it_down(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	deny_device(&j, 7000, "a", T0);
	deny_device(&j, 7001, "b", T0 + 1);
	assert_int_equal(judge_tier(&j, ALICE, T0 + 1), EVENT_TIER_KNOWN);
	deny_device(&j, 7002, "c", T0 + 2);
	assert_true(judge_told(&j, REASON_STANDING_BANNED));
	assert_int_equal(j.changes.tier, EVENT_TIER_DENIED);
	assert_true(j.changes.item[1].score == 3 && j.changes.item[1].threshold == 3);
	/* Neither the device nor the ban is a reason to block the address. */
	assert_true(j.changes.item[0].spare && j.changes.item[1].spare);
	assert_int_equal(judge_tier(&j, NAT, T0 + 2), EVENT_TIER_DENIED);
	assert_int_equal(judge_tier(&j, ALICE, T0 + 2), EVENT_TIER_KNOWN);
	/* The ban ends; its users are known as before. */
	assert_int_equal(judge_tier(&j, ALICE, T0 + 2 + 10 * USEC_MIN), EVENT_TIER_KNOWN);
	/* Counting begins anew. */
	deny_device(&j, 7003, "d", T0 + 2 + 10 * USEC_MIN);
	assert_false(judge_told(&j, REASON_STANDING_BANNED));
	assert_int_equal(judge_look(&j, NAT, T0 + 2 + 10 * USEC_MIN).devices, 1);
	judge_done(&j);
}

/* In a /64 every phone has an address of its own, and the port of all is the same. */
static void one_guesses_in_a_64(void **state)
{
	static const char guesser[] = "[2001:db8:1:2::7]:5060", other[] = "[2001:db8:1:2::8]:5060",
			  same_end[] = "[2001:db8:1:2:0:0:1:8]:5060";
	struct standing_who who = judge_who(guesser, true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, guesser, T0);
	judge_log_in(&j, other, T0);
	judge_log_in(&j, same_end, T0);
	assert_int_equal(judge_look(&j, "2001:db8:1:2::1", T0).accounts, 3);
	for (unsigned i = 0; i < 5; i++)
		judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	assert_int_equal(judge_tier(&j, guesser, T0), EVENT_TIER_DENIED);
	assert_false(judge_sends(&j, guesser, LEDGER_REGISTER, T0));
	assert_int_equal(judge_tier(&j, other, T0), EVENT_TIER_KNOWN);
	assert_true(judge_sends(&j, other, LEDGER_REGISTER, T0));
	assert_true(j.answer.known_flow && j.answer.spare);
	assert_true(judge_sends(&j, "[2001:db8:1:2::9]:5060", LEDGER_REGISTER, T0));
	assert_true(j.answer.spare);
	assert_true(judge_sends(&j, "[2001:db8:1:3::9]:5060", LEDGER_REGISTER, T0));
	assert_false(j.answer.spare);
	assert_true(judge_sends(&j, same_end, LEDGER_REGISTER, T0));
	assert_true(j.answer.known_flow);
	judge_done(&j);
}

/* Phones over TCP come with another port each time: what is closed fills no ledger, and does not
 * count as one more device. */
static void connections_end(void **state)
{
	struct ledger_stats stats;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (unsigned i = 0; i < 500; i++) {
		struct standing_who phone = device(&j, 2000 + i, "phone", true);

		(void)standing_logged_in(j.standing, &j.policy, &phone, T0 + i);
		assert_int_equal(tier_of(&j, 2000 + i, T0 + i), EVENT_TIER_KNOWN);
		standing_flow_ended(j.standing, &phone.source, T0 + i);
		assert_int_equal(judge_look(&j, NAT, T0 + i).accounts, 1);
	}
	assert_int_equal(judge_look(&j, NAT, T0 + 500).accounts, 1);
	assert_int_equal(judge_tier(&j, NAT, T0 + 500), EVENT_TIER_KNOWN);
	ledger_stats(standing_ledger(j.standing), &stats);
	assert_int_equal(stats.evicted_tier[EVENT_TIER_KNOWN], 0);
	/* Two at once; and one that is refused stays refused. */
	judge_log_in(&j, ALICE, T0 + 500);
	judge_log_in(&j, BOB, T0 + 500);
	assert_int_equal(judge_look(&j, NAT, T0 + 500).accounts, 3);
	deny_device(&j, 7000, "carol", T0 + 500);
	standing_flow_ended(j.standing, &(struct addr){0}, T0 + 500);
	for (unsigned port = 5060; port <= 7000; port += 970) {
		struct standing_who phone = device(&j, port, "x", true);

		standing_flow_ended(j.standing, &phone.source, T0 + 500);
	}
	assert_int_equal(tier_of(&j, 7000, T0 + 500), EVENT_TIER_DENIED);
	judge_done(&j);
}

/* Of an office of 640 phones 40 must go astray at once, not three that have old passwords. */
static void a_large_office(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 8192);
	for (unsigned i = 0; i < 640; i++) {
		struct standing_who phone = device(&j, 2000 + i, "phone", true);

		(void)standing_logged_in(j.standing, &j.policy, &phone, T0);
	}
	assert_int_equal(judge_look(&j, NAT, T0).accounts, 640);
	for (unsigned i = 0; i < 40; i++) {
		char user[16];

		assert_int_equal(judge_tier(&j, NAT, T0), EVENT_TIER_KNOWN);
		snprintf(user, sizeof(user), "old%u", i);
		deny_device(&j, 10000 + i, user, T0);
	}
	assert_int_equal(judge_tier(&j, NAT, T0), EVENT_TIER_DENIED);
	judge_done(&j);
}

static void one_after_the_other(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	for (unsigned i = 0; i < 9; i++) {
		/* With more than a ban's time between them they never add up. */
		deny_device(&j, 7000 + i, i & 1 ? "y" : "x", T0 + i * (10 * USEC_MIN + 1));
		assert_int_equal(judge_look(&j, NAT, T0).devices, 1);
	}
	judge_done(&j);

	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	deny_device(&j, 7000, "a", T0);
	deny_device(&j, 7001, "b", T0 + 10 * USEC_MIN);
	deny_device(&j, 7002, "c", T0 + 20 * USEC_MIN);
	assert_true(judge_told(&j, REASON_STANDING_BANNED));
	judge_done(&j);
}

static void zero_devices_is_never(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	j.standing_conf.devices = 0;
	judge_log_in(&j, ALICE, T0);
	for (unsigned i = 0; i < 20; i++) {
		char user[8];

		snprintf(user, sizeof(user), "u%u", i);
		deny_device(&j, 7000 + i, user, T0);
	}
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_KNOWN);
	judge_done(&j);
}

/* Who logged in is known until it misbehaves, and a log-in does not mend that at once. */
static void known_flow_falls(void **state)
{
	struct standing_who who;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	judge_log_in(&j, BOB, T0);
	who = device(&j, 6060, "bob", true);
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	assert_int_equal(judge_tier(&j, BOB, T0), EVENT_TIER_KNOWN); /* 4 */
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	assert_int_equal(judge_tier(&j, BOB, T0), EVENT_TIER_SUSPECT); /* 6 */
	assert_int_equal(judge_look(&j, NAT, T0).accounts, 1);
	judge_log_in(&j, BOB, T0);
	assert_int_equal(judge_tier(&j, BOB, T0), EVENT_TIER_SUSPECT);
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_KNOWN);
	/* From 6 to 2.5. */
	judge_log_in(&j, BOB, T0 + 13 * USEC_MIN);
	assert_int_equal(judge_tier(&j, BOB, T0 + 13 * USEC_MIN), EVENT_TIER_KNOWN);
	judge_done(&j);
}

/* Two typing errors and then the right password. */
static void mistyped(void **state)
{
	struct standing_who who;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	who = device(&j, 6060, "bob", true);
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	judge_log_in(&j, BOB, T0);
	assert_int_equal(judge_look(&j, BOB, T0).known_until, T0 + 24 * 60 * USEC_MIN);
	assert_int_equal(judge_look(&j, NAT, T0).accounts, 2);
	judge_done(&j);
}

/* In mode observe nobody loses anything. */
static void observed(void **state)
{
	struct standing_who who;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	who = device(&j, 5060, "alice", true);
	for (int i = 0; i < 10; i++)
		standing_found(
		    j.standing, &j.policy, &who, REASON_SCAN_DECOY, false, T0, &j.changes);
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_look(&j, NAT, T0).devices, 0);
	assert_int_equal(judge_look(&j, NAT, T0).accounts, 1);
	judge_done(&j);
}

/* The only user behind an address misbehaves: with its flow the address falls. */
static void last_user_falls(void **state)
{
	struct standing_who who;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	who = device(&j, 5060, "alice", true);
	judge_found(&j, &who, REASON_SCAN_USERS, T0);
	assert_int_equal(judge_tier(&j, NAT, T0), EVENT_TIER_SUSPECT);
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_SUSPECT);
	judge_found(&j, &who, REASON_SCAN_USERS, T0);
	assert_true(judge_told(&j, REASON_STANDING_BANNED));
	assert_false(j.changes.item[j.changes.n - 1].spare);
	assert_int_equal(judge_tier(&j, "192.0.2.7:9999", T0), EVENT_TIER_DENIED);
	judge_done(&j);
}

/* Wrong numbers and sloppy headers of a phone that logged in. */
static void forgiven(void **state)
{
	struct standing_who who;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	who = device(&j, 5060, "alice", true);
	for (int i = 0; i < 100; i++)
		judge_found(&j, &who, REASON_ROUTE_NOT_FOUND, T0);
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_KNOWN);
	assert_true(judge_look(&j, ALICE, T0).score == 0);
	/* Not of one that did not. */
	who = device(&j, 5062, "bob", true);
	for (int i = 0; i < 10; i++)
		judge_found(&j, &who, REASON_ROUTE_NOT_FOUND, T0);
	assert_int_equal(tier_of(&j, 5062, T0), EVENT_TIER_DENIED);
	judge_done(&j);
}

/* Forged failures with the customer's address, and with that of its very phone. */
static void forged(void **state)
{
	struct standing_who who;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	for (unsigned i = 0; i < 5000; i++) {
		who = device(&j, i & 1 ? 5060 : 10000 + i, "alice", false);
		judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
		assert_false(judge_told(&j, REASON_STANDING_DEVICE));
		assert_false(judge_told(&j, REASON_STANDING_BANNED));
	}
	assert_int_equal(judge_tier(&j, ALICE, T0), EVENT_TIER_KNOWN);
	assert_int_equal(judge_tier(&j, NAT, T0), EVENT_TIER_KNOWN);
	assert_int_equal(tier_of(&j, 9, T0), EVENT_TIER_KNOWN);
	/* It moves to another port, of which bad was said before, and logs in. */
	judge_log_in(&j, "192.0.2.7:10000", T0);
	assert_int_equal(tier_of(&j, 10000, T0), EVENT_TIER_KNOWN);
	/* And its log-ins go on counting. */
	judge_log_in(&j, ALICE, T0 + 20 * 60 * USEC_MIN);
	assert_int_equal(judge_tier(&j, ALICE, T0 + 40 * 60 * USEC_MIN), EVENT_TIER_KNOWN);
	judge_done(&j);
}

/* Nothing is banned behind an address of ours. */
static void own(void **state)
{
	struct standing_who who;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, ALICE, T0);
	who = device(&j, 7000, "bob", true);
	who.trust = STANDING_OWN;
	for (int i = 0; i < 20; i++)
		judge_found(&j, &who, REASON_SCAN_DECOY, T0);
	assert_int_equal(tier_of(&j, 7000, T0), EVENT_TIER_SUSPECT);
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_guesses),
	    cmocka_unit_test(several_bring_it_down),
	    cmocka_unit_test(one_guesses_in_a_64),
	    cmocka_unit_test(connections_end),
	    cmocka_unit_test(a_large_office),
	    cmocka_unit_test(one_after_the_other),
	    cmocka_unit_test(zero_devices_is_never),
	    cmocka_unit_test(known_flow_falls),
	    cmocka_unit_test(mistyped),
	    cmocka_unit_test(observed),
	    cmocka_unit_test(last_user_falls),
	    cmocka_unit_test(forgiven),
	    cmocka_unit_test(forged),
	    cmocka_unit_test(own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
