/* SPDX-License-Identifier: MIT
 *
 * What a process of the helper gives up. */
#ifndef HELPER_CONFINE_H
#define HELPER_CONFINE_H

#include "base/buf.h"
#include "base/err.h"

/* Only `fd` stays open, besides stderr; it is number 3 then. */
NODISCARD enum err confine_descriptors(int fd, struct buf *why);

/* Keeps CAP_NET_ADMIN and CAP_BPF, as far as it has them, and no way to get more. */
NODISCARD enum err confine_capabilities(struct buf *why);

/* A filter of system calls: no programs, no debugging, no mounts, no sockets but netlink's. */
NODISCARD enum err confine_calls(struct buf *why);

#endif
