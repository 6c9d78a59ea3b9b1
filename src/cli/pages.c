/* SPDX-License-Identifier: MIT */
#include "cli/pages.h"

#include <stdio.h>

#include "cli/cli.h"

/* NULL: said on stderr. */
static json_t *ask(struct admin_client *c, const json_t *request)
{
	json_t *reply = NULL;
	enum err e = admin_client_send(c, request);

	if (e == OK)
		e = admin_client_next(c, ADMIN_TIMEOUT_MS, &reply);
	if (e == OK && json_is_true(json_object_get(reply, "ok")))
		return reply;
	fprintf(stderr, "ringfence: the daemon did not answer: %s\n",
	    e == OK ? "it refused" : err_text(e));
	json_decref(reply);
	return NULL;
}

int cli_each_item(
    struct admin_client *c, json_t *request, const char *list, cli_item_fn *fn, void *arg)
{
	bool more = true;

	while (more) {
		json_t *reply = ask(c, request), *cursor;
		const json_t *items;

		if (!reply)
			return CLI_NO;
		items = json_object_get(reply, list);
		for (size_t i = 0; i < json_array_size(items); i++)
			fn(arg, json_array_get(items, i));
		cursor = json_object_get(reply, "cursor");
		more = cursor != NULL;
		if (more)
			json_object_set(request, "cursor", cursor);
		json_decref(reply);
	}
	return CLI_OK;
}
