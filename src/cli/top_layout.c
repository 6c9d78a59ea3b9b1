/* SPDX-License-Identifier: MIT */
#include "cli/top_layout.h"

#include <string.h>

#define WIDE          130 /* from here on the reasons stand beside the sources */
#define REASONS_WIDTH 44
#define REASON_FIGURE 8
#define HEAD          8 /* lines on top of a page that is high enough */
#define PLAIN_REASONS 6

/* Where what stands. */
struct plan {
	int head;               /* lines on top */
	int sources;            /* rows of the table */
	int sources_cols;       /* its width */
	int reasons_row;        /* its heading; -1: none */
	int reasons_rows;       /* below the heading */
	int reasons_col;        /* where they begin */
	int columns_of_reasons; /* beside each other */
	int bar;                /* the last line; -1: none */
};

static struct plan plan_for(const struct top_view *v, int rows, int cols)
{
	struct plan p = {.sources_cols = cols, .reasons_row = -1, .columns_of_reasons = 1};
	int bottom;

	p.bar = v->plain ? -1 : rows - 1;
	bottom = v->plain ? rows : rows - 1;
	p.head = rows >= 20 || v->plain ? HEAD : rows >= 14 ? 4 : 3;
	if (cols >= WIDE) {
		p.reasons_row = p.head;
		p.reasons_rows = bottom - p.head - 1;
		p.reasons_col = cols - REASONS_WIDTH;
		p.sources_cols = p.reasons_col - 2;
	} else if (rows >= 20 || v->plain) {
		p.reasons_rows = v->plain ? PLAIN_REASONS : MAX(3, rows / 6);
		p.reasons_row = bottom - p.reasons_rows - 1;
		p.columns_of_reasons = cols >= 70 ? 2 : 1;
		bottom = p.reasons_row;
	}
	p.sources = MAX(bottom - p.head - 1, 0);
	return p;
}

int top_layout_plain_rows(size_t sources)
{
	return HEAD + 1 + MAX((int)MIN(sources, (size_t)TOP_SOURCES), 1) + 1 + PLAIN_REASONS;
}

static bool is_too_small(int rows, int cols)
{
	return rows < TOP_LEAST_ROWS || cols < TOP_LEAST_COLS;
}

size_t top_layout_rows(const struct top_view *v, int rows, int cols)
{
	if (is_too_small(rows, cols))
		return 0;
	if (v->mode == TOP_DETAIL)
		return (size_t)(rows - 2);
	return (size_t)plan_for(v, rows, cols).sources;
}

/* ---- reasons ---- */

static void put_reason(struct top_page *p, const struct top_reason *r, int row, int col, int width)
{
	char rate_text[TOP_FIGURE_MAX], total_text[TOP_FIGURE_MAX];
	struct buf rate = BUF(rate_text), total = BUF(total_text);
	int name = width - 2 * REASON_FIGURE;

	top_add_rate(&rate, r->rate);
	top_add_count(&total, r->total);
	top_put_field(
	    p, row, col, name, false, r->rate > 0 ? TOP_PLAIN : TOP_DIM, span_str(r->name));
	top_put_field(p, row, col + name + 1, REASON_FIGURE - 1, true,
	    r->rate > 0 ? TOP_PLAIN : TOP_DIM, buf_span(&rate));
	top_put_field(p, row, col + name + REASON_FIGURE + 1, REASON_FIGURE - 1, true,
	    r->rate > 0 ? TOP_PLAIN : TOP_DIM, buf_span(&total));
}

