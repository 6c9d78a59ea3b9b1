/* SPDX-License-Identifier: MIT
 *
 * Answers for the control socket, gathered from the edge. */
#include <stdio.h>
#include <unistd.h>

#include "daemon/privileges.h"
#include "daemon/serve.h"
#include "daemon/version.h"
#include "edge/memory.h"

_Static_assert(PATH_KINDS <= ADMIN_KINDS_MAX, "room for all kinds of messages");

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long total, resident;
	/* The kernel's numbers fit. NOLINTNEXTLINE(cert-err34-c) */
	int n = f ? fscanf(f, "%lu %lu", &total, &resident) : 0;

	if (f)
		fclose(f);
	return n == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t fixed_bytes(const struct conf *c)
{
	struct memory_part parts[EDGE_MEMORY_PARTS];
	size_t n = edge_memory_report(c, parts, ARRAY_LEN(parts));
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].bytes;
	return sum;
}

static void totals(void *arg, struct counter_totals *out)
{
	const struct daemon *d = arg;

	for (uint32_t i = 0; i < edge_workers(d->edge); i++)
		counter_sum(out, &d->edge->counters[i]);
	counter_sum(out, &d->hub.own);
}

static void fill_tables(struct daemon *d, struct admin_status *out)
{
	static struct store_worker_stats store; /* main thread only; too large for a stack frame */
	struct edge *e = d->edge;
	struct bindings_stats bindings;
	struct accounts_stats accounts;
	const struct counter_totals *t = &out->totals;

	totals(d, &out->totals);
	bindings_stats(e->bindings, &bindings);
	accounts_stats(e->accounts, &accounts);
	store_worker_stats(e->store, &store);
	out->totals.v[COUNTER_STORE_REQUESTS] = store.served + store.refused;
	out->totals.v[COUNTER_STORE_FULL] = store.refused;
	out->totals.v[COUNTER_STORE_FAILURES] = store.failed + store.timed_out;
	out->totals.v[COUNTER_REGISTER_EXPIRED] = bindings.expired;
	/* Workers go on counting between two looks, so an end may be seen whose begin was not. */
	out->transactions =
	    t->v[COUNTER_TXN_CREATED] - MIN(t->v[COUNTER_TXN_ENDED], t->v[COUNTER_TXN_CREATED]);
	out->transactions_max = e->snap->conf->sip.transactions;
	out->connections =
	    t->v[COUNTER_CONN_ACCEPTED] + t->v[COUNTER_CONN_OPENED] -
	    MIN(t->v[COUNTER_CONN_CLOSED], t->v[COUNTER_CONN_ACCEPTED] + t->v[COUNTER_CONN_OPENED]);
	out->connections_max = e->snap->conf->tcp.connections;
	out->bindings = bindings.bindings;
	out->aors = bindings.aors;
	out->bindings_max = bindings.max_bindings;
	out->cached_accounts = accounts.used;
	out->cached_accounts_max = accounts.entries;
}

static void fill_stages(struct edge *e, struct admin_status *out)
{
	const char *name;

	for (size_t i = 0; i < ADMIN_STAGES_MAX && (name = path_stage_name(i)) != NULL; i++) {
		struct admin_stage *s = &out->stages[out->stages_n++];

		s->name = span_str(name);
		for (uint32_t k = 0; k < edge_workers(e); k++)
			histogram_sum(&s->times, &e->workers[k]->times.stage[i]);
	}
	for (unsigned i = 0; i < PATH_KINDS; i++) {
		struct admin_stage *s = &out->whole[out->whole_n++];

		s->name = span_str(path_kind_name((enum path_kind)i));
		for (uint32_t k = 0; k < edge_workers(e); k++)
			histogram_sum(&s->times, &e->workers[k]->times.whole[i]);
	}
	for (uint32_t k = 0; k < edge_workers(e); k++)
		histogram_sum(&out->wait, &e->workers[k]->times.wait);
}

static void fill_privileges(const struct sandbox *s, struct admin_privileges *out)
{
	*out = (struct admin_privileges){
	    .user = s->user,
	    .capabilities = privileges_left(),
	    .calls = s->calls_filtered,
	    .landlock = s->files_guarded ? s->files.abi : 0,
	    .why = {s->calls_why, s->files_why},
	};
}

static void fill_status(void *arg, bool walk, struct admin_status *out)
{
	static struct store_worker_stats store; /* main thread only; the answer borrows its text */
	struct daemon *d = arg;
	const struct conf *c = d->edge->snap->conf;

	out->version = span_str(RINGFENCE_VERSION);
	out->node = c->node;
	out->config_file = c->file;
	out->uptime = edge_now() - d->started;
	out->configured = d->configured;
	out->workers = edge_workers(d->edge);
	out->pid = (uint64_t)getpid();
	for (size_t i = 0; i < c->listeners_count && i < ADMIN_LISTENERS_MAX; i++)
		out->listeners[out->listeners_n++] = (struct admin_listener){
		    c->listeners[i].text, c->zones[c->listeners[i].zone].name};
	fill_tables(d, out);
	fill_stages(d->edge, out);
	if (walk)
		figures_status(d, out);
	judge_status(d, walk, out);
	enforcement_status(d, walk, out);
	fill_privileges(&d->sandbox, &out->privileges);
	out->runner = d->runner.pid != 0;
	out->memory_fixed = fixed_bytes(c);
	out->memory_resident = resident_bytes();
	store_worker_stats(d->edge->store, &store);
	out->store_ok = d->store_ok;
	out->store_error = span_str(store.why);
	out->store_since = edge_now() - d->store_changed;
}

static void status(void *arg, struct admin_status *out)
{
	fill_status(arg, true, out);
}

static void figures(void *arg, struct admin_status *out)
{
	fill_status(arg, false, out);
}

static bool registrations(
    void *arg, struct bindings_cursor *cursor, size_t budget, bindings_each_fn *fn, void *fn_arg)
{
	struct edge *e = ((struct daemon *)arg)->edge;

	return bindings_each(e->bindings, edge_wall(), cursor, budget, &e->sweep_set, fn, fn_arg);
}

static void registration(void *arg, struct span aor, bindings_each_fn *fn, void *fn_arg)
{
	struct edge *e = ((struct daemon *)arg)->edge;

	bindings_lookup(e->bindings, aor, edge_wall(), &e->sweep_set);
	if (e->sweep_set.n)
		(void)fn(fn_arg, aor, &e->sweep_set);
}

static enum err reload(void *arg, struct buf *messages)
{
	return daemon_reload(arg, messages);
}

static void forget_account(void *arg, struct span account)
{
	struct edge *e = ((struct daemon *)arg)->edge;
	struct span user;

	if (span_cut(&account, '@', &user))
		accounts_forget(e->accounts, user, account);
}

void backend_init(struct daemon *d)
{
	d->backend = (struct admin_backend){
	    .arg = d,
	    .status = status,
	    .figures = figures,
	    .totals = totals,
	    .registrations = registrations,
	    .registration = registration,
	    .reload = reload,
	    .forget_account = forget_account,
	};
	judge_backend_init(&d->backend);
}
