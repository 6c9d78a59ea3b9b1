/* SPDX-License-Identifier: MIT
 *
 * The schema table as JSON Schema, for editors that complete and check while one types. It cannot
 * say all that `ringfence check` says: references, bounds of values with units, what fits together.
 */
#include "base/json.h"
#include "conf/schema.h"
#include "conf/write.h"

/* What a scalar of that type looks like; number: YAML may take it for one. */
static const struct {
	enum schema_type type;
	bool number;
	const char *pattern;
} scalars[] = {
    {TYPE_COUNT, true, "^[0-9]+$"},
    {TYPE_SIZE, true, "^[0-9]+(B|KiB|MiB|GiB)?$"},
    {TYPE_DURATION, false, "^[0-9]+(ms|s|m|h|d)$"},
    {TYPE_STORE, false, "^sqlite:."},
    {TYPE_TARGET, false, "^[sS][iI][pP]:"},
    {TYPE_LISTENS, false, "^(udp|tcp):.+:[0-9]+$"},
};

static void add_map(struct json *j, const struct schema_key *parent);

static void add_words(struct json *j, const char *words)
{
	json_key(j, "enum");
	json_array_begin(j);
	for (size_t i = 0; schema_word(words, i).n; i++)
		json_str(j, schema_word(words, i));
	json_array_end(j);
}

static void add_scalar(struct json *j, const struct schema_key *row)
{
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
		char text[128];
		struct buf pattern = BUF(text);

		if (scalars[i].type != row->type)
			continue;
		json_key(j, "type");
		json_array_begin(j);
		json_cstr(j, "string");
		if (scalars[i].number)
			json_cstr(j, "integer");
		json_array_end(j);
		if (row->words)
			buf_addf(&pattern, "^(%s)$|", row->words);
		buf_add_span(&pattern, span_str(scalars[i].pattern));
		json_put_str(j, "pattern", buf_span(&pattern));
		if (row->type == TYPE_COUNT) {
			json_put_u64(j, "minimum", row->min);
			json_put_u64(j, "maximum", row->max);
		}
		return;
	}
	/* Names and texts: YAML takes "100" or "true" for something else, ringfence does not. */
	json_key(j, "type");
	json_array_begin(j);
	json_cstr(j, "string");
	json_cstr(j, "integer");
	json_array_end(j);
}

static void add_target_item(struct json *j)
{
	json_key(j, "anyOf");
	json_array_begin(j);
	json_object_begin(j);
	json_put_cstr(j, "type", "string");
	json_object_end(j);
	json_object_begin(j);
	json_put_cstr(j, "type", "object");
	json_key(j, "properties");
	json_object_begin(j);
	json_key(j, "uri");
	json_object_begin(j);
	json_put_cstr(j, "type", "string");
	json_object_end(j);
	json_key(j, "backup");
	json_object_begin(j);
	json_put_cstr(j, "type", "boolean");
	json_object_end(j);
	json_object_end(j);
	json_key(j, "required");
	json_array_begin(j);
	json_cstr(j, "uri");
	json_array_end(j);
	json_put_bool(j, "additionalProperties", false);
	json_object_end(j);
	json_array_end(j);
}

static void add_list(struct json *j, const struct schema_key *row)
{
	json_put_cstr(j, "type", "array");
	if (row->required)
		json_put_u64(j, "minItems", 1);
	json_key(j, "items");
	json_object_begin(j);
	if (row->words)
		add_words(j, row->words);
	else if (row->type == TYPE_TARGETS)
		add_target_item(j);
	else if (row->type == TYPE_LIST)
		add_map(j, row);
	else
		add_scalar(j, row);
	json_object_end(j);
}

/* One, or a list of such. */
static void add_several(struct json *j, const struct schema_key *row)
{
	json_key(j, "anyOf");
	json_array_begin(j);
	json_object_begin(j);
	if (row->words)
		add_words(j, row->words);
	else
		add_scalar(j, row);
	json_object_end(j);
	json_object_begin(j);
	add_list(j, row);
	json_object_end(j);
	json_array_end(j);
}

