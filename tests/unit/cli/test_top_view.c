/* SPDX-License-Identifier: MIT
 *
 * What keys do to the view of `top`: selection that follows its source, sorting, filter, questions
 * before anything is banned, the story and back. */
#include "cli/top_view.h"
#include "top_fixture.h"

#define ROWS 3

static struct top_model m;
static struct top_view v;

/* Five sources, the first with the greatest rate. */
static json_t *five(double second, const int invites[static 5])
{
	json_t *p = fixture_page(7, second, 0);

	for (int i = 0; i < 5; i++) {
		char name[32];

		snprintf(name, sizeof(name), "192.0.2.%d", i + 1);
		fixture_source(p, name, "unknown", "auth.challenge", invites[i], 0);
	}
	return p;
}

static int set_up(void **state UNUSED)
{
	memset(&v, 0, sizeof(v));
	fixture_model(&m);
	fixture_picture(&m, five(10, (int[]){50, 40, 30, 20, 10}));
	return 0;
}

static int tear_down(void **state UNUSED)
{
	top_lines_done(&v.lines);
	top_model_done(&m);
	return 0;
}

static enum top_action press(int key)
{
	return top_view_key(&v, &m, key, ROWS);
}

static enum top_action type(const char *text)
{
	enum top_action a = TOP_DO_NOTHING;

	for (; *text; text++)
		a = press(*text);
	return a;
}

static void selection(void **state UNUSED)
{
	press(TOP_KEY_DOWN);
	assert_string_equal(v.selected, "192.0.2.1");
	press(TOP_KEY_DOWN);
	press('j');
	press('j');
	assert_string_equal(v.selected, "192.0.2.4");
	assert_int_equal(v.first, 1);
	press(TOP_KEY_END);
	press(TOP_KEY_DOWN);
	assert_string_equal(v.selected, "192.0.2.5");
	assert_int_equal(v.first, 2);
	/* It moves up with its source. */
	fixture_picture(&m, five(12, (int[]){50, 40, 30, 20, 99}));
	top_view_settle(&v, &m, ROWS);
	assert_string_equal(v.selected, "192.0.2.5");
	assert_int_equal(v.at, 0);
	assert_int_equal(v.first, 0);
	press(TOP_KEY_PAGE_DOWN);
	assert_string_equal(v.selected, "192.0.2.3");
	press(TOP_KEY_HOME);
	press(TOP_KEY_UP);
	assert_string_equal(v.selected, "192.0.2.5");
	/* It is gone: who stands there now. And nobody when nobody is left. */
	fixture_picture(&m, fixture_page(7, 14, 0));
	top_view_settle(&v, &m, ROWS);
	assert_string_equal(v.selected, "");
	press(TOP_KEY_DOWN);
	assert_string_equal(v.selected, "");
	assert_int_equal(press(TOP_KEY_ENTER), TOP_DO_NOTHING);
}

static void sorting(void **state UNUSED)
{
	assert_int_equal(press('s'), TOP_DO_ASK);
	assert_int_equal(m.sort, STANDING_TOP_DROPPED);
	assert_int_equal(press(TOP_KEY_LEFT), TOP_DO_ASK);
	assert_int_equal(press('S'), TOP_DO_ASK);
	assert_int_equal(m.sort, STANDING_TOP_SEEN);
	assert_int_equal(press(TOP_KEY_RIGHT), TOP_DO_ASK);
	assert_int_equal(m.sort, STANDING_TOP_RATE);
	press('r');
	assert_string_equal(m.now->sources[0].name, "192.0.2.5");
}

static void filter(void **state UNUSED)
{
	press('/');
	assert_int_equal(type("192.0.x"), TOP_DO_NOTHING);
	press(TOP_KEY_BACKSPACE);
	press(' ');
	press(0x1b5);
	assert_string_equal(v.typed, "192.0.");
	assert_int_equal(press(TOP_KEY_ENTER), TOP_DO_ASK);
	assert_string_equal(v.filter, "192.0.");
	/* Given up, and one that means nothing: the old one stays. */
	press('/');
	type("99");
	press(TOP_KEY_ESCAPE);
	assert_string_equal(v.filter, "192.0.");
	press('/');
	press('U' - '@');
	type("nonsense");
	assert_int_equal(press(TOP_KEY_ENTER), TOP_DO_NOTHING);
	assert_string_equal(v.filter, "192.0.");
	assert_true(v.message_warns && v.message[0]);
	/* Longer than there is room for. */
	press('/');
	for (int i = 0; i < 200; i++)
		press('1');
	assert_int_equal(strlen(v.typed), TOP_FILTER_MAX - 1);
	press(TOP_KEY_ESCAPE);
	assert_int_equal(press(TOP_KEY_ESCAPE), TOP_DO_ASK);
	assert_string_equal(v.filter, "");
}

