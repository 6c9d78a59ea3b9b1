/* SPDX-License-Identifier: MIT
 *
 * The story that `why` tells, without a daemon: what is taken for the same, the order, what fits,
 * what is said, and what happens when there is no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/text.h"
#include "cli/why_text.h"

#define NOW (UINT64_C(1796000000) * USEC_SEC) /* 2026-11-30 */

static char text[1 << 20];

/* An event at a second of NOW's minute before last. */
static json_t *event(unsigned second, const char *reason, const char *kind, const char *verdict,
    double score, const char *tier)
{
	char ts[EVENT_TIME_MAX];
	struct buf b = BUF(ts);

	event_add_time(&b, NOW - 100 * USEC_SEC + second * USEC_SEC);
	return json_pack(
	    "{s:s%, s:s, s:s, s:s, s:s, s:i, s:f, s:s, s:{s:s, s:i, s:s}, s:{s:s, s:s, "
	    "s:s}, s:s}",
	    "ts", b.p, b.n, "event", kind, "reason", reason, "mode", "enforce", "verdict", verdict,
	    "status", 401, "score", score, "tier", tier, "source", "ip", "192.0.2.7", "port", 5060,
	    "transport", "udp", "sip", "method", "REGISTER", "to", "sip:alice@example.com:5060",
	    "call_id", "c1", "account", "alice@example.com");
}

static json_t *failure(unsigned second, double score)
{
	return event(second, "auth.bad-password", "verdict", "reply", score, "unknown");
}

static json_t *ban(unsigned second)
{
	json_t *e = event(second, "standing.banned", "standing", "drop", 12, "denied");

	json_object_set_new(e, "evidence",
	    json_pack("{s:i, s:i, s:i, s:s}", "value", 12, "threshold", 10, "window", 600, "name",
		"guessing.pair"));
	return e;
}

static void begin(struct why_story *s, enum why_kind kind, const char *about)
{
	assert_int_equal(why_story_init(s, kind, span_str(about), 0), OK);
}

static const char *told(const struct why_story *s, unsigned lines)
{
	const struct why_text o = {.now = NOW, .lines = lines};
	struct buf b = BUF(text);

	why_text_add(&b, s, &o);
	assert_true(buf_terminate(&b));
	return text;
}

static bool says(const char *all, const char *what)
{
	if (strstr(all, what))
		return true;
	print_message("lacks \"%s\":\n%s\n", what, all);
	return false;
}

static void test_times(void **state UNUSED)
{
	static const char *const bad[] = {"", "2026-01-01", "2026-01-01T00:00:00Z",
	    "2026-01-01 00:00:00.000000Z", "2026-01-01T00:00:00.00000xZ",
	    "2026-01-01T00:00:00.000000Z ", "1926-01-01T00:00:00.000000Z"};
	char written[EVENT_TIME_MAX];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(why_time(span_str(bad[i])), 0);
	for (usec_t t = 1; t < NOW * 2; t = t * 3 + 7) {
		struct buf b = BUF(written);

		event_add_time(&b, t);
		assert_int_equal(why_time(buf_span(&b)), t < USEC_SEC ? 0 : t);
	}
}

static void test_what_fits(void **state UNUSED)
{
	static const struct {
		enum why_kind kind;
		const char *about;
		bool fits;
	} rows[] = {
	    {WHY_SOURCE, "192.0.2.7", true},
	    {WHY_SOURCE, "192.0.2.0/24", true},
	    {WHY_SOURCE, "192.0.2.70", false},
	    {WHY_SOURCE, "2001:db8::1", false},
	    {WHY_ACCOUNT, "ALICE@example.com", true},
	    {WHY_ACCOUNT, "alice@example.org", false},
	    {WHY_CALL, "c1", true},
	    {WHY_CALL, "c", false},
	};
	json_t *e = failure(0, 1);
	struct why_story s;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&s, rows[i].kind, rows[i].about);
		assert_int_equal(why_story_wants(&s, e), rows[i].fits);
		why_story_done(&s);
	}
	json_decref(e);
	assert_int_equal(why_story_init(&s, WHY_SOURCE, SPAN("alice"), 0), ERR_SYNTAX);
	/* A Call-ID that was cut in the event. */
	e = json_pack("{s:{s:s}}", "sip", "call_id", "abc\xe2\x80\xa6");
	begin(&s, WHY_CALL, "abcdef");
	assert_true(why_story_wants(&s, e));
	json_decref(e);
	why_story_done(&s);
}

