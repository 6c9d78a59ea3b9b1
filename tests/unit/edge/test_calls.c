/* SPDX-License-Identifier: MIT
 *
 * Calls through a whole worker on virtual time: what goes where and when (RFC 3261 §16, §17, RFC
 * 6026, RFC 4320), and that nothing is left of any of them. Phone 0 is the caller, phones from 1 on
 * are bound to an account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

#define SECONDS(n) ((n)*USEC_SEC)

/* A request of the caller outside of a dialog. */
static void ask(struct rig *r, const char *method, const char *user, const char *id)
{
	rig_send(r, 0,
	    "%s sip:%s@example.com SIP/2.0\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bK%s\n"
	    "Max-Forwards: 70\nFrom: <sip:caller@example.com>;tag=from-%s\n"
	    "To: <sip:%s@example.com>\nCall-ID: %s\nCSeq: 1 %s\n"
	    "Contact: <sip:caller@{via}>\nContent-Length: 0\n\n",
	    method, user, id, id, user, id, method);
}

/* The ACK of a refusal. */
static void acknowledge(struct rig *r, const char *user, const char *id, const char *final)
{
	char to[256];

	snprintf(to, sizeof(to), "%s", rig_header(final, "To"));
	rig_send(r, 0,
	    "ACK sip:%s@example.com SIP/2.0\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bK%s\n"
	    "Max-Forwards: 70\nFrom: <sip:caller@example.com>;tag=from-%s\nTo: %s\n"
	    "Call-ID: %s\nCSeq: 1 ACK\nContent-Length: 0\n\n",
	    user, id, id, to, id);
}

static void cancel(struct rig *r, const char *user, const char *id)
{
	rig_send(r, 0,
	    "CANCEL sip:%s@example.com SIP/2.0\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bK%s\n"
	    "Max-Forwards: 70\nFrom: <sip:caller@example.com>;tag=from-%s\n"
	    "To: <sip:%s@example.com>\nCall-ID: %s\nCSeq: 1 CANCEL\nContent-Length: 0\n\n",
	    user, id, id, user, id);
}

/* The next message of the phone begins with `start`. */
static const char *expect(struct rig *r, unsigned phone, const char *start)
{
	const char *m = rig_recv(r, phone);

	if (!m)
		fail_msg("phone %u hears nothing instead of %s", phone, start);
	if (strncmp(m, start, strlen(start)) != 0)
		fail_msg("phone %u hears %.60s instead of %s", phone, m, start);
	return m;
}

static void expect_nothing(struct rig *r, unsigned phone)
{
	const char *m = rig_recv(r, phone);

	if (m)
		fail_msg("phone %u hears %.200s", phone, m);
}

/* A request within the dialog, by who called (phone 0) or was called. */
static void ask_inside(struct rig *r, unsigned phone, const char *method, const char *route,
    const char *from, const char *to, const char *id, const char *uri, unsigned cseq)
{
	rig_send(r, phone,
	    "%s %s SIP/2.0\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bK%s-%s-%u\n"
	    "Max-Forwards: 70\nRoute: %s\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %u %s\n"
	    "Content-Length: 0\n\n",
	    method, uri, id, method, phone, route, from, to, id, cseq, method);
}

struct call {
	char route[512], from[256], to[256];
};

/* A call that is answered by phone 1 and acknowledged. */
static void begin_call(struct rig *r, const char *id, struct call *out_c)
{
	const char *m;

	ask(r, "INVITE", "alice", id);
	expect(r, 0, "SIP/2.0 100 ");
	m = expect(r, 1, "INVITE sip:phone@127.0.0.11:");
	assert_string_equal(rig_header(m, "Max-Forwards"), "69");
	snprintf(out_c->route, sizeof(out_c->route), "%s", rig_header(m, "Record-Route"));
	rig_answer(r, 1, m, 180, "callee", "");
	rig_answer(r, 1, m, 200, "callee", "Contact: <sip:phone@{via}>\n");
	expect(r, 0, "SIP/2.0 180 ");
	m = expect(r, 0, "SIP/2.0 200 ");
	snprintf(out_c->from, sizeof(out_c->from), "%s", rig_header(m, "From"));
	snprintf(out_c->to, sizeof(out_c->to), "%s", rig_header(m, "To"));
	assert_string_equal(rig_header(m, "Record-Route"), out_c->route);
	ask_inside(r, 0, "ACK", out_c->route, out_c->from, out_c->to, id, "sip:phone@x", 1);
	m = expect(r, 1, "ACK sip:phone@x SIP/2.0\r\n");
	assert_string_equal(rig_header(m, "Route"), "");
}

