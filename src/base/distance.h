/* SPDX-License-Identifier: MIT
 *
 * How far two words are apart, for "did you mean". */
#ifndef BASE_DISTANCE_H
#define BASE_DISTANCE_H

#include "base/span.h"

#define DISTANCE_WORD_MAX 48

/* Insertions, deletions, substitutions and swaps of neighbours, without regard to case, that turn a
 * into b. `cap` or more is given as cap, and so is everything longer than DISTANCE_WORD_MAX. */
size_t span_distance(struct span a, struct span b, size_t cap);

#endif
