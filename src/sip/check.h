/* SPDX-License-Identifier: MIT
 *
 * RFC validity of a parsed message (RFC 3261 §8.1.1, §8.2, §16.3, §18.3, §20) and the parts that
 * judging it had to parse anyway. Pure functions. */
#ifndef SIP_CHECK_H
#define SIP_CHECK_H

#include "sip/msg.h"

/* The typed parts nearly every stage asks for. Valid as far as sip_check said SIP_OK. */
struct sip_parts {
	struct sip_uri uri; /* Request-URI; zero in responses */
	struct sip_nameaddr from;
	struct sip_nameaddr to;
	struct sip_uri from_uri; /* zero when it is no sip, sips or tel URI */
	struct sip_uri to_uri;
	struct span from_tag;
	struct span to_tag;
};

struct sip_finding {
	enum sip_bad reason;
	uint16_t status; /* the response to give; 0: none can be or may be given, drop it */
	uint16_t header; /* index of the header concerned, or SIP_HEADER_NONE */
};

/* All checks that hold for every request or response: mandatory headers, singletons (long and
 * compact form are one), CSeq, Content-Length against the body, Max-Forwards, Via, From, To,
 * Contact, Route and Record-Route syntax, counts and lengths of `limits`, the version (505), the
 * URI (400, 414) and its scheme (416 when not sip, sips, tel, urn). SIP_BAD with the first fault in
 * *out_finding; *out_parts is filled as far as it got, the rest is undefined. `stream` demands a
 * Content-Length. */
NODISCARD enum sip_parse sip_check(const struct sip_msg *msg, const struct sip_limits *limits,
    bool stream, struct sip_parts *out_parts, struct sip_finding *out_finding);

/* The one check that only a proxy makes (RFC 3261 §16.3 step 3): 483 when Max-Forwards is 0. */
NODISCARD enum sip_parse sip_check_forward(
    const struct sip_msg *msg, struct sip_finding *out_finding);

/* The status that a fault is answered with: 400, 413, 414, 416, 483, 505. */
uint16_t sip_bad_status(enum sip_bad reason);

#endif
