/* SPDX-License-Identifier: MIT
 *
 * The writer into fixed memory, and the codecs that write with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rng.h"

static void assert_text(const struct buf *b, const char *want)
{
	assert_true(span_eq(buf_span(b), span_str(want)));
}

static void test_append(void **state)
{
	char mem[8];
	struct buf b = BUF(mem);

	(void)state;
	buf_add_lit(&b, "abc");
	buf_add_span(&b, span_of(NULL, 0));
	buf_add_char(&b, 'd');
	assert_text(&b, "abcd");
	buf_add_lit(&b, "12345");
	assert_true(b.overflow);
	assert_text(&b, "abcd");
	buf_add_lit(&b, "1234"); /* still fits, but the overflow stays */
	assert_text(&b, "abcd1234");
	assert_true(b.overflow);
	assert_false(buf_terminate(&b));
	b = buf_of(NULL, 0);
	buf_add(&b, NULL, 0);
	assert_false(b.overflow);
	buf_add_char(&b, 'x');
	assert_true(b.overflow);
}

static void test_terminate(void **state)
{
	char mem[4] = {'x', 'x', 'x', 'x'};
	struct buf b = BUF(mem);

	(void)state;
	buf_add_lit(&b, "abc");
	assert_true(buf_terminate(&b));
	assert_string_equal(mem, "abc");
	assert_int_equal(b.n, 3);
	buf_add_char(&b, 'd');
	assert_false(buf_terminate(&b));
	assert_false(b.overflow);
}

static void test_numbers(void **state)
{
	char mem[64];
	struct buf b = BUF(mem);

	(void)state;
	buf_add_u64(&b, 0);
	buf_add_char(&b, ' ');
	buf_add_u64(&b, 1000);
	buf_add_char(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	assert_text(&b, "0 1000 18446744073709551615");
	b = buf_of(mem, 2);
	buf_add_u64(&b, 100);
	assert_true(b.overflow && b.n == 0);
}

static void test_printf(void **state)
{
	char mem[6];
	struct buf b = BUF(mem);

	(void)state;
	buf_addf(&b, "%d", 12345);
	assert_text(&b, "12345");
	assert_false(b.overflow);
	buf_addf(&b, "%s", "");
	assert_false(b.overflow);
	buf_addf(&b, "%d", 1);
	assert_true(b.overflow);
	assert_int_equal(b.n, 5);
	b = buf_of(NULL, 0);
	buf_addf(&b, "%s", "");
	assert_false(b.overflow);
}

static void test_escaped(void **state)
{
	static const struct {
		struct span in;
		size_t max;
		const char *out;
	} rows[] = {
	    {SPAN("plain text~"), 99, "plain text~"},
	    {SPAN("a\r\nb"), 99, "a\\x0d\\x0ab"},
	    {SPAN("back\\slash"), 99, "back\\\\slash"},
	    {SPAN("\x00\x1b\x7f\xff"), 99, "\\x00\\x1b\\x7f\\xff"},
	    {SPAN("abcdef"), 3, "abc..."},
	    {SPAN("abc"), 3, "abc"},
	    {SPAN("abc"), 0, "..."},
	    {SPAN(""), 0, ""},
	};
	char mem[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF(mem);

		buf_add_escaped(&b, rows[i].in, rows[i].max);
		assert_text(&b, rows[i].out);
	}
}

static void test_hex(void **state)
{
	static const struct span bad[] = {SPAN("0"), SPAN("0g"), SPAN("000"), SPAN("0x"),
	    SPAN(" 0"), SPAN("/:"), SPAN("@`"), SPAN("")};
	uint8_t bytes[256], back[256];
	char mem[513];
	struct buf b = BUF(mem);

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	buf_add_hex(&b, bytes, sizeof(bytes));
	assert_int_equal(b.n, 512);
	assert_true(span_eq(span_of(mem + 2 * 0xab, 2), SPAN("ab")));
	assert_true(hex_decode(buf_span(&b), back, sizeof(back)));
	assert_memory_equal(bytes, back, sizeof(bytes));
	buf_add_hex(&b, bytes, 1);
	assert_true(b.overflow && b.n == 512);
	assert_true(hex_decode(SPAN("aBCd"), back, 2));
	assert_int_equal(back[0], 0xab);
	assert_int_equal(back[1], 0xcd);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		back[0] = 0x55;
		assert_false(hex_decode(bad[i], back, 1));
		assert_int_equal(back[0], 0x55);
	}
	assert_true(hex_decode(SPAN(""), back, 0));
}

