/* SPDX-License-Identifier: MIT
 *
 * What commands make of files, events and words, without a daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/event_line.h"
#include "cli/options.h"
#include "cli/tail.h"
#include "cli/text.h"

static void test_durations_and_sizes(void **state UNUSED)
{
	static const struct {
		uint64_t n;
		const char *duration, *size;
	} rows[] = {
	    {0, "0 s", "0 bytes"},
	    {59, "59 s", "59 bytes"},
	    {60, "1 min 0 s", "60 bytes"},
	    {3599, "59 min 59 s", "3.5 KiB"},
	    {3600, "1 h 0 min", "3.5 KiB"},
	    {86399, "23 h 59 min", "84.4 KiB"},
	    {86400, "1 d 0 h", "84.4 KiB"},
	    {UINT64_MAX, "213503982334601 d 7 h", "16777216.0 TiB"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[TEXT_FIGURE_MAX];
		struct buf b = BUF(text);

		text_add_duration(&b, rows[i].n);
		assert_true(span_eq(buf_span(&b), span_str(rows[i].duration)));
		b = BUF(text);
		text_add_size(&b, rows[i].n);
		assert_true(span_eq(buf_span(&b), span_str(rows[i].size)));
	}
}

static void test_wrapping(void **state UNUSED)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	text_print_wrapped(to,
	    SPAN("RFC 3261 §16.3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		 "bbbbbbbb cc"),
	    2);
	fclose(to);
	/* The first line is exactly 80 columns wide; the paragraph sign takes one of them. */
	assert_string_equal(text,
	    "  RFC 3261 §16.3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	    "  bbbbbbbb cc\n");
	free(text);
}

/* ---- tail ---- */

struct lines {
	char text[4096];
	struct buf b;
	size_t n, enough;
};

static bool take_line(void *arg, struct span line)
{
	struct lines *l = arg;

	buf_add_span(&l->b, span_of(line.p, MIN(line.n, (size_t)8)));
	buf_add_char(&l->b, ' ');
	return ++l->n < l->enough;
}

static int file_with(const char *text, size_t n)
{
	char path[] = "/tmp/rf-test-tail-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	return fd;
}

static void test_tail(void **state UNUSED)
{
	static const struct {
		const char *text;
		size_t enough;
		const char *got;
	} rows[] = {
	    {"", 9, ""},
	    {"\n", 9, ""},
	    {"\n\n\n", 9, ""},
	    {"a\n", 9, "a "},
	    {"a", 9, "a "},
	    {"a\nb\nc\n", 9, "c b a "},
	    {"a\nb\nc\n", 2, "c b "},
	    {"a\n\nb", 9, "b a "},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lines l = {.enough = rows[i].enough};
		int fd = file_with(rows[i].text, strlen(rows[i].text));

		l.b = BUF(l.text);
		assert_int_equal(tail_read(fd, take_line, &l), OK);
		assert_true(span_eq(buf_span(&l.b), span_str(rows[i].got)));
		close(fd);
	}
}

/* Lines across the seams of blocks, and one that is too long, in a file of megabytes. */
static void test_tail_over_blocks(void **state UNUSED)
{
	size_t cap = 3000000, n = 0, numbers = 0;
	char *text = malloc(cap);
	struct lines l = {.enough = SIZE_MAX};
	int fd;

	assert_non_null(text);
	for (; n < 1000000; numbers++)
		n += (size_t)snprintf(
		    text + n, cap - n, "%07zu%*s\n", numbers, (int)(numbers % 997), "");
	memset(text + n, 'x', 700000);
	n += 700000;
	text[n++] = '\n';
	for (size_t until = n + 1000000; n < until; numbers++)
		n += (size_t)snprintf(
		    text + n, cap - n, "%07zu%*s\n", numbers, (int)(numbers % 997), "");
	fd = file_with(text, n);
	l.b = BUF(l.text);
	assert_int_equal(tail_read(fd, take_line, &l), OK);
	assert_int_equal(l.n, numbers);
	close(fd);
	free(text);
}

/* ---- events as text ---- */

