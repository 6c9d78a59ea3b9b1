/* SPDX-License-Identifier: MIT
 *
 * Who is let in and who is not, ids, opening connections, and the set of listeners of a worker. */
#include "office.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listen.h"

/* A visitor from `from` is turned away: its connection ends before it is opened. */
static void turned_away(struct office *o, const char *from, enum net_refusal why)
{
	uint64_t before = net_tcp_counters(o->t)->refused[why];
	unsigned opened = o->opened;
	int fd = rig_connect(&o->addr, from, 0);
	char c;

	RIG_UNTIL(o->r, net_tcp_counters(o->t)->refused[why] == before + 1);
	RIG_UNTIL(o->r, client_read(fd, &c, 1) == -2);
	assert_int_equal(o->opened, opened);
	close(fd);
}

static int let_in(struct office *o, const char *from)
{
	unsigned before = o->opened;
	int fd = rig_connect(&o->addr, from, 0);

	RIG_UNTIL(o->r, o->opened == before + 1);
	return fd;
}

static void leave(struct office *o, int fd)
{
	unsigned before = o->closed;

	close(fd);
	RIG_UNTIL(o->r, o->closed == before + 1);
}

/* The cap of a source holds over both workers, and what closes makes room. */
static void test_source_cap(void **state)
{
	struct office o[2] = {{.echo = false}, {.echo = false}};
	struct net_tcp_opts opts = {.max_per_source = 3};
	int fds[3], other;

	assert_int_equal(net_sources_new(100, &opts.sources), OK);
	office_open(&o[0], *state, "127.0.0.1", opts);
	opts.worker = 1;
	office_open(&o[1], *state, "127.0.0.2", opts);
	fds[0] = let_in(&o[0], "127.0.0.10");
	fds[1] = let_in(&o[1], "127.0.0.10");
	fds[2] = let_in(&o[0], "127.0.0.10");
	turned_away(&o[0], "127.0.0.10", NET_REFUSED_SOURCE);
	turned_away(&o[1], "127.0.0.10", NET_REFUSED_SOURCE);
	other = let_in(&o[0], "127.0.0.11"); /* the neighbour is not touched */
	leave(&o[1], fds[1]);
	fds[1] = let_in(&o[1], "127.0.0.10");
	turned_away(&o[0], "127.0.0.10", NET_REFUSED_SOURCE);
	net_conn_close(office_last(&o[1])); /* room at once, not when the peer has noticed */
	close(fds[1]);
	fds[1] = let_in(&o[0], "127.0.0.10");
	office_close(&o[0]);
	office_close(&o[1]);
	rig_turn(*state);
	{
		struct addr a = rig_addr("127.0.0.10");

		assert_int_equal(net_sources_count(opts.sources, &a), 0);
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(other);
	net_sources_free(opts.sources);
}

static void test_global_cap(void **state)
{
	struct office o = {.echo = false};
	int fds[3];

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.max_inbound = 3});
	for (int i = 0; i < 3; i++)
		fds[i] = let_in(&o, NULL);
	turned_away(&o, NULL, NET_REFUSED_CAP);
	leave(&o, fds[1]);
	fds[1] = let_in(&o, NULL);
	turned_away(&o, NULL, NET_REFUSED_CAP);
	assert_int_equal(net_tcp_counters(o.t)->inbound, 3);
	for (int i = 0; i < 3; i++)
		leave(&o, fds[i]);
	assert_int_equal(net_tcp_counters(o.t)->inbound, 0);
	office_close(&o);
}

static void test_refused_by_handler(void **state)
{
	struct office o = {.reserved = true};

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
	turned_away(&o, NULL, NET_REFUSED_BY_HANDLER);
	o.reserved = false;
	close(let_in(&o, NULL));
	office_close(&o);
}

