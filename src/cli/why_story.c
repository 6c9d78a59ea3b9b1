/* SPDX-License-Identifier: MIT */
#include "cli/why_story.h"

#include <stdlib.h>
#include <time.h>

#include "cli/event_line.h"
#include "cli/setup.h"
#include "cli/text.h"

#define PAGE 200

static const char *const kind_words[] = {
    [WHY_SOURCE] = "source",
    [WHY_ACCOUNT] = "account",
    [WHY_CALL] = "call",
};

static bool digits(struct span *s, size_t n, char end, int *out_v)
{
	uint32_t v;

	if (s->n <= n || s->p[n] != end || span_to_u32(span_of(s->p, n), 9999, &v) != OK)
		return false;
	*out_v = (int)v;
	*s = span_of(s->p + n + 1, s->n - n - 1);
	return true;
}

usec_t why_time(struct span text)
{
	struct tm tm = {0};
	uint32_t us = 0;
	time_t t;

	if (!digits(&text, 4, '-', &tm.tm_year) || !digits(&text, 2, '-', &tm.tm_mon) ||
	    !digits(&text, 2, 'T', &tm.tm_mday) || !digits(&text, 2, ':', &tm.tm_hour) ||
	    !digits(&text, 2, ':', &tm.tm_min) || !digits(&text, 2, '.', &tm.tm_sec) ||
	    text.n != 7 || span_to_u32(span_of(text.p, 6), 999999, &us) != OK)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	return t > 0 ? (usec_t)t * USEC_SEC + us : 0;
}

/* Of IPv6 a source is a /64. */
static enum err set_source(struct why_story *s)
{
	struct addr a = {0};

	if (prefix_parse(s->about, &s->prefix) != OK)
		return ERR_SYNTAX;
	memcpy(a.ip, s->prefix.ip, sizeof(a.ip));
	if (!addr_is_v4(&a) && s->prefix.bits > 64) {
		memset(s->prefix.ip + 8, 0, 8);
		s->prefix.bits = 64;
	}
	s->single = s->prefix.bits == (addr_is_v4(&a) ? 128 : 64);
	return OK;
}

enum err why_story_init(struct why_story *s, enum why_kind kind, struct span about, usec_t since)
{
	*s = (struct why_story){.kind = kind, .about = about, .since = since};
	return kind == WHY_SOURCE ? set_source(s) : OK;
}

static void drop_items(struct why_story *s, size_t from, size_t n)
{
	if (!n)
		return;
	for (size_t i = from; i < from + n; i++)
		json_decref(s->items[i].event);
	memmove(s->items + from, s->items + from + n, (s->n - from - n) * sizeof(*s->items));
	s->n -= n;
}

void why_story_done(struct why_story *s)
{
	drop_items(s, 0, s->n);
	free(s->items);
	json_decref(s->present);
	json_decref(s->banned);
	*s = (struct why_story){0};
}

/* ---- adding ---- */

/* What a finding led to has the time of the finding, and comes after it. */
static bool is_change(const json_t *event)
{
	return span_eq(text_member(event, "event"), SPAN("standing"));
}

