/* SPDX-License-Identifier: MIT */
#include "daemon/sinks.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "event/output_exec.h"
#include "event/output_webhook.h"

_Static_assert(CONF_SINKS_MAX <= EVENT_HUB_SINKS, "room for all sinks of a configuration");

static enum err new_server(const struct conf_sink *s, struct output **out_o)
{
	switch (s->transport) {
	case CONF_SINK_UNIX:
		return output_new_unix(s->path.p, out_o);
	case CONF_SINK_UDP:
		return output_new_udp(s->host.p, s->port, out_o);
	case CONF_SINK_TCP:
		return output_new_tcp(s->host.p, s->port, out_o);
	}
	return ERR_UNSUPPORTED;
}

static enum err new_webhook(const struct conf_sink *s, struct output **out_o)
{
	const struct webhook_setup setup = {.url = s->url.p,
	    .loopback = s->url_is_loopback,
	    .allow_private = s->allow_private,
	    .ca = s->ca.n ? s->ca.p : NULL,
	    .token = s->token_file.n ? s->token_file.p : NULL,
	    .timeout = s->timeout};

	return output_new_webhook(&setup, out_o);
}

static enum err new_exec(const struct conf_sink *s, struct runner *r, struct output **out_o)
{
	const struct exec_program p = program_of(s);

	return output_new_exec(&p, runner_open, r, out_o);
}

static enum err new_output(const struct conf_sink *s, struct runner *r, struct output **out_o)
{
	switch (s->kind) {
	case CONF_SINK_FILE:
	case CONF_SINK_FAIL2BAN:
		return output_new_file(s->path.p, out_o);
	case CONF_SINK_STDOUT:
		return output_new_fd(STDOUT_FILENO, out_o);
	case CONF_SINK_SYSLOG:
	case CONF_SINK_HEP:
		return new_server(s, out_o);
	case CONF_SINK_WEBHOOK:
		return new_webhook(s, out_o);
	case CONF_SINK_EXEC:
		return new_exec(s, r, out_o);
	case CONF_SINK_KIND_COUNT:
		break;
	}
	return ERR_UNSUPPORTED;
}

/* The runner would refuse it, too, but only once there is an event. */
static enum err may_run(
    const struct conf *c, const struct conf_sink *s, const struct runner *r, struct buf *why)
{
	struct exec_program p;

	if (s->kind != CONF_SINK_EXEC)
		return OK;
	p = program_of(s);
	return program_rules_check(&r->rules, c, &p, why);
}

static enum err open_sink(const struct conf *c, const struct conf_sink *s, struct runner *r,
    struct event_sink **out_s, struct buf *why)
{
	struct event_sink_setup setup = {.name = s->name.p,
	    .kind = conf_sink_kind_name(s->kind),
	    .fingerprint = s->text,
	    .buffer = s->queue,
	    .select = s->select,
	    .format = s->format};
	struct output *o;
	enum err e = may_run(c, s, r, why);

	if (e != OK)
		return e;
	e = new_output(s, r, &o);
	if (e == OK)
		e = event_sink_new(&setup, o, out_s);
	if (e != OK && e != ERR_NOMEM && s->kind == CONF_SINK_WEBHOOK)
		buf_addf(why, "cannot use token_file %s: %s", s->token_file.p,
		    e == ERR_IO ? strerror(errno) : "its first line is no token");
	else if (e == ERR_IO && s->kind == CONF_SINK_EXEC)
		buf_addf(why,
		    "cannot run %s for events: the process that runs programs is gone (%m): "
		    "restart ringfence",
		    s->path.p);
	else if (e == ERR_IO)
		buf_addf(why, "cannot open %s for events: %m", s->name.p);
	else if (e != OK)
		buf_addf(why, "cannot open %s for events: %s", s->name.p, err_text(e));
	return e;
}

static struct event_sink *find_kept(const struct event_hub *h, struct span text)
{
	for (unsigned i = 0; i < h->sink_count; i++)
		if (span_eq(event_sink_fingerprint(h->sinks[i]), text))
			return h->sinks[i];
	return NULL;
}

enum err sinks_open(const struct conf *c, struct runner *r, const struct event_hub *h,
    struct sinks *out_s, struct buf *why)
{
	struct sinks made = {.count = 0};
	enum err err = OK;

	for (size_t i = 0; i < c->sinks_count && err == OK; i++) {
		struct event_sink *s = find_kept(h, c->sinks[i].text);

		made.kept[made.count] = s != NULL;
		if (!s)
			err = open_sink(c, &c->sinks[i], r, &s, why);
		if (err == OK)
			made.list[made.count++] = s;
	}
	if (err == OK)
		*out_s = made;
	else
		sinks_close(&made);
	return err;
}

enum err sinks_start(struct event_sink *const *list, unsigned count, struct buf *why)
{
	for (unsigned i = 0; i < count; i++)
		if (event_sink_start(list[i]) != OK) {
			buf_addf(why, "no thread for events to %s: see `ulimit -u`",
			    event_sink_name(list[i]));
			return ERR_IO;
		}
	return OK;
}

void sinks_close(struct sinks *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (!s->kept[i])
			event_sink_free(s->list[i]);
	s->count = 0;
}

void sinks_put(struct event_hub *h, struct sinks *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->kept[i])
			event_sink_reopen(s->list[i]);
	event_hub_take_sinks(h, s->list, s->count);
}

void sinks_watch(struct event_hub *h)
{
	for (unsigned i = 0; i < h->sink_count; i++) {
		struct event_sink_stats st;

		if (!event_sink_news(h->sinks[i], &st))
			continue;
		if (st.error)
			fprintf(stderr, "ringfence: events to %s fail: %s\n",
			    event_sink_name(h->sinks[i]), st.why);
		else
			fprintf(stderr, "ringfence: events to %s work again\n",
			    event_sink_name(h->sinks[i]));
	}
}
