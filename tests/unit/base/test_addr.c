/* SPDX-License-Identifier: MIT
 *
 * Addresses, prefixes and flows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/flow.h"

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_str(text), 0, &a), OK);
	return a;
}

static void test_parse_ip(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL = refused */
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"0.0.0.0", "0.0.0.0"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
	    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 §4.2.2 */
	    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* §4.2.3 */
	    {"[::1]", "::1"},
	    {"::", "::"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"[::ffff:c000:201]", "192.0.2.1"},
	    {"fe80::1", "fe80::1"},
	    {"1111:2222:3333:4444:5555:6666:123.123.123.123",
		"1111:2222:3333:4444:5555:6666:7b7b:7b7b"},
	    {"", NULL},
	    {"[]", NULL},
	    {"[", NULL},
	    {"]", NULL},
	    {"[::1", NULL},
	    {"::1]", NULL},
	    {"[[::1]]", NULL},
	    {"[192.0.2.1]", NULL},
	    {"192.0.2", NULL},
	    {"192.0.2.256", NULL},
	    {"192.0.2.01", NULL}, /* would be octal elsewhere */
	    {"192.0.2.00", NULL},
	    {"00.0.0.0", NULL},
	    {"192.0.2.", NULL},
	    {"192..2.1", NULL},
	    {".192.0.2.1", NULL},
	    {"192.0.2.1000", NULL},
	    {"192.0.2.1.1", NULL},
	    {"192.0.2:1", NULL},
	    {"192.0.2.1.", NULL},
	    {"0x7f.0.0.1", NULL},
	    {"2130706433", NULL},
	    {" 192.0.2.1", NULL},
	    {"192.0.2.1 ", NULL},
	    {"1::2::3", NULL},
	    {"12345::", NULL},
	    {"fe80::1%lo", NULL},
	    {"1:2:3:4:5:6:7:8:9", NULL},
	    {"example.com", NULL},
	    {"11111:22222:33333:44444:55555:66666:123.123.123.123.1", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = {.port = 77};
		char mem[ADDR_TEXT_MAX];
		struct buf b = BUF(mem);
		enum err e = addr_parse_ip(span_str(rows[i].text), &a);

		assert_int_equal(e, rows[i].printed ? OK : ERR_SYNTAX);
		assert_int_equal(a.port, rows[i].printed ? 0 : 77);
		if (!rows[i].printed)
			continue;
		addr_add_ip(&b, &a);
		assert_true(span_eq(buf_span(&b), span_str(rows[i].printed)));
	}
	assert_int_equal(addr_parse_ip(span_of("1.2.3.4\0", 8), &(struct addr){0}), ERR_SYNTAX);
}

static void test_parse_port(void **state)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
	    {"192.0.2.1:5060", "192.0.2.1:5060"},
	    {"192.0.2.1", "192.0.2.1:5061"},
	    {"192.0.2.1:0", "192.0.2.1:0"},
	    {"192.0.2.1:65535", "192.0.2.1:65535"},
	    {"[2001:db8::1]:5060", "[2001:db8::1]:5060"},
	    {"[2001:db8::1]", "[2001:db8::1]:5061"},
	    {"2001:db8::1", "[2001:db8::1]:5061"},
	    {"::ffff:192.0.2.1", "192.0.2.1:5061"},
	    {"[::ffff:192.0.2.1]:9", "192.0.2.1:9"},
	    {"192.0.2.1:", NULL},
	    {"192.0.2.1:65536", NULL},
	    {"192.0.2.1:-1", NULL},
	    {"192.0.2.1:50 ", NULL},
	    {"192.0.2.1:5060:1", NULL},
	    {"[::1]:", NULL},
	    {"[::1]5060", NULL},
	    {"[::1]:5060]", NULL},
	    {"[::1", NULL},
	    {"[:5060", NULL},
	    {":5060", NULL},
	    {":", NULL},
	    {"", NULL},
	    {"[192.0.2.1]:5060", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = {.port = 77};
		char mem[ADDR_TEXT_MAX];
		struct buf b = BUF(mem);
		enum err e = addr_parse(span_str(rows[i].text), 5061, &a);

		assert_int_equal(e, rows[i].printed ? OK : ERR_SYNTAX);
		if (!rows[i].printed) {
			assert_int_equal(a.port, 77);
			continue;
		}
		addr_add(&b, &a);
		assert_true(span_eq(buf_span(&b), span_str(rows[i].printed)));
	}
}

