/* SPDX-License-Identifier: MIT
 *
 * The commands about sources, without a socket: what they make of a request, what they ask of the
 * daemon, what they answer. And the members of `status` that tell of the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>

#include "admin/command.h"

#define NOW  (1000 * USEC_SEC)
#define BANS 3000

/* What was asked of the daemon, and what it is to answer. */
static struct {
	char what[ADDR_TEXT_MAX], words[64];
	int64_t uid;
	usec_t time;
	enum err answer;
	size_t ended, bans, called;
	struct addr source;
} asked;

static void keep(const struct prefix *what, const struct admin_person *who)
{
	struct buf b = BUF(asked.what), words = BUF(asked.words);

	asked.called++;
	if (what)
		prefix_add(&b, what);
	buf_add_span(&words, who->words);
	assert_true(buf_terminate(&b) && buf_terminate(&words));
	asked.uid = who->uid;
}

static void fake_where(void *arg UNUSED, const struct standing_view *v,
    const struct prefix *prefix UNUSED, struct plan_place *out)
{
	if (v->manual)
		out->backends = 1u << HELPER_NFTABLES;
	else
		out->why = "it is one device";
}

static enum err fake_ban(void *arg UNUSED, const struct prefix *what, usec_t time,
    const struct admin_person *who, struct buf *why, usec_t *out_time)
{
	keep(what, who);
	asked.time = time;
	if (asked.answer == ERR_DENIED)
		buf_add_lit(why, "192.0.2.0/24 contains peer \"a\"");
	else
		*out_time = time ? time : 600 * USEC_SEC;
	return asked.answer;
}

static size_t fake_unban(
    void *arg UNUSED, const struct prefix *what, const struct admin_person *who, bool *out_kernel)
{
	*out_kernel = false;
	keep(what, who);
	return asked.ended;
}

/* A prefix by hand, then addresses, a flow and a device. */
static bool fake_bans(
    void *arg UNUSED, size_t *cursor, size_t budget UNUSED, standing_ban_fn *fn, void *fn_arg)
{
	for (; *cursor < asked.bans; ++*cursor) {
		struct standing_view v = {.banned_until = NOW + 1500 * USEC_MS,
		    .reason = REASON_AUTH_BAD_PASSWORD,
		    .offences = 2,
		    .dropped = 7,
		    .score = 12.5f,
		    .seen = NOW - 3 * USEC_SEC};
		struct addr a = {.ip = {[10] = 0xff, 0xff, 198, 51, 0, 0}};
		struct prefix p;

		a.ip[14] = (uint8_t)(*cursor >> 8);
		a.ip[15] = (uint8_t)*cursor;
		v.key = ledger_key(LEDGER_SOURCE, &a, 0, 0);
		if (*cursor == 1)
			v.key = ledger_key(LEDGER_FLOW, &a, 5062, 0);
		if (*cursor == 2)
			v.key = ledger_key(LEDGER_DEVICE, &a, 0, 99);
		assert_int_equal(prefix_parse(SPAN("192.0.2.0/24"), &p), OK);
		if (*cursor == 0) {
			v = (struct standing_view){.banned_until = NOW + USEC_SEC,
			    .manual = true,
			    .reason = REASON_STANDING_MANUAL};
			if (!fn(fn_arg, &v, &p))
				return true;
		} else if (!fn(fn_arg, &v, NULL)) {
			return true;
		}
	}
	return false;
}

static void fake_standing(void *arg UNUSED, const struct addr *source, struct admin_standing *out)
{
	asked.source = *source;
	out->found = true;
	out->view.tier = EVENT_TIER_SUSPECT;
	out->view.score = 6.25f;
	out->view.reason = REASON_SCAN_USERS;
	out->view.rate[LEDGER_OPTIONS] = 11;
	out->view.known_until = NOW + 1;
	out->view.seen = NOW;
	out->suspect = 5;
	out->deny = 10;
	snprintf(out->exempt, sizeof(out->exempt), "peer a");
}

static void fake_status(void *arg UNUSED, struct admin_status *out)
{
	struct admin_judge *g = &out->judge;

	g->ledger = (struct ledger_stats){.entries = 4, .capacity = 64, .evicted = 3, .refused = 2};
	g->tiers.n[EVENT_TIER_KNOWN] = 9;
	g->tiers.banned = 5;
	g->queues[EVENT_TIER_SUSPECT] = (struct admin_queue){1, 2, 3};
	g->waiting = 10;
	g->controls[g->controls_n++] = (struct admin_control){"flood", "observe", 8};
	g->attacked = 6;
	g->scan_entries = 12;
	g->scan_capacity = 32;
	g->scan_evicted = 13;
}

