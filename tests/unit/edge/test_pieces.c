/* SPDX-License-Identifier: MIT
 *
 * Branches, route tokens, reasons of faults, sockets across reloads, and messages as they go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "edge/forward.h"
#include "edge/keys.h"
#include "edge/malformed.h"
#include "edge/reply.h"
#include "rig.h"
#include "store/sqlite.h"

static const struct siphash_key key = {1, 2}, other_key = {1, 3};

/* ---- branch ---- */

static void test_branch(void **state)
{
	const struct branch in = {255, (1u << 24) - 1, 0xfffe, 0x0123456789abcdef, 0xdeadbeef};
	static const char *const bad[] = {"", "z9hG4bK", "z9hG4bKabc",
	    "Z9hG4bKAAAAAAAAAAAAAAAAAAAAAAAA",
	    "z9hG4bKAAAAAAAAAAAAAAAAAAAAAAA=", "z9hG4bKAAAAAAAAAAAAAAAAAAAAAAAAA",
	    "z9hG4bKAAAAAAAAAAA AAAAAAAAAAAA"};
	char text[64];
	struct buf b = BUF(text);
	struct branch out;

	(void)state;
	branch_write(&b, &in);
	assert_int_equal(b.n, BRANCH_TEXT_LEN);
	assert_int_equal(branch_read(buf_span(&b), &out), OK);
	assert_int_equal(out.worker, in.worker);
	assert_int_equal(out.slot, in.slot);
	assert_int_equal(out.generation, in.generation);
	assert_int_equal(out.cookie, in.cookie);
	assert_int_equal(out.loop, in.loop);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(branch_read(span_str(bad[i]), &out), ERR_SYNTAX);
}

/* ---- token ---- */

static struct flow flow_of(const char *addr, enum transport t, uint16_t listener, uint64_t conn)
{
	struct flow f = {.transport = t, .listener = listener, .conn = conn};

	assert_int_equal(addr_parse(span_str(addr), 0, &f.remote), OK);
	return f;
}

static bool ends_equal(const struct flow *a, const struct flow *b)
{
	return a->transport == b->transport && a->listener == b->listener && a->conn == b->conn &&
	       addr_eq(&a->remote, &b->remote);
}

static void test_token(void **state)
{
	const struct flow flows[] = {
	    flow_of("192.0.2.1:5060", TRANSPORT_UDP, 1, 0),
	    flow_of("[2001:db8::1]:65535", TRANSPORT_UDP, 65535, 0),
	    flow_of("192.0.2.1:1", TRANSPORT_TCP, 0, UINT64_MAX),
	    flow_of("[2001:db8::ffff]:5061", TRANSPORT_TCP, 7, 1),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flows) * ARRAY_LEN(flows); i++) {
		struct route_token out,
		    in = {
			.ends = {flows[i / ARRAY_LEN(flows)], flows[i % ARRAY_LEN(flows)]},
			.caller_tag = 0xfedcba98,
			.parties = 0x80000001,
		    };
		char text[ROUTE_TOKEN_TEXT_MAX];
		struct buf b = BUF(text);

		route_token_write(&b, &in, &key);
		assert_false(b.overflow);
		assert_int_equal(route_token_read(buf_span(&b), &key, &out), OK);
		assert_true(ends_equal(&in.ends[0], &out.ends[0]));
		assert_true(ends_equal(&in.ends[1], &out.ends[1]));
		assert_int_equal(out.caller_tag, in.caller_tag);
		assert_int_equal(out.parties, in.parties);
		assert_int_equal(route_token_read(buf_span(&b), &other_key, &out), ERR_DENIED);
		for (size_t at = 0; at < b.n; at++) {
			char was = text[at];

			assert_int_not_equal(route_token_read(span_of(text, at), &key, &out), OK);
			text[at] = was == 'A' ? 'B' : 'A';
			assert_int_not_equal(route_token_read(buf_span(&b), &key, &out), OK);
			text[at] = was;
		}
	}
}

