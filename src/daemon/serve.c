/* SPDX-License-Identifier: MIT */
#include "daemon/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/rng.h"
#include "cli/options.h"
#include "daemon/privileges.h"
#include "daemon/sinks.h"
#include "daemon/version.h"
#include "event/output_webhook.h"

#define NO_LOOP "no event loop: are there file descriptors left (ulimit -n)?"

enum { WHY_MAX = 65536, DRAIN_BATCH = 512 };

/* To stderr, where journald and people read it. */
static void say(const char *text)
{
	fprintf(stderr, "ringfence: %s\n", text);
}

void daemon_emit(struct daemon *d, enum reason r, struct span words)
{
	struct event e;

	event_init(&e, EVENT_DAEMON, r, edge_wall());
	if (words.n)
		event_set_evidence_text(&e, words);
	event_hub_emit(&d->hub, &e);
}

static void on_events(uv_async_t *a)
{
	struct daemon *d = a->data;
	bool more = false;

	enforcement_drain(d);
	for (uint32_t i = 0; i < edge_workers(d->edge); i++)
		more = event_hub_drain(&d->hub, &d->edge->rings[i], DRAIN_BATCH) || more;
	if (more)
		uv_async_send(&d->events);
}

/* Any worker's thread. */
static void wake_events(void *arg)
{
	struct daemon *d = arg;

	uv_async_send(&d->events);
}

/* A database that goes or comes back is said once, when it happens. */
static void watch_store(struct daemon *d)
{
	struct store_worker_stats s;
	bool ok;

	store_worker_stats(d->edge->store, &s);
	ok = s.up[STORE_ROLE_ACCOUNTS] && s.up[STORE_ROLE_STATE];
	if (ok == d->store_ok)
		return;
	d->store_ok = ok;
	d->store_changed = edge_now();
	fprintf(stderr, "ringfence: %s%s%s\n", ok ? "the database is back" : "the database is lost",
	    ok ? "" : ": ", ok ? "" : s.why);
	daemon_emit(d, ok ? REASON_DAEMON_STORE_BACK : REASON_DAEMON_STORE_LOST,
	    ok ? span_of(NULL, 0) : span_str(s.why));
}

static void watch_events(struct daemon *d)
{
	uint64_t lost = event_hub_lost(&d->hub);
	struct event e;

	for (uint32_t i = 0; i < edge_workers(d->edge); i++)
		lost += event_ring_lost(&d->edge->rings[i]);
	if (lost == d->events_lost)
		return;
	event_init(&e, EVENT_DAEMON, REASON_DAEMON_EVENTS_LOST, edge_wall());
	event_set_evidence(&e, (double)(lost - d->events_lost), 0, USEC_SEC);
	d->events_lost = lost;
	event_hub_emit(&d->hub, &e);
}

/* A phone that did not come back. Main thread, within edge_tick. */
static void on_expired(void *arg, struct span aor, const struct binding *b)
{
	struct daemon *d = arg;
	struct event e;

	event_init(&e, EVENT_REGISTRATION, REASON_REGISTRAR_EXPIRED, edge_wall());
	event_set_source(&e, &b->flow, span_of(NULL, 0), true);
	event_set_text(&e, EVENT_TEXT_ACCOUNT, aor);
	event_set_text(&e, EVENT_TEXT_CALL_ID, b->call_id);
	event_set_text(&e, EVENT_TEXT_USER_AGENT, b->user_agent);
	event_set_evidence_text(&e, b->contact);
	event_hub_emit(&d->hub, &e);
}

static void on_second(uv_timer_t *t)
{
	struct daemon *d = t->data;

	edge_tick(d->edge);
	watch_store(d);
	watch_events(d);
	sinks_watch(&d->hub);
	runner_watch(&d->runner, d->edge->snap->conf);
}

static void print_errors(const char *path, const struct conf_errors *errs, struct buf *out)
{
	for (size_t i = 0; i < errs->count; i++) {
		conf_error_add(out, path, &errs->list[i]);
		buf_add_char(out, '\n');
	}
}

enum err daemon_reload(struct daemon *d, struct buf *messages)
{
	struct sinks sinks;
	struct conf_errors errs;
	struct conf *c = NULL;
	enum err err;

