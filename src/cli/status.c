/* SPDX-License-Identifier: MIT
 *
 * `ringfence status`: how the daemon is, on one screen of 80 columns. */
#include <stdio.h>

#include "cli/options.h"
#include "cli/setup.h"
#include "cli/status_enforcement.h"
#include "cli/status_judge.h"
#include "cli/status_privileges.h"
#include "cli/text.h"

#define SHOWN      160
#define REASON_TOP 15

static void print_head(const json_t *st)
{
	char up_text[TEXT_FIGURE_MAX], ago_text[TEXT_FIGURE_MAX];
	struct buf up = BUF(up_text), ago = BUF(ago_text);

	text_add_duration(&up, text_number(st, "uptime"));
	text_add_duration(&ago, text_number(st, "configured_ago"));
	fputs("ringfence ", stdout);
	text_print_escaped(stdout, text_member(st, "version"), SHOWN);
	fputs(" on ", stdout);
	text_print_escaped(stdout, text_member(st, "node"), SHOWN);
	printf(", process %llu, up %.*s, %llu worker%s\n",
	    (unsigned long long)text_number(st, "pid"), SPAN_FMT(buf_span(&up)),
	    (unsigned long long)text_number(st, "workers"),
	    text_number(st, "workers") == 1 ? "" : "s");
	fputs("configuration   ", stdout);
	text_print_escaped(stdout, text_member(st, "config"), SHOWN);
	printf(", read %.*s ago\n", SPAN_FMT(buf_span(&ago)));
}

static void print_listeners(const json_t *st)
{
	const json_t *list = json_object_get(st, "listeners");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *l = json_array_get(list, i);

		printf("%-16s", i == 0 ? "listening" : "");
		text_print_escaped(stdout, text_member(l, "listen"), SHOWN);
		fputs(" in zone ", stdout);
		text_print_escaped(stdout, text_member(l, "zone"), SHOWN);
		putchar('\n');
	}
}

static uint64_t counter(const json_t *st, const char *name)
{
	return text_number(json_object_get(st, "counters"), name);
}

/* The sum of the counters whose names begin so and end with a transport. */
static uint64_t over_transports(const json_t *st, const char *what)
{
	static const char *const transports[] = {"udp", "tcp", "tls", "ws", "wss"};
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s.%s", what, transports[i]);
		sum += counter(st, name);
	}
	return sum;
}

static void print_traffic(const json_t *st)
{
	const json_t *rate = json_object_get(st, "messages_per_second");

	printf("messages        %.1f/s in, %.1f/s out; since the start %llu in, %llu out\n",
	    json_number_value(json_object_get(rate, "received")),
	    json_number_value(json_object_get(rate, "sent")),
	    (unsigned long long)over_transports(st, "received"),
	    (unsigned long long)over_transports(st, "sent"));
	printf("verdicts        pass %llu, challenge %llu, reply %llu, drop %llu, observed %llu\n",
	    (unsigned long long)counter(st, "verdicts.pass"),
	    (unsigned long long)counter(st, "verdicts.challenge"),
	    (unsigned long long)counter(st, "verdicts.reply"),
	    (unsigned long long)counter(st, "verdicts.drop"),
	    (unsigned long long)counter(st, "verdicts.observed"));
	printf("calls           started %llu, answered %llu, ended %llu, failed %llu\n",
	    (unsigned long long)counter(st, "calls.started"),
	    (unsigned long long)counter(st, "calls.answered"),
	    (unsigned long long)counter(st, "calls.ended"),
	    (unsigned long long)counter(st, "calls.failed"));
}

/* The stages that were measured: "parse 310, valid 95, ..." */
static void print_stages(const json_t *st)
{
	const json_t *list = json_object_get(st, "stages");
	bool any = false;
	int column = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		struct span name = text_member(s, "name");

		if (!text_number(s, "samples"))
			continue;
		if (!any || column > 56)
			column = printf("%s%-16s", any ? ",\n" : "", any ? "" : "nanoseconds");
		else
			column += printf(", ");
		any = true;
		text_print_escaped(stdout, name, SHOWN);
		column +=
		    (int)name.n + printf(" %llu", (unsigned long long)text_number(s, "mean_ns"));
	}
	if (any)
		putchar('\n');
}

static void print_gauge(const json_t *st, const char *label, const char *key)
{
	const json_t *g = json_object_get(st, key);
	uint64_t max = text_number(g, "max");

	printf("%-16s%llu", label, (unsigned long long)text_number(g, "now"));
	if (max)
		printf(" of at most %llu", (unsigned long long)max);
}

static void print_tables(const json_t *st)
{
	print_gauge(st, "registrations", "registrations");
	printf(", %llu accounts\n", (unsigned long long)text_number(st, "registered_accounts"));
	print_gauge(st, "transactions", "transactions");
	printf(", %llu refused\n", (unsigned long long)counter(st, "transactions.full"));
	print_gauge(st, "connections", "connections");
	printf(", %llu refused\n", (unsigned long long)(counter(st, "connections.refused-source") +
							counter(st, "connections.refused-total")));
	print_gauge(st, "account cache", "cached_accounts");
	putchar('\n');
}

