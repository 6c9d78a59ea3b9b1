/* SPDX-License-Identifier: MIT */
#include "net/udp.h"

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket.h"
#include "net/udp_queue.h"

/* Distance of the receive buffers: a full datagram and nine cache lines, so that the beginnings of
 * the buffers of one batch spread over all sets of the first-level cache. */
#define STRIDE (NET_UDP_ROOM + 9 * CACHE_LINE)

/* Batches taken at a time before what was read is worked on, and timers and streams have their
 * turn. */
#define BATCHES_A_TURN 16

#define RECV_BUFFER    (4u << 20)
#define SEND_BUFFER    (1u << 20)
#define QUEUE_BYTES    (1u << 20)
#define QUEUE_COUNT    1024u

union udp_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct net_udp {
	uv_poll_t poll;
	uv_idle_t again; /* runs in every iteration while `busy` */
	struct net_loop *loop;
	struct net_udp_handler h;
	struct net_hook flusher;
	int fd;
	int events;  /* what poll waits for */
	int handles; /* that are not closed yet */
	bool busy;   /* one turn did not do all: see set_busy */
	uint16_t listener;
	bool v4, wildcard;
	struct addr local;
	uint64_t received, received_bytes;
	char *bytes;
	struct mmsghdr msgs[NET_UDP_BATCH];
	struct iovec iovs[NET_UDP_BATCH];
	union udp_name names[NET_UDP_BATCH];
	union udp_control controls[NET_UDP_BATCH];
	struct net_dgram dgrams[NET_UDP_BATCH];
	struct udp_queue queue;
};

static uint32_t or_default(uint32_t v, uint32_t d)
{
	return v ? v : d;
}

size_t net_udp_memory(const struct net_udp_opts *o)
{
	return sizeof(struct net_udp) + (size_t)NET_UDP_BATCH * STRIDE +
	       udp_queue_memory(or_default(o->queue_bytes, QUEUE_BYTES),
		   or_default(o->queue_count, QUEUE_COUNT));
}

/* The address of ours that a datagram came to, from its control message. */
static void set_local(const struct net_udp *u, struct msghdr *m, struct addr *local)
{
	local->port = u->local.port;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(local->ip + 12, &info.ipi_spec_dst, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(local->ip, &info.ipi6_addr, 16);
			local->scope =
			    IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
		}
	}
}

/* The parts of an IPv4-mapped address that never change are set once (init_receive). */
static void set_from(const struct net_udp *u, const union udp_name *name, struct addr *from)
{
	if (u->v4) {
		memcpy(from->ip + 12, &name->v4.sin_addr, 4);
		from->port = ntohs(name->v4.sin_port);
		return;
	}
	memcpy(from->ip, &name->v6.sin6_addr, 16);
	from->port = ntohs(name->v6.sin6_port);
	from->scope = name->v6.sin6_scope_id;
}

static void take_batch(struct net_udp *u, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct net_dgram *d = &u->dgrams[i];
		struct msghdr *m = &u->msgs[i].msg_hdr;

		d->data.n = u->msgs[i].msg_len;
		d->truncated = m->msg_flags & MSG_TRUNC;
		set_from(u, &u->names[i], &d->from);
		if (u->wildcard) {
			set_local(u, m, &d->local);
			m->msg_controllen = sizeof(u->controls[i]);
		}
		u->received_bytes += d->data.n;
	}
	u->received += n;
}

static void ready(uv_poll_t *h, int status, int events);

static void poll_for(struct net_udp *u, int events)
{
	if (u->events == events)
		return;
	u->events = events;
	if (events)
		uv_poll_start(&u->poll, events, ready);
	else
		uv_poll_stop(&u->poll);
}

static void poll_as_needed(struct net_udp *u)
{
	poll_for(u, (u->busy ? 0 : UV_READABLE) | (u->queue.blocked ? UV_WRITABLE : 0));
}

/* False when the socket is empty. */
static bool receive_batch(struct net_udp *u)
{
	int n = recvmmsg(u->fd, u->msgs, NET_UDP_BATCH, MSG_DONTWAIT, NULL);

	if (n <= 0)
		return false; /* empty, or the report of an error that is no datagram's */
	net_loop_refresh(u->loop);
	take_batch(u, (size_t)n);
	u->h.received(u->h.arg, u, u->dgrams, (size_t)n);
	net_udp_flush(u);
	return n == NET_UDP_BATCH;
}