	notify_systemd("RELOADING=1");
	conf_errors_init(&errs);
	err = conf_load(d->config_path, &c, &errs);
	print_errors(d->config_path, &errs, messages);
	conf_errors_done(&errs);
	if (err == OK)
		err = sandbox_covers(&d->sandbox, c, messages);
	if (err == OK)
		err = sinks_open(c, &d->runner, &d->hub, &sinks, messages);
	if (err == OK) {
		err = sinks_start(sinks.list, sinks.count, messages);
		if (err == OK)
			err = edge_reload(d->edge, c, messages);
		if (err != OK)
			sinks_close(&sinks);
	}
	if (err == OK) {
		sinks_put(&d->hub, &sinks);
		event_hub_set_node(&d->hub, c->node);
		d->configured = edge_wall();
		enforcement_reload(d, messages);
		admin_http_use(d->http, c);
		daemon_emit(d, REASON_DAEMON_RELOAD, c->file);
	} else {
		conf_put(c);
		sandbox_explain(&d->sandbox, messages);
		daemon_emit(d, REASON_DAEMON_RELOAD_FAILED, buf_span(messages));
	}
	notify_systemd("READY=1");
	return err;
}

static void on_hangup(struct daemon *d)
{
	char *text = malloc(WHY_MAX);
	struct buf messages = buf_of(text, text ? WHY_MAX : 0);
	enum err err = daemon_reload(d, &messages);

	if (messages.n)
		fprintf(stderr, "%.*s%s", (int)messages.n, messages.p,
		    messages.p[messages.n - 1] == '\n' ? "" : "\n");
	say(err == OK ? "the new configuration is in use"
		      : "the configuration was not changed: the old one stays in use");
	event_hub_reopen(&d->hub);
	free(text);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct daemon *d = s->data;

	if (number == SIGHUP)
		on_hangup(d);
	else
		uv_stop(&d->loop);
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static enum err start_loop(struct daemon *d)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

	if (uv_async_init(&d->loop, &d->events, on_events) != 0 ||
	    uv_timer_init(&d->loop, &d->second) != 0)
		return ERR_IO;
	d->events.data = d->second.data = d;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (uv_signal_init(&d->loop, &d->signals[i]) != 0)
			return ERR_IO;
		d->signals[i].data = d;
		if (uv_signal_start(&d->signals[i], on_signal, numbers[i]) != 0)
			return ERR_IO;
	}
	return OK;
}

static void announce(struct daemon *d)
{
	const struct conf *c = d->edge->snap->conf;

	for (size_t i = 0; i < c->listeners_count; i++)
		fprintf(stderr, "ringfence: listening on %s (zone %s)\n", c->listeners[i].text.p,
		    c->zones[c->listeners[i].zone].name.p);
	fprintf(stderr, "ringfence: %s ready, %zu worker%s, control socket %s\n", RINGFENCE_VERSION,
	    c->workers, c->workers == 1 ? "" : "s", c->admin_socket.p);
	for (size_t i = 0; i < c->admin_http_count; i++)
		fprintf(stderr, "ringfence: metrics on %.*s\n", SPAN_FMT(c->admin_http[i].text));
	daemon_emit(d, REASON_DAEMON_START, span_str(RINGFENCE_VERSION));
	notify_systemd("READY=1");
}

static void stop(struct daemon *d)
{
	notify_systemd("STOPPING=1");
	say("stopping");
	admin_http_free(d->http);
	admin_server_free(d->admin);
	daemon_emit(d, REASON_DAEMON_STOP, span_of(NULL, 0));
	for (uint32_t i = 0; i < edge_workers(d->edge); i++)
		worker_stop(d->edge->workers[i]);
	for (uint32_t i = 0; i < edge_workers(d->edge); i++)
		while (event_hub_drain(&d->hub, &d->edge->rings[i], DRAIN_BATCH))
			;
	enforce_stop(d->enforce, d->edge->snap->conf->enforcement.keep);
	edge_stop(d->edge);
	event_hub_done(&d->hub);
	event_history_free(d->history);
}

/* What `why` is answered from. */
static enum err start_history(struct daemon *d, const struct conf *c, struct buf *why)
{
	struct siphash_key key;
	enum err e;

	if (!c->history_memory)
		return OK;
	e = rng_system(&key, sizeof(key));
	if (e == OK)
		e = event_history_new(c->history_memory, &key, edge_wall(), &d->history);
	if (e != OK)
		buf_addf(why, "history.memory: %s", err_text(e));
	d->hub.history = d->history;
	return e;
}

/* Opens all that the edge works on, without a thread. Takes c, on failure too; then nothing is
 * left. */
static enum err prepare(struct daemon *d, const struct conf *c, struct buf *why)
{
	struct sinks sinks;
	enum err err;

