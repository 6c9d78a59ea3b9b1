/* SPDX-License-Identifier: MIT
 *
 * The crossing of all events, on the main thread: drains the workers' rings, writes each event as
 * JSON once, and hands the line to the sinks that want it and to the live taps. */
#ifndef EVENT_HUB_H
#define EVENT_HUB_H

#include "base/list.h"
#include "event/counter.h"
#include "event/history.h"
#include "event/ring.h"
#include "event/sink.h"

#define EVENT_HUB_SINKS 8
#define EVENT_NODE_MAX  64

/* A live follower. fn gets each event and its line; it must not block, must copy what it keeps, and
 * may remove its own tap. */
struct event_tap {
	struct list link;
	void (*fn)(struct event_tap *tap, const struct event *e, struct span line);
};

struct event_hub {
	struct event_sink *sinks[EVENT_HUB_SINKS];
	unsigned sink_count;
	struct list taps;
	char node[EVENT_NODE_MAX];
	size_t node_len;
	uint64_t events;               /* seen so far */
	struct counters own;           /* reasons of the main thread's own events */
	struct event_history *history; /* what keeps each event, or NULL; its owner's */
};

void event_hub_init(struct event_hub *h, struct span node);

/* The name of this machine in what is emitted from now on. */
void event_hub_set_node(struct event_hub *h, struct span node);

/* Frees the sinks; taps are their owners'. */
void event_hub_done(struct event_hub *h);

/* Replaces all sinks, for a reload; old ones that are not among the new are drained and freed. */
void event_hub_take_sinks(struct event_hub *h, struct event_sink **sinks, unsigned count);

void event_hub_add_tap(struct event_hub *h, struct event_tap *t);
void event_hub_remove_tap(struct event_tap *t);

/* One event of the main thread's own; its reason is counted. Workers count theirs themselves. */
void event_hub_emit(struct event_hub *h, const struct event *e);

/* Empties up to `max` events of a ring; true when there may be more. */
bool event_hub_drain(struct event_hub *h, struct event_ring *r, size_t max);

/* SIGHUP: every file is opened again. */
void event_hub_reopen(struct event_hub *h);

/* Lost in the sinks, all together. */
uint64_t event_hub_lost(const struct event_hub *h);

#endif