static void test_a_call(void **state)
{
	struct rig *r = *state;
	struct call c;
	const char *m;

	begin_call(r, "a-call", &c);
	ask_inside(r, 1, "BYE", c.route, c.to, c.from, "a-call", "sip:caller@y", 7);
	m = expect(r, 0, "BYE sip:caller@y SIP/2.0\r\n");
	rig_answer(r, 0, m, 200, "x", "");
	expect(r, 1, "SIP/2.0 200 ");
	rig_run(r, SECONDS(40));
	expect_nothing(r, 0);
	expect_nothing(r, 1);
	rig_assert_empty(r);
	assert_int_equal(rig_counter(r, COUNTER_CALL_ANSWERED), 1);
	assert_int_equal(rig_counter(r, COUNTER_CALL_ENDED), 1);
}

/* RFC 6026: the 200 is the callee's to send again, and goes on each time until 64*T1 are over. */
static void test_a_lost_200(void **state)
{
	struct rig *r = *state;
	static char invite[RIG_TEXT];

	ask(r, "INVITE", "alice", "lost200");
	snprintf(invite, sizeof(invite), "%s", expect(r, 1, "INVITE "));
	for (int i = 0; i < 10; i++) {
		rig_answer(r, 1, invite, 200, "callee", "");
		rig_run(r, SECONDS(1));
	}
	assert_int_equal(rig_drain(r, 0), 11);
	/* The INVITE again is absorbed: no second call. */
	ask(r, "INVITE", "alice", "lost200");
	expect_nothing(r, 1);
	rig_run(r, SECONDS(40));
	rig_assert_empty(r);
	rig_answer(r, 1, invite, 200, "callee", "");
	expect_nothing(r, 0);
	assert_int_equal(rig_counter(r, COUNTER_STRAY_RESPONSE), 1);
}

/* §17.1.1.2: sent 7 times, 0.5, 1, 2 ... 16 s apart; 408 after 64*T1; that is sent again until H.
 */
static void test_no_answer_at_all(void **state)
{
	struct rig *r = *state;

	ask(r, "INVITE", "alice", "silent");
	expect(r, 0, "SIP/2.0 100 ");
	rig_run(r, SECONDS(31));
	assert_int_equal(rig_drain(r, 1), 6);
	rig_run(r, 800 * USEC_MS);
	assert_int_equal(rig_drain(r, 1), 1);
	expect_nothing(r, 0);
	rig_run(r, 300 * USEC_MS);
	expect(r, 0, "SIP/2.0 408 ");
	rig_run(r, SECONDS(33));
	assert_int_equal(rig_drain(r, 0), 10);
	rig_assert_empty(r);
	assert_int_equal(rig_counter(r, COUNTER_TXN_TIMEOUTS), 1);
	assert_int_equal(rig_counter(r, COUNTER_CALL_FAILED), 1);
}

/* RFC 4320: no 408 to a MESSAGE; a 100 when the sender's timer has reached T2. */
static void test_no_answer_to_a_message(void **state)
{
	struct rig *r = *state;

	ask(r, "MESSAGE", "alice", "m-silent");
	rig_run(r, 3400 * USEC_MS);
	expect_nothing(r, 0);
	rig_run(r, 200 * USEC_MS);
	expect(r, 0, "SIP/2.0 100 ");
	rig_run(r, SECONDS(40));
	expect_nothing(r, 0);
	assert_int_equal(rig_drain(r, 1), 11);
	rig_assert_empty(r);
}

