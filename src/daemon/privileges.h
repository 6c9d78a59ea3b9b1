/* SPDX-License-Identifier: MIT
 *
 * The privileges of the process: who it is, and what it may do by capabilities. All of this belongs
 * to the calling thread and to the threads that it makes later: call it while there is one. */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include "base/buf.h"
#include "base/err.h"

/* Becomes the user of that name, with his group and the groups that he is in, for good. Of root's
 * capabilities two stay until privileges_give_up: to bind ports below 1024, and to have larger
 * receive buffers than others; no program that is run gets any. Nothing changes when the process is
 * that user already. ERR_NOT_FOUND: there is no such user; ERR_DENIED: only root can become
 * another, or the user is root by another name. A sentence for the operator is in why then. */
NODISCARD enum err privileges_become_user(const char *name, struct buf *why);

/* Gives up every capability, now and for good (no_new_privs), and shows nobody its memory: no core
 * file, no debugger but root's; not in builds with a sanitizer, which looks at itself. ERR_IO, with
 * a sentence in why: some are still there, and the process must not go on. */
NODISCARD enum err privileges_give_up(struct buf *why);

/* For people: the name of the user that the process runs as, or his number. */
void privileges_user_name(struct buf *out);

/* Has any capability, effective or not. */
bool privileges_left(void);

#endif
