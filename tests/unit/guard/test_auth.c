/* SPDX-License-Identifier: MIT
 *
 * The decision on credentials: a client of RFC 7616 that does everything right, and one row for
 * each thing that can be wrong. Equal cost is shown by counting hash operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/auth.h"

#define START (1000000 * USEC_SEC)
#define REALM SPAN("example.com")
#define TEXT(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}

static struct auth_worker worker;
static struct auth_policy policy = {
    .offered = {DIGEST_SHA256, DIGEST_MD5}, .offered_n = 2, .nonce_lifetime = 60 * USEC_SEC};
static struct digest_ha1s alice;
static struct addr phone;

/* What a request of alice's phone carries, with the memory that its facts point into. */
struct request {
	struct auth_facts f;
	char nonce[NONCE_TEXT_LEN], response[2 * DIGEST_MAX];
};

static void answer(struct request *r, enum digest_alg alg, struct span password)
{
	struct digest_input in = {.method = r->f.method,
	    .uri = r->f.uri,
	    .nonce = r->f.nonce,
	    .nc = r->f.nc,
	    .cnonce = r->f.cnonce,
	    .qop = r->f.qop};
	uint8_t ha1[DIGEST_MAX], out[DIGEST_MAX];
	struct buf b = BUF(r->response);

	digest_ha1(&worker.digest, alg, r->f.username, r->f.realm, password, ha1);
	digest_response(&worker.digest, alg, ha1, &in, out);
	buf_add_hex(&b, out, digest_alg_size(alg));
	r->f.response = buf_span(&b);
}

/* A right REGISTER, first use of a fresh nonce. */
static void request_init(struct request *r, enum digest_alg alg)
{
	nonce_mint(&worker.keys, &worker.rng, alg, REALM, &phone, START, r->nonce);
	r->f = (struct auth_facts){.has_credentials = true,
	    .username = SPAN("alice"),
	    .realm = REALM,
	    .nonce = span_of(r->nonce, sizeof(r->nonce)),
	    .uri = SPAN("sip:example.com"),
	    .algorithm = digest_alg_name(alg),
	    .cnonce = SPAN("0a4f113b"),
	    .qop = SPAN("auth"),
	    .nc = SPAN("00000001"),
	    .method = SPAN("REGISTER"),
	    .uri_matches = true,
	    .source = phone,
	    .request = 1,
	    .claimed_user = SPAN("alice"),
	    .claimed_domain = SPAN("Example.com"),
	    .expected_realm = REALM,
	    .wall = START + USEC_SEC};
	answer(r, alg, SPAN("secret"));
}

static enum auth_outcome decide(const struct auth_facts *f, const struct digest_ha1s *account)
{
	struct auth_claim claim;
	enum auth_outcome o = auth_screen(&worker, &policy, f, &claim);

	return o == AUTH_OK ? auth_verify(&worker, f, &claim, account) : o;
}

