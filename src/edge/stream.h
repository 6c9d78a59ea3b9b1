/* SPDX-License-Identifier: MIT
 *
 * SIP over the connections of one worker: framing of what comes in, keep-alives (RFC 5626 §4.4.1),
 * and which client transactions and registrations hang on which connection. */
#ifndef EDGE_STREAM_H
#define EDGE_STREAM_H

#include "edge/worker.h"

/* The callbacks for net_tcp. */
extern const struct net_tcp_handler stream_handler;

/* Sends over flow->conn; over another worker's connection by mail. With a branch (a request) and no
 * connection, one to flow->remote is reused or opened, and flow->conn set. */
NODISCARD enum err stream_send(
    struct worker *w, struct flow *flow, struct span text, const struct branch *branch);

/* Ends a connection of this worker when what waits was sent. */
void stream_end(struct worker *w, uint64_t conn);

/* The transaction is told when the connection it was sent over ends. */
void stream_watch(struct worker *w, struct client_txn *t);

/* An account registered over this connection: its binding loses the flow when the connection
 * ends. */
void stream_bound(struct worker *w, uint64_t conn, struct span aor);

#endif
