/* SPDX-License-Identifier: MIT
 *
 * A set of addresses, made once from prefixes and asked for single ones: sorted ranges that do not
 * touch, found by halving. Immutable. */
#ifndef EDGE_ADDR_SET_H
#define EDGE_ADDR_SET_H

#include "base/addr.h"

struct addr_range;

/* All zero: empty. */
struct addr_set {
	struct addr_range *ranges;
	size_t n;
};

/* Everything that one of the n prefixes contains (prefix_contains). ERR_NOMEM. */
NODISCARD enum err addr_set_init(struct addr_set *s, const struct prefix *list, size_t n);
void addr_set_done(struct addr_set *s);
bool addr_set_has(const struct addr_set *s, const struct addr *a);

#endif
