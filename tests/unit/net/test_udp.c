/* SPDX-License-Identifier: MIT
 *
 * UDP in batches over the loopback; sendmmsg is wrapped so that the kernel can be made to refuse.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"

int __real_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);

/* What the wrapped call does. */
static struct {
	bool full;      /* EAGAIN */
	int room;       /* > 0: takes this many more, then it is full */
	int partial;    /* > 0: takes no more than this many a call */
	int refuse_nth; /* > 0: counts down, and refuses that message */
	int refuse_errno;
	int calls;
} kernel;

int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	kernel.calls++;
	if (kernel.full) {
		errno = EAGAIN;
		return -1;
	}
	if (kernel.room && n > (unsigned)kernel.room)
		n = (unsigned)kernel.room;
	if (kernel.partial && n > (unsigned)kernel.partial)
		n = (unsigned)kernel.partial;
	if (kernel.refuse_nth > 0) {
		if (kernel.refuse_nth == 1) {
			kernel.refuse_nth = 0;
			errno = kernel.refuse_errno;
			return -1;
		}
		if (n >= (unsigned)kernel.refuse_nth)
			n = (unsigned)kernel.refuse_nth - 1;
		kernel.refuse_nth -= (int)n;
	}
	if (kernel.room) {
		kernel.room -= (int)n;
		kernel.full = kernel.room == 0;
	}
	return __real_sendmmsg(fd, m, n, flags);
}

struct bench {
	struct net_udp *u;
	unsigned received, batches, most;
	bool echo;
	struct addr from, local; /* of the last */
	struct addr failed_to;
	int failed_sys;
	size_t last_n;
	unsigned disorder;
	unsigned drained, backlog;   /* calls of drained; messages that it has not worked on */
	unsigned each, left_at_most; /* how many it works on in one call; the longest backlog */
};

static void received(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n)
{
	struct bench *b = arg;

	assert_ptr_equal(u, b->u);
	b->batches++;
	b->most = MAX(b->most, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		unsigned number = 0;

		if (d[i].data.n == sizeof(number)) {
			memcpy(&number, d[i].data.p, sizeof(number));
			b->disorder += number != b->received;
		}
		assert_false(d[i].truncated);
		b->received++;
		b->from = d[i].from;
		b->local = d[i].local;
		b->last_n = d[i].data.n;
		if (b->echo)
			assert_int_equal(net_udp_send(u, d[i].data, &d[i].from, &d[i].local), OK);
	}
}

/* Works on what was put aside, a little at a time. */
static bool drained(void *arg, struct net_udp *u)
{
	struct bench *b = arg;

	assert_ptr_equal(u, b->u);
	b->drained++;
	b->left_at_most = MAX(b->left_at_most, b->backlog);
	b->backlog -= MIN(b->backlog, b->each);
	return b->backlog > 0;
}

static void put_aside(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n)
{
	struct bench *b = arg;

	(void)u;
	(void)d;
	b->received += (unsigned)n;
	b->backlog += (unsigned)n;
}

static void send_failed(void *arg, struct net_udp *u, const struct addr *to, int sys)
{
	struct bench *b = arg;

	(void)u;
	b->failed_to = *to;
	b->failed_sys = sys;
}

static void open_bench(struct rig *r, struct bench *b, const struct net_udp_opts *o)
{
	struct net_udp_handler h = {.received = received, .send_failed = send_failed, .arg = b};

	memset(&kernel, 0, sizeof(kernel));
	assert_int_equal(net_udp_new(&r->loop, o, &h, &b->u, NULL), OK);
}

static bool take(int fd, void *p, size_t cap, ssize_t *out_n, struct addr *out_from)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	*out_n = recvfrom(fd, p, cap, MSG_DONTWAIT, (struct sockaddr *)&ss, &len);
	return *out_n >= 0 && addr_from_sockaddr((struct sockaddr *)&ss, out_from) == OK;
}

