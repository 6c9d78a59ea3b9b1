/* SPDX-License-Identifier: MIT
 *
 * host and hostport of RFC 3261 §25.1, as they stand in URIs and Vias. */
#ifndef SIP_HOST_H
#define SIP_HOST_H

#include "base/addr.h"
#include "sip/bad.h"

enum sip_host_type { SIP_HOST_NONE = 0, SIP_HOST_NAME, SIP_HOST_V4, SIP_HOST_V6 };

struct sip_host {
	struct span text; /* as written; IPv6 with its brackets */
	enum sip_host_type type;
	uint16_t port; /* 0 when none was written; ":0" is refused */
};

/* Takes "host [":" port]" (white space around the colon allowed) from the front of *rest and moves
 * *rest behind it. SIP_BAD when there is no host, an IPv6 reference is not closed or not an
 * address, a label has a character that is neither letter, digit, hyphen nor underscore, or the
 * port is not 1..65535. */
NODISCARD enum sip_parse sip_host_take(struct span *rest, struct sip_host *out_host);

/* The address that an IPv4 or IPv6 host is, with its port. ERR_UNSUPPORTED for a name. */
NODISCARD enum err sip_host_addr(const struct sip_host *host, struct addr *out_addr);

/* Same host: names without regard to case, a trailing dot and the spelling of addresses ignored.
 * Ports are not compared. */
bool sip_host_equal(const struct sip_host *a, const struct sip_host *b);

#endif
