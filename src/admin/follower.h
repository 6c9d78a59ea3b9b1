/* SPDX-License-Identifier: MIT
 *
 * Lines on their way to a client that follows events: two buffers, one filled while the other is
 * written. What does not fit is counted, and the client is told before the next line. Knows no
 * socket. */
#ifndef ADMIN_FOLLOWER_H
#define ADMIN_FOLLOWER_H

#include "admin/admin.h"
#include "event/filter.h"

struct follower {
	struct event_tap tap;
	struct event_filter filter;
	void (*ready)(struct follower *f); /* there is something to write */
	char *fill, *out;
	size_t fill_n, out_n; /* out_n > 0: being written */
	uint64_t lost;        /* since the client was last told */
};

/* ERR_NOMEM. `ready` is called from the tap when nothing is being written. */
NODISCARD enum err follower_init(
    struct follower *f, const struct event_filter *filter, void (*ready)(struct follower *f));
void follower_done(struct follower *f);

/* The tap: takes the line if the filter lets it through and there is room. */
void follower_take(struct event_tap *tap, const struct event *e, struct span line);

/* What is to be written next; empty when there is nothing. Stays valid until follower_wrote. */
struct span follower_begin_write(struct follower *f);
void follower_wrote(struct follower *f);

#endif
