/* SPDX-License-Identifier: MIT
 *
 * Limits as they are read: every key, every default, and those of the example. What is refused
 * stands in bad/limit-*.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/write.h"
#include "conf_help.h"
#include "event/event.h"

#define EDGE                                                       \
	"zones:\n"                                                 \
	"  public: {listen: [udp:127.0.0.1:5060]}\n"               \
	"  core: {trust: network, listen: [udp:127.0.0.2:5060]}\n" \
	"domains: {example.com: {}, other.example: {}}\n"          \
	"peers:\n"                                                 \
	"  silent: {zone: public, sources: [192.0.2.0/24]}\n"      \
	"  carrier: {zone: public, sources: [198.51.100.1]}\n"

static void test_none_by_default(void **state)
{
	static const char *const texts[] = {
	    EDGE,
	    EDGE "controls: {limits: []}\n",
	    EDGE "controls:\n  limits:\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct conf *c = load(texts[i]);

		assert_int_equal(c->limits_count, 0);
		assert_int_equal(c->limit_keys, 65536);
		conf_put(c);
	}
}

static void test_defaults(void **state)
{
	const struct conf *c =
	    load(EDGE "controls:\n  limits: [{name: a.b_c-1, rate: 10/m}, {name: f, algorithm: "
		      "feedback}, {name: n, algorithm: network}]\n");
	const struct conf_limit *l = c->limits;

	(void)state;
	assert_int_equal(c->limits_count, 3);
	assert_span(l[0].name, "a.b_c-1");
	assert_int_equal(l[0].mode, CONF_MODE_ENFORCE);
	assert_int_equal(l[0].methods_count, 0);
	assert_true(l[0].zone == CONF_NONE && l[0].peer == CONF_NONE && l[0].domain == CONF_NONE);
	assert_int_equal(l[0].tiers, 0);
	assert_int_equal(l[0].account, -1);
	assert_int_equal(l[0].per, CONF_LIMIT_SOURCE);
	assert_int_equal(l[0].algorithm, CONF_LIMIT_TOKEN_BUCKET);
	assert_int_equal(l[0].events, 10);
	assert_int_equal(l[0].window, USEC_MIN);
	assert_int_equal(l[0].burst, 10);
	assert_int_equal(l[0].answer, 429);
	assert_int_equal(l[0].retry_after, 0);
	assert_int_equal(l[1].per, CONF_LIMIT_GLOBAL);
	assert_true(l[1].target == 0.8);
	assert_int_equal(l[2].per, CONF_LIMIT_GLOBAL);
	assert_true(l[2].target == 0.5);
	conf_put(c);
}

static void test_every_key(void **state)
{
	const struct conf *c = load(EDGE
	    "controls:\n"
	    "  limit_keys: 100\n"
	    "  limits:\n"
	    "    - name: one\n"
	    "      mode: observe\n"
	    "      match: {method: [INVITE, X-OWN], zone: core, tier: [suspect, unknown],\n"
	    "              domain: Other.Example, account: true}\n"
	    "      per: destination\n"
	    "      algorithm: token-bucket\n"
	    "      rate: 100/h\n"
	    "      burst: 3\n"
	    "      answer: 503\n"
	    "      retry_after: 5m\n"
	    "    - {name: two, match: {method: OPTIONS, peer: carrier, tier: trusted, account: "
	    "false},\n"
	    "       per: peer, algorithm: sliding-window, rate: 65535/s, answer: drop, mode: "
	    "off}\n"
	    "    - {name: three, algorithm: feedback, target: 75%, per: global}\n"
	    "    - {name: four, algorithm: network, target: 0.125}\n"
	    "    - {name: five, algorithm: red, per: prefix, rate: 1/s, match: {account: any}}\n"
	    "    - {name: six, algorithm: fixed-window, per: account, rate: 1/s}\n");
	const struct conf_limit *l = c->limits;

	(void)state;
	assert_int_equal(c->limit_keys, 100);
	assert_int_equal(c->limits_count, 6);
	assert_int_equal(l[0].mode, CONF_MODE_OBSERVE);
	assert_int_equal(l[0].methods_count, 2);
	assert_span(l[0].methods[0], "INVITE");
	assert_span(l[0].methods[1], "X-OWN");
	assert_span(c->zones[l[0].zone].name, "core");
	assert_span(c->domains[l[0].domain].name, "other.example");
	assert_int_equal(l[0].tiers, 1u << EVENT_TIER_SUSPECT | 1u << EVENT_TIER_UNKNOWN);
	assert_int_equal(l[0].account, 1);
	assert_int_equal(l[0].per, CONF_LIMIT_DESTINATION);
	assert_int_equal(l[0].events, 100);
	assert_int_equal(l[0].window, 60 * USEC_MIN);
	assert_int_equal(l[0].burst, 3);
	assert_int_equal(l[0].answer, 503);
	assert_int_equal(l[0].retry_after, 5 * USEC_MIN);
	assert_int_equal(l[1].mode, CONF_MODE_OFF);
	assert_int_equal(l[1].methods_count, 1);
	assert_span(c->peers[l[1].peer].name, "carrier");
	assert_int_equal(l[1].tiers, 1u << EVENT_TIER_TRUSTED);
	assert_int_equal(l[1].account, 0);
	assert_int_equal(l[1].per, CONF_LIMIT_PEER);
	assert_int_equal(l[1].algorithm, CONF_LIMIT_SLIDING_WINDOW);
	assert_int_equal(l[1].events, 65535);
	assert_int_equal(l[1].answer, 0);
	assert_true(l[2].target == 0.75 && l[3].target == 0.125);
	assert_int_equal(l[3].algorithm, CONF_LIMIT_NETWORK);
	assert_int_equal(l[4].per, CONF_LIMIT_PREFIX);
	assert_int_equal(l[4].account, -1);
	assert_int_equal(l[4].algorithm, CONF_LIMIT_RED);
	assert_int_equal(l[5].per, CONF_LIMIT_ACCOUNT);
	assert_int_equal(l[5].algorithm, CONF_LIMIT_FIXED_WINDOW);
	conf_put(c);
}

/* The commented limits of the first configuration, switched on, are two that load. */
static void test_those_of_the_example(void **state)
{
	static char text[CONF_WRITE_MAX], changed[CONF_WRITE_MAX];
	static const char *const listen[] = {"udp:127.0.0.1:5060"};
	struct buf b = BUF(text), out = BUF(changed);
	const struct conf *c;
	size_t lines = 0;
	bool more = true;

	(void)state;
	conf_write_example(&b,
	    &(struct conf_example){.listen = listen, .listen_count = 1, .domain = "example.com"});
	assert_true(buf_terminate(&b));
	for (struct span rest = buf_span(&b), line; more;) {
		more = span_cut(&rest, '\n', &line);
		if (span_starts(line, SPAN("  # limits:")) ||
		    span_starts(line, SPAN("  #   - {name: "))) {
			buf_add_lit(&out, "  ");
			line = span_from(line, line.p + 4);
			lines++;
		}
		buf_add_span(&out, line);
		buf_add_char(&out, '\n');
	}
	assert_int_equal(lines, 3);
	assert_true(buf_terminate(&out));
	c = load(changed);
	assert_int_equal(c->limits_count, 2);
	assert_span(c->limits[0].name, "registrations");
	assert_int_equal(c->limits[0].burst, 20);
	assert_span(c->limits[1].name, "calls");
	assert_int_equal(c->limits[1].per, CONF_LIMIT_ACCOUNT);
	conf_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none_by_default),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_those_of_the_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
