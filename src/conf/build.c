/* SPDX-License-Identifier: MIT
 *
 * From the tree to the draft, by the schema. */
#include "conf/build.h"

#include "base/distance.h"
#include "conf/schema.h"
#include "conf/value.h"

#define SIBLINGS_MAX 32
#define NAME_MAX_LEN 48

struct builder {
	struct arena *arena;
	struct conf_errors *errs;
	char path_text[512];
	struct buf path; /* of the value at hand, for messages: "zones.public.listen" */
	bool nomem;
};

static const struct node empty_map = {.kind = NODE_MAP};

static bool read_map(
    struct builder *b, const struct node *map, const struct schema_key *parent, void *base);

static const char *path(struct builder *b)
{
	return buf_terminate(&b->path) ? b->path_text : "";
}

/* Goes one level deeper; the length to come back to is returned. */
static size_t enter(struct builder *b, struct span key)
{
	size_t before = b->path.n;

	if (before)
		buf_add_char(&b->path, '.');
	buf_add_escaped(&b->path, key, NAME_MAX_LEN);
	b->path.overflow = false;
	return before;
}

static void leave(struct builder *b, size_t before)
{
	b->path.n = before;
}

/* Wrong in shape, at the value; at the key where the value is missing. */
static void report_shape(struct builder *b, const struct node *n, const char *what)
{
	if (tree_is_absent(n) && n->key_line)
		conf_errors_report(
		    b->errs, n->key_line, n->key_column, "%s: has no value: it %s", path(b), what);
	else
		conf_errors_report(b->errs, n->line, n->column, "%s: %s", path(b), what);
}

static void report_value(struct builder *b, const struct node *n, const char *what)
{
	conf_errors_report(
	    b->errs, n->line, n->column, "%s \"%s\": %s", path(b), conf_show(n->text).text, what);
}

struct span build_nearest(struct span text, const struct span *names, size_t n)
{
	size_t best = text.n < 4 ? 2 : text.n < 8 ? 3 : 4; /* not so far off, or farther */
	struct span nearest = SPAN("");

	for (size_t i = 0; i < n; i++) {
		size_t d = span_distance(text, names[i], best);

		if (d < best && d < names[i].n) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}

static void report_unknown(struct builder *b, const struct node *n, const struct schema_key *parent)
{
	struct span names[SIBLINGS_MAX], nearest;
	char text[512];
	struct buf list = BUF(text);
	size_t count = 0;

	for (const struct schema_key *row = schema_next(parent, NULL); row && count < SIBLINGS_MAX;
	     row = schema_next(parent, row))
		if (row->type != TYPE_LATER) {
			names[count] = schema_leaf(row);
			buf_addf(&list, "%s%.*s", count ? ", " : "", SPAN_FMT(names[count]));
			count++;
		}
	nearest = build_nearest(n->key, names, count);
	if (nearest.n)
		conf_errors_report(b->errs, n->key_line, n->key_column,
		    "%s: unknown key, did you mean \"%.*s\"?", path(b), SPAN_FMT(nearest));
	else
		conf_errors_report(b->errs, n->key_line, n->key_column,
		    "%s: unknown key; known here: %s", path(b), buf_terminate(&list) ? text : "");
}

/* "must be between 10ms and 10s", in the unit of the row. */
static void report_bounds(struct builder *b, const struct node *n, const struct schema_key *row)
{
	void (*add)(struct buf *, uint64_t) = row->type == TYPE_DURATION ? value_add_duration
					      : row->type == TYPE_SIZE   ? value_add_size
									 : buf_add_u64;
	char text[128];
	struct buf what = BUF(text);

	buf_add_lit(&what, "must be between ");
	add(&what, row->min);
	buf_add_lit(&what, " and ");
	add(&what, row->max);
	if (row->words)
		buf_addf(&what, ", or %s", row->words);
	report_value(b, n, buf_terminate(&what) ? text : "is out of bounds");
}

static void store(void *base, const struct schema_key *row, uint64_t v)
{
	char *field = (char *)base + row->offset;

	if (row->width == sizeof(bool))
		*(bool *)field = v != 0;
	else if (row->width == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)v;
	else
		*(uint64_t *)field = v;
}

/* Index of the word, or -1, reported. */
static int check_word(struct builder *b, const struct node *n, const struct schema_key *row)
{
	int i = schema_word_index(row->words, n->text);
	char text[128];
	struct buf what = BUF(text);

	buf_add_lit(&what, "must be ");
	schema_add_words(&what, row->words);
	if (i < 0)
		report_value(b, n, buf_terminate(&what) ? text : "is not a known word");
	return i;
}

static void read_word(
    struct builder *b, const struct node *n, const struct schema_key *row, void *base)
{
	int i = check_word(b, n, row);

