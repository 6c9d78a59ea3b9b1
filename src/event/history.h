/* SPDX-License-Identifier: MIT
 *
 * The record of what happened lately, in memory of a fixed size: what `ringfence why` is answered
 * from. Events are kept with the part of them that is in use, oldest overwritten first, and found
 * by source (an IPv4 address, an IPv6 /64), by account and by Call-ID.
 *
 * What a flood cannot do is push the story of others out. The memory is divided: strangers that may
 * be forged, other strangers, known sources, and what went well have rings of their own. What one
 * source does again and again is one item with a count; a source that fills its share, and a
 * prefix (/24, /48) of strangers that does, get one item a reason from there on, whatever accounts
 * they try.
 *
 * Main thread only. No clock, no I/O; adding allocates nothing. */
#ifndef EVENT_HISTORY_H
#define EVENT_HISTORY_H

#include "base/siphash.h"
#include "event/event.h"

#define EVENT_HISTORY_MIN    ((size_t)256 * 1024) /* bytes of memory, at least */
#define EVENT_HISTORY_RINGS  5
#define EVENT_HISTORY_WHOLE  8 /* so many of the same are kept each; further ones are counted */
#define EVENT_HISTORY_REPEAT (10 * USEC_MIN) /* the same after so long a pause begins anew */

struct event_history;

/* memory: bytes of all of it, at least EVENT_HISTORY_MIN. began: wall clock. ERR_NOMEM. */
NODISCARD enum err event_history_new(
    size_t memory, const struct siphash_key *key, usec_t began, struct event_history **out_h);
void event_history_free(struct event_history *h); /* NULL is fine */

/* Bytes that a history of so much memory really takes: not more than that. 0 for 0. */
size_t event_history_memory(size_t memory);

/* Keeps e, or counts it onto one of the same. */
void event_history_add(struct event_history *h, const struct event *e);

/* What several events that became one item have in common. */
enum event_history_kind {
	EVENT_HISTORY_SAME,     /* one event, or several of one source, account, To and reason */
	EVENT_HISTORY_ACCOUNTS, /* of one source and reason; account and Call-ID are of the first */
	EVENT_HISTORY_SOURCES,  /* of one prefix and reason; so is the source */
};

struct event_history_item {
	const struct event *event; /* the first; valid until fn returns */
	uint64_t number;           /* grows from item to item */
	uint32_t count;
	enum event_history_kind kind;
	/* Of the last one: */
	usec_t last;
	double value;
	float score;
	enum event_tier tier;
};

enum event_history_by {
	EVENT_HISTORY_BY_PREFIX,  /* any prefix: looks at all items */
	EVENT_HISTORY_BY_SOURCE,  /* an address; of IPv6 its /64 */
	EVENT_HISTORY_BY_ACCOUNT, /* user@domain: logged in or tried to, or named by To */
	EVENT_HISTORY_BY_CALL     /* a Call-ID */
};

struct event_history_query {
	enum event_history_by by;
	struct prefix prefix; /* BY_PREFIX */
	struct addr source;   /* BY_SOURCE */
	struct span text;     /* BY_ACCOUNT, BY_CALL */
};

/* Where a walk is; {0} to begin. Stays good while events are added. */
struct event_history_cursor {
	bool begun;
	uint64_t at[EVENT_HISTORY_RINGS][2];
};

/* False to stop: this item comes first the next time. */
typedef bool event_history_fn(void *arg, const struct event_history_item *item);

/* The items that fit, the newest first, at most `budget` looked at. True: there may be more, go on
 * with the same query and cursor. fn must not add events. */
bool event_history_each(struct event_history *h, const struct event_history_query *q,
    struct event_history_cursor *cursor, size_t budget, event_history_fn *fn, void *arg);

/* Wall clock: since when nothing was overwritten. */
usec_t event_history_since(const struct event_history *h);

struct event_history_stats {
	size_t items, bytes, capacity;
	uint64_t counted; /* events that were counted onto another */
};
void event_history_stats(const struct event_history *h, struct event_history_stats *out);

/* The members of the event, and further ones, of the last of `count`: "count", "until",
 * "last_value", "last_score", "last_tier", and "several": "accounts", "sources" or null. */
void event_history_put_members(
    struct json *j, const struct event_history_item *item, struct span node);

#endif
