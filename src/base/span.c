/* SPDX-License-Identifier: MIT */
#include "base/span.h"

static uint64_t load8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t load4(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Eight octets in lower case: the sums carry into the high bit of an octet exactly when it is at
 * least 'A', and beyond 'Z'. */
static inline uint64_t lower8(uint64_t x)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = x & each * 0x7f;
	uint64_t upper = ((low + each * (0x80 - 'A')) ^ (low + each * (0x7f - 'Z'))) & ~x;

	return x | (upper & each * 0x80) >> 2;
}

static inline bool ieq8(uint64_t x, uint64_t y)
{
	/* Letters that differ in case differ in one bit, and mostly nothing does. */
	return x == y || (((x ^ y) & ~UINT64_C(0x2020202020202020)) == 0 && lower8(x) == lower8(y));
}

void ascii_lower_copy(char *out, const char *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8, out += 8) {
		uint64_t v = lower8(load8(p));

		memcpy(out, &v, sizeof(v));
	}
	for (; n; n--)
		*out++ = (char)ascii_lower((unsigned char)*p++);
}

/* Up to three octets. */
static uint64_t load_few(const char *p, size_t n)
{
	return (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
	       (uint64_t)(unsigned char)p[n - 1] << 16;
}

bool ascii_ieq(const char *a, const char *b, size_t n)
{
	/* In words; the last one may overlap the one before. */
	if (n >= 8) {
		for (size_t i = 0; i < n - 8; i += 8)
			if (!ieq8(load8(a + i), load8(b + i)))
				return false;
		return ieq8(load8(a + n - 8), load8(b + n - 8));
	}
	if (n >= 4)
		return ieq8(load4(a) | load4(a + n - 4) << 32, load4(b) | load4(b + n - 4) << 32);
	return n == 0 || ieq8(load_few(a, n), load_few(b, n));
}

size_t span_find(struct span s, char c)
{
	const char *p = s.n ? memchr(s.p, c, s.n) : NULL;

	return p ? (size_t)(p - s.p) : s.n;
}

bool span_cut(struct span *rest, char sep, struct span *out_head)
{
	size_t at = span_find(*rest, sep);
	bool found = at < rest->n;

	*out_head = span_of(rest->p, at);
	*rest = found ? span_of(rest->p + at + 1, rest->n - at - 1) : span_of(rest->p + rest->n, 0);
	return found;
}

enum err span_to_u64(struct span s, uint64_t max, uint64_t *out_v)
{
	uint64_t v = 0;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]))
			return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) || v > max)
			return ERR_RANGE;
	}
	*out_v = v;
	return OK;
}

enum err span_to_u32(struct span s, uint32_t max, uint32_t *out_v)
{
	uint64_t v;
	enum err e = span_to_u64(s, max, &v);

	if (e == OK)
		*out_v = (uint32_t)v;
	return e;
}

bool span_eq_secret(struct span a, struct span b)
{
	unsigned char diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= (unsigned char)(a.p[i] ^ b.p[i]);
	/* The compiler must not turn the loop into an early exit. */
	__asm__ volatile("" : "+r"(diff));
	return diff == 0;
}
