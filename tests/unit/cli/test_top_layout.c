/* SPDX-License-Identifier: MIT
 *
 * Where everything of `top` stands, at several sizes; what does not fit; text of strangers. */
#include <string.h>

#include "cli/top_layout.h"
#include "top_fixture.h"

static struct top_model m;
static struct top_view v;
static struct top_page p;
static char *text; /* the page as text */
static size_t text_n;

static void fill(double second, int n)
{
	static const char *const tiers[] = {"denied", "suspect", "unknown", "challenged", "known"};
	json_t *page = fixture_page(7, second, n);

	for (int i = 0; i < 30; i++) {
		char name[32];

		snprintf(name, sizeof(name), "198.51.100.%d", i + 1);
		fixture_source(page, name, tiers[i % 5], "auth.bad-password", 200 - i, n);
	}
	fixture_picture(&m, page);
}

static int set_up(void **state UNUSED)
{
	memset(&v, 0, sizeof(v));
	snprintf(v.clock, sizeof(v.clock), "12:34:56");
	fixture_model(&m);
	fill(10, 1000);
	fill(12, 25000);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	top_model_done(&m);
	free(text);
	text = NULL;
	return 0;
}

static void draw(int rows, int cols)
{
	FILE *to;

	free(text);
	text = NULL;
	assert_int_equal(top_page_init(&p, rows, cols), OK);
	top_layout(&p, &m, &v);
	to = open_memstream(&text, &text_n);
	top_page_print(&p, false, to);
	fclose(to);
	top_page_done(&p);
}

/* Row i of the text; it must be there. */
static struct span row(int i)
{
	struct span rest = span_of(text, text_n), line = {NULL, 0};

	for (int k = 0; k <= i; k++) {
		if (!rest.n)
			fail_msg("no row %d in:\n%s", i, text);
		span_cut(&rest, '\n', &line);
	}
	return line;
}

static void begins(int i, const char *want)
{
	if (!span_starts(row(i), span_str(want)))
		fail_msg("row %d does not begin with \"%s\":\n%s", i, want, text);
}

static void shows(const char *want)
{
	if (!strstr(text, want))
		fail_msg("\"%s\" is not in:\n%s", want, text);
}

static void hides(const char *what)
{
	if (strstr(text, what))
		fail_msg("\"%s\" is in:\n%s", what, text);
}

static bool ends(struct span line, struct span with)
{
	return line.n >= with.n && memcmp(line.p + line.n - with.n, with.p, with.n) == 0;
}

static int count(const char *what)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void is_within(int rows, int cols)
{
	struct span rest = span_of(text, text_n), line;
	int n = 0;

	while (rest.n) {
		span_cut(&rest, '\n', &line);
		assert_true(line.n <= (size_t)cols);
		n++;
	}
	assert_true(n <= rows);
}

static void eighty_by_twenty_four(void **state UNUSED)
{
	draw(24, 80);
	is_within(24, 80);
	begins(0, "ringfence 1.2.3 on edge-1  up 1 h 1 min  2 workers");
	begins(1, "messages  12.0k/s in  6,000/s out");
	begins(2, "unread    3,000/s banned  3,000/s flood");
	begins(3, "verdicts  0/s pass");
	begins(4, "calls     0/s started");
	shows("5 up");
	begins(5, "now       0 registered");
	begins(6, "state     store ok  bans in the ledger  events ok");
	begins(7, "sources   3 denied  0 suspect  0 unknown  0 challenged  4 known  2 held");
	begins(8, "SOURCE          TIER       RATE/s DROPPED SCORE BANS BANNED LAST REASON");
	/* Each of them had as many refused, more than it may send. */
	begins(9, "198.51.100.1    denied      12.0k   25.0k   3.5    1    10m auth.bad-password");
	begins(18, "REASONS");
	begins(19, "auth.challenge            12.0k   25.0k");
	begins(23, " q quit  h help  s sort: rate  Enter why  / filter  b ban  u unban  p pause");
	assert_int_equal(count("auth.bad-password"), 9);
	assert_int_equal(top_layout_rows(&v, 24, 80), 9);
}

/* The trend has its newest at the right end, and the most is a full block. */
static void trends(void **state UNUSED)
{
	fill(14, 31000);
	draw(24, 80);
	assert_true(ends(row(1), SPAN("#.")));
	assert_int_equal(row(1).n, 80);
}

static void sizes(void **state UNUSED)
{
	for (int rows = 1; rows < 70; rows++) {
		for (int cols = 1; cols < 220; cols += 3) {
			for (int mode = TOP_LIST; mode <= TOP_HELP; mode++) {
				v.mode = (enum top_mode)mode;
				draw(rows, cols);
				is_within(rows, cols);
			}
		}
	}
	v.mode = TOP_LIST;
	draw(10, 40);
	begins(1, "messages  12.0k/s in");
	begins(2, "sources   3 denied");
	begins(3, "SOURCE          TIER       RATE/s SCORE");
	begins(9, " q quit");
	assert_int_equal(count("198.51.100."), 5);
	draw(15, 60);
	begins(4, "SOURCE          TIER       RATE/s SCORE LAST REASON");
	assert_int_equal(count("198.51.100."), 9);
	hides("REASONS");
	draw(9, 80);
	assert_string_equal(text, "needs at least 40x10\n");
	draw(24, 39);
	assert_string_equal(text, "needs at least 40x10\n");
	assert_int_equal(top_layout_rows(&v, 24, 39), 0);
}

