/* SPDX-License-Identifier: MIT
 *
 * Digest arithmetic against the examples of RFC 7616 §3.9.1, RFC 2617 §3.5 and RFC 8760. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "guard/digest.h"

#define TEXT(s) ((struct span){(s), sizeof(s) - 1})

static const struct row {
	const char *name;
	enum digest_alg alg;
	struct span user, realm, password;
	struct digest_input in;
	const char *response;
} rows[] = {
    {"RFC 7616 3.9.1 MD5", DIGEST_MD5, TEXT("Mufasa"), TEXT("http-auth@example.org"),
	TEXT("Circle of Life"),
	{TEXT("GET"), TEXT("/dir/index.html"), TEXT("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
	    TEXT("00000001"), TEXT("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"), TEXT("auth")},
	"8ca523f5e9506fed4657c9700eebdbec"},
    {"RFC 7616 3.9.1 SHA-256", DIGEST_SHA256, TEXT("Mufasa"), TEXT("http-auth@example.org"),
	TEXT("Circle of Life"),
	{TEXT("GET"), TEXT("/dir/index.html"), TEXT("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
	    TEXT("00000001"), TEXT("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"), TEXT("auth")},
	"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    {"RFC 2617 3.5 MD5", DIGEST_MD5, TEXT("Mufasa"), TEXT("testrealm@host.com"),
	TEXT("Circle Of Life"),
	{TEXT("GET"), TEXT("/dir/index.html"), TEXT("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
	    TEXT("00000001"), TEXT("0a4f113b"), TEXT("auth")},
	"6629fae49393a05397450978507c4ef1"},
    {"RFC 2069 without qop", DIGEST_MD5, TEXT("Mufasa"), TEXT("testrealm@host.com"),
	TEXT("CircleOfLife"),
	{.method = TEXT("GET"),
	    .uri = TEXT("/dir/index.html"),
	    .nonce = TEXT("dcd98b7102dd2f0e8b11d0f600bfb0c093")},
	"1949323746fe6a43ef61f9606e7febea"},
};

static void vectors(void **state)
{
	struct digest *d = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		uint8_t ha1[DIGEST_MAX], out[DIGEST_MAX];

		digest_ha1(d, r->alg, r->user, r->realm, r->password, ha1);
		digest_response(d, r->alg, ha1, &r->in, out);
		if (!digest_equals_hex(r->alg, out, span_str(r->response)))
			fail_msg("%s", r->name);
	}
}

/* "alice:example.com:secret" under each algorithm, computed with another program. */
static void ha1s(void **state)
{
	static const char *const want[DIGEST_ALG_COUNT] = {
	    [DIGEST_MD5] = "b1726872c344b6dc8365b774f8fd6412",
	    [DIGEST_SHA256] = "ed8925b20f9a77b8f8f8d5f8e4467fe32b866f7208ab9e4b20595e9821a0fdee",
	    [DIGEST_SHA512_256] =
		"9e413627514b03d0753229d450617d94a9b2a2a635222e49bad90404c29e97ad",
	};
	struct digest *d = *state;

	for (int i = 0; i < DIGEST_ALG_COUNT; i++) {
		uint8_t out[DIGEST_MAX];

		digest_ha1(
		    d, (enum digest_alg)i, SPAN("alice"), SPAN("example.com"), SPAN("secret"), out);
		assert_true(digest_equals_hex((enum digest_alg)i, out, span_str(want[i])));
	}
}

static void comparing(void **state)
{
	uint8_t want[DIGEST_MAX];
	char longer[] = "8ca523f5e9506fed4657c9700eebdbec0";

	(void)state;
	assert_true(hex_decode(span_of(longer, 32), want, 16));
	assert_true(digest_equals_hex(DIGEST_MD5, want, span_of(longer, 32)));
	assert_true(digest_equals_hex(DIGEST_MD5, want, SPAN("8CA523F5E9506FED4657C9700EEBDBEC")));
	assert_false(digest_equals_hex(DIGEST_MD5, want, span_of(longer, 33)));
	assert_false(digest_equals_hex(DIGEST_MD5, want, span_of(longer, 31)));
	assert_false(digest_equals_hex(DIGEST_MD5, want, SPAN("9ca523f5e9506fed4657c9700eebdbec")));
	assert_false(digest_equals_hex(DIGEST_MD5, want, SPAN("8ca523f5e9506fed4657c9700eebdbeg")));
	assert_false(digest_equals_hex(DIGEST_MD5, want, SPAN("")));
}

/* Text with a colon at every tenth place is the same whichever two of them stand between parts, so
 * its hash must be the same however the parts fall into the gathering buffer. */
