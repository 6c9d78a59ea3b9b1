/* SPDX-License-Identifier: MIT */
#include "admin/metrics_put.h"

#define NS_A_USEC 1000u
#define NS_A_SEC  1000000000u

/* The figure of a family without labels. */
#define PUT_ONE(fn, value)                                                                      \
	void fn(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED) \
	{                                                                                       \
		exposition_u64(x, (value), NULL);                                               \
	}

PUT_ONE(put_store_up, in->status->store_ok)
PUT_ONE(put_memory_fixed, in->status->memory_fixed)
PUT_ONE(put_memory_resident, in->status->memory_resident)
PUT_ONE(put_queue_waiting, in->status->judge.waiting)
PUT_ONE(put_banned, in->status->judge.tiers.banned)
PUT_ONE(put_held, in->status->judge.tiers.held)
PUT_ONE(put_attacked, in->status->judge.attacked)
PUT_ONE(put_registered, in->status->aors)
PUT_ONE(put_txn_memory, in->status->totals.v[COUNTER_TXN_MEMORY])
PUT_ONE(put_http_connections, in->http->connections)
PUT_ONE(put_http_refused, in->http->refused)
PUT_ONE(put_start_time, (in->wall - MIN(in->status->uptime, in->wall)) / USEC_SEC)
PUT_ONE(put_configured, in->status->configured / USEC_SEC)

void put_build_info(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	exposition_u64(x, 1, (struct span[]){in->status->version, in->status->node});
}

/* ---- traffic ---- */

void put_counters(struct exposition *x, const struct metrics_input *in, enum metric_id id)
{
	metrics_put_counters(x, &in->status->totals, id);
}

void put_reasons(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	const struct counter_totals *t = &in->status->totals;

	for (unsigned i = 1; i < REASON_COUNT; i++) {
		const struct reason_info *r = reason_info((enum reason)i);
		uint64_t would = MIN(t->would_reason[i], t->reason[i]);
		struct span values[] = {
		    span_str(control_name(r->control)), span_str(r->name), SPAN("enforce")};

		exposition_u64(x, t->reason[i] - would, values);
		values[2] = SPAN("observe");
		exposition_u64(x, would, values);
	}
}

void put_control_mode(
    struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	const struct admin_judge *g = &in->status->judge;

	for (size_t i = 0; i < g->controls_n; i++)
		exposition_u64(x, 1,
		    (struct span[]){span_str(g->controls[i].name), span_str(g->controls[i].mode)});
}

/* ---- sources ---- */

void put_sources(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	for (unsigned t = EVENT_TIER_DENIED; t < EVENT_TIER_COUNT; t++) {
		struct span tier = span_str(event_tier_name((enum event_tier)t));

		exposition_u64(x, in->status->judge.tiers.n[t], &tier);
	}
}

/* ---- tables ---- */

static void put_tables(struct exposition *x, const struct metrics_input *in, size_t offset)
{
	for (size_t i = 0; i < in->status->tables_n; i++) {
		const struct admin_table *t = &in->status->tables[i];
		struct span name = span_str(t->name);

		exposition_u64(x, *(const uint64_t *)((const char *)t + offset), &name);
	}
}

#define PUT_TABLES(fn, member)                                                                  \
	void fn(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED) \
	{                                                                                       \
		put_tables(x, in, offsetof(struct admin_table, member));                        \
	}

PUT_TABLES(put_table_entries, used)
PUT_TABLES(put_table_capacity, capacity)
PUT_TABLES(put_table_evictions, evicted)
PUT_TABLES(put_table_refusals, refused)

/* ---- limits ---- */

void put_limit_requests(
    struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	const struct admin_limits *all = &in->status->limits;

	for (size_t i = 0; i < all->n; i++) {
		const struct admin_limit *l = &all->list[i];
		struct span values[] = {l->name, l->per, SPAN("pass")};

		exposition_u64(x, l->passed, values);
		values[2] = SPAN("refuse");
		exposition_u64(x, l->refused, values);
		values[2] = SPAN("observed");
		exposition_u64(x, l->would, values);
	}
}

void put_limit_share(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	const struct admin_limits *all = &in->status->limits;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].by_load)
			exposition_nano(
			    x, (uint64_t)(all->list[i].share * NS_A_SEC), &all->list[i].name);
}

/* ---- workers ---- */

static struct span number_label(size_t i, char *text, size_t cap)
{
	struct buf b = buf_of(text, cap);