static int setup(void **state)
{
	static const struct siphash_key key = {1, 2};
	struct nonce_keys keys;

	(void)state;
	if (addr_parse_ip(SPAN("192.0.2.1"), &phone) != OK || nonce_keys_init(&keys, START) != OK ||
	    auth_worker_init(&worker, &keys, replay_new(1024, START / USEC_MS - 1, &key), &key) !=
		OK)
		return -1;
	for (int i = 0; i < DIGEST_ALG_COUNT; i++) {
		digest_ha1(&worker.digest, (enum digest_alg)i, SPAN("alice"), REALM, SPAN("secret"),
		    alice.ha1[i]);
		alice.algs |= (uint8_t)DIGEST_BIT(i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	replay_free(worker.replay);
	auth_worker_done(&worker);
	return 0;
}

static void right(void **state)
{
	struct request r;

	(void)state;
	for (size_t i = 0; i < policy.offered_n; i++) {
		request_init(&r, policy.offered[i]);
		assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	}
	/* RFC 7616 §3.4: no algorithm is MD5. */
	request_init(&r, DIGEST_MD5);
	r.f.algorithm = SPAN("");
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	/* A call: From is who it says. */
	request_init(&r, DIGEST_SHA256);
	r.f.method = SPAN("INVITE");
	answer(&r, DIGEST_SHA256, SPAN("secret"));
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	/* In upper case, too. */
	request_init(&r, DIGEST_MD5);
	for (size_t i = 0; i < r.f.response.n; i++)
		if (r.response[i] >= 'a')
			r.response[i] = (char)(r.response[i] - 0x20);
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
}

/* One member of the facts replaced, before the response is computed or after. */
static void one_thing_wrong(void **state)
{
	static const struct {
		const char *name;
		size_t at; /* of a span in struct auth_facts */
		struct span value;
		bool signed_so; /* the response fits the wrong value */
		enum auth_outcome want;
	} rows[] = {
#define AT(m) #m, offsetof(struct auth_facts, m)
	    {AT(realm), TEXT("example.org"), true, AUTH_WRONG_REALM},
	    {AT(realm), TEXT(""), false, AUTH_WRONG_REALM},
	    {AT(username), TEXT(""), false, AUTH_MALFORMED},
	    {AT(username), TEXT("bob"), false, AUTH_IDENTITY_MISMATCH},
	    {AT(nonce), TEXT(""), false, AUTH_MALFORMED},
	    {AT(nonce), TEXT("dcd98b7102dd2f0e8b11d0f600bfb0c093"), true, AUTH_FORGED_NONCE},
	    {AT(uri), TEXT(""), false, AUTH_MALFORMED},
	    {AT(uri), TEXT("sip:example.org"), false, AUTH_BAD_PASSWORD},
	    {AT(method), TEXT("INVITE"), false, AUTH_BAD_PASSWORD},
	    {AT(response), TEXT(""), false, AUTH_MALFORMED},
	    {AT(response), TEXT("8ca523f5e9506fed4657c9700eebdbec"), false, AUTH_MALFORMED},
	    {AT(response), TEXT("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
		false, AUTH_BAD_PASSWORD},
	    {AT(response), TEXT("z53927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
		false, AUTH_BAD_PASSWORD},
	    {AT(algorithm), TEXT("SHA-512-256"), false, AUTH_ALGORITHM},
	    {AT(algorithm), TEXT("SHA-256-sess"), false, AUTH_ALGORITHM},
	    {AT(algorithm), TEXT("AKAv1-MD5"), false, AUTH_ALGORITHM},
	    {AT(qop), TEXT(""), true, AUTH_MALFORMED},
	    {AT(qop), TEXT("auth-int"), true, AUTH_MALFORMED},
	    {AT(cnonce), TEXT(""), true, AUTH_MALFORMED},
	    {AT(cnonce), TEXT("other"), false, AUTH_BAD_PASSWORD},
	    {AT(nc), TEXT(""), true, AUTH_MALFORMED},
	    {AT(nc), TEXT("1"), true, AUTH_MALFORMED},
	    {AT(nc), TEXT("00000000"), true, AUTH_MALFORMED},
	    {AT(nc), TEXT("0000000g"), true, AUTH_MALFORMED},
	    {AT(nc), TEXT("000000001"), true, AUTH_MALFORMED},
	    {AT(nc), TEXT("00000002"), false, AUTH_BAD_PASSWORD},
	    {AT(nc), TEXT("0000000A"), true, AUTH_OK},
	    {AT(claimed_user), TEXT("bob"), true, AUTH_IDENTITY_MISMATCH},
	    {AT(claimed_user), TEXT("Alice"), true, AUTH_IDENTITY_MISMATCH},
	    {AT(claimed_user), TEXT(""), true, AUTH_IDENTITY_MISMATCH},
	    {AT(claimed_domain), TEXT("example.org"), true, AUTH_IDENTITY_MISMATCH},
#undef AT
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request r;
		enum auth_outcome o;

		request_init(&r, DIGEST_SHA256);
		memcpy((char *)&r.f + rows[i].at, &rows[i].value, sizeof(struct span));
		if (rows[i].signed_so)
			answer(&r, DIGEST_SHA256, SPAN("secret"));
		o = decide(&r.f, &alice);
		if (o != rows[i].want)
			fail_msg("row %zu, %s: %s", i, rows[i].name, auth_reason(o));
	}
}

static void other_faults(void **state)
{
	struct digest_ha1s md5_only = alice;
	struct request r;

	(void)state;
	request_init(&r, DIGEST_SHA256);
	r.f.has_credentials = false;
	assert_int_equal(decide(&r.f, &alice), AUTH_CHALLENGE);

	request_init(&r, DIGEST_SHA256);
	r.f.uri_matches = false;
	assert_int_equal(decide(&r.f, &alice), AUTH_URI_MISMATCH);

	request_init(&r, DIGEST_SHA256);
	r.f.wall = START + 60 * USEC_SEC + USEC_MS;
	assert_int_equal(decide(&r.f, &alice), AUTH_STALE);

	request_init(&r, DIGEST_SHA256);
	r.f.source.ip[15] ^= 1;
	assert_int_equal(decide(&r.f, &alice), AUTH_WRONG_SOURCE);

	/* The nonce of the SHA-256 challenge answered with MD5: no downgrade. */
	request_init(&r, DIGEST_SHA256);
	r.f.algorithm = SPAN("MD5");
	answer(&r, DIGEST_MD5, SPAN("secret"));
	assert_int_equal(decide(&r.f, &alice), AUTH_ALGORITHM);

	/* An account without the hash that was asked for; a right guess of zeros is no way in. */
	md5_only.algs = DIGEST_BIT(DIGEST_MD5);
	memset(md5_only.ha1[DIGEST_SHA256], 0, DIGEST_MAX);
	request_init(&r, DIGEST_SHA256);
	assert_int_equal(decide(&r.f, &md5_only), AUTH_NO_HASH);
	request_init(&r, DIGEST_MD5);
	assert_int_equal(decide(&r.f, &md5_only), AUTH_OK);

	request_init(&r, DIGEST_SHA256);
	r.f.claimed_user = SPAN("sales");
	assert_int_equal(decide(&r.f, &alice), AUTH_IDENTITY_MISMATCH);
	r.f.nc = SPAN("00000002");
	r.f.claimed_is_alias = true;
	answer(&r, DIGEST_SHA256, SPAN("secret"));
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
}

static void replays(void **state)
{
	struct request r;

	(void)state;
	request_init(&r, DIGEST_SHA256);
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	assert_int_equal(decide(&r.f, &alice), AUTH_RETRANSMISSION);
	r.f.request = 2; /* another branch, or another flow */
	assert_int_equal(decide(&r.f, &alice), AUTH_REPLAY);
	r.f.nc = SPAN("00000002");
	assert_int_equal(decide(&r.f, &alice), AUTH_BAD_PASSWORD);
	answer(&r, DIGEST_SHA256, SPAN("secret"));
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	/* A wrong password spends nothing: the count stays usable. */
	request_init(&r, DIGEST_SHA256);
	answer(&r, DIGEST_SHA256, SPAN("wrong"));
	assert_int_equal(decide(&r.f, &alice), AUTH_BAD_PASSWORD);
	answer(&r, DIGEST_SHA256, SPAN("secret"));
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	/* Minted before this process began: a former one may have accepted it. */
	request_init(&r, DIGEST_SHA256);
	nonce_mint(
	    &worker.keys, &worker.rng, DIGEST_SHA256, REALM, &phone, START - USEC_SEC, r.nonce);
	answer(&r, DIGEST_SHA256, SPAN("secret"));
	assert_int_equal(decide(&r.f, &alice), AUTH_STALE);
}

static void rfc2069(void **state)
{
	struct request r;

	(void)state;
	request_init(&r, DIGEST_MD5);
	r.f.qop = r.f.nc = r.f.cnonce = SPAN("");
	answer(&r, DIGEST_MD5, SPAN("secret"));
	assert_int_equal(decide(&r.f, &alice), AUTH_MALFORMED);
	policy.allow_rfc2069 = true;
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	r.f.request = 2;
	assert_int_equal(decide(&r.f, &alice), AUTH_REPLAY);
	policy.allow_rfc2069 = false;
}

/* The same work for every kind of wrong, and for right. */
static void equal_cost(void **state)
{
	struct digest_ha1s none = {0};
	const struct digest_ha1s *accounts[] = {&alice, NULL, &none};
	const enum auth_outcome want[] = {AUTH_BAD_PASSWORD, AUTH_UNKNOWN_USER, AUTH_NO_HASH};
	struct auth_claim claim;
	uint64_t cost[4];
	struct request r;

	(void)state;
	request_init(&r, DIGEST_SHA256);
	for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
		answer(&r, DIGEST_SHA256, SPAN("wrong"));
		cost[i] = worker.digest.computed;
		assert_int_equal(auth_screen(&worker, &policy, &r.f, &claim), AUTH_OK);
		assert_int_equal(auth_verify(&worker, &r.f, &claim, accounts[i]), want[i]);
		cost[i] = worker.digest.computed - cost[i];
	}
	answer(&r, DIGEST_SHA256, SPAN("secret"));
	cost[3] = worker.digest.computed;
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
	cost[3] = worker.digest.computed - cost[3];
	for (size_t i = 0; i < ARRAY_LEN(cost); i++)
		assert_int_equal(cost[i], 1); /* answer() had the same method and URI */
	assert_int_equal(auth_answer(AUTH_UNKNOWN_USER), auth_answer(AUTH_BAD_PASSWORD));
	assert_int_equal(auth_answer(AUTH_UNKNOWN_USER), auth_answer(AUTH_NO_HASH));
}

/* Nobody logs in as somebody who does not exist, whatever is guessed. */
static void nobody_has_no_password(void **state)
{
	struct request r;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char password[4] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), 'x', 0};

		request_init(&r, DIGEST_MD5);
		answer(&r, DIGEST_MD5, span_str(password));
		assert_int_equal(decide(&r.f, NULL), AUTH_UNKNOWN_USER);
	}
}

