/* SPDX-License-Identifier: MIT
 *
 * Which prefix is behind a flood of many sources? A count-min sketch over wide prefixes (IPv4 /16,
 * IPv6 /32): fixed size, keyed. Never counts too few but for what two threads lose when they count
 * the same prefix at the same instant; what it counts too many is, seven times in eight, below
 * 1/2000 of all messages of the period. This period and the one before are weighed as in struct
 * freq. Thread-safe: cells are relaxed atomics. */
#ifndef GUARD_SKETCH_H
#define GUARD_SKETCH_H

#include "base/addr.h"
#include "base/siphash.h"
#include "base/usec.h"

struct sketch;

/* ERR_NOMEM. period: what estimates are for. */
NODISCARD enum err sketch_new(const struct siphash_key *key, usec_t period, struct sketch **out_s);
void sketch_free(struct sketch *s);
size_t sketch_memory(void);

/* Counts one message of a; the estimate of its wide prefix in the last period, this one included.
 */
uint32_t sketch_count(struct sketch *s, const struct addr *a, usec_t now);

#endif
