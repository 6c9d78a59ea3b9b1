/* SPDX-License-Identifier: MIT
 *
 * Scenes with many phones, on virtual time and with the shipped configuration: 500 phones behind
 * one address after a power cut, also with one among them that guesses passwords; a customer whose
 * address, and whose phone's very port, somebody forges. */
#include "judge.h"

#define PHONES 500
#define NAT    "192.0.2.7"
#define RTT    (20 * USEC_MS)
#define T1     (500 * USEC_MS)
#define T2     (4 * USEC_SEC)

/* A phone that registers: its request is sent again after 0.5, 1, 2, 4, 4 ... s (RFC 3261
 * §17.1.2.2) until an answer comes. */
struct phone {
	struct addr addr;
	usec_t next, interval;
	bool has_nonce, in;
	bool guesses; /* never has the right password */
	unsigned tries;
};

struct scene {
	struct judge j;
	struct phone phone[PHONES];
	bool stream;
	unsigned in, banned, unsent;
	usec_t last_in;
};

static void scene_init(struct scene *s, unsigned first_port, usec_t spread)
{
	memset(s, 0, sizeof(*s));
	judge_init(&s->j, 65536);
	for (unsigned i = 0; i < PHONES; i++) {
		struct phone *p = &s->phone[i];

		p->addr = judge_addr(NAT);
		p->addr.port = (uint16_t)(first_port + i);
		p->next = T0 + spread * i / PHONES;
		p->interval = T1;
	}
}

static void found(struct scene *s, const struct phone *p, enum reason r, bool proven, usec_t now)
{
	struct standing_who who = {.source = p->addr, .proven = proven};

	if (r == REASON_AUTH_BAD_PASSWORD) /* before a message is read nobody has a name */
		who.user_hash =
		    standing_user_hash(s->j.standing, SPAN("boss"), SPAN("example.com"));
	judge_found(&s->j, &who, r, now);
	s->banned += judge_told(&s->j, REASON_STANDING_BANNED);
}

/* What the edge does with a REGISTER that the gate let through. */
static void serve(struct scene *s, struct phone *p, usec_t now)
{
	struct standing_who who = {.source = p->addr, .proven = p->has_nonce || s->stream};
	size_t answer = 700;

	if (p->has_nonce && !p->guesses) {
		(void)standing_logged_in(s->j.standing, &s->j.policy, &who, now);
		p->in = true;
		s->in++;
		s->last_in = now;
		return;
	}
	if (p->has_nonce)
		found(s, p, REASON_AUTH_BAD_PASSWORD, true, now);
	if (!s->stream && !standing_may_send(s->j.standing, &p->addr, answer, now)) {
		s->unsent++;
		return;
	}
	standing_challenged(s->j.standing, &s->j.policy, &p->addr, now);
	p->has_nonce = true;
	p->next = now + RTT;
	p->interval = T1;
}

static void phone_sends(struct scene *s, struct phone *p)
{
	struct gate_facts f = {.source = &p->addr,
	    .method = LEDGER_REGISTER,
	    .stream = s->stream,
	    .bytes = 500,
	    .carries_nonce = p->has_nonce ? judge_yes : judge_no};
	usec_t now = p->next;

	p->next = now + p->interval;
	p->interval = MIN(2 * p->interval, T2);
	p->tries++;
	gate_decide(&s->j.gate, &s->j.policy, &f, now, &s->j.answer);
	if (s->j.answer.tell && s->j.answer.reason == REASON_FLOOD_SOURCE)
		found(s, p, REASON_FLOOD_SOURCE, s->j.answer.proven, now);
	if (s->j.answer.pass)
		serve(s, p, now);
}

static struct phone *next_phone(struct scene *s)
{
	struct phone *best = NULL;

	for (unsigned i = 0; i < PHONES; i++)
		if (!s->phone[i].in && (!best || s->phone[i].next < best->next))
			best = &s->phone[i];
	return best;
}

static void run(struct scene *s, usec_t until)
{
	for (struct phone *p = next_phone(s); p && p->next < until; p = next_phone(s))
		phone_sends(s, p);
}

static void all_are_in(struct scene *s)
{
	run(s, T0 + 30 * USEC_SEC);
	assert_int_equal(s->in, PHONES);
	assert_int_equal(s->banned, 0);
	assert_int_equal(judge_tier(&s->j, NAT, T0 + 30 * USEC_SEC), EVENT_TIER_KNOWN);
	print_message("all in after %.2f s\n", (double)(s->last_in - T0) / 1e6);
	judge_done(&s->j);
}

static struct scene scene;

static void power_cut(void **state)
{
	static const usec_t spread[] = {0, 10 * USEC_MS, 200 * USEC_MS, USEC_SEC, 5 * USEC_SEC};

	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_LEN(spread); i++) {
		scene_init(&scene, 10000, spread[i / 2]);
		scene.stream = i & 1;
		all_are_in(&scene);
	}
}

