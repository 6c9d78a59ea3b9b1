/* SPDX-License-Identifier: MIT
 *
 * RFC 5424. Structured data has what programs sort by, under the element ringfence@32473 (the
 * number that RFC 5612 gives to those who have none); the message is the whole event. */
#include <unistd.h>

#include "base/utf8.h"
#include "event/field.h"
#include "event/format.h"

#define HOST_MAX 64

/* PRINTUSASCII of RFC 5424 §6: what is not is a hyphen. */
static void add_word(struct buf *b, struct span s, size_t max)
{
	if (s.n == 0)
		buf_add_char(b, '-');
	for (size_t i = 0; i < s.n && i < max; i++)
		buf_add_char(b, s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '-');
}

/* PARAM-VALUE: ", \ and ] are escaped (§6.3.3). */
static void add_text(struct buf *b, struct span s)
{
	char text[4 * UINT8_MAX];
	struct buf shown = BUF(text);

	utf8_add_shown(&shown, s);
	for (size_t i = 0; i < shown.n; i++) {
		if (text[i] == '"' || text[i] == '\\' || text[i] == ']')
			buf_add_char(b, '\\');
		buf_add_char(b, text[i]);
	}
}

static void add_param(
    struct buf *b, const struct event_field *f, const struct event *e, struct span node)
{
	struct field_value v;

	if (!f->brief || !event_field_get(f, e, node, &v))
		return;
	buf_add_char(b, ' ');
	event_field_add_name(b, f);
	buf_add_lit(b, "=\"");
	if (v.type == FIELD_TEXT)
		add_text(b, v.text);
	else if (v.type == FIELD_BOOL)
		buf_add_span(b, v.truth ? SPAN("true") : SPAN("false"));
	else if (v.type == FIELD_UINT)
		buf_add_u64(b, v.number);
	else
		buf_addf(b, "%.3f", (double)v.milli / 1000);
	buf_add_char(b, '"');
}

void event_write_syslog(
    const struct event *e, struct span node, unsigned facility, struct span message, struct buf *b)
{
	struct field_value ts;

	buf_add_char(b, '<');
	buf_add_u64(b, facility * 8 + event_severity(e));
	buf_add_lit(b, ">1 ");
	if (event_field_get(event_field_ts, e, node, &ts))
		buf_add_span(b, ts.text);
	buf_add_char(b, ' ');
	add_word(b, node, HOST_MAX);
	buf_add_lit(b, " ringfence ");
	buf_add_u64(b, (uint64_t)getpid());
	buf_add_char(b, ' ');
	add_word(b, span_str(reason_name(e->reason)), 32);
	buf_add_lit(b, " [ringfence@32473");
	for (size_t i = 0; i < event_field_count; i++)
		add_param(b, &event_fields[i], e, node);
	buf_add_lit(b, "] ");
	buf_add_span(b, message);
}
