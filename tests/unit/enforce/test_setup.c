/* SPDX-License-Identifier: MIT
 *
 * From the configuration to what the helper is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enforce/setup.h"
#include "helper/message.h"

static struct conf *load(const char *text)
{
	struct conf_errors errs;
	struct conf *c = NULL;

	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(text), "ringfence.yaml", &c, &errs), OK);
	conf_errors_done(&errs);
	return c;
}

#define HEAD                                                                   \
	"zones:\n  public: {listen: [udp:127.0.0.1:5060, tcp:127.0.0.1:5060, " \
	"udp:127.0.0.2:5060]}\n"                                               \
	"  core: {trust: network, listen: [udp:127.0.0.3:5070]}\ndomains: {example.com: {}}\n"

static void check_that_it_can_be_told(const struct helper_setup *s)
{
	static struct message m, in;
	static char text[MESSAGE_BYTES];
	struct buf b = BUF(text);
	const char *why;

	m = (struct message){.type = MESSAGE_CONFIGURE, .setup = *s};
	assert_int_equal(message_write(&m, &b), OK);
	assert_int_equal(message_read(buf_span(&b), true, &in, &why), OK);
}

static void test_as_shipped(void **state UNUSED)
{
	struct conf *c = load(HEAD);
	struct helper_setup s;

	enforce_setup(c, &s);
	assert_int_equal(s.wanted, 0);
	assert_string_equal(s.table, "ringfence");
	assert_false(s.all_ports);
	assert_int_equal(s.ports_n, 3); /* each once */
	assert_true(!s.ports[0].tcp && s.ports[0].port == 5060);
	assert_true(s.ports[1].tcp && s.ports[1].port == 5060);
	assert_true(!s.ports[2].tcp && s.ports[2].port == 5070);
	assert_int_equal(s.interfaces_n, 0);
	check_that_it_can_be_told(&s);
	conf_put(c);
}

static void test_all_of_it(void **state UNUSED)
{
	struct conf *c = load(HEAD "enforce: [ledger, nftables, xdp]\n"
				   "nftables: {table: a_32, ports: all, keep: true}\n"
				   "xdp: {interfaces: [eth0, eth1.7], mode: native}\n");
	struct helper_setup s;

	enforce_setup(c, &s);
	assert_int_equal(s.wanted, 1u << HELPER_NFTABLES | 1u << HELPER_XDP);
	assert_string_equal(s.table, "a_32");
	assert_true(s.all_ports && c->enforcement.keep);
	assert_int_equal(s.interfaces_n, 2);
	assert_string_equal(s.interfaces[1], "eth1.7");
	assert_int_equal(s.xdp_mode, HELPER_XDP_NATIVE);
	check_that_it_can_be_told(&s);
	conf_put(c);
}

/* The interface with the address of a listener that strangers reach. */
static void test_interfaces_are_found(void **state UNUSED)
{
	struct conf *c = load(HEAD "enforce: [ledger, xdp]\n");
	struct helper_setup s;

	enforce_setup(c, &s);
	assert_int_equal(s.interfaces_n, 1);
	assert_string_equal(s.interfaces[0], "lo");
	check_that_it_can_be_told(&s);
	conf_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_as_shipped),
	    cmocka_unit_test(test_all_of_it),
	    cmocka_unit_test(test_interfaces_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