	d->started = edge_now();
	d->configured = edge_wall();
	d->store_ok = true;
	d->store_changed = d->started;
	event_hub_init(&d->hub, c->node);
	err = start_loop(d);
	if (err != OK)
		buf_add_lit(why, NO_LOOP);
	/* Before any file is made, so that they are his. */
	if (err == OK && c->privileges.user.n)
		err = privileges_become_user(c->privileges.user.p, why);
	if (err == OK)
		err = start_history(d, c, why);
	if (err == OK)
		err = sinks_open(c, &d->runner, &d->hub, &sinks, why);
	if (err == OK) {
		sinks_put(&d->hub, &sinks);
		err = edge_prepare(c, wake_events, d, why, &d->edge);
	}
	if (err != OK) {
		event_hub_done(&d->hub);
		event_history_free(d->history);
		conf_put(c);
		return err;
	}
	fwrite(why->p, 1, why->n, stderr); /* warnings */
	why->n = 0;
	bindings_on_expired(d->edge->bindings, on_expired, d);
	backend_init(d);
	return OK;
}

/* Everything up to the first packet. Takes c, on failure too; then nothing runs any more. The
 * threads come last: each has the privileges of the one that made it. */
static enum err start(struct daemon *d, const struct conf *c, struct buf *why)
{
	enum err err = prepare(d, c, why);

	if (err != OK)
		return err;
	/* From here on c is the edge's. */
	err = admin_server_new(&d->loop, c->admin_socket.p, &d->backend, &d->hub, why, &d->admin);
	if (err == OK)
		err = admin_http_new(&d->loop, c, &d->backend, &d->hub, why, &d->http);
	if (err == OK)
		err = sandbox_enter(&d->sandbox, c, why);
	if (err == OK)
		err = sinks_start(d->hub.sinks, d->hub.sink_count, why);
	if (err == OK)
		err = edge_run(d->edge, why);
	if (err != OK) {
		admin_http_free(d->http);
		admin_server_free(d->admin);
		edge_stop(d->edge);
		event_hub_done(&d->hub);
		event_history_free(d->history);
	}
	return err;
}

/* Ends all handles, so that their memory is freed. */
static void stop_loop(struct daemon *d)
{
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&d->loop);
}

/* From a valid configuration, which it takes, to the end of the daemon. d->runner runs. */
static int serve(struct daemon *d, const struct conf *c, struct buf *why)
{
	if (uv_loop_init(&d->loop) != 0) {
		buf_add_lit(why, NO_LOOP);
		conf_put(c);
		return CLI_NO;
	}
	/* First of all but the runner: later there are threads, and no privileges. */
	if (enforce_new(c, &d->enforce) != OK) {
		buf_add_lit(why, "no memory");
		conf_put(c);
		stop_loop(d);
		return CLI_NO;
	}
	if (start(d, c, why) != OK) {
		enforce_stop(d->enforce, true);
		stop_loop(d);
		enforce_free(d->enforce);
		return CLI_NO;
	}
	uv_timer_start(&d->second, on_second, 1000, 1000);
	announce(d);
	enforcement_run(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	stop(d);
	stop_loop(d);
	enforce_free(d->enforce);
	return CLI_OK;
}

/* Sockets, connections and files: as many as the system allows. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int load_and_serve(const char *path)
{
	static char text[WHY_MAX];
	struct buf why = BUF(text);
	struct conf_errors errs;
	struct conf *c = NULL;
	struct daemon d = {.config_path = path};
	int rc;
	enum err err;

	conf_errors_init(&errs);
	err = conf_load(path, &c, &errs);
	print_errors(path, &errs, &why);
	conf_errors_done(&errs);
	fwrite(why.p, 1, why.n, stderr);
	if (err != OK) {
		say("nothing was started: the configuration has errors");
		return CLI_NO;
	}
	why.n = 0;
	if (runner_start(&d.runner, c) != OK) {
		say("cannot start the process that runs programs");
		conf_put(c);
		return CLI_NO;
	}
	rc = serve(&d, c, &why);
	runner_stop(&d.runner);
	if (rc != CLI_OK)
		fprintf(stderr, "ringfence: %.*s\n", (int)why.n, why.p);
	return rc;
}

static int run(int argc, char **argv)
{
	const char *path = CLI_DEFAULT_CONFIG;
	const struct cli_option options[] = {CLI_CONFIG_OPTION(&path)};
	int first, rc = cli_parse(&cli_serve, argc, argv, options, ARRAY_LEN(options), 0, &first);

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	signal(SIGPIPE, SIG_IGN);
	if (webhook_global_init() != OK) {
		say("no memory");
		return CLI_NO;
	}
	raise_limits();
	return load_and_serve(path);
}

const struct cli_command cli_serve = {
    .name = "serve",
    .synopsis = "[-c FILE]",
    .summary = "run the edge in the foreground",
    .run = run,
};