/* The refusal is acknowledged hop by hop, and again when it comes again. */
static void test_a_refusal(void **state)
{
	struct rig *r = *state;
	static char invite[RIG_TEXT];
	const char *m;

	ask(r, "INVITE", "alice", "busy");
	expect(r, 0, "SIP/2.0 100 ");
	snprintf(invite, sizeof(invite), "%s", expect(r, 1, "INVITE "));
	rig_answer(r, 1, invite, 486, "callee", "");
	m = expect(r, 1, "ACK ");
	assert_string_equal(rig_header(m, "CSeq"), "1 ACK");
	m = expect(r, 0, "SIP/2.0 486 ");
	acknowledge(r, "alice", "busy", m);
	rig_run(r, SECONDS(1));
	expect_nothing(r, 0);
	rig_answer(r, 1, invite, 486, "callee", "");
	expect(r, 1, "ACK ");
	/* A stray 200 of a lost branch behind the phone does not take the ACK away. */
	rig_answer(r, 1, invite, 200, "other", "");
	rig_answer(r, 1, invite, 486, "callee", "");
	expect(r, 1, "ACK ");
	rig_run(r, SECONDS(40));
	rig_assert_empty(r);
}

static void test_cancel_while_ringing(void **state)
{
	struct rig *r = *state;
	static char invite[RIG_TEXT];
	const char *m;

	ask(r, "INVITE", "alice", "cancel");
	expect(r, 0, "SIP/2.0 100 ");
	snprintf(invite, sizeof(invite), "%s", expect(r, 1, "INVITE "));
	rig_answer(r, 1, invite, 180, "callee", "");
	expect(r, 0, "SIP/2.0 180 ");
	cancel(r, "alice", "cancel");
	expect(r, 0, "SIP/2.0 200 ");
	m = expect(r, 1, "CANCEL ");
	assert_string_equal(rig_header(m, "CSeq"), "1 CANCEL");
	rig_answer(r, 1, m, 200, "callee", "");
	rig_answer(r, 1, invite, 487, "callee", "");
	expect(r, 1, "ACK ");
	m = expect(r, 0, "SIP/2.0 487 ");
	acknowledge(r, "alice", "cancel", m);
	rig_run(r, SECONDS(40));
	expect_nothing(r, 1);
	rig_assert_empty(r);
}

/* §9.1: no CANCEL before a provisional answer; without any, the INVITE runs out. */
static void test_cancel_before_anything(void **state)
{
	struct rig *r = *state;
	static char invite[RIG_TEXT];

	ask(r, "INVITE", "alice", "early");
	rig_drain(r, 0);
	snprintf(invite, sizeof(invite), "%s", expect(r, 1, "INVITE "));
	cancel(r, "alice", "early");
	expect(r, 0, "SIP/2.0 200 ");
	expect_nothing(r, 1);
	rig_answer(r, 1, invite, 180, "callee", "");
	rig_drain(r, 0);
	expect(r, 1, "CANCEL ");
	/* The phone has died: neither answered. */
	rig_run(r, SECONDS(33));
	expect(r, 0, "SIP/2.0 487 ");
	rig_run(r, SECONDS(70));
	rig_assert_empty(r);
}

static void test_cancel_of_a_stranger(void **state)
{
	struct rig *r = *state;

	ask(r, "INVITE", "alice", "mine");
	rig_drain(r, 0);
	rig_send(r, 5,
	    "CANCEL sip:alice@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.10:%u;rport;"
	    "branch=z9hG4bKmine\nMax-Forwards: 70\nFrom: <sip:caller@example.com>;tag=from-mine\n"
	    "To: <sip:alice@example.com>\nCall-ID: mine\nCSeq: 1 CANCEL\nContent-Length: 0\n\n",
	    r->phone[0].port);
	expect(r, 5, "SIP/2.0 481 ");
	assert_int_equal(rig_counter(r, COUNTER_STRAY_CANCEL), 1);
	rig_run(r, SECONDS(120));
	rig_assert_empty(r);
}

