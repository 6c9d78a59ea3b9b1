/* SPDX-License-Identifier: MIT
 *
 * Accepted connections: bytes in and out, deadlines on virtual time, the ways to end. */
#include "office.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void fill_line(char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		p[i] = (char)('a' + i * 7 % 26);
	p[n - 1] = '\n';
}

/* The same bytes give the same lines however they are cut. */
static void test_cuts(void **state)
{
	static const size_t cuts[] = {1, 2, 3, 7, 100, 1000, 1 << 20};
	static char text[6000];
	size_t at = 0, lines = 0;

	for (size_t n = 1; at + n <= sizeof(text); at += n, n += 13, lines++)
		fill_line(text + at, n);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct office o = {.echo = true};
		static char back[sizeof(text)];
		size_t got = 0;
		int fd;

		office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
		fd = office_visit(&o);
		for (size_t sent = 0; sent < at; sent += cuts[i]) {
			client_write(fd, text + sent, MIN(cuts[i], at - sent));
			if (cuts[i] > 50 || sent % 97 < 3)
				rig_turn(o.r);
		}
		while (got < at) {
			ssize_t n = client_read(fd, back + got, sizeof(back) - got);

			if (n > 0)
				got += (size_t)n;
			else
				rig_turn(o.r);
		}
		assert_memory_equal(text, back, at);
		assert_int_equal(o.lines, lines);
		assert_int_equal(o.sum, office_sum(text, at, 0));
		assert_int_equal(net_tcp_buffered(o.t), 0); /* idle again: no buffer */
		assert_int_equal(net_tcp_counters(o.t)->received_bytes, at);
		assert_int_equal(net_tcp_counters(o.t)->sent_bytes, at);
		close(fd);
		RIG_UNTIL(o.r, !net_conn_is_open(office_last(&o)));
		o.r->now += 2 * USEC_SEC; /* half_close */
		RIG_UNTIL(o.r, o.closed == 1);
		assert_int_equal(o.why, NET_CLOSE_PEER);
		office_close(&o);
	}
}

/* A message as large as the cap allows, and one byte more. */
static void test_read_cap(void **state)
{
	static char text[200000];

	for (int more = 0; more < 2; more++) {
		struct office o = {.echo = false};
		size_t cap = 100000, sent = 0, n = cap + (size_t)more;
		int fd;

		office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.read_cap = 100000});
		fd = office_visit(&o);
		fill_line(text, n);
		while (sent < n && !o.closed) {
			ssize_t k = send(fd, text + sent, MIN(5000, n - sent), MSG_NOSIGNAL);

			sent += k > 0 ? (size_t)k : 0;
			rig_turn(o.r);
		}
		RIG_UNTIL(o.r, o.lines + o.closed == 1);
		assert_int_equal(o.lines, !more);
		if (more)
			assert_int_equal(o.why, NET_CLOSE_TOO_LARGE);
		else
			assert_int_equal(o.longest, cap);
		assert_int_equal(net_tcp_buffered(o.t), 0);
		close(fd);
		office_close(&o);
	}
}

static void test_budget(void **state)
{
	static char text[3000];
	struct office o = {.echo = false};
	int fds[3];

	memset(text, 'x', sizeof(text));
	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.buffer_budget = 8192});
	for (int i = 0; i < 3; i++) {
		fds[i] = office_visit(&o);
		client_write(fds[i], text, sizeof(text));
		RIG_UNTIL(o.r, net_tcp_counters(o.t)->received_bytes == 3000u * (unsigned)(i + 1));
	}
	RIG_UNTIL(o.r, o.closed == 1);
	assert_int_equal(o.why, NET_CLOSE_MEMORY);
	assert_int_equal(net_tcp_buffered(o.t), 8192);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	RIG_UNTIL(o.r, o.closed == 3);
	assert_int_equal(net_tcp_buffered(o.t), 0);
	office_close(&o);
}

