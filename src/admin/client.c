/* SPDX-License-Identifier: MIT */
#include "admin/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/socket.h"

struct admin_client {
	int fd;
	size_t begin, end; /* what is read and not yet looked at */
	char in[ADMIN_REPLY_MAX];
};

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum err explain_connect(const char *path, int error, struct buf *why)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		buf_addf(why,
		    "no daemon is running: nobody listens on %s (start it with `ringfence serve`; "
		    "one that was started before admin.listen was changed is on its old socket)",
		    path);
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		buf_addf(why,
		    "%s: not allowed to speak to the daemon; use sudo, or join the group of its "
		    "socket",
		    path);
		return ERR_DENIED;
	default:
		buf_addf(why, "%s: %s", path, strerror(error));
		return ERR_IO;
	}
}

enum err admin_client_new(const char *path, struct buf *why, struct admin_client **out_c)
{
	struct sockaddr_un sa;
	struct admin_client *c;
	enum err e = admin_socket_address(path, why, &sa);

	if (e != OK)
		return e;
	c = malloc(sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	c->begin = c->end = 0;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0) {
		e = explain_connect(path, errno, why);
		admin_client_free(c);
		return e;
	}
	*out_c = c;
	return OK;
}

void admin_client_free(struct admin_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int admin_client_fd(const struct admin_client *c)
{
	return c->fd;
}

/* Sends all of it. Requests are short: the socket's buffer takes them at once, or the daemon hangs
 * and the deadline of the answer tells so. */
static enum err send_all(struct admin_client *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(c->fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
		p += w;
		n -= (size_t)w;
	}
	return OK;
}

enum err admin_client_send(struct admin_client *c, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	enum err e;

	if (!text)
		return ERR_NOMEM;
	e = send_all(c, text, strlen(text));
	free(text);
	return e == OK ? send_all(c, "\n", 1) : e;
}

/* More bytes behind what is there; the deadline is on clock_ms, negative = none. */
static enum err read_more(struct admin_client *c, int64_t until)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int64_t left = until < 0 ? -1 : until - clock_ms();
	ssize_t n;
	int ready;

	if (c->begin > 0) {
		memmove(c->in, c->in + c->begin, c->end - c->begin);
		c->end -= c->begin;
		c->begin = 0;
	}
	if (c->end == sizeof(c->in))
		return ERR_SYNTAX;
	ready = poll(&p, 1, until < 0 ? -1 : (int)MAX(left, 0));
	if (ready == 0)
		return ERR_TIMEOUT;
	if (ready < 0)
		return errno == EINTR ? OK : ERR_IO;
	n = read(c->fd, c->in + c->end, sizeof(c->in) - c->end);
	if (n < 0)
		return errno == EINTR ? OK : errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
	if (n == 0)
		return ERR_CLOSED;
	c->end += (size_t)n;
	return OK;
}

enum err admin_client_next(struct admin_client *c, int timeout_ms, json_t **out_reply)
{
	int64_t until = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	size_t searched = 0;
	const char *end;
	json_t *reply;
	size_t n;

	while (!(end = memchr(c->in + c->begin + searched, '\n', c->end - c->begin - searched))) {
		enum err e;

		searched = c->end - c->begin;
		e = read_more(c, until);
		if (e != OK)
			return e;
	}
	n = (size_t)(end - (c->in + c->begin));
	reply = json_loadb(c->in + c->begin, n, JSON_ALLOW_NUL, NULL);
	c->begin += n + 1;
	if (!json_is_object(reply)) {
		json_decref(reply);
		return ERR_SYNTAX;
	}
	*out_reply = reply;
	return OK;
}

static enum err exchange(
    struct admin_client *c, const json_t *request, const char *path, struct buf *why, json_t **out)
{
	enum err e = admin_client_send(c, request);

	if (e == OK)
		e = admin_client_next(c, ADMIN_TIMEOUT_MS, out);
	if (e != OK)
		buf_addf(why, "%s: the daemon gave no answer: %s", path, err_text(e));
	return e;
}

enum err admin_call(const char *path, const json_t *request, struct buf *why, json_t **out_reply)
{
	struct admin_client *c;
	json_t *reply = NULL;
	const char *error;
	enum err e = admin_client_new(path, why, &c);

	if (e != OK)
		return e;
	e = exchange(c, request, path, why, &reply);
	admin_client_free(c);
	if (e != OK)
		return e;
	*out_reply = reply;
	if (json_is_true(json_object_get(reply, "ok")))
		return OK;
	error = json_string_value(json_object_get(reply, "error"));
	buf_add_escaped(why, span_str(error ? error : "the daemon said no"), 512);
	return ERR_DENIED;
}