/* More than a turn's worth both ways, in order, for each family and for wildcards. */
static void test_echo(void **state)
{
	static const struct {
		const char *bind, *to, *client;
	} rows[] = {
	    {"127.0.0.1", "127.0.0.1", "127.0.0.1"},
	    {"0.0.0.0", "127.0.0.3", "127.0.0.1"},
	    {"[::1]", "[::1]", "[::1]"},
	    {"[::]", "[::1]", "[::1]"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_udp_opts o = {.addr = rig_addr(rows[i].bind), .listener = 7};
		struct addr client = rig_addr(rows[i].client), to = rig_addr(rows[i].to), from;
		struct bench b = {.echo = true};
		struct net_udp_counters c;
		int fd = rig_udp(&client);
		unsigned number, got = 0;
		ssize_t n;

		open_bench(r, &b, &o);
		client = rig_local(fd);
		to.port = net_udp_local(b.u)->port;
		assert_int_not_equal(to.port, 0);
		for (number = 0; number < 200; number++)
			rig_send_to(fd, &number, sizeof(number), &to);
		RIG_UNTIL(r, b.received == 200);
		assert_int_equal(b.disorder, 0);
		assert_int_equal(b.most, NET_UDP_BATCH);
		assert_true(addr_eq(&b.from, &client));
		assert_true(addr_eq(&b.local, &to)); /* the address, even on a wildcard */
		while (got < 200) {
			if (!take(fd, &number, sizeof(number), &n, &from)) {
				rig_turn(r);
				continue;
			}
			assert_int_equal(number, got++);
			assert_true(addr_eq(&from, &to)); /* answered from where it came to */
		}
		c = net_udp_counters(b.u);
		assert_int_equal(c.received, 200);
		assert_int_equal(c.received_bytes, 800);
		assert_int_equal(c.sent, 200);
		assert_int_equal(c.sent_bytes, 800);
		assert_int_equal(c.send_dropped + c.send_errors + c.kernel_drops, 0);
		assert_int_equal(net_udp_listener(b.u), 7);
		net_udp_free(b.u);
		close(fd);
	}
}

struct flood {
	struct rig *r;
	struct bench b;
	unsigned sleeps, left_at_first; /* iterations of the loop, what was left after the first */
};

static void before_sleep(void *arg)
{
	struct flood *f = arg;

	if (f->b.received && f->sleeps++ == 0)
		f->left_at_first = 3000 - f->b.received;
}

/* More than one turn takes: all is read, but others have their turns in between. Twice, so that the
 * socket is watched again after the flood; and the end comes in the middle of one. */
static void test_flood(void **state)
{
	struct flood f = {.r = *state};
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1")};
	struct addr a = rig_addr("127.0.0.1");
	int fd = rig_udp(&a);

	open_bench(f.r, &f.b, &o);
	net_loop_on_before_sleep(&f.r->loop, before_sleep, &f);
	for (int round = 0; round < 3; round++) {
		f.b.received = 0;
		f.sleeps = 0;
		for (unsigned number = 0; number < 3000; number++)
			rig_send_to(fd, &number, sizeof(number), net_udp_local(f.b.u));
		if (round == 2)
			break;
		RIG_UNTIL(f.r, f.b.received == 3000);
		rig_turn(f.r);
		assert_int_equal(f.b.disorder, 0);
		assert_true(f.sleeps >= 3);
		assert_in_range(f.left_at_first, 900, 2999);
		rig_turn(f.r);
		rig_turn(f.r);
	}
	RIG_UNTIL(f.r, f.b.received > 0);
	assert_in_range(f.b.received, 1, 2999);
	net_udp_free(f.b.u);
	net_loop_on_before_sleep(&f.r->loop, NULL, NULL);
	close(fd);
}

static void count_iteration(void *arg)
{
	unsigned *iterations = arg;

	(*iterations)++;
}

/* All that waits is read before any of it is worked on, sixteen batches at a time at most; while
 * something is left the loop comes back without a datagram, and then it sleeps again. */
static void test_drained(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1")};
	struct bench b = {.each = 100};
	struct net_udp_handler h = {.received = put_aside, .drained = drained, .arg = &b};
	struct addr a = rig_addr("127.0.0.1");
	unsigned iterations = 0, before;
	int fd = rig_udp(&a);

	memset(&kernel, 0, sizeof(kernel));
	assert_int_equal(net_udp_new(&r->loop, &o, &h, &b.u, NULL), OK);
	net_loop_on_before_sleep(&r->loop, count_iteration, &iterations);
	for (unsigned number = 0; number < 1500; number++)
		rig_send_to(fd, &number, sizeof(number), net_udp_local(b.u));
	RIG_UNTIL(r, b.received == 1500);
	assert_int_equal(b.drained, 2); /* 1024 of them, then the rest */
	assert_int_equal(b.left_at_most, 1500 - 100);
	assert_int_equal(b.backlog, 1500 - 200);
	before = iterations;
	RIG_UNTIL(r, b.backlog == 0);
	assert_int_equal(b.drained, 15);
	assert_in_range(iterations - before, 12, 13); /* not one of them slept for long */
	for (int i = 0; i < 3; i++)
		rig_turn(r);
	assert_int_equal(b.drained, 15); /* nothing new: not called */
	/* One datagram, worked on at once: no iteration more. */
	rig_send_to(fd, &a, 4, net_udp_local(b.u));
	RIG_UNTIL(r, b.received == 1501);
	for (int i = 0; i < 3; i++)
		rig_turn(r);
	assert_int_equal(b.drained, 16);
	/* It is freed while it is busy. */
	for (unsigned number = 0; number < 500; number++)
		rig_send_to(fd, &number, sizeof(number), net_udp_local(b.u));
	RIG_UNTIL(r, b.received == 2001);
	assert_true(b.backlog > 0);
	net_udp_free(b.u);
	net_loop_on_before_sleep(&r->loop, NULL, NULL);
	close(fd);
}

static void test_largest_and_empty(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1")};
	struct bench b = {.echo = true};
	struct addr a = rig_addr("127.0.0.1"), from;
	char *big = malloc(NET_UDP_PAYLOAD_MAX), *back = malloc(NET_UDP_PAYLOAD_MAX);
	int fd = rig_udp(&a), size = 4 << 20;
	ssize_t n = -1;

	open_bench(r, &b, &o);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (size_t i = 0; i < NET_UDP_PAYLOAD_MAX; i++)
		big[i] = (char)(i * 31 >> 4);
	for (int i = 0; i < 2; i++) {
		size_t want = i ? 0 : NET_UDP_PAYLOAD_MAX;

		rig_send_to(fd, big, want, net_udp_local(b.u));
		RIG_UNTIL(r, take(fd, back, NET_UDP_PAYLOAD_MAX, &n, &from));
		assert_int_equal(n, want);
		assert_int_equal(b.last_n, want);
		assert_memory_equal(back, big, want);
	}
	net_udp_free(b.u);
	close(fd);
	free(big);
	free(back);
}

/* Reserved room that is not used costs nothing; bad messages are refused one by one. */
static void test_reserve(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1")};
	struct bench b = {.echo = false};
	struct addr a = rig_addr("127.0.0.1"), v6 = rig_addr("[::1]:9"), from;
	int fd = rig_udp(&a);
	char got[16];
	struct buf w;
	ssize_t n;

	open_bench(r, &b, &o);
	a = rig_local(fd);
	w = net_udp_reserve(b.u);
	assert_int_equal(w.cap, NET_UDP_ROOM);
	buf_add_lit(&w, "never");
	w = net_udp_reserve(b.u);
	buf_add_lit(&w, "first");
	assert_int_equal(net_udp_commit(b.u, &w, &a, NULL), OK);
	w = net_udp_reserve(b.u);
	w.overflow = true;
	assert_int_equal(net_udp_commit(b.u, &w, &a, NULL), ERR_RANGE);
	w = net_udp_reserve(b.u);
	w.n = NET_UDP_PAYLOAD_MAX + 1;
	assert_int_equal(net_udp_commit(b.u, &w, &a, NULL), ERR_RANGE);
	w = net_udp_reserve(b.u);
	assert_int_equal(net_udp_commit(b.u, &w, &v6, NULL), ERR_RANGE);
	assert_int_equal(net_udp_send(b.u, SPAN("second"), &a, NULL), OK);
	assert_int_equal(kernel.calls, 0); /* waits for its batch */
	RIG_UNTIL(r, take(fd, got, sizeof(got), &n, &from));
	assert_int_equal(kernel.calls, 1);
	assert_int_equal(n, 5);
	assert_memory_equal(got, "first", 5);
	RIG_UNTIL(r, take(fd, got, sizeof(got), &n, &from));
	assert_memory_equal(got, "second", 6);
	assert_int_equal(net_udp_counters(b.u).send_dropped, 3);
	net_udp_free(b.u);
	close(fd);
}

/* The kernel takes nothing: the queue fills to its bound, then messages are dropped and counted;
 * when the kernel is ready again, what waited goes out in order and complete. */
static void test_queue_full(void **state)
{
	struct rig *r = *state;
	static const struct {
		uint32_t bytes, count, size, fit;
	} rows[] = {
	    {0, 100, 100, 100},                  /* the number is the bound */
	    {3 * NET_UDP_ROOM, 1000, 10000, 14}, /* the bytes are: 13 * 10048 + a room */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_udp_opts o = {.addr = rig_addr("127.0.0.1"),
		    .queue_bytes = rows[i].bytes,
		    .queue_count = rows[i].count};
		struct bench b = {.echo = false};
		struct addr a = rig_addr("127.0.0.1"), from;
		int fd = rig_udp(&a), size = 4 << 20;
		static char text[10000];
		uint32_t fit = 0;
		ssize_t n;

		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		open_bench(r, &b, &o);
		a = rig_local(fd);
		for (uint32_t round = 0; round < 5; round++) {
			kernel.full = true;
			kernel.partial = 7;
			fit = 0;
			for (uint32_t k = 0; k < 2 * rows[i].count; k++) {
				memcpy(text, &k, sizeof(k));
				if (net_udp_send(b.u, span_of(text, rows[i].size), &a, NULL) == OK)
					fit++;
			}
			assert_int_equal(fit, rows[i].fit);
			assert_int_equal(net_udp_counters(b.u).send_dropped,
			    (round + 1) * (2 * rows[i].count - fit));
			kernel.full = false;
			for (uint32_t k = 0; k < fit; k++) {
				uint32_t number;

				RIG_UNTIL(r, take(fd, text, sizeof(text), &n, &from));
				memcpy(&number, text, sizeof(number));
				assert_int_equal(number, k);
				assert_int_equal(n, rows[i].size);
			}
			assert_false(take(fd, text, sizeof(text), &n, &from));
		}
		net_udp_free(b.u);
		close(fd);
	}
}

/* Messages keep coming while others go, over the end of both rings: none is lost or mixed up. */
static void test_queue_wraps(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {
	    .addr = rig_addr("127.0.0.1"), .queue_bytes = 4 * NET_UDP_ROOM, .queue_count = 100};
	struct bench b = {.echo = false};
	struct addr a = rig_addr("127.0.0.1"), from;
	int fd = rig_udp(&a), size = 4 << 20;
	uint32_t put = 0, got = 0, refused = 0, words[2500];
	ssize_t n;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	open_bench(r, &b, &o);
	a = rig_local(fd);
	while (got < 5000) {
		kernel.full = true;
		for (int k = 0; k < 30; k++) {
			uint32_t count = put * 7 % 2500 + 1;

			words[0] = words[count - 1] = put;
			if (net_udp_send(b.u, span_of((char *)words, 4 * count), &a, NULL) != OK) {
				refused++;
				break;
			}
			put++;
		}
		kernel.full = false;
		kernel.room = (int)MIN(23u, put - got);
		while (kernel.room)
			rig_turn(r);
		while (take(fd, words, sizeof(words), &n, &from)) {
			uint32_t count = got * 7 % 2500 + 1;

			assert_int_equal(n, 4 * count);
			assert_int_equal(words[0], got);
			assert_int_equal(words[count - 1], got);
			got++;
		}
	}
	assert_true(refused > 0);
	net_udp_free(b.u);
	close(fd);
}

/* One message is refused: the others around it go out, and its receiver is told. */
static void test_refused_message(void **state)
{
	static const int errors[] = {EPERM, EMSGSIZE, ECONNREFUSED, EHOSTUNREACH, ENOBUFS};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		struct net_udp_opts o = {.addr = rig_addr("127.0.0.1")};
		struct bench b = {.echo = false};
		struct addr a = rig_addr("127.0.0.1"), bad = rig_addr("127.0.0.9:9"), from;
		int fd = rig_udp(&a);
		char got[8];
		ssize_t n;

		open_bench(r, &b, &o);
		a = rig_local(fd);
		kernel.refuse_nth = 3;
		kernel.refuse_errno = errors[i];
		assert_int_equal(net_udp_send(b.u, SPAN("1"), &a, NULL), OK);
		assert_int_equal(net_udp_send(b.u, SPAN("2"), &a, NULL), OK);
		assert_int_equal(net_udp_send(b.u, SPAN("3"), &bad, NULL), OK);
		assert_int_equal(net_udp_send(b.u, SPAN("4"), &a, NULL), OK);
		for (const char *want = "124"; *want; want++) {
			RIG_UNTIL(r, take(fd, got, sizeof(got), &n, &from));
			assert_int_equal(got[0], *want);
		}
		assert_int_equal(b.failed_sys, errors[i]);
		assert_true(addr_eq(&b.failed_to, &bad));
		assert_int_equal(net_udp_counters(b.u).send_errors, 1);
		assert_int_equal(net_udp_counters(b.u).sent, 3);
		net_udp_free(b.u);
		close(fd);
	}
}

