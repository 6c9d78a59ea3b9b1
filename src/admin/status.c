/* SPDX-License-Identifier: MIT
 *
 * `status`: what the daemon knows about itself, as JSON. */
#include "admin/command.h"

static void put_span_or_nil(struct json *j, const char *key, struct span s)
{
	json_key(j, key);
	if (s.n)
		json_str(j, s);
	else
		json_nil(j);
}

static void put_gauge(struct json *j, const char *key, uint64_t now, uint64_t max)
{
	json_key(j, key);
	json_object_begin(j);
	json_put_u64(j, "now", now);
	json_put_u64(j, "max", max);
	json_object_end(j);
}

static void put_listeners(struct json *j, const struct admin_status *st)
{
	json_key(j, "listeners");
	json_array_begin(j);
	for (size_t i = 0; i < st->listeners_n; i++) {
		json_object_begin(j);
		json_put_str(j, "listen", st->listeners[i].text);
		json_put_str(j, "zone", st->listeners[i].zone);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_counters(struct json *j, const struct counter_totals *t)
{
	json_key(j, "counters");
	json_object_begin(j);
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		json_put_u64(j, counter_name((enum counter)i), t->v[i]);
	json_object_end(j);
	json_key(j, "reasons");
	json_object_begin(j);
	for (unsigned i = 1; i < REASON_COUNT; i++)
		if (t->reason[i])
			json_put_u64(j, reason_name((enum reason)i), t->reason[i]);
	json_object_end(j);
}

static void put_sinks(struct json *j, const struct event_hub *h)
{
	json_key(j, "sinks");
	json_array_begin(j);
	for (unsigned i = 0; i < h->sink_count; i++) {
		struct event_sink_stats st;

		event_sink_stats(h->sinks[i], &st);
		json_object_begin(j);
		json_put_cstr(j, "name", event_sink_name(h->sinks[i]));
		json_put_cstr(j, "kind", event_sink_kind(h->sinks[i]));
		json_put_u64(j, "lines", st.lines);
		json_put_u64(j, "lost_full", st.lost_full);
		json_put_u64(j, "lost_error", st.lost_error);
		json_put_u64(j, "reopened", st.reopened);
		json_put_u64(j, "waiting", st.waiting);
		json_key(j, "lag");
		json_milli(j, (int64_t)(st.lag / USEC_MS));
		json_put_cstr(j, "error", st.error ? st.why : NULL);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_stages(struct json *j, const struct admin_status *st)
{
	json_key(j, "stages");
	json_array_begin(j);
	for (size_t i = 0; i < st->stages_n; i++) {
		const struct admin_stage *s = &st->stages[i];
		uint64_t samples = histogram_count(&s->times);

		json_object_begin(j);
		json_put_str(j, "name", s->name);
		json_put_u64(j, "samples", samples);
		json_put_u64(j, "mean_ns", samples ? s->times.ns / samples : 0);
		json_object_end(j);
	}
	json_array_end(j);
	/* How far the workers lag behind; sums, so that two answers give the mean between them. */
	json_key(j, "wait");
	json_object_begin(j);
	json_put_u64(j, "samples", histogram_count(&st->wait));
	json_put_u64(j, "ns", st->wait.ns);
	json_object_end(j);
}

static void put_state(struct json *j, const struct admin_status *st)
{
	put_gauge(j, "transactions", st->transactions, st->transactions_max);
	put_gauge(j, "connections", st->connections, st->connections_max);
	put_gauge(j, "registrations", st->bindings, st->bindings_max);
	json_put_u64(j, "registered_accounts", st->aors);
	put_gauge(j, "cached_accounts", st->cached_accounts, st->cached_accounts_max);
	json_key(j, "store");
	json_object_begin(j);
	json_put_bool(j, "ok", st->store_ok);
	put_span_or_nil(j, "error", st->store_error);
	json_put_u64(j, "since", st->store_since / USEC_SEC);
	json_object_end(j);
	json_key(j, "memory");
	json_object_begin(j);
	json_put_u64(j, "fixed", st->memory_fixed);
	json_put_u64(j, "resident", st->memory_resident);
	json_object_end(j);
}

void admin_status_put(struct admin_call *c, const struct admin_status *st)
{
	struct json *j = c->reply;

	put_span_or_nil(j, "version", st->version);
	put_span_or_nil(j, "node", st->node);
	put_span_or_nil(j, "config", st->config_file);
	json_put_u64(j, "pid", st->pid);
	json_put_u64(j, "uptime", st->uptime / USEC_SEC);
	json_put_u64(j, "configured_ago",
	    c->wall > st->configured ? (c->wall - st->configured) / USEC_SEC : 0);
	json_put_u64(j, "workers", st->workers);
	put_listeners(j, st);
	json_key(j, "messages_per_second");
	json_object_begin(j);
	json_key(j, "received");
	json_milli(j, admin_rate_received(c->rate));
	json_key(j, "sent");
	json_milli(j, admin_rate_sent(c->rate));
	json_object_end(j);
	put_state(j, st);
	admin_judge_put(j, st);
	admin_enforcement_put(j, st);
	admin_privileges_put(j, st);
	put_stages(j, st);
	put_sinks(j, c->hub);
	json_put_bool(j, "runner", st->runner);
	admin_history_put(j, c->hub->history);
	put_counters(j, &st->totals);
}

const char *admin_status_run(struct admin_call *c)
{
	static struct admin_status st; /* some kilobytes; main thread only */

	memset(&st, 0, sizeof(st));
	c->backend->status(c->backend->arg, &st);
	admin_status_put(c, &st);
	return NULL;
}
