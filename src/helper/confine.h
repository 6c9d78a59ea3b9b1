/* SPDX-License-Identifier: MIT
 *
 * What a process of the helper gives up. */
#ifndef HELPER_CONFINE_H
#define HELPER_CONFINE_H

#include "base/buf.h"
#include "base/err.h"

/* Only `fd` stays open, besides stderr; it is number 3 then. */
NODISCARD enum err confine_descriptors(int fd, struct buf *why);

/* Keeps CAP_NET_ADMIN and CAP_BPF, as far as it has them, and no way to get more. Root becomes
 * nobody; where it may not (a container without that user), it stays root, and `why` says so.
 * ERR_IO: some of it stayed. */
NODISCARD enum err confine_privileges(struct buf *why);

/* No file can be opened from now on, by nobody, nor a signal be sent to a process that is none of
 * ours, as far as the kernel has Landlock. After confine_privileges. ERR_UNSUPPORTED: it has none;
 * ERR_IO. */
NODISCARD enum err confine_files(struct buf *why);

/* A filter of system calls, for good: no programs, no debugging, no mounts, no signals to others,
 * no sockets but netlink's. ERR_IO: there is none. */
NODISCARD enum err confine_calls(struct buf *why);

#endif
