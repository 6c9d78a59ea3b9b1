/* SPDX-License-Identifier: MIT
 *
 * A loop on a clock that the test turns, and plain sockets for its other side. */
#ifndef TEST_NET_RIG_H
#define TEST_NET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fail.h"
#include "net/loop.h"

struct rig {
	struct net_loop loop;
	usec_t now;
};

int rig_up(void **state);
int rig_down(void **state);

/* One iteration that sleeps at most a few milliseconds of real time. */
void rig_turn(struct rig *r);

/* Turns the loop until cond holds; fails the test after very many turns. */
#define RIG_UNTIL(r, cond)                                                  \
	do {                                                                \
		unsigned turns_ = 0;                                        \
		while (!(cond)) {                                           \
			rig_turn(r);                                        \
			assert_true(++turns_ < 20000 && "gave up: " #cond); \
		}                                                           \
	} while (0)

struct addr rig_addr(const char *text);

/* A non-blocking socket, bound to a (port 0) when a is not NULL. */
int rig_udp(const struct addr *a);
struct addr rig_local(int fd);
void rig_send_to(int fd, const void *p, size_t n, const struct addr *to);

/* A socket connected (or connecting) to `to`; rcvbuf > 0 sets the receive buffer. */
int rig_connect(const struct addr *to, const char *from, int rcvbuf);

#endif
