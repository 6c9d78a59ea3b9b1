/* SPDX-License-Identifier: MIT */
#include "event/select.h"

struct event_select event_select_all(void)
{
	return (struct event_select){.only = EVENT_SELECT_VERDICTS};
}

enum err event_select_add_reason(struct event_select *s, struct span reason)
{
	enum err e = ERR_NOT_FOUND;

	for (unsigned i = 1; i < REASON_COUNT; i++)
		if (reason_matches(reason, (enum reason)i)) {
			s->reasons[i / 64] |= UINT64_C(1) << i % 64;
			s->by_reason = true;
			e = OK;
		}
	return e;
}

bool event_select_wants(const struct event_select *s, const struct event *e)
{
	unsigned verdict = e->kind == EVENT_VERDICT ? 1u << e->verdict : EVENT_SELECT_CHANGE;

	if (!(s->only & verdict) || (s->tiers && !(s->tiers & 1u << e->tier)))
		return false;
	return !s->by_reason || (s->reasons[e->reason / 64] >> e->reason % 64 & 1);
}
