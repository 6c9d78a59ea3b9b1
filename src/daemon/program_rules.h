/* SPDX-License-Identifier: MIT
 *
 * Which programs may be run for events: those of the configuration file, and of these none that the
 * daemon could write to. Who took the daemon over writes what its sandbox lets it write: if that is
 * the configuration file itself, only the programs of the start may run. All that is decided before
 * the first packet; without a sandbox the daemon could run any program by itself, and only the
 * configuration counts. */
#ifndef DAEMON_PROGRAM_RULES_H
#define DAEMON_PROGRAM_RULES_H

#include "conf/conf.h"
#include "daemon/file_access.h"
#include "event/exec_message.h"

struct program_rules {
	const struct conf *start; /* what the daemon begins with */
	struct file_access given; /* the folders that it may write to; only noted */
	bool guarded;             /* privileges.sandbox is on */
	bool fixed;               /* only the programs of `start`: the file may be written to */
};

/* c is counted until program_rules_done. ERR_FULL, ERR_IO. */
NODISCARD enum err program_rules_init(struct program_rules *r, const struct conf *c);
void program_rules_done(struct program_rules *r);

/* Whether p may be run; newest: the configuration that names it, unless that is fixed. ERR_DENIED,
 * ERR_NOT_FOUND, with a sentence in why. */
NODISCARD enum err program_rules_check(const struct program_rules *r, const struct conf *newest,
    const struct exec_program *p, struct buf *why);

/* The program of a sink of CONF_SINK_EXEC. The spans are those of the configuration. */
struct exec_program program_of(const struct conf_sink *s);

#endif
