/* SPDX-License-Identifier: MIT
 *
 * `ringfence check`: judges a configuration without a daemon. What is wrong with it goes to
 * standard error, a line each; what it amounts to, with the memory that it takes, to standard
 * output. */
#include <stdio.h>

#include "cli/options.h"
#include "cli/text.h"
#include "conf/conf.h"
#include "edge/memory.h"

#define LINE_BYTES 2048

static void print_messages(const char *path, const struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++) {
		char text[LINE_BYTES];
		struct buf b = BUF(text);

		conf_error_add(&b, path, &errs->list[i]);
		fprintf(stderr, "%.*s\n", SPAN_FMT(buf_span(&b)));
	}
	if (errs->errors + errs->warnings > errs->count)
		fprintf(stderr, "%s: %zu more are not shown\n", path,
		    errs->errors + errs->warnings - errs->count);
}

static void print_places(const struct conf *c)
{
	for (size_t z = 0; z < c->zones_count; z++) {
		const struct conf_zone *zone = &c->zones[z];

		printf("zone      %s, trust %s:", zone->name.p,
		    zone->trust == CONF_TRUST_NETWORK ? "network" : "none");
		for (size_t i = 0; i < zone->listeners; i++) {
			const struct conf_listener *l = &c->listeners[zone->first_listener + i];

			printf(" %s", l->text.p);
			if (zone->advertise_host.n)
				printf(" (known as %s)", l->sent_by.p);
		}
		putchar('\n');
	}
	for (size_t i = 0; i < c->domains_count && i < 10; i++)
		printf("domain    %s\n", c->domains[i].name.p);
	if (c->domains_count > 10)
		printf("domains   %zu in all\n", c->domains_count);
	for (size_t i = 0; i < c->peers_count; i++)
		printf("peer      %s in zone %s, %s\n", c->peers[i].name.p,
		    c->zones[c->peers[i].zone].name.p,
		    c->peers[i].has_target ? c->peers[i].target.uri.p : "never sent to");
	for (size_t i = 0; i < c->upstreams_count; i++)
		printf("upstream  %s in zone %s, %zu targets\n", c->upstreams[i].name.p,
		    c->zones[c->upstreams[i].zone].name.p, c->upstreams[i].targets_count);
	printf("routes    %zu\n", c->routes_count);
}

/* The controls by the names and in the order that `status` gives them. */
struct control_mode {
	const char *name;
	enum conf_mode mode;
};

#define CONTROLS 7

static void controls_of(const struct conf *c, struct control_mode out[static CONTROLS])
{
	const struct control_mode all[CONTROLS] = {
	    {"flood", c->flood.mode},
	    {"check", c->check_mode},
	    {"scan", c->scan.mode},
	    {"guessing", c->guessing.mode},
	    {"auth", c->auth.mode},
	    {"overload", c->overload.mode},
	    {"standing", c->standing.mode},
	};

	memcpy(out, all, sizeof(all));
}

static void print_controls(const struct conf *c)
{
	struct control_mode all[CONTROLS];

	controls_of(c, all);
	fputs("controls  ", stdout);
	for (size_t i = 0; i < CONTROLS; i++)
		printf("%s%s %s",
		    i == 0                  ? ""
		    : i == CONTROLS / 2 + 1 ? ",\n          "
					    : ", ",
		    all[i].name, conf_mode_name(all[i].mode));
	fputs("\nauth      with", stdout);
	for (size_t i = 0; i < c->auth.algorithms_count; i++)
		printf("%s %s", i ? "," : "", conf_algorithm_name(c->auth.algorithms[i]));
	putchar('\n');
	if (c->limits_count)
		printf("limits    %zu\n", c->limits_count);
}

static void print_choices(const struct conf *c)
{
	print_controls(c);
	printf("accounts  %s\nstate     %s\n", c->accounts_store.path.p, c->state_store.path.p);
	for (size_t i = 0; i < c->sinks_count; i++)
		printf("events    %s\n",
		    c->sinks[i].kind == CONF_SINK_STDOUT ? "standard output" : c->sinks[i].name.p);
	printf("admin     %s\n", c->admin_socket.p);
	for (size_t i = 0; i < c->admin_http_count; i++)
		printf("metrics   %.*s%s\n", SPAN_FMT(c->admin_http[i].text),
		    c->admin_token.n ? ", with a token" : "");
	printf("workers   %zu\n", c->workers);
}

static size_t sum_of(const struct memory_part *parts, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].bytes;
	return sum;
}

