/* SPDX-License-Identifier: MIT
 *
 * Banned prefixes, for a set that takes no overlaps: of two that overlap the narrower one is hidden
 * for as long as the wider one lasts. A fixed array; the prefixes banned by hand are few. Pure. */
#ifndef HELPER_SPANS_H
#define HELPER_SPANS_H

#include "helper/setup.h"

#define SPANS_MAX 512

struct span_ban {
	struct prefix what;
	uint32_t until; /* seconds of a monotonic clock */
};

struct spans {
	size_t n;
	uint32_t next; /* when what is visible changes; 0: not by itself */
	struct span_ban list[SPANS_MAX];
};

/* Of an address, or a prefix, of IPv4. */
bool prefix_is_v4(const struct prefix *p);

/* What the ledger knows as one source, an IPv4 address or an IPv6 /64: such are no spans, but in
 * sets of their own. */
bool prefix_is_source(const struct prefix *p);

/* Bans, gives a new end, or (seconds 0) ends. False: no room. */
bool spans_set(struct spans *s, const struct helper_ban *ban, uint32_t now);

/* Number i with the time it has left; false when it ended or is hidden. */
bool spans_visible(const struct spans *s, size_t i, uint32_t now, struct helper_ban *out_ban);

/* True, once, when a prefix that hid another has ended since. */
bool spans_changed(struct spans *s, uint32_t now);

#endif
