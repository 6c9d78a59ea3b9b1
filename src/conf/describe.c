/* SPDX-License-Identifier: MIT
 *
 * A configuration in use, key by key, as one would write it. */
#include "conf/draft.h"
#include "conf/schema.h"
#include "conf/value.h"

#define VALUE_MAX 64

static bool is_below(const char *path, const char *section)
{
	size_t n = strlen(section);

	return strncmp(path, section, n) == 0 && path[n] == '.' && !strchr(path, '*');
}

/* A plain value that stands in struct conf itself. */
static bool is_plain(const struct schema_key *row)
{
	size_t begin = offsetof(struct draft, conf);

	return row->type >= TYPE_BOOL && row->type <= TYPE_DURATION && row->width &&
	       row->offset >= begin && row->offset + row->width <= begin + sizeof(struct conf);
}

static uint64_t read_field(const struct conf *c, const struct schema_key *row)
{
	const char *field = (const char *)c + row->offset - offsetof(struct draft, conf);

	if (row->width == sizeof(bool))
		return *(const bool *)field;
	if (row->width == sizeof(uint32_t))
		return *(const uint32_t *)field;
	return *(const uint64_t *)field;
}

static void add_value(struct buf *b, const struct schema_key *row, uint64_t v)
{
	if (row->type == TYPE_BOOL)
		buf_add_span(b, v ? SPAN("true") : SPAN("false"));
	else if (row->type == TYPE_WORD)
		buf_add_span(b, schema_word(row->words, (size_t)v));
	else if (row->words && v == 0)
		buf_add_span(b, span_str(row->words));
	else if (row->type == TYPE_SIZE)
		value_add_size(b, v);
	else if (row->type == TYPE_DURATION)
		value_add_duration(b, row->width == sizeof(uint32_t) ? v * USEC_SEC : v);
	else
		buf_add_u64(b, v);
}

void conf_keys_each(const struct conf *c, const char *section, conf_key_fn *fn, void *arg)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_key *row = &schema[i];
		char text[VALUE_MAX];
		struct buf b = BUF(text);

		if (!is_below(row->path, section) || !is_plain(row))
			continue;
		add_value(&b, row, read_field(c, row));
		fn(arg, row->path, buf_span(&b));
	}
}
