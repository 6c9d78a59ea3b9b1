/* SPDX-License-Identifier: MIT
 *
 * Opening and binding, the part that datagram and stream sockets share. Internal to net. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "net/fail.h"

/* A non-blocking socket bound to a. reuse_port: SO_REUSEPORT. IPv6 is IPv6 only. Streams get
 * SO_REUSEADDR, so that a restart need not wait for old connections. ERR_IO with *out_fail filled
 * (may be NULL). */
NODISCARD enum err net_socket_bind(enum transport tr, const struct addr *a, bool reuse_port,
    int *out_fd, struct net_fail *out_fail);

/* The bound address; *a keeps its value when the system does not tell. */
void net_socket_local(int fd, struct addr *a);

void net_fail_set(
    struct net_fail *f, enum transport tr, const struct addr *a, const char *step, int sys);

#endif
