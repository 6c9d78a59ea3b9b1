/* SPDX-License-Identifier: MIT
 *
 * Is there more to do than can be done? The lag of a worker is how long the oldest of what it works
 * on now has waited: in the queues, and in the kernel while the loop was busy with what came
 * before. Over the configured lag strangers are sent away; who knows us is served. */
#ifndef EDGE_OVERLOAD_H
#define EDGE_OVERLOAD_H

#include <stdbool.h>

#include "base/usec.h"

struct worker;

/* All zero: nothing was late yet. */
struct overload {
	usec_t began;    /* when the first input of this iteration was taken; 0: there was none */
	usec_t busy;     /* how long the iteration before was at work; 0 after a sleep */
	usec_t iterated; /* when that ended */
	usec_t waited;   /* in the queue, of the message at hand */
	usec_t shed_at;  /* when a stranger was sent away last; 0: not since it ended */
	uint64_t shed;   /* since it began */
};

/* Input is about to be worked on. */
void overload_begin(struct overload *o, usec_t now);

/* The message at hand comes from a queue. */
void overload_waited(struct overload *o, usec_t received, usec_t now);

/* The loop has done what there was to do, and looks for more. */
void overload_iterated(struct overload *o, usec_t now);

usec_t overload_lag(const struct overload *o);

/* A stranger is sent away now. True: it is the first, so that this is told. */
bool overload_shed(struct overload *o, usec_t now);

/* It ended when nobody had to be sent away for OVERLOAD_QUIET. True: just now; *out_shed: how many
 * there were. */
#define OVERLOAD_QUIET (5 * USEC_SEC)
bool overload_ended(struct overload *o, usec_t now, uint64_t *out_shed);

/* Tells the end. */
void overload_every_second(struct worker *w);

#endif
