/* SPDX-License-Identifier: MIT
 *
 * An event, read back from its JSON, as one line for a person. */
#ifndef CLI_EVENT_LINE_H
#define CLI_EVENT_LINE_H

#include <jansson.h>

#include "event/filter.h"

#define EVENT_LINE_MAX 4096

/* "2026-01-01T00:00:00.123Z auth.bad-password: challenge 401 REGISTER from udp 203.0.113.7:5060
 * ..."; all text of strangers is escaped. Without a newline. */
void event_line_add(struct buf *b, const json_t *event);

/* The filter, asked about the JSON. */
bool event_line_allowed(const struct event_filter *f, const json_t *event);

#endif
