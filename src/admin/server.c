/* SPDX-License-Identifier: MIT
 *
 * The control socket's listener and clients. A client's life: read one line, answer it, read the
 * next; after `events` only lines go out. Each libuv handle counts on its owner's `handles`, and
 * who closes the last one frees. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/follower.h"
#include "admin/socket.h"

#define BACKLOG      16
#define FOLLOW_STALL (5 * USEC_MIN) /* a follower that takes nothing for so long is closed */
#define TO_MS(usec)  ((usec) / USEC_MS)

struct client {
	struct list link;
	struct admin_server *server;
	uv_pipe_t pipe;
	uv_timer_t deadline;
	unsigned handles;
	int64_t uid; /* of the other end; -1: not known */
	bool closing, following;
	struct follower follower;
	uv_write_t write;
	char *reply;
	size_t in_n;
	char in[ADMIN_LINE_MAX];
};

struct admin_server {
	uv_loop_t *loop;
	uv_pipe_t pipe;
	uv_timer_t sampler;
	unsigned handles;
	const struct admin_backend *backend;
	struct event_hub *hub;
	struct list clients;
	unsigned clients_n;
	struct admin_rate rate;
	struct counter_totals totals; /* for the sampler */
	dev_t dev;
	ino_t ino;
	char *path;
	char scratch[ADMIN_SCRATCH];
	char out[ADMIN_REPLY_MAX];
};

static usec_t wall_now(void)
{
	uv_timeval64_t tv;

	return uv_gettimeofday(&tv) == 0 ? (usec_t)tv.tv_sec * USEC_SEC + (usec_t)tv.tv_usec : 0;
}

/* ---- closing ---- */

static void client_handle_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	if (--c->handles > 0)
		return;
	follower_done(&c->follower);
	free(c->reply);
	free(c);
}

static void client_close(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->server->clients_n--;
	list_remove(&c->link);
	event_hub_remove_tap(&c->follower.tap);
	uv_close((uv_handle_t *)&c->pipe, client_handle_closed);
	uv_close((uv_handle_t *)&c->deadline, client_handle_closed);
}

static void on_deadline(uv_timer_t *t)
{
	client_close(t->data);
}

static void set_deadline(struct client *c, usec_t after)
{
	uv_timer_start(&c->deadline, on_deadline, TO_MS(after), 0);
}

/* ---- writing ---- */

static void serve_lines(struct client *c);
static void follow_write(struct client *c);

static void on_written(uv_write_t *w, int status)
{
	struct client *c = w->data;

	free(c->reply);
	c->reply = NULL;
	if (c->closing)
		return;
	if (status < 0) {
		client_close(c);
		return;
	}
	if (c->following) {
		uv_timer_stop(&c->deadline);
		follower_wrote(&c->follower);
		follow_write(c);
		return;
	}
	set_deadline(c, ADMIN_IDLE);
	serve_lines(c);
}

static void write_out(struct client *c, struct span s, usec_t patience)
{
	uv_buf_t b = uv_buf_init((char *)s.p, (unsigned)s.n);

	c->write.data = c;
	set_deadline(c, patience);
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &b, 1, on_written) != 0)
		client_close(c);
}

static void follow_write(struct client *c)
{
	struct span s = follower_begin_write(&c->follower);

	if (s.n)
		write_out(c, s, FOLLOW_STALL);
}

static void on_follower_ready(struct follower *f)
{
	struct client *c = CONTAINER_OF(f, struct client, follower);

	/* While the answer to `events` itself is on its way, the end of that write goes on. */
	if (!c->reply && !c->closing)
		follow_write(c);
}

/* ---- requests ---- */

static void start_following(struct client *c, const struct event_filter *filter)
{
	if (follower_init(&c->follower, filter, on_follower_ready) != OK) {
		client_close(c);
		return;
	}
	c->following = true;
	event_hub_add_tap(c->server->hub, &c->follower.tap);
}

static void answer(struct client *c, struct buf *b)
{
	buf_add_char(b, '\n');
	c->reply = malloc(b->n);
	if (!c->reply) {
		client_close(c);
		return;
	}
	memcpy(c->reply, b->p, b->n);
	write_out(c, span_of(c->reply, b->n), ADMIN_IDLE);
}

static void serve_request(struct client *c, struct span line)
{
	struct admin_server *s = c->server;
	struct buf b = buf_of(s->out, sizeof(s->out) - 1);
	json_t *request = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	struct admin_call call = {
	    .backend = s->backend,
	    .hub = s->hub,
	    .rate = &s->rate,
	    .request = request,
	    .wall = wall_now(),
	    .now = uv_hrtime() / 1000,
	    .uid = c->uid,
	    .scratch = s->scratch,
	};

	if (json_is_object(request))
		admin_command_run(&call, &b);
	else
		admin_command_refuse(&b, "a request is one JSON object on a line");
	json_decref(request);
	answer(c, &b);
	if (call.follow && !c->closing)
		start_following(c, &call.filter);
}

