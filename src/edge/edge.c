/* SPDX-License-Identifier: MIT */
#include "edge/edge.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "edge/guess.h"
#include "edge/keys.h"
#include "edge/mail.h"
#include "store/sqlite.h"

enum { STORE_BUSY_MS = 2000 };

#define FLUSH_PERIOD  (500 * USEC_MS)
#define SWEEP_SECONDS 30  /* the whole table of bindings is looked at in this time */
#define SWEEP_LEAST   256 /* buckets; a small table is looked at at once */

static usec_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec_t)ts.tv_sec * USEC_SEC + (usec_t)ts.tv_nsec / 1000;
}

usec_t edge_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

usec_t edge_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

struct worker *edge_worker(struct edge *e, uint32_t id)
{
	return id < e->n_workers ? e->workers[id] : NULL;
}

static enum err open_role(const struct conf *c, enum store_role role, unsigned flags,
    struct buf *why, struct store **out_s)
{
	bool accounts = role == STORE_ROLE_ACCOUNTS;
	const struct conf_store *st = accounts ? &c->accounts_store : &c->state_store;

	return sqlite_open(st->path.p, (accounts ? STORE_ACCOUNTS : STORE_STATE) | flags,
	    STORE_BUSY_MS, why, out_s);
}

/* On the storage thread, after a store was lost. The paths are those of the start. */
static enum err reopen(void *arg, enum store_role role, struct buf *why, struct store **out_s)
{
	const struct edge *e = arg;

	return open_role(e->store_conf, role, 0, why, out_s);
}

/* Registrations first: standing that is a second older harms nobody. */
static enum err flush_state(void *arg, enum err err, struct store *s)
{
	struct edge *e = arg;
	enum err second;

	err = binding_log_tick(e->log, err == OK ? s : NULL, edge_wall());
	second = standing_keep_tick(e->keep, err == OK ? s : NULL, edge_now(), edge_wall());
	return err == OK ? second : err;
}

static enum err load_state(struct edge *e, struct store *state, struct buf *why)
{
	enum err err = keys_load(state, edge_wall(), &e->nonce_keys, &e->keys);

	if (err == OK)
		err = binding_log_load(e->log, state, edge_wall());
	if (err == OK)
		err =
		    standing_keep_load(e->keep, state, &e->snap->standing, edge_now(), edge_wall());
	if (err != OK)
		buf_addf(why, "%s", store_why(state));
	return err;
}

/* A table of Kamailio has no SHA hashes: who is offered SHA-256 there could never log in. */
static enum err limit_algorithms(struct edge *e, struct snapshot *snap, struct buf *why)
{
	bool fewer;

	if (!snapshot_limit_algorithms(snap, e->account_algs, &fewer)) {
		buf_add_lit(why,
		    "controls.auth.algorithms: not one of them has a hash for every "
		    "account; see `ringfence user list`, and add MD5 or set the passwords "
		    "again with `ringfence user passwd`\n");
		return ERR_UNSUPPORTED;
	}
	if (fewer)
		buf_add_lit(why,
		    "warning: controls.auth.algorithms: only those are offered for which "
		    "every account has a hash; see `ringfence user list`\n");
	return OK;
}

static enum err judge_accounts(struct edge *e, struct store *accounts, struct buf *why)
{
	enum err err = store_account_algs(accounts, &e->account_algs);

	if (err != OK) {
		buf_addf(why, "%s", store_why(accounts));
		return err;
	}
	return limit_algorithms(e, e->snap, why);
}

static enum err open_stores(struct edge *e, const struct conf *c, struct buf *why)
{
	struct store_worker_config config = {
	    .queue = EDGE_STORE_QUEUE, .clock = edge_now, .open = reopen, .open_arg = e};
	struct store **opened = config.opened;
	enum err err = OK;

	for (int r = 0; r < STORE_ROLE_COUNT && err == OK; r++)
		err = open_role(c, (enum store_role)r, STORE_CREATE, why, &opened[r]);
	if (err == OK)
		err = load_state(e, opened[STORE_ROLE_STATE], why);
	if (err == OK)
		err = judge_accounts(e, opened[STORE_ROLE_ACCOUNTS], why);
	if (err == OK)
		err = store_worker_new(&config, &e->store);
	for (int r = 0; r < STORE_ROLE_COUNT && err != OK; r++)
		store_close(opened[r]);
	return err;
}

