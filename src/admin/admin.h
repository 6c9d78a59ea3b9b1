/* SPDX-License-Identifier: MIT
 *
 * The control socket: how the commands of `ringfence` speak to the running daemon. A unix stream
 * socket on the main loop; a request is one line of JSON, {"command": "status"}, the answer is one
 * line, {"ok": true, ...} or {"ok": false, "error": "..."}; `events` answers with a line an event
 * until either side closes. Everything is bounded: clients, the length of a line, the time a client
 * may take, what is kept for a slow follower.
 *
 * What is asked of the rest of the program goes through struct admin_backend. Main thread only. The
 * process must ignore SIGPIPE, as with every stream of libuv. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <uv.h>

#include "enforce/enforce.h"
#include "event/counter.h"
#include "event/histogram.h"
#include "event/hub.h"
#include "guard/guessing.h"
#include "guard/standing.h"
#include "guard/standing_top.h"
#include "store/bindings.h"

#define ADMIN_CLIENTS_MAX   32
#define ADMIN_LINE_MAX      65536           /* bytes of a request */
#define ADMIN_REPLY_MAX     (1024 * 1024)   /* bytes of an answer */
#define ADMIN_FOLLOW_QUEUE  (256 * 1024)    /* bytes kept for a follower that reads slowly */
#define ADMIN_IDLE          (10 * USEC_SEC) /* to send a request, to take an answer */
#define ADMIN_LISTENERS_MAX 64
#define ADMIN_WORDS_MAX     48                /* bytes of a person's reason */
#define ADMIN_BAN_MAX       STANDING_HAND_MAX /* of a ban by hand */

struct admin_listener {
	struct span text; /* "udp:192.0.2.1:5060" */
	struct span zone;
};

#define ADMIN_EXEMPT_MAX 256

#define ADMIN_STAGES_MAX 16
#define ADMIN_KINDS_MAX  8

/* Time that a stage of the path takes, of a sample of the messages. */
struct admin_stage {
	struct span name;
	struct histogram_totals times;
};

/* A table whose size is fixed at start. */
struct admin_table {
	const char *name;
	uint64_t used, capacity;
	uint64_t evicted, refused; /* entries that made room; what found none */
};

#define ADMIN_TABLES_MAX 16

/* One worker's own figures. */
struct admin_worker {
	uint64_t received, events_lost, mailbox_full;
	uint64_t cpu_ns; /* of its thread */
};

#define ADMIN_WORKERS_MAX 64

/* A control, or a part of the judge that has a mode. */
struct admin_control {
	const char *name, *mode;
	uint64_t would; /* refusals that were not carried out, as it only observes */
};

#define ADMIN_CONTROLS_MAX 12

/* Messages of one tier. */
struct admin_queue {
	uint64_t served;
	uint64_t refused; /* by the gate, unread */
	uint64_t dropped; /* their queue was full */
};

/* A named limit of the configuration. */
struct admin_limit {
	struct span name, per, algorithm;
	const char *mode;
	uint64_t passed, refused;
	uint64_t would; /* refusals of one that only observes */
	bool by_load;
	double share; /* by_load: what it refuses now, 0..1 */
};

#define ADMIN_LIMITS_MAX 64

struct admin_limits {
	struct admin_limit list[ADMIN_LIMITS_MAX];
	size_t n;
	uint64_t keys, keys_max, evicted, shared; /* shared: requests of keys without a place */
};

/* What the judge knows, in figures. */
struct admin_judge {
	struct ledger_stats ledger;
	bool unwalked; /* tiers and attacked, which take a walk, are not filled */
	struct standing_tiers tiers;
	struct admin_queue queues[EVENT_TIER_COUNT]; /* by tier */
	uint64_t waiting;                            /* in all queues now */
	struct admin_control controls[ADMIN_CONTROLS_MAX];
	size_t controls_n;
	uint64_t attacked; /* accounts under attack */
	uint64_t guessing_entries, guessing_capacity, guessing_evicted;
	uint64_t scan_entries, scan_capacity, scan_evicted;
};

/* What the process may do. Text is static, or of the daemon. */
struct admin_privileges {
	const char *user;
	bool capabilities;  /* it has some */
	bool calls;         /* system calls are filtered */
	unsigned landlock;  /* ABI of what guards files; 0: nothing does */
	const char *why[2]; /* why not: of calls, of files; "" */
};

/* What `status` shows. Spans must stay valid until the call of `status` returned to the server and
 * the answer was written: text of the snapshot or static. */
