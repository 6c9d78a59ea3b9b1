/* SPDX-License-Identifier: MIT
 *
 * `status`: what the process may do. */
#include "admin/command.h"

static void put_why(struct json *j, const char *key, const char *why)
{
	json_put_cstr(j, key, why && why[0] ? why : NULL);
}

void admin_privileges_put(struct json *j, const struct admin_status *st)
{
	const struct admin_privileges *p = &st->privileges;

	json_key(j, "privileges");
	json_object_begin(j);
	json_put_cstr(j, "user", p->user);
	json_put_bool(j, "capabilities", p->capabilities);
	json_put_bool(j, "calls_filtered", p->calls);
	put_why(j, "calls_error", p->why[0]);
	json_put_u64(j, "landlock", p->landlock);
	put_why(j, "files_error", p->why[1]);
	json_object_end(j);
}