static void put_reasons(struct top_page *p, const struct top_model *m, const struct plan *plan)
{
	int n = plan->columns_of_reasons, gap = n > 1 ? 2 : 0;
	int width = (p->cols - plan->reasons_col - gap) / n;
	size_t i = 0;

	top_style_row(p, plan->reasons_row, plan->reasons_col, p->cols, TOP_BAR);
	for (int k = 0; k < n; k++) {
		int col = plan->reasons_col + k * (width + gap);
		int name = width - 2 * REASON_FIGURE;

		top_put_field(p, plan->reasons_row, col, name, false, TOP_BAR,
		    k == 0 ? SPAN("REASONS") : SPAN(""));
		top_put_field(p, plan->reasons_row, col + name + 1, REASON_FIGURE - 1, true,
		    TOP_BAR, SPAN("NOW/s"));
		top_put_field(p, plan->reasons_row, col + name + REASON_FIGURE + 1,
		    REASON_FIGURE - 1, true, TOP_BAR, SPAN("TOTAL"));
		for (int row = 1; row <= plan->reasons_rows && i < m->reasons_n; row++, i++)
			put_reason(p, &m->reasons[i], plan->reasons_row + row, col, width);
	}
	if (m->reasons_n == 0 && plan->reasons_rows > 0)
		top_put(p, plan->reasons_row + 1, plan->reasons_col, TOP_DIM, SPAN("none yet"));
}

/* ---- the last line ---- */

static int put_key(struct top_page *p, int row, int col, const char *key, const char *what)
{
	if (col + (int)(strlen(key) + strlen(what)) + 2 > p->cols)
		return p->cols;
	col = top_put(p, row, col + 1, TOP_BAR_SORTED, span_str(key));
	return top_put(p, row, col + 1, TOP_BAR, span_str(what)) + 1;
}

static void put_keys(
    struct top_page *p, const struct top_model *m, const struct top_view *v, int row)
{
	char sorted[40];
	struct buf b = BUF(sorted);
	int col = 0;

	if (v->mode == TOP_DETAIL) {
		col = put_key(p, row, col, "q", "back");
		col = put_key(p, row, col, "Up/Down", "scroll");
		col = put_key(p, row, col, "Enter", "again");
		col = put_key(p, row, col, "b", "ban");
		put_key(p, row, col, "u", "unban");
		return;
	}
	buf_addf(&b, "sort: %s%s", standing_top_key_name(m->sort), m->reverse ? " (least)" : "");
	(void)buf_terminate(&b);
	col = put_key(p, row, col, "q", "quit");
	col = put_key(p, row, col, "h", "help");
	col = put_key(p, row, col, "s", sorted);
	col = put_key(p, row, col, "Enter", "why");
	col = put_key(p, row, col, "/", "filter");
	col = put_key(p, row, col, "b", "ban");
	col = put_key(p, row, col, "u", "unban");
	col = put_key(p, row, col, "p", v->paused ? "go on" : "pause");
	put_key(p, row, col, "r", "reverse");
}

static void put_bar(
    struct top_page *p, const struct top_model *m, const struct top_view *v, int row)
{
	if (row < 0)
		return;
	if (v->prompt == TOP_ASK_FILTER) {
		top_putf(p, row, 0, TOP_BOLD,
		    "only (address, prefix, tier or reason; nothing: all): %s_", v->typed);
	} else if (v->prompt == TOP_ASK_BAN) {
		top_putf(p, row, 0, TOP_WARN, "ban %s for the configured time? y/N", v->asked);
	} else if (v->prompt == TOP_ASK_UNBAN) {
		top_putf(p, row, 0, TOP_WARN, "end the bans of %s? y/N", v->asked);
	} else if (v->message[0]) {
		top_put(p, row, 0, v->message_warns ? TOP_WARN : TOP_BOLD, span_str(v->message));
	} else if (v->lost[0]) {
		top_put(p, row, 0, TOP_WARN, span_str(v->lost));
	} else {
		top_style_row(p, row, 0, p->cols, TOP_BAR);
		put_keys(p, m, v, row);
	}
}

/* ---- pages ---- */

