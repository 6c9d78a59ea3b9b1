/* SPDX-License-Identifier: MIT
 *
 * `ringfence why`: the story of a source, an account or a call, from the running daemon's memory
 * and from the files of events. Works with either. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/options.h"
#include "cli/reason_keys.h"
#include "cli/setup.h"
#include "cli/text.h"
#include "cli/why_files.h"
#include "cli/why_text.h"
#include "conf/value.h"

#define TEXT_BYTES ((size_t)4 << 20)
#define ASKED_BANS 5

struct request {
	const char *config, *about, *since_text;
	bool as_json, source, account, call;
	unsigned lines;
	usec_t since, now;
	struct conf *conf;
	struct admin_client *client; /* NULL: no daemon runs */
	struct why_files files;
};

static usec_t wall_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

/* ---- what it is about ---- */

static bool is_source(struct span about)
{
	struct prefix p;

	return prefix_parse(about, &p) == OK;
}

/* "sip:alice@example.com" is what people copy. */
static struct span without_scheme(struct span about)
{
	if (span_istarts(about, SPAN("sip:")))
		return span_of(about.p + 4, about.n - 4);
	if (span_istarts(about, SPAN("sips:")))
		return span_of(about.p + 5, about.n - 5);
	return about;
}

/* The kinds to be tried, one after the other, until something is known. */
static size_t kinds_of(const struct request *r, struct span about, enum why_kind kinds[static 2])
{
	size_t n = 0;

	if (r->source || (!r->account && !r->call && is_source(about)))
		kinds[n++] = WHY_SOURCE;
	if (r->account || (!n && !r->call && span_find(about, '@') < about.n))
		kinds[n++] = WHY_ACCOUNT;
	if (r->call || (!r->source && !r->account && (!n || kinds[0] == WHY_ACCOUNT)))
		kinds[n++] = WHY_CALL;
	return n;
}

/* ---- gathering ---- */

/* Which of the sources that named an account are banned now. */
static void ask_bans(const struct request *r, struct why_story *s)
{
	struct why_names *names = malloc(sizeof(*names));

	if (!names)
		return;
	s->banned = json_object();
	why_names(s, names);
	for (size_t i = 0; i < names->n && i < ASKED_BANS; i++) {
		json_t *request = cli_request("standing"), *reply = NULL;

		cli_request_text(request, "source", names->list[i].text);
		if (admin_client_send(r->client, request) == OK &&
		    admin_client_next(r->client, ADMIN_TIMEOUT_MS, &reply) == OK &&
		    text_number(reply, "banned_for"))
			json_object_set_new(s->banned, names->list[i].text,
			    json_integer((json_int_t)text_number(reply, "banned_for")));
		json_decref(request);
		json_decref(reply);
	}
	free(names);
}

/* The prefix by whose ban it is refused, as a member of what the daemon said. */
static void ask_prefix(const struct request *r, struct why_story *s)
{
	const json_t *standing = json_object_get(s->present, "standing");
	json_t *request, *reply = NULL, *ban;
	size_t i;

	if (!json_is_true(json_object_get(standing, "prefix_banned")))
		return;
	request = cli_request("bans");
	cli_request_text(request, "source", r->about);
	if (admin_client_send(r->client, request) == OK)
		(void)!admin_client_next(r->client, ADMIN_TIMEOUT_MS, &reply);
	json_array_foreach(json_object_get(reply, "bans"), i, ban)
	{
		if (!span_eq(text_member(ban, "kind"), SPAN("prefix")))
			continue;
		json_object_set(s->present, "prefix_ban", ban);
		break;
	}
	json_decref(request);
	json_decref(reply);
}

static enum err gather(
    struct request *r, enum why_kind kind, struct span about, struct why_story *s)
{
	enum err e;

	if (kind == WHY_ACCOUNT)
		about = without_scheme(about);
	e = why_story_init(s, kind, about, r->since);
	if (e != OK)
		return e;
	s->conf = r->conf;
	if (r->client)
		e = why_story_ask(s, r->client);
	if (e != OK) {
		fprintf(stderr, "ringfence: the daemon did not answer: %s\n", err_text(e));
		admin_client_free(r->client);
		r->client = NULL;
	}
	why_files_read(s, &r->files);
	why_story_finish(s);
	if (r->client && kind != WHY_SOURCE)
		ask_bans(r, s);
	else if (r->client)
		ask_prefix(r, s);
	return OK;
}

