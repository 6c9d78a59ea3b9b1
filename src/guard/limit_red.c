/* SPDX-License-Identifier: MIT
 *
 * Random early drop, after Floyd and Jacobson: senders feel the limit before it is reached, a few
 * at a time. The rate is that of what passed, so a steady flood still gets most of the rate
 * through. */
#include "guard/limit_algorithm.h"

void limit_red_take(struct freq *f, const struct conf_limit *l, struct rng *rng, usec_t now,
    struct limit_outcome *out)
{
	const double half = l->events / 2.0;
	const uint32_t passed = freq_read(f, l->window, now);
	const double share = (passed - half) / half;

	out->threshold = l->events;
	out->value = passed + 1.0;
	out->taken = share <= 0 || (share < 1 && (double)rng_u64(rng) * 0x1p-64 >= share);
	if (out->taken)
		(void)freq_add(f, 1, l->window, now);
	else
		out->wait = (usec_t)((double)l->window * (share < 1 ? share : 1) / 2);
	out->events = passed + out->taken;
	out->free_at = now + 2 * l->window;
}
