/* SPDX-License-Identifier: MIT
 *
 * The event: what one verdict or change of state leaves behind, as a record of fixed size that a
 * worker fills without allocating, and as one line of JSON for every sink. Text of strangers is
 * copied in up to a limit for each field; only as much of the record as is used is ever copied on.
 * The table of fields in field.c makes the JSON's description, docs/events.md. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/flow.h"
#include "base/json.h"
#include "base/usec.h"
#include "event/reason.h"

enum event_kind {
	EVENT_VERDICT,      /* about one message */
	EVENT_FINDING,      /* seen in a message whose verdict is an event of its own, or none */
	EVENT_REGISTRATION, /* a binding changed */
	EVENT_CALL,         /* a call changed its state */
	EVENT_CONNECTION,   /* a connection was refused or closed for a reason */
	EVENT_STANDING,     /* what a source has earned changed: held, suspect, banned */
	EVENT_DAEMON,       /* ringfence itself */
	EVENT_KIND_COUNT
};

enum event_mode { EVENT_MODE_OFF, EVENT_MODE_OBSERVE, EVENT_MODE_ENFORCE, EVENT_MODE_COUNT };

/* What happened to the message; in mode observe: what would have happened. */
enum event_verdict { EVENT_PASS, EVENT_CHALLENGE, EVENT_REPLY, EVENT_DROP, EVENT_VERDICT_COUNT };

/* What a source has earned; NONE where no ledger is kept. */
enum event_tier {
	EVENT_TIER_NONE,
	EVENT_TIER_DENIED,
	EVENT_TIER_SUSPECT,
	EVENT_TIER_UNKNOWN,
	EVENT_TIER_CHALLENGED,
	EVENT_TIER_KNOWN,
	EVENT_TIER_TRUSTED,
	EVENT_TIER_COUNT
};

enum event_text {
	EVENT_TEXT_ZONE,
	EVENT_TEXT_METHOD,
	EVENT_TEXT_CALL_ID,
	EVENT_TEXT_FROM,
	EVENT_TEXT_TO,
	EVENT_TEXT_USER_AGENT,
	EVENT_TEXT_ACCOUNT,
	EVENT_TEXT_EVIDENCE, /* the value of the evidence, where it is text */
	EVENT_TEXT_COUNT
};

/* Bytes kept of all texts together: the sum of the limits in event.c. */
#define EVENT_POOL 608

/* Where a text lies in the pool. `full` is its length before it was cut, at most 65535. */
struct event_text_ref {
	uint16_t at;
	uint16_t full;
	uint8_t n;
	uint8_t set;
};

struct event {
	usec_t wall;               /* µs since 1970 UTC */
	struct addr source, local; /* local: where the message came to */
	double value, threshold;
	usec_t window;
	float score;
	uint16_t reason; /* enum reason */
	uint16_t status; /* SIP status code that was or would have been answered; 0: none */
	uint16_t worker;
	uint8_t kind;      /* enum event_kind */
	uint8_t mode;      /* enum event_mode */
	uint8_t verdict;   /* enum event_verdict */
	uint8_t tier;      /* enum event_tier */
	uint8_t transport; /* enum transport; TRANSPORT_NONE: there is no source */
	bool proven;       /* the source is really at its address */
	bool spare;        /* the whole address is not to be blocked for it: users who logged in
			      are behind it, or somebody whom nobody may ban */
	bool has_value, has_threshold, has_window;
	uint16_t pool_used;
	struct event_text_ref text[EVENT_TEXT_COUNT];
	char pool[EVENT_POOL];
};

_Static_assert(sizeof(struct event) <= 768, "an event must stay small");

/* An empty event: mode enforce, verdict pass, no source, no texts. */
void event_init(struct event *e, enum event_kind kind, enum reason reason, usec_t wall);

/* Where the message came from; proven: the source showed that it receives at its
 * address (a stream, or a nonce of ours echoed). zone: its name. */
void event_set_source(struct event *e, const struct flow *f, struct span zone, bool proven);

/* Some source is named, by a message or by a person. */
static inline bool event_has_source(const struct event *e)
{
	return e->transport != TRANSPORT_NONE || !addr_is_unspecified(&e->source);
}

void event_set_verdict(
    struct event *e, enum event_mode mode, enum event_verdict verdict, unsigned status);

/* Keeps s up to the limit of the field. A second call for the same field is ignored: the first
 * text stays. */
void event_set_text(struct event *e, enum event_text which, struct span s);

/* {NULL, 0} when the field was not set. */
struct span event_text(const struct event *e, enum event_text which);

/* The figure that decided, what it was held against, and over which time; 0: none. */
void event_set_evidence(struct event *e, double value, double threshold, usec_t window);

/* A text that decided, such as the name of the missing header. */
void event_set_evidence_text(struct event *e, struct span s);

/* Copies only the part in use. */
void event_copy(struct event *to, const struct event *from);

const char *event_kind_name(enum event_kind k);
const char *event_mode_name(enum event_mode m);
const char *event_verdict_name(enum event_verdict v);
const char *event_tier_name(enum event_tier t); /* "" for NONE */

/* Longest line event_write_json makes: every byte of text as a six-character escape. */
#define EVENT_JSON_MAX 5120

/* One JSON object (RFC 8259) without a newline; valid whatever the texts hold. `node` names this
 * machine. */
void event_write_json(const struct event *e, struct span node, struct buf *b);

/* Its members alone, into an object that was begun. */
void event_put_members(struct json *j, const struct event *e, struct span node);

/* A figure as events have it: three decimals; null where no number of JSON can say it. */
void event_put_number(struct json *j, double v);

/* "2026-01-01T00:00:00.123456Z". */
#define EVENT_TIME_MAX 32
void event_add_time(struct buf *b, usec_t wall);

/* The whole of docs/events.md. */
void event_write_docs(struct buf *b);

#endif
