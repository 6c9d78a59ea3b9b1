/* SPDX-License-Identifier: MIT
 *
 * Bytes in: read_ready -> take_input -> data. Bytes out: net_conn_write -> send_now or the queue ->
 * write_ready. Each way has one entry, between the socket and the bytes of the layer above. */
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket.h"
#include "net/tcp_impl.h"

/* Least room for a read into a connection's own buffer. */
#define READ_ROOM 1024

static void ready(uv_poll_t *h, int status, int events);

void tcp_conn_poll(struct net_conn *c)
{
	int events = 0;

	if (c->state == CONN_CLOSING)
		return;
	if (c->state == CONN_CONNECTING || c->out.n)
		events |= UV_WRITABLE;
	if (c->state != CONN_CONNECTING && !c->eof)
		events |= UV_READABLE;
	if (events == c->events)
		return;
	c->events = events;
	if (events)
		uv_poll_start(&c->poll, events, ready);
	else
		uv_poll_stop(&c->poll);
}

static void touch(struct net_conn *c)
{
	tcp_set_due(c, DUE_IDLE, c->t->loop->now + c->t->o.idle);
}

void tcp_conn_start(struct net_conn *c)
{
	struct net_tcp *t = c->t;

	c->state = CONN_OPEN;
	tcp_show_conn(c);
	touch(c);
	if (t->h.opened)
		t->h.opened(t->h.arg, c);
	tcp_conn_poll(c);
}

/* Keeps what was not consumed of bytes that are not the connection's own. */
static enum err keep(struct net_conn *c, struct span rest)
{
	struct buf room;
	enum err e = stream_buf_room(&c->in, &c->t->budget, rest.n, c->t->o.read_cap, &room);

	if (e != OK)
		return e;
	buf_add_span(&room, rest);
	stream_buf_added(&c->in, rest.n);
	return OK;
}

/* A message in the making has its time from its first byte on. */
static void time_message(struct net_conn *c, bool anew)
{
	if (!c->in.n)
		tcp_set_due(c, DUE_MESSAGE, USEC_MAX);
	else if (anew)
		tcp_set_due(c, DUE_MESSAGE, c->t->loop->now + c->t->o.message_time);
}

/* n fresh bytes stand in the worker's scratch, when the connection has no buffer, or else behind
 * what the buffer holds. */
static void take_input(struct net_conn *c, size_t n)
{
	struct net_tcp *t = c->t;
	bool own = c->in.n > 0;
	struct span all;
	size_t used;
	enum err e = OK;

	if (own)
		stream_buf_added(&c->in, n);
	all = own ? stream_buf_span(&c->in) : span_of(t->scratch, n);
	used = t->h.data(t->h.arg, c, all);
	assert(used <= all.n);
	if (c->state != CONN_OPEN)
		return;
	if (own)
		stream_buf_consume(&c->in, &t->budget, used);
	else if (used < n)
		e = keep(c, span_of(all.p + used, n - used));
	if (e == ERR_NOMEM)
		tcp_close_conn(c, NET_CLOSE_MEMORY, 0);
	else if (e != OK || c->in.n >= t->o.read_cap)
		tcp_close_conn(c, NET_CLOSE_TOO_LARGE, 0);
	else
		time_message(c, used || !own);
}

/* The peer sends no more. What it asked is still answered, if it asked anything. */
static void take_eof(struct net_conn *c)
{
	struct net_tcp *t = c->t;

	c->eof = true;
	if (c->state == CONN_DRAINING) {
		if (!c->out.n)
			tcp_close_conn(c, NET_CLOSE_LOCAL, 0);
		return;
	}
	if (!c->got_message) {
		tcp_close_conn(c, NET_CLOSE_PEER, 0);
		return;
	}
	c->state = CONN_HALF;
	tcp_hide_conn(c);
	tcp_set_due(c, DUE_MESSAGE, USEC_MAX);
	tcp_set_due(c, DUE_LINGER, t->loop->now + t->o.half_close);
}

