/* SPDX-License-Identifier: MIT
 *
 * `top` without a socket: what it makes of a request, how it cuts the ledger into slices, that a
 * source stands in an answer once, and what the first answer has beside the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "admin/command.h"

#define NOW  (1000 * USEC_SEC)
#define SETS 20000

static struct {
	enum standing_top_key key;
	size_t max, budget, cursor, called, figures;
	struct standing_filter filter;
} asked;

static struct standing_top_item item_of(const char *address, enum ledger_kind kind)
{
	struct standing_top_item item = {.view = {.tier = EVENT_TIER_DENIED,
					     .banned_until = NOW + 90 * USEC_SEC,
					     .reason = REASON_SCAN_SIGNATURE,
					     .dropped = 12,
					     .seen = NOW - 3 * USEC_SEC,
					     .rate = {[LEDGER_INVITE] = 7}}};
	struct addr a;

	assert_int_equal(addr_parse(span_str(address), 0, &a), OK);
	item.view.key = ledger_key(kind, &a, 0, 0);
	return item;
}

/* One source in each slice, and another one in both lists. */
static bool fake_top(
    void *arg UNUSED, size_t *cursor, size_t budget, struct standing_top *t, usec_t *out_window)
{
	asked.called++;
	asked.key = t->key;
	asked.max = t->max;
	asked.budget = budget;
	asked.cursor = *cursor;
	asked.filter = *t->filter;
	t->tiers = (struct standing_tiers){.held = 2};
	t->tiers.n[EVENT_TIER_DENIED] = 5;
	t->found.n = t->dropped.n = 0;
	t->found.at[t->found.n++].item = item_of("192.0.2.1", LEDGER_SOURCE);
	t->found.at[t->found.n++].item = item_of("192.0.2.2", LEDGER_SOURCE);
	t->dropped.at[t->dropped.n++].item = item_of("192.0.2.2", LEDGER_SOURCE);
	t->dropped.at[t->dropped.n++].item = item_of("192.0.2.2", LEDGER_PREFIX);
	t->dropped.at[t->dropped.n].item = (struct standing_top_item){.by_hand = true};
	assert_int_equal(
	    prefix_parse(SPAN("198.51.0.0/16"), &t->dropped.at[t->dropped.n++].item.prefix), OK);
	*out_window = 2 * USEC_SEC;
	*cursor = MIN(*cursor + budget, (size_t)SETS);
	return *cursor < SETS;
}

static void fake_figures(void *arg UNUSED, struct admin_status *out)
{
	asked.figures++;
	out->judge.unwalked = true;
	out->pid = 99;
	out->totals.v[COUNTER_RECEIVED_UDP] = 7;
}

static const struct admin_backend backend = {.top = fake_top, .figures = fake_figures};

static char text[ADMIN_REPLY_MAX], scratch[ADMIN_SCRATCH];

