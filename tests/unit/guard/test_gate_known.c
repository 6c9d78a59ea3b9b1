/* SPDX-License-Identifier: MIT
 *
 * The gate before an address with known users: the budget of each phone, of all devices together,
 * of keep-alives; devices that are refused. */
#include "judge.h"

#define A      "192.0.2.7:5060"
#define WINDOW (2 * USEC_SEC)

static void known_flow(void **state)
{
	struct addr a = judge_addr(A);
	unsigned passed = 0, told = 0;
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, A, T0);
	judge_log_in(&j, "192.0.2.7:6060", T0);
	assert_int_equal(judge_burst(&j, A, LEDGER_INVITE, 600, T0), 600);
	assert_true(j.answer.known_flow);
	assert_int_equal(j.answer.tier, EVENT_TIER_KNOWN);
	for (int i = 0; i < 1000; i++) {
		assert_false(judge_ask(&j, &a, LEDGER_INVITE, false, T0));
		assert_int_equal(j.answer.reason, REASON_FLOOD_FLOW);
		told += j.answer.tell;
	}
	assert_int_equal(told, 1);
	/* With a nonce as many again. */
	for (int i = 0; i < 900; i++)
		passed += judge_ask(&j, &a, LEDGER_INVITE, true, T0);
	assert_int_equal(passed, 600);
	/* Neither the other phone nor strangers of the address are concerned. */
	assert_int_equal(judge_burst(&j, "192.0.2.7:6060", LEDGER_INVITE, 600, T0), 600);
	assert_int_equal(judge_burst(&j, "192.0.2.7:9", LEDGER_INVITE, 1201, T0), 1200);
	/* Nothing is held: as soon as the window allows it goes on. */
	assert_true(judge_sends(&j, A, LEDGER_INVITE, T0 + WINDOW));
	judge_done(&j);
}

/* What may be forged with the address of a known source is served behind its known flows. */
static void queues(void **state)
{
	struct addr a = judge_addr("192.0.2.7:9");
	struct gate_facts f = {.source = &a, .stream = true, .bytes = 400};
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, A, T0);
	judge_sends(&j, A, LEDGER_INVITE, T0);
	assert_int_equal(j.answer.queue, EVENT_TIER_KNOWN);
	judge_sends(&j, "192.0.2.7:9", LEDGER_INVITE, T0);
	assert_int_equal(j.answer.tier, EVENT_TIER_KNOWN);
	assert_int_equal(j.answer.queue, EVENT_TIER_CHALLENGED);
	gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
	assert_int_equal(j.answer.queue, EVENT_TIER_KNOWN);
	judge_sends(&j, "192.0.2.8:9", LEDGER_INVITE, T0);
	assert_int_equal(j.answer.queue, EVENT_TIER_UNKNOWN);
	f.trust = STANDING_PEER;
	gate_decide(&j.gate, &j.policy, &f, T0, &j.answer);
	assert_int_equal(j.answer.queue, EVENT_TIER_TRUSTED);
	judge_done(&j);
}

/* What is let through at a steady rate is the budget, whatever is offered. */
static void known_flow_is_policed(void **state)
{
	struct judge j;
	unsigned passed = 0;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, A, T0);
	for (usec_t t = T0; t < T0 + 10 * WINDOW; t += USEC_MS)
		passed += judge_sends(&j, A, LEDGER_INVITE, t);
	assert_in_range(passed, 5900, 6000);
	judge_done(&j);
}

/* Keep-alives with OPTIONS take nothing from the budget of requests. */
static void options_apart(void **state)
{
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, A, T0);
	assert_int_equal(judge_burst(&j, "192.0.2.7:7", LEDGER_OPTIONS, 1201, T0), 1200);
	assert_int_equal(j.answer.reason, REASON_FLOOD_SOURCE);
	assert_int_equal(judge_burst(&j, "192.0.2.7:7", LEDGER_REGISTER, 1200, T0), 1200);
	assert_int_equal(judge_burst(&j, A, LEDGER_OPTIONS, 601, T0), 600);
	assert_int_equal(judge_burst(&j, A, LEDGER_INVITE, 601, T0), 600);
	judge_done(&j);
}

static void devices_refused(void **state)
{
	struct standing_who who = judge_who("192.0.2.7:7000", true);
	struct judge j;

	(void)state;
	judge_init(&j, 64);
	judge_log_in(&j, A, T0);
	judge_found(&j, &who, REASON_SCAN_USERS, T0);
	assert_int_equal(judge_burst(&j, "192.0.2.7:7000", LEDGER_INVITE, 30, T0), 20);
	assert_int_equal(j.answer.tier, EVENT_TIER_SUSPECT);
	judge_found(&j, &who, REASON_SCAN_USERS, T0);
	assert_false(judge_sends(&j, "192.0.2.7:7000", LEDGER_INVITE, T0));
	assert_int_equal(j.answer.reason, REASON_GATE_BANNED);
	assert_true(j.answer.tell);
	assert_false(judge_sends(&j, "192.0.2.7:7000", LEDGER_INVITE, T0));
	assert_false(j.answer.tell);
	assert_true(judge_sends(&j, A, LEDGER_INVITE, T0));
	assert_true(judge_sends(&j, "192.0.2.7:7001", LEDGER_INVITE, T0));
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_flow),
	    cmocka_unit_test(queues),
	    cmocka_unit_test(known_flow_is_policed),
	    cmocka_unit_test(options_apart),
	    cmocka_unit_test(devices_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
