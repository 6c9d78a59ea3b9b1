/* SPDX-License-Identifier: MIT
 *
 * URIs: grammar, parts, equality (RFC 3261 §19.1.4), canonical address-of-record. */
#include <stdlib.h>

#include "rig.h"
#include "sip/uri.h"

static enum sip_bad parse(const char *text, struct sip_uri *uri)
{
	struct sip_parse_error error = {SIP_BAD_NONE, 0};

	if (sip_uri_parse(span_str(text), &sip_limits_default, uri, &error) == SIP_OK)
		return SIP_BAD_NONE;
	assert_true(error.at <= strlen(text));
	return error.reason;
}

static void test_parts(void **state)
{
	static const struct {
		const char *text;
		enum sip_scheme kind;
		const char *user, *password, *host;
		enum sip_host_type type;
		uint16_t port;
		const char *params, *headers, *opaque;
	} rows[] = {
	    {"sip:example.com", SIP_SCHEME_SIP, "", "", "example.com", SIP_HOST_NAME, 0, "", "",
		""},
	    {"SIPS:Alice@Example.COM:5061", SIP_SCHEME_SIPS, "Alice", "", "Example.COM",
		SIP_HOST_NAME, 5061, "", "", ""},
	    {"sip:alice:se%20cret@192.0.2.1;transport=udp;lr?Subject=x&Priority=urgent",
		SIP_SCHEME_SIP, "alice", "se%20cret", "192.0.2.1", SIP_HOST_V4, 0,
		";transport=udp;lr", "Subject=x&Priority=urgent", ""},
	    {"sip:[2001:db8::1]:65535;maddr=[::1]", SIP_SCHEME_SIP, "", "", "[2001:db8::1]",
		SIP_HOST_V6, 65535, ";maddr=[::1]", "", ""},
	    {"sip:a;b=c?d@h", SIP_SCHEME_SIP, "a;b=c?d", "", "h", SIP_HOST_NAME, 0, "", "", ""},
	    {"sip:a:@h", SIP_SCHEME_SIP, "a", "", "h", SIP_HOST_NAME, 0, "", "", ""},
	    {"sip:*21#@h", SIP_SCHEME_SIP, "*21#", "", "h", SIP_HOST_NAME, 0, "", "", ""},
	    {"sip:h.?a=", SIP_SCHEME_SIP, "", "", "h.", SIP_HOST_NAME, 0, "", "a=", ""},
	    {"sip:1host2.x_y-z.com1", SIP_SCHEME_SIP, "", "", "1host2.x_y-z.com1", SIP_HOST_NAME, 0,
		"", "", ""},
	    {"tel:+1-201-555-0123;phone-context=+1", SIP_SCHEME_TEL, "+1-201-555-0123", "", "",
		SIP_HOST_NONE, 0, ";phone-context=+1", "", ""},
	    {"urn:service:sos.fire", SIP_SCHEME_URN, "", "", "", SIP_HOST_NONE, 0, "", "",
		"service:sos.fire"},
	    {"http://www.example.com/a?b", SIP_SCHEME_OTHER, "", "", "", SIP_HOST_NONE, 0, "", "",
		"//www.example.com/a?b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri u;

		rig_assert_reason(parse(rows[i].text, &u), SIP_BAD_NONE, rows[i].text);
		assert_int_equal(u.kind, rows[i].kind);
		assert_span(u.text, rows[i].text);
		assert_span(u.user, rows[i].user);
		assert_span(u.password, rows[i].password);
		assert_span(u.host.text, rows[i].host);
		assert_int_equal(u.host.type, rows[i].type);
		assert_int_equal(u.host.port, rows[i].port);
		assert_span(u.params, rows[i].params);
		assert_span(u.headers, rows[i].headers);
		assert_span(u.opaque, rows[i].opaque);
	}
}

static void test_refused(void **state)
{
	static const char *const rows[] = {"", "sip", "sip:", ":h", "sip:@h", "sip:a@", "sip:a@@h",
	    "1sip:h", "s p:h", "sip:a b@h", "sip:a%4@h", "sip:a%zz@h", "sip:a%",
	    "sip:h:", "sip:h:0", "sip:h:65536", "sip:h:-1", "sip:h:99999999999999999999",
	    "sip:h:+1", "sip:h;", "sip:h;;a", "sip:h;a=", "sip:h;=b", "sip:h?", "sip:h?a",
	    "sip:h?a=b&", "sip:h?a=b&&c=d", "sip:h?=b", "sip:.h", "sip:h..i", "sip:[::1",
	    "sip:[::1]x", "sip:::1", "sip:[]", "sip:[1.2.3.4]", "sip:[::g]", "sip:256.1.1.1",
	    "sip:1.2.3", "sip:1.2.3.4.5", "sip:01.2.3.4", "sip:692134.27.18446744073709551615.3",
	    "sip:100", "sip:h<", "<sip:h>", "sip:h>", "sip:\xe4@h", "sip:a\x01@h", "sip:h\r\n",
	    "sip: h", "sip:h ", "tel:", "tel:-", "tel:-.();ext=1", "tel:x", "tel:+1;",
	    "urn:", "x:\xff", "sip:a:b:c@h", "sip:\"a\"@h", "sip:h;a=\"b\"", "sip:h;a=b@c;",
	    "sip:[fe80::1%25eth0]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri u;

		rig_assert_reason(parse(rows[i], &u), SIP_BAD_URI, rows[i]);
	}
}

static void test_limits(void **state)
{
	struct sip_limits limits = sip_limits_default;
	struct sip_parse_error error;
	struct sip_uri u;

	(void)state;
	limits.uri = 10;
	limits.params = 2;
	assert_int_equal(sip_uri_parse(SPAN("sip:a@bcde"), &limits, &u, &error), SIP_OK);
	assert_int_equal(sip_uri_parse(SPAN("sip:a@bcdef"), &limits, &u, &error), SIP_BAD);
	rig_assert_reason(error.reason, SIP_BAD_URI_LONG, "uri");
	assert_int_equal(sip_uri_parse(SPAN("sip:h;a;b"), &limits, &u, &error), SIP_OK);
	assert_int_equal(sip_uri_parse(SPAN("sip:h;a;A"), &limits, &u, &error), SIP_BAD);
	rig_assert_reason(error.reason, SIP_BAD_PARAM_DUPLICATE, "twice");
	limits.params = 1;
	assert_int_equal(sip_uri_parse(SPAN("sip:h;a;b"), &limits, &u, &error), SIP_BAD);
	rig_assert_reason(error.reason, SIP_BAD_PARAM_COUNT, "params");
}

static void test_param(void **state)
{
	struct sip_uri u;
	struct sip_param p;

	(void)state;
	assert_int_equal(parse("sip:a@h;Transport=TCP;lr;%6d%61ddr=192.0.2.1", &u), SIP_BAD_NONE);
	assert_true(sip_uri_param(&u, SPAN("transport"), &p));
	assert_span(p.value, "TCP");
	assert_true(sip_uri_param(&u, SPAN("LR"), &p));
	assert_false(p.has_value);
	assert_true(sip_uri_param(&u, SPAN("maddr"), &p));
	assert_span(p.value, "192.0.2.1");
	assert_false(sip_uri_param(&u, SPAN("ob"), &p));
	assert_int_equal(sip_uri_port(&u), 5060);
	assert_int_equal(parse("sips:h", &u), SIP_BAD_NONE);
	assert_int_equal(sip_uri_port(&u), 5061);
}

static void test_equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
	    /* RFC 3261 §19.1.4 */
	    {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true},
	    {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
	    {"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
	    {"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
	    {"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
	    {"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		"sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
	    {"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
	    {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
	    {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
	    {"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
	    {"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
	    {"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
	    {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
	    /* and beyond */
	    {"sip:a@h", "sips:a@h", false},
	    {"sip:h", "sip:a@h", false},
	    {"sip:a@h", "sip:a:b@h", false},
	    {"sip:a@h;user=phone", "sip:a@h", false},
	    {"sip:a@h;maddr=x", "sip:a@h", false},
	    {"sip:a@h;ttl=1", "sip:a@h", false},
	    {"sip:a@h.", "sip:a@H", true},
	    {"sip:[2001:DB8:0::1]", "sip:[2001:db8::1]", true},
	    {"sip:[2001:db8::1]", "sip:[2001:db8::2]", false},
	    {"sip:%00@h", "sip:%00%00@h", false},
	    {"tel:+1-201-555-0123", "tel:+1(201)5550123", true},
	    {"tel:+12015550123;ext=1", "tel:+12015550123", false},
	    {"tel:+12015550123;ext=1;a=b", "tel:+12015550123;A=b;ext=1", true},
	    {"tel:+1", "tel:1", false},
	    {"urn:service:sos", "URN:service:sos", true},
	    {"urn:service:sos", "urn:service:fire", false},
	    {"http://a", "https://a", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri a, b;

		rig_assert_reason(parse(rows[i].a, &a), SIP_BAD_NONE, rows[i].a);
		rig_assert_reason(parse(rows[i].b, &b), SIP_BAD_NONE, rows[i].b);
		if (sip_uri_equal(&a, &b) != rows[i].equal ||
		    sip_uri_equal(&b, &a) != rows[i].equal)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		assert_true(sip_uri_equal(&a, &a));
	}
}

static void test_aor(void **state)
{
	static const struct {
		const char *text, *aor;
	} rows[] = {
	    {"sip:Alice:pw@Example.COM:5070;transport=tcp?a=b", "sip:Alice@example.com"},
	    {"sip:%61%6C%69ce@example.com", "sip:alice@example.com"},
	    {"sip:a%40b@h", "sip:a%40b@h"},
	    {"sip:a%2fb%3b@h", "sip:a/b;@h"},
	    {"sip:a%00b%ff%25@h", "sip:a%00b%FF%25@h"},
	    {"sips:h.", "sips:h"},
	    {"sip:a@[2001:DB8:0:0::1]:5060", "sip:a@[2001:db8::1]"},
	    {"tel:+1-201-(555).0123;ext=3", "tel:+12015550123"},
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = BUF(text);
		struct sip_uri u, again;

		rig_assert_reason(parse(rows[i].text, &u), SIP_BAD_NONE, rows[i].text);
		assert_int_equal(sip_uri_write_aor(&u, &out), OK);
		assert_span(buf_span(&out), rows[i].aor);
		/* It is a URI, and its own canonical form. */
		assert_int_equal(parse(rows[i].aor, &again), SIP_BAD_NONE);
		out.n = 0;
		assert_int_equal(sip_uri_write_aor(&again, &out), OK);
		assert_span(buf_span(&out), rows[i].aor);
		for (size_t cap = 0; cap < strlen(rows[i].aor); cap++) {
			struct buf tight = buf_of(text, cap);

			assert_int_equal(sip_uri_write_aor(&u, &tight), ERR_FULL);
		}
	}
}

static void test_account(void **state)
{
	char text[64];
	struct buf out = BUF(text);
	struct sip_uri u;

	(void)state;
	assert_int_equal(parse("sips:Al%69ce@Example.com:5061", &u), SIP_BAD_NONE);
	assert_int_equal(sip_uri_write_account(&u, &out), OK);
	assert_span(buf_span(&out), "Alice@example.com");
	out.n = 0;
	assert_int_equal(sip_uri_write_user(&u, &out), OK);
	assert_span(buf_span(&out), "Alice");
	assert_int_equal(parse("urn:service:sos", &u), SIP_BAD_NONE);
	assert_int_equal(sip_uri_write_aor(&u, &out), ERR_UNSUPPORTED);
	assert_int_equal(sip_uri_write_account(&u, &out), ERR_UNSUPPORTED);
	assert_true(sip_user_equal(SPAN("a%20b"), SPAN("a%20b")));
	assert_true(sip_user_equal(SPAN("%61"), SPAN("a")));
	assert_false(sip_user_equal(SPAN("A"), SPAN("a")));
	assert_false(sip_user_equal(SPAN("a"), SPAN("ab")));
}

/* Every octet as one user character, escaped and not: two spellings are equal exactly when their
 * canonical forms are. */
static void test_canonical_is_injective(void **state)
{
	char spelling[512][32], aor[512][32];
	size_t n = 0;

	(void)state;
	for (int c = 0; c < 256; c++) {
		for (int escaped = 0; escaped < 2; escaped++) {
			struct buf b = BUF(spelling[n]), out = BUF(aor[n]);
			struct sip_uri u;

			buf_add_lit(&b, "sip:");
			if (escaped)
				buf_addf(&b, "%%%02x", (unsigned)c);
			else
				buf_add_char(&b, (char)c);
			buf_add_lit(&b, "@h");
			assert_true(buf_terminate(&b));
			if ((!escaped && c == 0) || parse(spelling[n], &u) != SIP_BAD_NONE)
				continue;
			assert_int_equal(sip_uri_write_aor(&u, &out), OK);
			assert_true(buf_terminate(&out));
			n++;
		}
	}
	assert_true(n > 256);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			struct sip_uri a, b;

			assert_int_equal(parse(spelling[i], &a), SIP_BAD_NONE);
			assert_int_equal(parse(spelling[j], &b), SIP_BAD_NONE);
			assert_int_equal(sip_uri_equal(&a, &b), !strcmp(aor[i], aor[j]));
		}
	}
}

static void test_target(void **state)
{
	static const struct {
		const char *text, *target;
	} rows[] = {
	    {"sip:a@h", "sip:a@h"},
	    {"sip:a@h?Subject=x&Route=%3Csip:e%3E", "sip:a@h"},
	    {"sip:a@h;transport=tcp;method=BYE", "sip:a@h;transport=tcp"},
	    {"sip:a@h;METHOD=BYE;transport=tcp?a=b", "sip:a@h;transport=tcp"},
	    {"sip:a@h;a;%6dethod=BYE;b=c", "sip:a@h;a;b=c"},
	    {"sip:a;method=x@h;lr", "sip:a;method=x@h;lr"},
	    {"tel:+1;ext=3", "tel:+1;ext=3"},
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = BUF(text);
		struct sip_uri u;

		rig_assert_reason(parse(rows[i].text, &u), SIP_BAD_NONE, rows[i].text);
		assert_int_equal(sip_uri_write_target(&u, &out), OK);
		assert_span(buf_span(&out), rows[i].target);
		for (size_t cap = 0; cap < strlen(rows[i].target); cap++) {
			struct buf tight = buf_of(text, cap);

			assert_int_equal(sip_uri_write_target(&u, &tight), ERR_FULL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_param),
	    cmocka_unit_test(test_equality),
	    cmocka_unit_test(test_aor),
	    cmocka_unit_test(test_account),
	    cmocka_unit_test(test_target),
	    cmocka_unit_test(test_canonical_is_injective),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
