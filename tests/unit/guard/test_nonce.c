/* SPDX-License-Identifier: MIT
 *
 * Nonces: what is accepted, and every way in which one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard/nonce.h"

#define START    (1000000 * USEC_SEC)
#define LIFETIME (60 * USEC_SEC)

static struct nonce_keys keys;
static struct rng rng;

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(span_str(text), &a), OK);
	a.port = 5060;
	return a;
}

static struct span mint(
    char out[NONCE_TEXT_LEN], enum digest_alg alg, const char *realm, const char *from, usec_t wall)
{
	struct addr a = ip(from);

	nonce_mint(&keys, &rng, alg, span_str(realm), &a, wall, out);
	return span_of(out, NONCE_TEXT_LEN);
}

static enum nonce_verdict judge(struct span text, enum digest_alg alg, const char *realm,
    const char *from, usec_t wall, struct nonce_info *info)
{
	struct addr a = ip(from);

	a.port = 40000; /* ports do not matter */
	return nonce_verify(&keys, text, alg, span_str(realm), &a, wall, LIFETIME, info);
}

static int setup(void **state)
{
	(void)state;
	rng_init_seed(&rng, 7);
	return nonce_keys_init(&keys, START) == OK ? 0 : -1;
}

static void verdicts(void **state)
{
	static const struct {
		enum digest_alg alg;
		const char *realm, *from;
		int64_t later_ms;
		enum nonce_verdict want;
	} rows[] = {
	    {DIGEST_SHA256, "example.com", "192.0.2.1", 0, NONCE_FRESH},
	    {DIGEST_SHA256, "EXAMPLE.com", "192.0.2.1", 10, NONCE_FRESH},
	    {DIGEST_SHA256, "example.com", "192.0.2.1", 60000, NONCE_FRESH},
	    {DIGEST_SHA256, "example.com", "192.0.2.1", 60001, NONCE_STALE},
	    {DIGEST_SHA256, "example.com", "192.0.2.1", -5000, NONCE_FRESH},
	    {DIGEST_SHA256, "example.com", "192.0.2.1", -5001, NONCE_FROM_FUTURE},
	    {DIGEST_MD5, "example.com", "192.0.2.1", 0, NONCE_WRONG_ALGORITHM},
	    {DIGEST_SHA256, "example.org", "192.0.2.1", 0, NONCE_WRONG_REALM},
	    {DIGEST_SHA256, "", "192.0.2.1", 0, NONCE_WRONG_REALM},
	    {DIGEST_SHA256, "example.com", "192.0.2.2", 0, NONCE_WRONG_SOURCE},
	    {DIGEST_SHA256, "example.com", "2001:db8::1", 0, NONCE_WRONG_SOURCE},
	};
	char text[NONCE_TEXT_LEN];
	struct span n = mint(text, DIGEST_SHA256, "example.com", "192.0.2.1", START);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		usec_t wall = (usec_t)((int64_t)START + rows[i].later_ms * (int64_t)USEC_MS);
		struct nonce_info info;
		enum nonce_verdict v =
		    judge(n, rows[i].alg, rows[i].realm, rows[i].from, wall, &info);

		if (v != rows[i].want)
			fail_msg("row %zu: got %d", i, (int)v);
		assert_int_equal(info.issued_ms, START / USEC_MS);
		assert_int_equal(
		    info.age, rows[i].later_ms < 0 ? 0 : (usec_t)rows[i].later_ms * USEC_MS);
	}
}

static void ipv6_source_is_its_64(void **state)
{
	char text[NONCE_TEXT_LEN];
	struct span n = mint(text, DIGEST_MD5, "r", "2001:db8:1:2::1", START);
	struct nonce_info info;

	(void)state;
	assert_int_equal(
	    judge(n, DIGEST_MD5, "r", "2001:db8:1:2:a:b:c:d", START, &info), NONCE_FRESH);
	assert_int_equal(
	    judge(n, DIGEST_MD5, "r", "2001:db8:1:3::1", START, &info), NONCE_WRONG_SOURCE);
}