static void read_ready(struct net_conn *c)
{
	struct net_tcp *t = c->t;
	struct buf room = buf_of(t->scratch, TCP_SCRATCH);
	ssize_t n;

	if (c->in.n && c->state == CONN_OPEN) {
		size_t want = MIN(READ_ROOM, t->o.read_cap - c->in.n);

		if (stream_buf_room(&c->in, &t->budget, want, t->o.read_cap, &room) != OK) {
			tcp_close_conn(c, NET_CLOSE_MEMORY, 0);
			return;
		}
	}
	n = recv(c->fd, room.p, room.cap, MSG_DONTWAIT);
	if (n > 0) {
		t->c.received_bytes += (size_t)n;
		if (c->state != CONN_OPEN)
			return;
		touch(c);
		take_input(c, (size_t)n);
	} else if (n == 0) {
		take_eof(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		tcp_close_conn(c, NET_CLOSE_ERROR, errno);
	}
}

/* As much as the system takes now: bytes, or -1 when the connection failed and closes. */
static ssize_t send_now(struct net_conn *c, struct span data)
{
	ssize_t n = send(c->fd, data.p, data.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0) {
		c->t->c.sent_bytes += (size_t)n;
		touch(c);
		return n;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return 0;
	tcp_close_conn(c, NET_CLOSE_ERROR, errno);
	return -1;
}

/* All was sent of a connection that is to end: waits for the peer to close as well, so that no
 * reset of ours overtakes the last bytes. */
static void finish(struct net_conn *c)
{
	if (c->eof) {
		tcp_close_conn(c, NET_CLOSE_LOCAL, 0);
		return;
	}
	(void)shutdown(c->fd, SHUT_WR);
	tcp_set_due(c, DUE_LINGER, c->t->loop->now + c->t->o.half_close);
}

static void write_ready(struct net_conn *c)
{
	struct net_tcp *t = c->t;
	ssize_t n = send_now(c, stream_buf_span(&c->out));

	if (n <= 0)
		return;
	stream_buf_consume(&c->out, &t->budget, (size_t)n);
	tcp_set_due(c, DUE_WRITE, c->out.n ? t->loop->now + t->o.write_time : USEC_MAX);
	if (!c->out.n && c->state == CONN_DRAINING)
		finish(c);
}

static int socket_error(const struct net_conn *c)
{
	int sys = 0;
	socklen_t n = sizeof(sys);

	return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &sys, &n) == 0 ? sys : errno;
}

static void connect_ready(struct net_conn *c)
{
	struct net_tcp *t = c->t;
	int sys = socket_error(c);

	if (sys) {
		tcp_close_conn(c, NET_CLOSE_CONNECT, sys);
		return;
	}
	c->state = CONN_OPEN;
	t->c.connected++;
	net_socket_local(c->fd, &c->flow.local);
	tcp_set_due(c, DUE_CONNECT, USEC_MAX);
	touch(c);
	if (t->h.opened)
		t->h.opened(t->h.arg, c);
	if (c->out.n) {
		tcp_set_due(c, DUE_WRITE, t->loop->now + t->o.write_time);
		write_ready(c);
	}
}

static void failed(struct net_conn *c)
{
	int sys = socket_error(c);

	if (c->state == CONN_CONNECTING)
		tcp_close_conn(c, NET_CLOSE_CONNECT, sys);
	else
		tcp_close_conn(c, NET_CLOSE_ERROR, sys);
}

static void ready(uv_poll_t *h, int status, int events)
{
	struct net_conn *c = h->data;

	net_loop_refresh(c->t->loop);
	if (status < 0) {
		failed(c);
		return;
	}
	if (c->state == CONN_CONNECTING) {
		connect_ready(c);
	} else {
		if (events & UV_WRITABLE && c->out.n)
			write_ready(c);
		if (events & UV_READABLE && c->state != CONN_CLOSING && !c->eof)
			read_ready(c);
	}
	tcp_conn_poll(c);
}

static int begin_connect(int fd, const struct addr *remote, const struct addr *local)
{
	struct sockaddr_storage ss;
	struct addr from;
	socklen_t n;
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (local && !addr_is_unspecified(local)) {
		from = *local;
		from.port = 0;
		n = addr_to_sockaddr(&from, false, &ss);
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&ss, n) != 0)
			return errno;
	}
	n = addr_to_sockaddr(remote, false, &ss);
	if (connect(fd, (struct sockaddr *)&ss, n) != 0 && errno != EINPROGRESS)
		return errno;
	return 0;
}

static enum err refused(int fd, int sys, int *out_sys)
{
	if (fd >= 0)
		close(fd);
	if (out_sys)
		*out_sys = sys;
	return ERR_IO;
}