static void test_event_lines(void **state UNUSED)
{
	static const struct {
		const char *json, *line;
	} rows[] = {
	    {"{\"ts\":\"2026-01-01T00:00:00.123456Z\",\"event\":\"verdict\",\"reason\":"
	     "\"auth.bad-password\",\"mode\":\"enforce\",\"verdict\":\"challenge\",\"status\":401,"
	     "\"source\":{\"ip\":\"203.0.113.7\",\"port\":5060,\"transport\":\"udp\",\"proven\":"
	     "true},\"sip\":{\"method\":\"REGISTER\",\"from\":\"sip:a@b\",\"to\":null,\"call_id\":"
	     "\"x y\\n\",\"user_agent\":\"\\u001b[2J\"},\"account\":\"a@b\",\"evidence\":"
	     "{\"value\":3,\"threshold\":5,\"window\":1.5}}",
		"2026-01-01T00:00:00.123Z auth.bad-password: challenge 401 REGISTER from udp "
		"203.0.113.7:5060 account=a@b from=sip:a@b evidence=3/5 in 1.500s "
		"call-id=x y\\x0a ua=\\x1b[2J"},
	    {"{\"ts\":\"x\",\"event\":\"daemon\",\"reason\":\"daemon.start\",\"verdict\":\"pass\","
	     "\"source\":null,\"sip\":null,\"evidence\":{\"value\":\"v\\u2026\"}}",
		"x daemon.start: daemon evidence=v..."},
	    {"{\"event\":\"verdict\",\"reason\":\"r\",\"mode\":\"observe\",\"verdict\":\"drop\","
	     "\"source\":{\"ip\":\"2001:db8::1\",\"port\":1,\"transport\":\"tcp\",\"proven\":"
	     "false}}",
		" r: (observed) drop from tcp [2001:db8::1]:1 (unproven)"},
	    {"{\"reason\":\"limit.exceeded\",\"event\":\"verdict\",\"verdict\":\"drop\","
	     "\"evidence\":{\"value\":6,\"threshold\":5,\"window\":1,\"name\":\"calls\"}}",
		" limit.exceeded: drop evidence=calls 6/5 in 1s"},
	    {"{\"reason\":\"standing.banned\",\"event\":\"standing\",\"verdict\":\"drop\","
	     "\"source\":{\"ip\":\"192.0.2.1\",\"port\":9,\"transport\":\"tcp\",\"proven\":true},"
	     "\"evidence\":{\"value\":15,\"threshold\":10,\"window\":600,\"name\":\"guessing."
	     "pair\"}}",
		" standing.banned: from tcp 192.0.2.1:9 evidence=guessing.pair 15/10 for 600s"},
	    {"{\"reason\":\"flood.source\",\"event\":\"standing\",\"verdict\":\"drop\",\"source\":"
	     "{\"ip\":\"192.0.2.1\",\"port\":9,\"transport\":\"udp\",\"proven\":false}}",
		" flood.source: drop from udp 192.0.2.1:9 (unproven)"},
	    {"{\"reason\":\"flood.released\",\"event\":\"standing\",\"verdict\":\"pass\","
	     "\"source\":"
	     "{\"ip\":\"192.0.2.1\",\"port\":9,\"transport\":\"udp\",\"proven\":true}}",
		" flood.released: from udp 192.0.2.1:9"},
	    {"{\"reason\":\"standing.manual\",\"event\":\"standing\",\"verdict\":\"drop\","
	     "\"source\":"
	     "{\"ip\":\"192.0.2.1\",\"port\":0,\"transport\":null}}",
		" standing.manual: standing of 192.0.2.1"},
	    {"{\"reason\":\"guessing.pair\",\"event\":\"finding\",\"verdict\":\"pass\"}",
		" guessing.pair: finding"},
	    {"{}", " :"},
	    {"{\"ts\":7,\"source\":[],\"sip\":\"\",\"evidence\":3,\"status\":-1}", " :"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t = json_loads(rows[i].json, 0, NULL);
		char text[EVENT_LINE_MAX];
		struct buf b = BUF(text);

		assert_non_null(t);
		event_line_add(&b, t);
		assert_true(buf_terminate(&b));
		assert_string_equal(text, rows[i].line);
		json_decref(t);
	}
}

static void test_filters(void **state UNUSED)
{
	static const char event[] = "{\"reason\":\"auth.stale\",\"account\":\"alice@example.com\","
				    "\"source\":{\"ip\":\"192.0.2.7\"}}";
	static const struct {
		const char *reason, *source, *account;
		bool allowed;
	} rows[] = {
	    {NULL, NULL, NULL, true},
	    {"auth", NULL, NULL, true},
	    {"auth.", NULL, NULL, true},
	    {"auth.stale", NULL, NULL, true},
	    {"auth.replay", NULL, NULL, false},
	    {"route", NULL, NULL, false},
	    {NULL, "192.0.2.7", NULL, true},
	    {NULL, "192.0.2.0/24", NULL, true},
	    {NULL, "192.0.3.0/24", NULL, false},
	    {NULL, "2001:db8::/32", NULL, false},
	    {NULL, NULL, "alice", true},
	    {NULL, NULL, "Alice@Example.COM", true},
	    {NULL, NULL, "alic", false},
	    {NULL, NULL, "alice@", false},
	    {"auth", "192.0.2.7", "bob", false},
	};
	json_t *t = json_loads(event, 0, NULL);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event_filter f = {0};

		assert_int_equal(event_filter_set_reason(&f, span_str(rows[i].reason)), OK);
		assert_int_equal(event_filter_set_source(&f, span_str(rows[i].source)), OK);
		assert_int_equal(event_filter_set_account(&f, span_str(rows[i].account)), OK);
		assert_int_equal(event_line_allowed(&f, t), rows[i].allowed);
	}
	json_decref(t);
}