/* With no descriptor left a visitor is turned away instead of waking us without end. */
static void test_no_descriptors(void **state)
{
	struct office o = {.echo = false};
	struct rlimit was, now;
	int fd, last;

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
	fd = rig_connect(&o.addr, NULL, 0);
	last = dup(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	now = was;
	now.rlim_cur = (rlim_t)last;
	close(last);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	RIG_UNTIL(o.r, net_tcp_counters(o.t)->refused[NET_REFUSED_SYSTEM] == 1);
	rig_turn(o.r);
	assert_int_equal(net_tcp_counters(o.t)->refused[NET_REFUSED_SYSTEM], 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(fd);
	close(let_in(&o, NULL));
	office_close(&o);
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Slots are used again, ids are not. */
static void test_ids(void **state)
{
	static uint64_t ids[400];
	struct office o = {.echo = false};
	size_t n = ARRAY_LEN(ids);

	office_open(&o, *state, "127.0.0.1",
	    (struct net_tcp_opts){.worker = 200, .max_inbound = 2, .max_outbound = 1});
	for (size_t i = 0; i < n; i++) {
		int fd = let_in(&o, NULL);

		ids[i] = o.last_id;
		assert_int_not_equal(ids[i], 0);
		assert_int_equal(net_conn_id_worker(ids[i]), 200);
		assert_int_equal(net_conn_flow(office_last(&o))->conn, ids[i]);
		leave(&o, fd);
		assert_null(net_tcp_get(o.t, ids[i]));
	}
	qsort(ids, n, sizeof(ids[0]), compare_ids);
	for (size_t i = 1; i < n; i++)
		assert_true(ids[i] != ids[i - 1]);
	assert_null(net_tcp_get(o.t, 0));
	assert_null(net_tcp_get(o.t, UINT64_MAX));
	office_close(&o);
}

/* The address of ours that a peer came to is known on a wildcard too. */
static void test_local_address(void **state)
{
	static const struct {
		const char *bind, *to;
	} rows[] = {{"0.0.0.0", "127.0.0.7"}, {"127.0.0.7", "127.0.0.7"}, {"[::]", "[::1]"},
	    {"[::1]", "[::1]"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct office o = {.echo = false};
		struct addr to = rig_addr(rows[i].to), remote;
		const struct flow *f;
		int fd;

		office_open(&o, *state, rows[i].bind, (struct net_tcp_opts){0});
		to.port = o.addr.port;
		o.addr = to;
		fd = let_in(&o, NULL);
		remote = rig_local(fd);
		f = net_conn_flow(office_last(&o));
		assert_true(addr_eq(&f->local, &to));
		assert_true(addr_eq(&f->remote, &remote));
		assert_int_equal(f->transport, TRANSPORT_TCP);
		assert_int_equal(f->listener, 3);
		assert_true(net_conn_is_inbound(office_last(&o)));
		close(fd);
		office_close(&o);
	}
}

/* One office opens a connection to another, writes before it is up, and is found for reuse. */
static void test_connect(void **state)
{
	struct office here = {.echo = false}, there = {.echo = true};
	struct addr from = rig_addr("127.0.0.5:1");
	struct net_conn *c;
	uint64_t id;

	office_open(&here, *state, "127.0.0.1", (struct net_tcp_opts){0});
	office_open(&there, *state, "[::1]", (struct net_tcp_opts){0});
	office_close(&there);
	there = (struct office){.echo = true};
	office_open(&there, *state, "127.0.0.2", (struct net_tcp_opts){.worker = 1});
	assert_int_equal(net_tcp_connect(here.t, &there.addr, &from, 3, &c, NULL), OK);
	id = net_conn_id(c);
	assert_false(net_conn_is_open(c));
	assert_ptr_equal(net_tcp_find(here.t, &there.addr, NULL), c);
	assert_int_equal(net_conn_write(c, SPAN("one\n")), OK);
	assert_int_equal(net_conn_write(c, SPAN("two\n")), OK);
	assert_int_equal(net_conn_write_waiting(c), 8);
	RIG_UNTIL(here.r, here.lines == 2);
	assert_int_equal(there.lines, 2);
	assert_int_equal(here.sum, office_sum("one\ntwo\n", 8, 0));
	c = net_tcp_get(here.t, id);
	assert_true(net_conn_is_open(c));
	assert_false(net_conn_is_inbound(c));
	assert_true(addr_same_ip(&net_conn_flow(c)->local, &from));
	assert_true(net_conn_flow(c)->local.port > 1);
	assert_ptr_equal(net_tcp_find(here.t, &there.addr, &from), c);
	assert_null(net_tcp_find(here.t, &there.addr, &there.addr));
	assert_int_equal(net_tcp_counters(here.t)->connected, 1);
	/* The far side finds the same flow for its own requests: exactly this address and port. */
	assert_ptr_equal(
	    net_tcp_find(there.t, &net_conn_flow(c)->local, NULL), office_last(&there));
	from.port = 5060;
	assert_null(net_tcp_find(there.t, &from, NULL));
	net_conn_close(c);
	assert_null(net_tcp_find(here.t, &there.addr, NULL));
	assert_int_equal(here.closed, 0);
	RIG_UNTIL(here.r, here.closed == 1);
	assert_int_equal(here.why, NET_CLOSE_LOCAL);
	office_close(&here);
	office_close(&there);
}

static void test_connect_refused(void **state)
{
	struct office o = {.echo = false};
	struct addr nobody = rig_addr("127.0.0.1"), foreign = rig_addr("192.0.2.9");
	struct net_conn *c;
	int fd = rig_udp(&nobody), sys = 0; /* a port that no stream listens on */

	nobody.port = rig_local(fd).port;
	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.max_outbound = 1});
	assert_int_equal(net_tcp_connect(o.t, &nobody, NULL, 3, &c, NULL), OK);
	assert_int_equal(net_tcp_connect(o.t, &nobody, NULL, 3, &c, NULL), ERR_FULL);
	assert_int_equal(net_conn_write(c, SPAN("hello\n")), OK);
	assert_int_equal(o.closed, 0);
	RIG_UNTIL(o.r, o.closed == 1);
	assert_int_equal(o.why, NET_CLOSE_CONNECT);
	assert_int_equal(o.sys, ECONNREFUSED);
	assert_int_equal(o.opened, 0);
	assert_int_equal(net_tcp_counters(o.t)->connect_failed, 1);
	assert_int_equal(net_tcp_buffered(o.t), 0);
	assert_int_equal(net_tcp_connect(o.t, &nobody, &foreign, 3, &c, &sys), ERR_IO);
	assert_int_equal(sys, EADDRNOTAVAIL);
	close(fd);
	office_close(&o);
}

/* A peer whose backlog is full does not answer. */
static void test_connect_timeout(void **state)
{
	struct office o = {.echo = false};
	struct addr a = rig_addr("127.0.0.1");
	struct net_listen_addr deaf = {TRANSPORT_TCP, a};
	int fd = socket(AF_INET, SOCK_STREAM, 0), fill[4];
	struct sockaddr_storage ss;
	struct net_conn *c;

	assert_int_equal(bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, false, &ss)), 0);
	assert_int_equal(listen(fd, 0), 0);
	deaf.addr = rig_local(fd);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++)
		fill[i] = rig_connect(&deaf.addr, NULL, 0);
	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){.connect_time = 4 * USEC_SEC});
	assert_int_equal(net_tcp_connect(o.t, &deaf.addr, NULL, 3, &c, NULL), OK);
	o.r->now += 4 * USEC_SEC - 1;
	rig_turn(o.r);
	rig_turn(o.r);
	assert_int_equal(o.closed, 0);
	o.r->now += 1;
	RIG_UNTIL(o.r, o.closed == 1);
	assert_int_equal(o.why, NET_CLOSE_CONNECT);
	assert_int_equal(o.sys, ETIMEDOUT);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++)
		close(fill[i]);
	close(fd);
	office_close(&o);
}

