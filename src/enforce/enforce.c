/* SPDX-License-Identifier: MIT */
#include "enforce/enforce.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enforce/setup.h"
#include "enforce/start.h"

enum { TICK_MS = 200, STOP_MS = 2000 };

#define PAUSE     (1 * USEC_SEC) /* between two tries to connect; doubles */
#define PAUSE_MAX (30 * USEC_SEC)

struct enforce {
	uv_loop_t *loop; /* NULL before enforce_run */
	uv_poll_t poll;
	uv_timer_t timer;
	bool polls;
	int fd;              /* -1: nobody is there */
	pid_t child;         /* 0: not started by us */
	struct span service; /* where it listens; n = 0: it is started */
	char path[108];
	char why[ENFORCE_WHY_MAX]; /* nobody is there */
	usec_t retry_at, pause;
	bool told, told_up; /* what was told last */
	char told_why[ENFORCE_WHY_MAX];
	struct enforce_hooks hooks;
	struct plan plan;
	struct message in, out;
	char datagram[MESSAGE_BYTES + 1];
};

static usec_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (usec_t)ts.tv_sec * USEC_SEC + (usec_t)ts.tv_nsec / 1000;
}

static void set_why(struct enforce *e, const char *why)
{
	snprintf(e->why, sizeof(e->why), "%s", why);
}

/* ---- the connection ---- */

static void choose_service(struct enforce *e, const struct conf_enforcement *c)
{
	struct span path = SPAN("");

	if (c->helper == CONF_HELPER_SOCKET)
		path = c->helper_socket;
	else if (c->helper == CONF_HELPER_AUTO && start_is_socket(ENFORCE_SERVICE))
		path = SPAN(ENFORCE_SERVICE);
	memcpy(e->path, path.p, MIN(path.n, sizeof(e->path) - 1));
	e->path[MIN(path.n, sizeof(e->path) - 1)] = '\0';
	e->service = span_str(e->path);
}

/* A helper that runs as a service may come later; one of our own is started once, since that takes
 * a privilege that is gone later. */
static void connect_to_service(struct enforce *e, usec_t now)
{
	struct buf why = BUF(e->why);

	if (e->fd >= 0 || !e->service.n || now < e->retry_at)
		return;
	e->pause = e->pause ? MIN(2 * e->pause, PAUSE_MAX) : PAUSE;
	e->retry_at = now + e->pause;
	if (start_connect(e->path, &why, &e->fd) == OK)
		plan_connected(&e->plan, now);
	else
		(void)buf_terminate(&why);
}

enum err enforce_new(const struct conf *c, struct enforce **out_e)
{
	struct enforce *e = calloc(1, sizeof(*e));
	struct buf why;

	if (!e)
		return ERR_NOMEM;
	e->fd = -1;
	plan_init(&e->plan, &e->hooks.source);
	*out_e = e;
	enforce_setup(c, &e->plan.setup);
	e->plan.untold = true;
	e->plan.most = c->standing.sources + STANDING_PREFIX_BANS;
	if (!e->plan.setup.wanted)
		return OK;
	choose_service(e, &c->enforcement);
	connect_to_service(e, now_us());
	if (e->service.n)
		return OK;
	why = BUF(e->why);
	if (start_helper(&why, &e->fd, &e->child) == OK)
		plan_connected(&e->plan, now_us());
	else
		(void)buf_terminate(&why);
	return OK;
}

static void stop_polling(struct enforce *e)
{
	if (e->polls)
		uv_poll_stop(&e->poll);
	e->polls = false;
}

static void lose(struct enforce *e, const char *why)
{
	stop_polling(e);
	close(e->fd);
	e->fd = -1;
	set_why(e, why);
	plan_gone(&e->plan);
	if (e->child && waitpid(e->child, NULL, WNOHANG) == e->child)
		e->child = 0;
}

/* ---- what is told ---- */

static bool is_wanted(const struct enforce *e)
{
	return e->plan.setup.wanted != 0;
}

static const char *why_not(const struct enforce *e)
{
	return e->fd < 0 ? e->why : plan_why(&e->plan);
}

