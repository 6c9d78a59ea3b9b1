/* SPDX-License-Identifier: MIT
 *
 * `ringfence events`: the last events from the file that the configuration names, which needs no
 * daemon; with --follow, those that happen from now on, from the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/event_line.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "cli/tail.h"
#include "cli/text.h"

#define LAST_DEFAULT 20
#define LAST_MAX     100000

struct request {
	const char *config, *reason, *source, *account;
	unsigned last;
	bool follow, as_json;
	struct event_filter filter;
};

static void print_event(const struct request *r, const json_t *event)
{
	char text[EVENT_LINE_MAX];
	struct buf b = BUF(text);

	if (r->as_json) {
		text_print_json(stdout, event);
	} else {
		event_line_add(&b, event);
		buf_add_char(&b, '\n');
		fwrite(b.p, 1, b.n, stdout);
	}
}

/* The events wanted, collected from the last to the first. */
struct collection {
	const struct request *r;
	json_t **events;
	size_t n;
	size_t not_events;
};

static bool collect(void *arg, struct span line)
{
	struct collection *c = arg;
	json_t *event = json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);

	if (!json_is_object(event))
		c->not_events++;
	if (json_is_object(event) && event_line_allowed(&c->r->filter, event))
		c->events[c->n++] = event;
	else
		json_decref(event);
	return c->n < c->r->last;
}

static int print_last(const struct request *r, int fd, const char *path)
{
	struct collection c = {.r = r, .events = calloc(r->last, sizeof(json_t *))};
	enum err e = c.events ? tail_read(fd, collect, &c) : ERR_NOMEM;

	for (size_t i = c.n; i-- > 0;) {
		print_event(r, c.events[i]);
		json_decref(c.events[i]);
	}
	free(c.events);
	if (e != OK)
		fprintf(stderr, "ringfence: %s: %s\n", path,
		    e == ERR_IO ? strerror(errno) : err_text(e));
	if (c.not_events)
		fprintf(stderr, "ringfence: %s: %zu lines are no events\n", path, c.not_events);
	return e == OK ? CLI_OK : CLI_NO;
}

static const struct conf_sink *file_sink(const struct conf *conf)
{
	for (size_t i = 0; i < conf->sinks_count; i++)
		if (conf->sinks[i].kind == CONF_SINK_FILE)
			return &conf->sinks[i];
	return NULL;
}

/* With --follow the past is a courtesy: that there is no file is no error then. */
static int show_past(const struct request *r)
{
	const struct conf_sink *sink;
	struct conf *conf;
	int fd, rc = CLI_OK;

	if (cli_load_config(r->config, &conf) != CLI_OK)
		return CLI_NO;
	sink = file_sink(conf);
	fd = sink ? open(sink->path.p, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		rc = print_last(r, fd, sink->path.p);
		close(fd);
	} else if (!r->follow && sink) {
		fprintf(stderr, "ringfence: %s: %s\n", sink->path.p, strerror(errno));
		rc = CLI_NO;
	} else if (!r->follow) {
		fputs("ringfence: the configuration writes no events to a file; `ringfence events "
		      "--follow` shows them live\n",
		    stderr);
		rc = CLI_NO;
	}
	conf_put(conf);
	return rc;
}

static void print_live(const struct request *r, const json_t *line)
{
	const json_t *lost = json_object_get(line, "lost");

	if (lost)
		fprintf(stderr, "ringfence: %lld events left out: this reader is too slow\n",
		    (long long)json_integer_value(lost));
	else
		print_event(r, line);
	fflush(stdout);
}

static int stream(const struct request *r, struct admin_client *c)
{
	bool begun = false;
	enum err e;

	for (;;) {
		json_t *line = NULL;

		e = admin_client_next(c, begun ? -1 : ADMIN_TIMEOUT_MS, &line);
		if (e != OK || ferror(stdout))
			break;
		if (begun) {
			print_live(r, line);
		} else if (!json_is_true(json_object_get(line, "ok"))) {
			fputs("ringfence: ", stderr);
			text_print_escaped(stderr, text_member(line, "error"), 200);
			fputc('\n', stderr);
			json_decref(line);
			return CLI_NO;
		}
		begun = true;
		json_decref(line);
	}
	fprintf(stderr, "ringfence: the daemon is gone: %s\n", err_text(e));
	return CLI_NO;
}

/* The connection is made before the past is shown, so that nothing falls between the two. */
static int follow(const struct request *r)
{
	json_t *request = cli_request("events");
	struct admin_client *c;
	int rc = CLI_NO;

	cli_request_text(request, "reason", r->reason);
	cli_request_text(request, "source", r->source);
	cli_request_text(request, "account", r->account);
	if (cli_connect(r->config, &c) == CLI_OK) {
		if (admin_client_send(c, request) != OK)
			fputs("ringfence: the daemon is gone\n", stderr);
		else if (r->last == 0 || show_past(r) == CLI_OK)
			rc = stream(r, c);
		admin_client_free(c);
	}
	json_decref(request);
	return rc;
}

static int set_filter(struct request *r)
{
	if (event_filter_set_reason(&r->filter, span_str(r->reason)) != OK) {
		enum reason nearest = reason_nearest(span_str(r->reason));

		fputs("ringfence: no reason begins with `", stderr);
		text_print_escaped(stderr, span_str(r->reason), 60);
		if (nearest != REASON_NONE)
			fprintf(stderr, "`; did you mean `%s`?\n", reason_name(nearest));
		else
			fputs("`; `ringfence explain --list` shows all\n", stderr);
		return CLI_USAGE;
	}
	if (event_filter_set_source(&r->filter, span_str(r->source)) != OK) {
		fputs(
		    "ringfence: --source must be an address or a prefix: 192.0.2.7, 192.0.2.0/24, "
		    "2001:db8::/32\n",
		    stderr);
		return CLI_USAGE;
	}
	if (event_filter_set_account(&r->filter, span_str(r->account)) != OK) {
		fputs("ringfence: --account is too long\n", stderr);
		return CLI_USAGE;
	}
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	struct request r = {.config = CLI_DEFAULT_CONFIG, .last = LAST_DEFAULT};
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&r.config),
	    CLI_JSON_OPTION(&r.as_json),
	    {"follow", 'f', CLI_FLAG, &r.follow},
	    {"lines", 'n', CLI_NUMBER, &r.last},
	    {"reason", 0, CLI_TEXT, &r.reason},
	    {"source", 0, CLI_TEXT, &r.source},
	    {"account", 0, CLI_TEXT, &r.account},
	};
	int first, rc = cli_parse(&cli_events, argc, argv, options, ARRAY_LEN(options), 0, &first);

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	rc = set_filter(&r);
	if (rc != CLI_OK)
		return rc;
	r.last = MIN(r.last, (unsigned)LAST_MAX);
	if (r.follow)
		return follow(&r);
	return r.last ? show_past(&r) : CLI_OK;
}

const struct cli_command cli_events = {"events",
    "[-c FILE] [--follow] [-n N] [--json]\n"
    "       [--reason REASON] [--source ADDRESS] [--account USER@DOMAIN]",
    "what was decided, and why: the last events, or live", run};
