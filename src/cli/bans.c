/* SPDX-License-Identifier: MIT
 *
 * `ringfence bans`: who is banned, page by page from the daemon. */
#include <stdio.h>

#include "cli/options.h"
#include "cli/pages.h"
#include "cli/setup.h"
#include "cli/source.h"
#include "cli/text.h"

#define SHOWN 200

struct listing {
	bool as_json;
	size_t n;
};

static void print_figures(const json_t *b)
{
	double score = json_number_value(json_object_get(b, "score"));
	uint64_t offences = text_number(b, "offences"), dropped = text_number(b, "dropped");
	char text[128];
	struct buf line = BUF(text);

	if (offences)
		buf_addf(&line, ", offence %llu", (unsigned long long)offences);
	if (score >= 0.05)
		buf_addf(&line, ", score %.1f", score);
	if (dropped)
		buf_addf(&line, ", %llu message%s refused", (unsigned long long)dropped,
		    dropped == 1 ? "" : "s");
	if (line.n)
		printf("        %.*s\n", (int)line.n - 2, line.p + 2);
}

static void print_ban(const json_t *b)
{
	struct span kind = text_member(b, "kind");
	char text[TEXT_FIGURE_MAX], where[TEXT_ENFORCED_MAX];
	struct buf ends = BUF(text), places = BUF(where);

	text_print_escaped(stdout, text_member(b, "source"), SHOWN);
	if (span_eq(kind, SPAN("device")))
		fputs(" (one device behind it)", stdout);
	else if (span_eq(kind, SPAN("flow")))
		fputs(" (this port of it)", stdout);
	fputs("\n    ", stdout);
	text_print_escaped(stdout, text_member(b, "reason"), SHOWN);
	text_add_duration(&ends, text_number(b, "expires_in"));
	printf(", ends in %.*s\n", SPAN_FMT(buf_span(&ends)));
	text_add_enforced(&places, b);
	if (places.n)
		printf("        %.*s\n", SPAN_FMT(buf_span(&places)));
	print_figures(b);
}

static void take_item(void *arg, const json_t *b)
{
	struct listing *l = arg;

	l->n++;
	if (l->as_json) {
		text_print_json(stdout, b);
	} else {
		print_ban(b);
	}
}

static int finish(const struct listing *l, const char *source)
{
	if (source && l->n == 0) {
		fprintf(stderr, "ringfence: not banned: %s\n", source);
		return CLI_NO;
	}
	if (!l->as_json)
		printf("%s%zu ban%s\n", l->n ? "\n" : "", l->n, l->n == 1 ? "" : "s");
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	const char *config = CLI_DEFAULT_CONFIG;
	struct listing l = {0};
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&config), CLI_JSON_OPTION(&l.as_json)};
	int first, rc = cli_parse(&cli_bans, argc, argv, options, ARRAY_LEN(options), 1, &first);
	struct admin_client *c;
	const char *source;
	json_t *request;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	source = first < argc ? argv[first] : NULL;
	if (source && cli_check_source(source) != CLI_OK)
		return CLI_USAGE;
	if (cli_connect(config, &c) != CLI_OK)
		return CLI_NO;
	request = cli_request("bans");
	cli_request_text(request, "source", source);
	rc = cli_each_item(c, request, "bans", take_item, &l);
	json_decref(request);
	admin_client_free(c);
	return rc == CLI_OK ? finish(&l, source) : rc;
}

const struct cli_command cli_bans = {
    "bans", "[-c FILE] [--json] [SOURCE | PREFIX]", "who is banned, why and for how long", run};
