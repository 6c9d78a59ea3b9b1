/* SPDX-License-Identifier: MIT */
#include "net/tcp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "net/tcp_impl.h"

/* An id is worker (8 bits), slot (20), generation (36). The generation counts all connections of a
 * worker from a random start, so that ids of before a restart do not resolve either. */
#define GENERATION_BITS 36
#define SLOT_BITS       20
#define GENERATION_MASK (((uint64_t)1 << GENERATION_BITS) - 1)
#define SLOT_MASK       (((uint64_t)1 << SLOT_BITS) - 1)

const char *net_close_text(enum net_close why)
{
	static const char *const texts[NET_CLOSE_COUNT] = {
	    [NET_CLOSE_LOCAL] = "closed by us",
	    [NET_CLOSE_PEER] = "peer closed",
	    [NET_CLOSE_ERROR] = "connection failed",
	    [NET_CLOSE_CONNECT] = "could not connect",
	    [NET_CLOSE_FIRST_MESSAGE] = "no message in time",
	    [NET_CLOSE_SLOW_MESSAGE] = "message not finished in time",
	    [NET_CLOSE_SLOW_READER] = "peer does not read",
	    [NET_CLOSE_IDLE] = "idle",
	    [NET_CLOSE_DEADLINE] = "deadline",
	    [NET_CLOSE_TOO_LARGE] = "message too large",
	    [NET_CLOSE_MEMORY] = "no buffer memory left",
	};

	return (unsigned)why < NET_CLOSE_COUNT ? texts[why] : "unknown";
}

static const enum net_close due_reasons[DUE_COUNT] = {
    [DUE_CONNECT] = NET_CLOSE_CONNECT,
    [DUE_FIRST] = NET_CLOSE_FIRST_MESSAGE,
    [DUE_MESSAGE] = NET_CLOSE_SLOW_MESSAGE,
    [DUE_WRITE] = NET_CLOSE_SLOW_READER,
    [DUE_IDLE] = NET_CLOSE_IDLE,
    [DUE_USER] = NET_CLOSE_DEADLINE,
    [DUE_LINGER] = NET_CLOSE_PEER,
};

static enum due_kind earliest(const struct net_conn *c)
{
	enum due_kind first = 0;

	for (enum due_kind k = 1; k < DUE_COUNT; k++) {
		if (c->due[k] < c->due[first])
			first = k;
	}
	return first;
}

static void arm(struct net_tcp *t)
{
	struct due_item *first = due_heap_first(&t->due);

	net_timer_set(&t->timer, first ? first->at : USEC_MAX);
}

/* Deadlines mostly move later (every message moves the idle one), so a move to later only writes
 * the time: the connection is looked at when its old wake comes, and sleeps on. */
void tcp_set_due(struct net_conn *c, enum due_kind kind, usec_t at)
{
	struct net_tcp *t = c->t;

	c->due[kind] = at;
	if (c->state == CONN_CLOSING || at == USEC_MAX || (c->wake.place && c->wake.at <= at))
		return;
	due_heap_set(&t->due, &c->wake, at);
	arm(t);
}

static void overdue(struct net_conn *c, enum due_kind kind)
{
	enum net_close why = due_reasons[kind];

	if (kind == DUE_LINGER && c->state == CONN_DRAINING)
		why = NET_CLOSE_LOCAL;
	tcp_close_conn(c, why, kind == DUE_CONNECT ? ETIMEDOUT : 0);
}

static void deadlines(void *arg)
{
	struct net_tcp *t = arg;
	struct due_item *i;

	while ((i = due_heap_first(&t->due)) && i->at <= t->loop->now) {
		struct net_conn *c = CONTAINER_OF(i, struct net_conn, wake);
		enum due_kind kind = earliest(c);

		if (c->due[kind] <= t->loop->now)
			overdue(c, kind);
		else if (c->due[kind] == USEC_MAX)
			due_heap_remove(&t->due, i);
		else
			due_heap_set(&t->due, i, c->due[kind]);
	}
	arm(t);
}

static uint32_t *head_of(struct net_tcp *t, const struct addr *a)
{
	uint8_t key[18];

	memcpy(key, a->ip, 16);
	memcpy(key + 16, &a->port, 2);
	return &t->heads[siphash13(&t->key, key, sizeof(key)) & t->heads_mask];
}

