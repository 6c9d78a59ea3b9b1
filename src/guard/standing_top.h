/* SPDX-License-Identifier: MIT
 *
 * The foremost sources of the ledger by some figure, for `top`: found in one walk that is cut into
 * slices, with the tiers counted on the way. Of each slice at most STANDING_TOP_MAX sources are
 * kept, so what stands first in all slices together is the first of all. The caller keeps nothing
 * between two slices but the cursor. */
#ifndef GUARD_STANDING_TOP_H
#define GUARD_STANDING_TOP_H

#include "guard/standing.h"

#define STANDING_TOP_MAX    128
#define STANDING_TOP_ACTIVE (10 * USEC_SEC)

enum standing_top_key {
	STANDING_TOP_RATE, /* messages in the window of flood that were not refused for a ban */
	STANDING_TOP_DROPPED,
	STANDING_TOP_SCORE,
	STANDING_TOP_FAILURES,
	STANDING_TOP_OFFENCES,
	STANDING_TOP_BANNED, /* time until the ban ends */
	STANDING_TOP_SEEN,   /* the latest first */
	STANDING_TOP_KEYS
};

/* "rate", "dropped", ...; NULL beyond the last. */
const char *standing_top_key_name(unsigned key);

/* Which sources are meant; all zero: all of them. Both `prefix` and one of the names must fit where
 * they are set. */
struct standing_filter {
	bool by_prefix, by_name;
	struct prefix prefix;
	uint32_t tiers;             /* by_name: 1 << enum event_tier of those that fit */
	bool reasons[REASON_COUNT]; /* by_name: last reasons that fit */
};

/* From what a person types: a prefix ("192.0.2.7", "192.0.2.0/24", "2001:db8::/32"), the beginning
 * of an address ("192.0.2.", "2001:db8:"), or a part of the name of a tier or a reason ("denied",
 * "auth."). Empty: all. ERR_NOT_FOUND: it is none of these. */
NODISCARD enum err standing_filter_parse(struct span text, struct standing_filter *out_f);

struct standing_top_item {
	struct standing_view view;
	bool by_hand; /* a prefix banned by hand: `prefix`, and the view has no key */
	struct prefix prefix;
};

struct standing_top_heap {
	size_t n;
	struct standing_top_rank {
		double value;
		struct standing_top_item item;
	} at[STANDING_TOP_MAX];
};

struct standing_top {
	enum standing_top_key key;
	size_t max; /* sources wanted, at most STANDING_TOP_MAX */
	const struct standing_filter *filter;

	struct standing_tiers tiers; /* of this slice, filtered or not */

	/* What was found, in no order. `dropped` is filled with STANDING_TOP_RATE only: of a banned
	 * source no rate is kept, but how much was dropped of it; those of the last
	 * STANDING_TOP_ACTIVE. A source may be in both. */
	struct standing_top_heap found, dropped;
};

/* Looks at no more than `budget` sets from *cursor on (0: begin; then prefixes banned by hand are
 * looked at, too). True: there is more. key, max and filter are the caller's; the rest is begun
 * anew. */
bool standing_top_walk(struct standing *s, const struct standing_policy *p, size_t *cursor,
    size_t budget, usec_t now, struct standing_top *t);

#endif