static json_t *ask(const char *request)
{
	static struct event_hub hub;
	static struct admin_rate rate;
	struct buf b = BUF(text);
	json_t *parsed = json_loads(request, 0, NULL), *reply;
	struct admin_call c = {.backend = &backend,
	    .hub = &hub,
	    .rate = &rate,
	    .request = parsed,
	    .now = NOW,
	    .scratch = scratch};

	assert_non_null(parsed);
	memset(&asked, 0, sizeof(asked));
	admin_command_run(&c, &b);
	reply = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_object(reply));
	json_decref(parsed);
	return reply;
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void first_answer(void **state UNUSED)
{
	static const char *const names[] = {
	    "192.0.2.1", "192.0.2.2", "192.0.2.0/24", "198.51.0.0/16"};
	json_t *t = ask("{\"command\":\"top\"}"), *sources = json_object_get(t, "sources");
	const json_t *s = json_array_get(sources, 0);

	assert_true(json_is_true(json_object_get(t, "ok")));
	assert_int_equal(asked.key, STANDING_TOP_RATE);
	assert_int_equal(asked.max, 50);
	assert_false(asked.filter.by_prefix || asked.filter.by_name);
	assert_int_equal(asked.figures, 1);
	assert_int_equal(number(t, "pid"), 99);
	assert_int_equal(number(json_object_get(t, "counters"), "received.udp"), 7);
	assert_int_equal(number(t, "now"), NOW);
	assert_int_equal(number(t, "rate_window"), 2 * USEC_SEC);
	assert_null(json_object_get(json_object_get(t, "ledger"), "tiers"));
	assert_int_equal(number(json_object_get(t, "slice"), "held"), 2);
	assert_int_equal(json_array_size(sources), ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(
		    json_string_value(json_object_get(json_array_get(sources, i), "source")),
		    names[i]);
	assert_string_equal(json_string_value(json_object_get(s, "tier")), "denied");
	assert_string_equal(json_string_value(json_object_get(s, "reason")), "scan.signature");
	assert_int_equal(number(s, "banned_for"), 90);
	assert_int_equal(number(s, "seen_ago"), 3);
	assert_int_equal(number(json_object_get(s, "rates"), "invite"), 7);
	json_decref(t);
}

/* Figures with the first slice only; the slices together are all of it. */
static void slices(void **state UNUSED)
{
	char request[128] = "{\"command\":\"top\",\"sort\":\"dropped\",\"count\":7}";
	size_t figures = 0, calls = 0, looked = 0;
	bool more;

	do {
		json_t *t = ask(request);
		const char *cursor = json_string_value(json_object_get(t, "cursor"));

		calls++;
		figures += asked.figures;
		assert_int_equal(asked.cursor, looked);
		looked += asked.budget;
		assert_int_equal(asked.max, 7);
		assert_int_equal(asked.key, STANDING_TOP_DROPPED);
		more = cursor != NULL;
		if (more)
			snprintf(request, sizeof(request),
			    "{\"command\":\"top\",\"sort\":\"dropped\",\"count\":7,"
			    "\"cursor\":\"%s\"}",
			    cursor);
		json_decref(t);
	} while (more);
	assert_int_equal(figures, 1);
	assert_true(calls > 1 && looked >= SETS);
}

static void requests_that_are_wrong(void **state UNUSED)
{
	static const struct {
		const char *request, *error;
	} rows[] = {
	    {"{\"command\":\"top\",\"sort\":\"size\"}", "sort: must be rate"},
	    {"{\"command\":\"top\",\"sort\":7}", "sort: must be rate"},
	    {"{\"command\":\"top\",\"count\":0}", "count: must be"},
	    {"{\"command\":\"top\",\"count\":129}", "count: must be"},
	    {"{\"command\":\"top\",\"count\":\"9\"}", "count: must be"},
	    {"{\"command\":\"top\",\"filter\":\"nobody\"}", "filter: no address"},
	    {"{\"command\":\"top\",\"cursor\":\"x\"}", "cursor: not one of ours"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t = ask(rows[i].request);
		const char *error = json_string_value(json_object_get(t, "error"));

		assert_true(json_is_false(json_object_get(t, "ok")));
		if (!strstr(error, rows[i].error))
			fail_msg("%s: %s", rows[i].request, error);
		assert_int_equal(asked.called, 0);
		json_decref(t);
	}
}

/* All that a slice can hold fits into one answer. */
static bool full_top(void *arg UNUSED, size_t *cursor UNUSED, size_t budget UNUSED,
    struct standing_top *t, usec_t *out_window)
{
	for (size_t i = 0; i < STANDING_TOP_MAX; i++) {
		struct standing_top_item item = item_of("2001:db8:1111:2222::1", LEDGER_SOURCE);

		item.view.key.hi += i;
		t->found.at[i].item = item;
		item.view.key.hi += 1000;
		t->dropped.at[i].item = item;
	}
	t->found.n = t->dropped.n = STANDING_TOP_MAX;
	*out_window = 1;
	return false;
}

static void largest_answer(void **state UNUSED)
{
	struct admin_backend full = {.top = full_top, .figures = fake_figures};
	static struct event_hub hub;
	static struct admin_rate rate;
	struct buf b = BUF(text);
	json_t *request = json_pack("{s:s}", "command", "top"), *reply;
	struct admin_call c = {.backend = &full,
	    .hub = &hub,
	    .rate = &rate,
	    .request = request,
	    .now = NOW,
	    .scratch = scratch};

	admin_command_run(&c, &b);
	reply = json_loadb(b.p, b.n, 0, NULL);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_int_equal(json_array_size(json_object_get(reply, "sources")), 2 * STANDING_TOP_MAX);
	json_decref(reply);
	json_decref(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_answer),
	    cmocka_unit_test(slices),
	    cmocka_unit_test(requests_that_are_wrong),
	    cmocka_unit_test(largest_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
