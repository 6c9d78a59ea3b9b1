/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "conf_help.h"

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(span_str(text), &a), OK);
	return a;
}

static const char two_zones[] =
    "zones:\n"
    "  public: {listen: [udp:203.0.113.10:5060, \"udp:[2001:db8::10]:5070\", tcp:0.0.0.0:5062],\n"
    "           advertise: sip.example.com}\n"
    "  core: {trust: network, listen: [udp:10.0.0.10:5080]}\n"
    "domains: {example.com: {}, b.example: {}, 192.0.2.1: {}, \"[2001:db8::1]\": {}}\n"
    "peers:\n"
    "  wide: {zone: public, sources: [198.51.100.0/24, 2001:db8:7::/48]}\n"
    "  narrow: {zone: public, sources: [198.51.100.16/28, 198.51.100.255, 198.51.100.0]}\n"
    "  single: {zone: public, sources: [198.51.100.20]}\n"
    "  inside: {zone: core, sources: [198.51.100.0/24, 10.0.0.7]}\n"
    "  edges: {zone: core, sources: [0.0.0.0/1, 255.255.255.255, \"ffff::/16\", \"::\"]}\n"
    "upstreams:\n"
    "  pbx: {zone: core, targets: [sip:10.0.0.20]}\n";

static void test_peers_by_longest_prefix_and_zone(void **state)
{
	static const struct {
		const char *ip;
		size_t zone;
		const char *peer;
	} rows[] = {
	    {"198.51.99.255", 0, ""},
	    {"198.51.100.0", 0, "narrow"},
	    {"198.51.100.1", 0, "wide"},
	    {"198.51.100.15", 0, "wide"},
	    {"198.51.100.16", 0, "narrow"},
	    {"198.51.100.19", 0, "narrow"},
	    {"198.51.100.20", 0, "single"},
	    {"198.51.100.21", 0, "narrow"},
	    {"198.51.100.31", 0, "narrow"},
	    {"198.51.100.32", 0, "wide"},
	    {"198.51.100.254", 0, "wide"},
	    {"198.51.100.255", 0, "narrow"},
	    {"198.51.101.0", 0, ""},
	    {"198.51.100.20", 1, "inside"},
	    {"10.0.0.7", 1, "inside"},
	    {"10.0.0.7", 0, ""},
	    {"0.0.0.0", 1, "edges"},
	    {"127.255.255.255", 1, "edges"},
	    {"128.0.0.0", 1, ""},
	    {"255.255.255.255", 1, "edges"},
	    {"255.255.255.254", 1, ""},
	    {"2001:db8:7::", 0, "wide"},
	    {"2001:db8:7:ffff:ffff:ffff:ffff:ffff", 0, "wide"},
	    {"2001:db8:8::", 0, ""},
	    {"2001:db8:6:ffff:ffff:ffff:ffff:ffff", 0, ""},
	    {"::", 1, "edges"},
	    {"::1", 1, ""},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "edges"},
	    {"fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, ""},
	};
	struct conf_errors errs;
	const struct conf *c = load_with(two_zones, &errs);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = ip(rows[i].ip);
		const struct conf_peer *p = conf_peer_find(c, rows[i].zone, &a);

		assert_string_equal(p ? p->name.p : "", rows[i].peer);
	}
	conf_put(c);
	conf_errors_done(&errs);
}

/* The plain way: every prefix of every peer, the longest that holds the address. */
static const struct conf_peer *find_slowly(const struct conf *c, size_t zone, const struct addr *a)
{
	const struct conf_peer *best = NULL;
	int bits = -1;

	for (size_t i = 0; i < c->peers_count; i++)
		for (size_t k = 0; k < c->peers[i].sources_count; k++)
			if (c->peers[i].zone == zone && c->peers[i].sources[k].bits > bits &&
			    prefix_contains(&c->peers[i].sources[k], a)) {
				best = &c->peers[i];
				bits = c->peers[i].sources[k].bits;
			}
	return best;
}

static void add_random_prefix(struct buf *b, struct rng *r)
{
	struct prefix p = {.bits = (uint8_t)(128 - rng_below(r, 12))};
	uint8_t mask = (uint8_t)(0xff << MIN(8, 128 - p.bits));

	p.ip[10] = p.ip[11] = 0xff;
	p.ip[12] = 10;
	p.ip[14] = (uint8_t)rng_below(r, 4);
	p.ip[15] = (uint8_t)rng_below(r, 256) & mask;
	if (p.bits < 120)
		p.ip[14] &= (uint8_t)(0xff << (120 - p.bits));
	prefix_add(b, &p);
}

