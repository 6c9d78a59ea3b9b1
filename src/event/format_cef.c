/* SPDX-License-Identifier: MIT
 *
 * Common Event Format: CEF:0|vendor|product|version|reason|meaning|severity|key=value key=value.
 * In the header | and \ are escaped, in values = and \; control characters do not occur, since
 * texts are shown by utf8_add_shown first. */
#include "base/utf8.h"
#include "event/field.h"
#include "event/format.h"

/* `special`: the character that needs a backslash besides the backslash itself. */
static void add_escaped(struct buf *b, struct span s, char special)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == special || s.p[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, s.p[i]);
	}
}

static void add_text(struct buf *b, const struct field_value *v)
{
	char text[4 * UINT8_MAX];
	struct buf shown = BUF(text);

	utf8_add_shown(&shown, v->text);
	add_escaped(b, buf_span(&shown), '=');
	if (v->cut)
		buf_add_lit(b, "\xe2\x80\xa6");
}

static void add_value(struct buf *b, const struct field_value *v)
{
	switch (v->type) {
	case FIELD_TEXT:
		add_text(b, v);
		break;
	case FIELD_UINT:
		buf_add_u64(b, v->number);
		break;
	case FIELD_MILLI:
		buf_addf(b, "%s%llu.%03llu", v->milli < 0 ? "-" : "",
		    (unsigned long long)(v->milli < 0 ? -v->milli : v->milli) / 1000,
		    (unsigned long long)(v->milli < 0 ? -v->milli : v->milli) % 1000);
		break;
	case FIELD_BOOL:
		buf_add_span(b, v->truth ? SPAN("true") : SPAN("false"));
		break;
	case FIELD_NIL:
		break;
	}
}

static void add_key(struct buf *b, const char *key, const char *suffix)
{
	buf_add_char(b, ' ');
	buf_add_span(b, span_str(key));
	buf_add_span(b, span_str(suffix));
	buf_add_char(b, '=');
}

static void add_field(
    struct buf *b, const struct event_field *f, const struct event *e, struct span node)
{
	struct field_value v;

	if (!f->cef[0] || !event_field_get(f, e, node, &v))
		return;
	if (f->cef_label[0]) {
		add_key(b, f->cef, "Label");
		buf_add_span(b, span_str(f->cef_label));
	}
	add_key(b, f->cef, "");
	add_value(b, &v);
}

void event_write_cef(const struct event *e, struct span node, struct buf *b)
{
	static const unsigned char severities[] = {10, 10, 10, 9, 8, 5, 2, 1};
	const struct reason_info *r = reason_info(e->reason);

	buf_add_lit(b, "CEF:0|ringfence|ringfence|" RINGFENCE_VERSION "|");
	add_escaped(b, span_str(r->name), '|');
	buf_add_char(b, '|');
	add_escaped(b, span_str(r->meaning), '|');
	buf_add_char(b, '|');
	buf_add_u64(b, severities[event_severity(e) & 7]);
	/* The time is a number of milliseconds, which every reader understands. */
	buf_add_lit(b, "|app=SIP rt=");
	buf_add_u64(b, e->wall / USEC_MS);
	for (size_t i = 0; i < event_field_count; i++)
		if (!span_eq(span_str(event_fields[i].cef), SPAN("rt")))
			add_field(b, &event_fields[i], e, node);
}
