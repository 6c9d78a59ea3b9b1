/* SPDX-License-Identifier: MIT
 *
 * What strangers and wayward phones try on a whole worker: routes of ours used for other ends,
 * messages that are broken in every way, in every mode of the check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

/* A request with these lines in between; its final status, or 0. */
static unsigned try(struct rig *r, unsigned phone, const char *method, const char *uri,
    const char *from, const char *to, const char *call_id, const char *lines)
{
	static unsigned serial;
	const char *m;
	unsigned status = 0;

	rig_drain(r, phone);
	serial++;
	rig_send(r, phone,
	    "%s %s SIP/2.0\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bKtry%u\nMax-Forwards: 70\n%s"
	    "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %u %s\nContent-Length: 0\n\n",
	    method, uri, serial, lines, from, to, call_id, serial, method);
	while ((m = rig_recv(r, phone)) != NULL)
		if (!strncmp(m, "SIP/2.0", 7) && atoi(m + 8) >= 200)
			status = (unsigned)atoi(m + 8);
	return status;
}

/* The Route line that phone 0's INVITE with this Call-ID and tag gave. */
static void make_route(struct rig *r, const char *call_id, char *out, size_t cap)
{
	const char *m;

	try(r, 0, "INVITE", "sip:alice@example.com", "<sip:x@example.com>;tag=mine",
	    "<sip:alice@example.com>", call_id, "");
	m = rig_recv(r, 1);
	assert_non_null(m);
	snprintf(out, cap, "Route: %s\n", rig_header(m, "Record-Route"));
	rig_answer(r, 1, m, 486, "hers", "");
	rig_drain(r, 0);
	rig_drain(r, 1);
}

static void test_a_token_serves_one_dialog(void **state)
{
	static const struct {
		const char *name, *method, *from, *to, *call_id;
		unsigned status; /* 0: it goes on to the phone */
	} rows[] = {
	    {"the caller", "BYE", "<sip:x@example.com>;tag=mine", "<sip:a@b>;tag=hers", "d", 0},
	    {"the callee", "BYE", "<sip:a@b>;tag=hers", "<sip:x@example.com>;tag=mine", "d", 0},
	    {"a new call", "INVITE", "<sip:x@example.com>;tag=mine", "<sip:a@b>", "d", 403},
	    {"another tag", "INFO", "<sip:x@example.com>;tag=other", "<sip:a@b>;tag=hers", "d",
		403},
	    {"another Call-ID", "INFO", "<sip:x@example.com>;tag=mine", "<sip:a@b>;tag=hers", "e",
		403},
	    {"no tag", "MESSAGE", "<sip:x@example.com>", "<sip:a@b>;tag=hers", "d", 403},
	    {"another's registration", "REGISTER", "<sip:x@example.com>;tag=mine",
		"<sip:ceo@example.com>", "d", 403},
	};
	struct rig *r = *state;
	char route[512];

	make_route(r, "d", route, sizeof(route));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned status = try(r, 0, rows[i].method, "sip:+900@elsewhere.example",
		    rows[i].from, rows[i].to, rows[i].call_id, route);
		unsigned heard;

		if (status != rows[i].status)
			fail_msg("%s: %u", rows[i].name, status);
		/* Towards the caller it comes back to phone 0, which try() drained. */
		heard = rig_drain(r, 1);
		if (heard && rows[i].status)
			fail_msg("%s: it went on", rows[i].name);
	}
	/* Nor an ACK, which nobody answers. */
	try(r, 5, "ACK", "sip:alice@example.com", "<sip:x@example.com>;tag=mine",
	    "<sip:a@b>;tag=hers", "other", route);
	assert_int_equal(rig_drain(r, 1), 0);
	rig_run(r, 80 * USEC_SEC);
	rig_assert_empty(r);
}

