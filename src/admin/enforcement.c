/* SPDX-License-Identifier: MIT
 *
 * Where bans are carried out: of `status`, and of each ban. */
#include "admin/command.h"

static void put_text(struct json *j, const char *key, const char *text)
{
	json_put_cstr(j, key, text && text[0] ? text : NULL);
}

static void put_backend(struct json *j, unsigned which, const struct plan_backend *b)
{
	json_object_begin(j);
	json_put_cstr(j, "name", helper_backend_name((enum helper_backend)which));
	json_put_bool(j, "up", b->state == MESSAGE_UP);
	json_put_bool(j, "partly", b->state == MESSAGE_PARTLY);
	put_text(j, "error", b->state == MESSAGE_UP ? "" : b->text);
	json_put_u64(j, "entries", b->entries);
	json_put_u64(j, "evicted", b->evicted);
	json_put_u64(j, "packets", b->packets);
	json_put_u64(j, "bytes", b->bytes);
	json_object_end(j);
}

void admin_put_place(struct json *j, const struct admin_backend *backend,
    const struct standing_view *v, const struct prefix *prefix)
{
	struct plan_place place = {0};

	backend->where(backend->arg, v, prefix, &place);
	json_key(j, "enforced");
	json_array_begin(j);
	json_cstr(j, "ledger");
	for (unsigned b = 0; b < HELPER_BACKENDS; b++)
		if (place.backends & 1u << b)
			json_cstr(j, helper_backend_name((enum helper_backend)b));
	json_array_end(j);
	put_text(j, "ledger_only", place.backends ? NULL : place.why);
}

void admin_enforcement_put(struct json *j, const struct admin_status *st)
{
	const struct enforce_status *e = &st->enforcement;

	json_key(j, "enforcement");
	json_object_begin(j);
	json_put_bool(j, "kernel", e->wanted);
	json_put_bool(j, "up", e->up);
	put_text(j, "error", e->why);
	json_put_cstr(j, "helper", e->helper);
	json_put_u64(j, "generation", e->generation);
	json_put_u64(j, "lag_us", e->lag);
	json_put_u64(j, "waiting", e->waiting);
	json_put_u64(j, "kept_in_ledger", st->enforcement_kept);
	json_put_u64(j, "added", e->added);
	json_put_u64(j, "removed", e->removed);
	json_put_u64(j, "synchronised", e->syncs);
	json_put_u64(j, "overflows", e->overflows);
	json_put_u64(j, "refused", e->refused);
	json_key(j, "backends");
	json_array_begin(j);
	for (unsigned b = 0; b < HELPER_BACKENDS; b++)
		if (e->backends & 1u << b)
			put_backend(j, b, &e->backend[b]);
	json_array_end(j);
	json_object_end(j);
}
