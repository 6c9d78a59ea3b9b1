/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket.h"
#include "net/tcp_impl.h"

#define BACKLOG 1024

/* Connections taken at a time before others have their turn. */
#define ACCEPTS_A_TURN 64

/* Closes with a reset, which leaves nothing behind in the kernel. */
static void refuse(struct net_tcp *t, int fd, enum net_refusal why)
{
	struct linger now = {.l_onoff = 1};

	t->c.refused[why]++;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* With no descriptor left the peer would wait in the backlog and wake us without end. */
static void refuse_without_descriptor(struct net_listener *l)
{
	struct net_tcp *t = l->t;
	int fd;

	if (t->spare_fd >= 0)
		close(t->spare_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(t, fd, NET_REFUSED_SYSTEM);
	t->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* NET_REFUSED_COUNT: welcome; *out_counted tells whether its source was charged. */
static enum net_refusal judge(struct net_listener *l, const struct addr *from, bool *out_counted)
{
	struct net_tcp *t = l->t;
	enum err e;

	if (t->c.inbound >= t->o.max_inbound)
		return NET_REFUSED_CAP;
	if (t->h.accept_allowed && !t->h.accept_allowed(t->h.arg, from, l->listener))
		return NET_REFUSED_BY_HANDLER;
	*out_counted = t->o.sources && t->o.max_per_source;
	if (!*out_counted)
		return NET_REFUSED_COUNT;
	e = net_sources_take(t->o.sources, from, t->o.max_per_source);
	if (e == OK)
		return NET_REFUSED_COUNT;
	return e == ERR_DENIED ? NET_REFUSED_SOURCE : NET_REFUSED_TABLE;
}

static void welcome(struct net_listener *l, int fd, const struct addr *from, bool counted)
{
	struct net_tcp *t = l->t;
	struct flow flow = {
	    .remote = *from, .local = l->local, .transport = l->transport, .listener = l->listener};
	struct net_conn *c;
	int on = 1;

	if (l->wildcard)
		net_socket_local(fd, &flow.local);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c = tcp_take_conn(t, fd, &flow, true);
	if (!c) {
		t->c.refused[NET_REFUSED_SYSTEM]++;
		if (counted)
			net_sources_give(t->o.sources, from);
		return;
	}
	c->counted = counted;
	t->c.accepted++;
	tcp_set_due(c, DUE_FIRST, t->loop->now + t->o.first_message);
	tcp_conn_start(c);
}

static void judge_and_welcome(struct net_listener *l, int fd, const struct sockaddr *sa)
{
	struct addr from;
	bool counted = false;
	enum net_refusal why;

	if (addr_from_sockaddr(sa, &from) != OK) {
		close(fd);
		return;
	}
	why = judge(l, &from, &counted);
	if (why == NET_REFUSED_COUNT)
		welcome(l, fd, &from, counted);
	else
		refuse(l->t, fd, why);
}

static void ready(uv_poll_t *h, int status, int events)
{
	struct net_listener *l = h->data;

	(void)status;
	(void)events;
	net_loop_refresh(l->t->loop);
	for (int i = 0; i < ACCEPTS_A_TURN && !uv_is_closing((uv_handle_t *)h); i++) {
		struct sockaddr_storage ss;
		socklen_t n = sizeof(ss);
		int fd = accept4(l->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			judge_and_welcome(l, fd, (struct sockaddr *)&ss);
		else if (errno == EMFILE || errno == ENFILE)
			refuse_without_descriptor(l);
		else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			return;
	}
}

static enum err begin(
    struct net_listener *l, const struct net_listener_opts *o, struct net_fail *fail)
{
	if (listen(l->fd, o->backlog ? o->backlog : BACKLOG) != 0) {
		net_fail_set(fail, o->transport, &o->addr, "listen", errno);
		return ERR_IO;
	}
	l->local = o->addr;
	l->wildcard = addr_is_unspecified(&o->addr);
	net_socket_local(l->fd, &l->local);
	if (uv_poll_init(&l->t->loop->uv, &l->poll, l->fd) != 0) {
		net_fail_set(fail, o->transport, &o->addr, "epoll", errno);
		return ERR_IO;
	}
	return OK;
}

enum err net_tcp_listen(struct net_tcp *t, const struct net_listener_opts *opts,
    struct net_listener **out_l, struct net_fail *out_fail)
{
	struct net_listener *l = calloc(1, sizeof(*l));
	enum err e;

	if (!l)
		return ERR_NOMEM;
	l->t = t;
	l->transport = opts->transport;
	l->listener = opts->listener;
	e = net_socket_bind(opts->transport, &opts->addr, opts->reuse_port, &l->fd, out_fail);
	if (e != OK) {
		free(l);
		return e;
	}
	e = begin(l, opts, out_fail);
	if (e != OK) {
		close(l->fd);
		free(l);
		return e;
	}
	l->poll.data = l;
	t->handles++;
	list_append(&t->listeners, &l->link);
	uv_poll_start(&l->poll, UV_READABLE, ready);
	*out_l = l;
	return OK;
}

static void handle_closed(uv_handle_t *h)
{
	struct net_listener *l = h->data;
	struct net_tcp *t = l->t;

	free(l);
	tcp_handle_gone(t);
}

void tcp_free_listener(struct net_listener *l)
{
	list_remove(&l->link);
	uv_close((uv_handle_t *)&l->poll, handle_closed);
	close(l->fd);
}

void net_listener_free(struct net_listener *l)
{
	if (l)
		tcp_free_listener(l);
}

const struct addr *net_listener_local(const struct net_listener *l)
{
	return &l->local;
}