/* That it is not up yet is no news: only that it cannot be, or was and is not. */
static void tell(struct enforce *e)
{
	bool up = e->fd >= 0 && plan_is_up(&e->plan);
	const char *why = why_not(e);

	if (!is_wanted(e) || !e->hooks.tell)
		return;
	if (!up && e->fd >= 0 && e->plan.phase < PLAN_SYNC_PAGES && !e->plan.silent)
		return;
	if (e->told && e->told_up == up && (up || strcmp(e->told_why, why) == 0))
		return;
	e->told = true;
	e->told_up = up;
	snprintf(e->told_why, sizeof(e->told_why), "%s", why);
	e->hooks.tell(e->hooks.arg, up, e->told_why);
}

/* ---- messages ---- */

/* False: the socket has failed. */
static bool send_message(struct enforce *e)
{
	struct buf b = BUF(e->datagram);

	if (message_write(&e->out, &b) != OK)
		return false;
	/* One request is out at a time, so there is always room for it. */
	return send(e->fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n;
}

static void on_tick(uv_timer_t *t);

static void pump(struct enforce *e)
{
	usec_t now = now_us();

	if (e->loop && is_wanted(e))
		connect_to_service(e, now);
	while (e->fd >= 0 && plan_next(&e->plan, now, &e->out))
		if (!send_message(e))
			lose(e, "the helper is gone");
	if (e->loop && e->fd >= 0 && plan_has_more(&e->plan))
		(void)uv_timer_start(&e->timer, on_tick, 1, TICK_MS);
	tell(e);
}

static void tell_done(const struct enforce *e, usec_t now)
{
	const struct plan *p = &e->plan;

	for (size_t i = 0; i < p->done_n; i++)
		e->hooks.in_force(
		    e->hooks.arg, &p->sent[i], p->done_in, now - MIN(now, p->sent[i].since));
}

/* All that lies there. False: the socket ended, or speaks something else. */
static bool receive(struct enforce *e)
{
	const char *why;
	usec_t now;

	for (;;) {
		ssize_t n = recv(e->fd, e->datagram, sizeof(e->datagram), MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n <= 0)
			return false;
		if (message_read(span_of(e->datagram, MIN((size_t)n, sizeof(e->datagram))), false,
			&e->in, &why) != OK)
			return false;
		now = now_us();
		plan_heard(&e->plan, &e->in, now);
		tell_done(e, now);
		if (e->in.type == MESSAGE_HELLO)
			e->pause = 0;
	}
}

static void poll_socket(struct enforce *e);

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct enforce *e = p->data;

	(void)events;
	if (status < 0 || !receive(e))
		lose(e, e->service.n ? "the helper is gone: its service has to be started"
				     : "the helper is gone: restart ringfence to have it again");
	pump(e);
	poll_socket(e);
}

/* A handle of libuv is for one descriptor: another connection gets another one. */
static void on_poll_closed(uv_handle_t *h)
{
	struct enforce *e = h->data;

	e->poll.data = NULL;
	poll_socket(e);
}

static void poll_socket(struct enforce *e)
{
	if (e->polls || !e->loop)
		return;
	if (e->poll.data) {
		if (!uv_is_closing((uv_handle_t *)&e->poll))
			uv_close((uv_handle_t *)&e->poll, on_poll_closed);
		return;
	}
	if (e->fd < 0 || uv_poll_init(e->loop, &e->poll, e->fd) != 0)
		return;
	e->poll.data = e;
	e->polls = uv_poll_start(&e->poll, UV_READABLE | UV_DISCONNECT, on_readable) == 0;
}

static void on_tick(uv_timer_t *t)
{
	struct enforce *e = t->data;

	pump(e);
	poll_socket(e);
}

/* ---- for the daemon ---- */

enum err enforce_run(struct enforce *e, uv_loop_t *loop, const struct enforce_hooks *hooks)
{
	e->hooks = *hooks;
	e->plan.source = hooks->source;
	if (uv_timer_init(loop, &e->timer) != 0)
		return ERR_IO;
	e->loop = loop;
	e->timer.data = e;
	(void)uv_timer_start(&e->timer, on_tick, TICK_MS, TICK_MS);
	poll_socket(e);
	pump(e);
	return OK;
}

