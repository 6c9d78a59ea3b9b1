/* SPDX-License-Identifier: MIT
 *
 * The record for a program: its environment, "NAME=value" each ended by NUL, an empty one as the
 * end, then the JSON for its standard input. Only what ringfence itself words is in the
 * environment: shells have been broken with less than a User-Agent there. */
#include "event/field.h"
#include "event/format.h"

static void add_variable(
    struct buf *b, const struct event_field *f, const struct event *e, struct span node)
{
	struct field_value v;
	size_t at = b->n;

	if (f->stranger || !event_field_get(f, e, node, &v))
		return;
	buf_add_lit(b, "RINGFENCE_");
	event_field_add_name(b, f);
	for (; at < b->n; at++)
		if (b->p[at] >= 'a' && b->p[at] <= 'z')
			b->p[at] = (char)(b->p[at] - 'a' + 'A');
	buf_add_char(b, '=');
	if (v.type == FIELD_TEXT)
		buf_add_span(b, v.text);
	else if (v.type == FIELD_BOOL)
		buf_add_span(b, v.truth ? SPAN("true") : SPAN("false"));
	else if (v.type == FIELD_UINT)
		buf_add_u64(b, v.number);
	else
		buf_addf(b, "%.3f", (double)v.milli / 1000);
	buf_add_char(b, '\0');
}

void event_write_exec(const struct event *e, struct span json, struct span node, struct buf *b)
{
	for (size_t i = 0; i < event_field_count; i++)
		add_variable(b, &event_fields[i], e, node);
	buf_add_char(b, '\0');
	buf_add_span(b, json);
}
