/* SPDX-License-Identifier: MIT
 *
 * The memory that a configuration takes: every table that strangers fill is of fixed size, so the
 * sum is known before the daemon starts and no traffic can raise it. */
#ifndef EDGE_MEMORY_H
#define EDGE_MEMORY_H

#include "conf/conf.h"

struct memory_part {
	const char *name; /* "registrations" */
	size_t count;     /* how many fit; 0 where that says nothing */
	size_t bytes;
};

#define EDGE_MEMORY_PARTS 13 /* at most */

/* Fills parts, at most cap; returns how many there are. */
size_t edge_memory_report(const struct conf *c, struct memory_part *parts, size_t cap);

#endif
