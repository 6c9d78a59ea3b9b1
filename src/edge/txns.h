/* SPDX-License-Identifier: MIT
 *
 * The transactions of one worker (RFC 3261 §17): the machines of txn/ with the messages they
 * resend, their timers, and the response context (§16.7) that ties a server transaction to its
 * branches. Memory comes from the worker's slab and is given back as soon as a state no longer
 * needs it: requests at the final response, the context when the last branch ended. */
#ifndef EDGE_TXNS_H
#define EDGE_TXNS_H

#include "base/slab.h"
#include "base/table.h"
#include "base/wheel.h"
#include "edge/branch.h"
#include "edge/target.h"
#include "sip/msg.h"
#include "txn/fork.h"
#include "txn/fsm.h"
#include "txn/key.h"

struct worker;
struct context;
struct client_txn;
struct outgoing;

/* A message kept in the slab. */
struct stored {
	char *p;
	uint32_t n;
};

struct server_txn {
	struct table_node node;
	struct txn_key key;
	struct txn_fsm fsm;
	struct timer timer;
	struct worker *w;
	struct flow flow;       /* where answers go */
	struct stored request;  /* until the final answer */
	struct stored account;  /* who logged in for it, until the final answer; or empty */
	struct stored response; /* the last one sent, while it may have to be sent again */
	struct context *ctx;    /* until the last branch ended */
	struct list followers;  /* client_txn.follows: answered branches of an INVITE */
	uint16_t status;        /* of the last answer */
	uint8_t method;         /* enum sip_method */
	bool initial;           /* not within a dialog */
	bool reported;          /* how the call went is on record */
};

/* The response context. */
struct context {
	struct worker *w;
	unsigned refs; /* the server transaction and the branches that have one */
	struct fork fork;
	struct timer timer; /* C */
	struct server_txn *server;
	struct client_txn *clients[FORK_MAX]; /* by branch; NULL: not started, or gone */
	struct stored responses[FORK_MAX];    /* candidates for the best */
	struct flow flow;                     /* of the caller, for route tokens */
	struct forwarding facts;
	size_t n_targets;
	struct target targets[]; /* by branch; texts follow in the same block */
};

struct cancel_txn;

struct client_txn {
	struct txn_fsm fsm;
	struct timer timer;
	struct worker *w;
	struct context *ctx;       /* NULL: the request was answered */
	struct server_txn *server; /* then: where a 2xx that comes again goes to, or NULL */
	struct list follows;       /* in server->followers */
	struct flow flow;          /* where it was sent */
	struct list conn;          /* of those over one connection (stream.h) */
	struct stored request;
	struct cancel_txn *cancel;
	struct branch branch;
	uint8_t index; /* of the branch in the context */
	uint8_t method;
};

/* A CANCEL has its own machine but the branch of its INVITE (RFC 3261 §9.1). */
struct cancel_txn {
	struct txn_fsm fsm;
	struct timer timer;
	struct client_txn *invite;
	struct stored request;
};

struct client_slot {
	struct client_txn *txn;
	uint32_t next_free;
	uint16_t generation;
};

struct sip_parts;

struct txns {
	struct table servers;
	struct client_slot *clients;
	uint32_t clients_cap, clients_free, clients_used;
};

NODISCARD enum err txns_init(struct txns *t, size_t cap, const struct siphash_key *key);
void txns_done(struct txns *t);
size_t txns_memory(size_t cap);

/* The key of the server transaction that a request belongs to; for ACK and CANCEL that of the
 * INVITE (§17.2.3, §9.2). */
void txns_request_key(struct worker *w, const struct sip_msg *msg, const struct sip_parts *parts,
    bool of_invite, struct txn_key *out_key);

struct server_txn *txns_find(struct worker *w, const struct txn_key *key);

/* Begins a server transaction with a copy of the request. NULL: no room (counted). */
struct server_txn *server_txn_new(struct worker *w, const struct txn_key *key,
    const struct flow *flow, const struct sip_msg *msg, bool initial);

/* The request came again, or its ACK did. */
void server_txn_request(struct server_txn *t);
void server_txn_ack(struct server_txn *t);

/* An answer that was written into out: sent if the state allows it, and kept where it may have to
 * be sent again. t may be gone afterwards. */
void server_txn_respond(struct server_txn *t, unsigned status, struct outgoing *out);

/* Makes an answer of our own from the kept request and sends it. extra: header lines or empty. */
void server_txn_reply(struct server_txn *t, unsigned status, struct span extra);

/* Sends 100 for the INVITE at hand (§16.2). */
void server_txn_trying(struct server_txn *t, const struct sip_msg *msg);

/* Ends without an answer (RFC 4320 §4.1): t is gone. */
void server_txn_abandon(struct server_txn *t);

/* A client transaction without a request yet: gives the branch to write into its Via. NULL: no
 * room. */
struct client_txn *client_txn_new(
    struct worker *w, struct context *ctx, unsigned index, enum sip_method method, uint32_t loop);

/* The request was written and handed to the transport (e tells how that went): keeps a copy where
 * it may have to be sent again, ACKed or CANCELled, and starts the machine. */
void client_txn_sent(struct client_txn *t, const struct flow *flow, struct span text, enum err e);

/* The transaction of this branch, or NULL. */
struct client_txn *client_txn_find(struct worker *w, const struct branch *b);

/* A response to it. */
void client_txn_response(struct client_txn *t, const struct sip_msg *msg);

/* What it was sent over is gone. */
void client_txn_transport_error(struct client_txn *t);

/* The context is going: an INVITE that was accepted keeps the way to its caller. */
void client_txn_follow(struct client_txn *t, struct server_txn *server);

/* Sends CANCEL for an INVITE that got a provisional response. */
void client_txn_cancel(struct client_txn *t);

/* Slab copies. stored_set leaves p NULL when there is no room. */
void stored_set(struct worker *w, struct stored *s, struct span text);
void stored_clear(struct worker *w, struct stored *s);
static inline struct span stored_span(const struct stored *s)
{
	return span_of(s->p, s->n);
}

#endif
