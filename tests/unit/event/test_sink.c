/* SPDX-License-Identifier: MIT
 *
 * Sinks against what disks do: full, gone, moved, slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/sink.h"

#define WAIT_MS 10000

struct fixture {
	char dir[64], path[96], moved[96];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/rf-test-sink-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/events.jsonl", f->dir);
	snprintf(f->moved, sizeof(f->moved), "%s/events.jsonl.1", f->dir);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	unlink(f->moved);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* Number of lines of the file, all of which must be whole JSON objects. */
static int valid_lines(const char *path)
{
	FILE *in = fopen(path, "r");
	char line[8192];
	int n = 0;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		json_t *t = json_loads(line, 0, NULL);

		assert_true(json_is_object(t));
		assert_non_null(strchr(line, '\n'));
		json_decref(t);
		n++;
	}
	fclose(in);
	return n;
}

static struct event_sink_setup setup_of(const char *name, size_t buffer, unsigned only)
{
	struct event_sink_setup setup = {
	    .name = name, .kind = "file", .buffer = buffer, .select = event_select_all()};

	setup.select.only = only;
	return setup;
}

static enum err new_file(const char *path, size_t buffer, unsigned only, struct event_sink **out_s)
{
	const struct event_sink_setup setup = setup_of(path, buffer, only);
	struct output *o;
	enum err e = output_new_file(path, &o);

	if (e == OK)
		e = event_sink_new(&setup, o, out_s);
	return e == OK ? event_sink_start(*out_s) : e;
}

static enum err new_fd(
    int fd, const char *name, size_t buffer, unsigned only, struct event_sink **out_s)
{
	const struct event_sink_setup setup = setup_of(name, buffer, only);
	struct output *o;
	enum err e = output_new_fd(fd, &o);

	if (e == OK)
		e = event_sink_new(&setup, o, out_s);
	return e == OK ? event_sink_start(*out_s) : e;
}

static void put_number(struct event_sink *s, unsigned i)
{
	char text[64];
	struct buf b = BUF(text);

	buf_addf(&b, "{\"i\":%u}", i);
	event_sink_put(s, buf_span(&b));
}

static void test_file_gets_all(void **state)
{
	const struct fixture *f = *state;
	struct event_sink_stats st;
	struct event_sink *s;
	struct stat sb;

	assert_int_equal(new_file(f->path, 65536, EVENT_SELECT_VERDICTS, &s), OK);
	for (unsigned i = 0; i < 1000; i++)
		put_number(s, i);
	assert_true(event_sink_sync(s, WAIT_MS));
	event_sink_stats(s, &st);
	assert_int_equal(st.lines, 1000);
	assert_int_equal(st.error, 0);
	assert_int_equal(valid_lines(f->path), 1000);
	assert_int_equal(stat(f->path, &sb), 0);
	assert_int_equal(sb.st_mode & 07137, 0);
	assert_string_equal(event_sink_name(s), f->path);
	put_number(s, 1000);
	event_sink_free(s);
	assert_int_equal(valid_lines(f->path), 1001);
}

