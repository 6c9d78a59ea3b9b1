/* SPDX-License-Identifier: MIT
 *
 * The sockets of a worker from a list: all or none, and which address it was. */
#include "rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listen.h"

static void received(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n)
{
	(void)arg;
	(void)u;
	(void)d;
	(void)n;
}

static size_t data(void *arg, struct net_conn *c, struct span in)
{
	(void)arg;
	(void)c;
	return in.n;
}

static struct net_tcp *streams(struct rig *r)
{
	struct net_tcp_opts o = {.max_inbound = 4};
	struct net_tcp_handler h = {.data = data};
	struct net_tcp *t;

	assert_int_equal(net_tcp_new(&r->loop, &o, &h, &t), OK);
	return t;
}

static const struct net_udp_handler udp_handler = {.received = received};

static void test_both_workers(void **state)
{
	struct rig *r = *state;
	struct net_listen_addr addrs[] = {
	    {TRANSPORT_UDP, rig_addr("127.0.0.1")},
	    {TRANSPORT_TCP, rig_addr("127.0.0.1")},
	    {TRANSPORT_UDP, rig_addr("[::1]")},
	};
	size_t n = ARRAY_LEN(addrs);
	struct net_tcp *t = streams(r);
	struct net_listen a, b;
	struct net_fail f = {0};

	assert_int_equal(net_listen_check(addrs, n, &f), OK);
	assert_int_equal(net_listen_init(&a, &r->loop, addrs, n, NULL, &udp_handler, t, &f), OK);
	assert_non_null(a.udp[0]);
	assert_non_null(a.stream[1]);
	assert_non_null(a.udp[2]);
	assert_null(a.udp[1]);
	assert_int_equal(net_udp_listener(a.udp[2]), 2);
	addrs[0].addr = *net_udp_local(a.udp[0]);
	addrs[1].addr = *net_listener_local(a.stream[1]);
	addrs[2].addr = *net_udp_local(a.udp[2]);
	/* A second worker shares; a second daemon would be noticed, for each of the addresses. */
	assert_int_equal(net_listen_init(&b, &r->loop, addrs, n, NULL, &udp_handler, t, &f), OK);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(net_listen_check(&addrs[i], 1, &f), ERR_IO);
		assert_int_equal(f.sys, EADDRINUSE);
		assert_int_equal(f.transport, addrs[i].transport);
		assert_true(addr_eq(&f.addr, &addrs[i].addr));
	}
	net_listen_done(&a);
	net_listen_done(&b);
	rig_turn(r);
	assert_int_equal(net_listen_check(addrs, n, NULL), OK);
	net_tcp_free(t);
}

static void test_all_or_none(void **state)
{
	static const struct {
		enum transport transport;
		const char *addr;
		int sys;
	} rows[] = {
	    {TRANSPORT_UDP, "192.0.2.1:5060", EADDRNOTAVAIL},
	    {TRANSPORT_TCP, "192.0.2.1:5060", EADDRNOTAVAIL},
	    {TRANSPORT_TLS, "[2001:db8::1]:5061", EADDRNOTAVAIL},
	};
	struct rig *r = *state;
	struct net_tcp *t = streams(r);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr free_addr = rig_addr("127.0.0.1");
		int fd = rig_udp(&free_addr);
		struct net_listen_addr addrs[] = {
		    {TRANSPORT_UDP, rig_local(fd)},
		    {rows[i].transport, rig_addr(rows[i].addr)},
		};
		struct net_listen ls;
		struct net_fail f = {0};

		close(fd);
		assert_int_equal(net_listen_check(addrs, 2, &f), ERR_IO);
		assert_int_equal(f.sys, rows[i].sys);
		f = (struct net_fail){0};
		assert_int_equal(
		    net_listen_init(&ls, &r->loop, addrs, 2, NULL, &udp_handler, t, &f), ERR_IO);
		assert_int_equal(f.sys, rows[i].sys);
		assert_true(addr_eq(&f.addr, &addrs[1].addr));
		rig_turn(r);
		assert_int_equal(net_listen_check(addrs, 1, NULL), OK); /* given back */
	}
	net_tcp_free(t);
}

static void test_too_many(void **state)
{
	static struct net_listen_addr addrs[NET_LISTEN_MAX + 1];
	struct rig *r = *state;
	struct net_listen ls;

	assert_int_equal(
	    net_listen_init(&ls, &r->loop, addrs, ARRAY_LEN(addrs), NULL, &udp_handler, NULL, NULL),
	    ERR_RANGE);
	net_listen_done(&ls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_both_workers, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_all_or_none, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_too_many, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