static void print_store(const json_t *st)
{
	const json_t *store = json_object_get(st, "store");
	char text[TEXT_FIGURE_MAX];
	struct buf since = BUF(text);

	text_add_duration(&since, text_number(store, "since"));
	if (json_is_true(json_object_get(store, "ok"))) {
		printf("store           works, for %.*s\n", SPAN_FMT(buf_span(&since)));
		return;
	}
	printf("store           FAILS, for %.*s: ", SPAN_FMT(buf_span(&since)));
	text_print_escaped(stdout, text_member(store, "error"), SHOWN);
	putchar('\n');
}

/* What waits is told once it waits for longer than a moment. */
static void print_sink(const json_t *s)
{
	double lag = json_number_value(json_object_get(s, "lag"));
	struct span error = text_member(s, "error");
	char text[TEXT_FIGURE_MAX];
	struct buf waiting = BUF(text);

	printf("%16s%llu written, %llu lost", "", (unsigned long long)text_number(s, "lines"),
	    (unsigned long long)(text_number(s, "lost_full") + text_number(s, "lost_error")));
	if (lag >= 1) {
		text_add_size(&waiting, text_number(s, "waiting"));
		printf(", %.*s wait for %.1f s", SPAN_FMT(buf_span(&waiting)), lag);
	}
	fputs(": ", stdout);
	text_print_escaped(stdout, text_member(s, "name"), SHOWN);
	if (error.n) {
		fputs(", FAILS: ", stdout);
		text_print_escaped(stdout, error, SHOWN);
	}
	putchar('\n');
}

static void print_events(const json_t *st)
{
	const json_t *sinks = json_object_get(st, "sinks");

	printf("events          %llu made, %llu lost before they could be written\n",
	    (unsigned long long)counter(st, "events.made"),
	    (unsigned long long)counter(st, "events.lost"));
	if (counter(st, "events.left-out"))
		printf("%16s%llu of strangers left out: too many in a second\n", "",
		    (unsigned long long)counter(st, "events.left-out"));
	for (size_t i = 0; i < json_array_size(sinks); i++)
		print_sink(json_array_get(sinks, i));
	if (json_is_false(json_object_get(st, "runner")))
		printf("%16sthe process that runs programs is GONE: restart ringfence\n", "");
}

static void print_memory(const json_t *st)
{
	const json_t *m = json_object_get(st, "memory");
	char fixed_text[TEXT_FIGURE_MAX], resident_text[TEXT_FIGURE_MAX];
	struct buf fixed = BUF(fixed_text), resident = BUF(resident_text);

	text_add_size(&fixed, text_number(m, "fixed"));
	text_add_size(&resident, text_number(m, "resident"));
	printf("memory          %.*s fixed by the configuration", SPAN_FMT(buf_span(&fixed)));
	if (text_number(m, "resident"))
		printf(", %.*s resident", SPAN_FMT(buf_span(&resident)));
	putchar('\n');
}

/* Most frequent first, until REASON_TOP; each round looks for the greatest below the last. */
static void print_reasons(json_t *st)
{
	json_t *reasons = json_object_get(st, "reasons");
	const char *name, *best;
	json_t *value;

	if (json_object_size(reasons) == 0)
		return;
	printf("\nreasons given since the start (`ringfence explain REASON` tells more)\n");
	for (unsigned i = 0; i < REASON_TOP; i++) {
		json_int_t most = 0;

		best = NULL;
		json_object_foreach(reasons, name, value)
		{
			if (json_integer_value(value) > most) {
				most = json_integer_value(value);
				best = name;
			}
		}
		if (!best)
			return;
		printf("%14lld  ", (long long)most);
		text_print_escaped(stdout, span_str(best), SHOWN);
		putchar('\n');
		json_object_del(reasons, best);
	}
	if (json_object_size(reasons))
		printf("%16sand %zu more: --json shows all\n", "", json_object_size(reasons));
}

static void print_status(json_t *st)
{
	print_head(st);
	print_listeners(st);
	print_traffic(st);
	print_stages(st);
	status_print_judge(st);
	status_print_enforcement(st);
	status_print_privileges(st);
	print_tables(st);
	print_store(st);
	print_events(st);
	print_memory(st);
	print_reasons(st);
}

static int run(int argc, char **argv)
{
	const char *config = CLI_DEFAULT_CONFIG;
	bool as_json = false;
	const struct cli_option options[] = {CLI_CONFIG_OPTION(&config), CLI_JSON_OPTION(&as_json)};
	int first, rc = cli_parse(&cli_status, argc, argv, options, ARRAY_LEN(options), 0, &first);
	json_t *request, *reply = NULL;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	request = cli_request("status");
	rc = cli_ask(config, request, &reply);
	if (rc == CLI_OK && as_json) {
		text_print_json(stdout, reply);
	} else if (rc == CLI_OK) {
		print_status(reply);
	}
	json_decref(request);
	json_decref(reply);
	return rc;
}

const struct cli_command cli_status = {
    "status", "[-c FILE] [--json]", "how the running daemon is", run};
