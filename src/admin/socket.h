/* SPDX-License-Identifier: MIT
 *
 * The unix socket's file: its name, its owner, what a crash leaves behind. */
#ifndef ADMIN_SOCKET_H
#define ADMIN_SOCKET_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"

/* ERR_RANGE, with a sentence in `why`, when the path is empty or too long for a socket. */
NODISCARD enum err admin_socket_address(
    const char *path, struct buf *why, struct sockaddr_un *out_sa);

/* A non-blocking bound socket with mode 0660, not listening yet. A socket file that nobody listens
 * on is replaced; ERR_BUSY when somebody does; any other file is left alone: ERR_EXISTS. ERR_IO. On
 * failure a sentence for a person goes to `why`. */
NODISCARD enum err admin_socket_bind(const char *path, struct buf *why, int *out_fd);

#endif
