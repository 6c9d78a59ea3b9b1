/* SPDX-License-Identifier: MIT
 *
 * What a program leaves behind: with orphans_adopt, processes whose parent died become children of
 * this one, in whatever group or session they are. One thread. */
#ifndef DAEMON_ORPHANS_H
#define DAEMON_ORPHANS_H

#include <stdbool.h>
#include <sys/types.h>

void orphans_adopt(void);

/* Kills every child but the n that are spared; each is to be reaped by the caller. Whose parent
 * dies of it becomes a child then. False: this kernel does not tell children. */
bool orphans_kill(const pid_t *spared, size_t n);

#endif
