/* SPDX-License-Identifier: MIT
 *
 * The JSON writer; whatever it writes, jansson must read, and read the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/json.h"
#include "base/rng.h"

static void assert_text(const struct buf *b, const char *want)
{
	assert_true(span_eq(buf_span(b), span_str(want)));
}

static void write_sample(struct json *j)
{
	json_object_begin(j);
	json_put_str(j, "a", SPAN("x"));
	json_put_u64(j, "b", UINT64_MAX);
	json_put_i64(j, "c", INT64_MIN);
	json_put_bool(j, "d", true);
	json_put_cstr(j, "e", NULL);
	json_key(j, "f");
	json_array_begin(j);
	json_u64(j, 1);
	json_object_begin(j);
	json_object_end(j);
	json_array_begin(j);
	json_array_end(j);
	json_bool(j, false);
	json_array_end(j);
	json_key_span(j, SPAN("g\""));
	json_object_begin(j);
	json_key(j, "h");
	json_milli(j, -1050);
	json_object_end(j);
	json_object_end(j);
}

static const char sample[] =
    "{\"a\":\"x\",\"b\":18446744073709551615,\"c\":-9223372036854775808,\"d\":true,\"e\":null,"
    "\"f\":[1,{},[],false],\"g\\\"\":{\"h\":-1.05}}";

static void test_structure(void **state)
{
	char mem[256];
	struct buf b = BUF(mem);
	struct json j;

	(void)state;
	json_init(&j, &b);
	assert_false(json_ok(&j));
	write_sample(&j);
	assert_true(json_ok(&j));
	assert_text(&b, sample);
}

/* At every size of the buffer: either all of it, or an overflow and no half number behind it. */
static void test_overflow(void **state)
{
	char mem[256];

	(void)state;
	for (size_t cap = 0; cap <= sizeof(sample); cap++) {
		struct buf b = buf_of(mem, cap);
		struct json j;

		json_init(&j, &b);
		write_sample(&j);
		assert_int_equal(json_ok(&j), cap >= sizeof(sample) - 1);
		assert_true(b.n <= cap);
		assert_memory_equal(mem, sample, b.n);
	}
}

