/* SPDX-License-Identifier: MIT
 *
 * libyaml's events become a tree. */
#include "conf/tree.h"

#include <stdlib.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct conf_errors *errs;
	struct node *open[TREE_DEPTH_MAX]; /* the containers around, outermost first */
	struct node *last[TREE_DEPTH_MAX]; /* the last child of each */
	size_t depth;
	struct node *root;
	struct span key; /* of the value that comes next */
	uint32_t key_line, key_column;
	bool have_key;
	size_t nodes, documents;
	bool nomem;
};

/* What libyaml says, and what a person can do about it. */
static const struct {
	const char *problem, *text;
} problem_texts[] = {
    {"mapping values are not allowed in this context",
	"a \": \" stands where no value can follow: put the text in quotes, or check the "
	"indentation"},
    {"did not find expected key",
	"this line does not fit what is above it: check the indentation, and the closing of "
	"quotes, [ and {"},
    {"did not find expected '-' indicator",
	"this line does not fit the list above it: check the indentation"},
    {"did not find expected ',' or ']'",
	"a list in [ ] is not closed, or lacks a comma; an IPv6 address in it needs quotes: "
	"\"udp:[::1]:5060\""},
    {"did not find expected ',' or '}'", "a map in { } is not closed, or lacks a comma"},
    {"did not find expected node content", "a value is missing here"},
    {"could not find expected ':'", "a key needs \": \" and a value behind it"},
    {"found character that cannot start any token",
	"text cannot begin with this character: put it in quotes"},
    {"found unexpected end of stream", "the text in quotes that begins here is not closed"},
    {"found unexpected ':'",
	"text in [ ] or { } cannot begin like this: put it in quotes, as in \"udp:[::1]:5060\""},
    {"did not find expected <document start>",
	"the map above has ended here: check the indentation"},
};

static void report_problem(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *text = p->problem ? p->problem : "the file cannot be read";
	yaml_mark_t at = p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR) {
		r->nomem = true;
		return;
	}
	if (strcmp(text, "found unexpected end of stream") == 0)
		at = p->context_mark;
	for (size_t i = 0; i < ARRAY_LEN(problem_texts); i++)
		if (strcmp(text, problem_texts[i].problem) == 0)
			text = problem_texts[i].text;
	conf_errors_report(
	    r->errs, (uint32_t)at.line + 1, (uint32_t)at.column + 1, "YAML: %s", text);
}

/* Reports at the start of an event and says that reading cannot go on. */
static bool refuse(struct reader *r, const yaml_event_t *e, const char *text)
{
	conf_errors_report(r->errs, (uint32_t)e->start_mark.line + 1,
	    (uint32_t)e->start_mark.column + 1, "%s", text);
	return false;
}

static bool out_of_memory(struct reader *r)
{
	r->nomem = true;
	return false;
}

static bool take_key(struct reader *r, const yaml_event_t *e)
{
	r->key =
	    arena_dup(r->arena, span_of((const char *)e->data.scalar.value, e->data.scalar.length));
	r->key_line = (uint32_t)e->start_mark.line + 1;
	r->key_column = (uint32_t)e->start_mark.column + 1;
	r->have_key = true;
	return r->key.p || out_of_memory(r);
}

/* A node of that kind as the next child of what is open, or as the root. */
static struct node *add_node(struct reader *r, const yaml_event_t *e, enum node_kind kind)
{
	struct node *n = ARENA_NEW(r->arena, struct node);
	size_t up = r->depth - 1;

	if (!n) {
		r->nomem = true;
		return NULL;
	}
	n->kind = kind;
	n->line = (uint32_t)e->start_mark.line + 1;
	n->column = (uint32_t)e->start_mark.column + 1;
	if (r->depth == 0) {
		r->root = n;
		return n;
	}
	if (r->last[up])
		r->last[up]->next = n;
	else
		r->open[up]->children = n;
	r->last[up] = n;
	r->open[up]->count++;
	n->key = r->key;
	n->key_line = r->have_key ? r->key_line : n->line;
	n->key_column = r->have_key ? r->key_column : n->column;
	r->key = SPAN("");
	r->have_key = false;
	return n;
}

static bool wants_key(const struct reader *r)
{
	return r->depth > 0 && r->open[r->depth - 1]->kind == NODE_MAP && !r->have_key;
}

static bool on_scalar(struct reader *r, const yaml_event_t *e)
{
	yaml_scalar_style_t style = e->data.scalar.style;
	struct node *n;

	if (e->data.scalar.anchor)
		return refuse(r, e, "anchors (&name) are not used here: write the value out");
	if (e->data.scalar.tag)
		return refuse(r, e, "tags (!name) are not used here: write the value alone");
	if (wants_key(r))
		return take_key(r, e);
	n = add_node(r, e, NODE_SCALAR);
	if (!n)
		return false;
	n->quoted = style != YAML_PLAIN_SCALAR_STYLE && style != YAML_ANY_SCALAR_STYLE;
	n->text =
	    arena_dup(r->arena, span_of((const char *)e->data.scalar.value, e->data.scalar.length));
	return n->text.p || out_of_memory(r);
}

