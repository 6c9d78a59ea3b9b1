/* SPDX-License-Identifier: MIT
 *
 * Reading as much of a SIP message as a load generator must: the start line, the fields that tell
 * transactions apart, and the fields that an answer copies. It trusts nobody for lengths but makes
 * no attempt at the whole of RFC 3261's grammar: folded lines are taken as unknown fields. */
#ifndef SIPLOAD_WIRE_H
#define SIPLOAD_WIRE_H

#include "base/span.h"

#define WIRE_COPIES     24
#define WIRE_ROUTES     8
#define WIRE_CHALLENGES 4

struct wire {
	unsigned status;          /* 0 = a request */
	struct span method;       /* of a request, else that of CSeq */
	struct span uri;          /* of a request */
	struct span branch;       /* of the topmost Via */
	struct span call_id;      /* value */
	struct span from, to;     /* values */
	struct span contact;      /* value of the first one */
	struct span contacts;     /* from the first Contact's value to the end of the message */
	struct span max_forwards; /* value */
	uint32_t cseq;
	unsigned vias;
	/* Record-Route values in their order. */
	struct span route[WIRE_ROUTES];
	unsigned routes;
	/* Values of WWW-Authenticate and Proxy-Authenticate. */
	struct span challenge[WIRE_CHALLENGES];
	unsigned challenges;
	/* Whole lines, with CRLF, that an answer copies: Via, Record-Route, From, To, Call-ID,
	 * CSeq (RFC 3261 §8.2.6.2). `to_line` is the place of To among them. */
	struct span copy[WIRE_COPIES];
	unsigned copies, to_line;
};

/* False when the text is not a message with all of Via, From, To, Call-ID and CSeq, or has more
 * routes or lines to copy than fit; *out_w is then undefined. The spans point into `text`. */
bool wire_read(struct span text, struct wire *out_w);

/* The value of parameter `name` (";branch=") in a header value, up to the next ; , > or space;
 * empty when it is not there. `name` is written with its semicolon and equals sign, lower case. */
struct span wire_param(struct span value, struct span name);

/* The URI between < and >, or the value up to ; or space when there are none. */
struct span wire_uri(struct span value);

#endif