static void test_token_words(void **state)
{
	struct sip_parse_error err;
	struct sip_uri a, b;

	(void)state;
	assert_int_equal(route_token_tag(SPAN("id"), SPAN("t"), &key),
	    route_token_tag(SPAN("id"), SPAN("t"), &key));
	assert_int_not_equal(route_token_tag(SPAN("id"), SPAN("t"), &key),
	    route_token_tag(SPAN("ie"), SPAN("t"), &key));
	assert_int_not_equal(route_token_tag(SPAN("id"), SPAN("t"), &key),
	    route_token_tag(SPAN("id"), SPAN("u"), &key));
	assert_int_equal(sip_uri_parse(SPAN("sip:a@h"), &sip_limits_default, &a, &err), SIP_OK);
	assert_int_equal(sip_uri_parse(SPAN("sip:b@h"), &sip_limits_default, &b, &err), SIP_OK);
	assert_int_equal(route_token_parties(&a, &b, &key), route_token_parties(&b, &a, &key));
	assert_int_not_equal(route_token_parties(&a, &b, &key), route_token_parties(&a, &a, &key));
}

/* ---- reasons ---- */

static void test_every_fault_has_a_reason(void **state)
{
	(void)state;
	for (int i = 1; i < SIP_BAD_COUNT; i++) {
		enum reason r = malformed_reason((enum sip_bad)i);

		/* REASON_PARSE_HEADER stands in for what the table forgot. */
		if (r == REASON_NONE || (r == REASON_PARSE_HEADER && i != SIP_BAD_HEADER_NAME))
			fail_msg("%s has no reason", sip_bad_slug((enum sip_bad)i));
	}
	assert_int_equal(malformed_reason(SIP_BAD_COUNT), REASON_PARSE_HEADER);
}

/* ---- snapshot ---- */

static struct snapshot *load(const char *zones, const struct snapshot *before)
{
	static char text[2048];
	struct conf_errors errs;
	struct conf *c = NULL;
	struct snapshot *s;
	struct buf b = BUF(text);

	buf_addf(&b, "zones:\n%sdomains:\n  example.com: {registrar: local}\nworkers: 1\n", zones);
	conf_errors_init(&errs);
	(void)!conf_load_text(buf_span(&b), "test.yaml", &c, &errs);
	for (size_t i = 0; i < errs.count && !c; i++)
		fprintf(stderr, "%.*s\n", SPAN_FMT(errs.list[i].text));
	conf_errors_done(&errs);
	assert_non_null(c);
	s = snapshot_new(c, before);
	assert_non_null(s);
	return s;
}

#define ONE "  a: {listen: [\"udp:127.0.0.1:5070\"]}\n"
#define TWO "  a: {listen: [\"udp:127.0.0.1:5070\", \"tcp:127.0.0.1:5071\"]}\n"
#define THREE                                                               \
	"  a: {listen: [\"udp:127.0.0.1:5072\", \"udp:127.0.0.1:5070\"]}\n" \
	"  b: {trust: network, listen: [\"udp:[::1]:5070\", \"udp:127.0.0.2:5070\"]}\n"

static void test_slots(void **state)
{
	struct snapshot *one = load(ONE, NULL), *two = load(TWO, one), *again = load(ONE, two);
	struct snapshot *three = load(THREE, again);
	uint16_t id = one->slots[0].id;

	(void)state;
	assert_int_equal(one->n_slots, 1);
	assert_true(two->slots[0].used && two->slots[1].used);
	assert_int_equal(two->slots[0].addr.port, 5070);
	/* What a listener left is not another's at once: flows still name it. */
	assert_false(again->slots[1].used);
	assert_int_equal(again->n_slots, 2);
	assert_null(snapshot_listener(again, 1));
	assert_int_equal(three->slots[0].addr.port, 5070);
	assert_false(three->slots[1].used);
	assert_int_equal(snapshot_slot_by_id(three, id), 0);
	assert_int_equal(snapshot_slot_by_id(again, two->slots[1].id), SLOT_NONE);
	snapshot_put(one);
	snapshot_put(two);
	snapshot_put(again);
	snapshot_put(three);
}

