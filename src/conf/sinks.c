/* SPDX-License-Identifier: MIT
 *
 * Sinks of events: the place that each writes to, what it takes, and the keys that go with its
 * kind. */
#include <unistd.h>

#include "conf/assemble.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "event/exec_message.h"

#define PORT_SYSLOG 514
#define PORT_HEP    9060
#define NO_TLS      "needs TLS, which this version does not have"

/* Kinds as in the file, in the order of enum conf_sink_kind. */
static const char *const kinds[CONF_SINK_KIND_COUNT] = {
    "file", "stdout", "syslog", "fail2ban", "webhook", "exec", "hep"};

const char *conf_sink_kind_name(enum conf_sink_kind k)
{
	return k < CONF_SINK_KIND_COUNT ? kinds[k] : "unknown";
}

/* Keys that only some kinds understand. */
static const struct {
	const char *key;
	unsigned kinds;
	const char *which; /* in words */
} options[] = {
    {"format", 1u << CONF_SINK_FILE | 1u << CONF_SINK_STDOUT | 1u << CONF_SINK_SYSLOG,
	"file, stdout and syslog"},
    {"facility", 1u << CONF_SINK_SYSLOG, "syslog"},
    {"token_file", 1u << CONF_SINK_WEBHOOK, "webhook"},
    {"ca", 1u << CONF_SINK_WEBHOOK, "webhook"},
    {"allow_private", 1u << CONF_SINK_WEBHOOK, "webhook"},
    {"timeout", 1u << CONF_SINK_WEBHOOK | 1u << CONF_SINK_EXEC, "webhook and exec"},
    {"capture_id", 1u << CONF_SINK_HEP, "hep"},
};

static void wrong(struct assembly *a, const struct node *n, const char *key, const char *why)
{
	assemble_wrong(a, n, "events", SPAN(""), key, why);
}

/* --- the filter --- */

static void set_only(struct assembly *a, const struct node *list, struct event_select *s)
{
	if (list)
		s->only = 0;
	for (const struct node *n = list ? list->children : NULL; n; n = n->next)
		s->only |= 1u << schema_word_index(DRAFT_VERDICTS, n->text);
	if (list && !list->children)
		wrong(a, list, "only", "must name at least one verdict");
}

static void add_reason(struct assembly *a, const struct node *n, struct event_select *s)
{
	enum reason nearest;
	char text[160];
	struct buf why = BUF(text);

	if (event_select_add_reason(s, n->text) == OK)
		return;
	nearest = reason_nearest(n->text);
	buf_add_lit(&why, "no reason begins so");
	if (nearest != REASON_NONE)
		buf_addf(&why, ", did you mean \"%s\"?", reason_name(nearest));
	else
		buf_add_lit(&why, "; `ringfence explain --list` shows all");
	wrong(a, n, "reasons", buf_terminate(&why) ? text : "no reason begins so");
}

static void set_reasons(struct assembly *a, const struct node *list, struct event_select *s)
{
	if (!list)
		return;
	for (const struct node *n = list->kind == NODE_LIST ? list->children : list; n;
	     n = n->next) {
		add_reason(a, n, s);
		if (n == list)
			break;
	}
	if (list->kind == NODE_LIST && !list->children)
		wrong(a, list, "reasons", "must name at least one reason");
}

static void add_tier(struct event_select *s, struct span word)
{
	s->tiers |= 1u << (EVENT_TIER_DENIED + schema_word_index(DRAFT_SINK_TIERS, word));
}

static void set_tiers(struct assembly *a, const struct node *list, struct event_select *s)
{
	if (list && list->kind == NODE_SCALAR)
		add_tier(s, list->text);
	for (const struct node *n = list ? list->children : NULL; n; n = n->next)
		add_tier(s, n->text);
	if (list && list->kind == NODE_LIST && !list->children)
		wrong(a, list, "tiers", "must name at least one tier");
}

/* --- the place --- */

static struct span join(struct assembly *a, const char *before, struct span s)
{
	size_t cap = strlen(before) + s.n + 1;
	char *text = assemble_array(a, cap, 1);
	struct buf b = buf_of(text, text ? cap : 0);

	buf_add_span(&b, span_str(before));
	buf_add_span(&b, s);
	return buf_span(&b);
}

static void set_path(struct assembly *a, const struct node *n, struct conf_sink *s)
{
	if (!n->text.n) {
		wrong(a, n, kinds[s->kind], "must be a path");
		return;
	}
	s->path = assemble_path(a, n->text);
	s->name = s->path;
}

