/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static usec_t virtual_now(void *arg)
{
	return ((struct rig *)arg)->now;
}

static usec_t virtual_wall(void *arg)
{
	return ((struct rig *)arg)->now + 1000000 * USEC_SEC;
}

int rig_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct net_clock clock = {virtual_now, virtual_wall, r};

	r->now = 1000 * USEC_SEC;
	if (net_loop_init(&r->loop, &clock) != OK)
		return -1;
	*state = r;
	return 0;
}

static void count_handle(uv_handle_t *h, void *arg)
{
	if (!uv_is_closing(h))
		++*(int *)arg;
}

int rig_down(void **state)
{
	struct rig *r = *state;
	int handles = 0;

	uv_walk(&r->loop.uv, count_handle, &handles);
	if (handles > 3) /* the loop's own: a test failed half-way, whose message matters more */
		return -1;
	net_loop_done(&r->loop);
	free(r);
	return 0;
}

void rig_turn(struct rig *r)
{
	net_loop_run_once(&r->loop, false);
	sched_yield();
}

struct addr rig_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_str(text), 0, &a), OK);
	return a;
}

static int open_socket(const struct addr *a, int type)
{
	int fd = socket(addr_is_v4(a) ? AF_INET : AF_INET6, type | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	return fd;
}

static void bind_to(int fd, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(a, false, &ss);

	assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
}

int rig_udp(const struct addr *a)
{
	int fd = open_socket(a, SOCK_DGRAM);

	bind_to(fd, a);
	return fd;
}

struct addr rig_local(int fd)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct addr a;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &a), OK);
	return a;
}

void rig_send_to(int fd, const void *p, size_t n, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, false, &ss);

	assert_int_equal(sendto(fd, p, n, 0, (struct sockaddr *)&ss, len), n);
}

int rig_connect(const struct addr *to, const char *from, int rcvbuf)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(to, false, &ss);
	int fd = open_socket(to, SOCK_STREAM);

	if (rcvbuf)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)), 0);
	if (from) {
		struct addr a = rig_addr(from);

		bind_to(fd, &a);
	}
	if (connect(fd, (struct sockaddr *)&ss, n) != 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}