/* Writes until the cap; returns bytes taken. */
static size_t write_until_full(struct net_conn *c, uint64_t *sum)
{
	static char piece[10000];
	size_t taken = 0;
	enum err e;

	for (;;) {
		memset(piece, (int)('a' + taken / sizeof(piece) % 26), sizeof(piece));
		e = net_conn_write(c, span_of(piece, sizeof(piece)));
		if (e != OK)
			break;
		taken += sizeof(piece);
		*sum = office_sum(piece, sizeof(piece), *sum);
		assert_true(taken < 100u << 20);
	}
	assert_int_equal(e, ERR_FULL);
	return taken;
}

static void test_slow_reader_catches_up(void **state)
{
	struct office o = {.echo = false};
	uint64_t sum = 0, got_sum = 0;
	static char back[65536];
	size_t taken, got = 0;
	int fd;

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.write_cap = 50000});
	fd = rig_connect(&o.addr, NULL, 8192);
	RIG_UNTIL(o.r, o.opened == 1);
	taken = write_until_full(office_last(&o), &sum);
	assert_true(net_conn_write_waiting(office_last(&o)) <= 50000);
	assert_true(net_conn_write_waiting(office_last(&o)) > 40000);
	assert_true(net_tcp_buffered(o.t) <= 65536);
	assert_int_equal(net_tcp_counters(o.t)->write_full, 1);
	while (got < taken) {
		ssize_t n = client_read(fd, back, sizeof(back));

		if (n > 0) {
			got_sum = office_sum(back, (size_t)n, got_sum);
			got += (size_t)n;
		} else {
			assert_int_equal(n, -1);
			rig_turn(o.r);
		}
		o.r->now += USEC_MS;
	}
	assert_int_equal(got, taken);
	assert_int_equal(got_sum, sum);
	RIG_UNTIL(o.r, net_tcp_buffered(o.t) == 0);
	o.r->now += USEC_SEC;
	rig_turn(o.r);
	assert_int_equal(o.closed, 0);
	close(fd);
	office_close(&o);
}

/* Scenes that end by a deadline. */
enum scene { SILENT, KEEPALIVES, HALF_MESSAGE, TRICKLE, IDLE, NOT_READING, USER };

static void play(struct office *o, enum scene s, int fd, struct net_conn *c)
{
	uint64_t sum = 0;

	switch (s) {
	case SILENT:
	case KEEPALIVES:
		return;
	case HALF_MESSAGE:
	case TRICKLE:
		client_write(fd, "one\ntw", 6);
		break;
	case IDLE:
	case USER:
		client_write(fd, "one\n", 4);
		break;
	case NOT_READING:
		client_write(fd, "one\n", 4);
		write_until_full(c, &sum);
		break;
	}
	RIG_UNTIL(o->r, o->lines == 1);
	if (s == USER)
		net_conn_set_deadline(c, o->r->now + 7 * USEC_SEC);
}

static void test_deadlines(void **state)
{
	static const struct {
		enum scene scene;
		unsigned seconds;
		enum net_close why;
	} rows[] = {
	    {SILENT, 11, NET_CLOSE_FIRST_MESSAGE},
	    {KEEPALIVES, 11, NET_CLOSE_FIRST_MESSAGE}, /* bytes, but no message */
	    {HALF_MESSAGE, 13, NET_CLOSE_SLOW_MESSAGE},
	    {TRICKLE, 13, NET_CLOSE_SLOW_MESSAGE}, /* a byte now and then does not help */
	    {IDLE, 60, NET_CLOSE_IDLE},
	    {NOT_READING, 17, NET_CLOSE_SLOW_READER},
	    {USER, 7, NET_CLOSE_DEADLINE},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct office o = {.echo = false};
		usec_t due;
		int fd;

		office_open(&o, r, "127.0.0.1",
		    (struct net_tcp_opts){.first_message = 11 * USEC_SEC,
			.message_time = 13 * USEC_SEC,
			.write_time = 17 * USEC_SEC,
			.idle = USEC_MIN,
			.write_cap = 30000});
		fd = rig_connect(&o.addr, NULL, 4096);
		RIG_UNTIL(r, o.opened == 1);
		due = r->now + rows[i].seconds * USEC_SEC;
		play(&o, rows[i].scene, fd, office_last(&o));
		while (r->now < due - USEC_SEC) {
			r->now += USEC_SEC;
			if (rows[i].scene == TRICKLE)
				client_write(fd, "o", 1);
			rig_turn(r);
			rig_turn(r);
			assert_int_equal(o.closed, 0);
		}
		r->now = due - 1;
		rig_turn(r);
		assert_int_equal(o.closed, 0);
		r->now = due;
		RIG_UNTIL(r, o.closed == 1);
		assert_int_equal(o.why, rows[i].why);
		assert_int_equal(net_tcp_counters(o.t)->closed[rows[i].why], 1);
		assert_int_equal(net_tcp_buffered(o.t), 0);
		close(fd);
		office_close(&o);
	}
}

