/* SPDX-License-Identifier: MIT
 *
 * docs/events.md, from the table of fields. */
#include "event/field.h"

static void add_field(struct buf *b, const struct event_field *f)
{
	buf_add_lit(b, "| `");
	if (f->group != EVENT_GROUP_NONE) {
		buf_add_span(b, span_str(event_group_name(f->group)));
		buf_add_lit(b, ".");
	}
	buf_add_span(b, span_str(f->name));
	buf_add_lit(b, "` | ");
	buf_add_span(b, span_str(f->type));
	buf_add_lit(b, " | `");
	buf_add_span(b, span_str(f->ecs));
	buf_add_lit(b, "` | ");
	if (f->cef[0]) {
		buf_add_lit(b, "`");
		buf_add_span(b, span_str(f->cef));
		buf_add_lit(b, "`");
	}
	if (f->cef_label[0]) {
		buf_add_lit(b, " (");
		buf_add_span(b, span_str(f->cef_label));
		buf_add_lit(b, ")");
	}
	buf_add_lit(b, " | ");
	buf_add_span(b, span_str(f->meaning));
	buf_add_lit(b, " |\n");
}

/* The example is written by the code that it is an example of. */
static void add_example(struct buf *b)
{
	struct event e;
	struct flow f = {.transport = TRANSPORT_UDP};

	if (addr_parse(SPAN("203.0.113.77:5060"), 0, &f.remote) != OK)
		return;
	event_init(&e, EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, UINT64_C(1767225600123456));
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_CHALLENGE, 401);
	event_set_source(&e, &f, SPAN("public"), true);
	event_set_text(&e, EVENT_TEXT_METHOD, SPAN("REGISTER"));
	event_set_text(&e, EVENT_TEXT_CALL_ID, SPAN("a84b4c76e66710"));
	event_set_text(&e, EVENT_TEXT_FROM, SPAN("sip:alice@example.com"));
	event_set_text(&e, EVENT_TEXT_TO, SPAN("sip:alice@example.com"));
	event_set_text(&e, EVENT_TEXT_USER_AGENT, SPAN("baresip v1.0.0"));
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("alice@example.com"));
	event_set_evidence(&e, 3, 5, 60 * USEC_SEC);
	event_write_json(&e, SPAN("edge-1"), b);
}

void event_write_docs(struct buf *b)
{
	buf_add_lit(b,
	    "<!-- Written from the table in src/event/field.c by `make docs`; edit it there. "
	    "-->\n"
	    "# Events\n\n"
	    "Each verdict on a message and each change of state is one JSON object on a line of "
	    "its\n"
	    "own, in the order in which they happened on one worker. Every field is always there;\n"
	    "`source`, `sip` and `evidence` are null as a whole where they do not apply.\n\n"
	    "    ringfence events --follow                 # live, for people\n"
	    "    ringfence events --follow --json          # live, for programs\n"
	    "    ringfence events -n 100 --reason auth.    # the last hundred about log-ins\n\n"
	    "Text that comes from strangers is cut (a cut text ends with `…`) and escaped: a line "
	    "is\n"
	    "valid UTF-8 without control characters, whatever was sent.\n\n"
	    "Where events go is the key `events` of the [configuration](configuration.md). A file "
	    "is\n"
	    "opened again when it was moved or removed, and on SIGHUP, so logrotate needs nothing\n"
	    "special. Writing never delays a call: what a full or slow disk cannot take is lost, "
	    "whole\n"
	    "lines only, and counted in `ringfence status`; writing goes on by itself when it "
	    "can.\n\n"
	    "So that a flood cannot fill the disk, each worker tells at most 200 events a second "
	    "about\n"
	    "datagrams of strangers whose address may be forged; the rest is counted (`status`: "
	    "left\n"
	    "out). Log-ins, failed ones too, and known sources, peers and connections are always "
	    "told.\n\n"
	    "## An event\n\n```json\n");
	add_example(b);
	buf_add_lit(b, "\n```\n\n"
		       "## Fields\n\n"
		       "The third column has the name in the Elastic Common Schema; `sip.*` and "
		       "`labels.*` are\n"
		       "names of our own where it has none. The fourth has the key in CEF, with "
		       "its label where "
		       "the key\n"
		       "says nothing by itself; what CEF has no key for is left out there.\n\n"
		       "| field | type | ECS | CEF | meaning |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < event_field_count; i++)
		add_field(b, &event_fields[i]);
}
