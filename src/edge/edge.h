/* SPDX-License-Identifier: MIT
 *
 * The edge as a whole: what the workers share, and their start, reload and stop. Owned by the main
 * thread; workers read the pointers below, which never change while they run. */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include "conf/conf.h"
#include "edge/standing_keep.h"
#include "edge/worker.h"
#include "enforce/ring.h"
#include "guard/guessing.h"
#include "guard/scan.h"
#include "guard/sketch.h"
#include "guard/standing.h"
#include "store/accounts.h"
#include "store/binding_log.h"
#include "store/bindings.h"
#include "store/worker.h"

#define EDGE_STORE_QUEUE    4096              /* requests to the storage thread at a time */
#define EDGE_REPLAY_ENTRIES ((size_t)1 << 18) /* nonces whose counts are remembered */

struct edge {
	struct bindings *bindings;
	struct accounts *accounts;
	struct replay *replay;
	struct store_worker *store;
	struct binding_log *log;
	struct net_sources *sources;
	struct limits *limits;
	struct standing *standing;
	struct standing_keep *keep;
	struct sketch *sketch;
	struct scan *scan;
	struct guessing *guessing;

	struct snapshot *snap;         /* the newest */
	const struct conf *store_conf; /* the one that the stores were opened by */
	struct nonce_keys nonce_keys;
	usec_t nonce_epoch;   /* plus monotonic time: the clock of nonces, never set back */
	uint8_t account_algs; /* algorithms for which all accounts had a hash at start */
	struct edge_keys keys;

	struct worker **workers;
	uint32_t n_workers; /* those that are ready */
	uint32_t n_rings;
	struct counters *counters;
	struct event_ring *rings;
	struct enforce_ring *ban_rings; /* of each worker: bans for the kernel */

	struct binding_set sweep_set; /* main thread's */
	usec_t started;
};

/* The start has two steps, so that what needs a privilege is done before there is a second thread.
 *
 * edge_prepare opens the stores, loads keys and bindings, binds the listeners and prepares all
 * workers, without a thread. c: a reference that the edge takes over on success. wake: called on a
 * worker's thread when one of its rings, of events or of bans, has to be emptied. On failure a
 * sentence for the operator is in `why`. */
NODISCARD enum err edge_prepare(
    const struct conf *c, event_wake_fn wake, void *wake_arg, struct buf *why, struct edge **out_e);

/* Starts the threads, storage and workers, which may do what the calling thread may. On failure a
 * sentence is in `why`, and edge_stop is to follow. */
NODISCARD enum err edge_run(struct edge *e, struct buf *why);

/* Uses another configuration from now on, in all workers. Takes the reference on success; on
 * failure nothing has changed and `why` says why. Things that need a restart are told in `why`,
 * too. */
NODISCARD enum err edge_reload(struct edge *e, const struct conf *c, struct buf *why);

/* Ends the workers, writes all bindings, closes the stores. NULL is fine. */
void edge_stop(struct edge *e);

/* Once a second on the main thread: frees bindings that expired. */
void edge_tick(struct edge *e);

/* Counts of what strangers look around for: as many as a quarter of the sources that are kept. */
static inline size_t edge_scan_entries(const struct conf *c)
{
	return c->standing.sources / 4;
}

/* For workers. NULL: there is none of that number. */
struct worker *edge_worker(struct edge *e, uint32_t id);
static inline uint32_t edge_workers(const struct edge *e)
{
	return e->n_workers;
}

/* Clocks, for all who are outside of a loop. */
usec_t edge_now(void);
usec_t edge_wall(void);

#endif
