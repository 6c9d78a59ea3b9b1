/* SPDX-License-Identifier: MIT
 *
 * The table of what is in an event: each field with its names (JSON, Elastic Common Schema, CEF),
 * what it means, and its value as a thing that every format can write. Formats walk the table, and
 * so does docs/events.md. Constant data: any thread. */
#ifndef EVENT_FIELD_H
#define EVENT_FIELD_H

#include "event/event.h"

/* The object that a field stands in; NONE: the event itself. Groups are runs of the table. */
enum event_group { EVENT_GROUP_NONE, EVENT_GROUP_SOURCE, EVENT_GROUP_SIP, EVENT_GROUP_EVIDENCE };

enum field_type { FIELD_NIL, FIELD_TEXT, FIELD_UINT, FIELD_MILLI, FIELD_BOOL };

/* Which member holds the value goes by the type. */
struct field_value {
	enum field_type type;
	bool cut;                 /* of TEXT: more came than is kept */
	bool truth;               /* BOOL */
	struct span text;         /* TEXT: raw bytes, of strangers where the field says so */
	uint64_t number;          /* UINT */
	int64_t milli;            /* MILLI: thousandths */
	char room[ADDR_TEXT_MAX]; /* what text may point into */
};

struct event_field {
	enum event_group group;
	const char *name;
	struct span key; /* "name": */
	const char *type;
	const char *ecs;       /* Elastic Common Schema */
	const char *cef;       /* key of the extension; "" where it is left out */
	const char *cef_label; /* of cs1 and the like: what is in it; "" where the key says it */
	bool stranger;         /* may hold text that a stranger chose */
	bool brief;            /* stands in the structured data of syslog */
	const char *meaning;
	void (*get)(const struct event *e, struct span node, struct field_value *v);
};

extern const struct event_field event_fields[];
extern const size_t event_field_count;
extern const struct event_field *const event_field_ts;

/* "source_ip": a name for formats without groups. */
void event_field_add_name(struct buf *b, const struct event_field *f);

const char *event_group_name(enum event_group g); /* "" for NONE */

/* Thousandths: three decimals are plenty. False for what no number of JSON can say. */
NODISCARD bool event_milli(double x, int64_t *out_milli);

/* Whether the event says anything in that group. */
bool event_has_group(const struct event *e, enum event_group g);

/* The value of a field; false, and type NIL, where it has none. v must outlive what is read from
 * it, e too. */
bool event_field_get(
    const struct event_field *f, const struct event *e, struct span node, struct field_value *v);

#endif
