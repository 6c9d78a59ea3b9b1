/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void round_once(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void rounds(struct state *s, int n)
{
	for (int i = 0; i < n; i++)
		round_once(s);
}

static inline uint64_t load64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline uint64_t load32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

/* The n < 8 bytes at p in the low end of a word, without a loop. before: words in front of them. */
static inline uint64_t load_rest(const unsigned char *p, size_t n, size_t before)
{
	if (n == 0)
		return 0;
	if (before)
		return load64(p + n - 8) >> (64 - 8 * n);
	if (n >= 4)
		return load32(p) | load32(p + n - 4) << 8 * (n - 4);
	return p[0] | (uint64_t)p[n / 2] << 8 * (n / 2) | (uint64_t)p[n - 1] << 8 * (n - 1);
}

static inline void absorb(struct state *s, int c, const unsigned char *p, size_t n)
{
	uint64_t last = (uint64_t)n << 56;
	size_t before = n / 8;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t m = load64(p);

		s->v3 ^= m;
		rounds(s, c);
		s->v0 ^= m;
	}
	last |= load_rest(p, n, before);
	s->v3 ^= last;
	rounds(s, c);
	s->v0 ^= last;
}

static inline struct state start(const struct siphash_key *key)
{
	return (struct state){
	    key->k0 ^ 0x736f6d6570736575ULL,
	    key->k1 ^ 0x646f72616e646f6dULL,
	    key->k0 ^ 0x6c7967656e657261ULL,
	    key->k1 ^ 0x7465646279746573ULL,
	};
}

static inline uint64_t hash64(
    const struct siphash_key *key, int c, int d, const void *data, size_t n)
{
	struct state s = start(key);

	absorb(&s, c, data, n);
	s.v2 ^= 0xff;
	rounds(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash13(const struct siphash_key *key, const void *data, size_t n)
{
	return hash64(key, 1, 3, data, n);
}

uint64_t siphash24(const struct siphash_key *key, const void *data, size_t n)
{
	return hash64(key, 2, 4, data, n);
}

static inline void store64(uint8_t *out, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(out, &v, 8);
}

static inline void hash128(
    const struct siphash_key *key, int c, int d, const void *data, size_t n, uint8_t out[16])
{
	struct state s = start(key);

	s.v1 ^= 0xee;
	absorb(&s, c, data, n);
	s.v2 ^= 0xee;
	rounds(&s, d);
	store64(out, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
	s.v1 ^= 0xdd;
	rounds(&s, d);
	store64(out + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}

void siphash13_128(const struct siphash_key *key, const void *data, size_t n, uint8_t out[16])
{
	hash128(key, 1, 3, data, n, out);
}

void siphash24_128(const struct siphash_key *key, const void *data, size_t n, uint8_t out[16])
{
	hash128(key, 2, 4, data, n, out);
}