static void test_bad_filters(void **state UNUSED)
{
	struct event_filter f = {0};
	char longer[200] = {0};

	assert_int_equal(event_filter_set_reason(&f, SPAN("aut")), ERR_NOT_FOUND);
	assert_int_equal(event_filter_set_reason(&f, SPAN("auth.stale.")), ERR_NOT_FOUND);
	assert_int_equal(event_filter_set_source(&f, SPAN("192.0.2")), ERR_SYNTAX);
	assert_int_equal(event_filter_set_account(&f, span_of(longer, 200)), ERR_RANGE);
	assert_true(event_filter_allows(&f, &(struct event_facts){.reason = SPAN("x")}));
}

/* Who is called, and who ends a call, stands in To and From only. */
static void test_filter_parties(void **state UNUSED)
{
	static const struct {
		const char *from, *to, *wanted;
		bool allowed;
	} rows[] = {
	    {"sip:a@example.com", "sip:bob@example.com;transport=udp", "bob@example.com", true},
	    {"sip:a@example.com", "sip:bob@example.com:5070?x=y", "bob", true},
	    {"sips:Bob@[2001:db8::1]:5061", "", "bob@[2001:db8::1]", true},
	    {"sips:bob@[2001:db8::1", "", "bob", true},
	    {"sip:a@example.com", "sip:bob@example.org", "bob@example.com", false},
	    {"sip:a@bob", "sip:bobby@example.com", "bob", false},
	    {"sip:@", "bob", "bob", false},
	    {"", "", "bob", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event_filter f = {0};
		struct event_facts e = {.from = span_str(rows[i].from), .to = span_str(rows[i].to)};

		assert_int_equal(event_filter_set_account(&f, span_str(rows[i].wanted)), OK);
		assert_int_equal(event_filter_allows(&f, &e), rows[i].allowed);
	}
}

/* ---- options ---- */

static const struct cli_command a_command = {"test", "[-c FILE]", "for tests", NULL};

static void test_options(void **state UNUSED)
{
	static const struct {
		const char *argv[6];
		int rc, first;
		const char *config;
		bool json;
		unsigned lines;
	} rows[] = {
	    {{"test"}, CLI_OK, 1, "-", false, 7},
	    {{"test", "-c", "f", "--json"}, CLI_OK, 4, "f", true, 7},
	    {{"test", "--config=f", "-n5"}, CLI_OK, 3, "f", false, 5},
	    {{"test", "op", "--json", "-n", "0"}, CLI_OK, 4, "-", true, 0},
	    {{"test", "--", "--json"}, CLI_OK, 2, "-", false, 7},
	    {{"test", "a", "b"}, CLI_USAGE, 0, "-", false, 7},
	    {{"test", "--nonsense"}, CLI_USAGE, 0, "-", false, 7},
	    {{"test", "-c"}, CLI_USAGE, 0, "-", false, 7},
	    {{"test", "-n", "x"}, CLI_USAGE, 0, "-", false, 7},
	    {{"test", "-n", "-1"}, CLI_USAGE, 0, "-", false, 7},
	    {{"test", "-n", "1000001"}, CLI_USAGE, 0, "-", false, 7},
	    {{"test", "--help"}, CLI_HELP, 0, "-", false, 7},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *config = "-";
		bool json = false;
		unsigned lines = 7;
		const struct cli_option options[] = {CLI_CONFIG_OPTION(&config),
		    CLI_JSON_OPTION(&json), {"lines", 'n', CLI_NUMBER, &lines}};
		char *argv[7] = {0};
		int argc = 0, first = 0;

		for (; argc < 6 && rows[i].argv[argc]; argc++)
			argv[argc] = (char *)rows[i].argv[argc];
		assert_int_equal(
		    cli_parse(&a_command, argc, argv, options, 3, 1, &first), rows[i].rc);
		assert_string_equal(config, rows[i].config);
		assert_int_equal(json, rows[i].json);
		assert_int_equal(lines, rows[i].lines);
		assert_int_equal(first, rows[i].first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_durations_and_sizes),
	    cmocka_unit_test(test_wrapping),
	    cmocka_unit_test(test_tail),
	    cmocka_unit_test(test_tail_over_blocks),
	    cmocka_unit_test(test_event_lines),
	    cmocka_unit_test(test_filters),
	    cmocka_unit_test(test_bad_filters),
	    cmocka_unit_test(test_filter_parties),
	    cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
