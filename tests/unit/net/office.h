/* SPDX-License-Identifier: MIT
 *
 * A stream server for tests: a message is a line; it counts, keeps, answers or closes as told. */
#ifndef TEST_NET_OFFICE_H
#define TEST_NET_OFFICE_H

#include "rig.h"

#include "net/tcp.h"

struct office {
	struct rig *r;
	struct net_tcp *t;
	struct net_listener *l;
	struct addr addr;
	/* how it behaves */
	bool echo, hang_up, hang_up_after_answer, reserved;
	/* what it saw */
	unsigned opened, lines, closed;
	size_t longest;
	uint64_t sum; /* over all bytes of all lines */
	uint64_t last_id;
	enum net_close why;
	int sys;
};

/* Opens the office on addr with these options (worker limits have small defaults). */
void office_open(struct office *o, struct rig *r, const char *addr, struct net_tcp_opts opts);
void office_close(struct office *o);

uint64_t office_sum(const void *p, size_t n, uint64_t sum);

/* Reads what is there: bytes, 0 at the end, -1 when there is nothing, -2 after an error. */
ssize_t client_read(int fd, void *p, size_t cap);
void client_write(int fd, const void *p, size_t n);

/* A client whose connection the office has opened. */
int office_visit(struct office *o);
struct net_conn *office_last(struct office *o);

#endif