static int compare(const void *a, const void *b)
{
	const struct why_item *x = a, *y = b;

	if (x->wall != y->wall)
		return x->wall < y->wall ? -1 : 1;
	if (is_change(x->event) != is_change(y->event))
		return is_change(x->event) ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

/* Room for one more; when there are too many the older half goes. */
static bool make_room(struct why_story *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct why_item *items;

	if (s->n < s->cap)
		return true;
	if (s->n >= 2 * WHY_ITEMS_MAX) {
		qsort(s->items, s->n, sizeof(*s->items), compare);
		s->left_out += s->n - WHY_ITEMS_MAX;
		drop_items(s, 0, s->n - WHY_ITEMS_MAX);
		return true;
	}
	items = realloc(s->items, cap * sizeof(*items));
	if (!items)
		return false;
	s->items = items;
	s->cap = cap;
	return true;
}

bool why_story_add(struct why_story *s, json_t *event, enum why_origin origin)
{
	usec_t wall = why_time(text_member(event, "ts"));
	usec_t until = why_time(text_member(event, "until"));
	uint64_t count = text_number(event, "count");

	if (!wall || !make_room(s)) {
		json_decref(event);
		return false;
	}
	if (MAX(wall, until) < s->since) {
		json_decref(event);
		return true;
	}
	s->added++;
	s->items[s->n++] = (struct why_item){
	    .event = event,
	    .wall = wall,
	    .until = MAX(until, wall),
	    .count = MAX(count, 1),
	    .order = origin == WHY_OF_PACKED ? s->added : -s->added,
	    .of_daemon = origin == WHY_OF_DAEMON,
	};
	return true;
}

/* ---- from the daemon ---- */

static enum err ask(struct admin_client *c, const json_t *request, json_t **out_reply)
{
	enum err e = admin_client_send(c, request);

	if (e == OK)
		e = admin_client_next(c, ADMIN_TIMEOUT_MS, out_reply);
	if (e != OK)
		return e;
	return json_is_true(json_object_get(*out_reply, "ok")) ? OK : ERR_DENIED;
}

/* False: enough. */
static bool take_page(struct why_story *s, json_t *reply)
{
	json_t *events = json_object_get(reply, "events"), *event;
	size_t i;

	json_array_foreach(events, i, event)
	{
		if (!why_story_add(s, json_incref(event), WHY_OF_DAEMON))
			return false;
		/* The newest come first. */
		if (s->since && why_time(text_member(event, "ts")) < s->since &&
		    why_time(text_member(event, "until")) < s->since)
			return false;
	}
	return s->n < WHY_ITEMS_MAX;
}

static json_t *make_request(const struct why_story *s)
{
	json_t *request = cli_request("why");

	cli_request_text(request, "kind", kind_words[s->kind]);
	json_object_set_new(request, "about", json_stringn(s->about.p, s->about.n));
	json_object_set_new(request, "limit", json_integer(PAGE));
	return request;
}

enum err why_story_ask(struct why_story *s, struct admin_client *c)
{
	json_t *request = make_request(s), *cursor = NULL;
	enum err e;
	bool more;

	do {
		json_t *reply = NULL;

		e = ask(c, request, &reply);
		more = e == OK && take_page(s, reply);
		cursor = json_object_get(reply, "cursor");
		more = more && cursor;
		if (more)
			json_object_set(request, "cursor", cursor);
		else if (cursor)
			s->left_out++;
		if (e == OK && !s->present)
			s->present = json_incref(reply);
		json_decref(reply);
	} while (more);
	json_decref(request);
	return e;
}

/* ---- from files ---- */

static bool is_call(const struct why_story *s, struct span id)
{
	static const char mark[] = "\xe2\x80\xa6";
	size_t n = sizeof(mark) - 1;

	if (id.n > n && memcmp(id.p + id.n - n, mark, n) == 0)
		return span_istarts(s->about, span_of(id.p, id.n - n));
	return span_ieq(id, s->about);
}

static bool is_account(const struct why_story *s, const json_t *event)
{
	const json_t *sip = json_object_get(event, "sip");

	return span_ieq(s->about, text_member(event, "account")) ||
	       span_ieq(s->about, event_uri_account(text_member(sip, "to")));
}

bool why_story_wants(const struct why_story *s, const json_t *event)
{
	struct addr source;

	if (s->kind == WHY_CALL)
		return is_call(s, text_member(json_object_get(event, "sip"), "call_id"));
	if (s->kind == WHY_ACCOUNT)
		return is_account(s, event);
	return addr_parse_ip(text_member(json_object_get(event, "source"), "ip"), &source) == OK &&
	       prefix_contains(&s->prefix, &source);
}

/* ---- in order ---- */

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	return span_eq(text_member(a, key), text_member(b, key));
}

/* An event of a file is one of those that the daemon kept as this item. */
static bool holds(const struct why_item *daemon, const struct why_item *file)
{
	const json_t *a = daemon->event, *b = file->event;
	struct span several = text_member(a, "several");

	if (file->wall < daemon->wall || file->wall > daemon->until || !same_text(a, b, "reason") ||
	    !same_text(a, b, "verdict") || !same_text(a, b, "mode") || !same_text(a, b, "event"))
		return false;
	if (!span_eq(several, SPAN("sources")) &&
	    !same_text(json_object_get(a, "source"), json_object_get(b, "source"), "ip"))
		return false;
	return several.n || same_text(a, b, "account");
}

/* Two sinks, or a file that was moved while it was read, have the same event twice. */
static bool is_double(const struct why_story *s, size_t at)
{
	const struct why_item *item = &s->items[at];

	if (item->of_daemon)
		return false;
	for (size_t i = at; i-- > 0 && s->items[i].wall == item->wall;)
		if (!s->items[i].of_daemon && json_equal(s->items[i].event, item->event))
			return true;
	for (size_t i = 0; i < s->n && s->items[i].wall <= item->wall; i++)
		if (s->items[i].of_daemon && holds(&s->items[i], item))
			return true;
	return false;
}

void why_story_finish(struct why_story *s)
{
	size_t kept = 0;
	bool *doubles;

	if (!s->n)
		return;
	qsort(s->items, s->n, sizeof(*s->items), compare);
	doubles = calloc(s->n, sizeof(*doubles));
	for (size_t i = 0; doubles && i < s->n; i++)
		doubles[i] = is_double(s, i);
	for (size_t i = 0; doubles && i < s->n; i++) {
		if (doubles[i])
			json_decref(s->items[i].event);
		else
			s->items[kept++] = s->items[i];
	}
	if (doubles)
		s->n = kept;
	free(doubles);
	if (s->n > WHY_ITEMS_MAX) {
		s->left_out += s->n - WHY_ITEMS_MAX;
		drop_items(s, 0, s->n - WHY_ITEMS_MAX);
	}
}

bool why_story_found(const struct why_story *s)
{
	const json_t *account = json_object_get(s->present, "account");

	if (s->n || json_array_size(json_object_get(s->present, "registrations")))
		return true;
	if (json_is_true(json_object_get(account, "under_attack")))
		return true;
	return json_is_true(json_object_get(json_object_get(s->present, "standing"), "found"));
}
