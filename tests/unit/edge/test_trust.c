/* SPDX-License-Identifier: MIT
 *
 * Who is believed for where it is: sets of addresses, gateways of the system, and what a
 * configuration makes of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "edge/gateways.h"
#include "edge/trust.h"

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(span_str(text), &a), OK);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_str(text), &p), OK);
	return p;
}

static bool has(const struct addr_set *s, const char *text)
{
	struct addr a = ip(text);

	return addr_set_has(s, &a);
}

/* Both edges of each range; overlapping and equal ones; the two families apart. */
static void test_sets(void **state)
{
	const struct prefix list[] = {prefix("192.0.2.0/24"), prefix("192.0.2.128/25"),
	    prefix("10.0.0.0/8"), prefix("203.0.113.7"), prefix("203.0.113.7"),
	    prefix("2001:db8::/32"), prefix("2001:db8:1::/48"), prefix("fe80::1")};
	static const struct {
		const char *text;
		bool in;
	} rows[] = {
	    {"192.0.1.255", false},
	    {"192.0.2.0", true},
	    {"192.0.2.255", true},
	    {"192.0.3.0", false},
	    {"9.255.255.255", false},
	    {"10.0.0.0", true},
	    {"10.255.255.255", true},
	    {"11.0.0.0", false},
	    {"203.0.113.6", false},
	    {"203.0.113.7", true},
	    {"203.0.113.8", false},
	    {"2001:db7:ffff::", false},
	    {"2001:db8::", true},
	    {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
	    {"2001:db9::", false},
	    {"fe80::1", true},
	    {"fe80::2", false},
	    {"::1", false},
	};
	struct addr_set s, empty = {NULL, 0};

	(void)state;
	assert_int_equal(addr_set_init(&s, list, ARRAY_LEN(list)), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (has(&s, rows[i].text) != rows[i].in)
			fail_msg("%s", rows[i].text);
	addr_set_done(&s);
	assert_false(has(&empty, "192.0.2.1"));
	addr_set_done(&empty);
}

/* All of IPv6 holds no IPv4 address, and the other way round. */
static void test_whole_families(void **state)
{
	const struct prefix v6 = prefix("::/0"), v4 = prefix("0.0.0.0/0");
	struct addr_set s;

	(void)state;
	assert_int_equal(addr_set_init(&s, &v6, 1), OK);
	assert_true(has(&s, "::") && has(&s, "ffff::1"));
	assert_false(has(&s, "192.0.2.1"));
	addr_set_done(&s);
	assert_int_equal(addr_set_init(&s, &v4, 1), OK);
	assert_true(has(&s, "0.0.0.0") && has(&s, "255.255.255.255"));
	assert_false(has(&s, "::1"));
	addr_set_done(&s);
}

/* The same answer as asking each prefix in turn. */
static void test_sets_at_random(void **state)
{
	struct prefix list[200];
	struct addr_set s;
	struct rng rng;

	(void)state;
	rng_init_seed(&rng, 3);
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		struct addr a = {.ip = {[10] = 0xff, [11] = 0xff}};

		list[i].bits = (uint8_t)(96 + 8 + rng_below(&rng, 25));
		for (int k = 12; k < 16; k++)
			a.ip[k] = (uint8_t)rng_below(&rng, 8);
		memcpy(list[i].ip, a.ip, sizeof(a.ip));
		for (unsigned bit = list[i].bits; bit < 128; bit++)
			list[i].ip[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	}
	assert_int_equal(addr_set_init(&s, list, ARRAY_LEN(list)), OK);
	for (int i = 0; i < 20000; i++) {
		struct addr a = {.ip = {[10] = 0xff, [11] = 0xff}};
		bool in = false;

		for (int k = 12; k < 16; k++)
			a.ip[k] = (uint8_t)rng_below(&rng, 10);
		for (size_t k = 0; k < ARRAY_LEN(list); k++)
			in = in || prefix_contains(&list[k], &a);
		assert_int_equal(addr_set_has(&s, &a), in);
	}
	addr_set_done(&s);
}

static void test_gateways(void **state)
{
	static const char v4[] =
	    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	    "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
	    "eth0\t0002000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
	    "eth1\t0000000A\t010200C0\t0003\t0\t0\t100\t000000FF\t0\t0\t0\n"
	    "eth1\t0000000A\t0101\t0003\n"
	    "\n"
	    "eth1\t0000000B\tFE0A000A";
	static const char v6[] =
	    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
	    "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
	    "20010db8000000000000000000000000 20 00000000000000000000000000000000 00 "
	    "00000000000000000000000000000000 00000400 00000001 00000000 00000001     eth0\n"
	    "nonsense\n";
	struct addr got[GATEWAYS_MAX], want;

	(void)state;
	assert_int_equal(gateways_parse_v4(span_str(v4), got, GATEWAYS_MAX), 2);
	want = ip("192.0.2.1");
	assert_true(addr_same_ip(&got[0], &want));
	want = ip("10.0.10.254");
	assert_true(addr_same_ip(&got[1], &want));
	assert_int_equal(gateways_parse_v4(span_str(v4), got, 1), 1);
	assert_int_equal(gateways_parse_v4(SPAN(""), got, 1), 0);
	assert_int_equal(gateways_parse_v6(span_str(v6), got, GATEWAYS_MAX), 1);
	want = ip("fe80::1");
	assert_true(addr_same_ip(&got[0], &want));
	assert_true(gateways_read(got) <= GATEWAYS_MAX);
}

static const char conf_text[] =
    "zones:\n"
    "  public: {listen: [udp:203.0.113.10:5060, tcp:203.0.113.10:5060], advertise: 198.51.100.1}\n"
    "  core: {trust: network, listen: [udp:10.0.0.10:5060]}\n"
    "  any: {listen: [udp:0.0.0.0:5070], advertise: sip.example.com}\n"
    "domains: {example.com: {}}\n"
    "peers:\n"
    "  carrier: {zone: public, sources: [198.51.100.32/28], target: sip:198.51.100.77}\n"
    "  two: {zone: public, sources: [198.51.100.96/28, 192.0.2.9], requests: 7}\n"
    "  big: {zone: public, sources: [198.51.100.112/28], requests: off}\n"
    "upstreams: {pbx: {zone: core, targets: [sip:10.0.0.20, sip:10.0.0.21]}}\n"
    "standing: {allow: [192.0.2.0/24, \"2001:db8::/64\"]}\n";

static void test_trust(void **state)
{
	enum { PUBLIC, CORE, ANY };
	static const struct {
		const char *ip;
		size_t zone;
		enum standing_trust want;
	} rows[] = {
	    {"192.0.2.0", PUBLIC, STANDING_EXEMPT},
	    {"192.0.2.255", ANY, STANDING_EXEMPT},
	    {"192.0.3.0", PUBLIC, STANDING_STRANGER},
	    {"2001:db8::1", PUBLIC, STANDING_EXEMPT},
	    {"2001:db8:0:1::1", PUBLIC, STANDING_STRANGER},
	    {"198.51.100.32", PUBLIC, STANDING_PEER},
	    {"198.51.100.47", PUBLIC, STANDING_PEER},
	    {"198.51.100.48", PUBLIC, STANDING_STRANGER},
	    {"198.51.100.32", ANY,
		STANDING_OWN}, /* a peer elsewhere is never banned, and no more */
	    {"198.51.100.77", PUBLIC, STANDING_EXEMPT}, /* answers to what we send there */
	    {"10.0.0.21", CORE, STANDING_EXEMPT},
	    {"10.0.0.99", CORE, STANDING_EXEMPT}, /* the zone is trusted */
	    {"10.0.0.21", PUBLIC, STANDING_OWN},  /* forged: it is not there */
	    {"10.0.0.20", ANY, STANDING_OWN},
	    {"198.51.100.77", ANY, STANDING_OWN},
	    {"10.0.0.99", PUBLIC, STANDING_STRANGER},
	    {"203.0.113.10", PUBLIC, STANDING_OWN},
	    {"198.51.100.1", PUBLIC, STANDING_OWN}, /* as others see us */
	    {"10.0.0.10", PUBLIC, STANDING_OWN},
	    {"127.0.0.1", PUBLIC, STANDING_OWN}, /* an interface, behind the listener on all */
	    {"127.0.0.2", PUBLIC, STANDING_STRANGER},
	};
	struct conf_errors errs;
	struct conf *c = NULL;
	struct trust t;

	(void)state;
	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(conf_text), "test.yaml", &c, &errs), OK);
	conf_errors_done(&errs);
	assert_int_equal(trust_init(&t, c), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = ip(rows[i].ip);
		enum standing_trust got = trust_of(&t, c, rows[i].zone, &a);

		if (got != rows[i].want)
			fail_msg("%s in zone %zu: %d", rows[i].ip, rows[i].zone, (int)got);
	}
	trust_done(&t);
	conf_put(c);
}

