/* SPDX-License-Identifier: MIT */
#include "cli/event_line.h"

#include "cli/text.h"

#define SHOWN       128
#define SECONDS_END 19 /* of "2026-01-01T00:00:00" */

static void add_time(struct buf *b, const json_t *event)
{
	struct span ts = text_member(event, "ts");

	/* Milliseconds are enough for reading. */
	if (ts.n > SECONDS_END + 4 && ts.p[SECONDS_END] == '.') {
		buf_add_escaped(b, span_of(ts.p, SECONDS_END + 4), SHOWN);
		buf_add_lit(b, "Z");
	} else {
		buf_add_escaped(b, ts, SHOWN);
	}
}

/* Text of strangers; the mark of a cut one is shown as three dots. */
static void add_text(struct buf *b, struct span s)
{
	static const char mark[] = "\xe2\x80\xa6";
	size_t n = sizeof(mark) - 1;
	bool cut = s.n > n && memcmp(s.p + s.n - n, mark, n) == 0;

	buf_add_escaped(b, cut ? span_of(s.p, s.n - n) : s, SHOWN);
	if (cut)
		buf_add_lit(b, "...");
}

/* " name=text" where there is text. */
static void add_named(struct buf *b, const char *name, struct span s)
{
	if (s.n == 0)
		return;
	buf_add_lit(b, " ");
	buf_add_span(b, span_str(name));
	buf_add_lit(b, "=");
	add_text(b, s);
}

/* What happened to a message; of an event about something else, what it is about. The reason says
 * all of how a source stands, unless it refuses its messages. */
static struct span shown_verdict(const json_t *event)
{
	struct span kind = text_member(event, "event"), verdict = text_member(event, "verdict");
	bool has_flow = text_member(json_object_get(event, "source"), "transport").n > 0;

	if (span_eq(kind, SPAN("verdict")))
		return verdict;
	if (!span_eq(kind, SPAN("standing")) || !has_flow)
		return kind;
	if (span_starts(text_member(event, "reason"), SPAN("standing.")) ||
	    !span_eq(verdict, SPAN("drop")))
		return span_of(NULL, 0);
	return verdict;
}

static void add_verdict(struct buf *b, const json_t *event)
{
	struct span mode = text_member(event, "mode"), shown = shown_verdict(event);
	uint64_t status = text_number(event, "status");

	if (span_eq(mode, SPAN("observe")))
		buf_add_lit(b, " (observed)");
	if (shown.n)
		buf_add_lit(b, " ");
	buf_add_escaped(b, shown, SHOWN);
	if (status) {
		buf_add_lit(b, " ");
		buf_add_u64(b, status);
	}
}

/* Where no message was the cause, the source is an address only. */
static void add_source(struct buf *b, const json_t *source)
{
	struct span transport = text_member(source, "transport"), ip = text_member(source, "ip");
	bool in_brackets = transport.n && span_find(ip, ':') < ip.n;

	if (!json_is_object(source))
		return;
	buf_add_span(b, transport.n ? SPAN(" from ") : SPAN(" of "));
	buf_add_escaped(b, transport, SHOWN);
	buf_addf(b, "%s%s", transport.n ? " " : "", in_brackets ? "[" : "");
	buf_add_escaped(b, ip, SHOWN);
	buf_addf(b, "%s", in_brackets ? "]" : "");
	if (!transport.n)
		return;
	buf_add_lit(b, ":");
	buf_add_u64(b, text_number(source, "port"));
	if (!json_is_true(json_object_get(source, "proven")))
		buf_add_lit(b, " (unproven)");
}

static void add_number(struct buf *b, const json_t *v)
{
	double d = json_number_value(v);

	if (json_is_integer(v))
		buf_addf(b, "%lld", (long long)json_integer_value(v));
	else
		buf_addf(b, "%.3f", d);
}

/* Of a ban the time is how long it lasts, otherwise that in which the value was counted. */
static void add_evidence(struct buf *b, const json_t *evidence, bool is_ban)
{
	const json_t *value = json_object_get(evidence, "value");
	const json_t *threshold = json_object_get(evidence, "threshold");
	const json_t *window = json_object_get(evidence, "window");

	if (json_is_string(value)) {
		add_named(b, "evidence", text_member(evidence, "value"));
		if (json_is_number(window)) {
			buf_add_lit(b, " for ");
			add_number(b, window);
			buf_add_lit(b, "s");
		}
	}
	if (!json_is_number(value))
		return;
	add_named(b, "evidence", text_member(evidence, "name"));
	buf_add_span(b, text_member(evidence, "name").n ? SPAN(" ") : SPAN(" evidence="));
	add_number(b, value);
	if (json_is_number(threshold)) {
		buf_add_lit(b, "/");
		add_number(b, threshold);
	}
	if (json_is_number(window)) {
		buf_add_span(b, is_ban ? SPAN(" for ") : SPAN(" in "));
		add_number(b, window);
		buf_add_lit(b, "s");
	}
}

void event_line_add(struct buf *b, const json_t *event)
{
	const json_t *sip = json_object_get(event, "sip");
	struct span method = text_member(sip, "method");

	add_time(b, event);
	buf_add_lit(b, " ");
	buf_add_escaped(b, text_member(event, "reason"), SHOWN);
	buf_add_lit(b, ":");
	add_verdict(b, event);
	if (method.n) {
		buf_add_lit(b, " ");
		add_text(b, method);
	}
	add_source(b, json_object_get(event, "source"));
	add_named(b, "account", text_member(event, "account"));
	add_named(b, "from", text_member(sip, "from"));
	add_named(b, "to", text_member(sip, "to"));
	add_evidence(b, json_object_get(event, "evidence"),
	    span_starts(text_member(event, "reason"), SPAN("standing.")));
	add_named(b, "call-id", text_member(sip, "call_id"));
	add_named(b, "ua", text_member(sip, "user_agent"));
}

bool event_line_allowed(const struct event_filter *f, const json_t *event)
{
	struct span ip = text_member(json_object_get(event, "source"), "ip");
	struct addr source;
	bool has_source = ip.n && addr_parse_ip(ip, &source) == OK;

	const json_t *sip = json_object_get(event, "sip");
	struct event_facts facts = {
	    .reason = text_member(event, "reason"),
	    .source = has_source ? &source : NULL,
	    .account = text_member(event, "account"),
	    .from = text_member(sip, "from"),
	    .to = text_member(sip, "to"),
	};

	return event_filter_allows(f, &facts);
}