/* HOST:PORT behind the scheme. */
static void set_server(
    struct assembly *a, const struct node *n, struct conf_sink *s, struct span text, uint16_t port)
{
	struct span host;
	value_error error = value_host_port(text, &host, &s->port);

	if (error) {
		wrong(a, n, kinds[s->kind], error);
		return;
	}
	if (host.p[0] == '[')
		host = span_of(host.p + 1, host.n - 2);
	s->host = assemble_dup(a, host);
	s->port = s->port ? s->port : port;
}

static void set_syslog(struct assembly *a, const struct node *n, struct conf_sink *s)
{
	struct span text = n->text;

	s->name = join(a, "syslog ", text);
	if (span_starts(text, SPAN("unix:/"))) {
		s->transport = CONF_SINK_UNIX;
		s->path = assemble_dup(a, span_from(text, text.p + 5));
		if (s->path.n > 107)
			wrong(a, n, "syslog", "is longer than the 107 bytes of a socket's path");
	} else if (span_starts(text, SPAN("udp:")) || span_starts(text, SPAN("tcp:"))) {
		s->transport = text.p[0] == 'u' ? CONF_SINK_UDP : CONF_SINK_TCP;
		set_server(a, n, s, span_from(text, text.p + 4), PORT_SYSLOG);
	} else {
		wrong(a, n, "syslog",
		    span_starts(text, SPAN("tls:"))
			? NO_TLS
			: "must be unix:/dev/log, udp:HOST:PORT or tcp:HOST:PORT");
	}
}

static void set_hep(struct assembly *a, const struct node *n, struct conf_sink *s)
{
	s->name = join(a, "hep ", n->text);
	s->transport = CONF_SINK_UDP;
	if (span_starts(n->text, SPAN("udp:")))
		set_server(a, n, s, span_from(n->text, n->text.p + 4), PORT_HEP);
	else
		wrong(a, n, "hep", "must be udp:HOST:PORT, the address of a capture server");
}

static bool is_loopback_host(struct span host)
{
	struct addr addr;

	return span_ieq(host, SPAN("localhost")) ||
	       (addr_parse_ip(host, &addr) == OK && addr_is_loopback(&addr));
}

static const char *judge_url(struct span url, struct conf_sink *s, struct span *out_host)
{
	const bool secure = span_istarts(url, SPAN("https://"));
	struct span rest, host;
	uint16_t port;

	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '\\' || url.p[i] == '#')
			return "must have printable ASCII only, and no # or \\";
	if (!secure && !span_istarts(url, SPAN("http://")))
		return "must be https://HOST/PATH, or http:// to this machine";
	rest = span_from(url, url.p + (secure ? 8 : 7));
	host = span_of(rest.p, MIN(span_find(rest, '/'), span_find(rest, '?')));
	if (span_find(host, '@') < host.n)
		return "must have no user and password in it: use token_file";
	if (value_host_port(host, out_host, &port))
		return "must have the name or the address of a host, with a port or without";
	s->url_is_loopback = !secure;
	if (!secure && !is_loopback_host(*out_host))
		return "must be https://: without it only this machine (localhost, 127.0.0.1, "
		       "[::1]) may be told";
	return NULL;
}

/* The path of a URL is often its secret: it stands in no name. */
static void set_webhook(struct assembly *a, const struct node *n, struct conf_sink *s)
{
	struct span host = SPAN(""), shown = SPAN("");
	const char *why = judge_url(n->text, s, &host);

	if (host.n)
		shown = span_of(n->text.p, (size_t)(host.p + host.n - n->text.p));
	s->name = join(a, "webhook ", shown);
	if (why)
		conf_errors_report(a->errs, n->line, n->column, "events.webhook: %s", why);
	else
		s->url = assemble_dup(a, n->text);
}

/* Programs are started in another folder. */
static struct span absolute(struct assembly *a, struct span path)
{
	char folder[EXEC_ARG_MAX];
	size_t n;

	if (!path.n || path.p[0] == '/' || !getcwd(folder, sizeof(folder) - 1))
		return path;
	n = strlen(folder);
	if (folder[n - 1] != '/')
		memcpy(folder + n, "/", 2);
	return join(a, folder, path);
}

static const char *judge_argument(struct span s)
{
	if (s.n > EXEC_ARG_MAX)
		return "an argument may have 1024 bytes";
	return span_find(s, '\0') < s.n ? "an argument cannot have a NUL in it" : NULL;
}

/* What it is run with; *out_argc arguments. */
static const struct span *arguments(
    struct assembly *a, const struct node *n, const struct node *program, size_t *out_argc)
{
	const size_t argc = n->kind == NODE_LIST ? n->count : 1;
	struct span *argv = assemble_array(a, argc, sizeof(*argv));
	const struct node *arg = program;
	const char *why = argc > EXEC_ARGS_MAX ? "too many arguments: at most 31" : NULL;