static void wide(void **state UNUSED)
{
	draw(60, 200);
	shows("REG/s");
	shows("INV/s");
	shows("PROVEN");
	/* The reasons stand beside the sources. */
	assert_true(memmem(row(8).p, row(8).n, "SOURCE", 6) != NULL);
	assert_true(memmem(row(8).p, row(8).n, "REASONS", 7) != NULL);
	assert_int_equal(count("198.51.100."), 30);
	draw(40, 100);
	shows("DROP/s");
	shows("SEEN");
	hides("REG/s");
}

static void the_last_line(void **state UNUSED)
{
	v.prompt = TOP_ASK_BAN;
	snprintf(v.asked, sizeof(v.asked), "192.0.2.7");
	draw(24, 80);
	begins(23, "ban 192.0.2.7 for the configured time? y/N");
	v.prompt = TOP_ASK_FILTER;
	snprintf(v.typed, sizeof(v.typed), "198.51");
	draw(24, 80);
	assert_true(ends(row(23), SPAN(": 198.51_")));
	v.prompt = TOP_NO_PROMPT;
	snprintf(v.lost, sizeof(v.lost), "the daemon is not reached");
	draw(24, 80);
	begins(23, "the daemon is not reached");
	begins(9, "198.51.100.1 "); /* the last picture stays */
	v.paused = true;
	snprintf(v.filter, sizeof(v.filter), "auth.");
	draw(24, 80);
	assert_true(ends(row(0), SPAN("PAUSED  only auth. 12:34:56")));
}

static void before_the_first_picture(void **state UNUSED)
{
	struct top_model empty;

	fixture_model(&empty);
	assert_int_equal(top_page_init(&p, 24, 80), OK);
	top_layout(&p, &empty, &v);
	top_page_done(&p);
	top_model_done(&empty);
}

/* Whatever text comes: nothing but printable ASCII, and within its place. */
static void text_of_strangers(void **state UNUSED)
{
	json_t *page = fixture_page(7, 20, 0);
	char story[] = "INVITE \x1b]0;owned\x07 \xc3\xa9 \x9b"
		       "2J\r\tx";

	json_object_set_new(page, "node", json_string("\x1b[31mnode\n\xc2\x9b"));
	json_object_set_new(page, "version", json_string("v\x01"));
	json_object_set_new(json_object_get(page, "reasons"), "\x1b[2Jreason", json_integer(5));
	json_object_set_new(
	    page, "sinks", json_pack("[{s:s, s:s}]", "name", "\x1b[Hfile", "error", "bad"));
	fixture_source(page, "\x1b[2J\x1b[Hroot# \xc3\xa9", "denied\x1b", "\x07\x07\x07", 1, 1);
	fixture_source(page,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "a",
	    "denied", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 1,
	    1);
	fixture_picture(&m, page);
	top_lines_take(&v.lines, strdup(story), sizeof(story) - 1);
	top_lines_wrap(&v.lines, 80);
	for (int mode = TOP_LIST; mode <= TOP_DETAIL; mode++) {
		v.mode = (enum top_mode)mode;
		for (int cols = 40; cols < 210; cols += 17) {
			draw(30, cols);
			is_within(30, cols);
			for (size_t i = 0; i < text_n; i++)
				assert_true(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
		}
	}
	top_lines_done(&v.lines);
}

static void figures(void **state UNUSED)
{
	static const struct {
		double v;
		const char *rate;
	} rows[] = {
	    {-1, "-"},
	    {0, "0"},
	    {0.04, "0"},
	    {0.05, "0.1"},
	    {9.94, "9.9"},
	    {9.96, "10"},
	    {999.4, "999"},
	    {999.6, "1,000"},
	    {9999.4, "9,999"},
	    {9999.6, "10.0k"},
	    {99949, "99.9k"},
	    {99951, "100k"},
	    {999499, "999k"},
	    {999501, "1.00M"},
	    {4.2e15, "4.20P"},
	};
	static const struct {
		uint64_t seconds;
		const char *time;
	} times[] = {
	    {0, "0s"},
	    {99, "99s"},
	    {100, "1m"},
	    {3599, "59m"},
	    {3600, "1h00"},
	    {86399, "23h59"},
	    {86400, "1d00"},
	    {8639999, "99d23"},
	    {8640000, "100d"},
	    {UINT64_MAX, "9999d"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char figure[TOP_FIGURE_MAX];
		struct buf b = BUF(figure);

		top_add_rate(&b, rows[i].v);
		assert_true(buf_terminate(&b));
		assert_string_equal(figure, rows[i].rate);
		assert_true(b.n <= 6);
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		char figure[TOP_FIGURE_MAX];
		struct buf b = BUF(figure);

		top_add_time(&b, times[i].seconds);
		assert_true(buf_terminate(&b));
		assert_string_equal(figure, times[i].time);
		assert_true(b.n <= 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(eighty_by_twenty_four, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(trends, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(sizes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wide, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_last_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(before_the_first_picture, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(text_of_strangers, set_up, tear_down),
	    cmocka_unit_test(figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