/* What is known of sources. Its keys are its own: who learned one of them would not know the
 * others. */
static enum err make_judge(struct edge *e, const struct conf *c)
{
	struct siphash_key keys[5];
	enum err err = rng_system(keys, sizeof(keys));

	if (err == OK)
		err = standing_new(c->standing.sources, &keys[0], &e->standing);
	if (err == OK)
		err = standing_keep_new(e->standing, &e->keep);
	if (err == OK)
		err = sketch_new(&keys[1], c->flood.window, &e->sketch);
	if (err == OK)
		err = limits_new(c->limit_keys, &keys[2], &e->limits);
	if (err == OK)
		err = limits_use(e->limits, e->snap->limit_plan);
	if (err == OK)
		err = scan_new(edge_scan_entries(c), &keys[3], &e->scan);
	if (err == OK)
		err = guessing_new(c->standing.sources, &keys[4], &e->guessing);
	return err;
}

/* The tables that all workers share. */
static enum err make_tables(struct edge *e, const struct conf *c)
{
	struct siphash_key key;
	enum err err = rng_system(&key, sizeof(key));

	if (err != OK)
		return err;
	e->replay = replay_new(EDGE_REPLAY_ENTRIES, edge_wall() / USEC_MS, &key);
	if (!e->replay)
		return ERR_NOMEM;
	err = bindings_new(c->registrar.max_bindings, &key, &e->bindings);
	if (err == OK)
		err = binding_log_new(e->bindings, NULL, &e->log);
	if (err == OK)
		err = binding_set_init(&e->sweep_set);
	if (err == OK)
		err = net_sources_new(c->tcp.connections, &e->sources);
	return err == OK ? make_judge(e, c) : err;
}

static enum err make_cache(struct edge *e, const struct conf *c)
{
	struct accounts_config config = {
	    .entries = c->accounts_cache,
	    .lifetime = c->accounts_cache_lifetime,
	    .negative_lifetime = MIN(c->accounts_cache_lifetime, 10 * USEC_SEC),
	    .worker = e->store,
	};
	enum err err = rng_system(&config.key, sizeof(config.key));

	if (err != OK)
		return err;
	store_worker_every(e->store, FLUSH_PERIOD, flush_state, e);
	return accounts_new(&config, &e->accounts);
}

static enum err make_workers(
    struct edge *e, const struct conf *c, event_wake_fn wake, void *wake_arg, struct buf *why)
{
	size_t n = c->workers;
	struct net_fail fail;
	enum err err = OK;