/* One turn. False when nothing is left to do. */
static bool receive(struct net_udp *u)
{
	bool more = true;

	for (int i = 0; i < BATCHES_A_TURN && more; i++)
		more = receive_batch(u);
	if (u->h.drained && u->h.drained(u->h.arg, u))
		more = true;
	net_udp_flush(u);
	return more;
}

static void set_busy(struct net_udp *u, bool busy);

static void receive_again(uv_idle_t *h)
{
	struct net_udp *u = h->data;

	if (!receive(u))
		set_busy(u, false);
}

/* While there is always more to do, the socket is taken out of the system's watch and read in every
 * iteration: a watched socket costs a wake-up for each message sent over it as well, which is 6 %
 * of the time of a plain echo. */
static void set_busy(struct net_udp *u, bool busy)
{
	u->busy = busy;
	if (busy)
		uv_idle_start(&u->again, receive_again);
	else
		uv_idle_stop(&u->again);
	poll_as_needed(u);
}

static void flush_queue(struct net_udp *u)
{
	udp_queue_flush(&u->queue);
	poll_as_needed(u);
}

static void ready(uv_poll_t *h, int status, int events)
{
	struct net_udp *u = h->data;

	if (status < 0) { /* a pending error; reading it clears it, and the poll must start anew */
		int sys;
		socklen_t n = sizeof(sys);

		getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &sys, &n);
		u->events = 0;
		flush_queue(u);
		return;
	}
	if (events & UV_WRITABLE)
		flush_queue(u);
	if (events & UV_READABLE && receive(u))
		set_busy(u, true);
}

void net_udp_flush(struct net_udp *u)
{
	if (u->queue.count && !u->queue.blocked)
		udp_queue_flush(&u->queue);
	if (UNLIKELY(u->queue.blocked))
		poll_as_needed(u);
}

static void flush_before_sleep(void *arg)
{
	net_udp_flush(arg);
}

static void send_failed(void *arg, const struct addr *to, int sys)
{
	struct net_udp *u = arg;

	if (u->h.send_failed)
		u->h.send_failed(u->h.arg, u, to, sys);
}

