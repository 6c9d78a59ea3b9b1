/* SPDX-License-Identifier: MIT
 *
 * The message parser and the checks: lines, headers, the index by id, limits, faults and answers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

#define VIA  "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define REST "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
#define REQ  "OPTIONS sip:b@h SIP/2.0\r\n"
#define HEAD REQ VIA REST

struct row {
	const char *text;
	enum sip_bad reason;
	uint16_t status; /* of the check; 0 for what the parser refuses */
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rig rig;

		rig_read(&rig, span_str(rows[i].text));
		rig_assert_reason(rig_reason(&rig), rows[i].reason, rows[i].text);
		if (rig.parsed == SIP_OK && rig.checked == SIP_BAD &&
		    rig.finding.status != rows[i].status)
			fail_msg("%s: status %u", rows[i].text, rig.finding.status);
		if (rig.parsed != SIP_OK)
			assert_int_equal(rows[i].status, 0);
		rig_done(&rig);
	}
}

static void test_lines(void **state)
{
	static const struct row rows[] = {
	    {HEAD "\r\n", SIP_BAD_NONE, 0},
	    {"\r\n\r\n" HEAD "\r\n", SIP_BAD_NONE, 0},
	    {"", SIP_BAD_EMPTY, 0},
	    {"\r\n\r\n", SIP_BAD_EMPTY, 0},
	    {"\r", SIP_BAD_TRUNCATED, 0},
	    {"\n", SIP_BAD_NOT_SIP, 0},
	    {"jaK", SIP_BAD_TRUNCATED, 0},
	    {"\x16\x03\x01\x02", SIP_BAD_NOT_SIP, 0},
	    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", SIP_BAD_NOT_SIP, 0},
	    {"HTTP/1.1 200 OK\r\n\r\n", SIP_BAD_NOT_SIP, 0},
	    {"OPTIONS\r\n\r\n", SIP_BAD_NOT_SIP, 0},
	    {"OPTIONS sip:b@h\r\n\r\n", SIP_BAD_NOT_SIP, 0},
	    {"OPTIONS SIP/2.0\r\n\r\n", SIP_BAD_NOT_SIP, 0},
	    {"OPTIONS sip:b@h SIP/2\r\n\r\n", SIP_BAD_NOT_SIP, 0},
	    {"OPTIONS sip:b@h SIP/2.x\r\n\r\n", SIP_BAD_NOT_SIP, 0},
	    {HEAD, SIP_BAD_TRUNCATED, 0},
	    {HEAD "\r", SIP_BAD_TRUNCATED, 0},
	    {HEAD "User-A", SIP_BAD_TRUNCATED, 0},
	    {HEAD "User-Agent", SIP_BAD_TRUNCATED, 0},
	    {HEAD "X: y\r\n folded", SIP_BAD_TRUNCATED, 0},
	    {HEAD "X: y\r\n folded\r\n", SIP_BAD_TRUNCATED, 0},
	    {HEAD "X: \xe4\xff\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "X: a\tb\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "X:\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "X:\r\n \r\n\t\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "X : y\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "X\t : y\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "X y\r\n\r\n", SIP_BAD_HEADER_NAME, 0},
	    {HEAD "X y: z\r\n\r\n", SIP_BAD_HEADER_NAME, 0},
	    {HEAD ": z\r\n\r\n", SIP_BAD_HEADER_NAME, 0},
	    {HEAD " : z\r\n\r\n", SIP_BAD_NONE, 0}, /* a fold of CSeq: refused below */
	    {REQ " X: y\r\n" VIA REST "\r\n", SIP_BAD_HEADER_NAME, 0},
	    {HEAD "X\xe4: z\r\n\r\n", SIP_BAD_HEADER_NAME, 0},
	    {HEAD "X(: z\r\n\r\n", SIP_BAD_HEADER_NAME, 0},
	    {HEAD "X: a\rb\r\n\r\n", SIP_BAD_BARE_CR, 0},
	    {HEAD "X: a\r\r\n\r\n", SIP_BAD_BARE_CR, 0},
	    {HEAD "Content\rLength: 0\r\n\r\n", SIP_BAD_BARE_CR, 0},
	    {HEAD "X: a\x01\r\n\r\n", SIP_BAD_CONTROL, 0},
	    {HEAD "X: a\x7f\r\n\r\n", SIP_BAD_CONTROL, 0},
	    {HEAD "X: a\\\x01\r\n\r\n", SIP_BAD_CONTROL, 0},
	    {HEAD "X: \"a\\\\\x01\"\r\n\r\n", SIP_BAD_CONTROL, 0},
	    {HEAD "X: \"a\\\x01\"\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "X: \"a\\\x01\" \\\x02\r\n\r\n", SIP_BAD_CONTROL, 0},
	    {"OPTIONS sip:b@h\x01 SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_CONTROL, 0},
	    {"OPTIONS sip:b@h SIP/2.0\r" VIA REST "\r\n", SIP_BAD_BARE_CR, 0},
	};
	struct row last = rows[30];

	(void)state;
	assert_string_equal(last.text, HEAD " : z\r\n\r\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (i != 30)
			check_rows(&rows[i], 1);
	last.reason = SIP_BAD_CSEQ;
	last.status = 400;
	check_rows(&last, 1);
	rig_assert_reason(rig_verdict(SPAN(HEAD "X: a\0b\r\n\r\n")), SIP_BAD_NUL, "NUL");
	rig_assert_reason(rig_verdict(SPAN(HEAD "X\0: b\r\n\r\n")), SIP_BAD_NUL, "NUL");
	rig_assert_reason(rig_verdict(SPAN("OPT\0IONS sip:h SIP/2.0\r\n\r\n")), SIP_BAD_NUL, "NUL");
}

static void test_fields(void **state)
{
	static const struct row rows[] = {
	    {HEAD "Max-Forwards: 255\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "Max-Forwards: 256\r\n\r\n", SIP_BAD_MAX_FORWARDS, 400},
	    {HEAD "Max-Forwards: -1\r\n\r\n", SIP_BAD_MAX_FORWARDS, 400},
	    {HEAD "Max-Forwards: \r\n\r\n", SIP_BAD_MAX_FORWARDS, 400},
	    {HEAD "Max-Forwards: 4294967366\r\n\r\n", SIP_BAD_MAX_FORWARDS, 400},
	    {HEAD "Expires: 4294967296\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "Expires: soon\r\n\r\n", SIP_BAD_EXPIRES, 400},
	    {HEAD "Content-Length: 1\r\n\r\n", SIP_BAD_BODY_SHORT, 400},
	    {HEAD "Content-Length: 0\r\n\r\nrest", SIP_BAD_NONE, 0},
	    {HEAD "\r\nbody", SIP_BAD_NO_CONTENT_TYPE, 400},
	    {HEAD "c: text/plain\r\nl: 4\r\n\r\nbody", SIP_BAD_NONE, 0},
	    {HEAD "Contact: *\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "Contact: \r\n\r\n", SIP_BAD_CONTACT, 400},
	    {HEAD "Contact: <sip:h>,\r\n\r\n", SIP_BAD_CONTACT, 400},
	    {HEAD "Contact: <sip:42@h:5060;ob>\"\r\n\r\n", SIP_BAD_CONTACT, 400},
	    {HEAD "Contact: <sip:@h>\r\n\r\n", SIP_BAD_CONTACT, 400},
	    {HEAD "Route: <sip:h;lr>\r\n\r\n", SIP_BAD_NONE, 0},
	    {HEAD "Route: sip:h;lr\r\n\r\n", SIP_BAD_ROUTE, 400},
	    {HEAD "Route: <sip:h;lr>, *\r\n\r\n", SIP_BAD_ROUTE, 400},
	    {HEAD "Record-Route: <>\r\n\r\n", SIP_BAD_ROUTE, 400},
	    {HEAD "Path: <sip:h\r\n\r\n", SIP_BAD_ROUTE, 400},
	    {HEAD "v: SIP/2.0/UDP\r\n\r\n", SIP_BAD_VIA, 400},
	    {"OPTIONS sip:b@h SIP/3.0\r\n" VIA REST "\r\n", SIP_BAD_VERSION, 505},
	    {"OPTIONS sip:b@h SIP/12.345\r\n" VIA REST "\r\n", SIP_BAD_VERSION, 505},
	    {"OPTIONS sip:b@h sip/2.0\r\n" VIA REST "\r\n", SIP_BAD_NONE, 0},
	    {"OPTIONS  SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_START_LINE, 400},
	    {"OPTIONS sip:b@h\tx SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_START_LINE, 400},
	    {"OPT(IONS sip:b@h SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_METHOD, 400},
	    {"INVITE sip:b@h SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_CSEQ_METHOD, 400},
	    {"options sip:b@h SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_CSEQ_METHOD, 400},
	    {"ACK sip:b@h SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_CSEQ_METHOD, 0},
	    {"OPTIONS sip:@h SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_URI, 400},
	    {"OPTIONS sip: SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_URI, 400},
	    {"OPTIONS sip:h;method=BYE SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_URI, 400},
	    {"OPTIONS * SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_URI, 400},
	    {"OPTIONS mailto:a@h SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_URI_SCHEME, 416},
	    {"OPTIONS urn:nena:service:sos SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_NONE, 0},
	    {"OPTIONS tel:112 SIP/2.0\r\n" VIA REST "\r\n", SIP_BAD_NONE, 0},
	    {"SIP/2.0 200 OK\r\n" VIA REST "\r\n", SIP_BAD_NONE, 0},
	    {"SIP/2.0 200\r\n" VIA REST "\r\n", SIP_BAD_NONE, 0},
	    {"SIP/2.0 99 x\r\n" VIA REST "\r\n", SIP_BAD_STATUS, 0},
	    {"SIP/2.0 700 x\r\n" VIA REST "\r\n", SIP_BAD_STATUS, 0},
	    {"SIP/2.0 2000 x\r\n" VIA REST "\r\n", SIP_BAD_STATUS, 0},
	    {"SIP/2.0  200 x\r\n" VIA REST "\r\n", SIP_BAD_STATUS, 0},
	    {"SIP/2.0 +20 x\r\n" VIA REST "\r\n", SIP_BAD_STATUS, 0},
	    {"SIP/2.1 200 x\r\n" VIA REST "\r\n", SIP_BAD_VERSION, 0},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

/* The first of an id, all of them in order, and those that have no id. */
static void test_index(void **state)
{
	struct rig rig;
	const struct sip_header *h;
	struct sip_values it;
	struct span value;
	struct sip_nameaddr addr;
	size_t n = 0;

	(void)state;
	rig_read(
	    &rig, SPAN(HEAD "Route: <sip:1>;x, <sip:2;lr>\r\nX-A: 1\r\nROUTE : <sip:3>\r\n"
			    "x-a: 2\r\nRoute:\r\n <sip:4>\r\nRequire: a\r\nRequire: B ,c\r\n\r\n"));
	assert_int_equal(rig.parsed, SIP_OK);
	assert_int_equal(rig.msg.n_headers, 12);
	assert_int_equal(rig.msg.n_unclean, 2);
	assert_int_equal(sip_msg_count(&rig.msg, SIP_HEADER_ROUTE), 3);
	assert_int_equal(sip_msg_count(&rig.msg, SIP_HEADER_CONTACT), 0);
	assert_null(sip_msg_header(&rig.msg, SIP_HEADER_CONTACT));
	h = sip_msg_header(&rig.msg, SIP_HEADER_ROUTE);
	assert_int_equal(sip_msg_index(&rig.msg, h), 5);
	h = sip_msg_next(&rig.msg, h);
	assert_span(h->name, "ROUTE");
	assert_int_equal(h->form, 0);
	h = sip_msg_next(&rig.msg, h);
	assert_int_equal(h->form, SIP_FORM_FOLDED);
	assert_span(h->value, "<sip:4>");
	assert_null(sip_msg_next(&rig.msg, h));
	it = sip_values_of(&rig.msg, SIP_HEADER_ROUTE);
	for (const char *want = "1234"; sip_values_next_nameaddr(&it, &addr) == SIP_OK; want++, n++)
		assert_int_equal(addr.uri.p[4], *want);
	assert_int_equal(n, 4);
	assert_int_equal(sip_values_next_nameaddr(&it, &addr), SIP_END);
	h = sip_msg_find(&rig.msg, SPAN("X-a"));
	assert_span(h->value, "1");
	assert_null(sip_msg_find(&rig.msg, SPAN("X-B")));
	assert_non_null(sip_msg_find(&rig.msg, SPAN("i")));
	assert_int_equal(sip_msg_count(&rig.msg, SIP_HEADER_OTHER), 2);
	assert_true(sip_msg_lists(&rig.msg, SIP_HEADER_REQUIRE, SPAN("b")));
	assert_false(sip_msg_lists(&rig.msg, SIP_HEADER_REQUIRE, SPAN("d")));
	it = sip_values_of(&rig.msg, SIP_HEADER_CONTACT);
	assert_int_equal(sip_values_next(&it, &value), SIP_END);
	rig_done(&rig);

	rig_read(&rig, SPAN(HEAD "Require: a\r\nRequire: ,\r\nRequire: b\r\n\r\n"));
	it = sip_values_of(&rig.msg, SIP_HEADER_REQUIRE);
	assert_int_equal(sip_values_next(&it, &value), SIP_OK);
	assert_int_equal(sip_values_next(&it, &value), SIP_BAD);
	assert_int_equal(sip_values_next(&it, &value), SIP_END);
	rig_done(&rig);
}

static void test_accessors(void **state)
{
	struct rig rig;
	uint32_t v = 7;

	(void)state;
	rig_read(&rig, SPAN(HEAD "Expires: 60\r\nMax-Breadth: 61\r\nMin-SE: x\r\n\r\n"));
	assert_span(sip_msg_from_tag(&rig.msg), "1");
	assert_span(sip_msg_to_tag(&rig.msg), "");
	assert_int_equal(sip_msg_expires(&rig.msg, &v), SIP_OK);
	assert_int_equal(v, 60);
	assert_int_equal(sip_msg_number(&rig.msg, SIP_HEADER_MAX_BREADTH, 60, &v), SIP_BAD);
	assert_int_equal(sip_msg_number(&rig.msg, SIP_HEADER_MAX_BREADTH, 61, &v), SIP_OK);
	assert_int_equal(v, 61);
	assert_int_equal(sip_msg_number(&rig.msg, SIP_HEADER_MIN_SE, 61, &v), SIP_BAD);
	assert_int_equal(sip_msg_number(&rig.msg, SIP_HEADER_RSEQ, 61, &v), SIP_END);
	assert_int_equal(v, 61);
	assert_true(sip_msg_is_answerable(&rig.msg));
	rig_done(&rig);
	rig_read(&rig, SPAN("OPTIONS sip:b@h SIP/2.0\r\n\r\n"));
	assert_int_equal(rig.parsed, SIP_OK);
	assert_span(sip_msg_from_tag(&rig.msg), "");
	assert_int_equal(sip_msg_expires(&rig.msg, &v), SIP_END);
	assert_false(sip_msg_is_answerable(&rig.msg));
	rig_done(&rig);
}

/* What stood before the fault can be recorded, and answered. */
static void test_partial(void **state)
{
	struct rig rig;

	(void)state;
	rig_read(&rig, SPAN(HEAD "X: a\x01\r\n\r\n"));
	assert_int_equal(rig.parsed, SIP_BAD);
	assert_int_equal(rig.error.at, sizeof(HEAD "X: a") - 1);
	assert_span(rig.msg.call_id, "x");
	assert_true(rig.msg.has_via);
	assert_true(sip_msg_is_answerable(&rig.msg));
	rig_done(&rig);
}

static void test_stream(void **state)
{
	struct rig rig;

	(void)state;
	rig_read(&rig, SPAN(HEAD "\r\n"));
	assert_int_equal(
	    sip_check(&rig.msg, &sip_limits_default, true, &rig.parts, &rig.finding), SIP_BAD);
	rig_assert_reason(rig.finding.reason, SIP_BAD_NO_CONTENT_LENGTH, "stream");
	rig_done(&rig);
}

static void test_forward(void **state)
{
	struct sip_finding f;
	struct rig rig;

	(void)state;
	rig_read(&rig, SPAN(HEAD "\r\n"));
	assert_int_equal(sip_check_forward(&rig.msg, &f), SIP_OK);
	rig_done(&rig);
	rig_read(&rig, SPAN(HEAD "Max-Forwards: 1\r\n\r\n"));
	assert_int_equal(sip_check_forward(&rig.msg, &f), SIP_OK);
	rig_done(&rig);
	rig_read(&rig, SPAN(HEAD "Max-Forwards: 00\r\n\r\n"));
	assert_true(rig_accepts(&rig));
	assert_int_equal(sip_check_forward(&rig.msg, &f), SIP_BAD);
	assert_int_equal(f.status, 483);
	rig_assert_reason(f.reason, SIP_BAD_HOPS, "hops");
	assert_int_equal(f.header, 5);
	rig_done(&rig);
}

/* The caller's array counts as well as the limit. */
static void test_capacity(void **state)
{
	struct sip_header headers[8];
	struct sip_parse_error error;
	struct sip_msg msg;

	(void)state;
	for (size_t cap = 0; cap < 8; cap++) {
		enum sip_parse r = sip_msg_parse(
		    SPAN(HEAD "\r\n"), &sip_limits_default, headers, cap, &msg, &error);

		assert_int_equal(r, cap < 5 ? SIP_BAD : SIP_OK);
		assert_int_equal(msg.n_headers, MIN(cap, (size_t)5));
		if (r == SIP_BAD)
			rig_assert_reason(error.reason, SIP_BAD_HEADER_COUNT, "capacity");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_index),
	    cmocka_unit_test(test_accessors),
	    cmocka_unit_test(test_partial),
	    cmocka_unit_test(test_stream),
	    cmocka_unit_test(test_forward),
	    cmocka_unit_test(test_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
