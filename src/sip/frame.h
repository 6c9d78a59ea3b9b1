/* SPDX-License-Identifier: MIT
 *
 * Messages out of a byte stream by Content-Length (RFC 3261 §18.3), keep-alives (RFC 5626 §4.4.1).
 * A pure codec: the caller keeps the bytes. Total work is linear in the bytes, however they are
 * cut. Framer and sip_msg_parse read line ends and Content-Length with the same code. */
#ifndef SIP_FRAME_H
#define SIP_FRAME_H

#include "sip/bad.h"
#include "sip/limits.h"

enum sip_frame {
	SIP_FRAME_MORE,    /* keep the bytes, come back with more behind them */
	SIP_FRAME_MESSAGE, /* *out_msg is one message */
	SIP_FRAME_PING,    /* CR LF CR LF: answer CR LF */
	SIP_FRAME_CRLF,    /* one CR LF: a pong, or nothing */
	SIP_FRAME_BAD,     /* the stream cannot be followed any more: close it */
};

/* Zero it for a new stream. */
struct sip_framer {
	size_t scanned; /* octets of the current message known to hold no end of headers */
	size_t line;    /* where the line begins in which scanned stands */
	size_t total;   /* length of the message once its headers are complete, else 0 */
	bool was_crlf;  /* the octets before were a CRLF keep-alive */
};

/* What stands at the front of `have`, the bytes received and not yet consumed. On MESSAGE, PING and
 * CRLF *out_consumed octets are done with: the caller drops them and calls again until MORE. On
 * MORE nothing is consumed and the next call must see the same bytes again, with more behind.
 * *out_msg points into have. On BAD *out_error says why: MESSAGE_LONG, TRUNCATED never,
 * NO_CONTENT_LENGTH, CONTENT_LENGTH, DUPLICATE, BODY_LONG and the faults of the header scan. */
NODISCARD enum sip_frame sip_frame_next(struct sip_framer *framer, const struct sip_limits *limits,
    struct span have, size_t *out_consumed, struct span *out_msg,
    struct sip_parse_error *out_error);

#endif