	buf_add_u64(&b, i);
	return buf_span(&b);
}

#define PUT_WORKERS(fn, how, member)                                                            \
	void fn(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED) \
	{                                                                                       \
		for (size_t i = 0; i < in->status->workers; i++) {                              \
			char text[24];                                                          \
			struct span label = number_label(i, text, sizeof(text));                \
                                                                                                \
			how(x, in->status->each[i].member, &label);                             \
		}                                                                               \
	}

PUT_WORKERS(put_worker_messages, exposition_u64, received)
PUT_WORKERS(put_worker_cpu, exposition_nano, cpu_ns)
PUT_WORKERS(put_worker_events_lost, exposition_u64, events_lost)
PUT_WORKERS(put_worker_mailbox, exposition_u64, mailbox_full)

/* ---- time ---- */

void put_stage_seconds(
    struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	for (size_t i = 0; i < in->status->stages_n; i++)
		exposition_histogram(x, &in->status->stages[i].times, &in->status->stages[i].name);
}

void put_path_seconds(
    struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	for (size_t i = 0; i < in->status->whole_n; i++)
		exposition_histogram(x, &in->status->whole[i].times, &in->status->whole[i].name);
}

void put_wait_seconds(
    struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	exposition_histogram(x, &in->status->wait, NULL);
}

/* ---- events ---- */

void put_sink_lines(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	for (unsigned i = 0; i < in->hub->sink_count; i++) {
		struct span name = span_str(event_sink_name(in->hub->sinks[i]));
		struct event_sink_stats s;

		event_sink_stats(in->hub->sinks[i], &s);
		exposition_u64(x, s.lines, &name);
	}
}

void put_sink_lost(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	for (unsigned i = 0; i < in->hub->sink_count; i++) {
		struct span values[] = {span_str(event_sink_name(in->hub->sinks[i])), SPAN("full")};
		struct event_sink_stats s;

		event_sink_stats(in->hub->sinks[i], &s);
		exposition_u64(x, s.lost_full, values);
		values[1] = SPAN("error");
		exposition_u64(x, s.lost_error, values);
	}
}

void put_sink_up(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	for (unsigned i = 0; i < in->hub->sink_count; i++) {
		struct span name = span_str(event_sink_name(in->hub->sinks[i]));
		struct event_sink_stats s;

		event_sink_stats(in->hub->sinks[i], &s);
		exposition_u64(x, s.error == 0, &name);
	}
}

/* ---- bans in the kernel ---- */

PUT_ONE(put_enforce_up, !in->status->enforcement.wanted || in->status->enforcement.up)
PUT_ONE(put_enforce_waiting, in->status->enforcement.waiting)
PUT_ONE(put_enforce_added, in->status->enforcement.added)
PUT_ONE(put_enforce_removed, in->status->enforcement.removed)
PUT_ONE(put_enforce_syncs, in->status->enforcement.syncs)
PUT_ONE(put_enforce_refused, in->status->enforcement.refused)
PUT_ONE(put_enforce_overflows, in->status->enforcement.overflows)

void put_enforce_lag(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	exposition_nano(x, in->status->enforcement.lag * NS_A_USEC, NULL);
}

#define PUT_BACKENDS(fn, value)                                                                   \
	void fn(struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)   \
	{                                                                                         \
		for (unsigned i = 0; i < HELPER_BACKENDS; i++) {                                  \
			const struct plan_backend *b = &in->status->enforcement.backend[i];       \
			struct span name = span_str(helper_backend_name((enum helper_backend)i)); \
                                                                                                  \
			if (in->status->enforcement.backends & 1u << i)                           \
				exposition_u64(x, (value), &name);                                \
		}                                                                                 \
	}

PUT_BACKENDS(put_backend_up, b->state == MESSAGE_UP)
PUT_BACKENDS(put_backend_entries, b->entries)
PUT_BACKENDS(put_backend_evicted, b->evicted)
PUT_BACKENDS(put_backend_packets, b->packets)
PUT_BACKENDS(put_backend_bytes, b->bytes)

/* ---- this interface ---- */

void put_http_responses(
    struct exposition *x, const struct metrics_input *in, enum metric_id id UNUSED)
{
	for (size_t i = 0; i < METRICS_CODES_MAX; i++) {
		char text[24];
		struct span code = number_label(in->http->code[i], text, sizeof(text));

		if (in->http->code[i])
			exposition_u64(x, in->http->answers[i], &code);
	}
}
