/* SPDX-License-Identifier: MIT
 *
 * Where everything of `top` stands: model and view and a size give a page. Pure. Right on 80 by 24;
 * a smaller page has fewer lines and columns, a wider one more, and below the least size it only
 * says so. */
#ifndef CLI_TOP_LAYOUT_H
#define CLI_TOP_LAYOUT_H

#include "cli/top_page.h"
#include "cli/top_view.h"

#define TOP_LEAST_ROWS 10
#define TOP_LEAST_COLS 40

void top_layout(struct top_page *p, const struct top_model *m, const struct top_view *v);

/* How many sources, or lines of the detail, a page of this size shows. */
size_t top_layout_rows(const struct top_view *v, int rows, int cols);

/* How high a page must be that has so many sources and is not for a screen (view->plain). */
int top_layout_plain_rows(size_t sources);

/* The table of sources from `row` on: its heading and `rows` sources, in columns up to `cols`. */
void top_layout_sources(struct top_page *p, const struct top_model *m, const struct top_view *v,
    int row, int rows, int cols);

/* The lines on top, `n` of them. */
void top_layout_head(
    struct top_page *p, const struct top_model *m, const struct top_view *v, int n);

#endif
