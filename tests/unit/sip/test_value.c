/* SPDX-License-Identifier: MIT
 *
 * Values of headers: hosts, parameters, lists, name-addrs, Vias, numbers. */
#include <stdlib.h>

#include "rig.h"

static void test_host(void **state)
{
	static const struct {
		const char *text;
		enum sip_host_type type; /* NONE: refused */
		const char *host;
		uint16_t port;
		const char *rest;
	} rows[] = {
	    {"example.com", SIP_HOST_NAME, "example.com", 0, ""},
	    {"example.com : 5060;x", SIP_HOST_NAME, "example.com", 5060, ";x"},
	    {"h ;x", SIP_HOST_NAME, "h", 0, " ;x"},
	    {"192.0.2.255:1", SIP_HOST_V4, "192.0.2.255", 1, ""},
	    {"[::ffff:192.0.2.1]:5060", SIP_HOST_V6, "[::ffff:192.0.2.1]", 5060, ""},
	    {"", SIP_HOST_NONE, "", 0, ""},
	    {":5060", SIP_HOST_NONE, "", 0, ""},
	    {":::]", SIP_HOST_NONE, "", 0, ""},
	    {":]", SIP_HOST_NONE, "", 0, ""},
	    {"[", SIP_HOST_NONE, "", 0, ""},
	    {"[::1", SIP_HOST_NONE, "", 0, ""},
	    {"[]", SIP_HOST_NONE, "", 0, ""},
	    {"h:", SIP_HOST_NONE, "", 0, ""},
	    {"h:0", SIP_HOST_NONE, "", 0, ""},
	    {"h:65536", SIP_HOST_NONE, "", 0, ""},
	    {"h:4294972356", SIP_HOST_NONE, "", 0, ""},
	    {"1.2.3.256", SIP_HOST_NONE, "", 0, ""},
	    {"1.2.3.4.", SIP_HOST_NONE, "", 0, ""},
	    {"a.1", SIP_HOST_NONE, "", 0, ""},
	    {".", SIP_HOST_NONE, "", 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span rest = span_str(rows[i].text);
		struct sip_host host;

		if (rows[i].type == SIP_HOST_NONE) {
			assert_int_equal(sip_host_take(&rest, &host), SIP_BAD);
			assert_span(rest, rows[i].text);
			continue;
		}
		assert_int_equal(sip_host_take(&rest, &host), SIP_OK);
		assert_int_equal(host.type, rows[i].type);
		assert_span(host.text, rows[i].host);
		assert_int_equal(host.port, rows[i].port);
		assert_span(rest, rows[i].rest);
	}
}

static void test_params(void **state)
{
	static const struct {
		const char *text;
		enum sip_bad reason;
	} rows[] = {
	    {"", SIP_BAD_NONE},
	    {" \r\n ", SIP_BAD_NONE},
	    {";a", SIP_BAD_NONE},
	    {" ; a = b ; c=\"d;e\\\"f\" ;g=[::1]:5060", SIP_BAD_NONE},
	    {";tag=YWJj/+==", SIP_BAD_NONE},
	    {";", SIP_BAD_PARAM},
	    {";;a", SIP_BAD_PARAM},
	    {";a;", SIP_BAD_PARAM},
	    {";a=", SIP_BAD_PARAM},
	    {";a=;b", SIP_BAD_PARAM},
	    {";=b", SIP_BAD_PARAM},
	    {";a=\"b", SIP_BAD_PARAM},
	    {";a=\"b\\", SIP_BAD_PARAM},
	    {";a=\"b\\\"", SIP_BAD_PARAM},
	    {"a", SIP_BAD_PARAM},
	    {";a b", SIP_BAD_PARAM},
	    {";a=b c", SIP_BAD_PARAM},
	    {";a=\xe4", SIP_BAD_PARAM},
	    {";a;b;c;d", SIP_BAD_PARAM_COUNT},
	    {";a;b;A=1", SIP_BAD_PARAM_DUPLICATE},
	};
	struct sip_param p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = span_str(rows[i].text);
		char *exact = rig_exact(s);

		rig_assert_reason(
		    sip_params_check(span_of(exact, s.n), 3), rows[i].reason, rows[i].text);
		free(exact);
	}
	assert_true(sip_params_find(SPAN(";a=1;B=\"x\\\"y\";c"), SPAN("b"), &p));
	assert_span(p.value, "x\\\"y");
	assert_true(p.quoted);
	assert_false(sip_params_find(SPAN(";a=1;;b=2"), SPAN("b"), &p));
}