	for (size_t i = 0; argv && i < argc; i++, arg = arg->next) {
		argv[i] =
		    i ? assemble_dup(a, arg->text) : absolute(a, assemble_path(a, program->text));
		why = why ? why : judge_argument(argv[i]);
	}
	if (why)
		conf_errors_report(a->errs, n->line, n->column, "events.exec: %s", why);
	*out_argc = argc;
	return argv;
}

static void set_exec(struct assembly *a, const struct node *n, struct conf_sink *s)
{
	const struct node *program = n->kind == NODE_LIST ? n->children : n;

	if (!program || !program->text.n) {
		wrong(a, n, "exec", "must begin with the path of a program");
		return;
	}
	s->argv = arguments(a, n, program, &s->argc);
	if (!s->argv || !s->argv[0].n)
		return;
	s->path = s->argv[0];
	s->name = join(a, "exec ", s->path);
	if (access(s->path.p, X_OK) != 0)
		conf_errors_warn(a->errs, program->line, program->column,
		    "events.exec \"%s\": is no program that can be run here and now",
		    conf_show(program->text).text);
}

/* Each event is a process. */
static void check_exec_filter(struct assembly *a, const struct draft_sink *d)
{
	if (d->exec && !d->only && !d->reasons && !d->tiers)
		conf_errors_warn(a->errs, d->exec->line, d->exec->column,
		    "events.exec: runs for every event: name those that it is for with "
		    "`reasons`, `only` or `tiers`");
}

static void set_place(
    struct assembly *a, const struct draft_sink *d, const struct node *n, struct conf_sink *s)
{
	switch (s->kind) {
	case CONF_SINK_FILE:
	case CONF_SINK_FAIL2BAN:
		set_path(a, n, s);
		break;
	case CONF_SINK_SYSLOG:
		set_syslog(a, n, s);
		break;
	case CONF_SINK_WEBHOOK:
		set_webhook(a, n, s);
		break;
	case CONF_SINK_EXEC:
		set_exec(a, n, s);
		break;
	case CONF_SINK_HEP:
		set_hep(a, n, s);
		break;
	case CONF_SINK_STDOUT:
	case CONF_SINK_KIND_COUNT:
		s->name = SPAN("stdout");
		break;
	}
	if (d->token_file && d->token_file->text.n)
		s->token_file = assemble_path(a, d->token_file->text);
	if (d->ca && d->ca->text.n)
		s->ca = assemble_path(a, d->ca->text);
}

static void set_format(const struct draft_sink *d, struct conf_sink *s)
{
	static const enum event_format_kind formats[CONF_SINK_KIND_COUNT] = {
	    [CONF_SINK_SYSLOG] = EVENT_FORMAT_SYSLOG,
	    [CONF_SINK_FAIL2BAN] = EVENT_FORMAT_FAIL2BAN,
	    [CONF_SINK_EXEC] = EVENT_FORMAT_EXEC,
	    [CONF_SINK_HEP] = EVENT_FORMAT_HEP,
	};

	s->format = (struct event_format){.kind = formats[s->kind],
	    .cef = d->cef,
	    .facility = (uint8_t)d->facility,
	    .capture_id = d->capture_id};
	if (d->cef && s->format.kind == EVENT_FORMAT_JSON)
		s->format.kind = EVENT_FORMAT_CEF;
}

/* --- the item as a whole --- */

/* Which kind it is; false, reported, when that cannot be said. */
static bool find_kind(struct assembly *a, const struct draft_sink *d, enum conf_sink_kind *out_kind,
    const struct node **out_place)
{
	const struct node *const places[CONF_SINK_KIND_COUNT] = {
	    d->file, NULL, d->syslog, d->fail2ban, d->webhook, d->exec, d->hep};
	const struct node *item = d->entry.node;
	unsigned found = d->to_stdout;

	*out_kind = CONF_SINK_STDOUT;
	*out_place = NULL;
	for (unsigned k = 0; k < CONF_SINK_KIND_COUNT; k++)
		if (places[k]) {
			found++;
			*out_kind = (enum conf_sink_kind)k;
			*out_place = places[k];
		}
	if (found == 1)
		return true;
	conf_errors_report(a->errs, item->line, item->column,
	    "events: each item must have one, and only one, of file, stdout, syslog, fail2ban, "
	    "webhook, exec and hep");
	return false;
}

