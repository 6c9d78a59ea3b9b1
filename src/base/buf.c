/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>

static const char hex_digits[] = "0123456789abcdef";
static const char decimal_pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void buf_add_u64(struct buf *b, uint64_t v)
{
	char tmp[20];
	size_t at = sizeof(tmp);

	if (v < 10) {
		buf_add_char(b, (char)('0' + v));
		return;
	}
	for (; v >= 100; v /= 100)
		memcpy(tmp + (at -= 2), decimal_pairs + 2 * (v % 100), 2);
	if (v >= 10)
		memcpy(tmp + (at -= 2), decimal_pairs + 2 * v, 2);
	else
		tmp[--at] = (char)('0' + v);
	buf_add(b, tmp + at, sizeof(tmp) - at);
}

/* From or to the order of the text, its first octet lowest. */
static uint64_t little8(uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static uint32_t little4(uint32_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

#define EACH      UINT64_C(0x0101010101010101) /* times an octet: that in all eight */
#define EACH_PAIR UINT64_C(0x0001000100010001)

/* Eight digits of four bytes. */
static void hex8(char *o, const unsigned char *p)
{
	uint32_t bytes;
	uint64_t v;

	memcpy(&bytes, p, sizeof(bytes));
	v = little4(bytes);
	v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
	v = (v | v << 8) & EACH_PAIR * 255;
	/* One nibble in each octet; what is above 9 carries into its fifth bit. */
	v = (v >> 4 & EACH * 15) | (v & EACH_PAIR * 15) << 8;
	v = little8(v + EACH * '0' + ((v + EACH * 6) >> 4 & EACH) * ('a' - '0' - 10));
	memcpy(o, &v, sizeof(v));
}

void buf_add_hex(struct buf *b, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	char *o;

	if (n > (b->cap - b->n) / 2) {
		b->overflow = true;
		return;
	}
	if (n == 0)
		return;
	o = b->p + b->n;
	b->n += 2 * n;
	for (; n >= 4; n -= 4, p += 4, o += 8)
		hex8(o, p);
	for (; n; n--, p++) {
		*o++ = hex_digits[*p >> 4];
		*o++ = hex_digits[*p & 15];
	}
}

void buf_add_base64url(struct buf *b, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t need = n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
	char *o;

	if (need > b->cap - b->n) {
		b->overflow = true;
		return;
	}
	if (n == 0)
		return;
	for (o = b->p + b->n; n >= 3; n -= 3, p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		*o++ = b64_digits[v >> 18];
		*o++ = b64_digits[v >> 12 & 63];
		*o++ = b64_digits[v >> 6 & 63];
		*o++ = b64_digits[v & 63];
	}
	if (n) {
		uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);

		*o++ = b64_digits[v >> 18];
		*o++ = b64_digits[v >> 12 & 63];
		if (n == 2)
			*o++ = b64_digits[v >> 6 & 63];
	}
	b->n += need;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t room = b->cap - b->n;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room + (n == 0))
		b->overflow = true;
	else
		b->n += (size_t)n;
}

void buf_add_escaped(struct buf *b, struct span s, size_t max)
{
	size_t shown = MIN(s.n, max);

	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\') {
			buf_add_lit(b, "\\\\");
		} else if (c >= 0x20 && c < 0x7f) {
			buf_add_char(b, (char)c);
		} else {
			char esc[4] = {'\\', 'x', hex_digits[c >> 4], hex_digits[c & 15]};

			buf_add(b, esc, sizeof(esc));
		}
	}
	if (shown < s.n)
		buf_add_lit(b, "...");
}

bool buf_terminate(struct buf *b)
{
	if (b->overflow || b->n >= b->cap)
		return false;
	b->p[b->n] = '\0';
	return true;
}

/* Value of each digit of base64url, with the bit that says that it is one. */
#define B64_IS 0x80u
static const unsigned char b64_values[256] = {['A'] = B64_IS | 0,
    ['B'] = B64_IS | 1,
    ['C'] = B64_IS | 2,
    ['D'] = B64_IS | 3,
    ['E'] = B64_IS | 4,
    ['F'] = B64_IS | 5,
    ['G'] = B64_IS | 6,
    ['H'] = B64_IS | 7,
    ['I'] = B64_IS | 8,
    ['J'] = B64_IS | 9,
    ['K'] = B64_IS | 10,
    ['L'] = B64_IS | 11,
    ['M'] = B64_IS | 12,
    ['N'] = B64_IS | 13,
    ['O'] = B64_IS | 14,
    ['P'] = B64_IS | 15,
    ['Q'] = B64_IS | 16,
    ['R'] = B64_IS | 17,
    ['S'] = B64_IS | 18,
    ['T'] = B64_IS | 19,
    ['U'] = B64_IS | 20,
    ['V'] = B64_IS | 21,
    ['W'] = B64_IS | 22,
    ['X'] = B64_IS | 23,
    ['Y'] = B64_IS | 24,
    ['Z'] = B64_IS | 25,
    ['a'] = B64_IS | 26,
    ['b'] = B64_IS | 27,
    ['c'] = B64_IS | 28,
    ['d'] = B64_IS | 29,
    ['e'] = B64_IS | 30,
    ['f'] = B64_IS | 31,
    ['g'] = B64_IS | 32,
    ['h'] = B64_IS | 33,
    ['i'] = B64_IS | 34,
    ['j'] = B64_IS | 35,
    ['k'] = B64_IS | 36,
    ['l'] = B64_IS | 37,
    ['m'] = B64_IS | 38,
    ['n'] = B64_IS | 39,
    ['o'] = B64_IS | 40,
    ['p'] = B64_IS | 41,
    ['q'] = B64_IS | 42,
    ['r'] = B64_IS | 43,
    ['s'] = B64_IS | 44,
    ['t'] = B64_IS | 45,
    ['u'] = B64_IS | 46,
    ['v'] = B64_IS | 47,
    ['w'] = B64_IS | 48,
    ['x'] = B64_IS | 49,
    ['y'] = B64_IS | 50,
    ['z'] = B64_IS | 51,
    ['0'] = B64_IS | 52,
    ['1'] = B64_IS | 53,
    ['2'] = B64_IS | 54,
    ['3'] = B64_IS | 55,
    ['4'] = B64_IS | 56,
    ['5'] = B64_IS | 57,
    ['6'] = B64_IS | 58,
    ['7'] = B64_IS | 59,
    ['8'] = B64_IS | 60,
    ['9'] = B64_IS | 61,
    ['-'] = B64_IS | 62,
    ['_'] = B64_IS | 63};

