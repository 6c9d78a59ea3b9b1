/* SPDX-License-Identifier: MIT
 *
 * What commands do first: read the configuration, find the daemon. All print for a person when it
 * goes wrong and give an exit code. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include <jansson.h>

#include "admin/client.h"
#include "cli/cli.h"
#include "conf/conf.h"

/* Every error of the file goes to standard error, a line each. The caller puts *out_c. */
int cli_load_config(const char *path, struct conf **out_c);

/* Asks the daemon of that configuration one thing. CLI_OK only when it said ok. *out_reply is the
 * caller's to free, and set whenever a reply came, also a no (start with NULL). */
int cli_ask(const char *config_path, const json_t *request, json_t **out_reply);

/* The path of its control socket, NUL-terminated. */
#define CLI_SOCKET_MAX 4096
int cli_find_socket(const char *config_path, char path[static CLI_SOCKET_MAX]);

/* Connects to the daemon of that configuration, for a conversation. */
int cli_connect(const char *config_path, struct admin_client **out_c);

/* {"command": name}; never NULL: memory is fatal here. */
json_t *cli_request(const char *name);

/* Sets a text member, unless text is NULL. */
void cli_request_text(json_t *request, const char *key, const char *text);

#endif
