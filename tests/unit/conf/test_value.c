/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/value.h"

#define BAD UINT64_MAX

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t us;
	} rows[] = {
	    {"500ms", 500 * USEC_MS},
	    {"0s", 0},
	    {"30s", 30 * USEC_SEC},
	    {"5m", 5 * USEC_MIN},
	    {"2h", 120 * USEC_MIN},
	    {"1d", 24 * 60 * USEC_MIN},
	    {"007s", 7 * USEC_SEC},
	    {"100000000d", 100000000 * (24 * 60 * USEC_MIN)},
	    {"", BAD},
	    {"s", BAD},
	    {"5", BAD},
	    {"5 s", BAD},
	    {"5S", BAD},
	    {"5sec", BAD},
	    {"+5s", BAD},
	    {"-5s", BAD},
	    {"1h30m", BAD},
	    {"1.5h", BAD},
	    {"18446744073709551616ms", BAD},
	    {"9223372036854775807d", BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = BAD;
		value_error e = value_duration(span_str(rows[i].text), &v);

		assert_true((e != NULL) == (rows[i].us == BAD));
		assert_int_equal(v, rows[i].us); /* untouched where it is bad */
	}
}

static void test_sizes_and_counts(void **state)
{
	static const struct {
		const char *text;
		uint64_t size, count;
	} rows[] = {
	    {"1500", 1500, 1500},
	    {"0", 0, 0},
	    {"1B", 1, BAD},
	    {"64KiB", 65536, BAD},
	    {"1MiB", 1048576, BAD},
	    {"2GiB", 2147483648, BAD},
	    {"9223372036854775807", INT64_MAX, INT64_MAX},
	    {"9223372036854775808", BAD, BAD},
	    {"8589934591GiB", (uint64_t)8589934591 * 1073741824, BAD},
	    {"8589934592GiB", BAD, BAD},
	    {"64KB", BAD, BAD},
	    {"64K", BAD, BAD},
	    {"64 KiB", BAD, BAD},
	    {"KiB", BAD, BAD},
	    {"0x10", BAD, BAD},
	    {"1_000", BAD, BAD},
	    {"1e3", BAD, BAD},
	    {"", BAD, BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t size = BAD, count = BAD;
		value_error es = value_size(span_str(rows[i].text), &size);
		value_error ec = value_count(span_str(rows[i].text), &count);

		assert_true((es != NULL) == (rows[i].size == BAD));
		assert_true((ec != NULL) == (rows[i].count == BAD));
		assert_int_equal(size, rows[i].size);
		assert_int_equal(count, rows[i].count);
	}
}

static void test_rates(void **state)
{
	static const struct {
		const char *text, *error;
		struct rate rate;
	} rows[] = {
	    {"10/s", NULL, {10, USEC_SEC}},
	    {"5/m", NULL, {5, USEC_MIN}},
	    {"100/h", NULL, {100, 60 * USEC_MIN}},
	    {"10/x", "unit must be s, m or h", {0, 0}},
	    {"10/ms", "unit must be s, m or h", {0, 0}},
	    {"10/d", "unit must be s, m or h", {0, 0}},
	    {"10/", "unit must be s, m or h", {0, 0}},
	    {"10", "must be a rate, like 10/s, 5/m or 100/h", {0, 0}},
	    {"/s", "must be a rate, like 10/s, 5/m or 100/h", {0, 0}},
	    {"4294967296/s", "must be a rate, like 10/s, 5/m or 100/h", {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rate r = {0, 0};
		value_error e = value_rate(span_str(rows[i].text), &r);

		assert_true((e != NULL) == (rows[i].error != NULL));
		if (e)
			assert_string_equal(e, rows[i].error);
		assert_int_equal(r.events, rows[i].rate.events);
		assert_int_equal(r.window, rows[i].rate.window);
	}
}

static void test_hosts(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
	    {"example.com", true},
	    {"a", true},
	    {"xn--bcher-kva.example", true},
	    {"3com.example", true},
	    {"192.0.2.1", true},
	    {"[2001:db8::1]", true},
	    {"2001:db8::1", false},
	    {"192.0.2.256", false},
	    {"192.0.2", false},
	    {"example.com.", false},
	    {".example.com", false},
	    {"a..b", false},
	    {"-a.b", false},
	    {"a-.b", false},
	    {"a_b.example", false},
	    {"b\xc3\xbc.example", false},
	    {"", false},
	    {"[::1", false},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", true},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true((value_host(span_str(rows[i].text)) == NULL) == rows[i].ok);
}

static void test_listens_and_targets(void **state)
{
	static const struct {
		const char *text;
		bool listen, target;
		enum transport transport;
		uint16_t port;
	} rows[] = {
	    {"udp:192.0.2.1:5060", true, false, TRANSPORT_UDP, 5060},
	    {"tcp:[::1]:65535", true, false, TRANSPORT_TCP, 65535},
	    {"udp:[::]:1", true, false, TRANSPORT_UDP, 1},
	    {"UDP:192.0.2.1:5060", false, false, TRANSPORT_NONE, 0},
	    {"udp:192.0.2.1:05060x", false, false, TRANSPORT_NONE, 0},
	    {"udp::5060", false, false, TRANSPORT_NONE, 0},
	    {"udp:*:5060", false, false, TRANSPORT_NONE, 0},
	    {"udp:", false, false, TRANSPORT_NONE, 0},
	    {"udp", false, false, TRANSPORT_NONE, 0},
	    {"sip:192.0.2.1", false, true, TRANSPORT_UDP, 5060},
	    {"sip:192.0.2.1:5070;transport=udp", false, true, TRANSPORT_UDP, 5070},
	    {"SIP:[2001:db8::1];Transport=TCP", false, true, TRANSPORT_TCP, 5060},
	    {"sip:192.0.2.1;transport=tls", false, false, TRANSPORT_NONE, 0},
	    {"sip:192.0.2.1;", false, false, TRANSPORT_NONE, 0},
	    {"sip:192.0.2.1:", false, false, TRANSPORT_NONE, 0},
	    {"sip:2001:db8::1", false, false, TRANSPORT_NONE, 0},
	    {"sip:192.0.2.1?subject=x", false, false, TRANSPORT_NONE, 0},
	    {"sip:", false, false, TRANSPORT_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = {.port = 0};
		enum transport t = TRANSPORT_NONE;

		assert_true(
		    (value_listen(span_str(rows[i].text), &t, &a) == NULL) == rows[i].listen);
		if (!rows[i].listen)
			assert_true((value_target(span_str(rows[i].text), &t, &a) == NULL) ==
				    rows[i].target);
		assert_int_equal(t, rows[i].transport);
		assert_int_equal(a.port, rows[i].port);
	}
}

static void test_written_as_read(void **state)
{
	static const char *const durations[] = {"500ms", "90s", "5m", "2h", "1d", "0s"};
	static const char *const sizes[] = {"1500", "64KiB", "1MiB", "3GiB"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		struct buf b = BUF(text);
		uint64_t v = BAD;

		assert_null(value_duration(span_str(durations[i]), &v));
		value_add_duration(&b, v);
		assert_true(buf_terminate(&b));
		assert_string_equal(text, durations[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct buf b = BUF(text);
		uint64_t v = BAD;

		assert_null(value_size(span_str(sizes[i]), &v));
		value_add_size(&b, v);
		assert_true(buf_terminate(&b));
		assert_string_equal(text, sizes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_sizes_and_counts),
	    cmocka_unit_test(test_rates),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_listens_and_targets),
	    cmocka_unit_test(test_written_as_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
