/* SPDX-License-Identifier: MIT
 *
 * Loops (RFC 3261 §16.3 step 4, §16.6 step 8, RFC 5393 §4): each Via that we write carries a hash
 * of what decided the way of the request; one that comes back with the same hash goes round. */
#ifndef EDGE_LOOP_H
#define EDGE_LOOP_H

#include "edge/pass.h"

/* For the branch of what is forwarded. */
uint32_t loop_hash(struct pass *p);

/* One of the Vias is ours and was written for the very same request. */
bool loop_found(struct pass *p);

#endif