static void put_help(struct top_page *p)
{
	static const char *const text[] = {
	    "q           quit, or go back",
	    "Up Down     choose a source; PgUp PgDn Home End; Esc: none",
	    "Enter       why it stands as it does",
	    "s S <- ->   sort by rate, dropped, score, failures, offences, banned, seen",
	    "r           the least first",
	    "/           only an address, a prefix, a tier or a reason; Esc: all again",
	    "b u         ban, unban the source, after a question",
	    "p, blank    pause, look again now",
	    "",
	    "unread      refused by the gate before anything was read",
	    "RATE/s      what comes from a source; of a banned one what is dropped",
	    "DROPPED     refused unread since it was banned or held",
	    "SCORE       what its deeds weigh now; it halves every half-life",
	    "BANS        how often it was banned; the next ban is twice as long",
	    "BANNED      how long still; held: it sends too much",
	    "NOW/s       how often the reason is given now, and TOTAL since the start",
	    "",
	    "Some columns show on wide screens only. `man ringfence-top` tells more.",
	};

	top_put(p, 0, 0, TOP_BOLD, SPAN("ringfence top: keys, and what the words mean"));
	for (int i = 0; i < (int)ARRAY_LEN(text); i++)
		top_put(p, 2 + i, 0, TOP_PLAIN, span_str(text[i]));
	top_style_row(p, p->rows - 1, 0, p->cols, TOP_BAR);
	top_put(p, p->rows - 1, 0, TOP_BAR, SPAN(" any key: back"));
}

static void put_detail(struct top_page *p, const struct top_model *m, const struct top_view *v)
{
	const struct top_source *s = top_find(m, v->about);
	int rows = p->rows - 2;
	int col = top_put(p, 0, 0, TOP_BOLD, span_str(v->about));

	if (s) {
		char text[TOP_FIGURE_MAX];
		struct buf b = BUF(text);

		col = top_put(p, 0, col + 2, (enum top_style)(TOP_TIER + s->tier),
		    span_str(event_tier_name(s->tier)));
		top_add_rate(&b, s->rate);
		top_putf(p, 0, col + 2, TOP_PLAIN, "%.*s/s", SPAN_FMT(buf_span(&b)));
	}
	if (v->lines.n > (size_t)rows)
		top_putf(p, 0, p->cols - 18, TOP_DIM, "line %5zu of %5zu", v->line + 1, v->lines.n);
	for (int i = 0; i < rows && v->line + (size_t)i < v->lines.n; i++)
		top_put(p, 1 + i, 0, TOP_PLAIN, v->lines.line[v->line + (size_t)i]);
	put_bar(p, m, v, p->rows - 1);
}

static void put_nothing_yet(struct top_page *p, const struct top_model *m, const struct top_view *v)
{
	top_put(p, 0, 0, TOP_BOLD, SPAN("ringfence top"));
	top_put(p, 2, 0, TOP_PLAIN,
	    v->lost[0] ? SPAN("there is no picture yet") : SPAN("waiting for the daemon ..."));
	put_bar(p, m, v, p->rows - 1);
}

void top_layout(struct top_page *p, const struct top_model *m, const struct top_view *v)
{
	struct plan plan = plan_for(v, p->rows, p->cols);

	top_page_clear(p);
	if (is_too_small(p->rows, p->cols)) {
		top_putf(p, 0, 0, TOP_WARN, "needs at least %dx%d", TOP_LEAST_COLS, TOP_LEAST_ROWS);
		return;
	}
	if (v->mode == TOP_HELP) {
		put_help(p);
		return;
	}
	if (v->mode == TOP_DETAIL) {
		put_detail(p, m, v);
		return;
	}
	if (!top_model_ready(m)) {
		put_nothing_yet(p, m, v);
		return;
	}
	top_layout_head(p, m, v, plan.head);
	top_layout_sources(p, m, v, plan.head, plan.sources, plan.sources_cols);
	if (plan.reasons_row >= 0)
		put_reasons(p, m, &plan);
	put_bar(p, m, v, plan.bar);
}