/* §16.8: a phone that rings for ever is cancelled, and given up 64*T1 later. */
static void test_timer_c(void **state)
{
	struct rig *r = *state;
	static char invite[RIG_TEXT];

	ask(r, "INVITE", "alice", "timer-c");
	rig_drain(r, 0);
	snprintf(invite, sizeof(invite), "%s", expect(r, 1, "INVITE "));
	rig_answer(r, 1, invite, 180, "callee", "");
	rig_run(r, SECONDS(100));
	rig_answer(r, 1, invite, 183, "callee", ""); /* begins it anew */
	rig_drain(r, 0);
	rig_run(r, r->conf->sip.timer_c - SECONDS(1));
	expect_nothing(r, 1);
	rig_run(r, SECONDS(2));
	expect(r, 1, "CANCEL ");
	rig_run(r, SECONDS(33));
	expect(r, 0, "SIP/2.0 408 ");
	rig_run(r, SECONDS(70));
	rig_assert_empty(r);
}

static void test_forked(void **state)
{
	struct rig *r = *state;
	static char one[RIG_TEXT], two[RIG_TEXT], three[RIG_TEXT];

	rig_bind(r, "team", 1u << 2 | 1u << 3 | 1u << 4);
	ask(r, "INVITE", "team", "forked");
	rig_drain(r, 0);
	snprintf(one, sizeof(one), "%s", expect(r, 2, "INVITE "));
	snprintf(two, sizeof(two), "%s", expect(r, 3, "INVITE "));
	snprintf(three, sizeof(three), "%s", expect(r, 4, "INVITE "));
	rig_answer(r, 2, one, 180, "one", "");
	rig_answer(r, 3, two, 180, "two", "");
	assert_int_equal(rig_drain(r, 0), 2);
	rig_answer(r, 4, three, 486, "three", "");
	expect(r, 4, "ACK ");
	expect_nothing(r, 0);
	rig_answer(r, 2, one, 200, "one", "");
	expect(r, 0, "SIP/2.0 200 ");
	expect(r, 3, "CANCEL ");
	/* Both were picked up at the same moment: the caller has to know of both. */
	rig_answer(r, 3, two, 200, "two", "");
	expect(r, 0, "SIP/2.0 200 ");
	rig_run(r, SECONDS(40));
	rig_assert_empty(r);
}

/* §16.7 step 5: a 6xx ends it for all, but a 200 that crosses it is a call. */
static void test_declined_and_answered(void **state)
{
	struct rig *r = *state;
	static char one[RIG_TEXT], two[RIG_TEXT];

	rig_bind(r, "team", 1u << 2 | 1u << 3);
	ask(r, "INVITE", "team", "six");
	rig_drain(r, 0);
	snprintf(one, sizeof(one), "%s", expect(r, 2, "INVITE "));
	snprintf(two, sizeof(two), "%s", expect(r, 3, "INVITE "));
	rig_answer(r, 3, two, 180, "two", "");
	rig_answer(r, 2, one, 603, "one", "");
	rig_drain(r, 0);
	expect(r, 3, "CANCEL ");
	rig_answer(r, 3, two, 200, "two", "");
	expect(r, 0, "SIP/2.0 200 ");
	rig_run(r, SECONDS(70));
	rig_assert_empty(r);
}

