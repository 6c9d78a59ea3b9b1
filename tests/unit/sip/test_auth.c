/* SPDX-License-Identifier: MIT
 *
 * Credentials and challenges. */
#include <stdlib.h>

#include "rig.h"
#include "sip/auth.h"

#define U    "username=\"u\""
#define R    "realm=\"r\""
#define N    "nonce=\"n\""
#define I    "uri=\"sip:h\""
#define H    "response=\"0123456789abcdef0123456789ABCDEF\""
#define FIVE U "," R "," N "," I "," H

static enum sip_bad parse(struct span text, struct sip_auth *auth)
{
	char *exact = rig_exact(text);
	struct sip_parse_error error = {SIP_BAD_NONE, 0};
	enum sip_parse r =
	    sip_auth_parse_credentials(span_of(exact, text.n), &sip_limits_default, auth, &error);

	assert_true(error.at <= text.n);
	free(exact);
	return r == SIP_OK ? SIP_BAD_NONE : error.reason;
}

static void test_fields(void **state)
{
	static const char text[] =
	    "digest  username = \"al\\\"ice\" ,realm=\"example.com\",\r\n nonce=\"abc\", "
	    "opaque=\"\", "
	    "uri=\"sip:example.com;x=\\\"\", response=\"ffff\", cnonce=\"c,d\", qop=auth, "
	    "nc=0000001F, "
	    "algorithm=\"SHA-256\", userhash=true, foo=bar, username*=UTF-8''x";
	struct sip_parse_error error;
	struct sip_auth a;
	char out[32];
	struct buf b = BUF(out);

	(void)state;
	assert_int_equal(
	    sip_auth_parse_credentials(SPAN_OF(text), &sip_limits_default, &a, &error), SIP_OK);
	assert_int_equal(a.scheme, SIP_AUTH_DIGEST);
	sip_unquote(a.value[SIP_AUTH_USERNAME], &b);
	assert_span(buf_span(&b), "al\"ice");
	assert_true(a.escaped & (1u << SIP_AUTH_USERNAME));
	assert_false(a.escaped & (1u << SIP_AUTH_REALM));
	assert_span(a.value[SIP_AUTH_REALM], "example.com");
	assert_span(a.value[SIP_AUTH_CNONCE], "c,d");
	assert_true(sip_auth_has(&a, SIP_AUTH_OPAQUE));
	assert_false(sip_auth_has(&a, SIP_AUTH_STALE));
	assert_int_equal(a.nc, 31);
	assert_int_equal(a.qop, SIP_AUTH_QOP_AUTH);
	assert_int_equal(a.algorithm, SIP_AUTH_SHA_256);
	assert_true(a.userhash);
	assert_span(a.value[SIP_AUTH_USERNAME_EXT], "UTF-8''x");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		enum sip_bad reason;
	} rows[] = {
	    {"Digest " FIVE, SIP_BAD_NONE},
	    {"DIGEST\t" FIVE, SIP_BAD_NONE},
	    {"Digest " FIVE ",algorithm=ROT13,qop=x,cnonce=\"1\",nc=00000001", SIP_BAD_NONE},
	    {"Digest " FIVE ",username*=x", SIP_BAD_NONE},
	    {"Digest username*=x," R "," N "," I "," H, SIP_BAD_NONE},
	    {"", SIP_BAD_AUTH},
	    {"Digest", SIP_BAD_AUTH},
	    {"Digest ", SIP_BAD_AUTH},
	    {"Digest" FIVE, SIP_BAD_AUTH},
	    {"Basic YWxhZGRpbjpvcGVuc2VzYW1l", SIP_BAD_AUTH_SCHEME},
	    {"NoOneKnowsThisScheme opaque-data=here", SIP_BAD_AUTH_SCHEME},
	    {"Digest a a=\"\",real", SIP_BAD_AUTH},
	    {"Digest uses: 60", SIP_BAD_AUTH},
	    {"Digest " FIVE ",", SIP_BAD_AUTH},
	    {"Digest ," FIVE, SIP_BAD_AUTH},
	    {"Digest " FIVE ",,a=b", SIP_BAD_AUTH},
	    {"Digest " FIVE " a=b", SIP_BAD_AUTH},
	    {"Digest " FIVE ",a", SIP_BAD_AUTH},
	    {"Digest " FIVE ",a=", SIP_BAD_AUTH},
	    {"Digest " FIVE ",a=\"", SIP_BAD_AUTH},
	    {"Digest " FIVE ",a=\"\\", SIP_BAD_AUTH},
	    {"Digest " FIVE ",=b", SIP_BAD_AUTH},
	    {"Digest " FIVE "," U, SIP_BAD_AUTH_DUPLICATE},
	    {"Digest " FIVE ",USERNAME=x", SIP_BAD_AUTH_DUPLICATE},
	    {"Digest " U "," R "," N "," I, SIP_BAD_AUTH_MISSING},
	    {"Digest " U "," R "," N "," I ",response=\"\"", SIP_BAD_AUTH},
	    {"Digest " U "," R "," N "," I ",response=\"xyz\"", SIP_BAD_AUTH},
	    {"Digest " FIVE ",qop=auth", SIP_BAD_AUTH_MISSING},
	    {"Digest " FIVE ",qop=auth,nc=00000001", SIP_BAD_AUTH_MISSING},
	    {"Digest " FIVE ",qop=auth,cnonce=\"x\"", SIP_BAD_AUTH_MISSING},
	    {"Digest " FIVE ",qop=auth,cnonce=\"x\",nc=1", SIP_BAD_AUTH},
	    {"Digest " FIVE ",qop=auth,cnonce=\"x\",nc=0000000g", SIP_BAD_AUTH},
	    {"Digest " FIVE ",qop=auth,cnonce=\"x\",nc=000000001", SIP_BAD_AUTH},
	};
	struct sip_auth a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rig_assert_reason(parse(span_str(rows[i].text), &a), rows[i].reason, rows[i].text);
}