static void test_bad_path_is_an_error(void **state UNUSED)
{
	struct event_sink *s = NULL;

	assert_int_equal(new_file("/nowhere/x", 4096, EVENT_SELECT_VERDICTS, &s), ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_null(s);
	event_sink_free(NULL);
}

static void test_rotation_is_followed(void **state)
{
	const struct fixture *f = *state;
	struct event_sink_stats st;
	struct event_sink *s;

	assert_int_equal(new_file(f->path, 65536, EVENT_SELECT_VERDICTS, &s), OK);
	put_number(s, 1);
	assert_true(event_sink_sync(s, WAIT_MS));
	assert_int_equal(rename(f->path, f->moved), 0);
	put_number(s, 2);
	put_number(s, 3);
	assert_true(event_sink_sync(s, WAIT_MS));
	assert_int_equal(valid_lines(f->moved), 1);
	assert_int_equal(valid_lines(f->path), 2);
	assert_int_equal(unlink(f->path), 0);
	event_sink_reopen(s);
	assert_true(event_sink_sync(s, WAIT_MS));
	assert_int_equal(valid_lines(f->path), 0);
	event_sink_reopen(s);
	put_number(s, 4);
	assert_true(event_sink_sync(s, WAIT_MS));
	assert_int_equal(valid_lines(f->path), 1);
	event_sink_stats(s, &st);
	assert_true(st.reopened >= 3);
	assert_int_equal(st.lost_error, 0);
	event_sink_free(s);
}

static void test_folder_gone_and_back(void **state)
{
	const struct fixture *f = *state;
	struct event_sink_stats st;
	struct event_sink *s;

	assert_int_equal(new_file(f->path, 65536, EVENT_SELECT_VERDICTS, &s), OK);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(rmdir(f->dir), 0);
	put_number(s, 1);
	assert_true(event_sink_sync(s, WAIT_MS));
	event_sink_stats(s, &st);
	assert_int_equal(st.error, ENOENT);
	assert_int_equal(st.lost_error, 1);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	put_number(s, 2);
	assert_true(event_sink_sync(s, WAIT_MS));
	event_sink_stats(s, &st);
	assert_int_equal(st.error, 0);
	assert_int_equal(st.lines, 1);
	assert_int_equal(valid_lines(f->path), 1);
	event_sink_free(s);
}

/* The file may not grow beyond a point inside of a line: what is there stays valid, the rest is
 * counted, and when there is room again it goes on. */
static void test_full_in_the_middle_of_a_line(void **state)
{
	const struct fixture *f = *state;
	struct rlimit before, low;
	struct event_sink_stats st;
	struct event_sink *s;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(new_file(f->path, 65536, EVENT_SELECT_VERDICTS, &s), OK);
	low = before;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (unsigned i = 100; i < 130; i++)
		put_number(s, i); /* ten bytes each, and a newline */
	assert_true(event_sink_sync(s, WAIT_MS));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	event_sink_stats(s, &st);
	assert_int_equal(st.error, EFBIG);
	assert_int_equal(st.lines, 10);
	assert_int_equal(st.lost_error, 20);
	assert_int_equal(valid_lines(f->path), 10);
	put_number(s, 200);
	assert_true(event_sink_sync(s, WAIT_MS));
	event_sink_stats(s, &st);
	assert_int_equal(st.error, 0);
	assert_int_equal(valid_lines(f->path), 11);
	event_sink_free(s);
}

static void test_full_device(void **state UNUSED)
{
	struct event_sink_stats st;
	struct event_sink *s;

	assert_int_equal(new_file("/dev/full", 4096, EVENT_SELECT_VERDICTS, &s), OK);
	for (unsigned i = 0; i < 10; i++)
		put_number(s, i);
	assert_true(event_sink_sync(s, WAIT_MS));
	event_sink_stats(s, &st);
	assert_int_equal(st.error, ENOSPC);
	assert_int_equal(st.lost_error, 10);
	assert_int_equal(st.lines, 0);
	event_sink_free(s);
}

/* Nobody reads the pipe: putting never blocks, the rest is counted, and freeing does not hang. */
static void test_slow_reader_blocks_nobody(void **state UNUSED)
{
	struct event_sink_stats st;
	struct event_sink *s;
	char line[1000];
	int fds[2];
	unsigned taken = 0;

	memset(line, 'x', sizeof(line));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
	assert_int_equal(new_fd(fds[1], "pipe", 8192, EVENT_SELECT_VERDICTS, &s), OK);
	for (unsigned i = 0; i < 1000; i++)
		taken += event_sink_put(s, span_of(line, sizeof(line)));
	event_sink_stats(s, &st);
	assert_true(taken < 200);
	assert_int_equal(st.lost_full, 1000 - taken);
	assert_false(event_sink_sync(s, 20));
	event_sink_free(s);
	close(fds[0]);
	close(fds[1]);
}

static void test_broken_pipe_is_an_error_not_a_signal(void **state UNUSED)
{
	struct event_sink_stats st;
	struct event_sink *s;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	assert_int_equal(new_fd(fds[1], "pipe", 8192, EVENT_SELECT_VERDICTS, &s), OK);
	put_number(s, 1);
	assert_true(event_sink_sync(s, WAIT_MS));
	event_sink_stats(s, &st);
	assert_int_equal(st.error, EPIPE);
	assert_int_equal(st.lost_error, 1);
	event_sink_free(s);
	close(fds[1]);
}

/* A line longer than what a pipe holds arrives in one piece. */
static void test_long_line_through_a_small_pipe(void **state UNUSED)
{
	char line[5000], got[16384];
	struct event_sink *s;
	ssize_t n = 0;
	int fds[2];

	memset(line, 'x', sizeof(line));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
	assert_int_equal(new_fd(fds[1], "pipe", 8192, EVENT_SELECT_VERDICTS, &s), OK);
	assert_true(event_sink_put(s, span_of(line, sizeof(line))));
	for (ssize_t more; n < 5001; n += more) {
		more = read(fds[0], got + n, sizeof(got) - (size_t)n);
		assert_true(more > 0);
	}
	assert_int_equal(n, 5001);
	assert_int_equal(got[5000], '\n');
	event_sink_free(s);
	close(fds[0]);
	close(fds[1]);
}

static void test_filter(void **state UNUSED)
{
	static const struct {
		enum event_kind kind;
		enum event_verdict verdict;
		unsigned only;
		bool kept;
	} rows[] = {
	    {EVENT_VERDICT, EVENT_PASS, EVENT_SELECT_VERDICTS, true},
	    {EVENT_VERDICT, EVENT_PASS, 1u << EVENT_DROP, false},
	    {EVENT_VERDICT, EVENT_DROP, 1u << EVENT_DROP, true},
	    {EVENT_VERDICT, EVENT_DROP, EVENT_SELECT_CHANGE, false},
	    {EVENT_REGISTRATION, EVENT_PASS, EVENT_SELECT_CHANGE, true},
	    {EVENT_DAEMON, EVENT_PASS, 1u << EVENT_PASS, false},
	};
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event_sink *s;
		struct event e;

		assert_int_equal(new_fd(fd, "null", 64, rows[i].only, &s), OK);
		event_init(&e, rows[i].kind, REASON_NONE, 0);
		e.verdict = (uint8_t)rows[i].verdict;
		assert_int_equal(event_sink_wants(s, &e), rows[i].kept);
		event_sink_free(s);
	}
	close(fd);
}

