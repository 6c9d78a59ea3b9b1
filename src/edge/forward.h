/* SPDX-License-Identifier: MIT
 *
 * A request as it goes on to the next hop (RFC 3261 §16.6 steps 2 to 8): its edits, worked out from
 * the message as it came and written once. */
#ifndef EDGE_FORWARD_H
#define EDGE_FORWARD_H

#include "edge/transport.h"

/* Writes msg, which came over `from`, to out->buf for the target. branch goes into our Via.
 * ERR_FULL when it does not fit into a datagram, ERR_NOMEM. Uses the worker's arena. */
NODISCARD enum err forward_write(struct outgoing *out, const struct sip_msg *msg,
    const struct flow *from, const struct target *target, const struct forwarding *facts,
    const struct branch *branch);

/* The response as it goes back (§16.7 steps 3 and 9): without our Via. status: written instead of
 * that of the message when not 0 (503 becomes 500). more: header lines with CRLF to add. of_phone:
 * without challenges that forward_asks_for_ours. */
NODISCARD enum err forward_write_response(struct outgoing *out, const struct sip_msg *msg,
    unsigned status, struct span more, bool of_phone);

/* Whether the flow leads to a phone, and not to a server of the configuration. */
bool forward_is_phone(const struct worker *w, const struct flow *to);

/* Whether it is a challenge for the password of an account of ours. Those are made by us alone: a
 * phone that sends one wants a caller's answer, to guess the password from it at leisure. */
bool forward_asks_for_ours(const struct worker *w, const struct sip_header *h);

#endif
