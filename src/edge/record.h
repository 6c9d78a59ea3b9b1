/* SPDX-License-Identifier: MIT
 *
 * What is left of each message: counters and an event (docs/events.md). */
#ifndef EDGE_RECORD_H
#define EDGE_RECORD_H

#include "edge/worker.h"

/* The verdict on a pass: counted, and made an event unless nothing happened that is worth one (an
 * OPTIONS answered, a request inside a dialog let through). */
void record_verdict(struct pass *p, enum event_mode mode, enum step step);

/* A finding besides the verdict: counted, held against the source, and an event of its own. */
void record_finding(struct pass *p, enum event_mode mode, const struct finding *f);

/* The gate gave a reason: counted, and told when it says so. */
void record_gate(struct worker *w, const struct flow *flow, enum standing_trust trust,
    const struct gate_answer *a);

/* A datagram that is no SIP passed the gate and is dropped; told a few times a second. */
void record_noise(struct worker *w, const struct flow *flow, enum standing_trust trust,
    const struct gate_answer *a);

/* Connections of banned sources that were refused since the last second. */
void record_banned_refusals(struct worker *w, uint64_t n);

/* Strangers need not be sent away any more. */
void record_overload_ended(struct worker *w, uint64_t shed);

/* "user@domain" of who logged in, or tried to; nothing when nobody did. */
void record_account(const struct pass *p, struct buf *b);

/* A connection was closed or refused for a reason; `words` is evidence. */
void record_connection(struct worker *w, const struct flow *flow, enum reason r, struct span words);

/* Connections that were refused since the last second. */
void record_refusals(struct worker *w, uint64_t n);

/* A phone challenged a caller for a password of ours; value: the challenge. */
void record_challenge(
    struct worker *w, const struct flow *phone, const struct sip_msg *msg, struct span value);

/* A final or provisional answer goes to the caller: answered, failed, ended. msg: the answer, or
 * NULL for one of our own. */
void record_answer(struct server_txn *t, unsigned status, const struct sip_msg *msg);

#endif