static const struct admin_backend backend = {.ban = fake_ban,
    .unban = fake_unban,
    .bans = fake_bans,
    .where = fake_where,
    .standing = fake_standing,
    .status = fake_status};

static char text[ADMIN_REPLY_MAX], scratch[ADMIN_SCRATCH];

/* The answer; the caller frees it. */
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
	    .uid = 1000,
	    .scratch = scratch};

	assert_non_null(parsed);
	memset(scratch, 'x', sizeof(scratch));
	admin_command_run(&c, &b);
	reply = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_object(reply));
	json_decref(parsed);
	return reply;
}

static const char *string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void clear(enum err answer)
{
	memset(&asked, 0, sizeof(asked));
	asked.answer = answer;
}

static void test_ban(void **state UNUSED)
{
	static const struct {
		const char *request, *what, *source;
		usec_t time;
	} rows[] = {
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.7\"}", "192.0.2.7/32", "192.0.2.7", 0},
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.0/24\",\"seconds\":1}", "192.0.2.0/24",
		"192.0.2.0/24", USEC_SEC},
	    {"{\"command\":\"ban\",\"source\":\"2001:db8::1\",\"seconds\":31536000}",
		"2001:db8::/64", "2001:db8::/64", 31536000 * USEC_SEC},
	    {"{\"command\":\"ban\",\"source\":\"2001:db8:1::/48\"}", "2001:db8:1::/48",
		"2001:db8:1::/48", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t;

		clear(OK);
		t = ask(rows[i].request);
		assert_true(json_is_true(json_object_get(t, "ok")));
		assert_string_equal(asked.what, rows[i].what);
		assert_int_equal(asked.time, rows[i].time);
		assert_int_equal(asked.uid, 1000);
		assert_string_equal(string(t, "source"), rows[i].source);
		assert_int_equal(
		    number(t, "expires_in"), rows[i].time ? rows[i].time / USEC_SEC : 600);
		json_decref(t);
	}
}

static void test_requests_that_are_wrong(void **state UNUSED)
{
	static const struct {
		const char *request, *error;
	} rows[] = {
	    {"{\"command\":\"ban\"}", "source: must be"},
	    {"{\"command\":\"ban\",\"source\":7}", "source: must be"},
	    {"{\"command\":\"ban\",\"source\":\"example.com\"}", "source: must be"},
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.7/24\"}", "source: bits are set"},
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.7\",\"seconds\":0}", "every ban ends"},
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.7\",\"seconds\":-1}", "every ban ends"},
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.7\",\"seconds\":31536001}",
		"every ban ends"},
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.7\",\"seconds\":\"9\"}", "every ban ends"},
	    {"{\"command\":\"ban\",\"source\":\"192.0.2.7\",\"reason\":"
	     "\"0123456789012345678901234567890123456789012345678\"}",
		"reason: at most 48"},
	    {"{\"command\":\"unban\"}", "source: must be"},
	    {"{\"command\":\"unban\",\"all\":false}", "source: must be"},
	    {"{\"command\":\"unban\",\"all\":1,\"source\":\"x\"}", "source: must be"},
	    {"{\"command\":\"bans\",\"source\":\"x\"}", "source: must be"},
	    {"{\"command\":\"bans\",\"cursor\":\"x\"}", "cursor"},
	    {"{\"command\":\"bans\",\"cursor\":\"-1\"}", "cursor"},
	    {"{\"command\":\"standing\"}", "source: must be"},
	    {"{\"command\":\"standing\",\"source\":\"192.0.2.0/24\"}", "source: must be"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t;

		clear(OK);
		t = ask(rows[i].request);
		assert_true(json_is_false(json_object_get(t, "ok")));
		if (!strstr(string(t, "error"), rows[i].error))
			fail_msg("%s: %s", rows[i].request, string(t, "error"));
		assert_int_equal(asked.called, 0);
		json_decref(t);
	}
}

