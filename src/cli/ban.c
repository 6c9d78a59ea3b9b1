/* SPDX-License-Identifier: MIT
 *
 * `ringfence ban` and `ringfence unban`: a person's word about a source. */
#include <stdio.h>

#include "admin/admin.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "cli/source.h"
#include "cli/text.h"
#include "conf/value.h"

#define SHOWN 200

/* The words stand in an event whose room is fixed. */
static int check_words(const char *words)
{
	if (!words || strlen(words) <= ADMIN_WORDS_MAX)
		return CLI_OK;
	fprintf(stderr, "ringfence: --reason: at most %d bytes\n", ADMIN_WORDS_MAX);
	return CLI_USAGE;
}

/* A ban without an end belongs into a firewall: nobody remembers here whom it stops. */
static int read_time(const char *text, uint64_t *out_seconds)
{
	const char *error;
	uint64_t time;

	error = value_duration(span_str(text), &time);
	if (!error && time >= USEC_SEC && time <= ADMIN_BAN_MAX) {
		*out_seconds = time / USEC_SEC;
		return CLI_OK;
	}
	fputs("ringfence: --for \"", stderr);
	text_print_escaped(stderr, span_str(text), 40);
	fputs(
	    "\": must be a time from 1s to 365d, such as 30m, 12h or 7d; every ban ends\n", stderr);
	return CLI_USAGE;
}

static void print_reply(const json_t *reply)
{
	text_print_json(stdout, reply);
}

static int ask_ban(const char *config, json_t *request, bool as_json)
{
	json_t *reply = NULL;
	char text[TEXT_FIGURE_MAX];
	struct buf b = BUF(text);
	int rc = cli_ask(config, request, &reply);

	if (rc == CLI_OK && as_json) {
		print_reply(reply);
	} else if (rc == CLI_OK) {
		text_add_duration(&b, text_number(reply, "expires_in"));
		text_print_escaped(stdout, text_member(reply, "source"), SHOWN);
		printf(" is banned for %.*s\n", SPAN_FMT(buf_span(&b)));
	}
	json_decref(reply);
	return rc;
}

static int run_ban(int argc, char **argv)
{
	const char *config = CLI_DEFAULT_CONFIG, *time = NULL, *words = NULL;
	bool as_json = false;
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&config),
	    {"for", 0, CLI_TEXT, &time},
	    {"reason", 0, CLI_TEXT, &words},
	    CLI_JSON_OPTION(&as_json),
	};
	int first, rc = cli_parse(&cli_ban, argc, argv, options, ARRAY_LEN(options), 1, &first);
	uint64_t seconds = 0;
	json_t *request;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	if (first == argc)
		return cli_usage(&cli_ban);
	if (cli_check_source(argv[first]) != CLI_OK || check_words(words) != CLI_OK ||
	    (time && read_time(time, &seconds) != CLI_OK))
		return CLI_USAGE;
	request = cli_request("ban");
	cli_request_text(request, "source", argv[first]);
	cli_request_text(request, "reason", words);
	if (time)
		json_object_set_new(request, "seconds", json_integer((json_int_t)seconds));
	rc = ask_ban(config, request, as_json);
	json_decref(request);
	return rc;
}

/* What was not banned is a no; that nobody was is none. */
static int ask_unban(const char *config, json_t *request, const char *source, bool as_json)
{
	json_t *reply = NULL;
	int rc = cli_ask(config, request, &reply);
	uint64_t n = text_number(reply, "ended");
	struct span but = text_member(reply, "but");

	if (rc == CLI_OK && as_json)
		print_reply(reply);
	else if (rc == CLI_OK && (n || !source))
		printf("%llu ban%s ended\n", (unsigned long long)n, n == 1 ? "" : "s");
	if (rc == CLI_OK && n == 0 && source) {
		fprintf(stderr, "ringfence: not banned: %s", source);
		if (but.n) {
			fputs(", but ", stderr);
			text_print_escaped(stderr, but, SHOWN);
			fputs(" is", stderr);
		}
		if (json_is_true(json_object_get(reply, "kernel")))
			fputs("; if the kernel still had it, it is taken out there", stderr);
		fputc('\n', stderr);
		rc = CLI_NO;
	}
	json_decref(reply);
	return rc;
}

static int run_unban(int argc, char **argv)
{
	const char *config = CLI_DEFAULT_CONFIG, *words = NULL, *source;
	bool all = false, as_json = false;
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&config),
	    {"all", 0, CLI_FLAG, &all},
	    {"reason", 0, CLI_TEXT, &words},
	    CLI_JSON_OPTION(&as_json),
	};
	int first, rc = cli_parse(&cli_unban, argc, argv, options, ARRAY_LEN(options), 1, &first);
	json_t *request;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	if (all == (first < argc))
		return cli_usage(&cli_unban);
	source = all ? NULL : argv[first];
	if ((source && cli_check_source(source) != CLI_OK) || check_words(words) != CLI_OK)
		return CLI_USAGE;
	request = cli_request("unban");
	cli_request_text(request, "source", source);
	cli_request_text(request, "reason", words);
	if (all)
		json_object_set_new(request, "all", json_true());
	rc = ask_unban(config, request, source, as_json);
	json_decref(request);
	return rc;
}

const struct cli_command cli_ban = {"ban",
    "[-c FILE] [--for TIME] [--reason TEXT] [--json] SOURCE | PREFIX",
    "refuse a source for some time", run_ban};

const struct cli_command cli_unban = {"unban",
    "[-c FILE] [--reason TEXT] [--json] SOURCE | PREFIX | --all", "end a ban, or all of them",
    run_unban};
