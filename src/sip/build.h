/* SPDX-License-Identifier: MIT
 *
 * Messages that this side makes: responses to a request, and the ACK and CANCEL that belong to a
 * request that was sent. Written into a caller's buffer; what came folded or with odd spacing is
 * written clean. */
#ifndef SIP_BUILD_H
#define SIP_BUILD_H

#include "sip/msg.h"

struct sip_reply {
	uint16_t status;          /* 100..699 */
	struct span phrase;       /* empty: the usual one */
	struct span to_tag;       /* added to To unless it has a tag or the status is 100 */
	struct span extra;        /* header lines, each with its CRLF; may be empty */
	struct span content_type; /* with a body */
	struct span body;
	const struct addr
	    *source;       /* where the request came from: received and rport are written into
			      the top Via (RFC 3581 §4); NULL: Vias are copied as they are */
	bool record_route; /* copy Record-Route (dialog-forming 101..299, RFC 3261 §12.1.1) */
};

/* Response from a request (RFC 3261 §8.2.6): all Vias in order, From, To with tag, Call-ID, CSeq,
 * Timestamp into a 100, extra lines, Content-Length. ERR_SYNTAX when the request is not answerable
 * (one of the five is missing) or extra does not end in CRLF, ERR_FULL. */
NODISCARD enum err sip_build_response(
    const struct sip_msg *request, const struct sip_reply *reply, struct buf *out);

/* "Not Found" for 404; the text of x00 for unknown codes. Static. RFC 3261 §21 and extensions. */
struct span sip_status_phrase(unsigned status);

/* ACK for a non-2xx final response (RFC 3261 §17.1.1.3) from the INVITE as it was sent and the
 * response: Request-URI, Call-ID, From, CSeq number, the top Via value and Routes of the INVITE; To
 * of the response. */
NODISCARD enum err sip_build_ack(
    const struct sip_msg *invite, const struct sip_msg *response, struct buf *out);

/* CANCEL from the request as it was sent (RFC 3261 §9.1): Request-URI, Call-ID, To, CSeq number,
 * From, Routes, the top Via value. extra: header lines with CRLF, e.g. Reason. */
NODISCARD enum err sip_build_cancel(
    const struct sip_msg *request, struct span extra, struct buf *out);

#endif