static void print_memory(const struct conf *c)
{
	struct memory_part parts[EDGE_MEMORY_PARTS];
	size_t n = edge_memory_report(c, parts, ARRAY_LEN(parts));
	char text[TEXT_FIGURE_MAX];
	struct buf b = BUF(text);

	text_add_size(&b, sum_of(parts, n));
	printf("memory    %.*s at most, whatever the traffic:\n", SPAN_FMT(buf_span(&b)));
	for (size_t i = 0; i < n; i++) {
		b = BUF(text);
		text_add_size(&b, parts[i].bytes);
		printf("  %12.*s  %s", SPAN_FMT(buf_span(&b)), parts[i].name);
		if (parts[i].count)
			printf(" (%zu)", parts[i].count);
		putchar('\n');
	}
}

static json_t *text_json(struct span s)
{
	return json_stringn(s.p, s.n);
}

static json_t *messages_json(const char *path, const struct conf_errors *errs, bool warnings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->list[i];

		if (e->is_warning != warnings)
			continue;
		json_array_append_new(
		    list, json_pack("{s:s, s:i, s:i, s:o}", "file", path, "line", (int)e->line,
			      "column", (int)e->column, "text", text_json(e->text)));
	}
	return list;
}

static json_t *places_json(const struct conf *c)
{
	json_t *zones = json_array(), *domains = json_array();

	for (size_t z = 0; z < c->zones_count; z++) {
		const struct conf_zone *zone = &c->zones[z];
		json_t *listen = json_array();

		for (size_t i = 0; i < zone->listeners; i++)
			json_array_append_new(
			    listen, text_json(c->listeners[zone->first_listener + i].text));
		json_array_append_new(zones,
		    json_pack("{s:o, s:s, s:o}", "name", text_json(zone->name), "trust",
			zone->trust == CONF_TRUST_NETWORK ? "network" : "none", "listen", listen));
	}
	for (size_t i = 0; i < c->domains_count; i++)
		json_array_append_new(domains, text_json(c->domains[i].name));
	return json_pack("{s:o, s:o, s:i, s:i, s:i}", "zones", zones, "domains", domains, "peers",
	    (int)c->peers_count, "upstreams", (int)c->upstreams_count, "routes",
	    (int)c->routes_count);
}

static json_t *memory_json(const struct conf *c)
{
	struct memory_part parts[EDGE_MEMORY_PARTS];
	size_t n = edge_memory_report(c, parts, ARRAY_LEN(parts));
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:I, s:I}", "name", parts[i].name, "count",
			      (json_int_t)parts[i].count, "bytes", (json_int_t)parts[i].bytes));
	return json_pack("{s:I, s:o}", "bytes", (json_int_t)sum_of(parts, n), "parts", list);
}

static json_t *controls_json(const struct conf *c)
{
	struct control_mode all[CONTROLS];
	json_t *o = json_object();

	controls_of(c, all);
	for (size_t i = 0; i < CONTROLS; i++)
		json_object_set_new(
		    o, all[i].name, json_pack("{s:s}", "mode", conf_mode_name(all[i].mode)));
	return o;
}

/* c is NULL when the file has errors. */
static void print_json(const char *path, const struct conf_errors *errs, const struct conf *c)
{
	json_t *o = json_pack("{s:b, s:o, s:o}", "ok", c != NULL, "errors",
	    messages_json(path, errs, false), "warnings", messages_json(path, errs, true));

	if (c) {
		json_object_update_new(o, places_json(c));
		json_object_set_new(o, "controls", controls_json(c));
		json_object_set_new(o, "workers", json_integer((json_int_t)c->workers));
		json_object_set_new(o, "memory", memory_json(c));
	}
	text_print_json(stdout, o);
	json_decref(o);
}

static void print_text(const char *path, const struct conf_errors *errs, const struct conf *c)
{
	print_messages(path, errs);
	if (!c)
		return;
	printf("%s: ok\n", path);
	print_places(c);
	print_choices(c);
	print_memory(c);
}

static int run(int argc, char **argv)
{
	const char *path = CLI_DEFAULT_CONFIG;
	bool as_json = false;
	const struct cli_option options[] = {CLI_CONFIG_OPTION(&path), CLI_JSON_OPTION(&as_json)};
	int first, rc = cli_parse(&cli_check, argc, argv, options, ARRAY_LEN(options), 0, &first);
	struct conf_errors errs;
	struct conf *c = NULL;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	conf_errors_init(&errs);
	rc = conf_load(path, &c, &errs) == OK ? CLI_OK : CLI_NO;
	if (as_json)
		print_json(path, &errs, c);
	else
		print_text(path, &errs, c);
	conf_put(c);
	conf_errors_done(&errs);
	return rc;
}

const struct cli_command cli_check = {"check", "[-c FILE] [--json]",
    "judge a configuration: every error with its place, or what it amounts to", run};
