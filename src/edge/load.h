/* SPDX-License-Identifier: MIT
 *
 * How busy a worker is, for the limits that go by it (guard/limit.h): the share of a core that its
 * thread uses, and the fill of what waits for it. Measured ten times a second, and only while there
 * is such a limit. On the worker's thread. */
#ifndef EDGE_LOAD_H
#define EDGE_LOAD_H

#include "base/wheel.h"

struct worker;

struct load {
	struct timer timer;
	usec_t at, cpu; /* of the last measurement, by the wall and by the thread's own clock */
};

/* Begins to measure if a limit wants it and nothing has begun yet; called now and then. */
void load_watch(struct worker *w, usec_t now);

#endif
