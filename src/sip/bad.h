/* SPDX-License-Identifier: MIT
 *
 * What can be wrong with a message: one closed list for the parser, the framer, the RFC checks and
 * the value parsers. Each has a short slug, stable ("no-via"), and a few words for a person. */
#ifndef SIP_BAD_H
#define SIP_BAD_H

#include "base/span.h"

/* Result of every parser of this folder. SIP_END is only given by iterators ("..._next"). */
enum sip_parse { SIP_OK = 0, SIP_BAD, SIP_END };

enum sip_bad {
	SIP_BAD_NONE = 0,

	/* The text is no SIP message; sip_msg_parse and sip_frame_next stop there. */
	SIP_BAD_EMPTY,             /* nothing, or only line ends */
	SIP_BAD_MESSAGE_LONG,      /* longer than limits.message */
	SIP_BAD_NOT_SIP,           /* the first line is neither a request nor a status line */
	SIP_BAD_TRUNCATED,         /* the header section has no end */
	SIP_BAD_HEADER_NAME,       /* a line without a colon, or a name that is no token */
	SIP_BAD_NUL,               /* a NUL outside of a body */
	SIP_BAD_BARE_CR,           /* a CR that no LF follows */
	SIP_BAD_CONTROL,           /* another control character outside of a body */
	SIP_BAD_HEADER_COUNT,      /* more than limits.headers, or than the caller's array */
	SIP_BAD_HEADER_NAME_LONG,  /* limits.header_name */
	SIP_BAD_HEADER_VALUE_LONG, /* limits.header_value */
	SIP_BAD_START_LINE_LONG,   /* limits.start_line */
	SIP_BAD_METHOD_LONG,       /* limits.method */

	/* Typed fields; the message stands, sip_check answers with a status. */
	SIP_BAD_START_LINE, /* white space where none may be */
	SIP_BAD_METHOD,     /* the method is no token */
	SIP_BAD_VERSION,    /* SIP/x.y other than 2.0: 505 */
	SIP_BAD_STATUS,     /* a status outside of 100..699 */
	SIP_BAD_URI,
	SIP_BAD_URI_LONG,   /* limits.uri: 414 */
	SIP_BAD_URI_SCHEME, /* a scheme that nobody here knows: 416 */
	SIP_BAD_NO_VIA,
	SIP_BAD_NO_FROM,
	SIP_BAD_NO_TO,
	SIP_BAD_NO_CALL_ID,
	SIP_BAD_NO_CSEQ,
	SIP_BAD_NO_CONTENT_LENGTH, /* on a stream (RFC 3261 §18.3) */
	SIP_BAD_NO_CONTENT_TYPE,   /* a body without Content-Type (RFC 3261 §20.15) */
	SIP_BAD_DUPLICATE,         /* a header that may stand once stands twice */
	SIP_BAD_VIA,
	SIP_BAD_VIA_COUNT,
	SIP_BAD_BRANCH_LONG,
	SIP_BAD_FROM,
	SIP_BAD_TO,
	SIP_BAD_TAG_LONG,
	SIP_BAD_CALL_ID,
	SIP_BAD_CALL_ID_LONG,
	SIP_BAD_CSEQ,
	SIP_BAD_CSEQ_RANGE,  /* above 2^31 - 1 */
	SIP_BAD_CSEQ_METHOD, /* not the method of the request */
	SIP_BAD_MAX_FORWARDS,
	SIP_BAD_HOPS, /* Max-Forwards is 0: 483 */
	SIP_BAD_CONTENT_LENGTH,
	SIP_BAD_BODY_SHORT, /* less body than Content-Length says */
	SIP_BAD_BODY_LONG,  /* limits.body: 413 */
	SIP_BAD_EXPIRES,
	SIP_BAD_CONTACT,
	SIP_BAD_CONTACT_COUNT,
	SIP_BAD_ROUTE, /* Route, Record-Route or Path */
	SIP_BAD_ROUTE_COUNT,
	SIP_BAD_PARAM,
	SIP_BAD_PARAM_COUNT,
	SIP_BAD_PARAM_DUPLICATE,
	SIP_BAD_AUTH,           /* credentials or a challenge that do not follow the grammar */
	SIP_BAD_AUTH_SCHEME,    /* not Digest */
	SIP_BAD_AUTH_DUPLICATE, /* one parameter twice */
	SIP_BAD_AUTH_MISSING,   /* a parameter that digest needs is missing */
	SIP_BAD_AUTH_LONG,
	SIP_BAD_SDP, /* a line that is no SDP, or misplaced */
	SIP_BAD_SDP_ORIGIN,
	SIP_BAD_SDP_CONNECTION,
	SIP_BAD_SDP_MEDIA,
	SIP_BAD_SDP_BANDWIDTH,
	SIP_BAD_SDP_ATTRIBUTE,
	SIP_BAD_SDP_LINES, /* limits.sdp_lines or sdp_media */
	SIP_BAD_COUNT
};

struct sip_parse_error {
	enum sip_bad reason;
	size_t at; /* octets from the start of what was given to the parser */
};

/* "no-via": stable, lower case, digits and hyphens. Static, never NULL. */
const char *sip_bad_slug(enum sip_bad reason);

/* "the request has no Via": a few words for a person. Static, never NULL. */
const char *sip_bad_text(enum sip_bad reason);

#endif
