/* SPDX-License-Identifier: MIT
 *
 * Signatures of scanners as text: the set that is built in (data/signatures) and the operator's
 * file, which adds to it and takes away from it. Lines of
 *
 *   NAME  PART  MATCH  PATTERN
 *   -NAME
 *
 * and comments, which begin with #. docs/scanners.md is the operator's page about them; matching is
 * guard/signatures.h. */
#ifndef CONF_SIGNATURES_H
#define CONF_SIGNATURES_H

#include "base/arena.h"
#include "conf/conf.h"

#define SIGNATURES_TEXT_MAX ((size_t)256 * 1024) /* bytes of a file */

struct signature_set {
	struct conf_signature *item; /* in the arena; room for `room` */
	size_t n, room;
	struct arena *arena;
};

/* Room for as many as can stand in texts of so many lines, at most CONF_SIGNATURES_MAX. ERR_NOMEM.
 */
NODISCARD enum err signature_set_init(struct signature_set *s, struct arena *arena, size_t lines);

/* One line, without its end, more of it or less (-NAME); nothing for comments and empty lines.
 * ERR_SYNTAX: what is wrong is in `why`, a sentence without a place. ERR_NOMEM. */
NODISCARD enum err signature_set_line(struct signature_set *s, struct span line, struct buf *why);

/* The text of data/signatures. */
struct span signatures_built_in(void);

#endif
