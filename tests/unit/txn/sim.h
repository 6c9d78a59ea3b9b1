/* SPDX-License-Identifier: MIT
 *
 * A telephone network on virtual time: callers, one forking proxy and callees, each made of the
 * real transaction machines, response contexts, keys, table, slab and wheel, over a network that
 * loses, doubles and reorders. Everything that exists is in `slab`, everything that waits in
 * `wheel`. */
#ifndef TEST_TXN_SIM_H
#define TEST_TXN_SIM_H

#include "base/rng.h"
#include "base/slab.h"
#include "base/table.h"
#include "base/wheel.h"
#include "txn/fork.h"
#include "txn/fsm.h"
#include "txn/key.h"

enum { SIM_PROXY, SIM_CALLER, SIM_CALLEE = 1000, SIM_NODES = 2000 };
enum sim_method { SIM_INVITE, SIM_ACK, SIM_CANCEL, SIM_BYE, SIM_OPTIONS };

struct sim_params {
	uint64_t seed;
	usec_t length;        /* how long calls are made */
	usec_t call_gap;      /* mean time between two calls */
	unsigned loss, twice; /* of 1000 datagrams */
	unsigned reliable;    /* of 100 nodes: those that are on streams */
	unsigned broken;      /* of 1000 sends over a stream: those that fail */
	size_t slab_bytes, table_capacity;
};

struct sim_msg {
	uint64_t branch; /* of the top Via */
	uint32_t call;
	uint16_t from, to; /* this hop */
	uint16_t callee;   /* who is called, or who answered */
	uint16_t status;   /* 0 = request */
	uint8_t method;
};

/* The test's own record of a call; not part of what is tested. */
struct sim_call {
	struct timer patience, talk;
	struct sim *sim;
	struct sim_xact *invite;
	uint16_t caller, target[4], group[4];
	uint8_t targets;
	uint16_t answered[4]; /* callees whose 2xx the caller has seen */
	uint8_t answers;
	bool cancelling, cancelled, ringing, final; /* as the caller knows */
	bool over;                                  /* the caller's transaction ended */
};

struct sim_stats {
	uint64_t calls, answered, refused, timeouts, cancels, byes, options;
	uint64_t sent, lost, strays, no_room, transport_failed, late_2xx, timer_c, silent,
	    aggregated;
	uint64_t forked_2xx, groups, transactions;
};

struct sim {
	struct sim_params p;
	struct wheel wheel;
	struct slab slab;
	struct table xacts, legs;
	struct siphash_key key;
	struct txn_timers timers;
	struct rng rng;
	usec_t now, until;
	uint64_t next_branch;
	struct sim_call *call;
	size_t calls, calls_max;
	struct timer arrivals;
	struct sim_stats stats;
};

/* A transaction at one of the nodes. */
struct sim_xact {
	struct table_node node;
	struct txn_key key;
	struct txn_fsm fsm;
	struct timer timer;
	struct sim *sim;
	struct sim_msg request, response; /* what is sent again */
	uint16_t self, peer;
	struct sim_context *context; /* proxy: INVITE and BYE, both sides */
	uint8_t branch;              /* proxy, client side */
	bool busy;                   /* its actions are being done: freed afterwards */
};

/* The proxy's state of one forwarded request. */
struct sim_context {
	struct fork fork;
	struct timer timer;
	struct sim *sim;
	struct sim_xact *server;
	struct sim_xact *client[FORK_MAX];
	struct sim_msg stored[FORK_MAX];
	uint16_t have; /* which of them are in `stored` */
	uint32_t call;
	uint16_t target[FORK_MAX];
	unsigned sent_2xx, sent_final; /* upstream; retransmissions of 2xx too */
	unsigned busy;                 /* apply() runs: freed afterwards */
	bool silent, done;
};

void sim_init(struct sim *s, const struct sim_params *p);
void sim_done(struct sim *s);

/* Until nothing is armed any more. Gives the virtual time of the last event. */
usec_t sim_run(struct sim *s);

/* The network (sim.c). False when the stream broke. */
bool sim_send(struct sim *s, const struct sim_msg *m);
bool sim_is_reliable(const struct sim *s, unsigned node);
unsigned sim_chance(struct sim *s, unsigned below);

/* Transactions (sim.c). NULL when there is no room. */
struct sim_xact *sim_new_client(struct sim *s, const struct sim_msg *request);
struct sim_xact *sim_new_server(struct sim *s, const struct sim_msg *request);
struct sim_xact *sim_find_server(struct sim *s, const struct sim_msg *m, enum sim_method method);
/* Does all that the machine says but PASS_UP, TIMEOUT and TRANSPORT_FAILED, which go to the nodes.
 * x may be freed when it returns. */
void sim_step(struct sim_xact *x, enum txn_event ev, const struct sim_msg *m);
void sim_start(struct sim_xact *x);
void sim_respond(struct sim_xact *x, unsigned status, unsigned callee);

/* Nodes: what their transactions pass up. m is NULL for timeouts and transport failures. */
void sim_proxy_request(struct sim_xact *server, const struct sim_msg *m);
void sim_proxy_response(struct sim_xact *client, const struct sim_msg *m, unsigned failure);
void sim_proxy_gone(struct sim_xact *x);
void sim_caller_start(struct sim *s);
void sim_caller_response(struct sim_xact *client, const struct sim_msg *m, unsigned failure);
void sim_caller_gone(struct sim_xact *x);
bool sim_callee_is_dead(struct sim *s, const struct sim_msg *m);
void sim_callee_request(struct sim_xact *server, const struct sim_msg *m);
void sim_callee_ack(struct sim *s, const struct sim_msg *m);
void sim_callee_gone(struct sim_xact *x);
void sim_legs_init(struct sim *s);

#endif
