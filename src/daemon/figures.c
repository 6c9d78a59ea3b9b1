/* SPDX-License-Identifier: MIT
 *
 * Figures for metrics: the tables of fixed size, and each worker's own. Main thread. */
#include <pthread.h>
#include <time.h>

#include "daemon/serve.h"
#include "event/history.h"

_Static_assert(CONF_WORKERS_MAX <= ADMIN_WORKERS_MAX, "room for all workers");

static void add(struct admin_status *out, struct admin_table t)
{
	out->tables[out->tables_n++] = t;
}

static void add_stores(const struct edge *e, struct admin_status *out)
{
	static struct store_worker_stats store; /* main thread only; too large for a stack frame */
	struct bindings_stats bindings;
	struct accounts_stats accounts;

	bindings_stats(e->bindings, &bindings);
	add(out, (struct admin_table){"registrations", bindings.bindings, bindings.max_bindings, 0,
		     bindings.refused_full});
	accounts_stats(e->accounts, &accounts);
	add(out, (struct admin_table){"accounts", accounts.used, accounts.entries, accounts.evicted,
		     accounts.refused});
	store_worker_stats(e->store, &store);
	add(out,
	    (struct admin_table){"store-requests", store.queued, store.queue, 0, store.refused});
}

static void add_judge(const struct edge *e, struct admin_status *out)
{
	struct ledger_stats ledger;
	struct tally_stats scan;
	struct guessing_stats guessing;
	struct limits_table_stats limits;
	struct replay_stats nonces;

	ledger_stats(standing_ledger(e->standing), &ledger);
	add(out, (struct admin_table){
		     "sources", ledger.entries, ledger.capacity, ledger.evicted, ledger.refused});
	scan_stats(e->scan, &scan);
	add(out, (struct admin_table){"scan", scan.used, scan.capacity, scan.evicted, 0});
	guessing_figures(e->guessing, &guessing);
	add(out, (struct admin_table){"guessing", guessing.table.used, guessing.table.capacity,
		     guessing.table.evicted, 0});
	limits_table_stats(e->limits, edge_now(), &limits);
	add(out, (struct admin_table){
		     "limit-keys", limits.keys, limits.capacity, limits.evicted, limits.shared});
	replay_stats(e->replay, &nonces);
	add(out, (struct admin_table){"nonces", nonces.used, nonces.entries, nonces.evicted, 0});
}

static uint64_t cpu_ns(const struct worker *w)
{
	clockid_t clock;
	struct timespec ts;

	if (!w->started || pthread_getcpuclockid(w->thread, &clock) != 0 ||
	    clock_gettime(clock, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void fill_workers(const struct edge *e, struct admin_status *out)
{
	for (uint32_t i = 0; i < edge_workers(e); i++) {
		static struct counter_totals t; /* main thread only */
		struct admin_worker *w = &out->each[i];

		memset(&t, 0, sizeof(t));
		counter_sum(&t, &e->counters[i]);
		for (unsigned c = COUNTER_RECEIVED_UDP; c <= COUNTER_RECEIVED_WSS; c++)
			w->received += t.v[c];
		w->events_lost = t.v[COUNTER_EVENTS_LOST];
		w->mailbox_full = t.v[COUNTER_MAILBOX_FULL];
		w->cpu_ns = cpu_ns(e->workers[i]);
	}
}

void figures_status(const struct daemon *d, struct admin_status *out)
{
	const uint64_t *v = out->totals.v;

	add(out, (struct admin_table){"transactions", out->transactions, out->transactions_max, 0,
		     v[COUNTER_TXN_FULL]});
	add(out, (struct admin_table){"connections", out->connections, out->connections_max, 0,
		     v[COUNTER_CONN_REFUSED_SOURCE] + v[COUNTER_CONN_REFUSED_TOTAL]});
	add_stores(d->edge, out);
	add_judge(d->edge, out);
	if (d->history) {
		struct event_history_stats h;

		event_history_stats(d->history, &h);
		add(out, (struct admin_table){"history-bytes", h.bytes, h.capacity, 0, 0});
	}
	fill_workers(d->edge, out);
}