static void test_slot_for(void **state)
{
	struct snapshot *s = load(THREE, NULL);
	struct flow to = flow_of("127.0.0.1:9", TRANSPORT_UDP, 0, 0);
	struct flow v6 = flow_of("[::1]:9", TRANSPORT_UDP, SLOT_NONE, 0);
	struct flow tcp = flow_of("127.0.0.1:9", TRANSPORT_TCP, 0, 0);

	(void)state;
	assert_int_equal(snapshot_slot_for(s, &to, CONF_NONE), 0);
	to.listener = 1;
	assert_int_equal(snapshot_slot_for(s, &to, CONF_NONE), 1);
	/* The number of a start before: the address tells. */
	to.listener = 0;
	assert_int_equal(addr_parse(SPAN("127.0.0.2:5070"), 0, &to.local), OK);
	assert_int_equal(snapshot_slot_for(s, &to, CONF_NONE), 3);
	to.listener = SLOT_NONE;
	to.local.port = 0;
	assert_int_equal(snapshot_slot_for(s, &to, 1), 3);
	assert_int_equal(snapshot_slot_for(s, &v6, CONF_NONE), 2);
	assert_int_equal(snapshot_slot_for(s, &v6, 0), SLOT_NONE);
	assert_int_equal(snapshot_slot_for(s, &tcp, CONF_NONE), SLOT_NONE);
	snapshot_put(s);
}

/* ---- forward ---- */

struct row {
	const char *name, *lines; /* header lines of the request */
	struct forwarding facts;
	const char *route; /* of the target */
	const char *has[6], *lacks[4];
};

#define DIGEST(realm) "Proxy-Authorization: Digest realm=\"" realm "\", nonce=\"n\"\n"

static const struct row rows[] = {
    {"plain", "", {0}, "",
	{"INVITE sip:new@host SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:",
	    ";branch=z9hG4bKin;rport=5066;received=192.0.2.9\r\n", "\r\nMax-Forwards: 70\r\n"},
	{"Route", "Max-Breadth"}},
    {"hops", "Max-Forwards: 9\n", {0}, "", {"\r\nMax-Forwards: 8\r\n"}, {"Forwards: 9"}},
    {"no hop", "Max-Forwards: 0\n", {0}, "", {"\r\nMax-Forwards: 0\r\n"}, {NULL}},
    {"breadth", "", {.breadth = 7}, "", {"\r\nMax-Breadth: 7\r\nContent-Length: 0\r\n"}, {NULL}},
    {"one route", "Route: <sip:r1;lr>\n", {.own_routes = 1}, "", {NULL}, {"Route"}},
    {"first of three", "Route: <sip:r1;lr>, <sip:b;lr>,<sip:c;lr>\n", {.own_routes = 1}, "",
	{"\r\nRoute: <sip:b;lr>, <sip:c;lr>\r\n"}, {"sip:r1"}},
    {"two of three headers",
	"Route: <sip:r1;lr>\nRoute: <sip:b;lr>,\n <sip:c;lr>\nRoute: <sip:d>\n", {.own_routes = 2},
	"", {"\r\nRoute: <sip:c;lr>\r\nRoute: <sip:d>\r\n"}, {"sip:r1", "sip:b;"}},
    {"strict", "Route: <sip:b;lr>, <sip:last>\n", {.strict_route = true}, "",
	{"\r\nRoute: <sip:b;lr>\r\n"}, {"sip:last"}},
    {"strict, alone", "Route: <sip:last>\n", {.strict_route = true}, "", {NULL}, {"Route"}},
    {"strict, own", "Route: <sip:r1;lr>\nRoute: <sip:last>\n",
	{.own_routes = 1, .strict_route = true}, "", {NULL}, {"Route"}},
    {"path", "Route: <sip:r1;lr>\nRoute: <sip:z;lr>\n", {.own_routes = 1},
	"<sip:p1;lr>, <sip:p2;lr>",
	{"\r\nRoute: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:z;lr>\r\n"}, {"sip:r1"}},
    {"credentials", DIGEST("example.com") DIGEST("elsewhere") "Proxy-Authorization: Basic x\n",
	{.drop_credentials = true}, "", {DIGEST("elsewhere")}, {DIGEST("example.com"), "Basic"}},
    {"credentials that nobody looked at", DIGEST("example.com") DIGEST("elsewhere"), {0}, "",
	{DIGEST("elsewhere")}, {DIGEST("example.com")}},
    {"record", "Record-Route: <sip:before;lr>\n", {.record_route = true}, "",
	{"\r\nRecord-Route: <sip:", "\r\nRecord-Route: <sip:before;lr>\r\n"}, {NULL}},
};