static void test_kernel_drops(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1"), .recv_buffer = 4096};
	struct bench b = {.echo = false};
	struct addr a = rig_addr("127.0.0.1");
	int fd = rig_udp(&a);
	struct net_udp_counters c;

	open_bench(r, &b, &o);
	for (int i = 0; i < 100; i++)
		rig_send_to(fd, "0123456789", 10, net_udp_local(b.u));
	RIG_UNTIL(r, (c = net_udp_counters(b.u), c.received + c.kernel_drops == 100));
	assert_true(c.kernel_drops > 0);
	net_udp_free(b.u);
	close(fd);
}

/* Nothing reads while the loop does not turn. */
static void test_fill(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1"), .recv_buffer = 65536};
	struct bench b = {.echo = false};
	struct addr a = rig_addr("127.0.0.1");
	int fd = rig_udp(&a);
	double before = 0;

	open_bench(r, &b, &o);
	assert_true(net_udp_fill(b.u) == 0);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 10; k++)
			rig_send_to(fd, "0123456789", 10, net_udp_local(b.u));
		assert_true(net_udp_fill(b.u) > before);
		before = net_udp_fill(b.u);
	}
	for (int i = 0; i < 1000; i++)
		rig_send_to(fd, "0123456789", 10, net_udp_local(b.u));
	assert_true(net_udp_fill(b.u) > 0.9 && net_udp_fill(b.u) <= 1);
	RIG_UNTIL(r, net_udp_fill(b.u) == 0);
	net_udp_free(b.u);
	close(fd);
}

