/* SPDX-License-Identifier: MIT
 *
 * One Via value (RFC 3261 §20.42, RFC 3581). */
#ifndef SIP_VIA_H
#define SIP_VIA_H

#include "base/flow.h"
#include "sip/host.h"
#include "sip/limits.h"
#include "sip/params.h"

struct sip_via {
	struct span value;           /* the whole value, trimmed */
	struct span protocol;        /* "SIP" */
	struct span version;         /* "2.0" */
	struct span transport;       /* as written */
	enum transport transport_id; /* TRANSPORT_NONE when not one of ours */
	struct sip_host sent_by;
	struct span params;      /* from the first ';' on, or empty */
	struct span rport_param; /* "rport=..." with the ';' before it; empty when absent */
	struct span received_param;
	struct span branch; /* empty when absent */
	struct span received;
	struct span maddr;
	uint16_t rport; /* the value; 0 when absent or empty */
	bool has_rport; /* "rport" is there, with or without value */
	bool has_ttl;
	bool spaced; /* white space stands before a ';' */
	uint8_t ttl;
};

/* The next value of a comma list; moves *rest behind it; SIP_END at the end. SIP_BAD with VIA,
 * BRANCH_LONG, PARAM_COUNT; the place counts from the start of *rest, and the content of *out_via
 * is undefined. */
NODISCARD enum sip_parse sip_via_next(struct span *rest, const struct sip_limits *limits,
    struct sip_via *out_via, struct sip_parse_error *out_error);

/* The branch begins with the magic cookie of RFC 3261 §8.1.1.7 (any case). */
bool sip_via_is_rfc3261(const struct sip_via *via);

/* Where a response goes (RFC 3261 §18.2.2, RFC 3581 §4) when the Via alone decides: received or
 * sent-by address, rport or sent-by port or 5060 (5061 for TLS); maddr before all. ERR_UNSUPPORTED
 * when that is a name. */
NODISCARD enum err sip_via_response_addr(const struct sip_via *via, struct addr *out_addr);

/* The value as a server writes it back (RFC 3261 §18.2.1, RFC 3581 §4): received=source when the
 * sent-by host is not the source address or rport was asked; rport=port when asked. What the sender
 * wrote into received or rport itself is replaced. */
void sip_via_write_received(const struct sip_via *via, const struct addr *source, struct buf *out);

#endif
