/* SPDX-License-Identifier: MIT
 *
 * Lists that the daemon gives page by page over the control socket: each answer names where the
 * next begins. */
#ifndef CLI_PAGES_H
#define CLI_PAGES_H

#include <jansson.h>

#include "admin/client.h"

/* item: lent until fn returns. */
typedef void cli_item_fn(void *arg, const json_t *item);

/* Sends the request, over one connection, until there are no more pages; fn gets each entry of the
 * member `list`. The request is changed (its cursor). CLI_NO, with a sentence on stderr, when the
 * daemon did not answer. */
int cli_each_item(
    struct admin_client *c, json_t *request, const char *list, cli_item_fn *fn, void *arg);

#endif