	if (i >= 0)
		store(base, row, (uint64_t)i);
}

static value_error convert(const struct schema_key *row, struct span text, uint64_t *out_v)
{
	bool truth = false;
	value_error error;

	if (row->type == TYPE_DURATION)
		return value_duration(text, out_v);
	if (row->type == TYPE_SIZE)
		return value_size(text, out_v);
	if (row->type == TYPE_COUNT)
		return value_count(text, out_v);
	error = value_bool(text, &truth);
	*out_v = truth;
	return error;
}

static void read_number(
    struct builder *b, const struct node *n, const struct schema_key *row, void *base)
{
	const bool seconds = row->type == TYPE_DURATION && row->width == sizeof(uint32_t);
	uint64_t v = 0;
	value_error error;

	if (row->words && schema_word_index(row->words, n->text) >= 0) {
		store(base, row, 0);
		return;
	}
	error = convert(row, n->text, &v);
	if (error)
		report_value(b, n, error);
	else if (row->type != TYPE_BOOL && (v < row->min || v > row->max))
		report_bounds(b, n, row);
	else if (seconds && v % USEC_SEC)
		report_value(b, n, "must be whole seconds");
	else
		store(base, row, seconds ? v / USEC_SEC : v);
}

static bool check_words(struct builder *b, const struct node *list, const struct schema_key *row)
{
	unsigned seen = 0;
	bool ok = true;

	for (const struct node *n = list->children; n; n = n->next) {
		int i = check_word(b, n, row);

		if (i >= 0 && seen & 1u << i)
			report_value(b, n, "stands here twice");
		ok = ok && i >= 0 && !(seen & 1u << i);
		seen |= i >= 0 ? 1u << i : 0;
	}
	return ok;
}

/* A list of plain values; of URIs or maps where the row is TARGETS. */
static bool check_items(struct builder *b, const struct node *list, const struct schema_key *row)
{
	const bool maps = row->type == TYPE_TARGETS;

	for (const struct node *n = list->children; n; n = n->next) {
		const char *what = NULL;

		if (tree_is_absent(n))
			what = "an item is empty";
		else if (n->kind != NODE_SCALAR && !(maps && n->kind == NODE_MAP))
			what = maps ? "each item must be a URI or {uri: URI, backup: true}"
				    : "each item must be a single value";
		if (what) {
			conf_errors_report(b->errs, n->line, n->column, "%s: %s", path(b), what);
			return false;
		}
	}
	return !row->words || check_words(b, list, row);
}

/* A map of plain values under keys that assemble.c knows. */
static bool check_pairs(struct builder *b, const struct node *map)
{
	bool ok = true;

	for (const struct node *n = map->children; n; n = n->next) {
		size_t before = enter(b, n->key);

		if (n->kind != NODE_SCALAR || tree_is_absent(n)) {
			report_shape(b, n, "must be a single number");
			ok = false;
		}
		leave(b, before);
	}
	return ok;
}

static void read_pairs(
    struct builder *b, const struct node *n, const struct schema_key *row, void *base)
{
	if (n->kind != NODE_MAP && !tree_is_absent(n))
		report_shape(b, n, "must be a map, like {key: value}");
	else if (check_pairs(b, n))
		*(const struct node **)((char *)base + row->offset) = n;
}

static void read_leaf(
    struct builder *b, const struct node *n, const struct schema_key *row, void *base)
{
	const bool list = (row->type >= TYPE_LISTENS && row->type <= TYPE_TARGETS) ||
			  (row->type == TYPE_SEVERAL && n->kind == NODE_LIST);

	if (row->type == TYPE_WEIGHTS) {
		read_pairs(b, n, row, base);
		return;
	}
	if (list && n->kind != NODE_LIST) {
		report_shape(b, n, "must be a list, like [one, another]");
		return;
	}
	if (!list && (n->kind != NODE_SCALAR || tree_is_absent(n))) {
		report_shape(b, n,
		    tree_is_absent(n) ? "must have one, or leave the key out"
				      : "must be a single value");
		return;
	}
	if (row->type == TYPE_WORD)
		read_word(b, n, row, base);
	else if (row->type <= TYPE_DURATION)
		read_number(b, n, row, base);
	else if (list ? check_items(b, n, row)
		      : row->type != TYPE_SEVERAL || !row->words || check_word(b, n, row) >= 0)
		*(const struct node **)((char *)base + row->offset) = n;
}

/* The entries of `zones:` and the like, each a map that begins with struct draft_entry. */
static bool read_entries(
    struct builder *b, const struct node *n, const struct schema_key *row, void *base)
{
	struct draft_list *list = (struct draft_list *)(void *)((char *)base + row->offset);
	char *entry = arena_zalloc(b->arena, (n->count + 1) * row->entry_size);