static bool has(const char *text, const char *part)
{
	char crlf[512];
	size_t n = 0;

	for (; *part && n + 2 < sizeof(crlf); part++) {
		if (*part == '\n' && (n == 0 || crlf[n - 1] != '\r'))
			crlf[n++] = '\r';
		crlf[n++] = *part;
	}
	crlf[n] = 0;
	return strstr(text, crlf);
}

/* came_by: the slot. */
static void forward(struct rig *r, const struct row *row, uint16_t came_by, char *out, size_t cap)
{
	static char text[4096];
	struct flow from = flow_of("192.0.2.9:5066", TRANSPORT_UDP, came_by, 0);
	struct target target = {.uri = SPAN("sip:new@host"),
	    .route = span_str(row->route),
	    .flow = flow_of("127.0.0.11:5060", TRANSPORT_UDP, 0, 0)};
	struct branch branch = {.worker = 0, .cookie = 5};
	struct sip_header headers[64];
	struct sip_parse_error err;
	struct outgoing o;
	struct sip_msg msg;
	struct buf b = BUF(text), w = buf_of(out, cap);

	buf_add_lit(&b, "INVITE sip:old@example.com SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.0.0.1:5066;branch=z9hG4bKin;rport\r\n");
	for (const char *c = row->lines; *c; c++)
		buf_add(&b, *c == '\n' ? "\r\n" : c, *c == '\n' ? 2 : 1);
	buf_add_lit(&b, "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n"
			"Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(
	    sip_msg_parse(buf_span(&b), &sip_limits_default, headers, 64, &msg, &err), SIP_OK);
	arena_clear(&r->w->arena);
	assert_int_equal(outgoing_open(r->w, &target.flow, CONF_NONE, &o), OK);
	assert_int_equal(forward_write(&o, &msg, &from, &target, &row->facts, &branch), OK);
	buf_add_span(&w, buf_span(&o.buf));
	assert_true(buf_terminate(&w));
}

static void test_forward(void **state)
{
	char out[4096];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];

		forward(*state, row, 0, out, sizeof(out));
		for (size_t k = 0; k < ARRAY_LEN(row->has) && row->has[k]; k++)
			if (!has(out, row->has[k]))
				fail_msg("%s: no %s in\n%s", row->name, row->has[k], out);
		for (size_t k = 0; k < ARRAY_LEN(row->lacks) && row->lacks[k]; k++)
			if (has(out, row->lacks[k]))
				fail_msg("%s: %s in\n%s", row->name, row->lacks[k], out);
	}
}

/* From one listener to another: what faces the callee stands on top. */
static void test_double_record_route(void **state)
{
	struct rig *r = *state;
	const struct row row = {.facts = {.record_route = true}, .lines = "", .route = ""};
	char out[4096], v4[64], v6[64], *first, *second;

	forward(r, &row, 1, out, sizeof(out));
	snprintf(v4, sizeof(v4), "@127.0.0.1:%u;lr>\r\nRecord-Route", r->port);
	snprintf(v6, sizeof(v6), "@[::1]:%u;lr>\r\n", r->port);
	first = strstr(out, v4);
	second = strstr(out, v6);
	assert_true(first && second && first < second);
}

/* ---- responses ---- */

static void test_forward_response(void **state)
{
	static const char text[] =
	    "SIP/2.0 503 Gone\r\nVia: SIP/2.0/UDP us;branch=z9hG4bKx, SIP/2.0/UDP "
	    "c;branch=z9hG4bKc\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
	    "Content-Length: 0\r\n\r\n";
	struct rig *r = *state;
	struct flow to = flow_of("127.0.0.11:5060", TRANSPORT_UDP, 0, 0);
	struct sip_header headers[64];
	struct sip_parse_error err;
	struct outgoing o;
	struct sip_msg msg;
	char out[2048];
	struct buf w = BUF(out);

	assert_int_equal(
	    sip_msg_parse(span_str(text), &sip_limits_default, headers, 64, &msg, &err), SIP_OK);
	assert_int_equal(outgoing_open(r->w, &to, CONF_NONE, &o), OK);
	assert_int_equal(
	    forward_write_response(&o, &msg, 500, SPAN("X-A: 1\r\nX-B: 2\r\n"), false), OK);
	buf_add_span(&w, buf_span(&o.buf));
	assert_true(buf_terminate(&w));
	assert_true(has(out, "SIP/2.0 500 "));
	assert_true(has(out, "\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKc\r\nFrom"));
	assert_true(has(out, "\r\nX-A: 1\r\nX-B: 2\r\n"));
	assert_false(has(out, "z9hG4bKx"));
}

