/* SPDX-License-Identifier: MIT
 *
 * The line for fail2ban and its kin. It is a contract with rules on other machines: words are added
 * at its end only. All that a stranger can choose is the account, which has nothing but letters,
 * digits and a few marks in it. */
#include "event/field.h"
#include "event/format.h"

static bool is_harmless(char c)
{
	unsigned char lower = ascii_lower((unsigned char)c);

	return (lower >= 'a' && lower <= 'z') || ascii_is_digit(c) || c == '@' || c == '.' ||
	       c == '_' || c == '+' || c == '-';
}

static void add_word(struct buf *b, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";

	if (s.n == 0)
		buf_add_char(b, '-');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_harmless(s.p[i])) {
			buf_add_char(b, s.p[i]);
		} else {
			buf_add_char(b, '%');
			buf_add_char(b, digits[c >> 4]);
			buf_add_char(b, digits[c & 15]);
		}
	}
}

static void add_transport(struct buf *b, enum transport t)
{
	const char *name = t == TRANSPORT_NONE ? "-" : transport_name(t);

	for (; *name; name++)
		buf_add_char(b, (char)ascii_lower((unsigned char)*name));
}

void event_write_fail2ban(const struct event *e, struct span node, struct buf *b)
{
	struct field_value ts;

	if (event_field_get(event_field_ts, e, node, &ts))
		buf_add_span(b, ts.text);
	buf_add_lit(b, " ringfence[");
	add_word(b, node);
	buf_add_lit(b, "]: ");
	buf_add_span(b, span_str(reason_name(e->reason)));
	buf_add_lit(b, " source=");
	addr_add_ip(b, &e->source);
	buf_add_lit(b, " proven=");
	buf_add_span(b, e->proven ? SPAN("yes") : SPAN("no"));
	buf_add_lit(b, " transport=");
	add_transport(b, e->transport);
	buf_add_lit(b, " port=");
	buf_add_u64(b, e->source.port);
	buf_add_lit(b, " account=");
	add_word(b, event_text(e, EVENT_TEXT_ACCOUNT));
	buf_add_lit(b, " spare=");
	buf_add_span(b, e->spare ? SPAN("yes") : SPAN("no"));
}