static void test_sockaddr(void **state)
{
	static const char *const rows[] = {"192.0.2.1:5060", "[2001:db8::1]:5061", "[fe80::1]:1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int v6only = 0; v6only < 2; v6only++) {
			struct addr a = addr_of(rows[i]), back;
			struct sockaddr_storage ss;
			socklen_t n;

			a.scope = i == 2 ? 7 : 0;
			n = addr_to_sockaddr(&a, v6only, &ss);
			assert_int_equal(n, i == 0 && !v6only ? sizeof(struct sockaddr_in)
							      : sizeof(struct sockaddr_in6));
			assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back), OK);
			assert_true(addr_eq(&a, &back));
		}
	assert_int_equal(
	    addr_from_sockaddr(&(struct sockaddr){.sa_family = AF_UNIX}, &(struct addr){0}),
	    ERR_UNSUPPORTED);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool v4, loopback, unspecified;
	} rows[] = {
	    {"127.0.0.1", true, true, false},
	    {"127.255.0.9", true, true, false},
	    {"128.0.0.1", true, false, false},
	    {"0.0.0.0", true, false, true},
	    {"0.0.0.1", true, false, false},
	    {"::1", false, true, false},
	    {"::", false, false, true},
	    {"::2", false, false, false},
	    {"::ffff:127.0.0.1", true, true, false},
	    {"::127.0.0.1", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = addr_of(rows[i].text);

		assert_int_equal(addr_is_v4(&a), rows[i].v4);
		assert_int_equal(addr_is_loopback(&a), rows[i].loopback);
		assert_int_equal(addr_is_unspecified(&a), rows[i].unspecified);
	}
}

static void test_equal(void **state)
{
	struct addr a = addr_of("192.0.2.1:5060"), b = a;

	(void)state;
	assert_true(addr_eq(&a, &b));
	b.port = 5061;
	assert_false(addr_eq(&a, &b));
	assert_true(addr_same_ip(&a, &b));
	a = b = addr_of("[fe80::1]:1");
	b.scope = 2;
	assert_false(addr_same_ip(&a, &b));
}

static void test_prefix_parse(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		const char *printed;
	} rows[] = {
	    {"192.0.2.0/24", OK, "192.0.2.0/24"},
	    {"192.0.2.1", OK, "192.0.2.1/32"},
	    {"192.0.2.1/32", OK, "192.0.2.1/32"},
	    {"0.0.0.0/0", OK, "0.0.0.0/0"},
	    {"192.0.2.2/31", OK, "192.0.2.2/31"},
	    {"2001:db8::/32", OK, "2001:db8::/32"},
	    {"2001:db8::1", OK, "2001:db8::1/128"},
	    {"::/0", OK, "::/0"},
	    {"::ffff:0:0/96", OK, "0.0.0.0/0"},
	    {"::ffff:192.0.2.0/120", OK, "192.0.2.0/24"},
	    {"192.0.2.1/24", ERR_RANGE, NULL},
	    {"192.0.2.3/31", ERR_RANGE, NULL},
	    {"1.0.0.0/0", ERR_RANGE, NULL},
	    {"192.0.2.0/33", ERR_RANGE, NULL},
	    {"2001:db8::/129", ERR_RANGE, NULL},
	    {"2001:db8::1/127", ERR_RANGE, NULL},
	    {"::ffff:0:0/80", ERR_RANGE, NULL},
	    {"192.0.2.0/", ERR_SYNTAX, NULL},
	    {"192.0.2.0/-1", ERR_SYNTAX, NULL},
	    {"192.0.2.0/24/1", ERR_SYNTAX, NULL},
	    {"192.0.2.0/255.255.255.0", ERR_SYNTAX, NULL},
	    {"/24", ERR_SYNTAX, NULL},
	    {"", ERR_SYNTAX, NULL},
	    {"192.0.2/24", ERR_SYNTAX, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p = {.bits = 99};
		char mem[ADDR_TEXT_MAX];
		struct buf b = BUF(mem);

		assert_int_equal(prefix_parse(span_str(rows[i].text), &p), rows[i].err);
		if (rows[i].err != OK) {
			assert_int_equal(p.bits, 99);
			continue;
		}
		prefix_add(&b, &p);
		assert_true(span_eq(buf_span(&b), span_str(rows[i].printed)));
	}
}

