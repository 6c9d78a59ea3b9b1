/* SPDX-License-Identifier: MIT
 *
 * Why a socket could not be had, precise enough to tell a person which address and what to do. */
#ifndef NET_FAIL_H
#define NET_FAIL_H

#include "base/flow.h"

struct net_fail {
	enum transport transport;
	struct addr addr; /* the address that was asked for */
	const char *step; /* "bind", "listen": the system call, static */
	int sys;          /* its errno: EADDRINUSE, EACCES, EADDRNOTAVAIL ... */
};

/* "udp:192.0.2.1:5060: bind: address already in use (another process listens there)". */
void net_fail_add(struct buf *b, const struct net_fail *f);

#endif