static int b64_value(char c)
{
	unsigned v = b64_values[(unsigned char)c];

	return v & B64_IS ? (int)(v ^ B64_IS) : -1;
}

long base64url_decode(struct span s, void *out, size_t cap)
{
	size_t n = s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0), i = 0;
	unsigned char *o = out;
	unsigned all = B64_IS;
	int a, b, c;

	if (s.n % 4 == 1 || n > cap)
		return -1;
	for (; s.n - i >= 4; i += 4) {
		unsigned char w = b64_values[(unsigned char)s.p[i]];
		unsigned char x = b64_values[(unsigned char)s.p[i + 1]];
		unsigned char y = b64_values[(unsigned char)s.p[i + 2]];
		unsigned char z = b64_values[(unsigned char)s.p[i + 3]];
		uint32_t v = ((uint32_t)w << 18) + ((uint32_t)x << 12) + ((uint32_t)y << 6) + z;

		/* Their marks add up to what is the same for any four digits. */
		all &= w & x & y & z;
		v -= B64_IS << 18 | B64_IS << 12 | B64_IS << 6 | B64_IS;
		*o++ = (unsigned char)(v >> 16);
		*o++ = (unsigned char)(v >> 8);
		*o++ = (unsigned char)v;
	}
	if (!(all & B64_IS))
		return -1;
	if (i == s.n)
		return (long)n;
	a = b64_value(s.p[i]);
	b = b64_value(s.p[i + 1]);
	c = s.n - i == 3 ? b64_value(s.p[i + 2]) : 0;
	/* Spare bits must be zero, or one value would have several spellings. */
	if ((a | b | c) < 0 || (s.n - i == 3 ? c & 3 : b & 15))
		return -1;
	*o++ = (unsigned char)(a << 2 | b >> 4);
	if (s.n - i == 3)
		*o = (unsigned char)(b << 4 | c >> 2);
	return (long)n;
}

static uint64_t load_digits(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return little8(v);
}

/* The same of fewer than eight; the rest are the digit 0. */
static uint64_t load_few_digits(const char *p, size_t n)
{
	char text[8] = {'0', '0', '0', '0', '0', '0', '0', '0'};

	memcpy(text, p, n);
	return load_digits(text);
}

/* The high bit of each octet, all below 0x80, that lies within the bounds; other bits mean nothing.
 */
static uint64_t within(uint64_t x, unsigned char first, unsigned char last)
{
	return (x + EACH * (0x80u - first)) ^ (x + EACH * (0x7fu - last));
}

static bool are_digits(uint64_t x)
{
	uint64_t low = x & EACH * 0x7f;
	uint64_t digits = within(low, '0', '9') | within(low | EACH * 0x20, 'a', 'f');

	return (digits & ~x & EACH * 0x80) == EACH * 0x80;
}

bool hex_is(struct span s)
{
	for (; s.n >= 8; s = span_of(s.p + 8, s.n - 8))
		if (!are_digits(load_digits(s.p)))
			return false;
	return s.n == 0 || are_digits(load_few_digits(s.p, s.n));
}

/* Four bytes of eight digits, the first one lowest. */
static uint32_t value_of(uint64_t x)
{
	/* Letters are nine short in their low half. */
	x = (x & EACH * 15) + (x >> 6 & EACH) * 9;
	x = (x << 4 | x >> 8) & EACH_PAIR * 255;
	x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
	return little4((uint32_t)(x | x >> 16));
}

bool hex_decode(struct span s, void *out, size_t n)
{
	unsigned char *o = out;
	uint32_t v;

	if (s.n % 2 || s.n / 2 != n || !hex_is(s))
		return false;
	for (; n >= 4; n -= 4, o += 4, s = span_of(s.p + 8, s.n - 8)) {
		v = value_of(load_digits(s.p));
		memcpy(o, &v, sizeof(v));
	}
	if (n) {
		v = value_of(load_few_digits(s.p, s.n));
		memcpy(o, &v, n);
	}
	return true;
}
