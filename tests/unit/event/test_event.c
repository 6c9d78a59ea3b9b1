/* SPDX-License-Identifier: MIT
 *
 * The JSON of events is read back with another library: whatever strangers send, it is one valid
 * line that says what was put in. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "event/event.h"

static struct flow flow_of(const char *text, enum transport t)
{
	struct flow f = {.transport = t};

	assert_int_equal(addr_parse(span_str(text), 0, &f.remote), OK);
	return f;
}

/* Writes, checks the line and gives the tree. */
static json_t *written(const struct event *e)
{
	char text[EVENT_JSON_MAX];
	struct buf b = BUF(text);
	json_error_t why;
	json_t *tree;

	event_write_json(e, SPAN("edge-1"), &b);
	assert_false(b.overflow);
	for (size_t i = 0; i < b.n; i++)
		assert_true((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
	tree = json_loadb(text, b.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	assert_non_null(tree);
	return tree;
}

static const char *str(const json_t *tree, const char *group, const char *key)
{
	return json_string_value(json_object_get(group ? json_object_get(tree, group) : tree, key));
}

static void test_all_fields(void **state UNUSED)
{
	struct flow f = flow_of("[2001:db8::7]:40000", TRANSPORT_TCP);
	struct event e;
	json_t *t, *o;

	event_init(&e, EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, UINT64_C(951782400000001));
	event_set_source(&e, &f, SPAN("public"), true);
	event_set_verdict(&e, EVENT_MODE_OBSERVE, EVENT_REPLY, 403);
	event_set_text(&e, EVENT_TEXT_METHOD, SPAN("REGISTER"));
	event_set_text(&e, EVENT_TEXT_CALL_ID, SPAN("c1"));
	event_set_text(&e, EVENT_TEXT_FROM, SPAN("sip:a@b"));
	event_set_text(&e, EVENT_TEXT_TO, SPAN(""));
	event_set_text(&e, EVENT_TEXT_USER_AGENT, SPAN("x"));
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("a@b"));
	event_set_evidence(&e, 5.25, 5, 1500 * USEC_MS);
	e.score = 2.5f;
	e.tier = EVENT_TIER_SUSPECT;
	t = written(&e);
	assert_string_equal(str(t, NULL, "ts"), "2000-02-29T00:00:00.000001Z");
	assert_string_equal(str(t, NULL, "event"), "verdict");
	assert_string_equal(str(t, NULL, "control"), "auth");
	assert_string_equal(str(t, NULL, "reason"), "auth.bad-password");
	assert_string_equal(str(t, NULL, "mode"), "observe");
	assert_string_equal(str(t, NULL, "verdict"), "reply");
	assert_int_equal(json_integer_value(json_object_get(t, "status")), 403);
	assert_true(json_number_value(json_object_get(t, "score")) == 2.5);
	assert_string_equal(str(t, NULL, "tier"), "suspect");
	assert_string_equal(str(t, "source", "ip"), "2001:db8::7");
	assert_string_equal(str(t, "source", "transport"), "tcp");
	assert_string_equal(str(t, "source", "zone"), "public");
	o = json_object_get(t, "source");
	assert_int_equal(json_integer_value(json_object_get(o, "port")), 40000);
	assert_true(json_is_true(json_object_get(o, "proven")));
	assert_true(json_is_false(json_object_get(o, "spare")));
	assert_string_equal(str(t, "sip", "to"), "");
	assert_string_equal(str(t, NULL, "account"), "a@b");
	o = json_object_get(t, "evidence");
	assert_true(json_number_value(json_object_get(o, "value")) == 5.25);
	assert_int_equal(json_integer_value(json_object_get(o, "threshold")), 5);
	assert_true(json_number_value(json_object_get(o, "window")) == 1.5);
	assert_string_equal(str(t, NULL, "node"), "edge-1");
	json_decref(t);
}

static void test_empty_event_has_all_keys(void **state UNUSED)
{
	static const char *const keys[] = {"ts", "event", "control", "reason", "mode", "verdict",
	    "status", "score", "tier", "source", "sip", "account", "evidence", "node"};
	struct event e;
	json_t *t;

	event_init(&e, EVENT_DAEMON, REASON_DAEMON_START, 0);
	t = written(&e);
	assert_int_equal(json_object_size(t), ARRAY_LEN(keys));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_non_null(json_object_get(t, keys[i]));
	assert_true(json_is_null(json_object_get(t, "source")));
	assert_true(json_is_null(json_object_get(t, "sip")));
	assert_true(json_is_null(json_object_get(t, "evidence")));
	assert_true(json_is_null(json_object_get(t, "status")));
	json_decref(t);
}

/* Every field full of the byte that needs the longest escape, and of each other byte. */
static void test_hostile_text(void **state UNUSED)
{
	char text[300];

	for (int c = 0; c < 256; c++) {
		struct event e;
		json_t *t;

		memset(text, c, sizeof(text));
		event_init(&e, EVENT_VERDICT, REASON_PARSE_HEADER, UINT64_MAX);
		for (unsigned k = 0; k < EVENT_TEXT_COUNT; k++)
			event_set_text(&e, (enum event_text)k, span_of(text, sizeof(text)));
		assert_true(e.pool_used <= EVENT_POOL);
		t = written(&e);
		assert_int_equal(json_object_size(t), 14);
		json_decref(t);
	}
}

static void test_injection_stays_text(void **state UNUSED)
{
	static const char evil[] = "x\",\"verdict\":\"pass\",\"y\":\"\r\n\x1b[2J\0\\";
	struct event e;
	json_t *t;

	event_init(&e, EVENT_VERDICT, REASON_AUTH_UNKNOWN_USER, 0);
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_DROP, 0);
	event_set_text(&e, EVENT_TEXT_USER_AGENT, span_of(evil, sizeof(evil) - 1));
	t = written(&e);
	assert_string_equal(str(t, NULL, "verdict"), "drop");
	assert_memory_equal(str(t, "sip", "user_agent"), evil, sizeof(evil) - 1);
	json_decref(t);
}

static void test_cut_text_says_so(void **state UNUSED)
{
	/* 63 bytes, then a character of two bytes across the limit of 64. */
	char text[80];
	char want[64 + 3 + 1] = {0};
	struct event e;
	json_t *t;

	memset(text, 'a', sizeof(text));
	memcpy(text + 63, "\xc3\xa9", 2);
	memset(want, 'a', 63);
	memcpy(want + 63, "\xe2\x80\xa6", 3);
	event_init(&e, EVENT_VERDICT, REASON_NONE, 0);
	event_set_text(&e, EVENT_TEXT_USER_AGENT, span_of(text, sizeof(text)));
	t = written(&e);
	assert_string_equal(str(t, "sip", "user_agent"), want);
	assert_int_equal(e.text[EVENT_TEXT_USER_AGENT].full, 80);
	json_decref(t);

	/* Exactly at the limit nothing is cut. */
	event_init(&e, EVENT_VERDICT, REASON_NONE, 0);
	event_set_text(&e, EVENT_TEXT_USER_AGENT, span_of(want, 64));
	assert_int_equal(event_text(&e, EVENT_TEXT_USER_AGENT).n, 64);
}

static void test_pool_holds_all_limits(void **state UNUSED)
{
	char text[1000];
	struct event e;

	memset(text, 'a', sizeof(text));
	event_init(&e, EVENT_VERDICT, REASON_NONE, 0);
	for (unsigned k = 0; k < EVENT_TEXT_COUNT; k++)
		event_set_text(&e, (enum event_text)k, span_of(text, sizeof(text)));
	assert_int_equal(e.pool_used, EVENT_POOL);
}

static void test_first_text_stays(void **state UNUSED)
{
	struct event e;

	event_init(&e, EVENT_VERDICT, REASON_NONE, 0);
	assert_null(event_text(&e, EVENT_TEXT_ACCOUNT).p);
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("one"));
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("two"));
	assert_true(span_eq(event_text(&e, EVENT_TEXT_ACCOUNT), SPAN("one")));
}

