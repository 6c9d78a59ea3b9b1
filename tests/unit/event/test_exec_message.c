/* SPDX-License-Identifier: MIT
 *
 * What a sink of programs and the process that runs them say: what is written reads back, and
 * nothing out of bounds is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/exec_message.h"
#include "event/format.h"

#define TEXT(lit)                    \
	{                            \
		lit, sizeof(lit) - 1 \
	}

static const struct exec_program sample = {
    .argv = {TEXT("/bin/hook"), TEXT(""), TEXT("$(id); `id` \n \xff")},
    .argc = 3,
    .timeout = 1500 * USEC_MS,
};

static void test_program(void **state UNUSED)
{
	char text[EXEC_PROGRAM_MAX];
	struct buf b = BUF(text);
	struct exec_program p;

	assert_true(exec_program_is_valid(&sample));
	exec_write_program(&sample, &b);
	assert_int_equal(exec_read_program(buf_span(&b), &p), OK);
	assert_true(exec_program_eq(&p, &sample));
	for (size_t i = 0; i < p.argc; i++)
		assert_int_equal(p.argv[i].p[p.argv[i].n], '\0');
	for (size_t n = 0; n < b.n; n++) {
		struct exec_program part;

		/* Cut behind an argument it is a shorter command, else nothing. */
		if (exec_read_program(span_of(text, n), &part) == OK)
			assert_true(text[n - 1] == '\0' && part.argc < sample.argc);
	}
}

static void test_program_bounds(void **state UNUSED)
{
	static char text[EXEC_PROGRAM_MAX + 1];
	static char longest[EXEC_ARG_MAX + 1];
	struct exec_program p = sample;
	struct buf b = BUF(text);

	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	p.argc = EXEC_ARGS_MAX;
	for (size_t i = 0; i < p.argc; i++)
		p.argv[i] = span_of(longest, EXEC_ARG_MAX);
	exec_write_program(&p, &b);
	assert_int_equal(b.n, EXEC_PROGRAM_MAX);
	assert_int_equal(exec_read_program(buf_span(&b), &p), OK);
	buf_add_char(&b, '\0');
	assert_int_equal(exec_read_program(buf_span(&b), &p), ERR_SYNTAX);

	p = sample;
	p.argv[1] = span_of(longest, EXEC_ARG_MAX + 1);
	assert_false(exec_program_is_valid(&p));
	p = sample;
	p.argv[1] = span_of("a\0b", 3);
	assert_false(exec_program_is_valid(&p));
	p = sample;
	p.argv[0] = SPAN("hook");
	assert_false(exec_program_is_valid(&p));
	p.argv[0] = SPAN("");
	assert_false(exec_program_is_valid(&p));
	p = sample;
	p.argc = 0;
	assert_false(exec_program_is_valid(&p));
	p = sample;
	p.timeout = EXEC_TIMEOUT_MAX + USEC_MS;
	assert_false(exec_program_is_valid(&p));
	p.timeout = EXEC_TIMEOUT_MIN - USEC_MS;
	assert_false(exec_program_is_valid(&p));
}