void tcp_show_conn(struct net_conn *c)
{
	uint32_t *head = head_of(c->t, &c->flow.remote);

	c->findable = true;
	c->next = *head;
	*head = c->slot + 1;
}

void tcp_hide_conn(struct net_conn *c)
{
	uint32_t *at;

	if (!c->findable)
		return;
	c->findable = false;
	at = head_of(c->t, &c->flow.remote);
	while (*at != c->slot + 1)
		at = &c->t->conns[*at - 1].next;
	*at = c->next;
}

struct net_conn *net_tcp_find(
    struct net_tcp *t, const struct addr *remote, const struct addr *local)
{
	uint32_t at = *head_of(t, remote);

	while (at) {
		struct net_conn *c = &t->conns[at - 1];

		if (addr_eq(&c->flow.remote, remote) &&
		    (!local || addr_same_ip(&c->flow.local, local)))
			return c;
		at = c->next;
	}
	return NULL;
}

struct net_conn *net_tcp_get(struct net_tcp *t, uint64_t id)
{
	uint64_t slot = id >> GENERATION_BITS & SLOT_MASK;
	struct net_conn *c;

	if (slot >= t->conn_count)
		return NULL;
	c = &t->conns[slot];
	return c->flow.conn == id && id && c->state != CONN_CLOSING ? c : NULL;
}

uint32_t net_conn_id_worker(uint64_t id)
{
	return (uint32_t)(id >> (GENERATION_BITS + SLOT_BITS));
}

static uint64_t next_id(struct net_tcp *t, uint32_t slot)
{
	t->generation = (t->generation + 1) & GENERATION_MASK;
	if (t->generation == 0)
		t->generation = 1;
	return (uint64_t)t->o.worker << (GENERATION_BITS + SLOT_BITS) |
	       (uint64_t)slot << GENERATION_BITS | t->generation;
}

struct net_conn *tcp_take_conn(struct net_tcp *t, int fd, const struct flow *flow, bool inbound)
{
	struct net_conn *c = t->free ? &t->conns[t->free - 1] : NULL;
	uint32_t slot = t->free - 1, next;

	if (!c || uv_poll_init(&t->loop->uv, &c->poll, fd) != 0) {
		close(fd);
		return NULL;
	}
	next = c->next;
	memset((char *)c + sizeof(c->poll), 0, sizeof(*c) - sizeof(c->poll));
	c->poll.data = c;
	c->t = t;
	c->fd = fd;
	c->slot = slot;
	c->inbound = inbound;
	c->flow = *flow;
	c->flow.conn = next_id(t, slot);
	for (enum due_kind k = 0; k < DUE_COUNT; k++)
		c->due[k] = USEC_MAX;
	t->free = next;
	t->handles++;
	++*(inbound ? &t->c.inbound : &t->c.outbound);
	return c;
}

static void release_slot(struct net_conn *c)
{
	struct net_tcp *t = c->t;

	--*(c->inbound ? &t->c.inbound : &t->c.outbound);
	c->state = CONN_FREE;
	c->flow.conn = 0;
	c->next = t->free;
	t->free = c->slot + 1;
	tcp_handle_gone(t);
}

static void handle_closed(uv_handle_t *h)
{
	struct net_conn *c = h->data;
	struct net_tcp *t = c->t;

	/* Not earlier: `data` may have closed the connection whose bytes it was reading. */
	stream_buf_consume(&c->in, &t->budget, c->in.n);
	if (!t->freed && t->h.closed)
		t->h.closed(t->h.arg, c, c->why, c->sys);
	release_slot(c);
}

void tcp_close_conn(struct net_conn *c, enum net_close why, int sys)
{
	struct net_tcp *t = c->t;

	if (c->state == CONN_CLOSING)
		return;
	if (c->state == CONN_CONNECTING && why == NET_CLOSE_CONNECT)
		t->c.connect_failed++;
	tcp_hide_conn(c);
	due_heap_remove(&t->due, &c->wake);
	c->state = CONN_CLOSING;
	c->why = why;
	c->sys = sys;
	t->c.closed[why]++;
	stream_buf_consume(&c->out, &t->budget, c->out.n);
	if (c->counted)
		net_sources_give(t->o.sources, &c->flow.remote);
	uv_close((uv_handle_t *)&c->poll, handle_closed);
	close(c->fd);
}

