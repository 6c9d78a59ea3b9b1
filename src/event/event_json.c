/* SPDX-License-Identifier: MIT
 *
 * The event as one line of JSON: the table of fields, walked. */
#include "base/json.h"
#include "event/field.h"

/* A text that was cut ends with U+2026. */
static void write_cut(struct json *j, struct span s)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	char text[UINT8_MAX + sizeof(ellipsis)];
	struct buf b = BUF(text);

	buf_add_span(&b, s);
	buf_add_lit(&b, "\xe2\x80\xa6");
	json_str(j, buf_span(&b));
}

static void write_value(struct json *j, const struct field_value *v)
{
	switch (v->type) {
	case FIELD_TEXT:
		if (v->cut)
			write_cut(j, v->text);
		else
			json_str(j, v->text);
		break;
	case FIELD_UINT:
		json_u64(j, v->number);
		break;
	case FIELD_MILLI:
		json_milli(j, v->milli);
		break;
	case FIELD_BOOL:
		json_bool(j, v->truth);
		break;
	case FIELD_NIL:
		json_nil(j);
		break;
	}
}

static void write_field(
    struct json *j, const struct event_field *f, const struct event *e, struct span node)
{
	struct field_value v;

	v.type = FIELD_NIL;
	v.cut = false;
	f->get(e, node, &v);
	json_key_quoted(j, f->key);
	write_value(j, &v);
}

/* Groups are runs of the table; one that has nothing to say is null as a whole. */
static size_t write_group(struct json *j, size_t i, const struct event *e, struct span node)
{
	enum event_group group = event_fields[i].group;
	bool present = event_has_group(e, group);

	json_key(j, event_group_name(group));
	if (present)
		json_object_begin(j);
	else
		json_nil(j);
	for (; i < event_field_count && event_fields[i].group == group; i++)
		if (present)
			write_field(j, &event_fields[i], e, node);
	if (present)
		json_object_end(j);
	return i;
}

void event_put_members(struct json *j, const struct event *e, struct span node)
{
	for (size_t i = 0; i < event_field_count;) {
		if (event_fields[i].group != EVENT_GROUP_NONE)
			i = write_group(j, i, e, node);
		else
			write_field(j, &event_fields[i++], e, node);
	}
}

void event_put_number(struct json *j, double v)
{
	int64_t milli;

	if (event_milli(v, &milli))
		json_milli(j, milli);
	else
		json_nil(j);
}

void event_write_json(const struct event *e, struct span node, struct buf *b)
{
	struct json j;

	json_init(&j, b);
	json_object_begin(&j);
	event_put_members(&j, e, node);
	json_object_end(&j);
}
