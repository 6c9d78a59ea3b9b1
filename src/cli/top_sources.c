/* SPDX-License-Identifier: MIT
 *
 * The table of sources of `top`: the more columns, the wider the page. */
#include "cli/top_layout.h"

#define SOURCE_MIN 15
#define SOURCE_MAX 26
#define REASON_MIN 20

typedef void column_fn(struct buf *b, const struct top_source *s);

static void add_name(struct buf *b, const struct top_source *s)
{
	buf_add_span(b, span_str(s->name));
}

static void add_tier(struct buf *b, const struct top_source *s)
{
	buf_add_span(b, span_str(event_tier_name(s->tier)));
}

static void add_rate(struct buf *b, const struct top_source *s)
{
	top_add_rate(b, s->rate);
}

static void add_register(struct buf *b, const struct top_source *s)
{
	top_add_rate(b, s->methods[LEDGER_REGISTER]);
}

static void add_invite(struct buf *b, const struct top_source *s)
{
	top_add_rate(b, s->methods[LEDGER_INVITE]);
}

static void add_options(struct buf *b, const struct top_source *s)
{
	top_add_rate(b, s->methods[LEDGER_OPTIONS]);
}

static void add_other(struct buf *b, const struct top_source *s)
{
	top_add_rate(b, s->methods[LEDGER_OTHER] + s->methods[LEDGER_RESPONSE]);
}

static void add_drops(struct buf *b, const struct top_source *s)
{
	top_add_rate(b, s->drops);
}

static void add_dropped(struct buf *b, const struct top_source *s)
{
	top_add_count(b, s->dropped);
}

static void add_score(struct buf *b, const struct top_source *s)
{
	top_add_rate(b, s->score + s->unproven);
}

static void add_failures(struct buf *b, const struct top_source *s)
{
	top_add_count(b, s->failures);
}

static void add_offences(struct buf *b, const struct top_source *s)
{
	top_add_count(b, s->offences);
}

static void add_banned(struct buf *b, const struct top_source *s)
{
	if (s->banned_for)
		top_add_time(b, s->banned_for);
	else if (s->held_for)
		buf_add_lit(b, "held");
}

static void add_seen(struct buf *b, const struct top_source *s)
{
	if (s->seen)
		top_add_time(b, s->seen_ago);
}

static void add_proven(struct buf *b, const struct top_source *s)
{
	if (s->proven)
		buf_add_lit(b, "yes");
	else
		buf_add_lit(b, "no");
}

static void add_users(struct buf *b, const struct top_source *s)
{
	top_add_count(b, s->accounts);
}

static void add_reason(struct buf *b, const struct top_source *s)
{
	buf_add_span(b, span_str(s->reason));
}

/* In the order they stand; wanted: the order in which they get room. The source takes what it
 * needs, the reason what is left. */
static const struct column {
	const char *title;
	int width, wanted;
	bool right;
	int sort; /* enum standing_top_key, or -1 */
	column_fn *add;
} columns[] = {
    {"SOURCE", SOURCE_MIN, 0, false, -1, add_name},
    {"TIER", 10, 1, false, -1, add_tier},
    {"RATE/s", 6, 2, true, STANDING_TOP_RATE, add_rate},
    {"REG/s", 5, 11, true, -1, add_register},
    {"INV/s", 5, 12, true, -1, add_invite},
    {"OPT/s", 5, 13, true, -1, add_options},
    {"OTHER/s", 7, 14, true, -1, add_other},
    {"DROP/s", 6, 7, true, -1, add_drops},
    {"DROPPED", 7, 5, true, STANDING_TOP_DROPPED, add_dropped},
    {"SCORE", 5, 4, true, STANDING_TOP_SCORE, add_score},
    {"FAILED", 6, 9, true, STANDING_TOP_FAILURES, add_failures},
    {"BANS", 4, 8, true, STANDING_TOP_OFFENCES, add_offences},
    {"BANNED", 6, 6, true, STANDING_TOP_BANNED, add_banned},
    {"SEEN", 5, 10, true, STANDING_TOP_SEEN, add_seen},
    {"PROVEN", 6, 15, true, -1, add_proven},
    {"USERS", 5, 16, true, -1, add_users},
    {"LAST REASON", REASON_MIN, 3, false, -1, add_reason},
};