static void test_peers_as_found_slowly(void **state)
{
	struct rng r;
	int tried = 0;

	(void)state;
	rng_init_seed(&r, 20);
	for (int round = 0; round < 300; round++) {
		char text[4096];
		struct buf b = BUF(text);
		struct conf_errors errs;
		struct conf *c = NULL;

		buf_add_lit(&b, LEAST "peers:\n");
		for (int i = 0; i < 12; i++) {
			buf_addf(&b, "  p%d: {zone: public, sources: [", i);
			add_random_prefix(&b, &r);
			buf_add_lit(&b, "]}\n");
		}
		conf_errors_init(&errs);
		if (conf_load_text(buf_span(&b), "r.yaml", &c, &errs) == OK) {
			for (uint32_t i = 0; i < 5 * 256; i++) {
				struct addr a = ip("10.0.0.0");

				a.ip[14] = (uint8_t)(i >> 8);
				a.ip[15] = (uint8_t)i;
				assert_ptr_equal(conf_peer_find(c, 0, &a), find_slowly(c, 0, &a));
			}
			tried++;
		}
		conf_put(c);
		conf_errors_done(&errs);
	}
	assert_true(tried > 50); /* the others had one prefix twice */
}

static void test_domains(void **state)
{
	static const struct {
		const char *name, *found;
	} rows[] = {
	    {"example.com", "example.com"},
	    {"EXAMPLE.com", "example.com"},
	    {"example.com.", "example.com"},
	    {"b.example", "b.example"},
	    {"192.0.2.1", "192.0.2.1"},
	    {"[2001:DB8::1]", "[2001:db8::1]"},
	    {"2001:db8::1", "[2001:db8::1]"},
	    {"", ""},
	    {".", ""},
	    {"com", ""},
	    {"sub.example.com", ""},
	    {"example.com..", ""},
	    {"sip.example.com", ""},
	};
	struct conf_errors errs;
	const struct conf *c = load_with(two_zones, &errs);
	char longest[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct conf_domain *d = conf_domain_find(c, span_str(rows[i].name));

		assert_string_equal(d ? d->name.p : "", rows[i].found);
	}
	memset(longest, 'a', sizeof(longest));
	assert_null(conf_domain_find(c, span_of(longest, sizeof(longest))));
	conf_put(c);
	conf_errors_done(&errs);
}

static void test_many_domains(void **state)
{
	static char text[256 * 1024];
	struct buf b = BUF(text);
	const struct conf *c;

	(void)state;
	buf_add_lit(&b, "zones: {z: {listen: [udp:127.0.0.1:5060]}}\ndomains:\n");
	for (int i = 0; i < 5000; i++)
		buf_addf(&b, "  d%d.example: {}\n", i);
	assert_true(buf_terminate(&b));
	c = load(text);
	for (int i = 0; i < 5000; i++) {
		char name[32];
		struct buf n = BUF(name);

		buf_addf(&n, "D%d.Example", i);
		assert_ptr_equal(conf_domain_find(c, buf_span(&n)), &c->domains[i]);
	}
	assert_null(conf_domain_find(c, SPAN("d5000.example")));
	conf_put(c);
}

static void test_own_addresses(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		bool own;
	} rows[] = {
	    {"203.0.113.10", 5060, true},
	    {"203.0.113.10", 0, true},
	    {"203.0.113.10", 5070, false},
	    {"[2001:db8::10]", 5070, true},
	    {"[2001:DB8:0::10]", 5070, true},
	    {"2001:db8::10", 5070, true},
	    {"[2001:db8::10]", 0, false}, /* that is 5060 */
	    {"10.0.0.10", 5080, true},
	    {"10.0.0.10", 0, false},
	    {"sip.example.com", 0, true},
	    {"SIP.Example.com.", 0, true},
	    {"sip.example.com", 5060, true},
	    {"sip.example.com", 5062, true},
	    {"3com.example", 0, false},
	    {"::1", 5060, false},
	    {"sip.example.com", 5099, false},
	    {"example.com", 0, false},
	    {"203.0.113.11", 5060, false},
	    {"", 0, false},
	};
	struct conf_errors errs;
	const struct conf *c = load_with(two_zones, &errs);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(
		    conf_is_own_address(c, span_str(rows[i].host), rows[i].port) == rows[i].own);
	conf_put(c);
	conf_errors_done(&errs);
}

