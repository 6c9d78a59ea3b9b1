/* SPDX-License-Identifier: MIT
 *
 * `why`, without a socket: what it is asked about, what it tells of it, its pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>

#include "admin/command.h"

#define NOW  (1000 * USEC_SEC)
#define WALL (UINT64_C(1800000000) * USEC_SEC)

static void fake_standing(
    void *arg UNUSED, const struct addr *source UNUSED, struct admin_standing *out)
{
	out->found = true;
	out->view.tier = EVENT_TIER_SUSPECT;
	out->view.score = 6.25f;
	out->suspect = 5;
	out->deny = 10;
}

static const struct standing_policy *fake_policy(void *arg UNUSED)
{
	static const struct conf_standing conf = {
	    .mode = CONF_MODE_OBSERVE, .half_life = 90 * USEC_SEC, .suspect = 5, .deny = 10};
	static struct standing_policy p = {.conf = &conf};

	p.weight[REASON_AUTH_BAD_PASSWORD] = 7;
	return &p;
}

static void fake_account(void *arg UNUSED, struct span account UNUSED, struct admin_account *out)
{
	out->view = (struct guessing_view){.failures = 21, .places = 2, .closed_until = NOW + 1};
	out->threshold = 20;
	out->window = 600 * USEC_SEC;
}

static void fake_registration(
    void *arg UNUSED, struct span aor UNUSED, bindings_each_fn *fn UNUSED, void *fn_arg UNUSED)
{
}

static void fake_where(void *arg UNUSED, const struct standing_view *v UNUSED,
    const struct prefix *prefix UNUSED, struct plan_place *out)
{
	out->why = "not yet";
}

static const struct admin_backend backend = {.standing = fake_standing,
    .where = fake_where,
    .policy = fake_policy,
    .account = fake_account,
    .registration = fake_registration};

static struct event_hub hub;

/* The answer; the caller frees it. */
static json_t *ask(json_t *request)
{
	static char text[ADMIN_REPLY_MAX], scratch[ADMIN_SCRATCH];
	struct buf b = BUF(text);
	struct admin_call c = {.backend = &backend,
	    .hub = &hub,
	    .request = request,
	    .now = NOW,
	    .wall = WALL,
	    .scratch = scratch};
	json_t *reply;

	assert_non_null(request);
	admin_command_run(&c, &b);
	reply = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_object(reply));
	json_decref(request);
	return reply;
}

static json_t *ask_about(const char *about)
{
	return ask(json_pack("{s:s, s:s}", "command", "why", "about", about));
}

static const char *string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static size_t count(const json_t *reply)
{
	return json_array_size(json_object_get(reply, "events"));
}

static void add(unsigned i)
{
	struct flow f = {.transport = TRANSPORT_TCP};
	struct event e;
	char id[32];

	assert_int_equal(addr_parse_ip(SPAN("192.0.2.7"), &f.remote), OK);
	event_init(&e, EVENT_CALL, REASON_CALL_START, WALL + i);
	event_set_source(&e, &f, SPAN("public"), true);
	(void)snprintf(id, sizeof(id), "%u@phone.example", i);
	event_set_text(&e, EVENT_TEXT_CALL_ID, span_str(id));
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("alice@example.com"));
	event_set_text(&e, EVENT_TEXT_TO, SPAN("sip:bob@example.com"));
	event_hub_emit(&hub, &e);
}

static int setup(void **state UNUSED)
{
	static const struct siphash_key key = {1, 2};

	event_hub_init(&hub, SPAN("edge-1"));
	assert_int_equal(event_history_new(4 << 20, &key, WALL, &hub.history), OK);
	for (unsigned i = 0; i < 500; i++)
		add(i);
	return 0;
}

static int teardown(void **state UNUSED)
{
	event_history_free(hub.history);
	event_hub_done(&hub);
	return 0;
}

