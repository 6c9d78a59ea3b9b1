/* SPDX-License-Identifier: MIT */
#include "cli/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 2048
#define WHY_MAX        1024

static void print_errors(const char *path, const struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++) {
		char text[LINE_MAX_BYTES];
		struct buf b = BUF(text);

		if (errs->list[i].is_warning)
			continue;
		conf_error_add(&b, path, &errs->list[i]);
		fprintf(stderr, "%.*s\n", SPAN_FMT(buf_span(&b)));
	}
}

int cli_load_config(const char *path, struct conf **out_c)
{
	struct conf_errors errs;
	enum err e;

	conf_errors_init(&errs);
	e = conf_load(path, out_c, &errs);
	if (e != OK) {
		print_errors(path, &errs);
		if (errs.errors == 0)
			fprintf(stderr, "%s: %s\n", path, err_text(e));
	}
	conf_errors_done(&errs);
	return e == OK ? CLI_OK : CLI_NO;
}

/* Says why, or nothing when all is well. */
static int report(enum err e, const struct buf *why)
{
	if (e == OK)
		return CLI_OK;
	fprintf(
	    stderr, "ringfence: %.*s\n", SPAN_FMT(why->n ? buf_span(why) : span_str(err_text(e))));
	return CLI_NO;
}

/* A configuration that someone is just editing must not hide the daemon: only its socket counts. */
int cli_find_socket(const char *config_path, char path[static CLI_SOCKET_MAX])
{
	struct buf b = buf_of(path, CLI_SOCKET_MAX);
	enum err e = conf_find_socket(config_path, &b);

	if (e == OK && buf_terminate(&b))
		return CLI_OK;
	fprintf(stderr, "ringfence: %s: %s%s\n", config_path,
	    e == ERR_IO ? strerror(errno) : "tells no control socket",
	    e == ERR_IO && errno == ENOENT ? "; -c FILE names the one in use" : "");
	return CLI_NO;
}

/* When no daemon was found: a file that cannot be read to its end may hide the right socket. */
static int report_call(const char *config_path, enum err e, const struct buf *why)
{
	struct conf *c = NULL;
	int rc = report(e, why);

	if (e == ERR_NOT_FOUND && cli_load_config(config_path, &c) != CLI_OK)
		fputs("ringfence: the configuration has errors, so a running daemon may be on "
		      "another control socket\n",
		    stderr);
	conf_put(c);
	return rc;
}

int cli_ask(const char *config_path, const json_t *request, json_t **out_reply)
{
	char text[WHY_MAX], path[CLI_SOCKET_MAX];
	struct buf why = BUF(text);

	if (cli_find_socket(config_path, path) != CLI_OK)
		return CLI_NO;
	return report_call(config_path, admin_call(path, request, &why, out_reply), &why);
}

int cli_connect(const char *config_path, struct admin_client **out_c)
{
	char text[WHY_MAX], path[CLI_SOCKET_MAX];
	struct buf why = BUF(text);

	if (cli_find_socket(config_path, path) != CLI_OK)
		return CLI_NO;
	return report_call(config_path, admin_client_new(path, &why, out_c), &why);
}

static void die_of_memory(void)
{
	fputs("ringfence: no memory\n", stderr);
	exit(CLI_NO);
}

json_t *cli_request(const char *name)
{
	json_t *request = json_object();

	if (!request)
		die_of_memory();
	cli_request_text(request, "command", name);
	return request;
}

void cli_request_text(json_t *request, const char *key, const char *text)
{
	json_t *value;

	if (!text)
		return;
	value = json_string(text);
	if (!value) {
		fprintf(stderr, "ringfence: %s: not UTF-8\n", key);
		exit(CLI_USAGE);
	}
	if (json_object_set_new(request, key, value) != 0)
		die_of_memory();
}