/* ---- answers ---- */

static int tell_nothing(const struct request *r, const struct why_story *s)
{
	static const char *const meaning[] = {
	    [WHY_SOURCE] = "it sent nothing that was refused or changed anything, or too long ago",
	    [WHY_ACCOUNT] = "nobody logged in to it or tried to, or too long ago; "
			    "`ringfence user list` shows which accounts there are",
	    [WHY_CALL] = "no message with this Call-ID was refused or let through, or too long "
			 "ago; an account is written user@domain",
	};

	char text[1024];
	struct buf b = BUF(text);

	buf_add_lit(&b, "nothing is known of ");
	buf_add_escaped(&b, s->about, 100);
	buf_addf(&b, ": %s%s", meaning[s->kind],
	    r->client ? "" : " (only the files were looked at: no daemon runs)");
	text_print_wrapped(stdout, buf_span(&b), 0);
	return CLI_NO;
}

static int print_text(const struct request *r, const struct why_story *s)
{
	char *text = malloc(TEXT_BYTES);
	struct buf b = buf_of(text, text ? TEXT_BYTES : 0);
	const struct why_text o = {
	    .now = r->now, .lines = r->lines, .from_files = r->files.read > 0};

	why_text_add(&b, s, &o);
	fwrite(b.p, 1, b.n, stdout);
	free(text);
	if (b.overflow)
		fputs("ringfence: not all of it fits: -n shows fewer entries\n", stderr);
	if (r->files.cut)
		fputs("ringfence: the files hold more: only the last GiB was looked at\n", stderr);
	return CLI_OK;
}

static json_t *names_json(const struct why_story *s)
{
	struct why_names *names = malloc(sizeof(*names));
	json_t *list = json_array();

	if (names)
		why_names(s, names);
	for (size_t i = 0; names && i < names->n; i++) {
		json_t *o = json_object();

		json_object_set_new(o, s->kind == WHY_SOURCE ? "account" : "source",
		    json_string(names->list[i].text));
		json_object_set_new(o, "count", json_integer((json_int_t)names->list[i].count));
		json_array_append_new(list, o);
	}
	free(names);
	return list;
}

static json_t *events_json(const struct request *r, const struct why_story *s)
{
	const json_t *weights = json_object_get(json_object_get(s->present, "policy"), "weights");
	size_t from = s->n > r->lines ? s->n - r->lines : 0;
	json_t *list = json_array();

	for (size_t i = from; i < s->n; i++) {
		json_t *e = s->items[i].event;
		enum reason reason = REASON_NONE;

		(void)!reason_parse(text_member(e, "reason"), &reason);
		json_object_set_new(e, "weight",
		    json_integer(weights ? (json_int_t)text_number(weights, reason_name(reason))
					 : reason_weight(reason, r->conf)));
		if (!json_object_get(e, "count"))
			json_object_set_new(e, "count", json_integer(1));
		json_array_append(list, e);
	}
	return list;
}

static int print_json(const struct request *r, const struct why_story *s)
{
	static const char *const kinds[] = {"source", "account", "call"};
	static const char *const members[] = {
	    "now", "standing", "prefix_ban", "account", "registrations", "policy", "history"};
	json_t *o = json_object(), *list = json_array();
	struct why_changes changes;

	why_changes(s, r->now, &changes);
	for (size_t i = 0; i < changes.n; i++)
		json_array_append_new(list, json_string(changes.text[i]));
	json_object_set_new(o, "about", json_stringn(s->about.p, s->about.n));
	json_object_set_new(o, "kind", json_string(kinds[s->kind]));
	json_object_set_new(o, "found", json_boolean(why_story_found(s)));
	json_object_set_new(o, "daemon", json_boolean(s->present != NULL));
	json_object_set_new(o, "files", json_integer((json_int_t)r->files.read));
	json_object_set_new(o, "left_out",
	    json_integer((json_int_t)(s->left_out + (s->n > r->lines ? s->n - r->lines : 0))));
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (json_object_get(s->present, members[i]))
			json_object_set(o, members[i], json_object_get(s->present, members[i]));
	json_object_set_new(o, "events", events_json(r, s));
	json_object_set_new(o, s->kind == WHY_SOURCE ? "accounts" : "sources", names_json(s));
	if (s->banned)
		json_object_set(o, "banned", s->banned);
	json_object_set_new(o, "changes", list);
	text_print_json(stdout, o);
	json_decref(o);
	return why_story_found(s) ? CLI_OK : CLI_NO;
}