/* The upstream of a route with this pattern is reached by this user. */
static bool matches(const char *glob, const char *user)
{
	char text[1024];
	struct buf b = BUF(text);
	const struct conf *c;
	bool found;

	buf_addf(&b,
	    LEAST "upstreams: {pbx: {zone: public, targets: [sip:127.0.0.9]}}\n"
		  "routes:\n  - {match: '%s', to: pbx}\n",
	    glob);
	assert_true(buf_terminate(&b));
	c = load(text);
	found = conf_route_find(c, 0, NULL, SPAN("example.com"), span_str(user)) != NULL;
	conf_put(c);
	return found;
}

static void test_patterns(void **state)
{
	static const struct {
		const char *glob, *user;
		bool match;
	} rows[] = {
	    {"100", "100", true},
	    {"100", "1001", false},
	    {"100", "10", false},
	    {"100", "", false},
	    {"+*", "+49301234", true},
	    {"+*", "+", true},
	    {"+*", "0049", false},
	    {"*", "", true},
	    {"*", "anything", true},
	    {"0*9", "0129", true},
	    {"0*9", "09", true},
	    {"0*9", "0990", false},
	    {"*9*", "19191", true},
	    {"*ab*ab", "abab", true},
	    {"*ab*ab", "ab", false},
	    {"a**b", "ab", true},
	    {"1??", "100", true},
	    {"1??", "10", false},
	    {"\\*97", "*97", true},
	    {"\\*97", "197", false},
	    {"\\?", "?", true},
	    {"\\?", "x", false},
	    {"\\\\", "\\", true},
	    {"Alice", "alice", false}, /* users have case: RFC 3261 §19.1.4 */
	    {"*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(matches(rows[i].glob, rows[i].user) == rows[i].match);
}

static const char with_routes[] = "zones:\n"
				  "  public: {listen: [udp:203.0.113.10:5060]}\n"
				  "  core: {trust: network, listen: [udp:10.0.0.10:5060]}\n"
				  "domains: {example.com: {}}\n"
				  "peers:\n"
				  "  carrier: {zone: public, sources: [198.51.100.7]}\n"
				  "  other: {zone: public, sources: [198.51.100.8]}\n"
				  "upstreams:\n"
				  "  pbx: {zone: core, targets: [sip:10.0.0.20]}\n"
				  "routes:\n"
				  "  - {from: carrier, match: \"1*\", to: pbx}\n"
				  "  - {from: core, match: \"0*\", to: other}\n"
				  "  - {domain: Partner.example, to: other}\n"
				  "  - {match: \"+*\", to: carrier}\n";

static void test_first_route_that_matches(void **state)
{
	const struct conf *c = load(with_routes);
	const struct conf_peer *carrier = &c->peers[0], *other = &c->peers[1];
	const struct {
		size_t zone;
		const struct conf_peer *from;
		const char *domain, *user;
		int route;
	} rows[] = {
	    {0, carrier, "example.com", "100", 0},
	    {0, carrier, "", "100", 0}, /* to an address of ours */
	    {0, carrier, "elsewhere.example", "100", -1},
	    {0, other, "example.com", "100", -1},
	    {0, NULL, "example.com", "100", -1},
	    {1, NULL, "example.com", "012", 1},
	    {0, NULL, "example.com", "012", -1},
	    {0, NULL, "partner.EXAMPLE", "012", 2},
	    {0, carrier, "partner.example", "100", 2},
	    {0, NULL, "example.com", "+49", 3},
	    {0, NULL, "elsewhere.example", "+49", -1},
	    {0, NULL, "", "+49", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct conf_route *r = conf_route_find(c, rows[i].zone, rows[i].from,
		    span_str(rows[i].domain), span_str(rows[i].user));

		assert_ptr_equal(r, rows[i].route < 0 ? NULL : &c->routes[rows[i].route]);
	}
	conf_put(c);
}

static void test_zone_names(void **state)
{
	const struct conf *c = load(with_routes);

	(void)state;
	assert_int_equal(conf_zone_index(c, SPAN("core")), 1);
	assert_int_equal(conf_zone_index(c, SPAN("Core")), CONF_NONE);
	conf_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_peers_by_longest_prefix_and_zone),
	    cmocka_unit_test(test_peers_as_found_slowly),
	    cmocka_unit_test(test_domains),
	    cmocka_unit_test(test_many_domains),
	    cmocka_unit_test(test_own_addresses),
	    cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_first_route_that_matches),
	    cmocka_unit_test(test_zone_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
