/* SPDX-License-Identifier: MIT
 *
 * name-addr and addr-spec with header parameters (RFC 3261 §20.10, §25.1): From, To, Contact,
 * Route, Record-Route, Path, P-Asserted-Identity, Refer-To, Diversion, ... */
#ifndef SIP_NAMEADDR_H
#define SIP_NAMEADDR_H

#include "sip/limits.h"
#include "sip/params.h"

struct sip_nameaddr {
	struct span value;   /* the whole value, trimmed */
	struct span display; /* without quotes, still with its quoted-pairs; may be empty */
	struct span uri;     /* without <>; not yet parsed */
	struct span params;  /* header parameters, from the first ';' on, or empty */
	struct span tag;     /* the tag parameter; empty when absent */
	bool quoted;         /* the display name was a quoted-string */
	bool bracketed;      /* <> were there; without them ";" begins header parameters */
	bool star;           /* "*", only in Contact of a REGISTER (RFC 3261 §10.2.2) */
};

/* The next value of a comma list. Moves *rest behind it. SIP_END at the end. SIP_BAD (then the
 * content of *out_addr is undefined) on an unclosed
 * quote or bracket, an empty URI, an empty, quoted or second tag, text behind '>' that is no
 * parameter, or an addr-spec without <> that holds a comma or question mark (RFC 3261 §20). */
NODISCARD enum sip_parse sip_nameaddr_next(struct span *rest, struct sip_nameaddr *out_addr);

/* Exactly one value (From, To, Refer-To). */
NODISCARD enum sip_parse sip_nameaddr_parse(struct span value, struct sip_nameaddr *out_addr);

/* Header parameter by name, any case. */
static inline bool sip_nameaddr_param(
    const struct sip_nameaddr *addr, struct span name, struct sip_param *out_param)
{
	return addr->params.n != 0 && sip_params_find(addr->params, name, out_param);
}

/* The q of a Contact in thousandths, 1000 when absent. SIP_BAD when it is no qvalue (RFC 3261
 * §25.1: 0..1, at most three decimals). */
NODISCARD enum sip_parse sip_nameaddr_q(const struct sip_nameaddr *addr, uint16_t *out_q);

/* delta-seconds (RFC 3261 §20.19): digits; what exceeds 2^32 - 1 is that value. SIP_BAD else. */
NODISCARD enum sip_parse sip_delta_seconds(struct span text, uint32_t *out_seconds);

#endif
