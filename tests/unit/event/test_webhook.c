/* SPDX-License-Identifier: MIT
 *
 * Which addresses a webhook may connect to: nothing of the own network, however it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/output_webhook.h"

static void test_addresses(void **state UNUSED)
{
	static const struct {
		const char *address;
		bool open, loopback; /* may be connected to with https, with http */
	} rows[] = {
	    {"198.41.0.4", true, false},
	    {"2606:4700::1111", true, false},
	    {"1.1.1.1", true, false},
	    {"172.15.255.255", true, false},
	    {"172.32.0.1", true, false},
	    {"100.63.255.255", true, false},
	    {"127.0.0.1", false, true},
	    {"127.255.255.254", false, true},
	    {"::1", false, true},
	    {"0.0.0.0", false, false},
	    {"::", false, false},
	    {"10.1.2.3", false, false},
	    {"172.16.0.1", false, false},
	    {"172.31.255.255", false, false},
	    {"192.168.1.1", false, false},
	    {"100.64.0.1", false, false},
	    {"169.254.169.254", false, false},
	    {"192.0.0.192", false, false},
	    {"198.18.0.1", false, false},
	    {"224.0.0.1", false, false},
	    {"255.255.255.255", false, false},
	    {"fe80::1", false, false},
	    {"fec0::1", false, false},
	    {"fd00:ec2::254", false, false},
	    {"ff02::1", false, false},
	    {"::ffff:10.0.0.1", false, false},
	    {"::10.0.0.1", false, false},
	    {"64:ff9b::a00:1", false, false},
	    {"2002:a00:1::1", false, false},
	    {"2001:0:a00:1::1", false, false},
	    {"2001:db8::1", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct webhook_setup s = {.url = "x"};
		struct addr a;

		assert_int_equal(addr_parse_ip(span_str(rows[i].address), &a), OK);
		if (webhook_allows(&s, &a) != rows[i].open)
			fail_msg("%s", rows[i].address);
		s.allow_private = true;
		assert_true(webhook_allows(&s, &a));
		s.loopback = true;
		if (webhook_allows(&s, &a) != rows[i].loopback)
			fail_msg("%s with http", rows[i].address);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