static void challenges(void **state)
{
	static const struct {
		struct span realm;
		size_t i;
		bool stale;
		struct span before, after;
	} rows[] = {
	    {TEXT("example.com"), 0, false, TEXT("Digest realm=\"example.com\", nonce=\""),
		TEXT("\", algorithm=SHA-256, qop=\"auth\"")},
	    {TEXT("example.com"), 1, true, TEXT("Digest realm=\"example.com\", nonce=\""),
		TEXT("\", algorithm=MD5, qop=\"auth\", stale=true")},
	    {TEXT("a\"b\\c\r\nX"), 1, false, TEXT("Digest realm=\"a\\\"b\\\\cX\", nonce=\""),
		TEXT("\", algorithm=MD5, qop=\"auth\"")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nonce_info info;
		char text[256];
		struct buf b = BUF(text);
		struct span s;

		auth_challenge_add(
		    &b, &worker, &policy, rows[i].i, rows[i].realm, &phone, START, rows[i].stale);
		s = buf_span(&b);
		assert_false(b.overflow);
		assert_int_equal(s.n, rows[i].before.n + NONCE_TEXT_LEN + rows[i].after.n);
		assert_true(span_starts(s, rows[i].before));
		assert_true(
		    span_eq(span_from(s, s.p + rows[i].before.n + NONCE_TEXT_LEN), rows[i].after));
		assert_int_equal(
		    nonce_verify(&worker.keys, span_of(s.p + rows[i].before.n, NONCE_TEXT_LEN),
			policy.offered[rows[i].i], rows[i].realm, &phone, START, USEC_SEC, &info),
		    NONCE_FRESH);
	}
}

static void every_outcome_has_a_reason(void **state)
{
	(void)state;
	for (int i = 0; i < AUTH_OUTCOME_COUNT; i++) {
		const char *reason = auth_reason((enum auth_outcome)i);

		assert_true(span_starts(span_str(reason), SPAN("auth.")));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(reason, auth_reason((enum auth_outcome)k));
	}
}

/* The flood of challenges that stops logins elsewhere: here it leaves nothing behind. */
static void challenges_without_number(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	const size_t flood = 200000;
#else
	const size_t flood = 10000000;
#endif
	struct replay_stats before, after;
	char nonce[NONCE_TEXT_LEN];
	struct addr stranger = phone;
	struct request r;

	(void)state;
	request_init(&r, DIGEST_SHA256);
	replay_stats(worker.replay, &before);
	for (size_t i = 0; i < flood; i++) {
		stranger.ip[12] = (uint8_t)(i >> 16);
		stranger.ip[14] = (uint8_t)i;
		nonce_mint(
		    &worker.keys, &worker.rng, DIGEST_SHA256, REALM, &stranger, START, nonce);
	}
	replay_stats(worker.replay, &after);
	assert_int_equal(before.used, after.used);
	assert_int_equal(decide(&r.f, &alice), AUTH_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(right),
	    cmocka_unit_test(one_thing_wrong),
	    cmocka_unit_test(other_faults),
	    cmocka_unit_test(replays),
	    cmocka_unit_test(rfc2069),
	    cmocka_unit_test(equal_cost),
	    cmocka_unit_test(nobody_has_no_password),
	    cmocka_unit_test(challenges),
	    cmocka_unit_test(every_outcome_has_a_reason),
	    cmocka_unit_test(challenges_without_number),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
