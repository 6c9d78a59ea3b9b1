/* SPDX-License-Identifier: MIT
 *
 * The branch of the Via that we add (RFC 3261 §8.1.1.7): it says which worker and which client
 * transaction a response belongs to, so that no table has to be searched, with a random part that
 * who did not see the request cannot guess, and the hash by which a loop is told from a spiral
 * (§16.6 step 8). */
#ifndef EDGE_BRANCH_H
#define EDGE_BRANCH_H

#include "base/buf.h"

#define BRANCH_TEXT_LEN 31 /* "z9hG4bK" and 24 characters */

struct branch {
	uint8_t worker;
	uint32_t slot; /* below 2^24 */
	uint16_t generation;
	uint64_t cookie;
	uint32_t loop; /* keyed hash over what §16.6 step 8 names */
};

void branch_write(struct buf *b, const struct branch *br);

/* ERR_SYNTAX: not of our making. */
NODISCARD enum err branch_read(struct span text, struct branch *out_b);

#endif