static void test_kinds(void **state UNUSED)
{
	static const struct {
		const char *about, *kind;
		bool found;
	} rows[] = {
	    {"192.0.2.7", "source", true},
	    {"192.0.2.0/24", "source", true},
	    {"192.0.2.8", "source", false},
	    {"198.51.100.0/24", "source", false},
	    {"alice@example.com", "account", true},
	    {"BOB@example.com", "account", true},
	    {"carol@example.com", "account", false},
	    {"unknown", "call", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t = ask_about(rows[i].about);

		assert_true(json_is_true(json_object_get(t, "ok")));
		assert_string_equal(string(t, "kind"), rows[i].kind);
		assert_int_equal(count(t) > 0, rows[i].found);
		json_decref(t);
	}
	/* A Call-ID that looks like an account. */
	{
		json_t *t = ask(json_pack("{s:s, s:s, s:s}", "command", "why", "kind", "call",
		    "about", "17@phone.example"));

		assert_int_equal(count(t), 1);
		assert_string_equal(string(t, "kind"), "call");
		json_decref(t);
	}
}

static void test_present(void **state UNUSED)
{
	json_t *t = ask_about("192.0.2.7"), *o = json_object_get(t, "policy");

	assert_string_equal(string(json_object_get(t, "standing"), "tier"), "suspect");
	assert_string_equal(string(o, "mode"), "observe");
	assert_int_equal(json_integer_value(json_object_get(o, "half_life")), 90);
	o = json_object_get(o, "weights");
	assert_int_equal(json_integer_value(json_object_get(o, "auth.bad-password")), 7);
	assert_string_equal(
	    string(json_object_get(t, "history"), "since"), "2027-01-15T08:00:00.000000Z");
	json_decref(t);
	t = ask_about("alice@example.com");
	o = json_object_get(t, "account");
	assert_true(json_is_true(json_object_get(o, "under_attack")));
	assert_int_equal(json_integer_value(json_object_get(o, "closed_for")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "failures")), 21);
	assert_true(json_is_array(json_object_get(t, "registrations")));
	json_decref(t);
}

/* All of it, page by page, each event once, the newest first. */
static void test_pages(void **state UNUSED)
{
	json_t *t = ask_about("192.0.2.0/24");
	size_t n = 0, pages = 0;

	for (;;) {
		json_t *cursor = json_incref(json_object_get(t, "cursor")), *e;
		size_t i;

		pages++;
		json_array_foreach(json_object_get(t, "events"), i, e)
		{
			char id[32];

			(void)snprintf(id, sizeof(id), "%zu@phone.example", 499 - n++);
			assert_string_equal(string(json_object_get(e, "sip"), "call_id"), id);
			assert_int_equal(json_integer_value(json_object_get(e, "count")), 1);
		}
		json_decref(t);
		if (!cursor)
			break;
		t = ask(json_pack("{s:s, s:s, s:i, s:o}", "command", "why", "about", "192.0.2.0/24",
		    "limit", 90, "cursor", cursor));
		assert_true(json_is_true(json_object_get(t, "ok")));
		assert_null(json_object_get(t, "standing"));
	}
	assert_int_equal(n, 500);
	assert_true(pages >= 5);
}

static void test_refused(void **state UNUSED)
{
	static const char *const rows[] = {
	    "{\"command\":\"why\"}",
	    "{\"command\":\"why\",\"about\":\"\"}",
	    "{\"command\":\"why\",\"about\":7}",
	    "{\"command\":\"why\",\"about\":\"x\",\"kind\":\"source\"}",
	    "{\"command\":\"why\",\"about\":\"x\",\"kind\":\"y\"}",
	    "{\"command\":\"why\",\"about\":\"x\",\"cursor\":\"1:2\"}",
	    "{\"command\":\"why\",\"about\":\"x\",\"cursor\":\"1:2:3:4:5:6:7:8:9:10:11\"}",
	    "{\"command\":\"why\",\"about\":\"x\",\"cursor\":\"-1:2:3:4:5:6:7:8:9:10\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t = ask(json_loads(rows[i], 0, NULL));

		assert_true(json_is_false(json_object_get(t, "ok")));
		assert_non_null(string(t, "error"));
		json_decref(t);
	}
	/* Positions that never were: nothing, and no harm. */
	{
		json_t *t = ask(json_pack("{s:s, s:s, s:s}", "command", "why", "about", "192.0.2.7",
		    "cursor", "18446744073709551615:1:2:3:4:5:6:7:8:9"));

		assert_true(json_is_true(json_object_get(t, "ok")));
		assert_int_equal(count(t), 0);
		json_decref(t);
	}
}

static void test_no_history(void **state UNUSED)
{
	struct event_history *h = hub.history;
	json_t *t;

	hub.history = NULL;
	t = ask_about("192.0.2.7");
	hub.history = h;
	assert_true(json_is_true(json_object_get(t, "ok")));
	assert_true(json_is_null(json_object_get(t, "history")));
	assert_int_equal(count(t), 0);
	json_decref(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_present),
	    cmocka_unit_test(test_pages),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_no_history),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
