/* SPDX-License-Identifier: MIT
 *
 * Pictures of `top`: rates between two of them, pages, order, another process, bounds, JSON. */
#include "top_fixture.h"

static struct top_model m;

static int set_up(void **state UNUSED)
{
	fixture_model(&m);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	top_model_done(&m);
	return 0;
}

static void is_near(double got, double want)
{
	if (got < want - 0.001 || got > want + 0.001)
		fail_msg("%f instead of %f", got, want);
}

static void rates(void **state UNUSED)
{
	assert_false(top_model_ready(&m));
	fixture_picture(&m, fixture_page(7, 10, 100));
	assert_true(top_model_ready(&m));
	is_near(top_rate(&m, "received.udp"), TOP_UNKNOWN);
	is_near(top_rate_sum(&m, "gate.dropped."), TOP_UNKNOWN);
	assert_int_equal(m.trend_n, 0);
	fixture_picture(&m, fixture_page(7, 12.5, 600));
	is_near(top_interval(&m), 2.5);
	is_near(top_rate(&m, "received.udp"), 200);
	is_near(top_rate_sum(&m, "gate.dropped."), 100);
	is_near(top_rate(&m, "no.such"), 0);
	assert_int_equal(top_count(&m, "received.udp"), 600);
	assert_int_equal(m.trend_n, 1);
	is_near(m.trend[0].received, 200);
	is_near(m.trend[0].refused, 100);
	/* What happens now comes before what happened often. */
	assert_string_equal(m.reasons[0].name, "auth.challenge");
	is_near(m.reasons[0].rate, 200);
	assert_string_equal(m.reasons[1].name, "scan.sweep");
	is_near(m.reasons[1].rate, 0);
	assert_int_equal(m.now->tiers.n[EVENT_TIER_DENIED], 3);
	assert_int_equal(m.now->tiers.held, 2);
}

/* A counter that went back, another process and a clock that went back give no wrong rates. */
static void restarts(void **state UNUSED)
{
	fixture_picture(&m, fixture_page(7, 10, 100));
	fixture_picture(&m, fixture_page(7, 11, 50));
	is_near(top_rate(&m, "received.udp"), 0);
	fixture_picture(&m, fixture_page(8, 12, 5000));
	is_near(top_rate(&m, "received.udp"), TOP_UNKNOWN);
	fixture_picture(&m, fixture_page(8, 13, 5010));
	is_near(top_rate(&m, "received.udp"), 10);
	fixture_picture(&m, fixture_page(8, 3, 6000));
	is_near(top_rate(&m, "received.udp"), TOP_UNKNOWN);
}

static json_t *drops(double second, int banned, int held)
{
	json_t *p = fixture_page(7, second, 0);

	fixture_source(p, "192.0.2.1", "denied", "scan.sweep", 0, banned);
	fixture_source(p, "192.0.2.2", "unknown", "flood.source", 40, held);
	fixture_source(p, "192.0.2.3", "known", "", 6, 0);
	return p;
}

/* Of a banned source only what is dropped is known; what is dropped of a held one is counted
 * already. */
static void rate_of_a_source(void **state UNUSED)
{
	fixture_picture(&m, drops(10, 1000, 10));
	is_near(top_find(&m, "192.0.2.1")->rate, 0);
	is_near(top_find(&m, "192.0.2.1")->drops, TOP_UNKNOWN);
	is_near(top_find(&m, "192.0.2.2")->rate, 20);
	assert_string_equal(m.now->sources[0].name, "192.0.2.2");
	fixture_picture(&m, drops(12, 3000, 20));
	is_near(top_find(&m, "192.0.2.1")->rate, 1000);
	is_near(top_find(&m, "192.0.2.2")->rate, 20);
	is_near(top_find(&m, "192.0.2.2")->drops, 5);
	assert_string_equal(m.now->sources[0].name, "192.0.2.1");
	assert_string_equal(m.now->sources[2].name, "192.0.2.3");
	assert_int_equal(m.now->sources[0].tier, EVENT_TIER_DENIED);
	assert_null(top_find(&m, "192.0.2.4"));

	top_model_sort(&m, STANDING_TOP_RATE, true);
	assert_string_equal(m.now->sources[0].name, "192.0.2.3");
	top_model_sort(&m, STANDING_TOP_DROPPED, false);
	assert_string_equal(m.now->sources[0].name, "192.0.2.1");
	/* Equal in the key: by what was dropped, then by name. */
	top_model_sort(&m, STANDING_TOP_SCORE, false);
	assert_string_equal(m.now->sources[1].name, "192.0.2.2");
}

