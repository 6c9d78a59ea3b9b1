/* SPDX-License-Identifier: MIT
 *
 * One event loop a thread. It is the only place that reads a clock: everything above gets `now`.
 * The clock is read once a wake-up and once a batch of input, not once a message. All functions
 * are for the loop's own thread, but net_loop_init and net_loop_done, which must not run at the
 * same time as net_loop_run. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "base/usec.h"

/* Monotonic and wall-clock time. Tests give their own. */
struct net_clock {
	usec_t (*monotonic)(void *arg);
	usec_t (*wall)(void *arg); /* since 1970 */
	void *arg;
};

typedef void (*net_loop_fn)(void *arg);

/* A deadline of a module; there are a few a loop (a timer wheel, the connections), not one a peer.
 * Owned by the module, linked into the loop from net_timer_init to net_timer_done. */
struct net_timer {
	struct list link;
	usec_t due; /* USEC_MAX: not armed */
	net_loop_fn fn;
	void *arg;
	struct net_loop *loop;
};

/* Called once an iteration before the loop sleeps. Owned by the module, linked in as above. */
struct net_hook {
	struct list link;
	net_loop_fn fn;
	void *arg;
};

struct net_loop {
	uv_loop_t uv;
	usec_t now;         /* monotonic, cached; read it, never write it */
	int64_t wall_minus; /* wall = now + wall_minus; refreshed about once a second */
	usec_t wall_at;     /* when it is due for that */
	struct net_clock clock;
	struct list timers;
	struct list flushers;
	struct net_timer wake;
	net_loop_fn before_sleep;
	void *before_sleep_arg;
	uv_timer_t uv_timer;
	uv_prepare_t uv_prepare;
	uv_async_t uv_stop;
	usec_t armed_for; /* what uv_timer is set to; USEC_MAX when stopped */
};

/* clock NULL: the system's. ERR_IO when the system gives no loop (file descriptors). */
NODISCARD enum err net_loop_init(struct net_loop *l, const struct net_clock *clock);

/* Runs what is left of the closing of handles, then frees. Sockets, connections and mailboxes of
 * this loop must have been freed before. */
void net_loop_done(struct net_loop *l);

/* Runs until net_loop_stop. */
void net_loop_run(struct net_loop *l);

/* One iteration. wait: sleeps until there is something to do; else takes what is ready. Timers that
 * are due by the loop's clock run in every iteration. */
void net_loop_run_once(struct net_loop *l, bool wait);

/* Ends net_loop_run soon; from any thread. */
void net_loop_stop(struct net_loop *l);

/* The one wake-up of the layer above: fn is called in the loop when l->now >= due. A second call
 * replaces the first, USEC_MAX takes it back. One shot: fn sets the next. fn is set once. */
void net_loop_on_wake(struct net_loop *l, net_loop_fn fn, void *arg);
void net_loop_wake_at(struct net_loop *l, usec_t due);

/* fn runs once an iteration just before the loop sleeps, ahead of the flush of UDP batches: what it
 * sends goes out in this iteration. */
void net_loop_on_before_sleep(struct net_loop *l, net_loop_fn fn, void *arg);

/* Reads the clock into l->now. For the modules of net, at the start of a batch. */
void net_loop_refresh(struct net_loop *l);

static inline usec_t net_loop_wall(const struct net_loop *l)
{
	return l->now + (usec_t)l->wall_minus;
}

/* For modules with deadlines of their own. */
void net_timer_init(struct net_timer *t, struct net_loop *l, net_loop_fn fn, void *arg);
void net_timer_set(struct net_timer *t, usec_t due);
void net_timer_done(struct net_timer *t);

void net_hook_init(struct net_hook *h, struct net_loop *l, net_loop_fn fn, void *arg);
void net_hook_done(struct net_hook *h);

#endif
