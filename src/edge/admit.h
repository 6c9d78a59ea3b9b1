/* SPDX-License-Identifier: MIT
 *
 * Admission: what comes off the wire is put before the gate (guard/gate.h) before anything reads
 * it. What the gate needs to know that is not in the packet is found out here: how far its source
 * is trusted, and whether it carries a nonce of ours. Drops are counted by reason and by tier; an
 * event is made when something begins or ends, never for each message. One a worker. */
#ifndef EDGE_ADMIT_H
#define EDGE_ADMIT_H

#include "edge/trust.h"
#include "guard/gate.h"
#include "net/udp.h"

struct worker;

/* Sources whose trust is remembered; a power of two. */
#define ADMIT_CACHE 1024

struct admit_cached {
	uint8_t ip[16];
	uint16_t listener;
	uint8_t trust;     /* enum standing_trust + 1; 0: nothing is remembered here */
	uint32_t requests; /* trust_requests, of a trusted one */
};

struct admit {
	struct gate gate;
	struct admit_cached cache[ADMIT_CACHE];
	/* Of the batch at hand. */
	enum standing_trust trust[NET_UDP_BATCH];
	uint32_t requests[NET_UDP_BATCH];
	struct standing_place places[NET_UDP_BATCH];
	struct gate_answer answers[NET_UDP_BATCH];
};

/* The shared tables of the edge must be there. */
void admit_init(struct worker *w);

/* The configuration changed. */
void admit_forget(struct worker *w);

/* How far a source is trusted where it was met; a listener that is gone: a stranger. */
enum standing_trust admit_trust(struct worker *w, uint16_t listener, const struct addr *source);

/* Judges a batch; w->admit.answers[i].pass tells what becomes of d[i]. Keep-alives do not pass:
 * there is nothing to do for them. */
void admit_datagrams(struct worker *w, uint16_t listener, const struct net_dgram *d, size_t n);

/* Judges a message of a stream. False: it is not to be worked on; *out_close: and its connection
 * ends. */
bool admit_message(struct worker *w, const struct flow *flow, struct span msg,
    struct gate_answer *out, bool *out_close);

/* Whether one of the first nonces in a message was given to this source, at most max_age ago: then
 * its sender receives there. */
bool admit_carries_nonce(
    const struct worker *w, const struct addr *source, struct span msg, usec_t max_age);

/* May it connect? A banned source may not; counted. */
bool admit_connection(struct worker *w, uint16_t listener, const struct addr *from);

#endif