	if (!entry)
		return false;
	*list = (struct draft_list){entry, 0, true};
	for (const struct node *c = n->children; c; c = c->next) {
		size_t before = row->type == TYPE_NAMED ? enter(b, c->key) : b->path.n;
		bool empty = row->type == TYPE_NAMED && tree_is_absent(c), ok = true;

		if (c->kind != NODE_MAP && !empty) {
			report_shape(b, c, "must be a map of keys, like {key: value}");
		} else {
			((struct draft_entry *)(void *)entry)->node = c;
			ok = read_map(b, empty ? &empty_map : c, row, entry);
			entry += row->entry_size;
			list->count++;
		}
		leave(b, before);
		if (!ok)
			return false;
	}
	return true;
}

static bool read_container(
    struct builder *b, const struct node *n, const struct schema_key *row, void *base)
{
	if (tree_is_absent(n) && !row->required)
		return true; /* the key of a section whose lines are all comments */
	if (row->type == TYPE_LIST && n->kind != NODE_LIST)
		report_shape(b, n, "must be a list, each item on a line that begins with -");
	else if (row->type != TYPE_LIST && n->kind != NODE_MAP)
		report_shape(b, n, "must be a map of keys, indented below it");
	else if (row->type == TYPE_MAP)
		return read_map(b, n, row, base);
	else
		return read_entries(b, n, row, base);
	return true;
}

/* A default is read like what a file says, so that it is written down but once. */
static bool read_preset(struct builder *b, const struct schema_key *row, void *base)
{
	struct node *n;

	if (row->type == TYPE_MAP)
		return read_map(b, NULL, row, base);
	if (!row->preset)
		return true;
	if (row->preset[0] == '[') {
		n = tree_read(span_str(row->preset), b->arena, b->errs, &b->nomem);
	} else {
		n = ARENA_NEW(b->arena, struct node);
		if (n)
			n->text = span_str(row->preset);
	}
	if (!n)
		return false;
	if (schema_is_container(row))
		return read_entries(b, n, row, base);
	read_leaf(b, n, row, base);
	return true;
}

static void report_missing(struct builder *b, const struct node *map, const struct schema_key *row)
{
	struct span leaf = schema_leaf(row);
	uint32_t line = map->key_line ? map->key_line : map->line;
	uint32_t column = map->key_line ? map->key_column : map->column;

	if (b->path.n)
		conf_errors_report(
		    b->errs, line, column, "%s: lacks \"%.*s\"", path(b), SPAN_FMT(leaf));
	else
		conf_errors_report(b->errs, 0, 0,
		    "lacks \"%.*s\"; the least is one zone with one listener and one domain",
		    SPAN_FMT(leaf));
}

/* Defaults first: where a written value is wrong, the default stands and nothing else is misjudged.
 */
static bool read_presets(
    struct builder *b, const struct node *map, const struct schema_key *parent, void *base)
{
	for (const struct schema_key *row = schema_next(parent, NULL); row;
	     row = schema_next(parent, row)) {
		const struct node *n = map ? tree_child(map, schema_leaf(row).p) : NULL;

		if (n && schema_is_container(row) && !tree_is_absent(n))
			continue;
		if (!n && map && row->required)
			report_missing(b, map, row);
		if (!read_preset(b, row, base))
			return false;
	}
	return true;
}

/* map NULL: nothing is written, all is default. */
static bool read_map(
    struct builder *b, const struct node *map, const struct schema_key *parent, void *base)
{
	if (!read_presets(b, map, parent, base))
		return false;
	for (const struct node *n = map ? map->children : NULL; n; n = n->next) {
		const struct schema_key *row = schema_find(parent, n->key);
		size_t before = enter(b, n->key);
		bool ok = true;

		if (!row)
			report_unknown(b, n, parent);
		else if (row->type == TYPE_LATER)
			conf_errors_report(
			    b->errs, n->key_line, n->key_column, "%s: %s", path(b), row->doc);
		else if (schema_is_container(row))
			ok = read_container(b, n, row, base);
		else
			read_leaf(b, n, row, base);
		leave(b, before);
		if (!ok)
			return false;
	}
	return true;
}

bool build_draft(
    const struct node *root, struct arena *arena, struct conf_errors *errs, struct draft *out_draft)
{
	struct builder b = {.arena = arena, .errs = errs};

	b.path = BUF(b.path_text);
	out_draft->root = root;
	if (root->kind != NODE_MAP && !tree_is_absent(root)) {
		conf_errors_report(errs, root->line, root->column,
		    "the file must be a map of keys, like \"zones:\" with lines indented below it");
		root = NULL;
	} else if (root->kind != NODE_MAP) {
		root = &empty_map;
	}
	return read_map(&b, root, NULL, out_draft) && !b.nomem;
}
