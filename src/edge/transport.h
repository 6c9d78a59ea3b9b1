/* SPDX-License-Identifier: MIT
 *
 * Messages of one worker on their way out: written in place, into the UDP batch where they leave by
 * UDP, and sent over the flow that they are for. One message is in the making at a time. */
#ifndef EDGE_TRANSPORT_H
#define EDGE_TRANSPORT_H

#include "edge/worker.h"

struct outgoing {
	struct worker *w;
	struct flow flow; /* transport, remote, connection; listener is the slot used */
	const struct conf_listener *listener; /* what we call ourselves there */
	struct net_udp *udp;                  /* NULL for streams */
	struct buf buf;                       /* write the message here */
};

/* Prepares a message to `to`. zone: where the destination lies, when the flow names no slot of its
 * own; CONF_NONE: any. ERR_NOT_FOUND: no listener of that transport and address family. */
NODISCARD enum err outgoing_open(
    struct worker *w, const struct flow *to, size_t zone, struct outgoing *out);

/* Sends out->buf. ERR_FULL, ERR_CLOSED, ERR_IO, ERR_RANGE: not sent. For a stream that had to be
 * opened, out->flow.conn is the new connection; OK then says that it is being tried. `branch`:
 * whose request it is, so that a failure that shows later finds it; NULL for answers, which are
 * sent over the connection that the request came by or not at all. An answer that could not be sent
 * may be ignored: the request comes again. */
enum err outgoing_send(struct outgoing *out, const struct branch *branch);

/* An answer to a request that came over out->flow: the same without a branch, but to an address
 * that never showed that it receives no more than three times the bytes that came from it.
 * ERR_DENIED: withheld, counted. */
enum err outgoing_answer(struct outgoing *out);

/* A message that is written already, once more. May be ignored: the next timer tries again. */
enum err transport_resend(
    struct worker *w, const struct flow *to, struct span text, const struct branch *branch);

/* Likewise an answer. */
enum err transport_answer_again(struct worker *w, const struct flow *to, struct span text);

/* The UDP socket layer's callbacks. What passes the gate is worked on at once, the highest tier
 * first, while the socket has little; else it waits in the queues by tier until the socket is
 * drained. */
void transport_received(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n);
bool transport_drained(void *arg, struct net_udp *u);

/* Works on all that waits, before things change. */
void transport_serve_all(struct worker *w);

#endif
