/* SPDX-License-Identifier: MIT
 *
 * The filter of system calls (seccomp): a list of those that the daemon needs. All others are
 * refused: programs and processes, debugging, mounts, keys, BPF, io_uring, changing owners, modes
 * or identity, raw and packet sockets, memory that is written and run. */
#ifndef DAEMON_CALL_FILTER_H
#define DAEMON_CALL_FILTER_H

#include "base/buf.h"
#include "base/err.h"

/* For the calling thread and those that it makes later, for good. Needs no_new_privs. With a
 * sentence in why: ERR_UNSUPPORTED, the kernel has no such filter, or this build must not have one
 * as a sanitizer needs other calls; ERR_NOMEM. */
NODISCARD enum err call_filter_apply(struct buf *why);

#endif