static void test_challenges_of_all(void **state)
{
	struct rig *r = *state;
	static char one[RIG_TEXT], two[RIG_TEXT];
	const char *m;

	rig_bind(r, "team", 1u << 2 | 1u << 3);
	ask(r, "INVITE", "team", "both");
	rig_drain(r, 0);
	snprintf(one, sizeof(one), "%s", expect(r, 2, "INVITE "));
	snprintf(two, sizeof(two), "%s", expect(r, 3, "INVITE "));
	rig_answer(r, 2, one, 401, "one", "WWW-Authenticate: Digest realm=\"one\", nonce=\"1\"\n");
	rig_answer(
	    r, 3, two, 407, "two", "Proxy-Authenticate: Digest realm=\"two\",\n nonce=\"2\"\n");
	m = expect(r, 0, "SIP/2.0 40");
	assert_non_null(strstr(m, "\r\nWWW-Authenticate: Digest realm=\"one\", nonce=\"1\"\r\n"));
	assert_non_null(strstr(m, "\r\nProxy-Authenticate: Digest realm=\"two\", nonce=\"2\"\r\n"));
	rig_run(r, SECONDS(70));
	rig_assert_empty(r);
}

/* More challenges than an answer has room for: the caller is answered all the same. */
static void test_a_flood_of_challenges(void **state)
{
	struct rig *r = *state;
	static char one[RIG_TEXT], two[RIG_TEXT], lines[8192];
	struct buf b = BUF(lines);

	for (int i = 0; i < 90; i++)
		buf_addf(&b, "WWW-Authenticate: Digest realm=\"%d\", nonce=\"1\"\n", i);
	assert_true(buf_terminate(&b));
	rig_bind(r, "team", 1u << 2 | 1u << 3);
	ask(r, "INVITE", "team", "flood");
	rig_drain(r, 0);
	snprintf(one, sizeof(one), "%s", expect(r, 2, "INVITE "));
	snprintf(two, sizeof(two), "%s", expect(r, 3, "INVITE "));
	rig_answer(r, 2, one, 401, "one", lines);
	rig_answer(r, 3, two, 401, "two", lines);
	expect(r, 0, "SIP/2.0 401 ");
	rig_run(r, SECONDS(70));
	rig_assert_empty(r);
}

/* A response without a Via of the caller, with another's branch, with a wrong cookie. */
static void test_false_responses(void **state)
{
	struct rig *r = *state;
	static char invite[RIG_TEXT];
	char *branch;

	ask(r, "INVITE", "alice", "false");
	rig_drain(r, 0);
	snprintf(invite, sizeof(invite), "%s", expect(r, 1, "INVITE "));
	branch = strstr(invite, "branch=z9hG4bK") + 14;
	/* The last characters are the loop hash, which no answer depends on. */
	for (int i = 0; i < 18; i++) {
		char was = branch[i];

		branch[i] = was == 'A' ? 'B' : 'A';
		rig_answer(r, 5, invite, 200, "evil", "");
		branch[i] = was;
	}
	expect_nothing(r, 0);
	/* Only our Via is left: not for the caller (§16.7 step 3). */
	branch = strstr(strstr(invite, "\r\nVia: ") + 7, "\r\nVia: ");
	memmove(
	    branch + 2, strstr(branch + 2, "\r\n") + 2, strlen(strstr(branch + 2, "\r\n") + 2) + 1);
	rig_answer(r, 1, invite, 200, "callee", "");
	expect_nothing(r, 0);
	rig_run(r, SECONDS(80));
	rig_assert_empty(r);
}

/* The listener of a call goes: it cannot be answered any more, and still nothing is left. */
static void test_reload_without_the_listener(void **state)
{
	struct rig *r = *state;
	static char invite[RIG_TEXT], message[RIG_TEXT];
	uint16_t port = r->port;

	ask(r, "INVITE", "alice", "reload");
	snprintf(invite, sizeof(invite), "%s", expect(r, 1, "INVITE "));
	rig_answer(r, 1, invite, 180, "callee", "");
	ask(r, "MESSAGE", "alice", "reload-m");
	snprintf(message, sizeof(message), "%s", expect(r, 1, "MESSAGE "));
	r->port = (uint16_t)(port ^ 1);
	rig_reload(r, "");
	rig_answer(r, 1, invite, 486, "callee", "");
	rig_answer(r, 1, message, 200, "callee", "");
	rig_run(r, SECONDS(300));
	rig_assert_empty(r);
}