/* Each character changed, each truncation, and text that never was a nonce. */
static void forged(void **state)
{
	static const char *const junk[] = {"", "x", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    "????????????????????????????????????????????????"};
	char text[NONCE_TEXT_LEN + 1];
	struct span n = mint(text, DIGEST_MD5, "r", "192.0.2.1", START);
	struct nonce_info info;

	(void)state;
	for (size_t i = 0; i < NONCE_TEXT_LEN; i++) {
		char kept = text[i];

		for (int c = 0; c < 256; c++) {
			enum nonce_verdict v;

			text[i] = (char)c;
			v = judge(n, DIGEST_MD5, "r", "192.0.2.1", START, &info);
			/* A changed key id or an early time is older than our keys at best. */
			assert_true(v == NONCE_FORGED ||
				    v == (c == (unsigned char)kept ? NONCE_FRESH : NONCE_STALE));
		}
		text[i] = kept;
	}
	for (size_t i = 0; i < NONCE_TEXT_LEN; i++)
		assert_int_equal(
		    judge(span_of(text, i), DIGEST_MD5, "r", "192.0.2.1", START, &info),
		    NONCE_FORGED);
	text[NONCE_TEXT_LEN] = 'A';
	assert_int_equal(
	    judge(span_of(text, NONCE_TEXT_LEN + 1), DIGEST_MD5, "r", "192.0.2.1", START, &info),
	    NONCE_FORGED);
	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		enum nonce_verdict v =
		    judge(span_str(junk[i]), DIGEST_MD5, "r", "192.0.2.1", START, &info);

		assert_true(v == NONCE_FORGED || (v == NONCE_STALE && info.id == 0));
	}
}

static void another_key_forges_nothing(void **state)
{
	char text[NONCE_TEXT_LEN];
	struct span n = mint(text, DIGEST_MD5, "r", "192.0.2.1", START);
	struct nonce_keys mine = keys, other;
	struct nonce_info info;

	(void)state;
	assert_int_equal(nonce_keys_init(&other, START), OK);
	other.current.id = keys.current.id;
	keys = other;
	assert_int_equal(judge(n, DIGEST_MD5, "r", "192.0.2.1", START, &info), NONCE_FORGED);
	keys = mine;
}

static void rotation(void **state)
{
	char text[NONCE_TEXT_LEN], second[NONCE_TEXT_LEN];
	struct span n = mint(text, DIGEST_MD5, "r", "192.0.2.1", START), m;
	struct nonce_keys before = keys;
	struct nonce_info info;
	usec_t later = START + 30 * USEC_SEC;

	(void)state;
	assert_false(nonce_keys_due(&keys, START + USEC_MIN, USEC_MIN));
	assert_true(nonce_keys_due(&keys, START + USEC_MIN + 1, USEC_MIN));
	assert_false(nonce_keys_due(&keys, START - USEC_MIN, USEC_MIN));
	assert_int_equal(nonce_keys_rotate(&keys, later), OK);
	m = mint(second, DIGEST_MD5, "r", "192.0.2.1", later);
	assert_int_equal(judge(n, DIGEST_MD5, "r", "192.0.2.1", later, &info), NONCE_FRESH);
	assert_int_equal(judge(m, DIGEST_MD5, "r", "192.0.2.1", later, &info), NONCE_FRESH);
	assert_int_equal(nonce_keys_rotate(&keys, later + 1), OK);
	/* Its key is gone: old, not forged. */
	assert_int_equal(judge(n, DIGEST_MD5, "r", "192.0.2.1", later, &info), NONCE_STALE);
	assert_int_equal(info.id, 0);
	assert_int_equal(judge(m, DIGEST_MD5, "r", "192.0.2.1", later, &info), NONCE_FRESH);
	keys = before;
}

