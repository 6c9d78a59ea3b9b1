/* SPDX-License-Identifier: MIT
 *
 * The helper as a service of its own: its socket, and who may speak to it. */
#ifndef HELPER_SERVE_H
#define HELPER_SERVE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* The socket that systemd gave (LISTEN_FDS), or one made at `path` for root and `user` (mode 0600,
 * owned by the user). user: a name; NULL: whoever owns the socket. */
NODISCARD enum err serve_listen(
    const char *path, const char *user, struct buf *why, int *out_fd, uid_t *out_user);

/* Waits for the next connection by root or that user; of all others it is closed. -1: the listener
 * fails. */
int serve_accept(int listener, uid_t user);

#endif