/* Every message moves the idle deadline. */
static void test_idle_moves(void **state)
{
	struct office o = {.echo = true};
	struct rig *r = *state;
	int fd;

	office_open(&o, r, "127.0.0.1", (struct net_tcp_opts){.idle = USEC_MIN});
	fd = office_visit(&o);
	for (unsigned i = 1; i <= 20; i++) {
		client_write(fd, "x\n", 2);
		RIG_UNTIL(r, o.lines == i);
		r->now += 59 * USEC_SEC;
		rig_turn(r);
		assert_int_equal(o.closed, 0);
	}
	r->now += USEC_SEC;
	RIG_UNTIL(r, o.closed == 1);
	assert_int_equal(o.why, NET_CLOSE_IDLE);
	close(fd);
	office_close(&o);
}

static void test_peer_closes(void **state)
{
	struct office o = {.echo = false};
	int fd;

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
	fd = office_visit(&o);
	close(fd);
	RIG_UNTIL(o.r, o.closed == 1);
	assert_int_equal(o.why, NET_CLOSE_PEER);
	office_close(&o);
}

/* Who closed its sending direction after a question is still answered. */
static void test_half_close(void **state)
{
	struct office o = {.echo = false};
	struct net_conn *c;
	struct addr remote;
	char back[16];
	int fd;

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.half_close = 3 * USEC_SEC});
	fd = office_visit(&o);
	remote = rig_local(fd);
	client_write(fd, "question\n", 9);
	RIG_UNTIL(o.r, o.lines == 1);
	c = office_last(&o);
	assert_ptr_equal(net_tcp_find(o.t, &remote, NULL), c);
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(o.r, !net_conn_is_open(c));
	assert_null(net_tcp_find(o.t, &remote, NULL)); /* not for new requests */
	o.r->now += 2 * USEC_SEC;
	rig_turn(o.r);
	c = office_last(&o);
	assert_non_null(c);
	assert_int_equal(net_conn_write(c, SPAN("answer")), OK);
	RIG_UNTIL(o.r, client_read(fd, back, sizeof(back)) == 6);
	assert_int_equal(o.closed, 0);
	o.r->now += USEC_SEC;
	RIG_UNTIL(o.r, o.closed == 1);
	assert_int_equal(o.why, NET_CLOSE_PEER);
	close(fd);
	office_close(&o);
}

static void test_reset(void **state)
{
	struct office o = {.echo = false};
	struct linger now = {.l_onoff = 1};
	struct net_conn *c;
	int fd;

	for (int writing = 0; writing < 2; writing++) {
		o = (struct office){.echo = false};
		office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
		fd = office_visit(&o);
		c = office_last(&o);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
		close(fd);
		if (writing) {
			enum err e;

			while ((e = net_conn_write(c, SPAN("x"))) == OK)
				;
			assert_int_equal(e, ERR_CLOSED);
			assert_int_equal(net_conn_write(c, SPAN("x")), ERR_CLOSED);
			assert_int_equal(o.closed, 0); /* not from within the call */
		}
		RIG_UNTIL(o.r, o.closed == 1);
		assert_int_equal(o.why, NET_CLOSE_ERROR);
		assert_true(o.sys == ECONNRESET || o.sys == EPIPE);
		office_close(&o);
	}
}