static void test_cannot_bind(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1")};
	struct bench b = {.echo = false};
	struct net_udp_handler h = {.received = received, .arg = &b};
	struct net_udp *u = NULL;
	struct net_fail f;

	open_bench(r, &b, &o);
	o.addr = *net_udp_local(b.u);
	assert_int_equal(net_udp_new(&r->loop, &o, &h, &u, &f), ERR_IO);
	assert_int_equal(f.sys, EADDRINUSE);
	assert_string_equal(f.step, "bind");
	assert_true(addr_eq(&f.addr, &o.addr));
	assert_int_equal(f.transport, TRANSPORT_UDP);
	o.addr = rig_addr("192.0.2.1");
	assert_int_equal(net_udp_new(&r->loop, &o, &h, &u, &f), ERR_IO);
	assert_int_equal(f.sys, EADDRNOTAVAIL);
	assert_null(u);
	net_udp_free(b.u);
	net_udp_free(NULL);
}

/* Two workers share a port; each datagram comes to one of them. */
static void test_reuse_port(void **state)
{
	struct rig *r = *state;
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1"), .reuse_port = true};
	struct bench b[2] = {{.echo = false}, {.echo = false}};
	struct addr a = rig_addr("127.0.0.1");

	open_bench(r, &b[0], &o);
	o.addr = *net_udp_local(b[0].u);
	open_bench(r, &b[1], &o);
	for (int i = 0; i < 64; i++) {
		int fd = rig_udp(&a);

		rig_send_to(fd, "hello", 5, &o.addr);
		close(fd);
	}
	RIG_UNTIL(r, b[0].received + b[1].received == 64);
	assert_true(b[0].received > 0 && b[1].received > 0);
	net_udp_free(b[0].u);
	net_udp_free(b[1].u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_echo, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_flood, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_drained, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_largest_and_empty, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_reserve, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_queue_full, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_queue_wraps, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_refused_message, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_kernel_drops, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_fill, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_cannot_bind, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_reuse_port, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