/* Nobody is there: a service may have been started, or named, since. */
static void look_for_helper(
    struct enforce *e, const struct conf_enforcement *c, bool had, struct buf *why)
{
	choose_service(e, c);
	e->retry_at = e->pause = 0;
	if (e->service.n)
		return;
	if (!had)
		set_why(e, "the helper is started together with ringfence only: restart ringfence");
	buf_addf(why, "warning: enforce: bans do not reach the kernel: %s\n", e->why);
}

void enforce_reload(struct enforce *e, const struct conf *c, struct buf *why)
{
	struct helper_setup setup;
	bool had = is_wanted(e);

	enforce_setup(c, &setup);
	plan_use(&e->plan, &setup);
	if (setup.wanted && e->fd < 0)
		look_for_helper(e, &c->enforcement, had, why);
	pump(e);
	poll_socket(e);
}

void enforce_change(struct enforce *e, const struct enforce_ban *ban)
{
	plan_change(&e->plan, ban);
	pump(e);
}

void enforce_again(struct enforce *e)
{
	plan_again(&e->plan);
	pump(e);
}

static void take(void *arg, const struct enforce_ban *ban)
{
	struct enforce *e = arg;

	plan_change(&e->plan, ban);
}

void enforce_drain(struct enforce *e, struct enforce_ring *ring)
{
	if (enforce_ring_drain(ring, take, e)) {
		e->plan.overflows++;
		plan_again(&e->plan);
	}
	pump(e);
}

void enforce_where(const struct enforce *e, const struct standing_view *v,
    const struct prefix *prefix, struct plan_place *out)
{
	plan_where(&e->plan, v, prefix, out);
	if (!is_wanted(e))
		*out = (struct plan_place){.why = "`enforce` asks for no more"};
	else if (e->fd < 0)
		*out = (struct plan_place){.why = e->why};
}

void enforce_status(const struct enforce *e, struct enforce_status *out_s)
{
	*out_s = (struct enforce_status){
	    .wanted = is_wanted(e),
	    .up = e->fd >= 0 && plan_is_up(&e->plan),
	    .why = is_wanted(e) ? why_not(e) : "",
	    .helper = e->fd < 0      ? "none"
		      : e->service.n ? "service"
				     : "started",
	    .generation = e->plan.generation,
	    .lag = e->plan.lag,
	    .waiting = e->plan.n,
	    .added = e->plan.added,
	    .removed = e->plan.removed,
	    .syncs = e->plan.syncs,
	    .refused = e->plan.refused,
	    .overflows = e->plan.overflows,
	    .backends = e->plan.setup.wanted,
	};
	memcpy(out_s->backend, e->plan.backend, sizeof(out_s->backend));
}

/* Until the answer to STOP, the end of the socket, or the time is over. */
static void await_stop(struct enforce *e)
{
	usec_t end = now_us() + STOP_MS * USEC_MS, now;

	while ((now = now_us()) < end) {
		struct pollfd p = {.fd = e->fd, .events = POLLIN};
		const char *why;
		ssize_t n;

		if (poll(&p, 1, (int)((end - now) / USEC_MS) + 1) <= 0)
			continue;
		n = recv(e->fd, e->datagram, sizeof(e->datagram), 0);
		if (n <= 0)
			return;
		if (message_read(span_of(e->datagram, (size_t)n), false, &e->in, &why) == OK &&
		    e->in.sequence == e->out.sequence && e->in.type == MESSAGE_RESULT)
			return;
	}
}

void enforce_stop(struct enforce *e, bool keep)
{
	if (e->fd < 0)
		return;
	stop_polling(e);
	e->out.type = MESSAGE_STOP;
	e->out.keep = keep;
	e->out.sequence = ++e->plan.sequence;
	if (send_message(e))
		await_stop(e);
	close(e->fd);
	e->fd = -1;
	/* It ends with its socket, at once. */
	for (int i = 0; e->child && i < 100; i++) {
		if (waitpid(e->child, NULL, WNOHANG) != 0)
			e->child = 0;
		else
			poll(NULL, 0, 10);
	}
}

void enforce_free(struct enforce *e)
{
	if (!e)
		return;
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}