static void test_no_token_can_be_altered(void **state)
{
	struct rig *r = *state;
	char route[512], *user, *end;

	make_route(r, "alter", route, sizeof(route));
	user = strstr(route, "sip:") + 4;
	end = strchr(user, '@');
	for (char *c = user; c < end; c++) {
		char was = *c;

		*c = was == 'A' ? 'B' : 'A';
		assert_int_equal(try(r, 0, "INFO", "sip:a@b", "<sip:x@example.com>;tag=mine",
				     "<sip:a@b>;tag=hers", "alter", route),
		    403);
		*c = was;
	}
	assert_int_equal(rig_drain(r, 1), 0);
}

static void test_no_relay(void **state)
{
	static const struct {
		const char *uri, *lines;
		unsigned status;
	} rows[] = {
	    {"sip:x@elsewhere.example", "", 403},
	    {"sip:x@192.0.2.1", "", 403},
	    {"sip:x@[2001:db8::1]:5060", "", 403},
	    {"sip:x@192.0.2.1;maddr=127.0.0.1", "", 403},
	    {"tel:+4930123", "", 403},
	    {"sips:alice@example.com", "", 416},
	    {"urn:service:sos", "", 416},
	    {"sip:alice@example.com", "Route: <sip:192.0.2.1;lr>\n", 403},
	    {"sip:alice@example.com", "Route: <sip:{edge};lr>,<sip:192.0.2.1;lr>\n", 403},
	    {"sip:alice@example.com", "Route: <sip:{edge};lr>\nRoute: <sip:192.0.2.1>\n", 403},
	    {"sip:alice@example.com", "Route: <sip:x@{edge};lr>\n", 403},
	    {"sip:alice@example.com", "Route: <sip:{edge};lr>\n", 0},
	    {"sip:alice@example.com;maddr=192.0.2.1", "", 0},
	    {"sip:alice@EXAMPLE.com", "", 0},
	    {"sip:%61lice@example.com", "", 0},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned status = try(r, 0, "MESSAGE", rows[i].uri, "<sip:x@example.com>;tag=t",
		    "<sip:y@example.com>", "relay", rows[i].lines);

		if (status != rows[i].status || rig_drain(r, 1) != !rows[i].status)
			fail_msg("%s with %s: %u", rows[i].uri, rows[i].lines, status);
	}
}

static void test_hops(void **state)
{
	struct rig *r = *state;

	rig_send(r, 0,
	    "MESSAGE sip:alice@example.com SIP/2.0\nVia: SIP/2.0/UDP {via};branch=z9hG4bKhops\n"
	    "Max-Forwards: 0\nFrom: <sip:x@example.com>;tag=1\nTo: <sip:alice@example.com>\n"
	    "Call-ID: hops\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n");
	assert_int_equal(strncmp(rig_recv(r, 0), "SIP/2.0 483", 11), 0);
	assert_null(rig_recv(r, 1));
}

/* Valid messages with a few octets changed, cut out, doubled or moved. */
static void spoil(struct rng *rng, char *text, size_t *n, size_t cap)
{
	static const char odd[] = "\r\n\t \"<>;,:@=%\\?[]()0A\x7f\x80\xff";
	unsigned times = 1 + rng_below(rng, 4);

	while (times-- && *n > 2) {
		size_t at = rng_below(rng, (uint32_t)*n);
		size_t len = 1 + rng_below(rng, rng_below(rng, 4) ? 3 : 60);

		len = MIN(len, *n - at);
		switch (rng_below(rng, 4)) {
		case 0:
			text[at] = odd[rng_below(rng, sizeof(odd))];
			break;
		case 1:
			memmove(text + at, text + at + len, *n - at - len);
			*n -= len;
			break;
		case 2:
			if (*n + len > cap)
				break;
			memmove(text + at + len, text + at, *n - at);
			*n += len;
			break;
		default:
			*n = rng_below(rng, 8) ? *n : at;
			break;
		}
	}
}