static void test_list(void **state)
{
	static const struct {
		const char *text;
		int n; /* values before the end; -1 - n: before the fault */
	} rows[] = {
	    {"", 0},
	    {"  ", 0},
	    {"a", 1},
	    {" a , b\r\n ,c ", 3},
	    {"\"a,b\", <c,d>;e", 2},
	    {",a", -1},
	    {"a,,b", -2},
	    {"a,", -1},
	    {"a, b, ", -2},
	    {"\"a", -1},
	    {"a, <b", -2},
	    {"\"a\\", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span rest = span_str(rows[i].text), value;
		enum sip_parse r;
		int n = 0;

		while ((r = sip_list_next(&rest, &value)) == SIP_OK)
			n++;
		assert_int_equal(r == SIP_END ? n : -1 - n, rows[i].n);
	}
	assert_true(sip_list_has(SPAN("timer, 100REL"), SPAN("100rel")));
	assert_false(sip_list_has(SPAN("timer, 100rel2"), SPAN("100rel")));
}

static void test_nameaddr(void **state)
{
	static const struct {
		const char *text;
		const char *display, *uri, *tag, *params; /* uri NULL: refused */
	} rows[] = {
	    {"<sip:a@h>", "", "sip:a@h", "", ""},
	    {"sip:a@h", "", "sip:a@h", "", ""},
	    {"sip:a@h;tag=1", "", "sip:a@h", "1", ";tag=1"},
	    {"<sip:a@h;x>;tag=1;y", "", "sip:a@h;x", "1", ";tag=1;y"},
	    {"Alice <sip:a@h>", "Alice", "sip:a@h", "", ""},
	    {"Alice B. Cee<sip:a@h> ; tag = 9", "Alice B. Cee", "sip:a@h", "9", "; tag = 9"},
	    {"\"A, <\\\"> B\" <sip:a@h>", "A, <\\\"> B", "sip:a@h", "", ""},
	    {"\"\"<sip:a@h>", "", "sip:a@h", "", ""},
	    {"\xc3\x84rger <sip:a@h>", "\xc3\x84rger", "sip:a@h", "", ""},
	    {"Alice\r\n <sip:a@h>\r\n\t;tag=z", "Alice", "sip:a@h", "z", ";tag=z"},
	    {"*", "", "*", "", ""},
	    {"", NULL, NULL, NULL, NULL},
	    {"<>", NULL, NULL, NULL, NULL},
	    {"<sip:a@h", NULL, NULL, NULL, NULL},
	    {"sip:a@h>", NULL, NULL, NULL, NULL},
	    {"\"A <sip:a@h>", NULL, NULL, NULL, NULL},
	    {"\"A\" sip:a@h", NULL, NULL, NULL, NULL},
	    {"\"A\\", NULL, NULL, NULL, NULL},
	    {"a;a=\"T\\", NULL, NULL, NULL, NULL},
	    {"Alice sip:a@h", NULL, NULL, NULL, NULL},
	    {"Bell, Alexander <sip:a@h>", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>x", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>;", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>;tag", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>;tag=", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>;tag=\"1\"", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>;tag=1;tag=2", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>, <sip:b@h>", NULL, NULL, NULL, NULL},
	    {"<sip:a@h>,", NULL, NULL, NULL, NULL},
	    {"sip:a@h?b=c", NULL, NULL, NULL, NULL},
	    {"<sip:42@h:5060;ob>\"", NULL, NULL, NULL, NULL},
	    {"(x) <sip:a@h>", NULL, NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = span_str(rows[i].text);
		char *exact = rig_exact(s);
		struct sip_nameaddr a;
		enum sip_parse r = sip_nameaddr_parse(span_of(exact, s.n), &a);

		if (r != (rows[i].uri ? SIP_OK : SIP_BAD))
			fail_msg("%s", rows[i].text);
		if (r == SIP_OK) {
			assert_span(a.display, rows[i].display);
			assert_span(a.uri, rows[i].uri);
			assert_span(a.tag, rows[i].tag);
			assert_span(a.params, rows[i].params);
		}
		free(exact);
	}
}

static void test_q_and_seconds(void **state)
{
	static const struct {
		const char *text;
		int q; /* -1: refused */
	} rows[] = {{"1", 1000}, {"0", 0}, {"0.5", 500}, {"0.25", 250}, {"0.125", 125},
	    {"1.000", 1000}, {"0.", 0}, {"1.", 1000}, {"1.001", -1}, {"2", -1}, {"0.1234", -1},
	    {"-1", -1}, {"0,5", -1}, {"+1", -1}, {"00.5", -1}, {"99999999999999999999", -1},
	    {".5", -1}, {"\"1\"", -1}};
	struct sip_nameaddr a;
	uint16_t q;
	uint32_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[64];
		struct buf b = BUF(text);

		buf_addf(&b, "<sip:h>;q=%s", rows[i].text);
		if (sip_nameaddr_parse(buf_span(&b), &a) != SIP_OK) {
			assert_int_equal(rows[i].q, -1);
			continue;
		}
		if (rows[i].q < 0) {
			assert_int_equal(sip_nameaddr_q(&a, &q), SIP_BAD);
		} else {
			assert_int_equal(sip_nameaddr_q(&a, &q), SIP_OK);
			assert_int_equal(q, rows[i].q);
		}
	}
	assert_int_equal(sip_nameaddr_parse(SPAN("<sip:h>"), &a), SIP_OK);
	assert_int_equal(sip_nameaddr_q(&a, &q), SIP_OK);
	assert_int_equal(q, 1000);
	assert_int_equal(sip_delta_seconds(SPAN("0003600"), &v), SIP_OK);
	assert_int_equal(v, 3600);
	assert_int_equal(
	    sip_delta_seconds(SPAN("1000000000000000000000000000000000000000"), &v), SIP_OK);
	assert_int_equal(v, UINT32_MAX);
	assert_int_equal(sip_delta_seconds(SPAN("4294967296"), &v), SIP_OK);
	assert_int_equal(v, UINT32_MAX);
	assert_int_equal(sip_delta_seconds(SPAN("-1"), &v), SIP_BAD);
	assert_int_equal(sip_delta_seconds(SPAN("+1"), &v), SIP_BAD);
	assert_int_equal(sip_delta_seconds(SPAN(""), &v), SIP_BAD);
	assert_int_equal(sip_delta_seconds(SPAN("1 "), &v), SIP_BAD);
}

static void test_via(void **state)
{
	static const struct {
		const char *text;
		enum sip_bad reason;
		enum transport transport;
		const char *host;
		int port;
		const char *branch;
	} rows[] = {
	    {"SIP/2.0/UDP h;branch=z9hG4bK1", SIP_BAD_NONE, TRANSPORT_UDP, "h", 0, "z9hG4bK1"},
	    {"SIP/2.0/UDP h", SIP_BAD_NONE, TRANSPORT_UDP, "h", 0, ""},
	    {"sip / 2.0 / tls  h : 5061 ; branch = x ; rport", SIP_BAD_NONE, TRANSPORT_TLS, "h",
		5061, "x"},
	    {"SIP/2.0/WSS x.invalid;branch=y", SIP_BAD_NONE, TRANSPORT_WSS, "x.invalid", 0, "y"},
	    {"SIP/2.0/SCTP h;branch=y", SIP_BAD_NONE, TRANSPORT_NONE, "h", 0, "y"},
	    {"SIP/2.0/UDP [2001:db8::1]:5060;branch=y;received=2001:db8::2;rport=7", SIP_BAD_NONE,
		TRANSPORT_UDP, "[2001:db8::1]", 5060, "y"},
	    {"SIP/2.0/UDP", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP ", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0 UDP h", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h i", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP :]", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/\x16UD~PTo :::]", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;;branch=x", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;branch", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;branch=", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;branch=\"a\"", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;branch=a;branch=b", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;received=1.1.1.1;received=2.2.2.2", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;rport;rport=5", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;rport=0", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;rport=65536", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;rport=-1", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;ttl", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;ttl=256", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h;ttl=4294967297", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h:99999", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {"SIP/2.0/UDP h,", SIP_BAD_VIA, 0, NULL, 0, NULL},
	    {",SIP/2.0/UDP h", SIP_BAD_VIA, 0, NULL, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = span_str(rows[i].text);
		char *exact = rig_exact(s);
		struct span rest = span_of(exact, s.n);
		struct sip_parse_error error = {SIP_BAD_NONE, 0};
		struct sip_via via;
		enum sip_parse r = sip_via_next(&rest, &sip_limits_default, &via, &error);

		rig_assert_reason(error.reason, rows[i].reason, rows[i].text);
		if (r == SIP_OK) {
			assert_int_equal(via.transport_id, rows[i].transport);
			assert_span(via.sent_by.text, rows[i].host);
			assert_int_equal(via.sent_by.port, rows[i].port);
			assert_span(via.branch, rows[i].branch);
			assert_int_equal(rest.n, 0);
		}
		free(exact);
	}
}

static void test_via_answers(void **state)
{
	static const struct {
		const char *text, *goes_to, *written;
	} rows[] = {
	    {"SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.1:5060",
		"SIP/2.0/UDP 192.0.2.1;branch=b;received=198.51.100.7"},
	    {"SIP/2.0/UDP 198.51.100.7:5062;branch=b", "198.51.100.7:5062",
		"SIP/2.0/UDP 198.51.100.7:5062;branch=b"},
	    {"SIP/2.0/UDP 198.51.100.7:5062;rport;branch=b", "198.51.100.7:5062",
		"SIP/2.0/UDP 198.51.100.7:5062;branch=b;rport=4000;received=198.51.100.7"},
	    {"SIP/2.0/UDP h;branch=b;received=9.9.9.9;rport=1;x=\"y\"", "9.9.9.9:1",
		"SIP/2.0/UDP h;branch=b;x=\"y\";rport=4000;received=198.51.100.7"},
	    {"SIP/2.0/TLS h;branch=b", NULL, "SIP/2.0/TLS h;branch=b;received=198.51.100.7"},
	    {"SIP/2.0/TLS [2001:db8::1];branch=b", "[2001:db8::1]:5061",
		"SIP/2.0/TLS [2001:db8::1];branch=b;received=198.51.100.7"},
	    {"SIP/2.0/UDP 1.1.1.1:7;maddr=224.2.0.1;branch=b;rport=9", "224.2.0.1:7",
		"SIP/2.0/UDP 1.1.1.1:7;maddr=224.2.0.1;branch=b;rport=4000;received=198.51.100.7"},
	    {"SIP/2.0/UDP h;rport;a;received=9.9.9.9;branch=b", "9.9.9.9:5060",
		"SIP/2.0/UDP h;a;branch=b;rport=4000;received=198.51.100.7"},
	    {"SIP/2.0/UDP h;Received=9.9.9.9;RPORT", "9.9.9.9:5060",
		"SIP/2.0/UDP h;rport=4000;received=198.51.100.7"},
	    {"SIP/2.0/UDP h ;rport= 7 ;received=9.9.9.9; b=c ; d", "9.9.9.9:7",
		"SIP/2.0/UDP h; b=c; d;rport=4000;received=198.51.100.7"},
	    {"SIP / 2.0 /\r\n UDP h\r\n ; branch = b ;\r\n rport", NULL,
		"SIP / 2.0 / UDP h; branch = b;rport=4000;received=198.51.100.7"},
	};
	struct addr source;

	(void)state;
	assert_int_equal(addr_parse(SPAN("198.51.100.7:4000"), 0, &source), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span rest = span_str(rows[i].text);
		struct sip_parse_error error;
		struct sip_via via;
		char text[256];
		struct buf out = BUF(text);
		struct addr to;

		assert_int_equal(sip_via_next(&rest, &sip_limits_default, &via, &error), SIP_OK);
		if (rows[i].goes_to) {
			assert_int_equal(sip_via_response_addr(&via, &to), OK);
			addr_add(&out, &to);
			assert_span(buf_span(&out), rows[i].goes_to);
		} else {
			assert_int_equal(sip_via_response_addr(&via, &to), ERR_UNSUPPORTED);
		}
		out.n = 0;
		sip_via_write_received(&via, &source, &out);
		assert_span(buf_span(&out), rows[i].written);
	}
}

static void test_cseq(void **state)
{
	static const struct {
		const char *text;
		enum sip_bad reason;
		uint32_t number;
	} rows[] = {
	    {"0 ACK", SIP_BAD_NONE, 0},
	    {"0009\r\n INVITE", SIP_BAD_NONE, 9},
	    {"2147483647 X", SIP_BAD_NONE, 2147483647},
	    {"2147483648 X", SIP_BAD_CSEQ_RANGE, 0},
	    {"4294967295 X", SIP_BAD_CSEQ_RANGE, 0},
	    {"4294967297 X", SIP_BAD_CSEQ_RANGE, 0},
	    {"18446744073709551617 X", SIP_BAD_CSEQ_RANGE, 0},
	    {"36893488147419103232 X", SIP_BAD_CSEQ_RANGE, 0},
	    {"1", SIP_BAD_CSEQ, 0},
	    {"1 ", SIP_BAD_CSEQ, 0},
	    {"1INVITE", SIP_BAD_CSEQ, 0},
	    {"INVITE", SIP_BAD_CSEQ, 0},
	    {"-1 INVITE", SIP_BAD_CSEQ, 0},
	    {"+1 INVITE", SIP_BAD_CSEQ, 0},
	    {"1 INV ITE", SIP_BAD_CSEQ, 0},
	    {"1 INVITE;", SIP_BAD_CSEQ, 0},
	    {"", SIP_BAD_CSEQ, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum sip_bad reason = SIP_BAD_NONE;
		struct span method;
		uint32_t n = 0;
		enum sip_parse r = sip_cseq_parse(span_str(rows[i].text), &n, &method, &reason);

		assert_int_equal(r, rows[i].reason == SIP_BAD_NONE ? SIP_OK : SIP_BAD);
		if (r == SIP_BAD)
			rig_assert_reason(reason, rows[i].reason, rows[i].text);
		assert_int_equal(n, rows[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_host),
	    cmocka_unit_test(test_params),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_nameaddr),
	    cmocka_unit_test(test_q_and_seconds),
	    cmocka_unit_test(test_via),
	    cmocka_unit_test(test_via_answers),
	    cmocka_unit_test(test_cseq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
