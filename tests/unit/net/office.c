/* SPDX-License-Identifier: MIT */
#include "office.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

uint64_t office_sum(const void *p, size_t n, uint64_t sum)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + c[i];
	return sum;
}

static bool accept_allowed(void *arg, const struct addr *from, uint16_t listener)
{
	struct office *o = arg;

	(void)from;
	assert_int_equal(listener, 3);
	return !o->reserved;
}

static void opened(void *arg, struct net_conn *c)
{
	struct office *o = arg;

	assert_true(net_conn_is_open(c));
	assert_ptr_equal(net_tcp_get(o->t, net_conn_id(c)), c);
	o->opened++;
	o->last_id = net_conn_id(c);
}

static size_t data(void *arg, struct net_conn *c, struct span in)
{
	struct office *o = arg;
	size_t used = 0;

	for (;;) {
		struct span rest = span_of(in.p + used, in.n - used);
		size_t n = span_find(rest, '\n');

		if (n == rest.n)
			return used;
		n++;
		used += n;
		o->lines++;
		o->longest = MAX(o->longest, n);
		o->sum = office_sum(rest.p, n, o->sum);
		net_conn_got_message(c);
		if (o->echo)
			assert_int_equal(net_conn_write(c, span_of(rest.p, n)), OK);
		if (o->hang_up)
			net_conn_close(c);
		if (o->hang_up_after_answer)
			net_conn_close_after_write(c);
		/* The bytes must be good until we return, whatever was done to c. */
		assert_int_equal(rest.p[n - 1], '\n');
	}
}

static void closed(void *arg, struct net_conn *c, enum net_close why, int sys)
{
	struct office *o = arg;

	assert_null(net_tcp_get(o->t, net_conn_id(c)));
	assert_false(net_conn_is_open(c));
	o->closed++;
	o->why = why;
	o->sys = sys;
}

void office_open(struct office *o, struct rig *r, const char *addr, struct net_tcp_opts opts)
{
	struct net_tcp_handler h = {accept_allowed, opened, data, closed, o};
	struct net_listener_opts lo = {
	    .addr = rig_addr(addr), .transport = TRANSPORT_TCP, .listener = 3, .reuse_port = true};

	opts.max_inbound = opts.max_inbound ? opts.max_inbound : 16;
	opts.max_outbound = opts.max_outbound ? opts.max_outbound : 4;
	o->r = r;
	assert_int_equal(net_tcp_new(&r->loop, &opts, &h, &o->t), OK);
	assert_int_equal(net_tcp_listen(o->t, &lo, &o->l, NULL), OK);
	o->addr = *net_listener_local(o->l);
	assert_int_not_equal(o->addr.port, 0);
}

void office_close(struct office *o)
{
	net_tcp_free(o->t);
	o->t = NULL;
}

ssize_t client_read(int fd, void *p, size_t cap)
{
	ssize_t n = recv(fd, p, cap, MSG_DONTWAIT);

	if (n >= 0)
		return n;
	return errno == EAGAIN ? -1 : -2;
}

void client_write(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT), n);
}

int office_visit(struct office *o)
{
	unsigned before = o->opened;
	int fd = rig_connect(&o->addr, NULL, 0);

	RIG_UNTIL(o->r, o->opened == before + 1);
	return fd;
}

struct net_conn *office_last(struct office *o)
{
	return net_tcp_get(o->t, o->last_id);
}