static void bombard(struct rig *r, uint64_t seed)
{
	static const char *const methods[] = {
	    "INVITE", "REGISTER", "ACK", "CANCEL", "BYE", "OPTIONS", "MESSAGE", "NOTIFY", "FOO"};
	static char text[4096];
	struct flow flow = {.transport = TRANSPORT_UDP, .remote = r->phone[0]};
	char route[512];
	struct rng rng;

	rng_init_seed(&rng, seed);
	make_route(r, "bomb", route, sizeof(route));
	flow.local = r->w->snap->slots[0].addr;
	for (unsigned i = 0; i < 20000; i++) {
		struct buf b = BUF(text);
		const char *method = methods[rng_below(&rng, ARRAY_LEN(methods))];
		bool inside = rng_below(&rng, 3) == 0;
		size_t n;

		if (rng_below(&rng, 5) == 0)
			buf_addf(&b, "SIP/2.0 %u OK\r\n", 100 + rng_below(&rng, 600));
		else
			buf_addf(&b, "%s sip:%s@example.com SIP/2.0\r\n", method,
			    rng_below(&rng, 2) ? "alice" : "team");
		buf_addf(&b,
		    "Via: SIP/2.0/UDP 127.0.0.10:%u;rport;branch=z9hG4bKb%u\r\nMax-Forwards: 9\r\n",
		    r->phone[0].port, rng_below(&rng, 50));
		if (inside)
			for (const char *c = route; *c; c++)
				buf_add(&b, *c == '\n' ? "\r\n" : c, *c == '\n' ? 2 : 1);
		buf_addf(&b,
		    "From: <sip:x@example.com>;tag=mine\r\nTo: <sip:alice@example.com>%s\r\n"
		    "Call-ID: bomb\r\nCSeq: %u %s\r\nContact: <sip:x@127.0.0.10>;expires=60\r\n"
		    "Require: path, %s\r\nSupported: path\r\nPath: <sip:p@127.0.0.1;lr>\r\n"
		    "Max-Breadth: 9\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n",
		    inside ? ";tag=hers" : "", 1 + rng_below(&rng, 9), method,
		    rng_below(&rng, 2) ? "outbound" : "more");
		n = b.n;
		if (rng_below(&rng, 8))
			spoil(&rng, text, &n, sizeof(text));
		/* Exactly as long as it is, so that reading on is noticed. */
		char *exact = malloc(n ? n : 1);

		assert_non_null(exact);
		memcpy(exact, text, n);
		worker_receive(r->w, &flow, span_of(exact, n), &rig_gate);
		free(exact);
		if (i % 64 == 0) {
			rig_run(r, 200 * USEC_MS);
			for (unsigned phone = 0; phone < RIG_PHONES; phone++)
				rig_drain(r, phone);
		}
	}
	for (unsigned s = 0; s < 300; s++) {
		rig_run(r, USEC_SEC);
		for (unsigned phone = 0; phone < RIG_PHONES; phone++)
			rig_drain(r, phone);
	}
	rig_assert_empty(r);
}

static void test_bombard(void **state)
{
	bombard(*state, 1);
}

static int setup_with(void **state, const char *mode)
{
	struct rig *r = calloc(1, sizeof(*r));
	char more[256];

	snprintf(more, sizeof(more), "sip: {transactions: 1024, transaction_memory: 8MiB}\n");
	rig_init_check(r, more, mode);
	rig_bind(r, "alice", 1u << 1);
	rig_bind(r, "team", 0x7c);
	*state = r;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, "enforce");
}

static int setup_observe(void **state)
{
	return setup_with(state, "observe");
}

static int setup_off(void **state)
{
	return setup_with(state, "\"off\"");
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_token_serves_one_dialog, setup),
	    TEST(test_no_token_can_be_altered, setup),
	    TEST(test_no_relay, setup),
	    TEST(test_hops, setup),
	    TEST(test_hops, setup_observe),
	    TEST(test_hops, setup_off),
	    TEST(test_bombard, setup),
	    TEST(test_bombard, setup_observe),
	    TEST(test_bombard, setup_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
