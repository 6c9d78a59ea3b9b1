/* SPDX-License-Identifier: MIT
 *
 * What the daemon gives up when all is open and before it reads the first packet: its privileges,
 * the system calls that it does not need, and the files that neither its configuration nor the
 * system's libraries need. Main thread. */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include "conf/conf.h"
#include "daemon/file_access.h"

struct sandbox {
	bool entered;
	bool calls_filtered, files_guarded;
	char calls_why[128], files_why[128]; /* why not; "" when it is so */
	char user[72];                       /* who it runs as */
	struct file_access files;
	int refusal; /* the error of a refused system call; 0: EPERM */
};

/* Call it while there is one thread: later ones have what it has. What this kernel lacks is said on
 * standard error, and so are files of the configuration that the daemon could not use any more.
 * ERR_DENIED, ERR_IO, with a sentence in why: it must not go on. */
NODISCARD enum err sandbox_enter(struct sandbox *s, const struct conf *c, struct buf *why);

/* Whether a new configuration keeps to the folders that were named at the start, as far as a reload
 * uses others. ERR_DENIED, with a line for each in why. */
NODISCARD enum err sandbox_covers(const struct sandbox *s, const struct conf *c, struct buf *why);

/* Notes the folders that sandbox_enter lets the daemon write to; nothing is applied. ERR_FULL,
 * ERR_IO. */
NODISCARD enum err sandbox_written(const struct conf *c, struct file_access *out_f);

/* Adds a line to the messages of a reload that failed as a file could not be read, if the sandbox
 * may be the reason. */
void sandbox_explain(const struct sandbox *s, struct buf *messages);

#endif