/* Nothing but y bans, and only whom the question named. */
static void questions(void **state UNUSED)
{
	static const int no[] = {'n', 'N', TOP_KEY_ENTER, TOP_KEY_ESCAPE, ' ', 'b', TOP_KEY_OTHER};

	assert_int_equal(press('b'), TOP_DO_NOTHING);
	assert_int_equal(v.prompt, TOP_NO_PROMPT); /* nobody is chosen */
	assert_true(v.message_warns);
	press(TOP_KEY_DOWN);
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		press('b');
		assert_int_equal(v.prompt, TOP_ASK_BAN);
		assert_int_equal(press(no[i]), TOP_DO_NOTHING);
		assert_int_equal(v.prompt, TOP_NO_PROMPT);
	}
	press('b');
	fixture_picture(&m, five(12, (int[]){1, 40, 30, 20, 99}));
	top_view_settle(&v, &m, ROWS);
	assert_int_equal(press(TOP_KEY_RESIZE), TOP_DO_NOTHING);
	assert_int_equal(press('y'), TOP_DO_BAN);
	assert_string_equal(v.asked, "192.0.2.1");
	press('u');
	assert_int_equal(press('Y'), TOP_DO_UNBAN);
}

/* Devices are banned by their address. */
static void devices(void **state UNUSED)
{
	static const struct {
		const char *name, *address;
	} rows[] = {
	    {"192.0.2.7", "192.0.2.7"},
	    {"192.0.2.7:5060", "192.0.2.7"},
	    {"192.0.2.0/24", "192.0.2.0/24"},
	    {"2001:db8:1:2::/64", "2001:db8:1:2::/64"},
	    {"[2001:db8:1:2::/64]:5060", "2001:db8:1:2::/64"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *p = fixture_page(7, 20 + (double)i, 0);

		fixture_source(p, rows[i].name, "denied", "", 1, 0);
		fixture_picture(&m, p);
		top_view_settle(&v, &m, ROWS);
		press(TOP_KEY_HOME);
		press('b');
		assert_string_equal(v.asked, rows[i].address);
		press('n');
		assert_int_equal(press(TOP_KEY_ENTER), TOP_DO_DETAIL);
		assert_string_equal(v.about, rows[i].address);
	}
}

static void story(void **state UNUSED)
{
	static const char text[] = "one\ntwo three four five six\n\nseven\neight\nnine\n";

	press(TOP_KEY_DOWN);
	press(TOP_KEY_DOWN);
	assert_int_equal(press(TOP_KEY_ENTER), TOP_DO_DETAIL);
	assert_string_equal(v.about, "192.0.2.2");
	v.mode = TOP_DETAIL; /* as the caller does when it has the story */
	top_lines_take(&v.lines, strdup(text), sizeof(text) - 1);
	top_lines_wrap(&v.lines, 12);
	assert_int_equal(v.lines.n, 8);
	assert_true(span_eq(v.lines.line[1], SPAN("two three")));
	assert_true(span_eq(v.lines.line[2], SPAN("four five")));
	assert_true(span_eq(v.lines.line[3], SPAN("six")));
	assert_int_equal(v.lines.line[4].n, 0);
	press(TOP_KEY_DOWN);
	assert_int_equal(v.line, 1);
	press(TOP_KEY_END);
	press(TOP_KEY_DOWN);
	assert_int_equal(v.line, 8 - ROWS);
	top_lines_wrap(&v.lines, 80);
	assert_int_equal(v.lines.n, 6);
	top_view_settle(&v, &m, ROWS);
	assert_int_equal(v.line, 6 - ROWS);
	press(TOP_KEY_PAGE_UP);
	press(TOP_KEY_UP);
	assert_int_equal(v.line, 0);
	assert_int_equal(press('q'), TOP_DO_NOTHING);
	assert_int_equal(v.mode, TOP_LIST);
	assert_string_equal(v.selected, "192.0.2.2");
	assert_int_equal(press('q'), TOP_DO_QUIT);
}

static void pausing(void **state UNUSED)
{
	assert_int_equal(press('p'), TOP_DO_NOTHING);
	assert_true(v.paused);
	assert_int_equal(press(' '), TOP_DO_ASK);
	assert_true(v.paused);
	assert_int_equal(press('p'), TOP_DO_ASK);
	assert_false(v.paused);
	press('?');
	assert_int_equal(v.mode, TOP_HELP);
	assert_int_equal(press('q'), TOP_DO_NOTHING);
	assert_int_equal(v.mode, TOP_LIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(selection, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(sorting, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(filter, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(questions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(devices, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(story, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(pausing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