static void test_record(void **state UNUSED)
{
	static const struct {
		struct span message;
		bool good;
	} rows[] = {
	    {TEXT("\0{}"), true},
	    {TEXT("RINGFENCE_REASON=auth.bad-password\0RINGFENCE_SOURCE_IP=::1\0\0{}"), true},
	    {TEXT("RINGFENCE_A=\0\0{}"), true},
	    {TEXT("RINGFENCE_A=x=y z\0\0{}"), true},
	    {TEXT(""), false},
	    {TEXT("\0"), false},
	    {TEXT("{}"), false},
	    {TEXT("RINGFENCE_A=1\0{}"), false},
	    {TEXT("RINGFENCE_A=1\0\0"), false},
	    {TEXT("RINGFENCE_=1\0\0{}"), false},
	    {TEXT("RINGFENCE_A\0\0{}"), false},
	    {TEXT("RINGFENCE_a=1\0\0{}"), false},
	    {TEXT("LD_PRELOAD=/tmp/x\0\0{}"), false},
	    {TEXT("RINGFENCE_A=1\n2\0\0{}"), false},
	    {TEXT("RINGFENCE_A=1\x7f\0\0{}"), false},
	    {TEXT("RINGFENCE_A=1\0\0{}\n{}"), false},
	    {TEXT("RINGFENCE_A=1\0\0{}\0"), false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exec_record r;

		if ((exec_read_record(rows[i].message, &r) == OK) != rows[i].good)
			fail_msg("row %zu", i);
	}
}

static void test_record_bounds(void **state UNUSED)
{
	static char text[EVENT_RECORD_MAX + 1];
	struct exec_record r;
	struct buf b = BUF(text);

	for (size_t i = 0; i < EXEC_VARIABLES_MAX; i++)
		buf_add(&b, "RINGFENCE_A=1", 14);
	buf_add(&b, "\0{}", 3);
	assert_int_equal(exec_read_record(buf_span(&b), &r), OK);
	assert_int_equal(r.count, EXEC_VARIABLES_MAX);
	b.n -= 3;
	buf_add(&b, "RINGFENCE_A=1\0\0{}", 17);
	assert_int_equal(exec_read_record(buf_span(&b), &r), ERR_SYNTAX);

	memset(text, ' ', sizeof(text));
	text[0] = '\0';
	assert_int_equal(exec_read_record(span_of(text, EVENT_RECORD_MAX), &r), OK);
	assert_int_equal(exec_read_record(span_of(text, sizeof(text)), &r), ERR_SYNTAX);
}

/* Every event that there can be is a record that is taken. */
static void test_record_of_an_event(void **state UNUSED)
{
	static const struct event_format format = {.kind = EVENT_FORMAT_EXEC};
	char text[EVENT_RECORD_MAX], json[EVENT_JSON_MAX];
	struct flow flow = {.transport = TRANSPORT_UDP};
	struct exec_record r;

	assert_int_equal(addr_parse(SPAN("[2001:db8::1]:5060"), 0, &flow.remote), OK);
	for (unsigned reason = 1; reason < REASON_COUNT; reason++) {
		struct buf b = BUF(text), j = BUF(json);
		struct event e;

		event_init(&e, EVENT_VERDICT, (enum reason)reason, UINT64_C(1767225600123456));
		event_set_source(&e, &flow, SPAN("public"), true);
		event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_REPLY, 401);
		event_set_text(&e, EVENT_TEXT_USER_AGENT, SPAN("a\0\n\x1b[2J$(id)"));
		event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("x\nRINGFENCE_REASON=y"));
		event_write_json(&e, SPAN("edge-1"), &j);
		event_format_write(&format, &e, buf_span(&j), SPAN("edge-1"), &b);
		assert_int_equal(exec_read_record(buf_span(&b), &r), OK);
		assert_true(span_eq(r.json, buf_span(&j)));
		for (size_t i = 0; i < r.count; i++)
			assert_null(memmem(r.variables[i].p, r.variables[i].n, "id)", 3));
	}
}

static void test_result(void **state UNUSED)
{
	static const struct exec_result good[] = {{EXEC_READY, 0}, {EXEC_REFUSED, 0},
	    {EXEC_EXITED, 0}, {EXEC_EXITED, 255}, {EXEC_KILLED, 9}, {EXEC_TIMED_OUT, 0},
	    {EXEC_NOT_STARTED, 2}};
	static const struct exec_result bad[] = {{EXEC_READY, 1}, {EXEC_EXITED, 256},
	    {EXEC_KILLED, 0}, {EXEC_KILLED, 65}, {EXEC_NOT_STARTED, 0}, {EXEC_END_COUNT, 0}};
	char text[EXEC_RESULT_BYTES + 1];
	struct exec_result r;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct buf b = BUF(text);

		exec_write_result(&good[i], &b);
		assert_int_equal(exec_read_result(buf_span(&b), &r), OK);
		assert_int_equal(r.end, good[i].end);
		assert_int_equal(r.value, good[i].value);
		assert_int_equal(exec_read_result(span_of(text, b.n - 1), &r), ERR_SYNTAX);
		assert_int_equal(exec_read_result(span_of(text, b.n + 1), &r), ERR_SYNTAX);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF(text);

		exec_write_result(&bad[i], &b);
		assert_int_equal(exec_read_result(buf_span(&b), &r), ERR_SYNTAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_program),
	    cmocka_unit_test(test_program_bounds),
	    cmocka_unit_test(test_record),
	    cmocka_unit_test(test_record_bounds),
	    cmocka_unit_test(test_record_of_an_event),
	    cmocka_unit_test(test_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