/* While pages come the picture before is shown; a source that was met twice stands there once. */
static void pages(void **state UNUSED)
{
	json_t *first = fixture_page(7, 20, 10), *second = fixture_page(7, 20, 10);

	fixture_picture(&m, fixture_page(7, 10, 0));
	fixture_source(first, "192.0.2.1", "denied", "", 1, 0);
	fixture_source(first, "192.0.2.2", "denied", "", 9, 0);
	fixture_source(second, "192.0.2.1", "denied", "", 1, 0);
	fixture_source(second, "192.0.2.3", "denied", "", 5, 0);
	fixture_cursor(first, "99");
	top_model_begin(&m);
	assert_false(fixture_take(&m, first));
	assert_int_equal(m.now->n, 0);
	assert_int_equal(top_count(&m, "received.udp"), 0);
	assert_true(fixture_take(&m, second));
	assert_int_equal(m.now->n, 3);
	assert_int_equal(m.now->tiers.n[EVENT_TIER_DENIED], 6);
	assert_string_equal(m.now->sources[0].name, "192.0.2.2");
	is_near(top_rate(&m, "received.udp"), 1);
}

/* However many come, the foremost of all stay. */
static void bounds(void **state UNUSED)
{
	top_model_begin(&m);
	for (int page = 0; page < 40; page++) {
		json_t *p = fixture_page(7, 10, 0);

		for (int i = 0; i < 250; i++) {
			int n = (page * 250 + i) * 7919 % 10007;
			char name[32];

			snprintf(name, sizeof(name), "10.0.%d.%d", page, i);
			fixture_source(p, name, "unknown", "", n, 0);
		}
		if (page < 39)
			fixture_cursor(p, "1");
		assert_int_equal(fixture_take(&m, p), page == 39);
		assert_true(m.next->n <= TOP_SOURCES);
	}
	assert_true(m.now->n <= TOP_SOURCES);
	for (size_t i = 1; i < 500; i++)
		assert_true(m.now->sources[i - 1].rate >= m.now->sources[i].rate);
	/* 10,000 different residues of 10,007: the first 500 are close to the greatest. */
	assert_true(m.now->sources[499].rate * 2 > 10007 - 520);
}

static void answers_that_are_none(void **state UNUSED)
{
	static const char *const texts[] = {
	    "{}",
	    "{\"sources\":{}}",
	    "{\"sources\":[]}",
	    "{\"sources\":[],\"counters\":7}",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		json_t *o = json_loads(texts[i], 0, NULL);
		const char *cursor;

		top_model_begin(&m);
		assert_int_equal(top_model_page(&m, o, &cursor), ERR_SYNTAX);
		json_decref(o);
	}
	assert_false(top_model_ready(&m));
}

/* Members of other types, and text that would move a cursor. */
static void strange_answers(void **state UNUSED)
{
	json_t *o =
	    json_loads("{\"sources\":[7,null,{},{\"source\":5,\"rates\":[],\"tier\":\"king\","
		       "\"score\":-4,\"dropped\":-1},{\"source\":\"\\u001b[2J\\u0007\","
		       "\"reason\":\"a\\nb\"}],\"counters\":{\"x\":\"y\",\"z\":-3},"
		       "\"reasons\":[1],\"rate_window\":0,\"now\":1,\"slice\":3}",
		0, NULL);

	fixture_picture(&m, o);
	assert_int_equal(m.now->n, 2);
	assert_non_null(top_find(&m, "\\x1b[2J\\x07"));
	assert_string_equal(top_find(&m, "\\x1b[2J\\x07")->reason, "a\\x0ab");
	assert_int_equal(top_find(&m, "")->dropped, 0);
	assert_int_equal(top_find(&m, "")->tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(m.reasons_n, 0);
}

static void as_json(void **state UNUSED)
{
	json_t *o, *s;

	fixture_picture(&m, drops(10, 1000, 10));
	fixture_picture(&m, drops(12, 3000, 20));
	o = top_json(&m);
	s = json_array_get(json_object_get(o, "sources"), 0);
	assert_string_equal(json_string_value(json_object_get(s, "source")), "192.0.2.1");
	is_near(json_number_value(json_object_get(s, "rate")), 1000);
	is_near(json_number_value(json_object_get(s, "drop_rate")), 1000);
	is_near(json_number_value(json_object_get(o, "interval")), 2);
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(json_object_get(o, "ledger"), "tiers"), "denied")),
	    3);
	assert_null(json_object_get(o, "slice"));
	assert_null(json_object_get(o, "cursor"));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rates, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(restarts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rate_of_a_source, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(pages, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bounds, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(answers_that_are_none, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(strange_answers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(as_json, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