static void test_a_ban_that_is_refused(void **state UNUSED)
{
	static const struct {
		enum err answer;
		const char *error;
	} rows[] = {
	    {ERR_DENIED, "192.0.2.0/24 contains peer \"a\""},
	    {ERR_FULL, "as many prefixes are banned by hand as there is room for; `unban` some"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t;

		clear(rows[i].answer);
		t = ask("{\"command\":\"ban\",\"source\":\"192.0.2.0/24\",\"reason\":\"why "
			"not\"}");
		assert_true(json_is_false(json_object_get(t, "ok")));
		assert_string_equal(string(t, "error"), rows[i].error);
		assert_string_equal(asked.words, "why not");
		assert_null(json_object_get(t, "expires_in"));
		json_decref(t);
	}
}

static void test_unban(void **state UNUSED)
{
	static const struct {
		const char *request, *what;
	} rows[] = {
	    {"{\"command\":\"unban\",\"source\":\"192.0.2.7\",\"reason\":\"sorry\"}",
		"192.0.2.7/32"},
	    {"{\"command\":\"unban\",\"all\":true}", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t;

		clear(OK);
		asked.ended = i + 2;
		t = ask(rows[i].request);
		assert_true(json_is_true(json_object_get(t, "ok")));
		assert_string_equal(asked.what, rows[i].what);
		assert_int_equal(number(t, "ended"), i + 2);
		json_decref(t);
	}
}

/* Nothing ended, but something that meets it is banned: that is told. */
static void test_unban_of_a_part(void **state UNUSED)
{
	static const struct {
		const char *source, *but;
	} rows[] = {
	    {"192.0.2.7", "192.0.2.0/24"},
	    {"198.51.0.0/24", "198.51.0.1"},
	    {"203.0.113.7", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char request[96];
		json_t *t;

		clear(OK);
		asked.bans = 5;
		snprintf(request, sizeof(request), "{\"command\":\"unban\",\"source\":\"%s\"}",
		    rows[i].source);
		t = ask(request);
		assert_int_equal(number(t, "ended"), 0);
		if (rows[i].but)
			assert_string_equal(string(t, "but"), rows[i].but);
		else
			assert_null(json_object_get(t, "but"));
		json_decref(t);
	}
}

static void test_bans_and_their_kinds(void **state UNUSED)
{
	static const struct {
		const char *source, *kind;
	} rows[] = {
	    {"192.0.2.0/24", "prefix"},
	    {"198.51.0.1:5062", "flow"},
	    {"198.51.0.2", "device"},
	    {"198.51.0.3", "address"},
	};
	const json_t *list;
	json_t *t;

	clear(OK);
	asked.bans = ARRAY_LEN(rows);
	t = ask("{\"command\":\"bans\"}");
	list = json_object_get(t, "bans");
	assert_int_equal(json_array_size(list), ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(string(json_array_get(list, i), "source"), rows[i].source);
		assert_string_equal(string(json_array_get(list, i), "kind"), rows[i].kind);
	}
	/* By hand: never seen. */
	assert_string_equal(string(json_array_get(list, 0), "reason"), "standing.manual");
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "manual")));
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "seen_ago")));
	assert_int_equal(number(json_array_get(list, 0), "expires_in"), 1);
	assert_string_equal(json_string_value(json_array_get(
				json_object_get(json_array_get(list, 0), "enforced"), 1)),
	    "nftables");
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "ledger_only")));
	/* By what it did; the time is rounded up. */
	assert_string_equal(string(json_array_get(list, 3), "reason"), "auth.bad-password");
	assert_int_equal(number(json_array_get(list, 3), "expires_in"), 2);
	assert_int_equal(json_array_size(json_object_get(json_array_get(list, 3), "enforced")), 1);
	assert_string_equal(string(json_array_get(list, 3), "ledger_only"), "it is one device");
	assert_int_equal(number(json_array_get(list, 3), "offences"), 2);
	assert_int_equal(number(json_array_get(list, 3), "dropped"), 7);
	assert_int_equal(number(json_array_get(list, 3), "seen_ago"), 3);
	assert_true(json_real_value(json_object_get(json_array_get(list, 3), "score")) == 12.5);
	json_decref(t);
}

/* Those that lie in what was asked for, and those that it lies in. */
static void test_bans_of_a_source(void **state UNUSED)
{
	static const struct {
		const char *source;
		size_t n;
	} rows[] = {
	    {"192.0.2.7", 1},
	    {"192.0.2.0/25", 1},
	    {"192.0.0.0/16", 1},
	    {"192.0.3.0/24", 0},
	    {"198.51.0.0/30", 3},
	    {"198.51.0.3", 1},
	    {"198.51.0.5", 0},
	    {"2001:db8::1", 0},
	};

	clear(OK);
	asked.bans = 5;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char request[96];
		json_t *t;

		snprintf(request, sizeof(request), "{\"command\":\"bans\",\"source\":\"%s\"}",
		    rows[i].source);
		t = ask(request);
		if (json_array_size(json_object_get(t, "bans")) != rows[i].n)
			fail_msg(
			    "%s: %zu", rows[i].source, json_array_size(json_object_get(t, "bans")));
		json_decref(t);
	}
}