static void long_parts(void **state)
{
	static char text[2000];
	uint8_t first[DIGEST_MAX], out[DIGEST_MAX];
	struct span all = span_of(text, sizeof(text));
	struct digest *d = *state;

	memset(text, 'x', sizeof(text));
	for (size_t i = 10; i < sizeof(text); i += 10)
		text[i] = ':';
	digest_ha1(d, DIGEST_SHA256, span_of(text, 10), span_of(text + 11, 9),
	    span_from(all, text + 21), first);
	for (size_t i = 10; i < sizeof(text); i += 50) {
		for (size_t k = i + 10; k < sizeof(text); k += 30) {
			digest_ha1(d, DIGEST_SHA256, span_of(text, i),
			    span_of(text + i + 1, k - i - 1), span_from(all, text + k + 1), out);
			assert_memory_equal(out, first, DIGEST_MAX);
		}
	}
}

/* What is remembered of one request is not taken for another's. */
static void remembered(void **state)
{
	static char longer[DIGEST_A2_BYTES];
	const struct {
		enum digest_alg alg;
		struct span method, uri;
	} table[] = {
	    {DIGEST_MD5, SPAN("REGISTER"), SPAN("sip:example.com")},
	    {DIGEST_SHA256, SPAN("REGISTER"), SPAN("sip:example.com")},
	    {DIGEST_SHA512_256, SPAN("REGISTER"), SPAN("sip:example.com")},
	    {DIGEST_MD5, SPAN("INVITE12"), SPAN("sip:example.com")},
	    {DIGEST_MD5, SPAN("REGISTERs"), SPAN("ip:example.com")},
	    {DIGEST_MD5, SPAN("REGISTER"), SPAN("sip:example.com.")},
	    {DIGEST_MD5, SPAN("REGISTER"), SPAN("sip:exemple.com")},
	    {DIGEST_MD5, SPAN("REGISTER"), SPAN("")},
	    {DIGEST_MD5, SPAN("REGISTER"), span_of(longer, sizeof(longer) - 8)},
	    {DIGEST_MD5, SPAN("REGISTER"), span_of(longer, sizeof(longer) - 7)},
	    {DIGEST_MD5, SPAN("REGISTER"), span_of(longer, sizeof(longer))},
	};
	struct digest *d = *state;
	uint8_t ha1[DIGEST_MAX] = {1};

	memset(longer, 'u', sizeof(longer));
	for (size_t i = 0; i < 3 * ARRAY_LEN(table); i++) {
		size_t k = i % 3 ? i / 3 : i * 7 % ARRAY_LEN(table);
		struct digest_input in = {.method = table[k].method,
		    .uri = table[k].uri,
		    .nonce = SPAN("n"),
		    .nc = SPAN("00000001"),
		    .cnonce = SPAN("c"),
		    .qop = SPAN("auth")};
		uint8_t out[DIGEST_MAX] = {0}, want[DIGEST_MAX] = {0};
		struct digest fresh;

		assert_int_equal(digest_init(&fresh), OK);
		digest_response(&fresh, table[k].alg, ha1, &in, want);
		assert_int_equal(fresh.computed, 2);
		digest_done(&fresh);
		digest_response(d, table[k].alg, ha1, &in, out);
		assert_memory_equal(out, want, DIGEST_MAX);
	}
}

static void names(void **state)
{
	static const struct {
		const char *name;
		enum err e;
		enum digest_alg alg;
	} table[] = {
	    {"MD5", OK, DIGEST_MD5},
	    {"md5", OK, DIGEST_MD5},
	    {"SHA-256", OK, DIGEST_SHA256},
	    {"sha-512-256", OK, DIGEST_SHA512_256},
	    {"MD5-sess", ERR_UNSUPPORTED, DIGEST_MD5},
	    {"SHA256", ERR_UNSUPPORTED, DIGEST_MD5},
	    {"", ERR_UNSUPPORTED, DIGEST_MD5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		enum digest_alg alg = DIGEST_ALG_COUNT;

		assert_int_equal(digest_alg_parse(span_str(table[i].name), &alg), table[i].e);
		assert_int_equal(alg, table[i].e == OK ? table[i].alg : DIGEST_ALG_COUNT);
	}
	for (int i = 0; i < DIGEST_ALG_COUNT; i++) {
		enum digest_alg alg;

		assert_int_equal(digest_alg_parse(digest_alg_name((enum digest_alg)i), &alg), OK);
		assert_int_equal(alg, i);
	}
}

static int setup(void **state)
{
	static struct digest d;

	*state = &d;
	return digest_init(&d) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	digest_done(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors),
	    cmocka_unit_test(ha1s),
	    cmocka_unit_test(comparing),
	    cmocka_unit_test(long_parts),
	    cmocka_unit_test(remembered),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