/* The tag of a stateless answer is the same for the request again, and its ACK is known by it. */
static void test_reply_tag(void **state)
{
	static const char *const form =
	    "%s sip:x@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%s\r\n"
	    "From: <sip:a@b>;tag=%s\r\nTo: <sip:a@b>\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
	    "Content-Length: 0\r\n\r\n";
	struct rig *r = *state;
	struct flow to = flow_of("127.0.0.11:5060", TRANSPORT_UDP, 0, 0);
	char text[1024], out[2][2048], tag[64];
	struct sip_header headers[64];
	struct sip_parse_error err;
	struct sip_msg msg;

	snprintf(text, sizeof(text), form, "INVITE", "1", "t", "id", 1u, "INVITE");
	assert_int_equal(
	    sip_msg_parse(span_str(text), &sip_limits_default, headers, 64, &msg, &err), SIP_OK);
	for (int i = 0; i < 2; i++) {
		struct buf b = BUF(out[i]);

		assert_int_equal(reply_write(r->w, &msg, &to, 404, SPAN("X: y\r\n"), &b), OK);
		assert_true(buf_terminate(&b));
	}
	assert_string_equal(out[0], out[1]);
	snprintf(tag, sizeof(tag), "%s", strstr(rig_header(out[0], "To"), ";tag=") + 5);
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), form, "ACK", "1", i == 1 ? "u" : "t",
		    i == 2 ? "ie" : "id", i == 3 ? 2u : 1u, "ACK");
		assert_int_equal(
		    sip_msg_parse(span_str(text), &sip_limits_default, headers, 64, &msg, &err),
		    SIP_OK);
		assert_int_equal(reply_made_tag(r->w, &msg, span_str(tag)), i == 0);
	}
	assert_false(reply_made_tag(r->w, &msg, SPAN("")));
}

/* ---- keys ---- */

/* What phones and dialogs hold stays good over a restart; damaged keys are made anew. */
static void test_keys(void **state)
{
	struct nonce_keys nonce[3];
	struct edge_keys keys[3];
	char why_text[256];
	struct buf why = BUF(why_text);
	struct store *s;

	(void)state;
	assert_int_equal(sqlite_open(":memory:", STORE_STATE | STORE_CREATE, 100, &why, &s), OK);
	for (int i = 0; i < 3; i++) {
		if (i == 2)
			assert_int_equal(store_meta_put(s, SPAN("route-key"), SPAN("short")), OK);
		assert_int_equal(keys_load(s, USEC_SEC, &nonce[i], &keys[i]), OK);
	}
	assert_memory_equal(&keys[0].token, &keys[1].token, sizeof(key));
	assert_memory_equal(&keys[0].tag, &keys[1].tag, sizeof(key));
	assert_memory_equal(&keys[0].tag, &keys[2].tag, sizeof(key));
	assert_memory_not_equal(&keys[0].token, &keys[2].token, sizeof(key));
	assert_memory_not_equal(&keys[0].txn, &keys[1].txn, sizeof(key));
	store_close(s);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	rig_init(r, "");
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_branch),
	    cmocka_unit_test(test_token),
	    cmocka_unit_test(test_token_words),
	    cmocka_unit_test(test_every_fault_has_a_reason),
	    cmocka_unit_test(test_slots),
	    cmocka_unit_test(test_slot_for),
	    cmocka_unit_test(test_forward),
	    cmocka_unit_test(test_double_record_route),
	    cmocka_unit_test(test_forward_response),
	    cmocka_unit_test(test_reply_tag),
	    cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