	e->workers = calloc(n, sizeof(*e->workers));
	e->counters = aligned_alloc(CACHE_LINE, n * sizeof(*e->counters));
	e->rings = aligned_alloc(CACHE_LINE, n * sizeof(*e->rings));
	e->ban_rings = aligned_alloc(CACHE_LINE, n * sizeof(*e->ban_rings));
	if (!e->workers || !e->counters || !e->rings || !e->ban_rings)
		return ERR_NOMEM;
	memset(e->ban_rings, 0, n * sizeof(*e->ban_rings));
	memset(e->counters, 0, n * sizeof(*e->counters));
	memset(e->rings, 0, n * sizeof(*e->rings));
	for (uint32_t i = 0; i < n && err == OK; i++) {
		struct worker *w = aligned_alloc(
		    CACHE_LINE, (sizeof(*w) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

		if (!w)
			return ERR_NOMEM;
		enforce_ring_init(&e->ban_rings[i], wake, wake_arg);
		err = event_ring_init(&e->rings[i], EVENT_RING_SLOTS, wake, wake_arg);
		if (err == OK) {
			e->n_rings = i + 1;
			memset(&fail, 0, sizeof(fail));
			err = worker_init(w, e, i, snapshot_get(e->snap), &fail);
			if (err == ERR_IO && fail.step)
				net_fail_add(why, &fail);
		}
		if (err != OK) {
			free(w);
			return err;
		}
		e->workers[i] = w;
		e->n_workers = i + 1;
	}
	return err;
}

static enum err check_listeners(const struct conf *c, struct buf *why)
{
	struct net_listen_addr addrs[CONF_LISTENERS_MAX];
	struct net_fail fail;
	enum err err;

	for (size_t i = 0; i < c->listeners_count; i++)
		addrs[i] =
		    (struct net_listen_addr){c->listeners[i].transport, c->listeners[i].addr};
	err = net_listen_check(addrs, c->listeners_count, &fail);
	if (err != OK)
		net_fail_add(why, &fail);
	return err;
}

static enum err prepare_all(
    struct edge *e, const struct conf *c, event_wake_fn wake, void *wake_arg, struct buf *why)
{
	enum err err = check_listeners(c, why);

	if (err == OK)
		err = make_tables(e, c);
	if (err == OK)
		err = open_stores(e, c, why);
	if (err == OK)
		err = make_cache(e, c);
	if (err == OK)
		guess_restore(e, edge_now(), edge_wall());
	return err == OK ? make_workers(e, c, wake, wake_arg, why) : err;
}

static void add_failure(struct buf *why, enum err err)
{
	buf_addf(why, "cannot start: %s%s", err_text(err),
	    err == ERR_IO ? " (are there file descriptors left? see `ulimit -n`)" : "");
}

enum err edge_prepare(
    const struct conf *c, event_wake_fn wake, void *wake_arg, struct buf *why, struct edge **out_e)
{
	struct edge *e = calloc(1, sizeof(*e));
	enum err err = ERR_NOMEM;

	if (!e)
		return err;
	e->started = edge_now();
	e->nonce_epoch = edge_wall() - e->started;
	e->store_conf = conf_get(c);
	e->snap = snapshot_new(c, NULL);
	if (e->snap)
		err = prepare_all(e, c, wake, wake_arg, why);
	if (err == OK) {
		*out_e = e;
		return OK;
	}
	if (why->n == 0)
		add_failure(why, err);
	/* The caller keeps its reference of c. */
	if (e->snap)
		(void)conf_get(c);
	edge_stop(e);
	return err;
}

enum err edge_run(struct edge *e, struct buf *why)
{
	enum err err = store_worker_start(e->store);

	for (uint32_t i = 0; i < e->n_workers && err == OK; i++)
		err = worker_start(e->workers[i]);
	if (err != OK)
		add_failure(why, err);
	return err;
}

static bool same_http(const struct conf *a, const struct conf *b)
{
	bool same = a->admin_http_count == b->admin_http_count;

	for (size_t i = 0; i < a->admin_http_count && same; i++)
		same = span_eq(a->admin_http[i].text, b->admin_http[i].text);
	return same;
}

/* What lives as long as the process. */
static void name_restarts(const struct conf *old, const struct conf *new, struct buf *why)
{
	const struct {
		bool differs;
		const char *key;
	} fixed[] = {
	    {old->workers != new->workers, "workers"},
	    {!span_eq(old->accounts_store.path, new->accounts_store.path), "accounts.store"},
	    {!span_eq(old->state_store.path, new->state_store.path), "state.store"},
	    {old->accounts_cache != new->accounts_cache, "accounts.cache"},
	    {old->registrar.max_bindings != new->registrar.max_bindings, "registrar.max_bindings"},
	    {old->sip.transactions != new->sip.transactions, "sip.transactions"},
	    {old->sip.transaction_memory != new->sip.transaction_memory, "sip.transaction_memory"},
	    {old->sip.max_headers < new->sip.max_headers, "sip.max_headers"},
	    {old->sip.max_message < new->sip.max_message, "sip.max_message"},
	    {old->standing.sources != new->standing.sources, "standing.sources"},
	    {old->flood.window != new->flood.window &&new->flood.wide_requests != 0,
		"controls.flood.window, for wide_requests"},
	    {old->limit_keys != new->limit_keys, "controls.limit_keys"},
	    {old->history_memory != new->history_memory, "history.memory"},
	    {memcmp(&old->tcp, &new->tcp, sizeof(old->tcp)) != 0, "tcp"},
	    {!span_eq(old->privileges.user, new->privileges.user), "privileges.user"},
	    {old->privileges.sandbox_off != new->privileges.sandbox_off, "privileges.sandbox"},
	    {!span_eq(old->admin_socket, new->admin_socket) || !same_http(old, new),
		"admin.listen"},
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (fixed[i].differs)
			buf_addf(why, "warning: %s: the new value needs a restart\n", fixed[i].key);
}

/* Only addresses that are not in use by ourselves can be tried. */
static enum err check_new_listeners(const struct snapshot *s, const struct conf *c, struct buf *why)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		const struct conf_listener *l = &c->listeners[i];
		struct net_listen_addr a = {l->transport, l->addr};
		struct net_fail fail;
		bool ours = false;

		for (size_t k = 0; k < s->n_slots; k++)
			ours = ours || (s->slots[k].used && s->slots[k].transport == l->transport &&
					   addr_eq(&s->slots[k].addr, &l->addr));
		if (!ours && net_listen_check(&a, 1, &fail) != OK) {
			net_fail_add(why, &fail);
			if (fail.sys == EACCES)
				buf_add_lit(why, "; it is given up after the start: restart");
			return ERR_IO;
		}
	}
	return OK;
}

enum err edge_reload(struct edge *e, const struct conf *c, struct buf *why)
{
	struct snapshot *snap;
	enum err err = check_new_listeners(e->snap, c, why);