static void test_challenge(void **state)
{
	char text[256];
	struct buf out = BUF(text);
	struct span value, name;
	struct sip_parse_error error;
	struct sip_auth a;

	(void)state;
	for (enum sip_auth_algorithm i = SIP_AUTH_MD5; i < SIP_AUTH_ALGORITHM_UNKNOWN; i++) {
		out.n = 0;
		assert_int_equal(sip_auth_write_challenge(SPAN("WWW-Authenticate"),
				     SPAN("r.example"), SPAN("n0nce="), i, i % 2, &out),
		    OK);
		value = buf_span(&out);
		assert_true(span_cut(&value, ':', &name));
		assert_int_equal(
		    sip_auth_parse_challenge(span_trim(value), &sip_limits_default, &a, &error),
		    SIP_OK);
		assert_int_equal(a.algorithm, i);
		assert_int_equal(a.stale, i % 2);
		assert_int_equal(a.qop, SIP_AUTH_QOP_AUTH);
		assert_span(a.value[SIP_AUTH_NONCE], "n0nce=");
	}
	assert_int_equal(
	    sip_auth_write_challenge(SPAN("X"), SPAN("a\"b"), SPAN("n"), 0, false, &out),
	    ERR_SYNTAX);
	assert_int_equal(
	    sip_auth_write_challenge(SPAN("X"), SPAN("a"), SPAN("n\r\nY: z"), 0, false, &out),
	    ERR_SYNTAX);
	out = buf_of(text, 20);
	assert_int_equal(
	    sip_auth_write_challenge(SPAN("X"), SPAN("a"), SPAN("n"), 0, false, &out), ERR_FULL);
	assert_int_equal(sip_auth_parse_challenge(SPAN("Digest realm=\"r\", nonce=\"n\", "
						       "qop=\"auth, auth-int,x\", stale=FALSE"),
			     &sip_limits_default, &a, &error),
	    SIP_OK);
	assert_int_equal(a.qop, SIP_AUTH_QOP_AUTH | SIP_AUTH_QOP_AUTH_INT | SIP_AUTH_QOP_UNKNOWN);
	assert_false(a.stale);
	assert_int_equal(
	    sip_auth_parse_challenge(SPAN("Digest realm=\"r\""), &sip_limits_default, &a, &error),
	    SIP_BAD);
	rig_assert_reason(error.reason, SIP_BAD_AUTH_MISSING, "nonce");
}