static void saving(void **state)
{
	char text[NONCE_TEXT_LEN];
	uint8_t bytes[NONCE_KEYS_BYTES], again[NONCE_KEYS_BYTES];
	struct nonce_keys before = keys, loaded;
	struct nonce_info info;
	struct span n;

	(void)state;
	assert_int_equal(nonce_keys_rotate(&keys, START), OK);
	n = mint(text, DIGEST_SHA512_256, "r", "192.0.2.1", START);
	nonce_keys_save(&keys, bytes);
	assert_int_equal(nonce_keys_load(bytes, sizeof(bytes), &loaded), OK);
	nonce_keys_save(&loaded, again);
	assert_memory_equal(bytes, again, sizeof(bytes));
	keys = loaded;
	assert_int_equal(judge(n, DIGEST_SHA512_256, "r", "192.0.2.1", START, &info), NONCE_FRESH);
	assert_int_equal(nonce_keys_load(bytes, sizeof(bytes) - 1, &loaded), ERR_SYNTAX);
	bytes[0] ^= 1;
	assert_int_equal(nonce_keys_load(bytes, sizeof(bytes), &loaded), ERR_SYNTAX);
	bytes[0] ^= 1;
	bytes[4 + 39] = 2;
	assert_int_equal(nonce_keys_load(bytes, sizeof(bytes), &loaded), ERR_SYNTAX);
	bytes[4 + 39] = 0;
	assert_int_equal(nonce_keys_load(bytes, sizeof(bytes), &loaded), ERR_SYNTAX);
	keys = before;
}

static int by_text(const void *a, const void *b)
{
	return memcmp(a, b, NONCE_TEXT_LEN);
}

/* A hundred thousand of the same millisecond. */
static void never_twice(void **state)
{
	enum { N = 100000 };
	char(*all)[NONCE_TEXT_LEN] = malloc(N * sizeof(*all));
	struct addr a = ip("192.0.2.1");

	(void)state;
	assert_non_null(all);
	for (size_t i = 0; i < N; i++)
		nonce_mint(&keys, &rng, DIGEST_MD5, SPAN("r"), &a, START, all[i]);
	qsort(all, N, sizeof(*all), by_text);
	for (size_t i = 1; i < N; i++)
		assert_memory_not_equal(all[i - 1], all[i], NONCE_TEXT_LEN);
	free(all);
}

/* For any realm and algorithm; not of another address, another key, or too old. */
static void given_to(void **state)
{
	static const struct {
		const char *to;
		int64_t later_ms;
		bool want;
	} rows[] = {
	    {"192.0.2.1", 0, true},
	    {"192.0.2.1", 60000, true},
	    {"192.0.2.1", 60001, false},
	    {"192.0.2.1", -5000, true},
	    {"192.0.2.1", -5001, false},
	    {"192.0.2.2", 0, false},
	};
	char text[NONCE_TEXT_LEN];
	struct span n = mint(text, DIGEST_SHA512_256, "anything", "192.0.2.1", START);
	struct addr a = ip("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr to = ip(rows[i].to);
		usec_t wall = (usec_t)((int64_t)START + rows[i].later_ms * (int64_t)USEC_MS);

		assert_int_equal(nonce_was_given_to(&keys, n, &to, wall, LIFETIME), rows[i].want);
	}
	for (size_t i = 0; i < NONCE_TEXT_LEN; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		assert_false(nonce_was_given_to(&keys, n, &a, START, LIFETIME));
		text[i] = was;
	}
	assert_false(
	    nonce_was_given_to(&keys, span_of(text, NONCE_TEXT_LEN - 1), &a, START, LIFETIME));
	assert_true(nonce_was_given_to(&keys, n, &a, START, LIFETIME));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verdicts),
	    cmocka_unit_test(ipv6_source_is_its_64),
	    cmocka_unit_test(given_to),
	    cmocka_unit_test(forged),
	    cmocka_unit_test(another_key_forges_nothing),
	    cmocka_unit_test(rotation),
	    cmocka_unit_test(saving),
	    cmocka_unit_test(never_twice),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
