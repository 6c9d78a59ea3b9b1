/* SPDX-License-Identifier: MIT
 *
 * Text cut into lines of a width, for looking through. */
#ifndef CLI_TOP_LINES_H
#define CLI_TOP_LINES_H

#include "base/span.h"

#define TOP_LINES_MAX 8192

struct top_lines {
	char *text; /* owned */
	size_t size;
	struct span *line;
	size_t n;
	int width; /* that they are cut to */
};

/* Takes the text, which was malloc'ed (NULL: none); what was there before is freed. There are no
 * lines until it is wrapped. */
void top_lines_take(struct top_lines *l, char *text, size_t n);
void top_lines_done(struct top_lines *l);

/* Breaks lines at the last blank that fits, or where they must be; what follows TOP_LINES_MAX, and
 * everything when there is no memory, is left out. Cheap when the width is the same as before. */
void top_lines_wrap(struct top_lines *l, int width);

#endif
