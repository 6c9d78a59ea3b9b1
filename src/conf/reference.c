/* SPDX-License-Identifier: MIT
 *
 * The reference page: a few words of introduction, then every key from the schema. */
#include "conf/schema.h"
#include "conf/value.h"
#include "conf/write.h"

static const char introduction[] =
    "<!-- Written from the table in src/conf/schema.c by `make docs`; edit it there. -->\n"
    "# Configuration\n"
    "\n"
    "ringfence reads one YAML file, by default `/etc/ringfence/ringfence.yaml`. The least is one "
    "zone\n"
    "with one listener, and one domain; everything else has a safe default:\n"
    "\n"
    "```yaml\n"
    "zones:\n"
    "  public: {listen: [udp:203.0.113.10:5060, tcp:203.0.113.10:5060]}\n"
    "domains:\n"
    "  example.com: {registrar: local}\n"
    "```\n"
    "\n"
    "Judge a file before it goes live, then bring it into force without dropping a call:\n"
    "\n"
    "    ringfence check -c ringfence.yaml\n"
    "    ringfence reload -c ringfence.yaml\n"
    "\n"
    "`check` prints every error with its line and column, and what would be right; warnings for\n"
    "choices that leave the edge open; and the memory that the configuration takes, which no\n"
    "traffic can raise. A file with an error is never used, not even in part: a running daemon\n"
    "keeps the configuration that it has.\n"
    "\n"
    "Editors that know JSON Schema complete and check while you type with\n"
    "[ringfence.schema.json](ringfence.schema.json), for instance with this first line:\n"
    "\n"
    "    # yaml-language-server: $schema=ringfence.schema.json\n"
    "\n"
    "## A trunk and a server behind the edge\n"
    "\n"
    "```yaml\n"
    "zones:\n"
    "  public:\n"
    "    trust: none\n"
    "    listen: [udp:203.0.113.10:5060, tcp:203.0.113.10:5060, \"udp:[2001:db8::10]:5060\"]\n"
    "    advertise: sip.example.com\n"
    "  core:\n"
    "    trust: network\n"
    "    listen: [udp:10.0.0.10:5060]\n"
    "\n"
    "domains:\n"
    "  example.com: {registrar: local}\n"
    "\n"
    "peers:\n"
    "  carrier-a: {zone: public, sources: [198.51.100.0/28], target: sip:198.51.100.1:5060}\n"
    "\n"
    "upstreams:\n"
    "  pbx: {zone: core, targets: [sip:10.0.0.20:5060, {uri: sip:10.0.0.21:5060, backup: true}]}\n"
    "\n"
    "routes:                             # first match wins; local accounts come before routes\n"
    "  - {from: carrier-a, to: pbx}      # what the carrier sends goes to the PBX\n"
    "  - {match: \"+*\", to: carrier-a}    # numbers that our users dial go to the carrier\n"
    "\n"
    "events: [{file: events.jsonl}, {stdout: true, only: [drop, change]}]\n"
    "```\n"
    "\n"
    "## How values are written\n"
    "\n"
    "| kind | examples | |\n"
    "|---|---|---|\n"
    "| duration | `500ms` `30s` `5m` `2h` `1d` | the unit is needed |\n"
    "| size | `1500` `64KiB` `1MiB` `2GiB` | bytes where no unit stands |\n"
    "| number | `4096` | |\n"
    "| listen address | `udp:203.0.113.10:5060` `\"tcp:[2001:db8::10]:5060\"` | in `[ ]` lists "
    "IPv6 needs "
    "the quotes |\n"
    "| prefix | `198.51.100.0/28` `2001:db8::/32` `192.0.2.7` | no bits set behind the prefix |\n"
    "| target | `sip:10.0.0.20:5060` `sip:10.0.0.20;transport=tcp` | an IP address, names are not "
    "looked up |\n"
    "| truth | `true` `false` | nothing else |\n"
    "\n"
    "A value means what its key says, whatever YAML would guess: `100` as a name is the name "
    "\"100\".\n"
    "Relative paths start from the folder of the file. Unknown keys, keys written twice, anchors,\n"
    "aliases, tags and tabs are errors. A section whose lines are all comments is at its "
    "defaults.\n"
    "\n"
    "Names of zones, peers and upstreams have letters, digits, `-`, `_` and `.`, and differ from "
    "each\n"
    "other.\n"
    "\n"
    "## Keys\n";

