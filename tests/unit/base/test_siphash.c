/* SPDX-License-Identifier: MIT
 *
 * SipHash against the authors' vectors (key 00..0f, message 00..n-1) and, at other rounds, lengths
 * and keys, against OpenSSL's; the generator that is built on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/attr.h"
#include "base/rng.h"

static const struct siphash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)i;
}

static void test_reference_64(void **state)
{
	static const struct {
		size_t n;
		uint64_t h;
	} rows[] = {
	    {0, 0x726fdb47dd0e0e31ULL}, {1, 0x74f839c593dc67fdULL}, {2, 0x0d6c8009d9a94f5aULL},
	    {3, 0x85676696d7fb7e2dULL}, {8, 0x93f5f5799a932462ULL},
	    {15, 0xa129ca6149be45e5ULL}, /* the paper's own example, appendix A */
	};
	uint8_t msg[64];

	(void)state;
	fill(msg, sizeof(msg));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(siphash24(&key, msg, rows[i].n) == rows[i].h);
}

static void test_reference_128(void **state)
{
	static const uint8_t none[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6,
	    0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
	static const uint8_t one[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76,
	    0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
	uint8_t out[16], msg[1] = {0};

	(void)state;
	siphash24_128(&key, msg, 0, out);
	assert_memory_equal(out, none, 16);
	siphash24_128(&key, msg, 1, out);
	assert_memory_equal(out, one, 16);
}

/* OpenSSL's SipHash with the same key, rounds and size of output. */
static void oracle(const struct siphash_key *k, unsigned c, unsigned d, size_t size,
    const void *msg, size_t n, uint8_t *out)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_uint("c-rounds", &c),
	    OSSL_PARAM_construct_uint("d-rounds", &d),
	    OSSL_PARAM_construct_size_t("size", &size),
	    OSSL_PARAM_construct_end(),
	};
	uint8_t bytes[16];
	size_t got = 0;

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(k->k0 >> 8 * i);
		bytes[8 + i] = (uint8_t)(k->k1 >> 8 * i);
	}
	assert_true(EVP_MAC_init(ctx, bytes, sizeof(bytes), params));
	assert_true(EVP_MAC_update(ctx, msg, n));
	assert_true(EVP_MAC_final(ctx, out, &got, size));
	assert_int_equal(got, size);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

static void assert_hash(uint64_t h, const uint8_t *bytes)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal((uint8_t)(h >> 8 * i), bytes[i]);
}

static void test_against_openssl(void **state)
{
	uint8_t msg[301], want[16], got[16];
	struct rng rng;

	(void)state;
	rng_init_seed(&rng, 3);
	for (size_t n = 0; n < sizeof(msg); n++) {
		struct siphash_key k = {rng_u64(&rng), rng_u64(&rng)};

		for (size_t i = 0; i < n; i++)
			msg[i] = (uint8_t)rng_u64(&rng);
		oracle(&k, 2, 4, 16, msg, n, want);
		siphash24_128(&k, msg, n, got);
		assert_memory_equal(got, want, 16);
		oracle(&k, 1, 3, 16, msg, n, want);
		siphash13_128(&k, msg, n, got);
		assert_memory_equal(got, want, 16);
		oracle(&k, 2, 4, 8, msg, n, want);
		assert_hash(siphash24(&k, msg, n), want);
		oracle(&k, 1, 3, 8, msg, n, want);
		assert_hash(siphash13(&k, msg, n), want);
		/* At any alignment. */
		memmove(msg + 1, msg, n < 300 ? n : 300);
		assert_hash(siphash13(&k, msg + 1, n < 300 ? n : 0),
		    n < 300 ? want : (oracle(&k, 1, 3, 8, msg, 0, want), want));
	}
}

static void test_rng(void **state)
{
	struct rng a, b;
	unsigned seen[10] = {0};
	uint8_t bytes[64] = {0}, zero[64] = {0};

	(void)state;
	rng_init_seed(&a, 1);
	rng_init_seed(&b, 1);
	for (int i = 0; i < 100; i++)
		assert_true(rng_u64(&a) == rng_u64(&b));
	rng_init_seed(&b, 2);
	assert_true(rng_u64(&a) != rng_u64(&b));
	for (int i = 0; i < 10000; i++)
		seen[rng_below(&a, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(seen[i], 850, 1150);
	for (int i = 0; i < 100; i++)
		assert_int_equal(rng_below(&a, 1), 0);
	assert_int_equal(rng_init(&a), OK);
	assert_int_equal(rng_init(&b), OK);
	assert_true(rng_u64(&a) != rng_u64(&b));
	assert_int_equal(rng_system(bytes, sizeof(bytes)), OK);
	assert_memory_not_equal(bytes, zero, sizeof(bytes));
	assert_int_equal(rng_system(NULL, 0), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reference_64),
	    cmocka_unit_test(test_reference_128),
	    cmocka_unit_test(test_against_openssl),
	    cmocka_unit_test(test_rng),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