static void check_options(struct assembly *a, const struct node *item, enum conf_sink_kind kind)
{
	for (const struct node *c = item->children; c; c = c->next)
		for (size_t i = 0; i < ARRAY_LEN(options); i++)
			if (span_eq(c->key, span_str(options[i].key)) &&
			    !(options[i].kinds & 1u << kind))
				conf_errors_report(a->errs, c->key_line, c->key_column,
				    "events.%s: is for %s only: remove it here", options[i].key,
				    options[i].which);
}

/* Metrics and status tell sinks apart by their names. */
static void make_unique(struct assembly *a, size_t i)
{
	struct conf_sink *sinks = (struct conf_sink *)a->conf->sinks;
	const struct span name = sinks[i].name;
	unsigned same = 1;
	char text[16];
	struct buf b = BUF(text);

	for (size_t k = 0; k < i && name.n; k++)
		same += sinks[k].name.n >= name.n && span_starts(sinks[k].name, name) &&
			(sinks[k].name.n == name.n || sinks[k].name.p[name.n] == '#');
	if (same == 1)
		return;
	buf_addf(&b, "#%u", same);
	sinks[i].name = join(a, name.p, buf_span(&b));
}

/* Two writers of one file would tear each other's lines; of anything else two alike say all twice,
 * and a reload could not tell which of them it keeps. */
static void check_twice(struct assembly *a, const struct node *item, size_t i)
{
	const struct conf_sink *sinks = a->conf->sinks, *s = &sinks[i];
	bool by_place = s->kind == CONF_SINK_FILE || s->kind == CONF_SINK_STDOUT ||
			s->kind == CONF_SINK_FAIL2BAN;

	for (size_t k = 0; k < i; k++)
		if (span_eq(sinks[k].text, s->text) ||
		    (by_place && s->name.n && span_eq(sinks[k].name, s->name))) {
			conf_errors_report(a->errs, item->line, item->column,
			    "events: two sinks write to the same place: keep one");
			return;
		}
}

/* Errors of the schema were said already; nothing is added to them. */
static bool has_unknown_keys(const struct node *item)
{
	const struct schema_key *row = schema_find(NULL, SPAN("events"));

	for (const struct node *c = item->children; c; c = c->next)
		if (!schema_find(row, c->key) || schema_find(row, c->key)->type == TYPE_LATER)
			return true;
	return false;
}

static size_t text_size(const struct node *n)
{
	size_t size = n->key.n + n->text.n + 2;

	for (const struct node *c = n->children; c; c = c->next)
		size += text_size(c);
	return size;
}

static void add_text(struct buf *b, const struct node *n)
{
	buf_add_span(b, n->key);
	buf_add_char(b, '\1');
	buf_add_span(b, n->text);
	buf_add_char(b, '\2');
	for (const struct node *c = n->children; c; c = c->next)
		add_text(b, c);
}

static struct span text_of(struct assembly *a, const struct node *item)
{
	size_t size = text_size(item);
	char *text = assemble_array(a, size, 1);
	struct buf b = buf_of(text, text ? size : 0);

	add_text(&b, item);
	return buf_span(&b);
}

static void assemble_sink(
    struct assembly *a, const struct draft_sink *d, size_t i, struct conf_sink *s)
{
	const struct node *item = d->entry.node, *place;

	s->select = event_select_all();
	set_only(a, d->only, &s->select);
	set_reasons(a, d->reasons, &s->select);
	set_tiers(a, d->tiers, &s->select);
	s->queue = d->queue;
	s->timeout = d->timeout;
	s->allow_private = d->allow_private;
	s->text = text_of(a, item);
	if (has_unknown_keys(item) || !find_kind(a, d, &s->kind, &place))
		return;
	set_place(a, d, place, s);
	set_format(d, s);
	check_options(a, item, s->kind);
	check_exec_filter(a, d);
	check_twice(a, item, i);
	make_unique(a, i);
}

void assemble_sinks(struct assembly *a)
{
	const struct draft_list *list = &a->draft->sinks;
	const struct draft_sink *d = list->entries;
	struct conf_sink *sinks = assemble_array(a, list->count, sizeof(*sinks));

	if (!sinks)
		return;
	a->conf->sinks = sinks;
	if (list->count > CONF_SINKS_MAX)
		conf_errors_report(a->errs, d[CONF_SINKS_MAX].entry.node->line,
		    d[CONF_SINKS_MAX].entry.node->column, "events: too many sinks: at most %d",
		    CONF_SINKS_MAX);
	for (size_t i = 0; i < list->count; i++) {
		assemble_sink(a, &d[i], i, &sinks[i]);
		a->conf->sinks_count++;
	}
}
