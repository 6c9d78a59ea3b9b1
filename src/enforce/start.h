/* SPDX-License-Identifier: MIT
 *
 * A socket to the helper: by starting it, or by connecting to it. */
#ifndef ENFORCE_START_H
#define ENFORCE_START_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Starts the helper that lies beside this program, or where it was installed. Its socket is
 * non-blocking. ERR_DENIED: without CAP_NET_ADMIN it could do nothing; ERR_NOT_FOUND; ERR_IO. `why`
 * says what to do. */
NODISCARD enum err start_helper(struct buf *why, int *out_fd, pid_t *out_pid);

/* ERR_NOT_FOUND: nobody listens there; ERR_DENIED; ERR_IO. */
NODISCARD enum err start_connect(const char *path, struct buf *why, int *out_fd);

/* A socket lies there. */
bool start_is_socket(const char *path);

#endif