/* Every octet at every place of texts shorter and longer than a word. */
static void test_hex_digits(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	uint8_t back[12];
	char text[24];

	(void)state;
	assert_true(hex_is(SPAN("")));
	for (size_t n = 1; n <= sizeof(text); n++) {
		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				bool is = c && strchr(digits, c);

				memset(text, '7', sizeof(text));
				text[at] = (char)c;
				assert_int_equal(hex_is(span_of(text, n)), is);
				assert_int_equal(
				    hex_decode(span_of(text, n), back, n / 2), is && n % 2 == 0);
			}
		}
		text[n - 1] = 'b';
		memset(back, 0x55, sizeof(back));
		if (n % 2)
			continue;
		assert_true(hex_decode(span_of(text, n), back, n / 2));
		assert_int_equal(back[n / 2 - 1], 0x7b);
		assert_true(n == 24 || back[n / 2] == 0x55);
	}
}

/* RFC 4648 §10, and the alphabet's own characters. */
static void test_base64url_vectors(void **state)
{
	static const struct {
		struct span bytes;
		const char *text;
	} rows[] = {
	    {SPAN(""), ""},
	    {SPAN("f"), "Zg"},
	    {SPAN("fo"), "Zm8"},
	    {SPAN("foo"), "Zm9v"},
	    {SPAN("foob"), "Zm9vYg"},
	    {SPAN("fooba"), "Zm9vYmE"},
	    {SPAN("foobar"), "Zm9vYmFy"},
	    {SPAN("\xfb\xff\xbf"), "-_-_"},
	    {SPAN("\x00"), "AA"},
	};
	char mem[16], back[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF(mem);
		size_t n = rows[i].bytes.n;

		buf_add_base64url(&b, rows[i].bytes.p, n);
		assert_text(&b, rows[i].text);
		assert_int_equal(base64url_decode(buf_span(&b), back, n), (long)n);
		assert_memory_equal(back, rows[i].bytes.p, n);
		if (n == 0)
			continue;
		assert_int_equal(base64url_decode(buf_span(&b), back, n - 1), -1);
		b = buf_of(mem, b.n - 1);
		buf_add_base64url(&b, rows[i].bytes.p, n);
		assert_true(b.overflow && b.n == 0);
	}
}

/* One value has one spelling: of all texts of two and three characters, exactly 2^8 and 2^16 are
 * accepted, and each decodes to what encodes back to it. */
static void test_base64url_canonical(void **state)
{
	size_t two = 0, three = 0;

	(void)state;
	for (unsigned v = 0; v < 1u << 24; v++) {
		char text[3] = {(char)(v >> 16), (char)(v >> 8), (char)v}, mem[4];
		uint8_t out[2];
		struct buf b = BUF(mem);
		size_t n = v < 1u << 16 ? 2 : 3;
		long got;

		/* The third of three walks the alphabet's neighbourhood only, for time's sake. */
		if (n == 3 && ((v >> 16) < 'A' || (v >> 16) > 'D'))
			continue;
		got = base64url_decode(span_of(text + 3 - n, n), out, sizeof(out));
		if (got < 0)
			continue;
		assert_int_equal(got, n - 1);
		buf_add_base64url(&b, out, n - 1);
		assert_true(span_eq(buf_span(&b), span_of(text + 3 - n, n)));
		*(n == 2 ? &two : &three) += 1;
	}
	assert_int_equal(two, 1 << 8);
	assert_int_equal(three, 4 * 64 * 16); /* four first letters of 64 */
}

static void test_base64url_refused(void **state)
{
	static const char *const rows[] = {"A", "AAAAA", "Zg=", "Zg==", "Zh", "Zm9", "Zm8=", "Zm 9",
	    "Zm9v\n", "+/+/", "Zm9.", "\xc3\xa9zz"};
	char out[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(base64url_decode(span_str(rows[i]), out, sizeof(out)), -1);
}

static void test_base64url_round_trip(void **state)
{
	struct rng rng;
	uint8_t bytes[100], back[100];
	char mem[140];

	(void)state;
	rng_init_seed(&rng, 7);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		struct buf b = BUF(mem);

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)rng_u64(&rng);
		buf_add_base64url(&b, bytes, n);
		assert_int_equal(base64url_decode(buf_span(&b), back, sizeof(back)), (long)n);
		assert_memory_equal(bytes, back, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_append),
	    cmocka_unit_test(test_terminate),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_printf),
	    cmocka_unit_test(test_escaped),
	    cmocka_unit_test(test_hex),
	    cmocka_unit_test(test_hex_digits),
	    cmocka_unit_test(test_base64url_vectors),
	    cmocka_unit_test(test_base64url_canonical),
	    cmocka_unit_test(test_base64url_refused),
	    cmocka_unit_test(test_base64url_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