static int tell(struct request *r)
{
	struct span about = span_str(r->about);
	struct why_story s = {0};
	enum why_kind kinds[2];
	size_t n = kinds_of(r, about, kinds);
	int rc;

	for (size_t i = 0; i < n; i++) {
		why_story_done(&s);
		if (gather(r, kinds[i], about, &s) != OK) {
			fputs("ringfence: --source must be followed by an address or a prefix: "
			      "192.0.2.7, 192.0.2.0/24\n",
			    stderr);
			return CLI_USAGE;
		}
		if (why_story_found(&s))
			break;
	}
	if (r->as_json)
		rc = print_json(r, &s);
	else
		rc = why_story_found(&s) ? print_text(r, &s) : tell_nothing(r, &s);
	why_story_done(&s);
	return rc;
}

/* ---- the command ---- */

static int check(struct request *r)
{
	uint64_t since = 0;
	value_error error = r->since_text ? value_duration(span_str(r->since_text), &since) : NULL;

	if (r->source + r->account + r->call > 1) {
		fputs("ringfence: only one of --source, --account and --call-id\n", stderr);
		return CLI_USAGE;
	}
	if (error) {
		fprintf(stderr, "ringfence: --since %s, like 30m or 24h\n", error);
		return CLI_USAGE;
	}
	if (!*r->about || strlen(r->about) > 512) {
		fputs("ringfence: about whom? An address, user@domain or a Call-ID\n", stderr);
		return CLI_USAGE;
	}
	r->now = wall_now();
	r->since = since ? r->now - MIN(since, r->now) : 0;
	return CLI_OK;
}

/* A daemon that does not run is no fault: the files are there all the same. Nor is a configuration
 * that somebody is just editing, while the daemon runs. */
static int connect_daemon(struct request *r)
{
	char text[1024];
	struct buf why = BUF(text);

	if (cli_load_config(r->config, &r->conf) != CLI_OK)
		return cli_connect(r->config, &r->client);
	if (admin_client_new(r->conf->admin_socket.p, &why, &r->client) != OK)
		fprintf(stderr, "ringfence: %.*s; only the files of events are looked at\n",
		    SPAN_FMT(buf_span(&why)));
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	struct request r = {.config = CLI_DEFAULT_CONFIG, .lines = WHY_TEXT_LINES};
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&r.config),
	    CLI_JSON_OPTION(&r.as_json),
	    {"lines", 'n', CLI_NUMBER, &r.lines},
	    {"since", 0, CLI_TEXT, &r.since_text},
	    {"source", 0, CLI_FLAG, &r.source},
	    {"account", 0, CLI_FLAG, &r.account},
	    {"call-id", 0, CLI_FLAG, &r.call},
	};
	int first, rc = cli_parse(&cli_why, argc, argv, options, ARRAY_LEN(options), 1, &first);

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	if (first == argc)
		return cli_usage(&cli_why);
	r.about = argv[first];
	rc = check(&r);
	if (rc != CLI_OK)
		return rc;
	if (connect_daemon(&r) != CLI_OK)
		return CLI_NO;
	rc = tell(&r);
	admin_client_free(r.client);
	conf_put(r.conf);
	return rc;
}

const struct cli_command cli_why = {"why",
    "[-c FILE] [-n N] [--since TIME] [--json]\n"
    "       [--source | --account | --call-id] ADDRESS | USER@DOMAIN | CALL-ID",
    "why something was refused: the story of a source, an account or a call", run};
