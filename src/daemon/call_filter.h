/* SPDX-License-Identifier: MIT
 *
 * The filter of system calls (seccomp): a list of those that the daemon needs. All others are
 * refused: programs and processes, debugging, mounts, keys, BPF, io_uring, changing owners, modes
 * or identity, packet sockets, memory that is written and then run. It is no wall against code of
 * one's own: a file that the daemon may write can be mapped as code. */
#ifndef DAEMON_CALL_FILTER_H
#define DAEMON_CALL_FILTER_H

#include "base/buf.h"
#include "base/err.h"

/* For the calling thread and those that it makes later, for good. Needs no_new_privs. refusal: the
 * error that a refused call gives, EPERM but in tests. With a sentence in why: ERR_UNSUPPORTED, the
 * kernel has no such filter, what contains this process refuses it, or this build must not have one
 * as a sanitizer needs other calls; ERR_IO, it should work here and does not; ERR_NOMEM. */
NODISCARD enum err call_filter_apply(int refusal, struct buf *why);

#endif