static void test_line_longer_than_buffer(void **state UNUSED)
{
	struct event_sink_stats st;
	struct event_sink *s;
	char line[64] = {0};
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	assert_int_equal(new_fd(fd, "null", 64, EVENT_SELECT_VERDICTS, &s), OK);
	assert_false(event_sink_put(s, span_of(line, 64)));
	assert_true(event_sink_put(s, span_of(line, 63)));
	event_sink_stats(s, &st);
	assert_int_equal(st.lost_full, 1);
	event_sink_free(s);
	close(fd);
}

static void test_waits_until_it_is_started(void **state)
{
	const struct fixture *f = *state;
	const struct event_sink_setup setup = setup_of(f->path, 65536, EVENT_SELECT_VERDICTS);
	struct event_sink_stats st;
	struct event_sink *s;
	struct output *o;

	assert_int_equal(output_new_file(f->path, &o), OK);
	assert_int_equal(event_sink_new(&setup, o, &s), OK);
	put_number(s, 1);
	event_sink_stats(s, &st);
	assert_true(st.waiting > 0 && st.lines == 0);
	assert_int_equal(event_sink_start(s), OK);
	assert_int_equal(event_sink_start(s), OK);
	assert_true(event_sink_sync(s, WAIT_MS));
	assert_int_equal(valid_lines(f->path), 1);
	event_sink_free(s);
}

static void test_ends_without_a_start(void **state)
{
	const struct fixture *f = *state;
	const struct event_sink_setup setup = setup_of(f->path, 65536, EVENT_SELECT_VERDICTS);
	struct event_sink *s;
	struct output *o;

	assert_int_equal(output_new_file(f->path, &o), OK);
	assert_int_equal(event_sink_new(&setup, o, &s), OK);
	put_number(s, 1);
	event_sink_free(s);
	assert_int_equal(valid_lines(f->path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_file_gets_all, set_up, tear_down),
	    cmocka_unit_test(test_bad_path_is_an_error),
	    cmocka_unit_test_setup_teardown(test_rotation_is_followed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_folder_gone_and_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_full_in_the_middle_of_a_line, set_up, tear_down),
	    cmocka_unit_test(test_full_device),
	    cmocka_unit_test(test_slow_reader_blocks_nobody),
	    cmocka_unit_test(test_broken_pipe_is_an_error_not_a_signal),
	    cmocka_unit_test(test_long_line_through_a_small_pipe),
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_line_longer_than_buffer),
	    cmocka_unit_test_setup_teardown(test_waits_until_it_is_started, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_ends_without_a_start, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
