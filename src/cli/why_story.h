/* SPDX-License-Identifier: MIT
 *
 * The story of a source, an account or a call: what happened, in order, put together from the
 * running daemon and from files of events, each event once. Bounded: of more events than
 * WHY_ITEMS_MAX the oldest are left out. */
#ifndef CLI_WHY_STORY_H
#define CLI_WHY_STORY_H

#include <jansson.h>

#include "admin/client.h"
#include "conf/conf.h"
#include "event/filter.h"

#define WHY_ITEMS_MAX 4000

enum why_kind { WHY_SOURCE, WHY_ACCOUNT, WHY_CALL };

/* One event, or several of the same. */
struct why_item {
	json_t *event; /* a reference */
	usec_t wall, until;
	uint64_t count;
	int64_t order; /* of what has the same time */
	bool of_daemon;
};

struct why_story {
	enum why_kind kind;
	struct span about; /* of who made the story */
	bool single;       /* WHY_SOURCE: one address, not a prefix */
	struct prefix prefix;
	usec_t since; /* wall clock; 0: all that is known */

	struct why_item *items; /* the oldest first, after why_story_finish */
	size_t n, cap;
	int64_t added;
	size_t left_out; /* older ones that were given up */

	json_t *present;         /* the daemon's first answer; NULL: it was not asked */
	json_t *banned;          /* object: a source that tried the account -> seconds of its ban */
	const struct conf *conf; /* or NULL; of who made the story */
};

/* about: an address or a prefix for WHY_SOURCE (ERR_SYNTAX otherwise), user@domain, or a Call-ID.
 */
NODISCARD enum err why_story_init(
    struct why_story *s, enum why_kind kind, struct span about, usec_t since);
void why_story_done(struct why_story *s);

/* Asks the running daemon for everything that it has. ERR_DENIED: it refused; as
 * admin_client_next. */
NODISCARD enum err why_story_ask(struct why_story *s, struct admin_client *c);

/* Whether an event of a file belongs to the story. */
bool why_story_wants(const struct why_story *s, const json_t *event);

/* Takes over the reference. False: no memory, or the event has no time. */
enum why_origin {
	WHY_OF_DAEMON, /* the newest comes first */
	WHY_OF_FILE,   /* likewise */
	WHY_OF_PACKED  /* the oldest comes first */
};
bool why_story_add(struct why_story *s, json_t *event, enum why_origin origin);

/* Sorts, and leaves out what came from both. */
void why_story_finish(struct why_story *s);

/* Something is known of it. */
bool why_story_found(const struct why_story *s);

/* "2026-01-01T00:00:00.123456Z"; 0: it is no time. */
usec_t why_time(struct span text);

#endif
