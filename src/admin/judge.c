/* SPDX-License-Identifier: MIT
 *
 * The members of `status` that tell of the judge. */
#include "admin/command.h"

void admin_tiers_put(struct json *j, const struct standing_tiers *tiers)
{
	json_put_u64(j, "banned", tiers->banned);
	json_put_u64(j, "held", tiers->held);
	json_put_u64(j, "flows", tiers->flows);
	json_key(j, "tiers");
	json_object_begin(j);
	for (unsigned t = EVENT_TIER_DENIED; t < EVENT_TIER_COUNT; t++)
		json_put_u64(j, event_tier_name((enum event_tier)t), tiers->n[t]);
	json_object_end(j);
}

static void put_ledger(struct json *j, const struct admin_judge *g)
{
	json_key(j, "ledger");
	json_object_begin(j);
	json_put_u64(j, "now", g->ledger.entries);
	json_put_u64(j, "max", g->ledger.capacity);
	json_put_u64(j, "evicted", g->ledger.evicted);
	json_put_u64(j, "refused", g->ledger.refused);
	if (!g->unwalked)
		admin_tiers_put(j, &g->tiers);
	json_object_end(j);
}

/* The first served first. */
static void put_queues(struct json *j, const struct admin_judge *g)
{
	json_key(j, "queues");
	json_array_begin(j);
	for (unsigned t = EVENT_TIER_COUNT; t-- > EVENT_TIER_DENIED;) {
		json_object_begin(j);
		json_put_cstr(j, "tier", event_tier_name((enum event_tier)t));
		json_put_u64(j, "served", g->queues[t].served);
		json_put_u64(j, "refused", g->queues[t].refused);
		json_put_u64(j, "dropped", g->queues[t].dropped);
		json_object_end(j);
	}
	json_array_end(j);
	json_put_u64(j, "waiting", g->waiting);
}

static void put_controls(struct json *j, const struct admin_judge *g)
{
	json_key(j, "controls");
	json_array_begin(j);
	for (size_t i = 0; i < g->controls_n; i++) {
		json_object_begin(j);
		json_put_cstr(j, "name", g->controls[i].name);
		json_put_cstr(j, "mode", g->controls[i].mode);
		json_put_u64(j, "would", g->controls[i].would);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_limits(struct json *j, const struct admin_limits *limits)
{
	json_key(j, "limits");
	json_array_begin(j);
	for (size_t i = 0; i < limits->n; i++) {
		const struct admin_limit *l = &limits->list[i];

		json_object_begin(j);
		json_put_str(j, "name", l->name);
		json_put_cstr(j, "mode", l->mode);
		json_put_str(j, "per", l->per);
		json_put_str(j, "algorithm", l->algorithm);
		json_put_u64(j, "passed", l->passed);
		json_put_u64(j, "refused", l->refused);
		json_put_u64(j, "would", l->would);
		json_key(j, "share");
		if (l->by_load)
			json_milli(j, (int64_t)(l->share * 1000));
		else
			json_nil(j);
		json_object_end(j);
	}
	json_array_end(j);
	json_key(j, "limit_keys");
	json_object_begin(j);
	json_put_u64(j, "now", limits->keys);
	json_put_u64(j, "max", limits->keys_max);
	json_put_u64(j, "evicted", limits->evicted);
	json_put_u64(j, "shared", limits->shared);
	json_object_end(j);
}

void admin_judge_put(struct json *j, const struct admin_status *st)
{
	const struct admin_judge *g = &st->judge;

	put_ledger(j, g);
	put_queues(j, g);
	put_controls(j, g);
	put_limits(j, &st->limits);
	json_key(j, "guessing");
	json_object_begin(j);
	if (!g->unwalked)
		json_put_u64(j, "accounts_under_attack", g->attacked);
	json_put_u64(j, "now", g->guessing_entries);
	json_put_u64(j, "max", g->guessing_capacity);
	json_put_u64(j, "evicted", g->guessing_evicted);
	json_object_end(j);
	json_key(j, "scan");
	json_object_begin(j);
	json_put_u64(j, "now", g->scan_entries);
	json_put_u64(j, "max", g->scan_capacity);
	json_put_u64(j, "evicted", g->scan_evicted);
	json_object_end(j);
}
