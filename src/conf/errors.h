/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a configuration, all of it at once: records with a place and a sentence.
 * Owned by the caller, one thread. */
#ifndef CONF_ERRORS_H
#define CONF_ERRORS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define CONF_ERRORS_MAX 50 /* of each of both kinds; the rest is only counted */

struct conf_error {
	uint32_t line, column; /* from 1; 0 = the file as a whole */
	bool is_warning;
	struct span text; /* printable; what is wrong and what would be right */
};

struct conf_errors {
	struct conf_error list[2 * CONF_ERRORS_MAX]; /* in the order of the file after a load */
	size_t count;
	size_t errors, warnings; /* of all, listed or not */
	struct arena arena;      /* of the texts */
};

/* Text of the file as a message shows it: escaped, and cut where it is long. */
struct conf_shown {
	char text[196];
};

void conf_errors_init(struct conf_errors *e);
void conf_errors_done(struct conf_errors *e);

/* One line without its end: "ringfence.yaml:12:9: rate ...", a warning says so. */
void conf_error_add(struct buf *b, const char *file, const struct conf_error *error);

/* For those who judge a file. What does not fit into the list is counted. Text that comes from the
 * file goes through conf_show. */
PRINTF(4, 5)
void conf_errors_report(
    struct conf_errors *e, uint32_t line, uint32_t column, const char *fmt, ...);
PRINTF(4, 5)
void conf_errors_warn(struct conf_errors *e, uint32_t line, uint32_t column, const char *fmt, ...);

struct conf_shown conf_show(struct span s);

/* Puts the list into the order of the file; what stands at one place keeps its order. */
void conf_errors_sort(struct conf_errors *e);

#endif
