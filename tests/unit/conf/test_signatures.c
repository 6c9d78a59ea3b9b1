/* SPDX-License-Identifier: MIT
 *
 * Lines of signature files: what they say, and each way to be wrong with its message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/signatures.h"
#include "conf_help.h"

static struct arena arena;
static struct signature_set set;

static int fresh(void **state)
{
	(void)state;
	arena_init(&arena, 4096, (size_t)1 << 20);
	return signature_set_init(&set, &arena, 4) == OK ? 0 : -1;
}

static int done(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static const char *say(const char *line)
{
	static char text[300];
	struct buf why = BUF(text);

	if (signature_set_line(&set, span_str(line), &why) == OK)
		return "";
	assert_true(buf_terminate(&why));
	return text;
}

static void lines(void **state)
{
	(void)state;
	assert_string_equal(say("# a comment"), "");
	assert_string_equal(say("   "), "");
	assert_int_equal(set.n, 0);
	assert_string_equal(say(" a.Tool-1\tuser-agent  contains   Evil Scanner/1.0 \r"), "");
	assert_string_equal(say("b header:X-Tool glob Ev?l*v#\\*\\#\\\\"), "");
	assert_string_equal(say("c method is X"), "");
	assert_int_equal(set.n, 3);
	assert_span(set.item[0].name, "a.Tool-1");
	assert_int_equal(set.item[0].part, CONF_SIGNATURE_USER_AGENT);
	assert_int_equal(set.item[0].match, CONF_SIGNATURE_CONTAINS);
	assert_span(set.item[0].pattern, "evil scanner/1.0");
	assert_int_equal(set.item[1].part, CONF_SIGNATURE_HEADER);
	assert_span(set.item[1].header, "X-Tool");
	assert_true(span_eq(set.item[1].pattern, SPAN("ev\2l\1v\3*#\\")));
	assert_int_equal(set.item[2].part, CONF_SIGNATURE_METHOD);
	assert_int_equal(set.item[2].match, CONF_SIGNATURE_IS);
	/* All lines of the name go, whatever its case, and the others stay in their order. */
	assert_string_equal(say("A.tool-1 call-id starts abc"), "");
	assert_string_equal(say("- a.tool-1"), "");
	assert_int_equal(set.n, 2);
	assert_span(set.item[0].name, "b");
	assert_span(set.item[1].name, "c");
}

static void wrong_lines(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
	    {"x", "a line is NAME PART MATCH PATTERN"},
	    {"x user-agent is", "the pattern is missing: a line is NAME PART MATCH PATTERN"},
	    {"a/b user-agent is x",
		"\"a/b\" is no name: 1 to 32 letters, digits, - _ or ., not - at the front"},
	    {"a23456789012345678901234567890123 user-agent is x",
		"\"a23456789012345678901234567890123\" is no name: 1 to 32 letters, digits, - _ or "
		"., not - at the front"},
	    {"x useragent is x", "\"useragent\" is no part of a message: must be user-agent, "
				 "from-user, to-user, call-id, method or header:NAME"},
	    {"x header: is x", "\"header:\" is no part of a message: must be user-agent, "
			       "from-user, to-user, call-id, method or header:NAME"},
	    {"x user-agent like x",
		"\"like\" is no way to match: must be is, starts, contains or glob"},
	    {"x user-agent contains ab",
		"\"ab\" would fit the messages of everyone: a pattern needs at least 3 characters"},
	    {"x user-agent starts ab",
		"\"ab\" would fit the messages of everyone: a pattern needs at least 3 characters"},
	    {"x user-agent glob *ab*??##",
		"\"*ab*??##\" would fit the messages of everyone: a pattern needs at least 3 "
		"characters"},
	    {"x user-agent is a\001b", "\"a\\x01b\" holds a control character"},
	    {"-nobody", "\"nobody\" is taken away, but there is no signature of that name"},
	    {"-", "\"\" is taken away, but there is no signature of that name"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(say(rows[i].line), rows[i].want);
	assert_int_equal(set.n, 0);
}

static void caps(void **state)
{
	char line[200] = "x user-agent contains ";

	(void)state;
	memset(line + 22, 'y', CONF_SIGNATURE_PATTERN_MAX);
	assert_string_equal(say(line), "");
	line[22 + CONF_SIGNATURE_PATTERN_MAX] = 'y';
	assert_non_null(strstr(say(line), "is too long: a pattern has at most 96 characters"));
	for (int i = 0; i < 3; i++)
		assert_string_equal(say("x user-agent is y"), "");
	assert_string_equal(
	    say("x user-agent is y"), "too many signatures: at most 512"); /* room for 4 lines */
}

/* The built-in set is without fault, and a file changes it. */
static void file_of_the_operator(void **state)
{
	char path[] = "/tmp/signatures-XXXXXX", text[256];
	int fd = mkstemp(path);
	const char *lines = "# mine\n-sipsak\nevil user-agent is Evil\n";
	struct conf_errors errs;
	struct conf *bad = NULL;
	const struct conf *c = load(LEAST);
	size_t built_in = c->scan.signatures_count;

	(void)state;
	assert_true(built_in > 20);
	conf_put(c);
	assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
	snprintf(text, sizeof(text), LEAST "controls: {scan: {signatures: %s}}\n", path);
	c = load(text);
	assert_int_equal(c->scan.signatures_count, built_in);
	assert_span(c->scan.signatures[built_in - 1].name, "evil");
	for (size_t i = 0; i < built_in; i++)
		assert_false(span_eq(c->scan.signatures[i].name, SPAN("sipsak")));
	conf_put(c);
	/* What is wrong in it is an error of the configuration that names its place. */
	assert_int_equal(write(fd, "\nx y\n", 5), 5);
	close(fd);
	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(text), "r.yaml", &bad, &errs), ERR_SYNTAX);
	assert_int_equal(errs.count, 1);
	assert_int_equal(errs.list[0].line, 3);
	snprintf(text, sizeof(text), "%s:5: a line is NAME PART MATCH PATTERN", path);
	assert_non_null(strstr(errs.list[0].text.p, text));
	conf_errors_done(&errs);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lines, fresh, done),
	    cmocka_unit_test_setup_teardown(wrong_lines, fresh, done),
	    cmocka_unit_test_setup_teardown(caps, fresh, done),
	    cmocka_unit_test(file_of_the_operator),
	};

	return cmocka_run_group_tests_name("conf/signatures", tests, NULL, NULL);
}
