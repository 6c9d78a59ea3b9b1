/* SPDX-License-Identifier: MIT
 *
 * `ringfence registrations`: who is registered, page by page from the daemon. */
#include <stdio.h>

#include "cli/options.h"
#include "cli/pages.h"
#include "cli/setup.h"
#include "cli/text.h"

#define SHOWN 200

struct listing {
	bool as_json;
	size_t bindings, accounts;
	char last[512]; /* the AoR above, so that each is written once */
	size_t last_n;
};

static bool is_new_aor(struct listing *l, struct span aor)
{
	if (l->accounts && span_eq(aor, span_of(l->last, l->last_n)))
		return false;
	l->last_n = MIN(aor.n, sizeof(l->last));
	memcpy(l->last, aor.p, l->last_n);
	l->accounts++;
	return true;
}

static void print_binding(struct listing *l, const json_t *b)
{
	struct span agent = text_member(b, "user_agent");
	char text[TEXT_FIGURE_MAX];
	struct buf expires = BUF(text);

	if (is_new_aor(l, text_member(b, "aor"))) {
		text_print_escaped(stdout, text_member(b, "aor"), SHOWN);
		putchar('\n');
	}
	fputs("    ", stdout);
	text_print_escaped(stdout, text_member(b, "contact"), SHOWN);
	fputs("\n        ", stdout);
	text_print_escaped(stdout, text_member(b, "transport"), SHOWN);
	putchar(' ');
	text_print_escaped(stdout, text_member(b, "source"), SHOWN);
	text_add_duration(&expires, text_number(b, "expires_in"));
	printf(", expires in %.*s", SPAN_FMT(buf_span(&expires)));
	if (agent.n) {
		fputs(", ", stdout);
		text_print_escaped(stdout, agent, SHOWN);
	}
	putchar('\n');
}

static void take_item(void *arg, const json_t *b)
{
	struct listing *l = arg;

	l->bindings++;
	if (l->as_json) {
		text_print_json(stdout, b);
	} else {
		print_binding(l, b);
	}
}

static int finish(const struct listing *l, const char *aor)
{
	if (aor && l->bindings == 0) {
		fputs("ringfence: not registered: ", stderr);
		text_print_escaped(stderr, span_str(aor), SHOWN);
		fputc('\n', stderr);
		return CLI_NO;
	}
	if (!l->as_json)
		printf("%s%zu registration%s of %zu account%s\n", l->bindings ? "\n" : "",
		    l->bindings, l->bindings == 1 ? "" : "s", l->accounts,
		    l->accounts == 1 ? "" : "s");
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	const char *config = CLI_DEFAULT_CONFIG;
	struct listing l = {0};
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&config), CLI_JSON_OPTION(&l.as_json)};
	int first,
	    rc = cli_parse(&cli_registrations, argc, argv, options, ARRAY_LEN(options), 1, &first);
	struct admin_client *c;
	const char *aor;
	json_t *request;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	aor = first < argc ? argv[first] : NULL;
	if (cli_connect(config, &c) != CLI_OK)
		return CLI_NO;
	request = cli_request("registrations");
	cli_request_text(request, "aor", aor);
	rc = cli_each_item(c, request, "registrations", take_item, &l);
	json_decref(request);
	admin_client_free(c);
	return rc == CLI_OK ? finish(&l, aor) : rc;
}

const struct cli_command cli_registrations = {"registrations", "[-c FILE] [--json] [USER@DOMAIN]",
    "which phones are registered, and where they are reached", run};