static void test_bans_by_page(void **state UNUSED)
{
	char request[96] = "{\"command\":\"bans\"}";
	size_t seen = 0, pages = 0;
	bool more = true;

	clear(OK);
	asked.bans = BANS;
	for (; more; pages++) {
		json_t *t = ask(request);
		const char *cursor = string(t, "cursor");

		assert_true(json_is_true(json_object_get(t, "ok")));
		seen += json_array_size(json_object_get(t, "bans"));
		more = cursor != NULL;
		if (more)
			snprintf(request, sizeof(request),
			    "{\"command\":\"bans\",\"cursor\":\"%s\"}", cursor);
		json_decref(t);
	}
	assert_int_equal(seen, BANS);
	assert_true(pages > 2);
}

static void test_standing(void **state UNUSED)
{
	json_t *t;

	clear(OK);
	t = ask("{\"command\":\"standing\",\"source\":\"[2001:db8::1]:5062\"}");
	assert_int_equal(asked.source.port, 5062);
	assert_string_equal(string(t, "source"), "[2001:db8::1]:5062");
	assert_string_equal(string(t, "tier"), "suspect");
	assert_string_equal(string(t, "reason"), "scan.users");
	assert_string_equal(string(t, "exempt"), "peer a");
	assert_int_equal(number(t, "known_for"), 1);
	assert_int_equal(number(t, "deny"), 10);
	assert_int_equal(number(json_object_get(t, "rates"), "options"), 11);
	assert_true(json_real_value(json_object_get(t, "score")) == 6.25);
	json_decref(t);
	t = ask("{\"command\":\"standing\",\"source\":\"192.0.2.7\"}");
	assert_int_equal(asked.source.port, 0);
	assert_string_equal(string(t, "source"), "192.0.2.7");
	json_decref(t);
}

static void test_the_judge_in_status(void **state UNUSED)
{
	json_t *t = ask("{\"command\":\"status\"}"), *ledger = json_object_get(t, "ledger");
	const json_t *queues = json_object_get(t, "queues"), *suspect, *flood;

	assert_int_equal(number(ledger, "now"), 4);
	assert_int_equal(number(ledger, "max"), 64);
	assert_int_equal(number(ledger, "evicted"), 3);
	assert_int_equal(number(ledger, "refused"), 2);
	assert_int_equal(number(ledger, "banned"), 5);
	assert_int_equal(number(json_object_get(ledger, "tiers"), "known"), 9);
	assert_int_equal(json_array_size(queues), 6);
	assert_string_equal(string(json_array_get(queues, 0), "tier"), "trusted");
	suspect = json_array_get(queues, 4);
	assert_string_equal(string(suspect, "tier"), "suspect");
	assert_int_equal(number(suspect, "served"), 1);
	assert_int_equal(number(suspect, "refused"), 2);
	assert_int_equal(number(suspect, "dropped"), 3);
	assert_int_equal(number(t, "waiting"), 10);
	flood = json_array_get(json_object_get(t, "controls"), 0);
	assert_string_equal(string(flood, "mode"), "observe");
	assert_int_equal(number(flood, "would"), 8);
	assert_int_equal(number(json_object_get(t, "guessing"), "accounts_under_attack"), 6);
	assert_int_equal(number(json_object_get(t, "scan"), "now"), 12);
	assert_int_equal(number(json_object_get(t, "scan"), "max"), 32);
	assert_int_equal(number(json_object_get(t, "scan"), "evicted"), 13);
	json_decref(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ban),
	    cmocka_unit_test(test_requests_that_are_wrong),
	    cmocka_unit_test(test_a_ban_that_is_refused),
	    cmocka_unit_test(test_unban),
	    cmocka_unit_test(test_unban_of_a_part),
	    cmocka_unit_test(test_bans_and_their_kinds),
	    cmocka_unit_test(test_bans_of_a_source),
	    cmocka_unit_test(test_bans_by_page),
	    cmocka_unit_test(test_standing),
	    cmocka_unit_test(test_the_judge_in_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
