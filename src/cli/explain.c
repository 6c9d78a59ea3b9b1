/* SPDX-License-Identifier: MIT
 *
 * `ringfence explain`: what a reason means and, where a configuration is at hand, by which keys it
 * is judged and what they are set to. Needs no daemon. */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/options.h"
#include "cli/reason_keys.h"
#include "cli/setup.h"
#include "cli/text.h"

#define JSON_MAX 8192

static void print_key(void *arg, const char *path, struct span value)
{
	bool *begun = arg;

	if (!*begun)
		printf("\nconfigured\n");
	*begun = true;
	printf("  %-36s %.*s\n", path, SPAN_FMT(value));
}

static void print_text(enum reason r, const struct conf *conf)
{
	const struct reason_info *i = reason_info(r);
	bool begun = false;

	printf("%s\n\n", i->name);
	text_print_wrapped(stdout, span_str(i->meaning), 2);
	printf("\nwhat to do\n");
	text_print_wrapped(stdout, span_str(i->advice), 2);
	printf("\ncontrol  %s\n", control_name(i->control));
	if (i->status)
		printf("answer   %u\n", i->status);
	else
		printf("answer   none\n");
	printf("weight   %u\n", reason_weight(r, conf));
	if (conf)
		reason_keys_each(r, conf, print_key, &begun);
}

static void put_key(void *arg, const char *path, struct span value)
{
	json_put_str(arg, path, value);
}

static void print_json(enum reason r, const struct conf *conf)
{
	const struct reason_info *i = reason_info(r);
	char text[JSON_MAX];
	struct buf b = BUF(text);
	struct json j;

	json_init(&j, &b);
	json_object_begin(&j);
	json_put_cstr(&j, "reason", i->name);
	json_put_cstr(&j, "control", control_name(i->control));
	json_key(&j, "status");
	if (i->status)
		json_u64(&j, i->status);
	else
		json_nil(&j);
	json_put_u64(&j, "weight", reason_weight(r, conf));
	json_put_cstr(&j, "meaning", i->meaning);
	json_put_cstr(&j, "advice", i->advice);
	if (conf) {
		json_key(&j, "configured");
		json_object_begin(&j);
		reason_keys_each(r, conf, put_key, &j);
		json_object_end(&j);
	}
	json_object_end(&j);
	printf("%.*s\n", SPAN_FMT(buf_span(&b)));
}

static int list(bool as_json, const struct conf *conf)
{
	for (unsigned i = 1; i < REASON_COUNT; i++) {
		if (as_json)
			print_json((enum reason)i, conf);
		else
			printf("%s\n", reason_name((enum reason)i));
	}
	return CLI_OK;
}

/* Of `guessing` or `guessing.`: the reasons that begin so. False: there are none. */
static bool list_control(struct span name)
{
	bool found = false;

	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	for (unsigned i = 1; i < REASON_COUNT; i++) {
		if (!span_eq(name, span_str(control_name(reason_info((enum reason)i)->control))))
			continue;
		fprintf(stderr, "%s%s",
		    found ? ", " : "`, but a control: ", reason_name((enum reason)i));
		found = true;
	}
	if (found)
		fputc('\n', stderr);
	return found;
}

static int explain(const char *name, bool as_json, const struct conf *conf)
{
	enum reason r, nearest;

	if (reason_parse(span_str(name), &r) == OK) {
		if (as_json)
			print_json(r, conf);
		else
			print_text(r, conf);
		return CLI_OK;
	}
	fputs("ringfence: there is no reason `", stderr);
	text_print_escaped(stderr, span_str(name), 60);
	nearest = reason_nearest(span_str(name));
	if (list_control(span_str(name)))
		return CLI_NO;
	if (nearest != REASON_NONE)
		fprintf(stderr, "`; did you mean `%s`?\n", reason_name(nearest));
	else
		fputs("`; `ringfence explain --list` shows all\n", stderr);
	return CLI_NO;
}

/* One that was named must be right; the usual one is used if it is there and right. */
static int find_config(const char *path, struct conf **out_conf)
{
	struct conf_errors errs;

	if (path)
		return cli_load_config(path, out_conf);
	if (access(CLI_DEFAULT_CONFIG, R_OK) != 0)
		return CLI_OK;
	conf_errors_init(&errs);
	(void)!conf_load(CLI_DEFAULT_CONFIG, out_conf, &errs);
	conf_errors_done(&errs);
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	const char *config = NULL;
	bool as_json = false, all = false;
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&config),
	    {"list", 'l', CLI_FLAG, &all},
	    CLI_JSON_OPTION(&as_json),
	};
	int first, rc = cli_parse(&cli_explain, argc, argv, options, ARRAY_LEN(options), 1, &first);
	struct conf *conf = NULL;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	if (all == (first < argc))
		return cli_usage(&cli_explain);
	rc = find_config(config, &conf);
	if (rc == CLI_OK)
		rc = all ? list(as_json, conf) : explain(argv[first], as_json, conf);
	conf_put(conf);
	return rc;
}

const struct cli_command cli_explain = {"explain", "[-c FILE] REASON | --list [--json]",
    "what a reason means and what to do about it", run};