/* The system gives what its limits allow; asking for more is not an error. */
static void set_buffer(int fd, int force, int plain, uint32_t bytes)
{
	int v = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;

	if (setsockopt(fd, SOL_SOCKET, force, &v, sizeof(v)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, plain, &v, sizeof(v));
}

static enum err set_options(struct net_udp *u, const struct net_udp_opts *o, struct net_fail *fail)
{
	int on = 1;

	set_buffer(u->fd, SO_RCVBUFFORCE, SO_RCVBUF, or_default(o->recv_buffer, RECV_BUFFER));
	set_buffer(u->fd, SO_SNDBUFFORCE, SO_SNDBUF, or_default(o->send_buffer, SEND_BUFFER));
	if (!u->wildcard)
		return OK;
	if (setsockopt(u->fd, u->v4 ? IPPROTO_IP : IPPROTO_IPV6,
		u->v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof(on)) == 0)
		return OK;
	net_fail_set(fail, TRANSPORT_UDP, &o->addr, "setsockopt PKTINFO", errno);
	return ERR_IO;
}

static void init_receive(struct net_udp *u)
{
	for (size_t i = 0; i < NET_UDP_BATCH; i++) {
		struct msghdr *m = &u->msgs[i].msg_hdr;

		u->iovs[i] = (struct iovec){u->bytes + i * STRIDE, NET_UDP_ROOM};
		m->msg_iov = &u->iovs[i];
		m->msg_iovlen = 1;
		m->msg_name = &u->names[i];
		m->msg_namelen = sizeof(u->names[i]);
		if (u->wildcard) {
			m->msg_control = &u->controls[i];
			m->msg_controllen = sizeof(u->controls[i]);
		}
		u->dgrams[i].data.p = u->iovs[i].iov_base;
		u->dgrams[i].local = u->local;
		memset(u->dgrams[i].from.ip + 10, u->v4 ? 0xff : 0, 2);
	}
}

/* Frees what init_memory got; the socket must be closed, and its handle if it had one. */
static void free_memory(struct net_udp *u)
{
	udp_queue_done(&u->queue);
	free(u->bytes);
	free(u);
}

static enum err init_memory(struct net_udp *u, const struct net_udp_opts *o)
{
	uint32_t bytes = MAX(or_default(o->queue_bytes, QUEUE_BYTES), 2u * NET_UDP_ROOM);
	uint32_t count = MAX(or_default(o->queue_count, QUEUE_COUNT), (uint32_t)NET_UDP_BATCH);

	u->bytes = aligned_alloc(CACHE_LINE, (size_t)NET_UDP_BATCH * STRIDE);
	if (!u->bytes)
		return ERR_NOMEM;
	init_receive(u);
	return udp_queue_init(&u->queue, u->fd, u->v4, u->wildcard, bytes, count, send_failed, u);
}

static enum err open_socket(struct net_udp *u, const struct net_udp_opts *o, struct net_fail *fail)
{
	enum err e = net_socket_bind(TRANSPORT_UDP, &o->addr, o->reuse_port, &u->fd, fail);

	if (e != OK)
		return e;
	u->v4 = addr_is_v4(&o->addr);
	u->wildcard = addr_is_unspecified(&o->addr);
	u->local = o->addr;
	net_socket_local(u->fd, &u->local);
	e = set_options(u, o, fail);
	if (e == OK)
		e = init_memory(u, o);
	if (e == OK && uv_poll_init(&u->loop->uv, &u->poll, u->fd) != 0) {
		net_fail_set(fail, TRANSPORT_UDP, &o->addr, "epoll", errno);
		e = ERR_IO;
	}
	if (e != OK)
		close(u->fd);
	return e;
}

enum err net_udp_new(struct net_loop *l, const struct net_udp_opts *opts,
    const struct net_udp_handler *h, struct net_udp **out_u, struct net_fail *out_fail)
{
	struct net_udp *u = calloc(1, sizeof(*u));
	enum err e;

	assert(h->received);
	if (!u)
		return ERR_NOMEM;
	u->loop = l;
	u->h = *h;
	u->listener = opts->listener;
	e = open_socket(u, opts, out_fail);
	if (e != OK) {
		free_memory(u);
		return e;
	}
	uv_idle_init(&l->uv, &u->again);
	u->poll.data = u;
	u->again.data = u;
	u->handles = 2;
	net_hook_init(&u->flusher, l, flush_before_sleep, u);
	poll_as_needed(u);
	*out_u = u;
	return OK;
}

static void handle_closed(uv_handle_t *h)
{
	struct net_udp *u = h->data;

	if (--u->handles == 0)
		free_memory(u);
}

void net_udp_free(struct net_udp *u)
{
	if (!u)
		return;
	udp_queue_flush(&u->queue);
	net_hook_done(&u->flusher);
	uv_close((uv_handle_t *)&u->poll, handle_closed);
	uv_close((uv_handle_t *)&u->again, handle_closed);
	close(u->fd);
}

const struct addr *net_udp_local(const struct net_udp *u)
{
	return &u->local;
}

uint16_t net_udp_listener(const struct net_udp *u)
{
	return u->listener;
}

struct buf net_udp_reserve(struct net_udp *u)
{
	return udp_queue_reserve(&u->queue);
}

enum err net_udp_commit(
    struct net_udp *u, const struct buf *b, const struct addr *to, const struct addr *local)
{
	return udp_queue_commit(&u->queue, b, to, local);
}

enum err net_udp_send(
    struct net_udp *u, struct span data, const struct addr *to, const struct addr *local)
{
	struct buf b = udp_queue_reserve(&u->queue);

	buf_add_span(&b, data);
	return udp_queue_commit(&u->queue, &b, to, local);
}

static uint64_t kernel_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) != 0 || n < sizeof(info))
		return 0;
	return info[SK_MEMINFO_DROPS];
}

double net_udp_fill(const struct net_udp *u)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n = sizeof(info);

	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, info, &n) != 0 || !info[SK_MEMINFO_RCVBUF])
		return 0;
	/* The last datagram may go over the size. */
	return MIN(1, (double)info[SK_MEMINFO_RMEM_ALLOC] / info[SK_MEMINFO_RCVBUF]);
}

struct net_udp_counters net_udp_counters(struct net_udp *u)
{
	return (struct net_udp_counters){.received = u->received,
	    .received_bytes = u->received_bytes,
	    .sent = u->queue.sent,
	    .sent_bytes = u->queue.sent_bytes,
	    .send_dropped = u->queue.dropped,
	    .send_errors = u->queue.errors,
	    .kernel_drops = kernel_drops(u->fd)};
}
