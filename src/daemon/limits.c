/* SPDX-License-Identifier: MIT
 *
 * The figures of the named limits for `status`. Main thread. */
#include "daemon/serve.h"
#include "guard/limit.h"

_Static_assert(CONF_LIMITS_MAX <= ADMIN_LIMITS_MAX, "room for all limits");

void limits_status(const struct daemon *d, struct admin_limits *out)
{
	const struct snapshot *snap = d->edge->snap;
	const struct conf *c = snap->conf;
	struct limits_table_stats keys;

	for (size_t i = 0; i < c->limits_count; i++) {
		const struct conf_limit *l = &c->limits[i];
		struct limit_stats s;

		limit_plan_stats(snap->limit_plan, i, &s);
		out->list[out->n++] = (struct admin_limit){
		    .name = l->name,
		    .per = conf_limit_per_name(l->per),
		    .algorithm = conf_limit_algorithm_name(l->algorithm),
		    .mode = conf_mode_name(l->mode),
		    .passed = s.passed,
		    .refused = s.refused,
		    .would = s.would,
		    .by_load =
			l->algorithm == CONF_LIMIT_FEEDBACK || l->algorithm == CONF_LIMIT_NETWORK,
		    .share = s.share,
		};
	}
	limits_table_stats(d->edge->limits, edge_now(), &keys);
	out->keys = keys.keys;
	out->keys_max = keys.capacity;
	out->evicted = keys.evicted;
	out->shared = keys.shared;
}
