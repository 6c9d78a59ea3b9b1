/* SPDX-License-Identifier: MIT */
#include "cli/source.h"

#include <stdio.h>

#include "base/addr.h"
#include "cli/cli.h"
#include "cli/text.h"

#define SHOWN 60

static int complain(const char *text, const char *what)
{
	fputs("ringfence: \"", stderr);
	text_print_escaped(stderr, span_str(text), SHOWN);
	fprintf(stderr, "\": %s\n", what);
	return CLI_USAGE;
}

/* "192.0.2.7/24" with the bits behind the prefix cleared, if that is what is wrong with it. */
static bool add_repaired(struct buf *b, struct span text)
{
	struct span ip, rest = text;
	struct prefix p = {0};
	struct addr a;
	uint32_t bits;

	if (!span_cut(&rest, '/', &ip) || addr_parse_ip(ip, &a) != OK ||
	    span_to_u32(rest, addr_is_v4(&a) ? 32 : 128, &bits) != OK)
		return false;
	bits += addr_is_v4(&a) ? 96 : 0;
	p.bits = (uint8_t)bits;
	for (uint32_t i = 0; i < bits; i++)
		p.ip[i / 8] |= a.ip[i / 8] & (uint8_t)(0x80 >> i % 8);
	prefix_add(b, &p);
	return true;
}

int cli_check_source(const char *text)
{
	char repaired[ADDR_TEXT_MAX], what[ADDR_TEXT_MAX + 64];
	struct buf b = BUF(repaired);
	struct prefix p;

	if (prefix_parse(span_str(text), &p) == OK)
		return CLI_OK;
	if (!add_repaired(&b, span_str(text)))
		return complain(
		    text, "must be an address or a prefix, such as 192.0.2.7 or 192.0.2.0/24");
	snprintf(what, sizeof(what), "bits are set behind the prefix; did you mean %.*s?",
	    SPAN_FMT(buf_span(&b)));
	return complain(text, what);
}

int cli_check_address(const char *text)
{
	struct addr a;

	if (addr_parse(span_str(text), 0, &a) == OK)
		return CLI_OK;
	return complain(
	    text, "must be an address, such as 192.0.2.7, 192.0.2.7:5060 or 2001:db8::1");
}
