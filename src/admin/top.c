/* SPDX-License-Identifier: MIT
 *
 * `top`: a slice of the ledger at a time, so that a million sources hold up neither the signalling
 * nor other clients: the client asks for slice after slice and keeps what stands first. */
#include <stdlib.h>

#include "admin/command.h"

#define WALK_BUDGET   8192 /* sets: 65,536 entries, a few milliseconds */
#define COUNT_DEFAULT 50

static void put_source(struct json *j, const struct standing_top_item *item, usec_t now)
{
	const struct standing_view *v = &item->view;

	json_object_begin(j);
	if (item->by_hand) {
		admin_put_prefix(j, "source", &item->prefix);
		json_put_cstr(j, "kind", "prefix");
	} else {
		admin_put_source(j, &v->key);
	}
	json_put_cstr(j, "tier", event_tier_name(v->tier));
	json_put_bool(j, "proven", v->proven);
	json_put_bool(j, "manual", v->manual);
	admin_put_score(j, "score", v->score);
	admin_put_score(j, "unproven_score", v->unproven);
	admin_put_rates(j, v);
	json_put_u64(j, "dropped", v->dropped);
	json_put_u64(j, "failures", v->failures);
	json_put_u64(j, "offences", v->offences);
	json_put_u64(j, "devices", v->devices);
	json_put_u64(j, "accounts", v->accounts);
	json_put_u64(j, "banned_for", admin_seconds_until(v->banned_until, now));
	json_put_u64(j, "held_for", admin_seconds_until(v->held_until, now));
	json_put_cstr(j, "reason", v->reason == REASON_NONE ? NULL : reason_name(v->reason));
	admin_put_seconds_ago(j, "seen_ago", v->seen, now);
	json_object_end(j);
}

static bool is_same(const struct standing_top_item *a, const struct standing_top_item *b)
{
	if (a->by_hand != b->by_hand)
		return false;
	if (a->by_hand)
		return a->prefix.bits == b->prefix.bits &&
		       memcmp(a->prefix.ip, b->prefix.ip, sizeof(a->prefix.ip)) == 0;
	return a->view.key.hi == b->view.key.hi && a->view.key.lo == b->view.key.lo;
}

static bool is_among(const struct standing_top_heap *h, const struct standing_top_item *item)
{
	for (size_t i = 0; i < h->n; i++)
		if (is_same(&h->at[i].item, item))
			return true;
	return false;
}

static void put_sources(struct json *j, const struct standing_top *t, usec_t now)
{
	json_key(j, "sources");
	json_array_begin(j);
	for (size_t i = 0; i < t->found.n; i++)
		put_source(j, &t->found.at[i].item, now);
	for (size_t i = 0; i < t->dropped.n; i++)
		if (!is_among(&t->found, &t->dropped.at[i].item))
			put_source(j, &t->dropped.at[i].item, now);
	json_array_end(j);
}

static const char *read_key(const json_t *request, enum standing_top_key *out_key)
{
	struct span name = admin_text_member(request, "sort");

	if (!json_object_get(request, "sort")) {
		*out_key = STANDING_TOP_RATE;
		return NULL;
	}
	for (unsigned k = 0; k < STANDING_TOP_KEYS; k++) {
		if (span_eq(name, span_str(standing_top_key_name(k)))) {
			*out_key = (enum standing_top_key)k;
			return NULL;
		}
	}
	return "sort: must be rate, dropped, score, failures, offences, banned or seen";
}

static const char *read_request(
    const json_t *request, struct standing_top *t, struct standing_filter *f, size_t *out_cursor)
{
	const json_t *count = json_object_get(request, "count");
	struct span cursor = admin_text_member(request, "cursor");
	const char *error = read_key(request, &t->key);
	uint64_t at = 0;

	if (error)
		return error;
	if (count && (!json_is_integer(count) || json_integer_value(count) < 1 ||
			 json_integer_value(count) > STANDING_TOP_MAX))
		return "count: must be from 1 to 128";
	if (standing_filter_parse(admin_text_member(request, "filter"), f) != OK)
		return "filter: no address, and no tier or reason is called so";
	if (cursor.n && span_to_u64(cursor, SIZE_MAX, &at) != OK)
		return "cursor: not one of ours";
	t->max = count ? (size_t)json_integer_value(count) : COUNT_DEFAULT;
	*out_cursor = (size_t)at;
	return NULL;
}

static void put_figures(struct admin_call *c)
{
	struct admin_status *st = calloc(1, sizeof(*st));

	if (!st)
		return;
	c->backend->figures(c->backend->arg, st);
	admin_status_put(c, st);
	free(st);
}

const char *admin_top_run(struct admin_call *c)
{
	static struct standing_top t; /* some 50 kilobytes; main thread only */
	struct standing_filter filter;
	size_t cursor;
	usec_t window;
	const char *error = read_request(c->request, &t, &filter, &cursor);
	bool more;

	if (error)
		return error;
	if (!cursor)
		put_figures(c);
	t.filter = &filter;
	more = c->backend->top(c->backend->arg, &cursor, WALK_BUDGET, &t, &window);
	json_put_u64(c->reply, "now", c->now);
	json_put_u64(c->reply, "rate_window", window);
	json_key(c->reply, "slice");
	json_object_begin(c->reply);
	admin_tiers_put(c->reply, &t.tiers);
	json_object_end(c->reply);
	put_sources(c->reply, &t, c->now);
	if (more) {
		char text[24];
		struct buf b = BUF(text);

		buf_add_u64(&b, cursor);
		json_put_str(c->reply, "cursor", buf_span(&b));
	}
	return NULL;
}
