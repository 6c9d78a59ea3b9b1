/* SPDX-License-Identifier: MIT
 *
 * How a sink writes an event. A format makes one record of one event, whatever strangers put into
 * its texts: they are escaped in the way of the format, so that none can end a record or begin a
 * field, and nothing of them is lost. Pure functions. */
#ifndef EVENT_FORMAT_H
#define EVENT_FORMAT_H

#include "event/event.h"

enum event_format_kind {
	EVENT_FORMAT_JSON,
	EVENT_FORMAT_CEF,      /* ArcSight Common Event Format, revision 25 */
	EVENT_FORMAT_SYSLOG,   /* RFC 5424, around JSON or CEF */
	EVENT_FORMAT_FAIL2BAN, /* one line an offence: see event_is_offence */
	EVENT_FORMAT_HEP,      /* HEP3, binary */
	EVENT_FORMAT_EXEC      /* environment and JSON, for a program: see event/exec_message.h */
};

struct event_format {
	enum event_format_kind kind;
	bool cef;            /* of SYSLOG: the message is CEF, not JSON */
	uint8_t facility;    /* of SYSLOG: RFC 5424 table 1 */
	uint32_t capture_id; /* of HEP */
};

/* Longest record of any format: JSON with what stands around it, or CEF of texts that are all
 * escaped, each octet as \\\\xHH. */
#define EVENT_RECORD_MAX (2 * EVENT_JSON_MAX)

/* Whether the format has a record for e at all. */
bool event_format_takes(const struct event_format *f, const struct event *e);

/* Appends the record. json: the event as event_write_json made it. */
void event_format_write(const struct event_format *f, const struct event *e, struct span json,
    struct span node, struct buf *b);

/* What tells against its source and may count towards a ban elsewhere: a failed log-in, a scan, a
 * ban of ours. Never a challenge, never what was only observed, nor what a phone does after a
 * change of keys or networks. */
bool event_is_offence(const struct event *e);

/* RFC 5424 table 2: 3 error, 4 warning, 5 notice, 6 informational. */
unsigned event_severity(const struct event *e);

/* The formats. ------------------------------------------------------------------------------ */

void event_write_cef(const struct event *e, struct span node, struct buf *b);
void event_write_syslog(
    const struct event *e, struct span node, unsigned facility, struct span message, struct buf *b);
void event_write_fail2ban(const struct event *e, struct span node, struct buf *b);
void event_write_hep(
    const struct event *e, struct span json, struct span node, uint32_t capture_id, struct buf *b);
void event_write_exec(const struct event *e, struct span json, struct span node, struct buf *b);

#endif
