/* SPDX-License-Identifier: MIT */
#include "edge/worker.h"

#include <signal.h>
#include <stdlib.h>

#include "edge/edge.h"
#include "edge/mail.h"
#include "edge/record.h"
#include "edge/stream.h"
#include "edge/transport.h"
#include "edge/wait.h"

enum { MAILBOX_CAP = 8192 };

size_t worker_transactions(const struct conf *c)
{
	return MAX(c->sip.transactions / c->workers, 64);
}

size_t worker_transaction_memory(const struct conf *c)
{
	return MAX(c->sip.transaction_memory / c->workers, SLAB_PAGE * SLAB_CLASSES);
}

static struct net_tcp_opts tcp_opts(const struct conf *c, uint32_t id, struct net_sources *sources)
{
	return (struct net_tcp_opts){
	    .worker = id,
	    .max_inbound = (uint32_t)c->tcp.connections,
	    .max_outbound = (uint32_t)MAX(c->tcp.connections / 4, 64),
	    .max_per_source = (uint32_t)c->tcp.connections_per_source,
	    .sources = sources,
	    .read_cap = (uint32_t)(c->sip.max_message + 4096),
	    .write_cap = (uint32_t)c->tcp.write_queue,
	    .connect_time = c->tcp.connect,
	    .first_message = c->tcp.first_message,
	    .message_time = c->tcp.message,
	    .idle = c->tcp.idle,
	};
}

size_t worker_net_memory(const struct conf *c)
{
	struct net_tcp_opts tcp = tcp_opts(c, 0, NULL);
	size_t udp = 0;

	for (size_t i = 0; i < c->listeners_count; i++)
		if (c->listeners[i].transport == TRANSPORT_UDP)
			udp += net_udp_memory(&(struct net_udp_opts){.listener = 0});
	return sizeof(struct worker) + net_tcp_memory(&tcp) + udp + ARENA_CAP + STREAM_ROOM +
	       (1 + STORED_VIEWS) * c->sip.max_headers * sizeof(struct sip_header) +
	       inbox_memory() + mailbox_memory(MAILBOX_CAP) + MAIL_BYTES_MAX + WAITING_BYTES +
	       event_ring_memory(EVENT_RING_SLOTS);
}

static enum err open_slot(struct worker *w, size_t i, struct net_fail *out_fail)
{
	const struct slot *s = &w->snap->slots[i];
	struct net_udp_handler udp = {
	    .received = transport_received, .drained = transport_drained, .arg = w};
	struct net_udp_opts uo = {.addr = s->addr, .reuse_port = true, .listener = (uint16_t)i};
	struct net_listener_opts lo = {.addr = s->addr,
	    .transport = s->transport,
	    .listener = (uint16_t)i,
	    .reuse_port = true};

	if (s->transport == TRANSPORT_UDP)
		return net_udp_new(&w->loop, &uo, &udp, &w->udp[i], out_fail);
	return net_tcp_listen(w->tcp, &lo, &w->stream[i], out_fail);
}

static void close_slot(struct worker *w, size_t i)
{
	if (w->udp[i])
		w->closed_kernel_drops += net_udp_counters(w->udp[i]).kernel_drops;
	net_udp_free(w->udp[i]);
	w->udp[i] = NULL;
	if (w->stream[i])
		net_listener_free(w->stream[i]);
	w->stream[i] = NULL;
}

/* Runs the timers that are due and tells the loop when to come again. */
static void on_wake(void *arg)
{
	struct worker *w = arg;
	usec_t due;

	arena_clear(&w->arena);
	(void)wheel_advance(&w->wheel, w->loop.now);
	if (wheel_next(&w->wheel, &due))
		net_loop_wake_at(&w->loop, due);
}

static void before_sleep(void *arg)
{
	struct worker *w = arg;
	usec_t due;

	overload_iterated(&w->overload, w->loop.now);
	if (wheel_next(&w->wheel, &due))
		net_loop_wake_at(&w->loop, due);
	event_ring_flush(w->events);
}

/* What the layer below counts for itself. */
static void take_over(struct counters *c, enum counter which, uint64_t total)
{
	atomic_store_explicit(&c->v[which], total, memory_order_relaxed);
}

static void count_queues(struct worker *w)
{
	const struct inbox_stats *s = inbox_stats(w->inbox);
	uint64_t queued = 0;

	for (int t = EVENT_TIER_SUSPECT; t <= EVENT_TIER_TRUSTED; t++) {
		queued += s->queued[t];
		take_over(w->counters,
		    (enum counter)(COUNTER_QUEUE_LOST_SUSPECT + t - EVENT_TIER_SUSPECT),
		    s->dropped[t]);
	}
	take_over(w->counters, COUNTER_QUEUED, queued);
	take_over(w->counters, COUNTER_QUEUE_WAITING, s->waiting);
}

