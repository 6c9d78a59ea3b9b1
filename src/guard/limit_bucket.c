/* SPDX-License-Identifier: MIT
 *
 * Token bucket as GCRA (ITU-T I.371, the virtual scheduling form). With times multiplied by the
 * events of the rate one request costs exactly the rate's time. At most 2**16 events, so the
 * product holds eight years of uptime. */
#include "guard/limit_algorithm.h"

void limit_bucket_take(
    struct limit_bucket *b, const struct conf_limit *l, usec_t now, struct limit_outcome *out)
{
	const uint64_t t = now * l->events, cost = l->window, room = l->burst * cost;
	const uint64_t used = b->paid_at > t ? b->paid_at - t : 0;
	const uint64_t held = (used + cost - 1) / cost; /* begun ones count */

	out->threshold = l->burst;
	out->taken = used + cost <= room;
	if (out->taken)
		b->paid_at = t + used + cost;
	else
		out->wait = (used + cost - room + l->events - 1) / l->events;
	out->value = (double)(held + 1);
	out->events = (uint32_t)(held + out->taken);
	out->free_at = (b->paid_at + l->events - 1) / l->events;
}

/* Whatever was taken after it stays paid for as if it had never been. */
void limit_bucket_give_back(struct limit_bucket *b, const struct conf_limit *l)
{
	b->paid_at -= b->paid_at < l->window ? b->paid_at : l->window;
}
