/* SPDX-License-Identifier: MIT
 *
 * Which events a sink takes: a set of verdicts, of reasons and of tiers, all of which must fit.
 * Plain data, made with the configuration. */
#ifndef EVENT_SELECT_H
#define EVENT_SELECT_H

#include "event/event.h"

/* Bits of `only`: 1u << verdict for events about a message, and one for all others. */
#define EVENT_SELECT_CHANGE   16u
#define EVENT_SELECT_VERDICTS 31u

struct event_select {
	unsigned only;  /* verdicts */
	unsigned tiers; /* bits 1u << enum event_tier; 0: any */
	bool by_reason; /* only those in `reasons` */
	uint64_t reasons[(REASON_COUNT + 63) / 64];
};

/* Takes everything. */
struct event_select event_select_all(void);

/* Adds a reason, or all that begin so: "auth.bad-password", "auth" or "auth.". ERR_NOT_FOUND: none
 * does. */
NODISCARD enum err event_select_add_reason(struct event_select *s, struct span reason);

bool event_select_wants(const struct event_select *s, const struct event *e);

#endif
