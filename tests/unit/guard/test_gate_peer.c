/* SPDX-License-Identifier: MIT
 *
 * The gate before the address of a peer: it is trusted, and bounded. */
#include "judge.h"

#define WINDOW (2 * USEC_SEC)

/* What comes with the address of a carrier may be forged. */
static void peer(void **state)
{
	struct addr a = judge_addr("192.0.2.7:5060");
	struct gate_facts f = {
	    .source = &a, .trust = STANDING_PEER, .peer_requests = 1000, .bytes = 400};
	unsigned passed = 0, told = 0;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	for (int i = 0; i < 1000; i++) {
		gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
		passed += j.answer.pass;
		told += j.answer.tell;
	}
	assert_int_equal(passed, 1000);
	assert_int_equal(told, 0);
	for (int i = 0; i < 500; i++) {
		gate_decide(&j.gate, &j.policy, &f, T0 + 1, &j.answer);
		assert_false(j.answer.pass);
		assert_int_equal(j.answer.reason, REASON_FLOOD_PEER);
		assert_int_equal(j.answer.tier, EVENT_TIER_TRUSTED);
		told += j.answer.tell;
		if (i == 0)
			assert_true(j.answer.value == 1001 && j.answer.threshold == 1000);
	}
	assert_int_equal(told, 1);
	/* Not another address of it, not its connections, not what the same address is elsewhere.
	 */
	a = judge_addr("192.0.2.8:5060");
	gate_decide(&j.gate, &j.policy, &f, T0 + 1, &j.answer);
	assert_true(j.answer.pass);
	a = judge_addr("192.0.2.7:5060");
	f.stream = true;
	gate_decide(&j.gate, &j.policy, &f, T0 + 1, &j.answer);
	assert_true(j.answer.pass);
	f.stream = false;
	assert_int_equal(judge_burst(&j, "192.0.2.7:9", LEDGER_INVITE, 61, T0 + 1), 60);
	gate_decide(&j.gate, &j.policy, &f, T0 + 1, &j.answer);
	assert_false(j.answer.pass);
	/* Nothing is held, and nobody suspect. */
	gate_decide(&j.gate, &j.policy, &f, T0 + WINDOW, &j.answer);
	assert_true(j.answer.pass);
	assert_int_equal(j.answer.queue, EVENT_TIER_TRUSTED);
	assert_int_equal(judge_look(&j, "192.0.2.7:0", T0 + 1).suspect_until, 0);
	judge_done(&j);
}

/* Whatever is offered, what it may is what it gets, and no more. */
static void peer_is_policed(void **state)
{
	struct addr a = judge_addr("192.0.2.7:5060");
	struct gate_facts f = {
	    .source = &a, .trust = STANDING_PEER, .peer_requests = 1000, .bytes = 400};
	struct standing_place at;
	unsigned passed = 0, told = 0;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	gate_prefetch_peer(&j.gate, &a, &at);
	f.place = &at;
	for (usec_t t = T0; t < T0 + 20 * WINDOW; t += 100) {
		gate_decide(&j.gate, &j.policy, &f, t, &j.answer);
		passed += j.answer.pass;
		told += j.answer.tell;
	}
	assert_in_range(passed, 19000, 20000);
	assert_int_equal(told, 2); /* 30 s is the time of release */
	j.flood_conf.mode = CONF_MODE_OBSERVE;
	for (int i = 0; i < 2000; i++) {
		gate_decide(&j.gate, &j.policy, &f, T0 + 30 * WINDOW, &j.answer);
		assert_true(j.answer.pass);
		assert_int_equal(j.answer.reason, i < 1000 ? REASON_NONE : REASON_FLOOD_PEER);
	}
	j.flood_conf.mode = CONF_MODE_OFF;
	gate_decide(&j.gate, &j.policy, &f, T0 + 30 * WINDOW, &j.answer);
	assert_true(j.answer.pass && j.answer.reason == REASON_NONE);
	/* Off, and whom the allow-list names. */
	j.flood_conf.mode = CONF_MODE_ENFORCE;
	f.peer_requests = 0;
	f.place = NULL;
	for (int i = 0; i < 70000; i++) {
		gate_decide(&j.gate, &j.policy, &f, T0 + 60 * WINDOW, &j.answer);
		assert_true(j.answer.pass);
	}
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(peer),
	    cmocka_unit_test(peer_is_policed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
