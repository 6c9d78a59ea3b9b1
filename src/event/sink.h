/* SPDX-License-Identifier: MIT
 *
 * Where events end up: a queue, a thread, a filter, a format and an output. Each sink has a thread
 * of its own and two buffers, one being filled by the owner while the other is delivered, so that
 * a slow disk or a server that stalls blocks neither signalling, nor the control socket, nor
 * another sink. What finds no room, and what could not be delivered, is lost whole and counted;
 * what is delivered is so in the order in which it was put.
 *
 * The owner (the main thread) calls all functions here. */
#ifndef EVENT_SINK_H
#define EVENT_SINK_H

#include "event/format.h"
#include "event/output.h"
#include "event/select.h"

#define EVENT_SINK_BUFFER (1024 * 1024)

struct event_sink;

struct event_sink_stats {
	uint64_t lines;           /* delivered: lines, datagrams, or records of a batch */
	uint64_t lost_full;       /* no room: delivered too slowly */
	uint64_t lost_error;      /* given up: refused by the system or by the other side */
	uint64_t reopened;        /* times the file was opened again, or connected to */
	usec_t lag;               /* age of the oldest record that is not delivered */
	size_t waiting;           /* bytes that wait, the records under way too */
	int error;                /* errno of the present trouble; 0 = it works */
	char why[OUTPUT_WHY_MAX]; /* words for the trouble; "" = it works */
};

struct event_sink_setup {
	const char *name;        /* for status; copied */
	const char *kind;        /* "file"; static */
	struct span fingerprint; /* what two sinks that are the same have in common; copied */
	size_t buffer;           /* bytes of each of the two buffers */
	struct event_select select;
	struct event_format format;
};

/* Takes the output, on failure too. Has no thread yet: what is put waits in the buffer until
 * event_sink_start. ERR_NOMEM. */
NODISCARD enum err event_sink_new(
    const struct event_sink_setup *setup, struct output *o, struct event_sink **out_s);

/* Starts the thread, which may do what the calling thread may; nothing when it runs already.
 * ERR_IO: no thread. */
NODISCARD enum err event_sink_start(struct event_sink *s);

/* Tells the thread that the end is near: what cannot be delivered within a second is lost. */
void event_sink_stop(struct event_sink *s);

/* Delivers what is buffered, for at most two seconds from event_sink_stop on, then frees; what a
 * sink without a thread has is lost. NULL is fine. */
void event_sink_free(struct event_sink *s);

/* Whether the filter, and the format, keep e. */
bool event_sink_wants(const struct event_sink *s, const struct event *e);

/* Formats e, which the sink wants, and queues it. json: its line. Never blocks; false and counted
 * when there is no room. */
bool event_sink_take(
    struct event_sink *s, const struct event *e, struct span json, struct span node);

/* Queues a record as it is: without its newline, or its length. Never blocks; false and counted
 * when there is no room. */
bool event_sink_put(struct event_sink *s, struct span record);

/* Opens the place again, on the sink's thread, before the next record: for SIGHUP. */
void event_sink_reopen(struct event_sink *s);

void event_sink_stats(struct event_sink *s, struct event_sink_stats *out);
const char *event_sink_name(const struct event_sink *s);
const char *event_sink_kind(const struct event_sink *s);
struct span event_sink_fingerprint(const struct event_sink *s);

/* The stats; true when trouble began or ended since it was last asked. */
bool event_sink_news(struct event_sink *s, struct event_sink_stats *out);

/* Waits until all that was put is delivered or lost, or until `ms` passed. True when it is. For
 * orderly ends and tests. */
bool event_sink_sync(struct event_sink *s, unsigned ms);

#endif
