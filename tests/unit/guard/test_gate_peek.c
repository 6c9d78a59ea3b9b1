/* SPDX-License-Identifier: MIT
 *
 * What a datagram is by its first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/gate.h"

#define SIXTY "012345678901234567890123456789012345678901234567890123456789"
#define REST  " sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"

static void peek(void **state)
{
	static const struct {
		struct span text;
		int want; /* -1: noise */
	} rows[] = {
	    {SPAN("REGISTER" REST), LEDGER_REGISTER},
	    {SPAN("INVITE" REST), LEDGER_INVITE},
	    {SPAN("OPTIONS" REST), LEDGER_OPTIONS},
	    {SPAN("BYE" REST), LEDGER_OTHER},
	    {SPAN("options" REST), LEDGER_OTHER}, /* methods are case-sensitive */
	    {SPAN("OPTIONSX" REST), LEDGER_OTHER},
	    {SPAN("!interesting-Method0123456789_*+`.%indeed'~" REST), LEDGER_OTHER}, /* RFC 4475 */
	    {SPAN(SIXTY "1234" REST), LEDGER_OTHER},
	    {SPAN(SIXTY "12345" REST), -1},
	    {SPAN("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"), LEDGER_RESPONSE},
	    {SPAN("SIP/7.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"), LEDGER_OTHER},
	    {SPAN("\r\n\r\nINVITE" REST), LEDGER_INVITE},
	    {SPAN(""), -1},
	    {SPAN("\r\n\r\n"), -1},
	    {SPAN("\0\0\0\0"), -1},
	    {SPAN("OPTIONS sip:x"), -1},
	    {SPAN(" OPTIONS" REST), -1},
	    {SPAN("OPTIONS\t" REST), -1},
	    {SPAN("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 0123456789abcdef0123456789"), -1},
	    {SPAN("0123456789012345678901234567890123456789"), -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum ledger_method m = LEDGER_METHODS;
		bool ok = gate_peek(rows[i].text.p, rows[i].text.n, &m);

		if (ok != (rows[i].want >= 0) || (ok && (int)m != rows[i].want))
			fail_msg("row %zu: %d %d", i, ok, (int)m);
	}
}

static void shortest(void **state)
{
	enum ledger_method m;

	(void)state;
	assert_true(gate_peek("OPTIONS 9012345678901234567890xx", 32, &m));
	assert_false(gate_peek("OPTIONS 9012345678901234567890xx", 31, &m));
}

static void keepalives(void **state)
{
	static const struct {
		struct span text;
		bool want;
	} rows[] = {
	    {SPAN("\r\n\r\n"), true},
	    {SPAN("\r\n"), true},
	    {SPAN("\0\0\0\0"), true},
	    {SPAN(" "), true},
	    {SPAN(""), true},
	    {SPAN("\0\x01\0\0\x21\x12\xa4\x42"
		  "0123456789ab"),
		true},
	    {SPAN("\0\x01\0\0\x21\x12\xa4\x43"
		  "0123456789ab"),
		false},
	    {SPAN("\0\x01\0\0\x21\x12\xa4\x42"
		  "0123456789a"),
		false},
	    {SPAN("x\r\n"), false},
	    {SPAN("OPTIONS" REST), false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (gate_is_keepalive(rows[i].text.p, rows[i].text.n) != rows[i].want)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(peek),
	    cmocka_unit_test(shortest),
	    cmocka_unit_test(keepalives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