static void free_memory(struct net_tcp *t)
{
	if (t->spare_fd >= 0)
		close(t->spare_fd);
	due_heap_done(&t->due);
	free(t->conns);
	free(t->heads);
	free(t->scratch);
	free(t);
}

void tcp_handle_gone(struct net_tcp *t)
{
	if (--t->handles == 0 && t->freed)
		free_memory(t);
}

static uint32_t hash_size(uint32_t conns)
{
	uint32_t n = 64;

	while (n < conns)
		n *= 2;
	return n;
}

static void fill_defaults(struct net_tcp_opts *o)
{
#define DEFAULT(field, v) o->field = o->field ? o->field : (v)
	DEFAULT(read_cap, 128u << 10);
	DEFAULT(write_cap, 256u << 10);
	DEFAULT(buffer_budget, (size_t)64 << 20);
	DEFAULT(connect_time, 5 * USEC_SEC);
	DEFAULT(first_message, 10 * USEC_SEC);
	DEFAULT(message_time, 10 * USEC_SEC);
	DEFAULT(write_time, 20 * USEC_SEC);
	DEFAULT(idle, 10 * USEC_MIN);
	DEFAULT(half_close, 2 * USEC_SEC);
#undef DEFAULT
}

size_t net_tcp_memory(const struct net_tcp_opts *opts)
{
	struct net_tcp_opts o = *opts;
	size_t conns = (size_t)o.max_inbound + o.max_outbound;

	fill_defaults(&o);
	return sizeof(struct net_tcp) + TCP_SCRATCH + o.buffer_budget +
	       conns * (sizeof(struct net_conn) + sizeof(struct due_item *)) +
	       hash_size((uint32_t)conns) * sizeof(uint32_t);
}

static enum err init_memory(struct net_tcp *t)
{
	uint32_t n = t->o.max_inbound + t->o.max_outbound;
	enum err e = due_heap_init(&t->due, n);

	if (e != OK)
		return e;
	t->heads_mask = hash_size(n) - 1;
	t->conn_count = n;
	t->conns = calloc(n, sizeof(*t->conns));
	t->heads = calloc(t->heads_mask + 1, sizeof(*t->heads));
	t->scratch = malloc(TCP_SCRATCH);
	if (!t->conns || !t->heads || !t->scratch)
		return ERR_NOMEM;
	for (uint32_t i = n; i-- > 0; t->free = i + 1)
		t->conns[i].next = t->free;
	e = rng_system(&t->key, sizeof(t->key));
	if (e == OK)
		e = rng_system(&t->generation, sizeof(t->generation));
	return e;
}

enum err net_tcp_new(struct net_loop *l, const struct net_tcp_opts *opts,
    const struct net_tcp_handler *h, struct net_tcp **out_t)
{
	struct net_tcp *t;
	enum err e;

	assert(h->data);
	if (opts->worker > 255 || opts->max_inbound == 0 || opts->max_inbound > SLOT_MASK ||
	    opts->max_outbound > SLOT_MASK - opts->max_inbound || opts->max_per_source > 65535)
		return ERR_RANGE;
	t = calloc(1, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->loop = l;
	t->o = *opts;
	fill_defaults(&t->o);
	t->h = *h;
	t->budget.max = t->o.buffer_budget;
	t->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	list_init(&t->listeners);
	e = init_memory(t);
	if (e != OK) {
		free_memory(t);
		return e;
	}
	net_timer_init(&t->timer, l, deadlines, t);
	*out_t = t;
	return OK;
}

void net_tcp_free(struct net_tcp *t)
{
	if (!t)
		return;
	t->freed = true;
	t->handles++; /* ours, so that nothing goes before the end of this function */
	net_timer_done(&t->timer);
	list_for_each_safe(it, &t->listeners)
		tcp_free_listener(list_entry(it, struct net_listener, link));
	for (uint32_t i = 0; i < t->conn_count; i++) {
		if (t->conns[i].state != CONN_FREE)
			tcp_close_conn(&t->conns[i], NET_CLOSE_LOCAL, 0);
	}
	tcp_handle_gone(t);
}

const struct net_tcp_counters *net_tcp_counters(const struct net_tcp *t)
{
	return &t->c;
}

size_t net_tcp_buffered(const struct net_tcp *t)
{
	return t->budget.used;
}