/* What led to a change comes before it, though both have the same time. */
static void test_order_and_doubles(void **state UNUSED)
{
	json_t *kept = failure(10, 3);
	struct why_story s;

	begin(&s, WHY_SOURCE, "192.0.2.7");
	/* Of the daemon: one that stands for those from 10 to 14. */
	json_object_set_new(kept, "count", json_integer(5));
	json_object_set(kept, "until", json_object_get(kept, "ts"));
	{
		json_t *last = failure(14, 3);

		json_object_set(kept, "until", json_object_get(last, "ts"));
		json_decref(last);
	}
	assert_true(why_story_add(&s, ban(20), WHY_OF_DAEMON));
	assert_true(why_story_add(&s, kept, WHY_OF_DAEMON));
	/* Of files: the same, and older ones, one of them twice. */
	assert_true(why_story_add(&s, ban(20), WHY_OF_FILE));
	assert_true(why_story_add(&s, failure(20, 12), WHY_OF_FILE));
	for (unsigned i = 14; i >= 8; i--)
		assert_true(why_story_add(&s, failure(i, 3), WHY_OF_FILE));
	assert_true(why_story_add(&s, failure(8, 3), WHY_OF_FILE));
	assert_false(why_story_add(&s, json_object(), WHY_OF_FILE));
	why_story_finish(&s);
	assert_int_equal(s.n, 5); /* 8, 9, 10 to 14, 20, the ban */
	for (size_t i = 1; i < s.n; i++)
		assert_true(s.items[i - 1].wall <= s.items[i].wall);
	assert_int_equal(s.items[2].count, 5);
	assert_string_equal(
	    json_string_value(json_object_get(s.items[4].event, "event")), "standing");
	assert_true(why_story_found(&s));
	why_story_done(&s);
}

static void test_too_many(void **state UNUSED)
{
	struct why_story s;
	usec_t newest;

	begin(&s, WHY_SOURCE, "192.0.2.7");
	for (unsigned i = 0; i < 3 * WHY_ITEMS_MAX; i++)
		assert_true(why_story_add(&s, failure(3 * WHY_ITEMS_MAX - i, 1), WHY_OF_FILE));
	newest = NOW - 100 * USEC_SEC + (usec_t)3 * WHY_ITEMS_MAX * USEC_SEC;
	why_story_finish(&s);
	assert_int_equal(s.n, WHY_ITEMS_MAX);
	assert_int_equal(s.left_out, 2 * WHY_ITEMS_MAX);
	assert_int_equal(s.items[s.n - 1].wall, newest);
	why_story_done(&s);
}

static void test_since(void **state UNUSED)
{
	struct why_story s;

	assert_int_equal(
	    why_story_init(&s, WHY_SOURCE, SPAN("192.0.2.7"), NOW - 50 * USEC_SEC), OK);
	assert_true(why_story_add(&s, failure(49, 1), WHY_OF_FILE));
	assert_true(why_story_add(&s, failure(50, 1), WHY_OF_FILE));
	why_story_finish(&s);
	assert_int_equal(s.n, 1);
	why_story_done(&s);
}

static void test_text(void **state UNUSED)
{
	struct why_story s;
	const char *all;

	begin(&s, WHY_SOURCE, "192.0.2.7");
	for (unsigned i = 0; i < 5; i++)
		assert_true(why_story_add(&s, failure(i, 2 * i + 2), WHY_OF_PACKED));
	assert_true(why_story_add(&s, ban(5), WHY_OF_PACKED));
	assert_true(why_story_add(&s, failure(6, 14), WHY_OF_PACKED));
	why_story_finish(&s);
	all = told(&s, 100);
	assert_true(says(all, "source 192.0.2.7\n"));
	assert_true(
	    says(all, "00:51:40  auth.bad-password: refused with 401, 5 times until 00:51:44\n"));
	assert_true(says(all, "weight 2,\n            score 10.0, tier unknown"));
	assert_true(says(all, "standing.banned: banned for 10 min\n"));
	assert_true(says(
	    all, "score 12,\n            reached 10 by guessing.pair; tier unknown -> denied\n"));
	/* After a turn the same is told anew, and below it. */
	assert_true(strstr(all, "00:51:46  auth.bad-password") > strstr(all, "standing.banned"));
	assert_true(says(all, "alice@example.com  6 times\n"));
	assert_true(says(all, "The ban ends by itself at 2026-11-30 01:01:45, in 8 min 25 s."));
	assert_true(says(all, "no daemon was asked"));
	/* Only the last entries. */
	all = told(&s, 1);
	assert_true(says(all, "(2 earlier entries are left out: -n shows more)\n"));
	assert_null(strstr(all, "standing.banned:"));
	why_story_done(&s);
}

static void test_wrapped(void **state UNUSED)
{
	struct buf b = BUF(text);

	text_add_wrapped(&b, SPAN("aaa bbb"), 75, 4);
	text_add_wrapped(&b, SPAN("aa bb"), 75, 4);
	text_add_wrapped(&b, SPAN(""), 0, 4);
	assert_true(span_eq(buf_span(&b), SPAN("aaa\n    bbb\naa bb\n\n")));
	b = BUF(text);
	text_add_time(&b, 600);
	text_add_time(&b, 605);
	text_add_time(&b, 7200);
	text_add_time(&b, 0);
	assert_true(span_eq(buf_span(&b), SPAN("10 min10 min 5 s2 h0 s")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_what_fits),
	    cmocka_unit_test(test_order_and_doubles),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_since),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_wrapped),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
