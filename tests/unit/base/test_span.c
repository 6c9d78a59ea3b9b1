/* SPDX-License-Identifier: MIT
 *
 * Spans: comparing, cutting, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

static void test_equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool eq, ieq;
	} rows[] = {
	    {"", "", true, true},
	    {"a", "", false, false},
	    {"INVITE", "INVITE", true, true},
	    {"INVITE", "invite", false, true},
	    {"z9hG4bK", "Z9HG4BK", false, true},
	    {"[", "{", false, false}, /* 0x20 apart, but no letters */
	    {"@", "`", false, false},
	    {"\xc4", "\xe4", false, false}, /* not ASCII: no folding */
	    {"abc", "abd", false, false},
	    {"abc", "abcd", false, false},
	    {"Record-Route", "record-route", false, true}, /* longer than a word */
	    {"Record-Route", "record-routf", false, false},
	    {"Content-Encoding", "content-encodinG", false, true},
	    {"Content-Encoding", "content_encoding", false, false},
	    {"abcdefg[", "abcdefg{", false, false},
	    {"abcdefgh[", "abcdefgh{", false, false},
	    {"abcdefg\xc4", "abcdefg\xe4", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span a = span_str(rows[i].a), b = span_str(rows[i].b);

		assert_int_equal(span_eq(a, b), rows[i].eq);
		assert_int_equal(span_ieq(a, b), rows[i].ieq);
		assert_int_equal(span_eq_secret(a, b), rows[i].eq);
	}
	assert_true(span_eq(span_of(NULL, 0), SPAN("")));
	assert_true(span_ieq(span_of(NULL, 0), SPAN("")));
	assert_true(span_eq_secret(span_of(NULL, 0), SPAN("")));
	assert_int_equal(span_str(NULL).n, 0);
}

static void test_lower(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		int want = c >= 'A' && c <= 'Z' ? c + 32 : c;

		assert_int_equal(ascii_lower((unsigned char)c), want);
		assert_int_equal(ascii_is_digit((char)c), c >= '0' && c <= '9');
	}
}

/* Every pair of octets at every place of texts shorter and longer than a word. */
static void test_any_case(void **state)
{
	char a[20], b[20], low[20];

	(void)state;
	memset(a, 'x', sizeof(a));
	memset(b, 'X', sizeof(b));
	for (size_t n = 1; n <= sizeof(a); n++) {
		size_t at = n * 5 / 7;

		for (unsigned pair = 0; pair < 1u << 16; pair++) {
			unsigned char x = (unsigned char)(pair >> 8), y = (unsigned char)pair;

			a[at] = (char)x;
			b[at] = (char)y;
			if (span_ieq(span_of(a, n), span_of(b, n)) !=
			    (ascii_lower(x) == ascii_lower(y)))
				fail_msg("%02x and %02x at %zu of %zu", x, y, at, n);
		}
		for (unsigned c = 0; c < 256; c++) {
			b[at] = (char)c;
			ascii_lower_copy(low, b, n);
			assert_int_equal((unsigned char)low[at], ascii_lower((unsigned char)c));
			assert_int_equal(low[0], at ? 'x' : (char)ascii_lower((unsigned char)c));
		}
		a[at] = 'x';
		b[at] = 'X';
	}
}

static void test_starts(void **state)
{
	(void)state;
	assert_true(span_starts(SPAN("sip:alice"), SPAN("sip:")));
	assert_true(span_starts(SPAN("sip:"), SPAN("sip:")));
	assert_true(span_starts(SPAN("x"), SPAN("")));
	assert_false(span_starts(SPAN("sip"), SPAN("sip:")));
	assert_false(span_starts(SPAN("SIP:alice"), SPAN("sip:")));
	assert_true(span_istarts(SPAN("SIP:alice"), SPAN("sip:")));
	assert_false(span_istarts(SPAN(""), SPAN("s")));
}

