/* SPDX-License-Identifier: MIT
 *
 * What a message is, from its first bytes. */
#include <string.h>

#include "guard/gate.h"

/* No request is shorter: "A s:a SIP/2.0" and the headers that it must have (RFC 3261 §8.1.1). */
#define SHORTEST 32

/* RFC 3261 §25.1, token; longer method names than this (sip/limits.h) are noise. */
#define METHOD_MAX 64

static bool is_token(char c)
{
	if ((unsigned char)((c | 0x20) - 'a') < 26 || ascii_is_digit(c))
		return true;
	return c && strchr("-.!%*_+`'~", c);
}

static enum ledger_method class_of(struct span method)
{
	if (span_eq(method, SPAN("REGISTER")))
		return LEDGER_REGISTER;
	if (span_eq(method, SPAN("INVITE")))
		return LEDGER_INVITE;
	if (span_eq(method, SPAN("OPTIONS")))
		return LEDGER_OPTIONS;
	if (span_eq(method, SPAN("SIP/2.0")))
		return LEDGER_RESPONSE;
	return LEDGER_OTHER;
}

bool gate_peek(const char *p, size_t n, enum ledger_method *out_method)
{
	size_t name = 0, most;

	/* Empty lines before a message are ignored (RFC 3261 §7.5). */
	while (n && (*p == '\r' || *p == '\n')) {
		p++;
		n--;
	}
	if (n < SHORTEST)
		return false;
	most = MIN(n - 1, METHOD_MAX);
	while (name < most && is_token(p[name]))
		name++;
	if (p[name] == '/' && span_istarts(span_of(p, n), SPAN("SIP/")))
		for (; name < most && p[name] != ' '; name++)
			;
	if (name == 0 || p[name] != ' ')
		return false;
	*out_method = class_of(span_of(p, name));
	return true;
}

bool gate_is_keepalive(const char *p, size_t n)
{
	static const char cookie[4] = {0x21, 0x12, (char)0xa4, 0x42};

	/* RFC 8489 §5: two zero bits, type, length, magic cookie. */
	if (n >= 20 && !(p[0] & 0xc0) && memcmp(p + 4, cookie, sizeof(cookie)) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r' && p[i] != '\n' && p[i] != ' ' && p[i] != '\0')
			return false;
	return true;
}
