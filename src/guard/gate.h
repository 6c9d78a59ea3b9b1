/* SPDX-License-Identifier: MIT
 *
 * The gate: the decision about a message that nobody has read yet, from its source, its length and
 * its first bytes. Bans, then floods (docs/standing.md). For every datagram of a flood this is all
 * that runs, so it costs a hash, one or two entries of the ledger and nothing else; callers
 * prefetch a batch ahead.
 *
 *   trusted     passes always; of an address of a peer, as many as the peer may
 *   known flow  has a budget of its own (flow_requests), which nobody can spend who does not send
 *               with its port too; over it, a request with a nonce of ours for this flow passes
 *   known       known_requests for all devices of the address; OPTIONS are counted apart
 *   unknown     requests, suspect: suspect_requests; and strangers share prefix_requests and
 *               wide_requests
 *
 * Over its threshold a stranger is held: everything is dropped until it kept below the threshold
 * for `release`. The answer to a fresh challenge passes meanwhile, as many as challenges were sent,
 * and a log-in ends it. Peers, known sources, known flows and prefixes are not held: they get what
 * they may, and what is over it is dropped; nothing of that deepens their debt.
 *
 * A hold is told when it begins, then again each `release` that it lasts, and when it ended. A
 * message that is told is asked for its proof: a flood that comes with a nonce of ours, or over a
 * stream, adds to the score of its source each time.
 *
 * Thread-safe through the ledger's locks. */
#ifndef GUARD_GATE_H
#define GUARD_GATE_H

#include "guard/sketch.h"
#include "guard/standing.h"

struct gate {
	struct standing *standing; /* shared, not owned */
	struct sketch *sketch;     /* shared, not owned */
};

struct gate_facts {
	const struct addr *source;          /* with its port */
	const struct standing_place *place; /* from gate_prefetch; NULL: it was not asked */
	enum standing_trust trust;
	uint32_t peer_requests; /* in the window of flood, of a trusted source; 0: no limit */
	enum ledger_method method;
	bool stream;
	size_t bytes;
	/* Whether the message carries a nonce of ours that was given to this source; asked only
	 * where it decides, some 200 ns. */
	bool (*carries_nonce)(void *arg);
	void *arg;
};

struct gate_answer {
	bool pass;
	bool tell;   /* the beginning or the end of something: make an event */
	bool proven; /* this message: it came over a stream, or its nonce was looked at and is good
		      */
	bool known_flow;
	bool spare; /* as in struct event */
	enum event_tier tier;
	enum event_tier queue; /* that it is served with: the tier, but for what is below */
	enum reason reason;    /* of a drop; FLOOD_RELEASED; else NONE */
	float score;
	double value, threshold;
	usec_t window;
};

/* Before a batch is decided, for each of its sources; then, in a round of its own, the second. Of
 * trusted sources for those with a limit only, and with gate_prefetch_peer. */
void gate_prefetch(
    const struct gate *g, const struct addr *source, struct standing_place *out_place);
void gate_prefetch_peer(
    const struct gate *g, const struct addr *source, struct standing_place *out_place);
void gate_prefetch_entry(const struct gate *g, const struct standing_place *place);

/* The first bytes of a message; false: it is noise. */
bool gate_peek(const char *p, size_t n, enum ledger_method *out_method);

/* Noise that phones send to keep a NAT open: nothing but CR, LF, blanks and NULs, or STUN (RFC
 * 5626 §4.4). It is dropped too, but nobody is blamed for it. */
bool gate_is_keepalive(const char *p, size_t n);

/* Decides and counts. A datagram with the address of a known source that is of no known flow, and
 * of which it is not seen that its sender receives there, may be forged: it is served with those
 * who were challenged, behind the known flows. In mode observe of the flood control a flood passes
 * with `reason` set and `pass` true. */
void gate_decide(struct gate *g, const struct standing_policy *p, const struct gate_facts *f,
    usec_t now, struct gate_answer *out);

#endif
