/* SPDX-License-Identifier: MIT
 *
 * One worker: a thread with its own loop, sockets, connections, timers and transactions. Nothing of
 * it is touched by another thread but its mailbox, its counters and its event ring. What comes to
 * the wrong worker is handed over by mail (mail.h). */
#ifndef EDGE_WORKER_H
#define EDGE_WORKER_H

#include <pthread.h>

#include "base/slab.h"
#include "base/wheel.h"
#include "edge/admit.h"
#include "edge/inbox.h"
#include "edge/keepalive.h"
#include "edge/load.h"
#include "edge/overload.h"
#include "edge/pass.h"
#include "edge/snapshot.h"
#include "edge/txns.h"
#include "event/counter.h"
#include "event/histogram.h"
#include "event/ring.h"
#include "net/listen.h"
#include "net/mailbox.h"

struct edge;
struct enforce_ring;

/* Keyed hashes of one process or, where said, of all nodes that share the state. */
struct edge_keys {
	struct siphash_key token; /* of route tokens; kept in the state store */
	struct siphash_key txn;   /* names of transactions */
	struct siphash_key tag;   /* To tags of stateless answers */
	struct siphash_key dummy; /* see auth_worker */
};

#define WORKER_STAGES_MAX 16

/* Messages are told apart by what they ask for when the time of their whole path is measured. */
enum path_kind {
	PATH_INVITE,
	PATH_REGISTER,
	PATH_OPTIONS,
	PATH_IN_CALL, /* ACK, BYE, CANCEL, PRACK, UPDATE, INFO, REFER */
	PATH_OTHER,
	PATH_RESPONSE,
	PATH_BROKEN, /* what could not be parsed */
	PATH_KINDS
};

/* "invite"; k < PATH_KINDS. Static; in path.c. */
const char *path_kind_name(enum path_kind k);

/* Times of a sample of the messages; read by any thread. */
struct path_times {
	struct histogram stage[WORKER_STAGES_MAX];
	struct histogram whole[PATH_KINDS]; /* answering and recording too */
	struct histogram wait;              /* before the path: in queues, see overload_lag */
};

/* Stored messages looked at beside the one at hand: the last few stay valid. */
#define STORED_VIEWS 4
struct stored_view {
	struct sip_msg msg;
	struct sip_header *headers;
};

struct waiting;

/* INVITEs inside dialogs whose refusals are remembered, a power of two. */
#define WORKER_REFUSED 1024

struct worker {
	struct edge *edge; /* shared by all workers */
	uint32_t id;
	pthread_t thread;
	bool started;

	struct snapshot *snap; /* one reference */
	struct edge_keys keys;
	struct net_loop loop;
	struct wheel wheel;
	struct timer second;
	struct keepalive keepalive; /* worker 0's */
	struct slab slab;
	struct net_udp *udp[SLOTS_MAX];
	struct net_listener *stream[SLOTS_MAX];
	struct net_tcp *tcp;
	struct mailbox *mail;
	_Atomic size_t mail_bytes; /* of letters on their way here */
	struct rng rng;
	struct auth_worker auth;
	struct binding_set bindings;

	struct admit admit;
	struct inbox *inbox;
	unsigned turn_served; /* datagrams worked on since the sockets were drained */
	struct overload overload;
	struct load load;

	struct txns txns;
	struct txn_key refused[WORKER_REFUSED]; /* reply.h */
	struct list waiting;                    /* passes that wait, wait.h */
	size_t n_waiting, waiting_bytes;
	struct waiting *spare;

	struct counters *counters;
	struct event_ring *events;
	struct enforce_ring *bans; /* on their way into the kernel */
	uint64_t told_refusals, told_banned, closed_kernel_drops;
	uint64_t refused_full;               /* connections refused because there are too many */
	_Atomic uint32_t inbound;            /* accepted connections, for the other workers */
	struct addr last_banned;             /* whose connection was refused last, without port */
	unsigned told_noise, told_strangers; /* in this second */
	struct path_times times;
	uint32_t sampled;

	struct arena arena; /* of the message at hand */
	struct sip_header *headers;
	size_t headers_cap;
	struct pass pass;
	unsigned hops; /* workers that saw the message at hand before */
	struct stored_view views[STORED_VIEWS];
	unsigned next_view;
	char *stream_out; /* room for one message to a stream */
};

#define STREAM_ROOM ((size_t)65536)

/* Bytes of the arena of one message. */
#define ARENA_CHUNK ((size_t)32768)
#define ARENA_CAP   ((size_t)1 << 20)

/* Prepares worker `id` in the calling thread: loop, sockets, tables. snap: a reference of the
 * worker's own. *out_fail tells which socket could not be had (ERR_IO). */
NODISCARD enum err worker_init(struct worker *w, struct edge *e, uint32_t id, struct snapshot *snap,
    struct net_fail *out_fail);

/* Runs in its own thread from here to worker_stop. ERR_IO: no thread. */
NODISCARD enum err worker_start(struct worker *w);

/* Ends the thread and joins it. Nothing is sent any more. */
void worker_stop(struct worker *w);
void worker_done(struct worker *w);

/* Bytes that one worker takes with this configuration, at most, besides its transactions. */
size_t worker_net_memory(const struct conf *c);

/* A message that came over `flow` and passed the gate; data is lent. wall and now are the loop's.
 */
void worker_receive(
    struct worker *w, const struct flow *flow, struct span data, const struct gate_answer *gate);

/* A pass that waited goes on, with what it waited for and what the gate said then. */
void worker_resume(struct worker *w, const struct flow *flow, struct span data,
    const struct gate_answer *gate, const struct answers *answers);

/* Swaps the configuration between two messages; takes the reference. */
void worker_use_snapshot(struct worker *w, struct snapshot *snap);

/* Transactions that one worker may have, and bytes for their messages. */
size_t worker_transactions(const struct conf *c);
size_t worker_transaction_memory(const struct conf *c);

/* Parses a stored message of our own beside the one at hand; NULL when it cannot be (never, for
 * what was parsed before under the same limits). Valid until STORED_VIEWS further calls. */
const struct sip_msg *worker_parse_stored(struct worker *w, struct span text);

#endif