	if (err != OK)
		return err;
	snap = snapshot_new(c, e->snap);
	if (!snap) {
		buf_add_lit(why, "no memory for the new configuration");
		return ERR_NOMEM;
	}
	err = limit_algorithms(e, snap, why);
	if (err == OK) {
		err = limits_use(e->limits, snap->limit_plan);
		if (err != OK)
			buf_add_lit(why, "no memory for the keys of the limits");
	}
	if (err != OK) {
		(void)conf_get(c); /* it stays the caller's */
		snapshot_put(snap);
		return err;
	}
	name_restarts(e->store_conf, c, why);
	accounts_set_lifetime(e->accounts, c->accounts_cache_lifetime,
	    MIN(c->accounts_cache_lifetime, 10 * USEC_SEC));
	for (uint32_t i = 0; i < e->n_workers; i++) {
		/* A full mailbox is emptied within milliseconds. */
		bool told = false;

		for (int tries = 0; tries < 1000; tries++) {
			told = mail_snapshot(e->workers[i], snapshot_get(snap)) == OK;
			if (told)
				break;
			snapshot_put(snap);
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		}
		if (!told)
			buf_addf(why,
			    "warning: worker %u is overloaded and keeps the old "
			    "configuration: reload again\n",
			    i);
	}
	snapshot_put(e->snap);
	e->snap = snap;
	return OK;
}

static enum err write_all(void *arg, enum err err, struct store *s)
{
	struct edge *e = arg;

	if (err == OK)
		err = binding_log_flush(e->log, s, edge_wall());
	return err == OK ? standing_keep_flush(e->keep, s, edge_now(), edge_wall()) : err;
}

void edge_stop(struct edge *e)
{
	if (!e)
		return;
	for (uint32_t i = 0; i < e->n_workers; i++)
		worker_stop(e->workers[i]);
	if (e->store)
		(void)!store_worker_run(
		    e->store, STORE_ROLE_STATE, edge_now() + 10 * USEC_SEC, write_all, e);
	store_worker_free(e->store);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		worker_done(e->workers[i]);
		free(e->workers[i]);
	}
	accounts_free(e->accounts);
	binding_log_free(e->log);
	bindings_free(e->bindings);
	binding_set_done(&e->sweep_set);
	replay_free(e->replay);
	net_sources_free(e->sources);
	limits_free(e->limits);
	standing_keep_free(e->keep);
	standing_free(e->standing);
	sketch_free(e->sketch);
	scan_free(e->scan);
	guessing_free(e->guessing);
	for (uint32_t i = 0; i < e->n_rings; i++)
		event_ring_done(&e->rings[i]);
	free(e->workers);
	free(e->counters);
	free(e->rings);
	free(e->ban_rings);
	conf_put(e->store_conf);
	snapshot_put(e->snap);
	free(e);
}

void edge_tick(struct edge *e)
{
	size_t budget = bindings_buckets(e->bindings) / SWEEP_SECONDS + SWEEP_LEAST;

	(void)bindings_sweep(e->bindings, edge_wall(), budget, &e->sweep_set);
}
