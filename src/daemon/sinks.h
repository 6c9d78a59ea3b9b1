/* SPDX-License-Identifier: MIT
 *
 * The sinks of events that a configuration names. A reload keeps those whose lines in the file are
 * what they were, with all that waits in them. Main thread. */
#ifndef DAEMON_SINKS_H
#define DAEMON_SINKS_H

#include "daemon/runner.h"
#include "event/hub.h"

/* Sinks about to be put into the hub: those kept are still there. */
struct sinks {
	struct event_sink *list[EVENT_HUB_SINKS];
	bool kept[EVENT_HUB_SINKS];
	unsigned count;
};

/* Makes the sinks of c, or finds them in the hub; those made have no thread yet. r runs the
 * programs of some, and outlives them. ERR_IO, ERR_NOMEM: a sentence in why, and nothing was made.
 */
NODISCARD enum err sinks_open(const struct conf *c, struct runner *r, const struct event_hub *h,
    struct sinks *out_s, struct buf *why);

/* Starts the threads of `count` sinks that have none. ERR_IO: a sentence in why. */
NODISCARD enum err sinks_start(struct event_sink *const *list, unsigned count, struct buf *why);

/* Takes back what sinks_open made. */
void sinks_close(struct sinks *s);

/* Puts them into the hub; those that are not in the new configuration are freed. */
void sinks_put(struct event_hub *h, struct sinks *s);

/* Says on standard error when a sink begins to fail, and when it works again: once a second. */
void sinks_watch(struct event_hub *h);

#endif