static bool on_open(struct reader *r, const yaml_event_t *e, enum node_kind kind)
{
	const bool map = kind == NODE_MAP;
	struct node *n;

	if (map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor)
		return refuse(r, e, "anchors (&name) are not used here: write the value out");
	if (map ? e->data.mapping_start.tag : e->data.sequence_start.tag)
		return refuse(r, e, "tags (!name) are not used here: write the value alone");
	if (wants_key(r))
		return refuse(r, e, "a key must be a text, not a list or map: put it in quotes");
	if (r->depth == TREE_DEPTH_MAX)
		return refuse(r, e, "too many levels: at most 16 are allowed");
	n = add_node(r, e, kind);
	if (!n)
		return false;
	r->last[r->depth] = NULL;
	r->open[r->depth++] = n;
	return true;
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
	int c = memcmp(x->key.p, y->key.p, MIN(x->key.n, y->key.n));

	if (c == 0 && x->key.n != y->key.n)
		c = x->key.n < y->key.n ? -1 : 1;
	if (c == 0 && x->key_line != y->key_line)
		c = x->key_line < y->key_line ? -1 : 1;
	return c ? c : (x->key_column > y->key_column) - (x->key_column < y->key_column);
}

static bool check_duplicates(struct reader *r, const struct node *map)
{
	const struct node **v = arena_alloc(r->arena, (map->count + 1) * sizeof(*v));
	size_t n = 0;

	if (!v)
		return out_of_memory(r);
	for (const struct node *c = map->children; c; c = c->next)
		v[n++] = c;
	qsort(v, n, sizeof(const struct node *), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (span_eq(v[i]->key, v[i - 1]->key))
			conf_errors_report(r->errs, v[i]->key_line, v[i]->key_column,
			    "%s: is written twice, first in line %u: keep one",
			    conf_show(v[i]->key).text, v[i - 1]->key_line);
	return true;
}

static bool on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++r->documents > 1)
			return refuse(r, e, "a second document begins here: one file holds one");
		return true;
	case YAML_ALIAS_EVENT:
		return refuse(r, e,
		    "aliases (*name) are not used here; text that begins with * needs "
		    "quotes");
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, e, NODE_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, e, NODE_MAP);
	case YAML_MAPPING_END_EVENT:
		return check_duplicates(r, r->open[--r->depth]);
	case YAML_SEQUENCE_END_EVENT:
		r->depth--;
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return true;
}

static bool read_events(struct reader *r)
{
	for (bool going = true; going;) {
		yaml_event_t e;
		bool ok;

		if (!yaml_parser_parse(&r->parser, &e)) {
			report_problem(r);
			return false;
		}
		going = e.type != YAML_STREAM_END_EVENT;
		ok = ++r->nodes <= TREE_NODES_MAX
			 ? on_event(r, &e)
			 : refuse(r, &e, "too large: at most 50000 values");
		yaml_event_delete(&e);
		if (!ok)
			return false;
	}
	return true;
}

/* Length of the UTF-8 character at p, or 0 when it is none (RFC 3629 §4). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, min2, max2, n;
	} rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (p[0] < rows[i].first || p[0] > rows[i].last)
			continue;
		if (left < rows[i].n || p[1] < rows[i].min2 || p[1] > rows[i].max2)
			return 0;
		for (size_t k = 2; k < rows[i].n; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].n;
	}
	return 0;
}

/* What libyaml would report in its own words, or let through: bytes that are no text, and tabs. */
static bool check_text(struct span text, struct conf_errors *errs)
{
	uint32_t line = 1, column = 1;
	bool indenting = true;

	for (size_t i = 0; i < text.n;) {
		const unsigned char *p = (const unsigned char *)text.p + i;
		size_t n = utf8_length(p, text.n - i);
		const char *wrong = NULL;

		if (n == 0)
			wrong = "this byte is not UTF-8: save the file as UTF-8";
		else if (*p == '\t' && indenting)
			wrong = "a tab cannot indent: use spaces";
		else if (*p == 0x7f || (*p < 0x20 && *p != '\n' && *p != '\r' && *p != '\t'))
			wrong = "a control character cannot stand here: remove it";
		if (wrong) {
			conf_errors_report(errs, line, column, "%s", wrong);
			return false;
		}
		indenting = *p == '\n' || (indenting && *p == ' ');
		column++;
		if (*p == '\n') {
			line++;
			column = 1;
		}
		i += n;
	}
	return true;
}

struct node *tree_read(
    struct span text, struct arena *arena, struct conf_errors *errs, bool *out_nomem)
{
	struct reader r = {.arena = arena, .errs = errs};
	bool ok;

	if (text.n > TREE_TEXT_MAX) {
		conf_errors_report(errs, 0, 0, "the file is larger than 1 MiB");
		return NULL;
	}
	if (span_starts(text, SPAN("\xef\xbb\xbf")))
		text = span_from(text, text.p + 3);
	if (!check_text(text, errs))
		return NULL;
	if (!yaml_parser_initialize(&r.parser)) {
		*out_nomem = true;
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
	ok = read_events(&r);
	yaml_parser_delete(&r.parser);
	if (r.nomem)
		*out_nomem = true;
	if (!ok)
		return NULL;
	if (!r.root) {
		r.root = ARENA_NEW(arena, struct node);
		if (!r.root)
			*out_nomem = true;
		else
			*r.root = (struct node){.kind = NODE_MAP, .line = 1, .column = 1};
	}
	return r.root;
}

const struct node *tree_child(const struct node *map, const char *key)
{
	struct span name = span_str(key);

	if (map && map->kind == NODE_MAP)
		for (const struct node *c = map->children; c; c = c->next)
			if (span_eq(c->key, name))
				return c;
	return NULL;
}

bool tree_is_absent(const struct node *n)
{
	return n->kind == NODE_SCALAR && !n->quoted &&
	       (n->text.n == 0 || span_eq(n->text, SPAN("~")) || span_eq(n->text, SPAN("null")));
}
