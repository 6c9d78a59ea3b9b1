/* SPDX-License-Identifier: MIT
 *
 * Reasons: why a verdict fell or a state changed. Each has a stable dotted name and belongs to one
 * control, whose name it begins with. One table, reason.def, makes the enum, the look-ups and
 * docs/reasons.md. Constant data: any thread. */
#ifndef EVENT_REASON_H
#define EVENT_REASON_H

#include "base/buf.h"

enum control {
	CONTROL_NONE,
	CONTROL_PARSE,
	CONTROL_CHECK,
	CONTROL_AUTH,
	CONTROL_GATE,
	CONTROL_FLOOD,
	CONTROL_SCAN,
	CONTROL_GUESSING,
	CONTROL_LIMIT,
	CONTROL_OVERLOAD,
	CONTROL_STANDING,
	CONTROL_ROUTE,
	CONTROL_REGISTRAR,
	CONTROL_TXN,
	CONTROL_TRANSPORT,
	CONTROL_CALL,
	CONTROL_DAEMON,
	CONTROL_COUNT
};

enum reason {
	REASON_NONE,
#define ROW(id, name, control, weight, status, meaning, advice) REASON_##id,
#include "event/reason.def"
#undef ROW
	REASON_COUNT
};

struct reason_info {
	const char *name; /* "auth.bad-password"; REASON_NONE is "none" */
	enum control control;
	uint8_t weight;  /* default weight in the score of the source */
	uint16_t status; /* default SIP status code; 0: nothing is answered */
	const char *meaning;
	const char *advice;
};

/* Never NULL; a value out of range is described as REASON_NONE. */
const struct reason_info *reason_info(enum reason r);

static inline const char *reason_name(enum reason r)
{
	return reason_info(r)->name;
}

/* "auth"; never NULL. */
const char *control_name(enum control c);

/* ERR_NOT_FOUND when no reason has exactly this name; *out_r is then untouched. */
NODISCARD enum err reason_parse(struct span name, enum reason *out_r);

/* Whether a name is, or begins with, what was asked for: "auth" and "auth." stand for all of the
 * control, never for "authx.y". */
bool reason_name_matches(struct span wanted, struct span name);
bool reason_matches(struct span wanted, enum reason r);

/* The reason whose name differs least from a misspelt one; REASON_NONE when none is close. */
enum reason reason_nearest(struct span name);

/* The whole of docs/reasons.md. */
void reason_write_docs(struct buf *b);

#endif