static void test_trim(void **state)
{
	static const char *const rows[][2] = {
	    {"", ""}, {" ", ""}, {" \t\r\n ", ""}, {"a", "a"}, {"  a b\t", "a b"}, {"\r\n a", "a"},
	    {"\v a", "\v a"}, /* no LWS */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(span_eq(span_trim(span_str(rows[i][0])), span_str(rows[i][1])));
	assert_int_equal(span_trim(span_of(NULL, 0)).n, 0);
}

static void test_cut(void **state)
{
	struct span rest = SPAN("a,,b"), head;

	(void)state;
	assert_true(span_cut(&rest, ',', &head));
	assert_true(span_eq(head, SPAN("a")) && span_eq(rest, SPAN(",b")));
	assert_true(span_cut(&rest, ',', &head));
	assert_true(span_eq(head, SPAN("")) && span_eq(rest, SPAN("b")));
	assert_false(span_cut(&rest, ',', &head));
	assert_true(span_eq(head, SPAN("b")) && rest.n == 0);
	assert_false(span_cut(&rest, ',', &head));
	assert_true(head.n == 0 && rest.n == 0);
	rest = SPAN("x,");
	assert_true(span_cut(&rest, ',', &head));
	assert_true(span_eq(head, SPAN("x")) && rest.n == 0);
	rest = span_of(NULL, 0);
	assert_false(span_cut(&rest, ',', &head));
	assert_int_equal(span_find(SPAN("abcb"), 'b'), 1);
	assert_int_equal(span_find(SPAN("abc"), 'x'), 3);
	assert_int_equal(span_find(span_of(NULL, 0), 'x'), 0);
	assert_int_equal(span_find(span_of("a\0b", 3), '\0'), 1);
	rest = SPAN("abc");
	assert_true(span_eq(span_from(rest, rest.p + 1), SPAN("bc")));
	assert_int_equal(span_from(rest, rest.p + 3).n, 0);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		enum err err;
		uint64_t value;
	} rows[] = {
	    {"0", 0, OK, 0},
	    {"1", 0, ERR_RANGE, 0},
	    {"9", 8, ERR_RANGE, 0},
	    {"9", 9, OK, 9},
	    {"10", 9, ERR_RANGE, 0},
	    {"007", 7, OK, 7},
	    {"65535", 65535, OK, 65535},
	    {"65536", 65535, ERR_RANGE, 0},
	    {"2147483647", 2147483647, OK, 2147483647},
	    {"18446744073709551615", UINT64_MAX, OK, UINT64_MAX},
	    {"18446744073709551616", UINT64_MAX, ERR_RANGE, 0},
	    {"99999999999999999999999999", UINT64_MAX, ERR_RANGE, 0},
	    {"000000000000000000000000000000001", 1, OK, 1},
	    {"", 9, ERR_SYNTAX, 0},
	    {"+1", 9, ERR_SYNTAX, 0},
	    {"-1", 9, ERR_SYNTAX, 0},
	    {" 1", 9, ERR_SYNTAX, 0},
	    {"1 ", 9, ERR_SYNTAX, 0},
	    {"0x1", 99, ERR_SYNTAX, 0},
	    {"99999999999999999999999999x", UINT64_MAX, ERR_SYNTAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 4711;
		uint32_t w = 4711;

		assert_int_equal(span_to_u64(span_str(rows[i].text), rows[i].max, &v), rows[i].err);
		assert_int_equal(v, rows[i].err == OK ? rows[i].value : 4711);
		if (rows[i].max > UINT32_MAX)
			continue;
		assert_int_equal(
		    span_to_u32(span_str(rows[i].text), (uint32_t)rows[i].max, &w), rows[i].err);
		assert_int_equal(w, rows[i].err == OK ? rows[i].value : 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equality),
	    cmocka_unit_test(test_lower),
	    cmocka_unit_test(test_any_case),
	    cmocka_unit_test(test_starts),
	    cmocka_unit_test(test_trim),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
