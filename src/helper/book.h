/* SPDX-License-Identifier: MIT
 *
 * How many bans are in force, for a backend that cannot tell: what was banned and until when. Grows
 * with the bans up to BOOK_MAX of them; then what is new is not counted. */
#ifndef HELPER_BOOK_H
#define HELPER_BOOK_H

#include "helper/setup.h"

#define BOOK_MAX ((size_t)1 << 22)

struct book;

/* ERR_NOMEM. */
NODISCARD enum err book_new(struct book **out_b);
void book_free(struct book *b); /* NULL is fine */
void book_clear(struct book *b);

/* Notes a ban, its new end, or (seconds 0) its end. now: seconds of a monotonic clock. */
void book_set(struct book *b, const struct helper_ban *ban, uint32_t now);

/* Bans in force. Forgets those that ended, so a call in a second costs a look at all of them, and
 * the next one in the same second nothing. */
size_t book_count(struct book *b, uint32_t now);

#endif