/* The reasons are not listed: `ringfence check` knows them. */
static void add_weights(struct json *j)
{
	json_put_cstr(j, "type", "object");
	json_key(j, "additionalProperties");
	json_object_begin(j);
	json_put_cstr(j, "type", "integer");
	json_put_u64(j, "minimum", 0);
	json_object_end(j);
}

/* A section may stand without a value: its lines are comments. */
static void add_type_map(struct json *j, bool nullable)
{
	json_key(j, "type");
	json_array_begin(j);
	json_cstr(j, "object");
	if (nullable)
		json_cstr(j, "null");
	json_array_end(j);
}

static void add_value(struct json *j, const struct schema_key *row)
{
	json_object_begin(j);
	json_put_cstr(j, "description", row->doc);
	if (row->preset)
		json_put_cstr(j, "x-default", row->preset);
	if (row->type == TYPE_MAP) {
		add_type_map(j, true);
		add_map(j, row);
	} else if (row->type == TYPE_NAMED) {
		add_type_map(j, !row->required);
		json_key(j, "additionalProperties");
		json_object_begin(j);
		add_type_map(j, true);
		add_map(j, row);
		json_object_end(j);
	} else if (row->type == TYPE_LIST ||
		   (row->type >= TYPE_LISTENS && row->type <= TYPE_TARGETS)) {
		add_list(j, row);
	} else if (row->type == TYPE_WORD) {
		add_words(j, row->words);
	} else if (row->type == TYPE_SEVERAL) {
		add_several(j, row);
	} else if (row->type == TYPE_WEIGHTS) {
		add_weights(j);
	} else if (row->type == TYPE_BOOL) {
		json_put_cstr(j, "type", "boolean");
	} else {
		add_scalar(j, row);
	}
	json_object_end(j);
}

static void add_map(struct json *j, const struct schema_key *parent)
{
	bool required = false;

	json_key(j, "properties");
	json_object_begin(j);
	for (const struct schema_key *row = schema_next(parent, NULL); row;
	     row = schema_next(parent, row)) {
		required = required || row->required;
		if (row->type == TYPE_LATER)
			continue;
		json_key_span(j, schema_leaf(row));
		add_value(j, row);
	}
	json_object_end(j);
	if (required) {
		json_key(j, "required");
		json_array_begin(j);
		for (const struct schema_key *row = schema_next(parent, NULL); row;
		     row = schema_next(parent, row))
			if (row->required)
				json_str(j, schema_leaf(row));
		json_array_end(j);
	}
	json_put_bool(j, "additionalProperties", false);
}

/* JSON on one line becomes JSON for people's eyes and diffs: a line for each member. */
static void add_indented(struct buf *b, struct span json)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < json.n; i++) {
		const char c = json.p[i];
		const bool opens = !quoted && (c == '{' || c == '[');
		const bool closes = !quoted && (c == '}' || c == ']');

		if (c == '"' && !(i && json.p[i - 1] == '\\'))
			quoted = !quoted;
		depth += opens - closes;
		if (closes)
			buf_addf(b, "\n%*s", 2 * depth, "");
		buf_add_char(b, c);
		if (opens || (!quoted && c == ','))
			buf_addf(b, "\n%*s", 2 * depth, "");
		else if (!quoted && c == ':')
			buf_add_char(b, ' ');
	}
	buf_add_char(b, '\n');
}

void conf_write_schema(struct buf *b)
{
	static char text[CONF_WRITE_MAX];
	struct buf line = BUF(text);
	struct json j;

	json_init(&j, &line);
	json_object_begin(&j);
	json_put_cstr(&j, "$schema", "http://json-schema.org/draft-07/schema#");
	json_put_cstr(&j, "title", "ringfence.yaml");
	json_put_cstr(
	    &j, "$comment", "Written from the table in src/conf/schema.c; edit it there.");
	json_put_cstr(&j, "type", "object");
	add_map(&j, NULL);
	json_object_end(&j);
	add_indented(b, buf_span(&line));
}
