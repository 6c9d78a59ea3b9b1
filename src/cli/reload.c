/* SPDX-License-Identifier: MIT
 *
 * `ringfence reload`: has the daemon read its configuration again, and shows what it says. */
#include <stdio.h>

#include "cli/options.h"
#include "cli/setup.h"
#include "cli/text.h"

#define MESSAGE_SHOWN 1000

static void print_messages(FILE *to, const json_t *reply)
{
	const json_t *messages = json_object_get(reply, "messages");

	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *m = json_array_get(messages, i);

		if (!json_is_string(m))
			continue;
		text_print_escaped(
		    to, span_of(json_string_value(m), json_string_length(m)), MESSAGE_SHOWN);
		fputc('\n', to);
	}
}

static int run(int argc, char **argv)
{
	const char *config = CLI_DEFAULT_CONFIG;
	bool as_json = false;
	const struct cli_option options[] = {CLI_CONFIG_OPTION(&config), CLI_JSON_OPTION(&as_json)};
	int first, rc = cli_parse(&cli_reload, argc, argv, options, ARRAY_LEN(options), 0, &first);
	json_t *request, *reply = NULL;

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	request = cli_request("reload");
	rc = cli_ask(config, request, &reply);
	if (as_json && reply) {
		text_print_json(stdout, reply);
	} else if (reply) {
		print_messages(rc == CLI_OK ? stdout : stderr, reply);
		if (rc == CLI_OK)
			puts("the new configuration is in use");
	}
	json_decref(request);
	json_decref(reply);
	return rc;
}

const struct cli_command cli_reload = {
    "reload", "[-c FILE] [--json]", "read the configuration again without dropping a call", run};