/* All of them were known, from other ports. */
static void known_before(void **state)
{
	(void)state;
	scene_init(&scene, 10000, 0);
	for (unsigned i = 0; i < PHONES; i++) {
		struct standing_who who = {.source = scene.phone[i].addr, .proven = true};

		who.source.port = (uint16_t)(who.source.port + 20000);
		(void)standing_logged_in(scene.j.standing, &scene.j.policy, &who, T0 - USEC_MIN);
	}
	all_are_in(&scene);
}

/* Somebody made the address suspect with forged failures. */
static void suspect_before(void **state)
{
	struct standing_who who = judge_who(NAT, false);

	(void)state;
	scene_init(&scene, 10000, 0);
	for (int i = 0; i < 100; i++)
		judge_found(&scene.j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	assert_int_equal(judge_tier(&scene.j, NAT, T0), EVENT_TIER_SUSPECT);
	all_are_in(&scene);
}

/* One device guesses: it is stopped at its fifth guess, nobody else notices. */
static void one_guesses(void **state)
{
	struct phone *bad = &scene.phone[123];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		scene_init(&scene, 10000, i / 2 * USEC_SEC);
		scene.stream = i & 1;
		bad->guesses = true;
		run(&scene, T0 + 30 * USEC_SEC);
		assert_int_equal(scene.in, PHONES - 1);
		assert_int_equal(scene.banned, 0);
		assert_int_equal(judge_look(&scene.j, NAT, T0 + 30 * USEC_SEC).devices, 1);
		/* Calls of another phone go on, the guesser's are refused. */
		assert_true(judge_ask(
		    &scene.j, &scene.phone[5].addr, LEDGER_INVITE, false, T0 + 30 * USEC_SEC));
		assert_int_equal(scene.j.answer.tier, EVENT_TIER_KNOWN);
		assert_false(
		    judge_ask(&scene.j, &bad->addr, LEDGER_INVITE, true, T0 + 30 * USEC_SEC));
		assert_int_equal(scene.j.answer.reason, REASON_GATE_BANNED);
		judge_done(&scene.j);
	}
}

/* 50,000 forged requests a second with the customer's address, half of them with its phone's port,
 * and forged failed log-ins. Its calls go on: each request is sent first without a nonce, then,
 * over budget, with one. */
static void forged(void **state)
{
	struct addr phone = judge_addr("192.0.2.7:5060"), other = judge_addr("192.0.2.7:6060");
	struct addr liar = phone;
	struct judge j;
	unsigned calls = 0, banned = 0;

	(void)state;
	judge_init(&j, 65536);
	judge_log_in(&j, "192.0.2.7:5060", T0);
	judge_log_in(&j, "192.0.2.7:6060", T0);
	for (unsigned i = 0; i < 1000000; i++) {
		usec_t now = T0 + i * 20;
		struct standing_who who = {.source = liar};

		liar.port = i & 1 ? 5060 : (uint16_t)(1024 + i % 60000);
		if (liar.port == 6060)
			continue;
		(void)judge_ask(&j, &liar, LEDGER_REGISTER, false, now);
		if (j.answer.tell && j.answer.reason == REASON_FLOOD_SOURCE)
			judge_found(&j, &who, REASON_FLOOD_SOURCE, now);
		if (i % 100 == 0) {
			judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, now);
			banned += judge_told(&j, REASON_STANDING_BANNED) ||
				  judge_told(&j, REASON_STANDING_DEVICE);
		}
		if (i % 10000 != 0)
			continue;
		calls++;
		assert_true(judge_ask(&j, &phone, LEDGER_INVITE, true, now));
		assert_true(j.answer.known_flow);
		/* The phone whose port nobody guessed needs none. */
		assert_true(judge_ask(&j, &other, LEDGER_INVITE, false, now));
	}
	assert_int_equal(calls, 100);
	assert_int_equal(banned, 0);
	assert_int_equal(judge_tier(&j, "192.0.2.7:5060", T0 + 20 * USEC_SEC), EVENT_TIER_KNOWN);
	/* It logs in anew, from another port, when the mapping of its NAT is gone: its answer to
	 * the challenge passes. */
	phone.port = 777;
	standing_challenged(j.standing, &j.policy, &phone, T0 + 20 * USEC_SEC);
	assert_true(judge_ask(&j, &phone, LEDGER_REGISTER, true, T0 + 20 * USEC_SEC));
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(power_cut),
	    cmocka_unit_test(known_before),
	    cmocka_unit_test(suspect_before),
	    cmocka_unit_test(one_guesses),
	    cmocka_unit_test(forged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
