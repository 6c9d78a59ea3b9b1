/* SPDX-License-Identifier: MIT
 *
 * The sockets of one worker from the list of listen addresses. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/tcp.h"
#include "net/udp.h"

/* The number of an address in the list is its udp/stream `listener` number. */
struct net_listen_addr {
	enum transport transport;
	struct addr addr;
};

#define NET_LISTEN_MAX 64

struct net_listen {
	size_t n;
	struct net_udp *udp[NET_LISTEN_MAX];         /* by number; NULL for streams */
	struct net_listener *stream[NET_LISTEN_MAX]; /* by number; NULL for UDP */
};

/* Tells whether all addresses can be had, before any worker starts: binds each without
 * SO_REUSEPORT and lets go. With SO_REUSEPORT alone a second daemon of the same user would take
 * half of the first one's traffic without anybody noticing. ERR_IO and *out_fail for the first that
 * cannot. */
NODISCARD enum err net_listen_check(
    const struct net_listen_addr *addrs, size_t n, struct net_fail *out_fail);

/* Opens all with SO_REUSEPORT, or none. udp: buffer sizes (addr, listener and reuse_port are set
 * here), NULL = defaults. ERR_RANGE for n > NET_LISTEN_MAX, ERR_IO with *out_fail (may be NULL),
 * ERR_NOMEM. */
NODISCARD enum err net_listen_init(struct net_listen *ls, struct net_loop *l,
    const struct net_listen_addr *addrs, size_t n, const struct net_udp_opts *udp,
    const struct net_udp_handler *h, struct net_tcp *tcp, struct net_fail *out_fail);

void net_listen_done(struct net_listen *ls);

#endif