static void test_prefix_contains(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.0", true},
	    {"192.0.2.0/24", "192.0.2.255", true},
	    {"192.0.2.0/24", "192.0.3.0", false},
	    {"192.0.2.0/24", "192.0.1.255", false},
	    {"192.0.2.4/30", "192.0.2.7", true},
	    {"192.0.2.4/30", "192.0.2.8", false},
	    {"192.0.2.4/30", "192.0.2.3", false},
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"0.0.0.0/0", "255.255.255.255", true},
	    {"0.0.0.0/0", "2001:db8::1", false},
	    {"128.0.0.0/1", "127.255.255.255", false},
	    {"128.0.0.0/1", "128.0.0.0", true},
	    {"2001:db8::/32", "2001:db8:ffff::1", true},
	    {"2001:db8::/32", "2001:db9::", false},
	    {"2001:db8::/33", "2001:db8:7fff::", true},
	    {"2001:db8::/33", "2001:db8:8000::", false},
	    {"::/0", "2001:db8::1", true},
	    {"::/0", "192.0.2.1", false}, /* all of IPv6, not all of IPv4 */
	    {"::/64", "192.0.2.1", false},
	    {"::ffff:0:0/96", "192.0.2.1", true},
	    {"::1", "::1", true},
	    {"::1", "127.0.0.1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p;
		struct addr a = addr_of(rows[i].addr);

		assert_int_equal(prefix_parse(span_str(rows[i].prefix), &p), OK);
		assert_int_equal(prefix_contains(&p, &a), rows[i].in);
	}
}

/* Against counting bits one by one, at every length. */
static void test_prefix_every_length(void **state)
{
	struct addr base = addr_of("a5a5:5a5a:ffff:1:8000:1:2:3");

	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct prefix p = {.bits = (uint8_t)bits};

		for (unsigned i = 0; i < bits; i++)
			p.ip[i / 8] |= (uint8_t)(base.ip[i / 8] & (0x80 >> i % 8));
		assert_true(prefix_contains(&p, &base));
		for (unsigned flip = 0; flip < 128; flip++) {
			struct addr a = base;

			a.ip[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
			assert_int_equal(prefix_contains(&p, &a), flip >= bits);
		}
	}
}

static void test_text_max(void **state)
{
	struct addr a = addr_of("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	char mem[ADDR_TEXT_MAX];
	struct buf b = BUF(mem);

	(void)state;
	addr_add(&b, &a);
	assert_false(b.overflow);
	b = buf_of(mem, 10);
	addr_add(&b, &a);
	assert_true(b.overflow);
	b = buf_of(mem, 72);
	a = addr_of("192.0.2.1");
	addr_add_ip_ref(&b, &a);
	a = addr_of("::1");
	addr_add_ip_ref(&b, &a);
	assert_true(span_eq(buf_span(&b), SPAN("192.0.2.1[::1]")));
}

static void test_flow(void **state)
{
	struct flow a = {.remote = addr_of("192.0.2.1:5060"), .transport = TRANSPORT_UDP}, b = a;

	(void)state;
	b.local = addr_of("198.51.100.1:5060"); /* the way back is told by the peer alone */
	assert_true(flow_eq(&a, &b));
	b.conn = 1;
	assert_false(flow_eq(&a, &b));
	b = a;
	b.transport = TRANSPORT_TCP;
	assert_false(flow_eq(&a, &b));
	b = a;
	b.remote.port = 5061;
	assert_false(flow_eq(&a, &b));
	assert_string_equal(transport_name(TRANSPORT_WSS), "WSS");
	assert_string_equal(transport_name(TRANSPORT_COUNT), "NONE");
	assert_string_equal(transport_name((enum transport) - 1), "NONE");
	assert_false(transport_is_stream(TRANSPORT_UDP));
	assert_true(transport_is_stream(TRANSPORT_TCP));
	for (int i = 0; i < ERR_COUNT; i++)
		assert_string_not_equal(err_text((enum err)i), "unknown error");
	assert_string_equal(err_text(ERR_COUNT), "unknown error");
	assert_string_equal(err_text((enum err) - 1), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse_ip),
	    cmocka_unit_test(test_parse_port),
	    cmocka_unit_test(test_sockaddr),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_prefix_parse),
	    cmocka_unit_test(test_prefix_contains),
	    cmocka_unit_test(test_prefix_every_length),
	    cmocka_unit_test(test_text_max),
	    cmocka_unit_test(test_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