/* The end of a worker with connections in every state: nothing is called, nothing leaks. */
static void test_free_in_the_middle(void **state)
{
	struct office o = {.echo = false};
	uint32_t many = 0;
	struct net_conn *c;
	int fds[3];

	office_open(&o, *state, "127.0.0.1", (struct net_tcp_opts){0});
	for (int i = 0; i < 3; i++)
		fds[i] = let_in(&o, NULL);
	client_write(fds[0], "half", 4);
	RIG_UNTIL(o.r, net_tcp_buffered(o.t) > 0);
	while (net_conn_write(office_last(&o), SPAN("0123456789")) == OK)
		many++;
	assert_true(many > 100);
	assert_int_equal(net_tcp_connect(o.t, &o.addr, NULL, 3, &c, NULL), OK);
	net_conn_close(net_tcp_find(o.t, &o.addr, NULL));
	office_close(&o);
	for (int i = 0; i < 10; i++)
		rig_turn(*state);
	assert_int_equal(o.closed, 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	net_tcp_free(NULL);
}

static void test_options(void **state)
{
	static const struct net_tcp_opts rows[] = {
	    {.max_inbound = 0, .max_outbound = 1},
	    {.max_inbound = 1u << 20},
	    {.max_inbound = 1, .max_outbound = (1u << 20) - 1},
	    {.max_inbound = 1, .worker = 256},
	    {.max_inbound = 1, .max_per_source = 65536},
	};
	struct net_tcp_handler h = {.data = (size_t(*)(void *, struct net_conn *, struct span))1};
	struct rig *r = *state;
	struct net_tcp *t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(net_tcp_new(&r->loop, &rows[i], &h, &t), ERR_RANGE);
	assert_true(net_tcp_memory(&rows[3]) > 64 << 20);
	for (enum net_close why = 0; why < NET_CLOSE_COUNT; why++)
		assert_non_null(net_close_text(why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_source_cap, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_global_cap, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_refused_by_handler, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_no_descriptors, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_ids, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_local_address, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_connect, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_connect_refused, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_connect_timeout, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_free_in_the_middle, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_options, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
