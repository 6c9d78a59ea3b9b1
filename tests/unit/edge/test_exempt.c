/* SPDX-License-Identifier: MIT
 *
 * Why a source is never banned, in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/exempt.h"

static const char config_text[] =
    "zones:\n"
    "  public: {listen: [udp:127.0.0.9:5060, udp:0.0.0.0:5070], advertise: sip.example.com}\n"
    "  core: {trust: network, listen: [udp:127.0.0.8:5060]}\n"
    "domains: {example.com: {registrar: local}}\n"
    "peers:\n"
    "  carrier-a: {zone: public, sources: [192.0.2.8/29, \"2001:db8:1::/48\"]}\n"
    "  carrier-b: {zone: public, sources: [203.0.113.5], target: sip:203.0.113.6:5060}\n"
    "upstreams:\n"
    "  pbx: {zone: core, targets: [sip:10.0.0.20:5060]}\n"
    "standing: {allow: [198.51.100.0/24, 192.0.2.16]}\n";

static void test_words(void **state UNUSED)
{
	static const struct {
		const char *what, *why; /* why NULL: may be banned */
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.0/24 contains peer carrier-a (192.0.2.8/29)"},
	    {"192.0.2.8/29", "192.0.2.8/29 is peer carrier-a"},
	    {"192.0.2.9", "192.0.2.9 is part of peer carrier-a (192.0.2.8/29)"},
	    {"192.0.2.7", NULL},
	    {"192.0.2.16", "192.0.2.16 is standing.allow"},
	    {"192.0.2.17", NULL},
	    {"203.0.113.5", "203.0.113.5 is peer carrier-b"},
	    {"203.0.113.6", "203.0.113.6 is peer carrier-b"},
	    {"203.0.113.4/30", "203.0.113.4/30 contains peer carrier-b (203.0.113.5)"},
	    {"203.0.113.7", NULL},
	    {"198.51.100.7", "198.51.100.7 is part of standing.allow (198.51.100.0/24)"},
	    {"10.0.0.20", "10.0.0.20 is upstream pbx"},
	    {"10.0.0.0/8", "10.0.0.0/8 contains upstream pbx (10.0.0.20)"},
	    {"127.0.0.9", "127.0.0.9 is our own address"},
	    {"127.0.0.1", "127.0.0.1 is an address or a gateway of this machine"},
	    {"2001:db8:1:2::/64", "2001:db8:1:2::/64 is part of peer carrier-a (2001:db8:1::/48)"},
	    {"2001:db8::/32", "2001:db8::/32 contains peer carrier-a (2001:db8:1::/48)"},
	    {"2001:db8:2::/48", NULL},
	};
	struct conf_errors errs;
	struct conf *c;
	struct trust t;

	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(config_text), "x.yaml", &c, &errs), OK);
	assert_int_equal(trust_init(&t, c), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];
		struct buf b = BUF(text);
		struct prefix what;
		struct exempt x;
		bool exempt;

		assert_int_equal(prefix_parse(span_str(rows[i].what), &what), OK);
		exempt = exempt_find(c, &t, &what, &x);
		if (exempt != (rows[i].why != NULL))
			fail_msg("%s", rows[i].what);
		if (!exempt)
			continue;
		exempt_add_why(&b, &what, &x);
		assert_true(buf_terminate(&b));
		assert_string_equal(text, rows[i].why);
	}
	trust_done(&t);
	conf_put(c);
	conf_errors_done(&errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
