/* SPDX-License-Identifier: MIT
 *
 * The stateful proxy (RFC 3261 §16): forwards a request to its targets, and brings the answers
 * back. What is decided is decided by txn/fork; here it is carried out. */
#ifndef EDGE_PROXY_H
#define EDGE_PROXY_H

#include "edge/worker.h"

/* Forwards the request of the pass to its targets, statefully. STEP_DONE, or STEP_REPLY with 503
 * when there is no room. ACK is forwarded without state (§16.11). */
enum step proxy_forward(struct pass *p);

/* The caller gave up: the CANCEL for this INVITE came (§16.10). */
void proxy_cancel(struct server_txn *t);

/* From the branches' machines: what became of branch `index`. */
void proxy_response(struct context *ctx, unsigned index, const struct sip_msg *msg);
void proxy_timeout(struct context *ctx, unsigned index);
void proxy_unreachable(struct context *ctx, unsigned index);

/* A 2xx to an INVITE that was answered before. server may be gone afterwards. */
void proxy_repeated(struct server_txn *server, const struct sip_msg *msg);

/* The transactions that hold the context say that they end; it is freed with the last. */
void proxy_client_gone(struct context *ctx, unsigned index);
void proxy_server_gone(struct context *ctx);

#endif
