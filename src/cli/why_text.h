/* SPDX-License-Identifier: MIT
 *
 * A story for a person: who it is about and how it stands, what happened, line by line, and what
 * would have to change. Written into a buffer, at most 80 columns wide, so that commands and
 * terminal views show the same. Text of strangers is escaped. */
#ifndef CLI_WHY_TEXT_H
#define CLI_WHY_TEXT_H

#include "cli/why_story.h"

#define WHY_TEXT_LINES 200 /* usual value of `lines` */

struct why_text {
	usec_t now;      /* wall clock */
	unsigned lines;  /* of what happened, at most: the last ones */
	bool from_files; /* files were looked at, too */
};

/* All of it. What does not fit sets b->overflow; every line that is there is whole. */
void why_text_add(struct buf *b, const struct why_story *s, const struct why_text *o);

/* What would have to change, a sentence each. */
#define WHY_CHANGES_MAX 8
struct why_changes {
	size_t n;
	char text[WHY_CHANGES_MAX][320];
};
void why_changes(const struct why_story *s, usec_t now, struct why_changes *out);

/* Names with how often they came, the most frequent first. */
#define WHY_NAMES_MAX 256
struct why_names {
	size_t n;
	bool more; /* there were others */
	struct why_name {
		char text[128]; /* as in the events */
		uint64_t count;
		usec_t last;
	} list[WHY_NAMES_MAX];
};
/* Of a source: accounts that it tried, or was. Otherwise: sources. */
void why_names(const struct why_story *s, struct why_names *out);

#endif