static void test_numbers_that_json_lacks(void **state UNUSED)
{
	static const double rows[] = {(double)INFINITY, -(double)INFINITY, (double)NAN, 1e300};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event e;
		json_t *t;

		event_init(&e, EVENT_VERDICT, REASON_NONE, 0);
		event_set_evidence(&e, rows[i], rows[i], UINT64_MAX);
		e.score = (float)NAN;
		t = written(&e);
		assert_true(json_is_null(json_object_get(json_object_get(t, "evidence"), "value")));
		assert_true(json_is_null(json_object_get(t, "score")));
		json_decref(t);
	}
}

static void test_text_as_evidence(void **state UNUSED)
{
	struct event e;
	json_t *t;

	event_init(&e, EVENT_VERDICT, REASON_CHECK_MISSING_HEADER, 0);
	event_set_evidence_text(&e, SPAN("Call-ID"));
	t = written(&e);
	assert_string_equal(str(t, "evidence", "value"), "Call-ID");
	assert_true(json_is_null(json_object_get(json_object_get(t, "evidence"), "name")));
	json_decref(t);
	/* Beside a figure it says what the figure is of. */
	event_set_evidence(&e, 3, 2, USEC_SEC);
	t = written(&e);
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(t, "evidence"), "value")), 3);
	assert_string_equal(str(t, "evidence", "name"), "Call-ID");
	json_decref(t);
}

static void test_copy_takes_what_is_used(void **state UNUSED)
{
	struct event a, b;
	json_t *x, *y;

	memset(&b, 0xa5, sizeof(b));
	event_init(&a, EVENT_CALL, REASON_CALL_START, 7);
	event_set_text(&a, EVENT_TEXT_FROM, SPAN("sip:alice@example.com"));
	event_copy(&b, &a);
	assert_int_equal((unsigned char)b.pool[a.pool_used], 0xa5);
	x = written(&a);
	y = written(&b);
	assert_true(json_equal(x, y));
	json_decref(x);
	json_decref(y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_fields),
	    cmocka_unit_test(test_empty_event_has_all_keys),
	    cmocka_unit_test(test_hostile_text),
	    cmocka_unit_test(test_injection_stays_text),
	    cmocka_unit_test(test_cut_text_says_so),
	    cmocka_unit_test(test_pool_holds_all_limits),
	    cmocka_unit_test(test_first_text_stays),
	    cmocka_unit_test(test_numbers_that_json_lacks),
	    cmocka_unit_test(test_text_as_evidence),
	    cmocka_unit_test(test_copy_takes_what_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