static void count_net(struct worker *w)
{
	const struct net_tcp_counters *tcp = net_tcp_counters(w->tcp);
	uint64_t kernel = w->closed_kernel_drops;

	for (size_t i = 0; i < w->snap->n_slots; i++)
		if (w->udp[i])
			kernel += net_udp_counters(w->udp[i]).kernel_drops;
	take_over(w->counters, COUNTER_TXN_MEMORY, slab_used(&w->slab));
	take_over(w->counters, COUNTER_KERNEL_DROPS, kernel);
	count_queues(w);
	take_over(w->counters, COUNTER_CONN_REFUSED_SOURCE,
	    tcp->refused[NET_REFUSED_SOURCE] + tcp->refused[NET_REFUSED_TABLE]);
	take_over(w->counters, COUNTER_CONN_REFUSED_TOTAL,
	    tcp->refused[NET_REFUSED_CAP] + tcp->refused[NET_REFUSED_SYSTEM] + w->refused_full);
}

/* A refused connection never becomes one, so it is told from the counts, once a second. */
static void tell_refusals(struct worker *w)
{
	const struct net_tcp_counters *tcp = net_tcp_counters(w->tcp);
	uint64_t refused = w->refused_full;
	uint64_t banned = tcp->refused[NET_REFUSED_BY_HANDLER] - w->refused_full;

	for (int i = 0; i < NET_REFUSED_BY_HANDLER; i++)
		refused += tcp->refused[i];
	if (refused != w->told_refusals)
		record_refusals(w, refused - w->told_refusals);
	w->told_refusals = refused;
	if (banned != w->told_banned)
		record_banned_refusals(w, banned - w->told_banned);
	w->told_banned = banned;
}

static void every_second(struct timer *t, usec_t now)
{
	struct worker *w = CONTAINER_OF(t, struct worker, second);

	wait_sweep(w);
	count_net(w);
	tell_refusals(w);
	overload_every_second(w);
	load_watch(w, now);
	w->told_noise = w->told_strangers = 0;
	wheel_arm(&w->wheel, t, now + USEC_SEC);
}

static enum err init_memory(struct worker *w)
{
	const struct conf *c = w->snap->conf;
	enum err e = slab_init(&w->slab, worker_transaction_memory(c));

	if (e == OK)
		e = txns_init(&w->txns, worker_transactions(c), &w->keys.txn);
	if (e == OK)
		e = binding_set_init(&w->bindings);
	if (e == OK)
		e = inbox_new(&w->inbox);
	if (e == OK)
		e = rng_init(&w->rng);
	if (e == OK)
		e = auth_worker_init(
		    &w->auth, &w->edge->nonce_keys, w->edge->replay, &w->keys.dummy);
	if (e != OK)
		return e;
	admit_init(w);
	w->headers_cap = c->sip.max_headers;
	w->headers = calloc(w->headers_cap, sizeof(*w->headers));
	w->stream_out = malloc(STREAM_ROOM);
	for (unsigned i = 0; i < STORED_VIEWS; i++) {
		w->views[i].headers = calloc(w->headers_cap, sizeof(struct sip_header));
		if (!w->views[i].headers)
			return ERR_NOMEM;
	}
	return w->headers && w->stream_out ? OK : ERR_NOMEM;
}

static enum err init_net(struct worker *w, struct net_fail *out_fail)
{
	struct net_tcp_handler handler = stream_handler;
	struct net_tcp_opts opts = tcp_opts(w->snap->conf, w->id, w->edge->sources);
	enum err e;

	handler.arg = w;
	e = mailbox_new(&w->loop, MAILBOX_CAP, mail_received, mail_dropped, w, &w->mail);
	if (e == OK)
		e = net_tcp_new(&w->loop, &opts, &handler, &w->tcp);
	for (size_t i = 0; i < w->snap->n_slots && e == OK; i++)
		if (w->snap->slots[i].used)
			e = open_slot(w, i, out_fail);
	return e;
}

enum err worker_init(struct worker *w, struct edge *edge, uint32_t id, struct snapshot *snap,
    struct net_fail *out_fail)
{
	enum err e;

