/* SPDX-License-Identifier: MIT
 *
 * Small things that the text of a story is made of. */
#ifndef CLI_WHY_PIECES_H
#define CLI_WHY_PIECES_H

#include "cli/why_text.h"

#define WHY_PIECE_MAX 2048 /* bytes of a paragraph before it is wrapped */

enum why_form {
	WHY_CLOCK,
	WHY_DAY,
	WHY_DAY_AND_CLOCK,
	WHY_WEEKDAY,
	WHY_WITH_ZONE,
	WHY_CLOCK_WITH_ZONE
};

/* A member of an object; absent or of another type: 0. The whole form is never negative, and 0 when
 * it is out of all bounds. */
double why_number(const json_t *o, const char *key);
uint64_t why_whole(const json_t *o, const char *key);
uint64_t why_whole_of(double v);

/* Whole, or with one decimal. */
void why_add_number(struct buf *b, double v);

/* In local time. */
void why_add_local(struct buf *b, usec_t wall, enum why_form form);
bool why_same_day(usec_t x, usec_t y);

/* Text of strangers, escaped; the mark of a cut one as three dots. */
void why_add_text(struct buf *b, struct span s);

/* Who it is about and how it stands; the first part of why_text_add. */
void why_add_heading(struct buf *b, const struct why_story *s, const struct why_text *o);

#endif
