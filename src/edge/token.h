/* SPDX-License-Identifier: MIT
 *
 * What our Record-Route carries: the two flows of a dialog, so that a request inside it reaches a
 * phone behind NAT at the address it came from, whatever its Contact says (RFC 5626 §5.3). The
 * token is authenticated: nobody can make us send to an address that we did not write into it, and
 * no state is kept for it. Any node with the key can read it. */
#ifndef EDGE_TOKEN_H
#define EDGE_TOKEN_H

#include "base/flow.h"
#include "base/siphash.h"
#include "sip/uri.h"

/* One end as the token keeps it. flow.local is not kept; flow.listener is a listener's lasting id.
 */
struct route_token {
	struct flow ends[2]; /* [0] the end that began the dialog, [1] the other */
	uint32_t caller_tag; /* route_token_tag of the tag of ends[0] */
	uint32_t parties;    /* route_token_parties of the dialog */
};

/* Longest text: two IPv6 ends with connections. */
#define ROUTE_TOKEN_TEXT_MAX 112

/* The text form, base64url, for the user part of a URI. */
void route_token_write(struct buf *b, const struct route_token *t, const struct siphash_key *key);

/* ERR_SYNTAX: not a token; ERR_DENIED: altered or not of this key. */
NODISCARD enum err route_token_read(
    struct span text, const struct siphash_key *key, struct route_token *out_t);

/* What the token keeps of the caller's From tag, to tell the direction of a later request; with the
 * Call-ID, so that the token of one dialog leads nowhere in another. */
uint32_t route_token_tag(struct span call_id, struct span tag, const struct siphash_key *key);

/* What the token keeps of the URIs in From and To, the same either way round: who may go by those
 * names within the dialog (RFC 3261 §12.2.1.1). */
uint32_t route_token_parties(
    const struct sip_uri *from, const struct sip_uri *to, const struct siphash_key *key);

#endif