enum err net_tcp_connect(struct net_tcp *t, const struct addr *remote, const struct addr *local,
    uint16_t listener, struct net_conn **out_c, int *out_sys)
{
	struct flow flow = {.remote = *remote, .transport = TRANSPORT_TCP, .listener = listener};
	struct net_conn *c;
	int fd, sys;

	if (t->c.outbound >= t->o.max_outbound)
		return ERR_FULL;
	fd = socket(
	    addr_is_v4(remote) ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refused(fd, errno, out_sys);
	sys = begin_connect(fd, remote, local);
	if (sys)
		return refused(fd, sys, out_sys);
	if (local)
		flow.local = *local;
	c = tcp_take_conn(t, fd, &flow, false);
	if (!c)
		return refused(-1, ENOMEM, out_sys);
	c->state = CONN_CONNECTING;
	c->got_message = true;
	tcp_show_conn(c);
	tcp_set_due(c, DUE_CONNECT, t->loop->now + t->o.connect_time);
	tcp_conn_poll(c);
	*out_c = c;
	return OK;
}

uint64_t net_conn_id(const struct net_conn *c)
{
	return c->flow.conn;
}

const struct flow *net_conn_flow(const struct net_conn *c)
{
	return &c->flow;
}

bool net_conn_is_inbound(const struct net_conn *c)
{
	return c->inbound;
}

bool net_conn_is_open(const struct net_conn *c)
{
	return c->state == CONN_OPEN;
}

void net_conn_set_user(struct net_conn *c, void *user)
{
	c->user = user;
}

void *net_conn_user(const struct net_conn *c)
{
	return c->user;
}

size_t net_conn_write_waiting(const struct net_conn *c)
{
	return c->out.n;
}

static enum err queue_output(struct net_conn *c, struct span data)
{
	struct net_tcp *t = c->t;
	bool first = !c->out.n;
	struct buf room;
	enum err e = stream_buf_room(&c->out, &t->budget, data.n, t->o.write_cap, &room);

	if (e != OK) {
		tcp_close_conn(c, NET_CLOSE_MEMORY, 0);
		return e;
	}
	buf_add_span(&room, data);
	stream_buf_added(&c->out, data.n);
	if (first && c->state != CONN_CONNECTING)
		tcp_set_due(c, DUE_WRITE, t->loop->now + t->o.write_time);
	tcp_conn_poll(c);
	return OK;
}

enum err net_conn_write(struct net_conn *c, struct span data)
{
	struct net_tcp *t = c->t;
	ssize_t n;

	if (c->state == CONN_CLOSING || c->state == CONN_DRAINING)
		return ERR_CLOSED;
	if (data.n > t->o.write_cap - c->out.n) {
		t->c.write_full++;
		return ERR_FULL;
	}
	if (c->state != CONN_CONNECTING && !c->out.n) {
		n = send_now(c, data);
		if (n < 0)
			return ERR_CLOSED;
		data = span_from(data, data.p + n);
	}
	return data.n ? queue_output(c, data) : OK;
}

void net_conn_got_message(struct net_conn *c)
{
	c->got_message = true;
	tcp_set_due(c, DUE_FIRST, USEC_MAX);
}

void net_conn_set_deadline(struct net_conn *c, usec_t due)
{
	if (c->state != CONN_CLOSING)
		tcp_set_due(c, DUE_USER, due);
}

void net_conn_close(struct net_conn *c)
{
	tcp_close_conn(c, NET_CLOSE_LOCAL, 0);
}

void net_conn_close_after_write(struct net_conn *c)
{
	struct net_tcp *t = c->t;

	if (c->state == CONN_CONNECTING) {
		tcp_close_conn(c, NET_CLOSE_LOCAL, 0);
		return;
	}
	if (c->state == CONN_CLOSING || c->state == CONN_DRAINING)
		return;
	tcp_hide_conn(c);
	c->state = CONN_DRAINING;
	tcp_set_due(c, DUE_MESSAGE, USEC_MAX);
	tcp_set_due(c, DUE_FIRST, USEC_MAX);
	tcp_set_due(c, DUE_LINGER, t->loop->now + (c->out.n ? t->o.write_time : t->o.half_close));
	if (!c->out.n)
		finish(c);
	tcp_conn_poll(c);
}