struct admin_status {
	struct span version, node, config_file;
	usec_t uptime;
	usec_t configured; /* wall clock of the last successful load */
	unsigned workers;
	uint64_t pid;
	struct counter_totals totals;
	struct admin_listener listeners[ADMIN_LISTENERS_MAX];
	size_t listeners_n;
	uint64_t transactions, transactions_max;
	uint64_t connections, connections_max;
	uint64_t bindings, aors, bindings_max;
	uint64_t cached_accounts, cached_accounts_max;
	struct admin_stage stages[ADMIN_STAGES_MAX]; /* in the order of the path */
	size_t stages_n;
	struct admin_stage whole[ADMIN_KINDS_MAX]; /* the whole path, by what was asked for */
	size_t whole_n;
	struct histogram_totals wait;           /* of the same sample, before the path */
	uint64_t memory_fixed, memory_resident; /* bytes; resident 0 = unknown */
	bool store_ok;
	struct span store_error; /* words of the database when it is not */
	usec_t store_since;      /* how long it has been so */
	struct admin_judge judge;
	struct admin_limits limits;
	struct enforce_status enforcement;
	struct admin_privileges privileges;
	bool runner; /* the process that runs programs for events is there */
	uint64_t
	    enforcement_kept; /* bans that are in the ledger only, as the kernel cannot spare */
	struct admin_table tables[ADMIN_TABLES_MAX];
	size_t tables_n;
	struct admin_worker each[ADMIN_WORKERS_MAX]; /* of `workers` */
};

/* Who asks for something, and why, in a person's words. */
struct admin_person {
	int64_t uid; /* of the other end of the socket; -1: not known */
	struct span words;
};

/* What is known of one source. */
struct admin_standing {
	bool found; /* the ledger has it */
	struct standing_view view;
	bool prefix_banned;            /* a prefix that holds it is banned by hand */
	uint32_t suspect, deny;        /* the thresholds of the score */
	char exempt[ADMIN_EXEMPT_MAX]; /* "peer carrier-a": why it is never banned; or "" */
};

/* What is known of one account. */
struct admin_account {
	struct guessing_view view;
	uint32_t threshold; /* failures from elsewhere that close it; 0: it is never closed */
	usec_t window, lock;
};

struct admin_backend {
	void *arg;

	/* Fills *out, which is zeroed. Sinks are asked of the hub. */
	void (*status)(void *arg, struct admin_status *out);

	/* The same without what takes a walk over whole tables. */
	void (*figures)(void *arg, struct admin_status *out);

	/* Adds the counters of the workers to *out, which is zeroed. Cheap: asked every other
	 * second, whoever listens. */
	void (*totals)(void *arg, struct counter_totals *out);

	/* As bindings_each and bindings_lookup. `registration` calls fn once, or not at all. */
	bool (*registrations)(void *arg, struct bindings_cursor *cursor, size_t budget,
	    bindings_each_fn *fn, void *fn_arg);
	void (*registration)(void *arg, struct span aor, bindings_each_fn *fn, void *fn_arg);

	/* As standing_bans: each ban in force. */
	bool (*bans)(void *arg, size_t *cursor, size_t budget, standing_ban_fn *fn, void *fn_arg);

	/* Where such a ban is in force besides the ledger. out->why is valid until the call
	 * returned to the server. */
	void (*where)(void *arg, const struct standing_view *v, const struct prefix *prefix,
	    struct plan_place *out);

	/* Bans by hand, and makes an event of it. time: 0 for the configuration's; *out_time is the
	 * one taken. ERR_DENIED: it must never be banned, and `why` says what it is; ERR_FULL. */
	enum err (*ban)(void *arg, const struct prefix *what, usec_t time,
	    const struct admin_person *who, struct buf *why, usec_t *out_time);

	/* Ends the bans of exactly this address or prefix, or all (what = NULL), with an event
	 * each. Returns how many there were in the ledger. *out_kernel: the kernel is told to end
	 * it, whether the ledger knew of it or not. */
	size_t (*unban)(
	    void *arg, const struct prefix *what, const struct admin_person *who, bool *out_kernel);

	/* port 0: of the address as a whole. Fills *out, which is zeroed. */
	void (*standing)(void *arg, const struct addr *source, struct admin_standing *out);

	/* Weights, half-life and thresholds in use; valid until the call returned to the server. */
	const struct standing_policy *(*policy)(void *arg);

	/* account: user@domain. Fills *out, which is zeroed. */
	void (*account)(void *arg, struct span account, struct admin_account *out);

	/* As standing_top_walk: a slice of the ledger. *out_window: that rates are over. */
	bool (*top)(
	    void *arg, size_t *cursor, size_t budget, struct standing_top *t, usec_t *out_window);

	/* Loads the configuration again. `messages` takes errors and warnings, a line each, with
	 * the newline. When it is not OK the old configuration stays in use. */
	enum err (*reload)(void *arg, struct buf *messages);

	/* An account was added, changed or removed behind the daemon's back: what is cached of it
	 * is dropped. */
	void (*forget_account)(void *arg, struct span account);
};

struct admin_server;

/* Listens on `path`, mode 0660. A socket file that nobody listens on is replaced; if somebody does:
 * ERR_BUSY. ERR_RANGE: the path is too long for a socket; ERR_IO; ERR_NOMEM. On failure a sentence
 * for a person goes to `why`. backend and hub must outlive the server. */
NODISCARD enum err admin_server_new(uv_loop_t *loop, const char *path,
    const struct admin_backend *backend, struct event_hub *hub, struct buf *why,
    struct admin_server **out_s);

/* Stops, removes the socket file and closes all clients; memory is freed by the loop, which must
 * still run until it has nothing left to do. NULL is fine. */
void admin_server_free(struct admin_server *s);

/* Clients connected now. */
unsigned admin_server_clients(const struct admin_server *s);

#endif