/* Closing from within `data`, with the message in the shared or in an own buffer. */
static void test_close_in_data(void **state)
{
	for (int parts = 0; parts < 2; parts++) {
		struct office o = {.hang_up = true};
		int fd;

		office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
		fd = office_visit(&o);
		if (parts) {
			client_write(fd, "be", 2);
			RIG_UNTIL(o.r, net_tcp_buffered(o.t) > 0);
		}
		client_write(fd, "gin\nmore\nand", 12);
		RIG_UNTIL(o.r, o.closed == 1);
		assert_int_equal(o.lines, 2);
		assert_int_equal(o.why, NET_CLOSE_LOCAL);
		assert_int_equal(net_tcp_buffered(o.t), 0);
		close(fd);
		office_close(&o);
	}
}

/* All that was written arrives before the end, though the peer keeps sending. */
static void test_close_after_write(void **state)
{
	struct office o = {.echo = false};
	uint64_t sum = 0, got_sum = 0;
	static char back[65536];
	size_t taken, got = 0;
	ssize_t n;
	int fd;

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.write_cap = 100000});
	fd = rig_connect(&o.addr, NULL, 8192);
	RIG_UNTIL(o.r, o.opened == 1);
	taken = write_until_full(office_last(&o), &sum);
	net_conn_close_after_write(office_last(&o));
	assert_int_equal(net_conn_write(office_last(&o), SPAN("x")), ERR_CLOSED);
	client_write(fd, "no one listens\n", 15);
	while ((n = client_read(fd, back, sizeof(back))) != 0) {
		assert_int_not_equal(n, -2);
		if (n > 0) {
			got_sum = office_sum(back, (size_t)n, got_sum);
			got += (size_t)n;
		}
		rig_turn(o.r);
	}
	assert_int_equal(got, taken);
	assert_int_equal(got_sum, sum);
	assert_int_equal(o.closed, 0); /* waits for the peer's end */
	close(fd);
	RIG_UNTIL(o.r, o.closed == 1);
	assert_int_equal(o.why, NET_CLOSE_LOCAL);
	assert_int_equal(o.lines, 0);

	fd = office_visit(&o); /* a peer that never closes is cut off */
	net_conn_close_after_write(office_last(&o));
	rig_turn(o.r);
	assert_int_equal(o.closed, 1);
	o.r->now += 2 * USEC_SEC;
	RIG_UNTIL(o.r, o.closed == 2);
	close(fd);
	office_close(&o);
}

/* Answer and hang up at once, with more input already there: the answer is not lost to a reset. */
static void test_last_answer(void **state)
{
	struct office o = {.echo = true, .hang_up_after_answer = false};
	char back[100];
	ssize_t n = 0;
	int fd;

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
	fd = office_visit(&o);
	o.hang_up_after_answer = true;
	client_write(fd, "bad\n", 4);
	RIG_UNTIL(o.r, o.lines == 1);
	client_write(fd, "more", 4);
	rig_turn(o.r);
	RIG_UNTIL(o.r, (n = client_read(fd, back, sizeof(back))) != -1);
	assert_int_equal(n, 4);
	RIG_UNTIL(o.r, (n = client_read(fd, back, sizeof(back))) != -1);
	assert_int_equal(n, 0);
	close(fd);
	RIG_UNTIL(o.r, o.closed == 1);
	office_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_cuts, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_read_cap, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_budget, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_slow_reader_catches_up, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_deadlines, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_idle_moves, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_peer_closes, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_half_close, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_reset, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_close_in_data, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_close_after_write, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_last_answer, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