#define COLUMNS   ((int)ARRAY_LEN(columns))
#define IS_SOURCE 0
#define IS_REASON (COLUMNS - 1)

struct widths {
	int of[ARRAY_LEN(columns)]; /* 0: not shown */
};

static int longest_name(const struct top_model *m)
{
	size_t n = SOURCE_MIN;

	for (size_t i = 0; i < m->now->n; i++)
		n = MAX(n, strlen(m->now->sources[i].name));
	return (int)n;
}

static struct widths widths_for(const struct top_model *m, int cols)
{
	int longest = longest_name(m), left = cols + 1;
	struct widths w = {.of = {0}};

	for (int wanted = 0; wanted < COLUMNS; wanted++) {
		for (int i = 0; i < COLUMNS; i++) {
			int width = i == IS_SOURCE ? MIN(longest, SOURCE_MAX) : columns[i].width;

			if (columns[i].wanted != wanted || left < width + 1)
				continue;
			w.of[i] = width;
			left -= width + 1;
		}
	}
	if (w.of[IS_SOURCE] < longest) {
		int more = MIN(longest - w.of[IS_SOURCE], left);

		w.of[IS_SOURCE] += more;
		left -= more;
	}
	if (w.of[IS_REASON])
		w.of[IS_REASON] += left;
	return w;
}

static void put_heading(
    struct top_page *p, const struct top_model *m, const struct widths *w, int row, int cols)
{
	int col = 0;

	top_style_row(p, row, 0, cols, TOP_BAR);
	for (int i = 0; i < COLUMNS; i++) {
		bool sorted = columns[i].sort == (int)m->sort;

		if (!w->of[i])
			continue;
		top_put_field(p, row, col, w->of[i], columns[i].right,
		    sorted ? TOP_BAR_SORTED : TOP_BAR, span_str(columns[i].title));
		col += w->of[i] + 1;
	}
}

static enum top_style style_of(const struct top_source *s, int column, struct span text)
{
	enum top_style tier = (enum top_style)(TOP_TIER + s->tier);

	if (columns[column].add == add_tier)
		return tier;
	if (column == IS_SOURCE)
		return s->tier == EVENT_TIER_DENIED || s->tier == EVENT_TIER_SUSPECT ? tier
										     : TOP_PLAIN;
	if (columns[column].add == add_banned && !s->banned_for)
		return TOP_WARN;
	if (span_eq(text, SPAN("0")) || span_eq(text, SPAN("-")))
		return TOP_DIM;
	return TOP_PLAIN;
}

static void put_source(
    struct top_page *p, const struct top_source *s, const struct widths *w, int row)
{
	int col = 0;

	for (int i = 0; i < COLUMNS; i++) {
		char text[TOP_NAME_MAX + TOP_FIGURE_MAX];
		struct buf b = BUF(text);

		if (!w->of[i])
			continue;
		columns[i].add(&b, s);
		top_put_field(p, row, col, w->of[i], columns[i].right, style_of(s, i, buf_span(&b)),
		    buf_span(&b));
		col += w->of[i] + 1;
	}
}

void top_layout_sources(struct top_page *p, const struct top_model *m, const struct top_view *v,
    int row, int rows, int cols)
{
	struct widths w = widths_for(m, cols);

	put_heading(p, m, &w, row, cols);
	if (m->now->n == 0)
		top_put(p, row + 1, 0, TOP_DIM,
		    v->filter[0] ? SPAN("no source fits the filter") : SPAN("no sources yet"));
	for (int i = 0; i < rows && v->first + (size_t)i < m->now->n; i++) {
		const struct top_source *s = &m->now->sources[v->first + (size_t)i];

		put_source(p, s, &w, row + 1 + i);
		if (!v->plain && strcmp(s->name, v->selected) == 0)
			top_select_row(p, row + 1 + i, 0, cols);
	}
}