/* One request at a time: the next is looked at when the answer is out. */
static void serve_lines(struct client *c)
{
	char *end = memchr(c->in, '\n', c->in_n);
	size_t n;

	if (!end) {
		if (c->in_n == sizeof(c->in))
			client_close(c);
		return;
	}
	n = (size_t)(end - c->in);
	serve_request(c, span_of(c->in, n));
	c->in_n -= n + 1;
	memmove(c->in, end + 1, c->in_n);
}

static void on_alloc(uv_handle_t *h, size_t hint UNUSED, uv_buf_t *out)
{
	struct client *c = h->data;

	/* Nothing more is expected of a follower; it is read from to see it go. */
	if (c->following)
		c->in_n = 0;
	*out = uv_buf_init(c->in + c->in_n, (unsigned)(sizeof(c->in) - c->in_n));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b UNUSED)
{
	struct client *c = stream->data;

	if (n < 0) {
		client_close(c);
		return;
	}
	if (c->following)
		return;
	c->in_n += (size_t)n;
	if (!c->reply)
		serve_lines(c);
	else if (c->in_n == sizeof(c->in))
		client_close(c);
}

/* ---- accepting ---- */

static struct client *client_new(struct admin_server *s)
{
	struct client *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	memset(c, 0, offsetof(struct client, in));
	c->server = s;
	list_init(&c->follower.tap.link);
	uv_pipe_init(s->loop, &c->pipe, 0);
	uv_timer_init(s->loop, &c->deadline);
	c->pipe.data = c->deadline.data = c;
	c->handles = 2;
	list_append(&s->clients, &c->link);
	s->clients_n++;
	return c;
}

/* The kernel's word, not the client's. */
static int64_t uid_of(const uv_pipe_t *pipe)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		return -1;
	return (int64_t)cred.uid;
}

static void on_connection(uv_stream_t *stream, int status)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
	struct admin_server *s = stream->data;
	uv_buf_t b = uv_buf_init((char *)full, sizeof(full) - 1);
	bool room = s->clients_n < ADMIN_CLIENTS_MAX;
	struct client *c = status == 0 ? client_new(s) : NULL;

	if (!c)
		return;
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) != 0) {
		client_close(c);
		return;
	}
	if (!room) {
		uv_try_write((uv_stream_t *)&c->pipe, &b, 1);
		client_close(c);
		return;
	}
	c->uid = uid_of(&c->pipe);
	set_deadline(c, ADMIN_IDLE);
	if (uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
		client_close(c);
}

/* ---- the server ---- */

static void on_sample(uv_timer_t *t)
{
	struct admin_server *s = t->data;

	s->totals = (struct counter_totals){0};
	s->backend->totals(s->backend->arg, &s->totals);
	admin_rate_sample(&s->rate, &s->totals, uv_hrtime() / 1000);
}

static void server_handle_closed(uv_handle_t *h)
{
	struct admin_server *s = h->data;

	if (--s->handles == 0) {
		free(s->path);
		free(s);
	}
}

static void server_close(struct admin_server *s)
{
	uv_close((uv_handle_t *)&s->pipe, server_handle_closed);
	uv_close((uv_handle_t *)&s->sampler, server_handle_closed);
}

static enum err start(struct admin_server *s, const char *path, struct buf *why)
{
	struct stat st;
	int fd;
	enum err e = admin_socket_bind(path, why, &fd);
	int error;

	if (e != OK)
		return e;
	/* Remembered, so that on the way out only our own file is removed. */
	if (stat(path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	error = uv_pipe_open(&s->pipe, fd);
	if (error != 0)
		close(fd);
	else
		error = uv_listen((uv_stream_t *)&s->pipe, BACKLOG, on_connection);
	if (error == 0)
		return OK;
	unlink(path);
	buf_addf(why, "control socket %s: %s", path, uv_strerror(error));
	return ERR_IO;
}

enum err admin_server_new(uv_loop_t *loop, const char *path, const struct admin_backend *backend,
    struct event_hub *hub, struct buf *why, struct admin_server **out_s)
{
	struct admin_server *s = malloc(sizeof(*s));
	enum err e;

	if (!s)
		return ERR_NOMEM;
	memset(s, 0, offsetof(struct admin_server, scratch));
	s->loop = loop;
	s->backend = backend;
	s->hub = hub;
	list_init(&s->clients);
	s->path = strdup(path);
	uv_pipe_init(loop, &s->pipe, 0);
	uv_timer_init(loop, &s->sampler);
	s->pipe.data = s->sampler.data = s;
	s->handles = 2;
	e = s->path ? start(s, path, why) : ERR_NOMEM;
	if (e != OK) {
		server_close(s);
		return e;
	}
	on_sample(&s->sampler);
	uv_timer_start(&s->sampler, on_sample, TO_MS(ADMIN_RATE_PERIOD), TO_MS(ADMIN_RATE_PERIOD));
	uv_unref((uv_handle_t *)&s->sampler);
	*out_s = s;
	return OK;
}

void admin_server_free(struct admin_server *s)
{
	struct stat st;

	if (!s)
		return;
	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	list_for_each_safe(it, &s->clients)
		client_close(list_entry(it, struct client, link));
	server_close(s);
}

unsigned admin_server_clients(const struct admin_server *s)
{
	return s->clients_n;
}
