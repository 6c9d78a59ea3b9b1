/* SPDX-License-Identifier: MIT
 *
 * Answers of our own. Where no transaction is kept they are the same however often the request
 * comes: the To tag follows from the request (RFC 3261 §8.2.7). */
#ifndef EDGE_REPLY_H
#define EDGE_REPLY_H

#include "edge/worker.h"

/* Writes the answer to a request that came over `flow`. extra: whole header lines, or empty.
 * ERR_SYNTAX: the request cannot be answered; ERR_FULL. */
NODISCARD enum err reply_write(struct worker *w, const struct sip_msg *msg, const struct flow *flow,
    unsigned status, struct span extra, struct buf *out);

/* Sends p->reply without a transaction. */
void reply_send(struct pass *p);

/* The ACK at hand is for an answer that reply_send gave: nobody waits for it. */
bool reply_made_tag(struct worker *w, const struct sip_msg *ack, struct span tag);

/* The same for an ACK inside a dialog, where the To tag is the other end's (RFC 3261 §17.1.1.3: it
 * ends with us as its INVITE did). Remembered for the newest refusals. */
bool reply_refused(const struct worker *w, const struct txn_key *key);

/* Lines for p->reply.headers, in the arena of the pass. */
struct buf reply_headers(struct pass *p, size_t cap);

#endif
