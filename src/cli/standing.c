/* SPDX-License-Identifier: MIT
 *
 * `ringfence standing`: what the judge holds for and against one source, and what follows from it.
 */
#include <stdio.h>

#include "cli/options.h"
#include "cli/setup.h"
#include "cli/source.h"
#include "cli/text.h"

#define SHOWN 200

/* "label           12 min 5 s" with what follows. */
static void print_time(const char *label, uint64_t seconds, const char *after)
{
	char text[TEXT_FIGURE_MAX];
	struct buf b = BUF(text);

	text_add_duration(&b, seconds);
	printf("%-16s%.*s%s\n", label, SPAN_FMT(buf_span(&b)), after);
}

static void print_verdict(const json_t *st)
{
	struct span exempt = text_member(st, "exempt");
	struct span reason = text_member(st, "reason");
	uint64_t banned = text_number(st, "banned_for"), held = text_number(st, "held_for");

	if (exempt.n) {
		fputs("exempt          ", stdout);
		text_print_escaped(stdout, exempt, SHOWN);
		fputs(": never banned\n", stdout);
	}
	if (banned && exempt.n)
		print_time("banned for", banned, ", but not in force: it is exempt");
	else if (banned)
		print_time("banned for", banned,
		    json_is_true(json_object_get(st, "manual")) ? ", by hand" : "");
	if (json_is_true(json_object_get(st, "prefix_banned")))
		fputs("banned          with its prefix: see `ringfence bans`\n", stdout);
	if (held)
		print_time("held for", held, " more, unless it goes on: it sent too much");
	if (text_number(st, "suspect_for"))
		print_time("suspect for", text_number(st, "suspect_for"), "");
	if (reason.n) {
		fputs("last reason     ", stdout);
		text_print_escaped(stdout, reason, SHOWN);
		putchar('\n');
	}
}

static void print_score(const json_t *st)
{
	double unproven = json_number_value(json_object_get(st, "unproven_score"));

	printf("score           %.1f (suspect from %llu, banned from %llu)\n",
	    json_number_value(json_object_get(st, "score")),
	    (unsigned long long)text_number(st, "suspect"),
	    (unsigned long long)text_number(st, "deny"));
	if (unproven >= 0.05)
		printf("unproven score  %.1f, of messages that may be forged: they ban nobody\n",
		    unproven);
}

static void print_figures(const json_t *st)
{
	printf("offences        %llu\n", (unsigned long long)text_number(st, "offences"));
	printf("failed log-ins  %llu of late\n", (unsigned long long)text_number(st, "failures"));
	printf("devices         %llu known, %llu refused of late\n",
	    (unsigned long long)text_number(st, "accounts"),
	    (unsigned long long)text_number(st, "devices"));
	if (text_number(st, "dropped"))
		printf("refused unread  %llu\n", (unsigned long long)text_number(st, "dropped"));
	if (text_number(st, "known_for"))
		print_time("known for", text_number(st, "known_for"), " more, by a log-in");
	if (json_is_integer(json_object_get(st, "seen_ago")))
		print_time("last seen", text_number(st, "seen_ago"), " ago");
}

static void print_standing(const json_t *st)
{
	fputs("source          ", stdout);
	text_print_escaped(stdout, text_member(st, "source"), SHOWN);
	fputs("\ntier            ", stdout);
	text_print_escaped(stdout, text_member(st, "tier"), SHOWN);
	printf(", %s\n", json_is_true(json_object_get(st, "proven"))
			     ? "proven: it receives at its address"
			     : "not proven: its address may be forged");
	print_verdict(st);
	if (!json_is_true(json_object_get(st, "found"))) {
		puts("nothing is known of it");
		return;
	}
	print_score(st);
	print_figures(st);
}

static int run(int argc, char **argv)
{
	const char *config = CLI_DEFAULT_CONFIG;
	bool as_json = false;
	const struct cli_option options[] = {CLI_CONFIG_OPTION(&config), CLI_JSON_OPTION(&as_json)};
	int first,
	    rc = cli_parse(&cli_standing, argc, argv, options, ARRAY_LEN(options), 1, &first);
	json_t *request, *reply = NULL;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	if (first == argc)
		return cli_usage(&cli_standing);
	if (cli_check_address(argv[first]) != CLI_OK)
		return CLI_USAGE;
	request = cli_request("standing");
	cli_request_text(request, "source", argv[first]);
	rc = cli_ask(config, request, &reply);
	if (rc == CLI_OK && as_json) {
		text_print_json(stdout, reply);
	} else if (rc == CLI_OK) {
		print_standing(reply);
	}
	json_decref(request);
	json_decref(reply);
	return rc;
}

const struct cli_command cli_standing = {"standing", "[-c FILE] [--json] ADDRESS[:PORT]",
    "what is known of a source, and what follows from it", run};
