/* SPDX-License-Identifier: MIT
 *
 * A page of characters of one column each, with a style: what the layout of `top` writes and the
 * screen shows. Pure. Whatever text is put, a cell holds a printable ASCII character or one of our
 * own signs, so nothing that a stranger sent can act on a terminal. */
#ifndef CLI_TOP_PAGE_H
#define CLI_TOP_PAGE_H

#include <stdio.h>

#include "base/buf.h"
#include "event/event.h"

#define TOP_ROWS_MAX 500
#define TOP_COLS_MAX 500

enum top_style {
	TOP_PLAIN,
	TOP_DIM,
	TOP_BOLD,
	TOP_BAR,        /* the heading of a table, the line of keys */
	TOP_BAR_SORTED, /* the heading of the column that rows are sorted by */
	TOP_WARN,       /* something to look at */
	TOP_GOOD,
	TOP_TIER, /* TOP_TIER + enum event_tier */
	TOP_STYLES = TOP_TIER + EVENT_TIER_COUNT
};

/* Signs beyond ASCII. In a cell they are one of these numbers, which no text has. */
enum top_sign {
	TOP_BLOCK_1 = 1, /* eighths of a block, from the lowest, for trends */
	TOP_BLOCK_8 = 8,
	TOP_LINE, /* a horizontal line */
	TOP_SIGNS
};

struct top_cell {
	unsigned char what; /* ASCII or enum top_sign */
	unsigned char style;
	bool selected;
};

struct top_page {
	int rows, cols;
	struct top_cell *cells; /* rows * cols */
};

/* An empty page. Sizes are cut to the maxima, and at least 1. ERR_NOMEM. */
NODISCARD enum err top_page_init(struct top_page *p, int rows, int cols);
void top_page_done(struct top_page *p);
void top_page_clear(struct top_page *p);

static inline struct top_cell *top_page_at(const struct top_page *p, int row, int col)
{
	return &p->cells[(size_t)row * (size_t)p->cols + (size_t)col];
}

/* Text from col on, as far as the page, or the limit of columns, goes; what is outside of the page
 * is left out. Gives the column behind it. */
int top_put(struct top_page *p, int row, int col, enum top_style style, struct span text);
PRINTF(5, 6)
int top_putf(struct top_page *p, int row, int col, enum top_style style, const char *fmt, ...);

/* The same within `width` columns, filled with blanks, to the left or to the right; what is too
 * long ends with "~". */
void top_put_field(struct top_page *p, int row, int col, int width, bool right,
    enum top_style style, struct span text);

void top_put_sign(struct top_page *p, int row, int col, enum top_style style, enum top_sign sign);

/* All of a row in one style, or marked as selected, whatever stands there. */
void top_style_row(struct top_page *p, int row, int from, int to, enum top_style style);
void top_select_row(struct top_page *p, int row, int from, int to);

/* A sign as UTF-8, or as ASCII. */
const char *top_sign_text(unsigned char what, bool utf8);

/* As text without trailing blanks or empty lines at the end. */
void top_page_print(const struct top_page *p, bool utf8, FILE *to);

/* Figures in at most 6 columns. A rate: "0", "3.2", "812", "9,120", "12.3k", "4.51M"; one that is
 * not known (negative): "-". A count has no fractions below a thousand. Times in at most 5: "45s",
 * "12m", "3h05", "2d04", "120d". */
#define TOP_FIGURE_MAX 24
void top_add_rate(struct buf *b, double v);
void top_add_count(struct buf *b, uint64_t v);
void top_add_time(struct buf *b, uint64_t seconds);

#endif
