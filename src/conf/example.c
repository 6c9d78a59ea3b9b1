/* SPDX-License-Identifier: MIT
 *
 * The commented first configuration. Its sections of fixed keys come from the schema; a section
 * whose lines are all comments is read as its defaults, so each line can be switched on by itself.
 */
#include "conf/schema.h"
#include "conf/write.h"

#define WIDTH 96

/* A sentence of the table as comment lines; the quotes of Markdown are left out. */
static void add_comment(struct buf *b, int indent, const char *text)
{
	size_t column = WIDTH; /* the first word begins a line */

	for (struct span rest = span_str(text), word; rest.n;) {
		span_cut(&rest, ' ', &word);
		if (column + word.n + 1 > WIDTH) {
			buf_addf(
			    b, "%s%*s#", column == WIDTH && word.p == text ? "" : "\n", indent, "");
			column = (size_t)indent + 1;
		}
		buf_add_char(b, ' ');
		for (size_t i = 0; i < word.n; i++)
			if (word.p[i] != '`')
				buf_add_char(b, word.p[i]);
		column += word.n + 1;
	}
	buf_add_char(b, '\n');
}

/* There are none by default; these are what most edges want. */
static void add_limits(struct buf *b, int indent)
{
	static const char *const lines[] = {
	    "limits:",
	    ("  - {name: registrations, match: {method: REGISTER}, per: source, rate: 10/s, "
	     "burst: 20}"),
	    "  - {name: calls, match: {method: INVITE}, per: account, rate: 2/s, burst: 5}",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		buf_addf(b, "%*s# %s\n", indent, "", lines[i]);
}

static void add_keys(struct buf *b, const struct schema_key *parent, int indent)
{
	for (const struct schema_key *row = schema_next(parent, NULL); row;
	     row = schema_next(parent, row)) {
		struct span leaf = schema_leaf(row);

		if (row->type == TYPE_LATER)
			continue;
		add_comment(b, indent, row->doc);
		if (row->type == TYPE_MAP) {
			buf_addf(b, "%*s%.*s:\n", indent, "", SPAN_FMT(leaf));
			add_keys(b, row, indent + 2);
		} else if (!strcmp(row->path, "controls.limits")) {
			add_limits(b, indent);
		} else {
			buf_addf(b, "%*s# %.*s:%s%s\n", indent, "", SPAN_FMT(leaf),
			    row->preset ? " " : "", row->preset ? row->preset : "");
		}
	}
}

static void add_start(struct buf *b, const struct conf_example *e)
{
	buf_add_lit(b, "# The configuration of ringfence. `ringfence check -c FILE` judges it, "
		       "`ringfence reload`\n"
		       "# brings it into force. What is not written here is at its default; lines "
		       "that begin with\n"
		       "# a # show the defaults. docs/configuration.md describes every key.\n\n"
		       "zones:\n"
		       "  public:\n"
		       "    trust: none\n"
		       "    listen:\n");
	for (size_t i = 0; i < e->listen_count; i++)
		buf_addf(b, "      - \"%s\"\n", e->listen[i]);
	if (e->advertise)
		buf_addf(b, "    advertise: \"%s\"\n", e->advertise);
	buf_addf(b, "\ndomains:\n  \"%s\": {registrar: local}\n\n", e->domain);
	buf_add_lit(b, "# A trunk and a server behind the edge, and who is sent where:\n"
		       "# peers:\n"
		       "#   carrier-a: {zone: public, sources: [198.51.100.7]}\n"
		       "# upstreams:\n"
		       "#   pbx: {zone: public, targets: [\"sip:198.51.100.20:5060\"]}\n"
		       "# routes:\n"
		       "#   - {from: carrier-a, to: pbx}\n"
		       "#   - {match: \"+*\", to: carrier-a}\n");
}

void conf_write_example(struct buf *b, const struct conf_example *example)
{
	add_start(b, example);
	for (const struct schema_key *row = schema_next(NULL, NULL); row;
	     row = schema_next(NULL, row)) {
		if (row->type == TYPE_NAMED || row->type == TYPE_LATER ||
		    !strcmp(row->path, "routes"))
			continue;
		buf_add_char(b, '\n');
		add_comment(b, 0, row->doc);
		if (row->type == TYPE_MAP) {
			buf_addf(b, "%s:\n", row->path);
			add_keys(b, row, 2);
		} else {
			buf_addf(b, "# %s:%s%s\n", row->path, row->preset ? " " : "",
			    row->preset ? row->preset : "");
		}
	}
}
