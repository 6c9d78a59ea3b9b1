/* SPDX-License-Identifier: MIT */
#include "event/format.h"

bool event_is_offence(const struct event *e)
{
	static const uint16_t offences[] = {
	    REASON_AUTH_BAD_PASSWORD,
	    REASON_AUTH_UNKNOWN_USER,
	    REASON_AUTH_URI_MISMATCH,
	    REASON_AUTH_IDENTITY_MISMATCH,
	    REASON_AUTH_REPLAY,
	    REASON_GUESSING_PAIR,
	    REASON_GUESSING_SOURCE,
	    REASON_SCAN_SIGNATURE,
	    REASON_SCAN_USERS,
	    REASON_SCAN_SWEEP,
	    REASON_SCAN_DECOY,
	    REASON_SCAN_METHODS,
	    REASON_STANDING_BANNED,
	};

	if (e->mode != EVENT_MODE_ENFORCE || !event_has_source(e))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(offences); i++)
		if (e->reason == offences[i])
			return true;
	return false;
}

static bool is_trouble_of_ours(unsigned reason)
{
	return reason == REASON_DAEMON_STORE_LOST || reason == REASON_DAEMON_EVENTS_LOST ||
	       reason == REASON_DAEMON_RELOAD_FAILED;
}

unsigned event_severity(const struct event *e)
{
	enum { ERROR = 3, WARNING, NOTICE, INFORMATIONAL };

	if (is_trouble_of_ours(e->reason))
		return ERROR;
	if (e->mode != EVENT_MODE_ENFORCE)
		return INFORMATIONAL;
	if (e->reason == REASON_STANDING_BANNED || e->reason == REASON_STANDING_MANUAL)
		return WARNING;
	if (e->verdict == EVENT_REPLY || e->verdict == EVENT_DROP ||
	    reason_info(e->reason)->weight > 0)
		return NOTICE;
	return INFORMATIONAL;
}

bool event_format_takes(const struct event_format *f, const struct event *e)
{
	return f->kind != EVENT_FORMAT_FAIL2BAN || event_is_offence(e);
}

static void write_syslog(const struct event_format *f, const struct event *e, struct span json,
    struct span node, struct buf *b)
{
	char text[EVENT_RECORD_MAX];
	struct buf cef = BUF(text);

	if (f->cef)
		event_write_cef(e, node, &cef);
	event_write_syslog(e, node, f->facility, f->cef ? buf_span(&cef) : json, b);
}

void event_format_write(const struct event_format *f, const struct event *e, struct span json,
    struct span node, struct buf *b)
{
	switch (f->kind) {
	case EVENT_FORMAT_JSON:
		buf_add_span(b, json);
		break;
	case EVENT_FORMAT_CEF:
		event_write_cef(e, node, b);
		break;
	case EVENT_FORMAT_SYSLOG:
		write_syslog(f, e, json, node, b);
		break;
	case EVENT_FORMAT_FAIL2BAN:
		event_write_fail2ban(e, node, b);
		break;
	case EVENT_FORMAT_HEP:
		event_write_hep(e, json, node, f->capture_id, b);
		break;
	case EVENT_FORMAT_EXEC:
		event_write_exec(e, json, node, b);
		break;
	}
}
