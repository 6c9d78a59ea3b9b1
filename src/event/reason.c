/* SPDX-License-Identifier: MIT */
#include "event/reason.h"

#include "base/distance.h"

static const struct reason_info rows[REASON_COUNT] = {
    [REASON_NONE] = {"none", CONTROL_NONE, 0, 0, "No reason was given.", "Nothing to do."},
#define ROW(id, name, control, weight, status, meaning, advice) \
	[REASON_##id] = {name, CONTROL_##control, weight, status, meaning, advice},
#include "event/reason.def"
#undef ROW
};

static const struct {
	const char *name, *about;
} controls[CONTROL_COUNT] = {
    [CONTROL_NONE] = {"none", "No control."},
    [CONTROL_PARSE] = {"parse", "Is it SIP at all? RFC 3261 §7 and §25."},
    [CONTROL_CHECK] = {"check", "Is it a request that may be worked on? RFC 3261 §16.3."},
    [CONTROL_AUTH] = {"auth", "Is it who it says? RFC 3261 §22, RFC 7616, RFC 8760."},
    [CONTROL_GATE] = {"gate", "Is the source let in at all? Before anything is read."},
    [CONTROL_FLOOD] = {"flood", "Does a source, or its prefix, send more than it may?"},
    [CONTROL_SCAN] = {"scan", "Is somebody looking for what is here?"},
    [CONTROL_GUESSING] = {"guessing", "Is somebody guessing passwords?"},
    [CONTROL_LIMIT] = {"limit", "Limits that the configuration names."},
    [CONTROL_OVERLOAD] = {"overload", "Is there more to do than can be done?"},
    [CONTROL_STANDING] = {"standing", "What a source has earned by all that it did."},
    [CONTROL_ROUTE] = {"route", "Where does it go? RFC 3261 §16."},
    [CONTROL_REGISTRAR] = {"registrar", "Which phones are reachable where? RFC 3261 §10."},
    [CONTROL_TXN] = {"txn", "To which transaction does it belong? RFC 3261 §17."},
    [CONTROL_TRANSPORT] = {"transport", "Datagrams and connections. RFC 3261 §18."},
    [CONTROL_CALL] = {"call", "What caller and called notice of a call."},
    [CONTROL_DAEMON] = {"daemon", "ringfence itself."},
};

const struct reason_info *reason_info(enum reason r)
{
	return &rows[(unsigned)r < REASON_COUNT ? r : REASON_NONE];
}

const char *control_name(enum control c)
{
	return controls[(unsigned)c < CONTROL_COUNT ? c : CONTROL_NONE].name;
}

enum err reason_parse(struct span name, enum reason *out_r)
{
	for (unsigned i = 1; i < REASON_COUNT; i++) {
		if (span_eq(name, span_str(rows[i].name))) {
			*out_r = (enum reason)i;
			return OK;
		}
	}
	return ERR_NOT_FOUND;
}

/* The part behind the dot, for those who forget the control. */
static struct span short_name(struct span name)
{
	struct span head, rest = name;

	return span_cut(&rest, '.', &head) ? rest : name;
}

bool reason_name_matches(struct span wanted, struct span name)
{
	if (wanted.n == 0 || !span_starts(name, wanted))
		return false;
	return name.n == wanted.n || wanted.p[wanted.n - 1] == '.' || name.p[wanted.n] == '.';
}

bool reason_matches(struct span wanted, enum reason r)
{
	return reason_name_matches(wanted, span_str(reason_name(r)));
}

enum reason reason_nearest(struct span name)
{
	enum reason best = REASON_NONE;
	size_t least = 2 + name.n / 3;

	if (name.n == 0)
		return REASON_NONE;
	for (unsigned i = 1; i < REASON_COUNT; i++) {
		struct span full = span_str(rows[i].name);
		size_t d = MIN(span_distance(name, full, least),
		    span_distance(name, short_name(full), least) + 1);

		if (d < least) {
			least = d;
			best = (enum reason)i;
		}
	}
	return best;
}

static void add_row(struct buf *b, const struct reason_info *r)
{
	buf_add_lit(b, "| `");
	buf_add_span(b, span_str(r->name));
	buf_add_lit(b, "` | ");
	if (r->status)
		buf_add_u64(b, r->status);
	buf_add_lit(b, " | ");
	buf_add_u64(b, r->weight);
	buf_add_lit(b, " | ");
	buf_add_span(b, span_str(r->meaning));
	buf_add_lit(b, " | ");
	buf_add_span(b, span_str(r->advice));
	buf_add_lit(b, " |\n");
}

void reason_write_docs(struct buf *b)
{
	buf_add_lit(b,
	    "<!-- Written from src/event/reason.def by `make docs`; edit it there. -->\n"
	    "# Reasons\n\n"
	    "Each verdict and each change of state carries one of these names: in the field "
	    "`reason`\n"
	    "of its [event](events.md), in `ringfence status`, and in the counters. "
	    "`ringfence explain REASON`\n"
	    "prints the same text. The names are stable: they are added to, never renamed.\n\n"
	    "*Status* is the SIP status code that the refused request is answered with; without "
	    "one\n"
	    "nothing is answered. *Weight* is what the reason adds to the score of its source.\n");
	for (unsigned c = 1; c < CONTROL_COUNT; c++) {
		buf_add_lit(b, "\n## ");
		buf_add_span(b, span_str(controls[c].name));
		buf_add_lit(b, "\n\n");
		buf_add_span(b, span_str(controls[c].about));
		buf_add_lit(b, "\n\n| reason | status | weight | meaning | what to do |\n"
			       "|---|---|---|---|---|\n");
		for (unsigned i = 1; i < REASON_COUNT; i++)
			if (rows[i].control == (enum control)c)
				add_row(b, &rows[i]);
	}
}
