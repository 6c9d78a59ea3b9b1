/* SPDX-License-Identifier: MIT
 *
 * An address that fell for what some of its devices did: those that logged in and did nothing are
 * served as before, nobody else is. */
#include <stdlib.h>

#include "judge.h"

#define NAT    "192.0.2.7"
#define PHONES 8
#define BAD    3
#define MINUTE USEC_MIN

static struct standing_who phone(unsigned n, bool proven)
{
	struct standing_who who = judge_who(NAT, proven);

	who.source.port = (uint16_t)(5060 + n);
	return who;
}

static bool asks(struct judge *j, unsigned n, usec_t now)
{
	struct standing_who who = phone(n, false);

	return judge_ask(j, &who.source, LEDGER_INVITE, false, now);
}

static void log_in(struct judge *j, unsigned n, usec_t now)
{
	struct standing_who who = phone(n, true);

	(void)standing_logged_in(j->standing, &j->policy, &who, now);
}

/* Eight phones are logged in, and the first three of them are denied. */
static void fall(struct judge *j)
{
	judge_init(j, 256);
	for (unsigned n = 0; n < PHONES; n++)
		log_in(j, n, T0);
	for (unsigned n = 0; n < BAD; n++) {
		struct standing_who who = phone(n, true);

		judge_found(j, &who, REASON_SCAN_DECOY, T0);
		assert_true(judge_told(j, REASON_STANDING_DEVICE));
		assert_int_equal(judge_told(j, REASON_STANDING_BANNED), n == BAD - 1);
		assert_int_equal(j->changes.tier, EVENT_TIER_DENIED);
	}
	assert_int_equal(judge_tier(j, NAT, T0), EVENT_TIER_DENIED);
}

static void good_ones_go_on(void **state)
{
	struct standing_who good = phone(7, true);
	struct judge j;

	(void)state;
	fall(&j);
	for (unsigned n = 0; n < PHONES; n++) {
		assert_int_equal(asks(&j, n, T0 + 1), n >= BAD);
		assert_int_equal(j.answer.tier, n < BAD ? EVENT_TIER_DENIED : EVENT_TIER_KNOWN);
		assert_int_equal(j.answer.queue, j.answer.tier);
		assert_int_equal(j.answer.known_flow, n >= BAD);
		assert_int_equal(j.answer.tell, n == 0);
	}
	/* Another device does not get in, with a nonce or over a connection neither. */
	assert_false(asks(&j, PHONES, T0 + 1));
	assert_int_equal(j.answer.reason, REASON_GATE_BANNED);
	good.source.port = 9;
	assert_false(judge_ask(&j, &good.source, LEDGER_REGISTER, true, T0 + 1));
	gate_decide(&j.gate, &j.policy,
	    &(struct gate_facts){.source = &good.source, .stream = true, .bytes = 400}, T0 + 1,
	    &j.answer);
	assert_false(j.answer.pass);
	/* They log in again, have the budget of one flow each, and their small mistakes are
	 * forgiven. */
	log_in(&j, 7, T0 + MINUTE);
	assert_int_equal(judge_tier(&j, NAT, T0 + MINUTE), EVENT_TIER_DENIED);
	for (unsigned i = 0; i < j.flood_conf.flow_requests; i++)
		assert_true(asks(&j, 7, T0 + MINUTE));
	assert_false(asks(&j, 7, T0 + MINUTE));
	assert_int_equal(j.answer.reason, REASON_FLOOD_FLOW);
	good = phone(7, true);
	judge_found(&j, &good, REASON_CHECK_METHOD, T0 + MINUTE);
	assert_int_equal(j.changes.tier, EVENT_TIER_KNOWN);
	/* To the microsecond, and then all may. */
	assert_false(asks(&j, PHONES, T0 + 10 * MINUTE - 1));
	assert_true(asks(&j, PHONES, T0 + 10 * MINUTE));
	judge_done(&j);
}

static void one_begins_to_guess(void **state)
{
	struct standing_who who = phone(5, true);
	struct judge j;

	(void)state;
	fall(&j);
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(asks(&j, 5, T0 + MINUTE));
		judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0 + MINUTE);
		assert_int_equal(j.changes.tier, i < 3 ? EVENT_TIER_KNOWN : EVENT_TIER_DENIED);
	}
	assert_false(asks(&j, 5, T0 + MINUTE));
	assert_int_equal(j.answer.tier, EVENT_TIER_DENIED);
	assert_true(asks(&j, 6, T0 + MINUTE));
	judge_done(&j);
}

static void other_bans_spare_nobody(void **state)
{
	struct prefix nat = judge_prefix(NAT), wide = judge_prefix("192.0.2.0/24");
	struct judge j;

	(void)state;
	fall(&j);
	assert_int_equal(standing_ban(j.standing, &j.policy, &wide, T0 + MINUTE, T0), OK);
	assert_false(asks(&j, 5, T0 + MINUTE - 1));
	assert_true(asks(&j, 5, T0 + MINUTE));
	assert_false(standing_bans_whole(j.standing, &nat, T0)); /* it spares */
	assert_int_equal(standing_ban(j.standing, &j.policy, &nat, T0 + 20 * MINUTE, T0), OK);
	assert_true(standing_bans_whole(j.standing, &nat, T0));
	assert_false(asks(&j, 5, T0 + MINUTE));
	assert_int_equal(judge_look(&j, "192.0.2.7:5065", T0 + MINUTE).tier, EVENT_TIER_DENIED);
	assert_int_equal(standing_unban(j.standing, &nat, T0 + MINUTE), OK);
	assert_true(asks(&j, 5, T0 + MINUTE));
	assert_true(asks(&j, PHONES, T0 + MINUTE));
	judge_done(&j);

	/* An address without users, for its own score; then somebody had logged in. */
	judge_init(&j, 64);
	for (int i = 0; i < 2; i++) {
		struct standing_who who = phone(0, true);

		judge_found(&j, &who, REASON_SCAN_DECOY, T0);
	}
	log_in(&j, 5, T0);
	assert_false(asks(&j, 5, T0));
	judge_done(&j);
}

struct kept {
	size_t n;
	char key[64][STANDING_KEY_MAX], record[64][STANDING_RECORD];
	size_t key_n[64];
};

static bool keep(void *arg, struct span key, struct span record)
{
	struct kept *k = arg;

	if (!record.n)
		return true;
	memcpy(k->key[k->n], key.p, key.n);
	memcpy(k->record[k->n], record.p, record.n);
	k->key_n[k->n++] = key.n;
	return true;
}

static void survives(void **state)
{
	struct kept *k = calloc(1, sizeof(*k));
	const usec_t wall = 1700000000 * USEC_SEC;
	size_t cursor = 0;
	struct judge j;

	(void)state;
	assert_non_null(k);
	fall(&j);
	while (standing_save(j.standing, &cursor, 1024, T0, wall, keep, k))
		;
	judge_done(&j);
	judge_init(&j, 256);
	for (size_t i = 0; i < k->n; i++)
		assert_int_equal(
		    standing_restore(j.standing, &j.policy, span_of(k->key[i], k->key_n[i]),
			span_of(k->record[i], STANDING_RECORD), T0, wall),
		    OK);
	for (unsigned n = 0; n <= PHONES; n++)
		assert_int_equal(asks(&j, n, T0 + 1), n >= BAD && n < PHONES);
	judge_done(&j);
	free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_ones_go_on),
	    cmocka_unit_test(one_begins_to_guess),
	    cmocka_unit_test(other_bans_spare_nobody),
	    cmocka_unit_test(survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
