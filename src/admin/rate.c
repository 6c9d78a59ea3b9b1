/* SPDX-License-Identifier: MIT
 *
 * How many messages a second, lately. */
#include "admin/command.h"

void admin_rate_sample(struct admin_rate *r, const struct counter_totals *t, usec_t now)
{
	r->at = (r->at + 1) % ADMIN_RATE_SLOTS;
	r->slot[r->at].now = now;
	r->slot[r->at].received = 0;
	r->slot[r->at].sent = 0;
	for (unsigned i = COUNTER_RECEIVED_UDP; i <= COUNTER_RECEIVED_WSS; i++)
		r->slot[r->at].received += t->v[i];
	for (unsigned i = COUNTER_SENT_UDP; i <= COUNTER_SENT_WSS; i++)
		r->slot[r->at].sent += t->v[i];
	if (r->filled < ADMIN_RATE_SLOTS)
		r->filled++;
}

static unsigned oldest(const struct admin_rate *r)
{
	return (r->at + ADMIN_RATE_SLOTS + 1 - r->filled) % ADMIN_RATE_SLOTS;
}

static int64_t per_second(uint64_t n, usec_t period)
{
	return period ? (int64_t)(n * 1000 * USEC_SEC / period) : 0;
}

int64_t admin_rate_received(const struct admin_rate *r)
{
	unsigned first = oldest(r);

	if (r->filled < 2)
		return 0;
	return per_second(r->slot[r->at].received - r->slot[first].received,
	    r->slot[r->at].now - r->slot[first].now);
}

int64_t admin_rate_sent(const struct admin_rate *r)
{
	unsigned first = oldest(r);

	if (r->filled < 2)
		return 0;
	return per_second(
	    r->slot[r->at].sent - r->slot[first].sent, r->slot[r->at].now - r->slot[first].now);
}