/* What may be forged is bounded; the allow-list and the zones of our own servers are not. */
static void test_requests(void **state)
{
	enum { PUBLIC, CORE };
	static const struct {
		const char *ip;
		size_t zone;
		uint32_t want;
	} rows[] = {
	    {"198.51.100.32", PUBLIC, 20000},
	    {"198.51.100.77", PUBLIC, 20000}, /* its target */
	    {"198.51.100.77", CORE, 0},
	    {"198.51.100.96", PUBLIC, 7},
	    {"198.51.100.96", CORE, 0},
	    {"198.51.100.112", PUBLIC, 0},
	    {"192.0.2.9", PUBLIC, 0}, /* a peer in the allow-list */
	    {"192.0.2.10", PUBLIC, 0},
	    {"10.0.0.20", CORE, 0},
	};
	struct conf_errors errs;
	struct conf *c = NULL;
	struct trust t;

	(void)state;
	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(conf_text), "test.yaml", &c, &errs), OK);
	conf_errors_done(&errs);
	assert_int_equal(trust_init(&t, c), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = ip(rows[i].ip);
		uint32_t got = trust_requests(&t, c, rows[i].zone, &a);

		if (got != rows[i].want)
			fail_msg("%s in zone %zu: %u", rows[i].ip, rows[i].zone, got);
	}
	trust_done(&t);
	conf_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_whole_families),
	    cmocka_unit_test(test_sets_at_random),
	    cmocka_unit_test(test_gateways),
	    cmocka_unit_test(test_trust),
	    cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