	memset(w, 0, sizeof(*w));
	w->edge = edge;
	w->id = id;
	w->snap = snap;
	w->keys = edge->keys;
	w->counters = &edge->counters[id];
	w->events = &edge->rings[id];
	w->bans = &edge->ban_rings[id];
	list_init(&w->waiting);
	arena_init(&w->arena, ARENA_CHUNK, ARENA_CAP);
	e = net_loop_init(&w->loop, NULL);
	if (e != OK) {
		snapshot_put(snap);
		return e;
	}
	wheel_init(&w->wheel, w->loop.now);
	timer_init(&w->second, every_second);
	wheel_arm(&w->wheel, &w->second, w->loop.now + USEC_SEC);
	if (id == 0)
		keepalive_start(w);
	net_loop_on_wake(&w->loop, on_wake, w);
	net_loop_on_before_sleep(&w->loop, before_sleep, w);
	e = init_memory(w);
	if (e == OK)
		e = init_net(w, out_fail);
	if (e != OK)
		worker_done(w);
	return e;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	char name[16];
	struct buf b = BUF(name);

	buf_addf(&b, "worker-%u", w->id);
	if (buf_terminate(&b))
		pthread_setname_np(pthread_self(), name);
	net_loop_run(&w->loop);
	return NULL;
}

enum err worker_start(struct worker *w)
{
	sigset_t all, old;
	int rc;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return ERR_IO;
	w->started = true;
	return OK;
}

void worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	net_loop_stop(&w->loop);
	pthread_join(w->thread, NULL);
	w->started = false;
}

void worker_done(struct worker *w)
{
	for (size_t i = 0; i < SLOTS_MAX; i++)
		close_slot(w, i);
	net_tcp_free(w->tcp);
	mailbox_free(w->mail);
	net_loop_done(&w->loop);
	wait_done(w);
	txns_done(&w->txns);
	slab_done(&w->slab);
	binding_set_done(&w->bindings);
	inbox_free(w->inbox);
	auth_worker_done(&w->auth);
	arena_done(&w->arena);
	for (unsigned i = 0; i < STORED_VIEWS; i++)
		free(w->views[i].headers);
	free(w->headers);
	free(w->stream_out);
	snapshot_put(w->snap);
}

static void receive(struct worker *w, const struct flow *flow, struct span data,
    const struct gate_answer *gate, const struct answers *answers)
{
	struct pass *p = &w->pass;

	arena_clear(&w->arena);
	pass_init(p);
	p->w = w;
	p->conf = w->snap->conf;
	p->arena = &w->arena;
	p->now = w->loop.now;
	p->wall = net_loop_wall(&w->loop);
	p->data = data;
	p->flow = *flow;
	p->gate = *gate;
	p->listener = snapshot_listener(w->snap, flow->listener);
	if (!p->listener)
		return; /* a listener that was just taken away */
	p->zone = &p->conf->zones[p->listener->zone];
	p->trust = admit_trust(w, flow->listener, &flow->remote);
	p->proven = transport_is_stream(flow->transport);
	if (answers)
		p->answers = *answers;
	path_walk(p);
}

void worker_receive(
    struct worker *w, const struct flow *flow, struct span data, const struct gate_answer *gate)
{
	receive(w, flow, data, gate, NULL);
}

void worker_resume(struct worker *w, const struct flow *flow, struct span data,
    const struct gate_answer *gate, const struct answers *answers)
{
	receive(w, flow, data, gate, answers);
}

void worker_use_snapshot(struct worker *w, struct snapshot *snap)
{
	struct snapshot *old = w->snap;
	struct net_fail fail;

	/* What was judged by the old one is worked on by it. */
	transport_serve_all(w);
	w->snap = snap;
	admit_forget(w);
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		bool is_open = w->udp[i] || w->stream[i];
		bool wanted = i < snap->n_slots && snap->slots[i].used;

		if (is_open && !wanted)
			close_slot(w, i);
		/* Tried before by the main thread: it fails only in a race for the port, and the
		 * next reload tries again. */
		if (wanted && !is_open && open_slot(w, i, &fail) != OK)
			record_connection(w, &(struct flow){.listener = (uint16_t)i},
			    REASON_TRANSPORT_UNREACHABLE, span_str(err_text(ERR_IO)));
	}
	snapshot_put(old);
}

const struct sip_msg *worker_parse_stored(struct worker *w, struct span text)
{
	struct stored_view *v = &w->views[w->next_view++ % STORED_VIEWS];
	struct sip_parse_error err;

	if (sip_msg_parse(text, &w->snap->limits, v->headers, w->headers_cap, &v->msg, &err) !=
	    SIP_OK)
		return NULL;
	return &v->msg;
}