/* The type and the bounds of a row as a person says them. */
static void add_kind(struct buf *b, const struct schema_key *row)
{
	static const char *const names[] = {
	    [TYPE_MAP] = "section",
	    [TYPE_NAMED] = "map of names",
	    [TYPE_LIST] = "list",
	    [TYPE_BOOL] = "truth",
	    [TYPE_COUNT] = "number",
	    [TYPE_SIZE] = "size",
	    [TYPE_DURATION] = "duration",
	    [TYPE_TEXT] = "text",
	    [TYPE_NAME] = "name",
	    [TYPE_HOST_PORT] = "host or address",
	    [TYPE_TARGET] = "target",
	    [TYPE_STORE] = "store",
	    [TYPE_PATH] = "path",
	    [TYPE_LISTENS] = "list of listen addresses",
	    [TYPE_PREFIXES] = "list of prefixes",
	    [TYPE_WORDS] = "list of ",
	    [TYPE_TARGETS] = "list of targets",
	    [TYPE_WEIGHTS] = "map of reasons to numbers",
	    [TYPE_SEVERAL] = "one or a list",
	    [TYPE_LATER] = "",
	};
	void (*add)(struct buf *, uint64_t) = row->type == TYPE_DURATION ? value_add_duration
					      : row->type == TYPE_SIZE   ? value_add_size
									 : buf_add_u64;

	buf_add_span(b, span_str(names[row->type]));
	if (row->type == TYPE_SEVERAL && row->words)
		buf_add_lit(b, " of ");
	if (row->type == TYPE_WORD || row->type == TYPE_WORDS ||
	    (row->type == TYPE_SEVERAL && row->words))
		schema_add_words(b, row->words);
	if (!row->max)
		return;
	buf_add_lit(b, ", ");
	add(b, row->min);
	buf_add_lit(b, " to ");
	add(b, row->max);
	if (row->words)
		buf_addf(b, ", or %s", row->words);
}

static void add_row(struct buf *b, const struct schema_key *row)
{
	buf_addf(b, "| `%s` | ", row->path);
	add_kind(b, row);
	if (row->preset)
		buf_addf(b, " | `%s` | %s |\n", row->preset, row->doc);
	else
		buf_addf(b, " | %s | %s |\n", row->required ? "needed" : "", row->doc);
}

/* The rows below a section, sections within it as well. */
static void add_rows(struct buf *b, const struct schema_key *parent)
{
	for (const struct schema_key *row = schema_next(parent, NULL); row;
	     row = schema_next(parent, row)) {
		if (row->type == TYPE_LATER)
			continue;
		if (row->type != TYPE_MAP)
			add_row(b, row);
		if (schema_is_container(row))
			add_rows(b, row);
	}
}

static void add_later(struct buf *b)
{
	buf_add_lit(b,
	    "\n## Names kept for later\n\nThese belong to the design, and this version refuses "
	    "them rather than ignore them:\n\n");
	for (size_t i = 0; i < schema_count; i++)
		if (schema[i].type == TYPE_LATER)
			buf_addf(b, "- `%s`: %s\n", schema[i].path, schema[i].doc);
}

void conf_write_reference(struct buf *b)
{
	static const char head[] = "\n| key | kind | default | meaning |\n|---|---|---|---|\n";

	buf_add(b, introduction, sizeof(introduction) - 1);
	for (const struct schema_key *row = schema_next(NULL, NULL); row;
	     row = schema_next(NULL, row)) {
		if (!schema_is_container(row))
			continue;
		buf_addf(b, "\n### %s\n\n%s", row->path, row->doc);
		if (row->preset)
			buf_addf(b, " Default: `%s`.", row->preset);
		buf_addf(b, "\n%s", head);
		add_rows(b, row);
	}
	buf_addf(b, "\n### Others\n%s", head);
	for (const struct schema_key *row = schema_next(NULL, NULL); row;
	     row = schema_next(NULL, row))
		if (!schema_is_container(row) && row->type != TYPE_LATER)
			add_row(b, row);
	add_later(b);
}