static void test_strings(void **state)
{
	static const struct {
		struct span in;
		const char *out; /* without the quotes */
	} rows[] = {
	    {SPAN(""), ""},
	    {SPAN("plain ~!/'<>&"), "plain ~!/'<>&"},
	    {SPAN("a\"b\\c"), "a\\\"b\\\\c"},
	    {SPAN("\x00\x01\t\n\r\x1f"), "\\u0000\\u0001\\u0009\\u000a\\u000d\\u001f"},
	    {SPAN("\x1b[31m\x7f"), "\\u001b[31m\\u007f"},
	    {SPAN("caf\xc3\xa9"), "caf\xc3\xa9"},
	    {SPAN("\xe2\x82\xac \xf0\x9f\x93\x9e"), "\xe2\x82\xac \xf0\x9f\x93\x9e"},
	    {SPAN("\xc2\x9b"
		  "31m"),
		"\\u009b31m"}, /* C1 CSI */
	    {SPAN("\xc2\xa0"), "\xc2\xa0"},
	    {SPAN("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029"},
	    {SPAN("\xe2\x80\xa7"), "\xe2\x80\xa7"},
	    {SPAN("\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9"), "\\u202e\\u2066\\u2069"}, /* bidi */
	    {SPAN("\xd8\x9c\xef\xbb\xbf\xe2\x80\x8b"), "\\u061c\\ufeff\\u200b"},
	    {SPAN("\xd8\x9b\xef\xbb\xbe\xe2\x80\x8a\xe2\x81\x9f"),
		"\xd8\x9b\xef\xbb\xbe\xe2\x80\x8a\xe2\x81\x9f"},
	    {SPAN("\xff\xfe"), "\\u00ff\\u00fe"},
	    {SPAN("\x80"), "\\u0080"},
	    {SPAN("\xc3"), "\\u00c3"},            /* cut short */
	    {SPAN("\xe2\x82"), "\\u00e2\\u0082"}, /* cut short */
	    {SPAN("\xf0\x9f\x93"), "\\u00f0\\u009f\\u0093"},
	    {SPAN("\xc0\xaf"), "\\u00c0\\u00af"},            /* overlong slash */
	    {SPAN("\xe0\x9f\xbf"), "\\u00e0\\u009f\\u00bf"}, /* overlong */
	    {SPAN("\xf0\x8f\xbf\xbf"), "\\u00f0\\u008f\\u00bf\\u00bf"},
	    {SPAN("\xed\xa0\x80"), "\\u00ed\\u00a0\\u0080"}, /* surrogate */
	    {SPAN("\xed\x9f\xbf"), "\xed\x9f\xbf"},
	    {SPAN("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf"}, /* U+10FFFF */
	    {SPAN("\xf4\x90\x80\x80"), "\\u00f4\\u0090\\u0080\\u0080"},
	    {SPAN("\xf5\x80\x80\x80"), "\\u00f5\\u0080\\u0080\\u0080"},
	    {SPAN("\xc3\x28"), "\\u00c3("},
	    {SPAN("\xe2\x28\xa1"), "\\u00e2(\\u00a1"},
	};
	char mem[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF(mem);
		struct json j;

		json_init(&j, &b);
		json_str(&j, rows[i].in);
		assert_true(json_ok(&j));
		assert_true(span_eq(span_of(mem + 1, b.n - 2), span_str(rows[i].out)));
	}
}

/* Strings of random bytes, in random nesting, are read back by another implementation. */
static void test_read_by_jansson(void **state)
{
	struct rng rng;
	char text[64], mem[2048];

	(void)state;
	rng_init_seed(&rng, 8);
	for (int round = 0; round < 20000; round++) {
		struct buf b = BUF(mem);
		struct json j;
		json_t *got;
		size_t n = rng_below(&rng, sizeof(text));

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(rng_below(&rng, 3) ? rng_u64(&rng)
							    : 0xe0 | (rng_u64(&rng) & 31));
		json_init(&j, &b);
		json_object_begin(&j);
		json_put_str(&j, "s", span_of(text, n));
		json_key_span(&j, span_of(text, n));
		json_milli(&j, (int64_t)rng_u64(&rng));
		json_object_end(&j);
		assert_true(json_ok(&j));
		for (size_t i = 0; i < b.n; i++)
			assert_true((unsigned char)mem[i] >= 0x20 && mem[i] != 0x7f);
		got = json_loadb(mem, b.n, JSON_ALLOW_NUL, NULL);
		if (!got) /* jansson takes no NUL in names */
			assert_non_null(memchr(text, 0, n));
		json_decref(got);
	}
}

static void test_milli(void **state)
{
	static const struct {
		int64_t v;
		const char *out;
	} rows[] = {
	    {0, "0"},
	    {1, "0.001"},
	    {10, "0.01"},
	    {100, "0.1"},
	    {1000, "1"},
	    {1500, "1.5"},
	    {1234567, "1234.567"},
	    {-20, "-0.02"},
	    {-1000, "-1"},
	    {INT64_MAX, "9223372036854775.807"},
	    {INT64_MIN, "-9223372036854775.808"},
	};
	char mem[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF(mem);
		struct json j;

		json_init(&j, &b);
		json_milli(&j, rows[i].v);
		assert_true(json_ok(&j));
		assert_text(&b, rows[i].out);
	}
}

/* Wrong use is told, whatever was written. */
static void test_wrong_use(void **state)
{
	char mem[256];
	struct buf b;
	struct json j;

	(void)state;
#define FRESH() (b = BUF(mem), json_init(&j, &b))
	FRESH();
	json_u64(&j, 1);
	json_u64(&j, 2);
	assert_false(json_ok(&j));
	FRESH();
	json_object_begin(&j);
	json_u64(&j, 1); /* no key */
	json_object_end(&j);
	assert_false(json_ok(&j));
	FRESH();
	json_object_begin(&j);
	json_key(&j, "k");
	json_object_end(&j); /* no value */
	assert_false(json_ok(&j));
	FRESH();
	json_object_begin(&j);
	json_key(&j, "k");
	json_key(&j, "k");
	assert_false(json_ok(&j));
	FRESH();
	json_array_begin(&j);
	json_key(&j, "k");
	json_array_end(&j);
	assert_false(json_ok(&j));
	FRESH();
	json_array_begin(&j);
	json_object_end(&j);
	assert_false(json_ok(&j));
	FRESH();
	json_object_end(&j);
	assert_false(json_ok(&j));
	FRESH();
	json_array_begin(&j);
	assert_false(json_ok(&j)); /* not ended */
	FRESH();
	for (int i = 0; i < 100; i++)
		json_array_begin(&j);
	for (int i = 0; i < 100; i++)
		json_array_end(&j);
	assert_false(json_ok(&j));
	FRESH();
	for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
		json_array_begin(&j);
	for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
		json_array_end(&j);
	assert_true(json_ok(&j));
#undef FRESH
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_structure),
	    cmocka_unit_test(test_overflow),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_read_by_jansson),
	    cmocka_unit_test(test_milli),
	    cmocka_unit_test(test_wrong_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