static void test_peek(void **state)
{
	struct span realm;

	(void)state;
	assert_true(sip_auth_peek_realm(SPAN("Digest a=b, Realm=\"x y\", broken"), &realm));
	assert_span(realm, "x y");
	assert_false(sip_auth_peek_realm(SPAN("Basic realm=\"x\""), &realm));
	assert_false(sip_auth_peek_realm(SPAN("Digest a=b broken realm=\"x\""), &realm));
	assert_false(sip_auth_peek_realm(SPAN("Digest a=b"), &realm));
	assert_false(sip_auth_peek_realm(SPAN(""), &realm));
}

/* Class 14 of the regression classes: each parameter truncated, missing, duplicated, very long. */
static void test_each_parameter(void **state)
{
	static const char *const params[] = {U, R, N, I, H, "cnonce=\"c\"", "opaque=\"o\"",
	    "algorithm=MD5", "qop=auth", "nc=00000001"};
	static char text[65536];
	const size_t n = ARRAY_LEN(params);
	struct sip_auth a;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (int how = 0; how < 4; how++) {
			struct buf b = BUF(text);

			buf_add_lit(&b, "Digest ");
			for (size_t j = 0; j < n; j++) {
				size_t len = strlen(params[j]);
				bool this_one = j == i;

				if (this_one && how == 0)
					continue;
				if (b.n > 7)
					buf_add_lit(&b, ", ");
				buf_add(&b, params[j], len);
				if (this_one && how == 1) {
					buf_add_lit(&b, ", ");
					buf_add(&b, params[j], len);
				}
				if (this_one && how == 2) {
					b.n -= params[j][len - 1] == '"';
					while (b.n < 10240)
						buf_add_char(&b, 'a');
					if (params[j][len - 1] == '"')
						buf_add_char(&b, '"');
				}
				if (this_one && how == 3)
					b.n -= 1;
			}
			/* Missing: only what is optional may be missing. */
			if (how == 0)
				rig_assert_reason(parse(buf_span(&b), &a),
				    i == 6 || i == 7 || i == 8 ? SIP_BAD_NONE
							       : SIP_BAD_AUTH_MISSING,
				    params[i]);
			else if (how == 1)
				rig_assert_reason(
				    parse(buf_span(&b), &a), SIP_BAD_AUTH_DUPLICATE, params[i]);
			else if (how == 2)
				rig_assert_reason(
				    parse(buf_span(&b), &a), SIP_BAD_AUTH_LONG, params[i]);
			else
				(void)parse(buf_span(&b), &a);
		}
	}
}

/* Every prefix, in a block of its size. */
static void test_truncated(void **state)
{
	static const struct span text = {"Digest " FIVE ", cnonce=\"\\\"c\", qop=auth, nc=00000001",
	    sizeof("Digest " FIVE ", cnonce=\"\\\"c\", qop=auth, nc=00000001") - 1};
	struct sip_auth a;

	(void)state;
	for (size_t n = 0; n < text.n; n++) {
		enum sip_bad reason = parse(span_of(text.p, n), &a);

		/* Whole parameters only: the five, and with them the cnonce. */
		if (reason == SIP_BAD_NONE && n != sizeof("Digest " FIVE) - 1 &&
		    n != sizeof("Digest " FIVE ", cnonce=\"\\\"c\"") - 1)
			fail_msg("accepted at %zu", n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_challenge),
	    cmocka_unit_test(test_peek),
	    cmocka_unit_test(test_each_parameter),
	    cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