/* Calls until there is no room: refused with 503, and when time has passed there is room again. */
static void test_full(void **state)
{
	struct rig *r = *state;
	unsigned refused = 0, i;
	char id[32];
	const char *m;

	for (i = 0; i < 5000 && refused < 20; i++) {
		snprintf(id, sizeof(id), "full-%u", i);
		ask(r, "INVITE", "alice", id);
		while ((m = rig_recv(r, 0)) != NULL)
			refused += !strncmp(m, "SIP/2.0 5", 9);
		rig_drain(r, 1);
	}
	assert_true(refused >= 20);
	assert_true(rig_counter(r, COUNTER_TXN_FULL) >= 20);
	for (unsigned s = 0; s < 100; s++) {
		rig_run(r, SECONDS(1));
		rig_drain(r, 0);
		rig_drain(r, 1);
	}
	rig_assert_empty(r);
	ask(r, "INVITE", "alice", "again");
	expect(r, 0, "SIP/2.0 100 ");
	rig_run(r, SECONDS(80));
}

/* Phones that do anything, with losses everywhere; whatever happens, it ends. */
static void play(struct rig *r, struct rng *rng, unsigned phone, const char *m)
{
	static const unsigned statuses[] = {100, 180, 183, 200, 202, 302, 401, 404, 407, 408, 480,
	    486, 487, 500, 503, 600, 603, 699};
	static char kept[RIG_TEXT];
	unsigned n = rng_below(rng, 4);

	snprintf(kept, sizeof(kept), "%s", m);
	if (!strncmp(kept, "SIP/2.0", 7)) {
		if (phone == 0 && atoi(kept + 8) >= 300 && rng_below(rng, 2))
			acknowledge(r, "team", rig_header(kept, "Call-ID"), kept);
		return;
	}
	while (n--)
		rig_answer(r, phone, kept, statuses[rng_below(rng, ARRAY_LEN(statuses))], "t",
		    rng_below(rng, 8) ? "" : "Via: SIP/2.0/UDP odd\n");
}

static void test_anything(void **state)
{
	struct rig *r = *state;
	struct rng rng;
	char id[32] = "";

	rng_init_seed(&rng, 26);
	rig_bind(r, "team", 0xfe);
	for (unsigned i = 0; i < 1500; i++) {
		unsigned what = rng_below(&rng, 10);

		if (what < 4) {
			snprintf(id, sizeof(id), "any-%u", i);
			ask(r, what ? "INVITE" : "MESSAGE", rng_below(&rng, 2) ? "team" : "alice",
			    id);
		} else if (what < 6) {
			cancel(r, "team", id);
		} else if (what < 7) {
			ask(r, "INVITE", "team", id);
		}
		for (unsigned phone = 0; phone < RIG_PHONES; phone++) {
			const char *m;

			while ((m = rig_recv(r, phone)) != NULL)
				if (rng_below(&rng, 3))
					play(r, &rng, phone, m);
		}
		rig_run(r, rng_below(&rng, 1500) * USEC_MS);
	}
	for (unsigned s = 0; s < 400; s++) {
		rig_run(r, SECONDS(1));
		for (unsigned phone = 0; phone < RIG_PHONES; phone++)
			rig_drain(r, phone);
	}
	rig_assert_empty(r);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	rig_init(r, "sip: {transactions: 1024, transaction_memory: 8MiB}\n");
	rig_bind(r, "alice", 1u << 1);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_call),
	    TEST(test_a_lost_200),
	    TEST(test_no_answer_at_all),
	    TEST(test_no_answer_to_a_message),
	    TEST(test_a_refusal),
	    TEST(test_cancel_while_ringing),
	    TEST(test_cancel_before_anything),
	    TEST(test_cancel_of_a_stranger),
	    TEST(test_timer_c),
	    TEST(test_forked),
	    TEST(test_declined_and_answered),
	    TEST(test_challenges_of_all),
	    TEST(test_a_flood_of_challenges),
	    TEST(test_false_responses),
	    TEST(test_reload_without_the_listener),
	    TEST(test_full),
	    TEST(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
