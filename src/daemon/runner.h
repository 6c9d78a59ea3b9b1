/* SPDX-License-Identifier: MIT
 *
 * The process that runs programs for sinks of events (event/output_exec.h). It is forked before
 * anything else, always: a reload may name a program when the daemon cannot fork any more. It
 * parses nothing of the network, has the user of the daemon, no capability and no way to get one.
 *
 * The daemon asks it for a socket a sink. It answers with a process of its own for that sink
 * (daemon/program.h), if the program may run (daemon/program_rules.h): it stands in the
 * configuration file, which the runner reads by itself, unless the daemon may write to that file;
 * then it is one of those of the start. Whoever took over the daemon can run no other. When the
 * daemon ends, in whatever way, the sockets end, and all these processes with what they run; what a
 * process that was killed left behind the runner kills. */
#ifndef DAEMON_RUNNER_H
#define DAEMON_RUNNER_H

#include <sys/types.h>

#include "conf/conf.h"
#include "daemon/program_rules.h"

struct runner {
	int fd;
	pid_t pid; /* 0: it ended */
	struct program_rules rules;
};

/* Forks it. To be called before the first thread. c: what the daemon begins with; its file is read
 * again later, as far as the rules allow. ERR_IO with errno, ERR_FULL. */
NODISCARD enum err runner_start(struct runner *r, const struct conf *c);

/* An exec_open_fn; arg: the runner. From any thread. */
enum err runner_open(void *arg, const struct exec_program *p, int *out_fd);

/* Says on standard error when it has died and a program of c needs it: once a second. Main thread.
 */
void runner_watch(struct runner *r, const struct conf *c);

/* Ends it and waits for that, two seconds at most. Fine for one that never started. */
void runner_stop(struct runner *r);

#endif
