/* SPDX-License-Identifier: MIT */
#include "cli/top_lines.h"

#include <stdlib.h>

void top_lines_done(struct top_lines *l)
{
	free(l->text);
	free(l->line);
	*l = (struct top_lines){.n = 0};
}

void top_lines_take(struct top_lines *l, char *text, size_t n)
{
	top_lines_done(l);
	l->text = text;
	l->size = text ? n : 0;
}

/* How much of a line stands on one row. */
static size_t row_of(struct span line, size_t width)
{
	size_t n = MIN(line.n, width), at = n;

	if (n == line.n)
		return n;
	while (at > width / 2 && line.p[at] != ' ')
		at--;
	return line.p[at] == ' ' ? at : n;
}

void top_lines_wrap(struct top_lines *l, int width)
{
	struct span rest = span_of(l->text, l->size), line;

	if (width == l->width || width < 1)
		return;
	l->width = width;
	l->n = 0;
	if (!l->line)
		l->line = calloc(TOP_LINES_MAX, sizeof(*l->line));
	while (l->line && rest.n) {
		span_cut(&rest, '\n', &line);
		do {
			size_t n = row_of(line, (size_t)width);

			if (l->n == TOP_LINES_MAX)
				return;
			l->line[l->n++] = span_of(line.p, n);
			line = span_of(line.p + n, line.n - n);
			if (line.n && line.p[0] == ' ')
				line = span_of(line.p + 1, line.n - 1);
		} while (line.n);
	}
}
