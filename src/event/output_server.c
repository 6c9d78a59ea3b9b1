/* SPDX-License-Identifier: MIT
 *
 * Servers: datagrams over UDP or a Unix socket, and a TCP connection with octet counting. What
 * cannot be sent waits, and is tried again with a growing pause; a record that can never be sent is
 * lost. What the system took for a connection and the server never read is not known to be lost:
 * syslog over TCP has no acknowledgement. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "event/output.h"

#define CONNECT_MS 5000
#define SEND_MS    10000 /* a server that takes nothing for so long is connected to again */

struct server {
	struct output base;
	int fd; /* -1: not connected */
	int family, type;
	bool reused; /* the connection has taken something already */
	unsigned backoff_ms;
	uint16_t port;
	char *place; /* host, or path of the socket */
};

static void disconnect(struct server *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->reused = false;
}

static int finish_connect(struct server *s, int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (!output_wait(&s->base, fd, POLLOUT, CONNECT_MS))
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 ? error : errno;
}

/* errno or 0. */
static int try_address(struct server *s, const struct sockaddr *to, socklen_t n)
{
	int fd = socket(to->sa_family, s->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, to, n) != 0)
		error = errno == EINPROGRESS ? finish_connect(s, fd) : errno;
	if (error)
		close(fd);
	else
		s->fd = fd;
	return error;
}

static bool connect_unix(struct server *s, struct output_result *r)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int error;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", s->place);
	error = try_address(s, (const struct sockaddr *)&to, sizeof(to));
	if (error)
		output_fail(r, error, "%s: %s", s->place, strerror(error));
	return !error;
}

static bool connect_server(struct server *s, struct output_result *r)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = s->type};
	struct addrinfo *list = NULL;
	char port[8];
	int error;

	if (s->family == AF_UNIX)
		return connect_unix(s, r);
	snprintf(port, sizeof(port), "%u", s->port);
	error = getaddrinfo(s->place, port, &hints, &list);
	if (error) {
		output_fail(r, EHOSTUNREACH, "%s: %s", s->place, gai_strerror(error));
		return false;
	}
	error = EHOSTUNREACH;
	for (const struct addrinfo *i = list; i && s->fd < 0 && !output_must_end(&s->base);
	     i = i->ai_next)
		error = try_address(s, i->ai_addr, i->ai_addrlen);
	freeaddrinfo(list);
	if (s->fd < 0)
		output_fail(r, error, "%s port %u: %s", s->place, s->port, strerror(error));
	return s->fd >= 0;
}

/* All of p; errno or 0. *out_sent: how much the system took. */
static int send_all(struct server *s, const char *p, size_t n, size_t *out_sent)
{
	*out_sent = 0;
	while (*out_sent < n) {
		ssize_t sent =
		    send(s->fd, p + *out_sent, n - *out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			*out_sent += (size_t)sent;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!output_wait(&s->base, s->fd, POLLOUT, SEND_MS))
				return ETIMEDOUT;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

/* A server that has closed its side reads nothing any more: syslog sends nothing back. */
static bool is_closed(struct server *s)
{
	char byte;
	ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* "LENGTH SP RECORD" of as many records as b holds; moves *rest behind them. */
static void gather(struct span *rest, struct buf *b)
{
	struct span record;

	for (struct span next = *rest; output_next(&next, &record); *rest = next) {
		size_t before = b->n;

		buf_add_u64(b, record.n);
		buf_add_char(b, ' ');
		buf_add_span(b, record);
		if (b->overflow) {
			b->n = before;
			return;
		}
	}
}

/* Counts the records that are whole in `sent` bytes of what was gathered from chunk. */
static void count_sent(struct span chunk, size_t sent, struct output_result *out)
{
	struct span record;

	for (struct span rest = chunk; output_next(&rest, &record);) {
		char digits[24];
		struct buf length = BUF(digits);

		buf_add_u64(&length, record.n);
		if (sent < length.n + 1 + record.n)
			return;
		sent -= length.n + 1 + record.n;
		out->used += chunk.n - rest.n;
		out->delivered++;
		chunk = rest;
	}
}

/* As many records at once as the buffer holds: a system call a record would be most of the cost. A
 * record that was cut off goes again as a whole on the next connection. */
static int send_counted(struct server *s, struct span chunk, struct output_result *out)
{
	char text[32768];

	while (chunk.n) {
		struct buf b = BUF(text);
		struct span rest = chunk;
		size_t sent = 0;
		int error;

		gather(&rest, &b);
		error = is_closed(s) ? EPIPE : send_all(s, text, b.n, &sent);
		count_sent(chunk, sent, out);
		if (error)
			return error;
		chunk = rest;
	}
	return 0;
}

static int send_datagrams(struct server *s, struct span chunk, struct output_result *out)
{
	struct span record;

	for (struct span rest = chunk; output_next(&rest, &record);) {
		size_t sent;
		int error = send_all(s, record.p, record.n, &sent);

		if (error && error != EMSGSIZE)
			return error;
		out->used = chunk.n - rest.n;
		out->delivered += !error;
		out->lost += error != 0;
		if (error)
			output_fail(out, error, "a record is too long for a datagram there");
	}
	return 0;
}

static void deliver(struct output *o, struct span chunk, struct output_result *out)
{
	struct server *s = (struct server *)o;
	int error;

	if (s->fd < 0) {
		if (!connect_server(s, out)) {
			s->backoff_ms = output_backoff(s->backoff_ms);
			out->retry_ms = s->backoff_ms;
			return;
		}
		out->reopened = 1;
	}
	if (s->type == SOCK_STREAM)
		error = send_counted(s, chunk, out);
	else
		error = send_datagrams(s, chunk, out);
	if (out->used)
		s->backoff_ms = 0;
	if (error) {
		bool reused = s->reused;

		output_fail(out, error, "%s: %s", s->place, strerror(error));
		disconnect(s);
		/* A connection that worked before is opened again at once. */
		s->backoff_ms = reused && !s->backoff_ms ? 1 : output_backoff(s->backoff_ms);
		out->retry_ms = s->backoff_ms;
	}
	s->reused = s->fd >= 0;
}

/* The address may have changed. */
static void reopen(struct output *o, struct output_result *out UNUSED)
{
	disconnect((struct server *)o);
}

static void free_server(struct output *o)
{
	struct server *s = (struct server *)o;

	disconnect(s);
	free(s->place);
	free(s);
}

static const struct output_ops ops = {
    .framed = true, .deliver = deliver, .reopen = reopen, .free = free_server};

static enum err new_server(
    const char *place, uint16_t port, int family, int type, struct output **out_o)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->base.ops = &ops;
	s->fd = -1;
	s->family = family;
	s->type = type;
	s->port = port;
	s->place = strdup(place);
	if (!s->place) {
		free(s);
		return ERR_NOMEM;
	}
	*out_o = &s->base;
	return OK;
}

enum err output_new_unix(const char *path, struct output **out_o)
{
	return new_server(path, 0, AF_UNIX, SOCK_DGRAM, out_o);
}

enum err output_new_udp(const char *host, uint16_t port, struct output **out_o)
{
	return new_server(host, port, AF_UNSPEC, SOCK_DGRAM, out_o);
}

enum err output_new_tcp(const char *host, uint16_t port, struct output **out_o)
{
	return new_server(host, port, AF_UNSPEC, SOCK_STREAM, out_o);
}
