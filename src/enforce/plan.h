/* SPDX-License-Identifier: MIT
 *
 * What the daemon has to tell its helper, and when: one request at a time, its answer, the next. A
 * state machine without sockets and clocks; enforce.c carries the messages. The ledger is the
 * truth: whenever it is not certain that the kernel has what the ledger has (a new worker of the
 * helper, a queue that was full, a request that failed, a new configuration), all of it is told
 * again.
 *
 * A synchronisation is SYNC_BEGIN, the bans of the ledger in pages, SYNC_END; what changes
 * meanwhile goes first, so that a new ban waits for one page and not for all.
 *
 * What the kernel holds is bounded by the ledger: who earns ban after ban with address after
 * address pushes his older ones out of it, and when the kernel has more than the ledger can hold
 * it is told all, and forgets the others. */
#ifndef ENFORCE_PLAN_H
#define ENFORCE_PLAN_H

#include "enforce/ring.h"
#include "guard/standing.h"
#include "helper/message.h"

#define PLAN_QUEUE     4096            /* changes that wait; with more, the ledger is told again */
#define PLAN_DEADLINE  (10 * USEC_SEC) /* of an answer */
#define PLAN_STATS     (1 * USEC_SEC)  /* between two looks at the figures */
#define PLAN_RETRY     (1 * USEC_SEC)  /* after a failure; doubles */
#define PLAN_RETRY_MAX (30 * USEC_SEC)
#define PLAN_PART_MAX  (600 * USEC_SEC) /* while a part works, which is told all each time */

/* Where the bans come from. */
struct plan_source {
	void *arg;
	/* As standing_bans. */
	bool (*bans)(void *arg, size_t *cursor, size_t budget, usec_t now, standing_ban_fn *fn,
	    void *fn_arg);
	/* Whether such a ban is carried out at all (mode observe), and nothing in it is exempt. */
	bool (*may_block)(void *arg, const struct prefix *what, bool by_hand);
	/* The ledger still has a ban of exactly this that the kernel is told of. */
	bool (*is_banned)(void *arg, const struct prefix *what, usec_t now);
};

enum plan_phase {
	PLAN_DOWN,       /* nobody is there */
	PLAN_GREETING,   /* waiting for HELLO */
	PLAN_CONFIGURE,  /* to be told how */
	PLAN_SYNC_BEGIN, /* to be told all */
	PLAN_SYNC_PAGES,
	PLAN_SYNC_END,
	PLAN_UP
};

struct plan_backend {
	enum message_state state;
	int error; /* errno, or 0 */
	char text[MESSAGE_TEXT_MAX + 1];
	uint64_t entries, evicted, packets, bytes;
};

struct plan {
	struct plan_source source;
	struct helper_setup setup;
	enum plan_phase phase;
	bool asked, silent; /* a request is out; its deadline passed */
	usec_t asked_at;    /* or since when HELLO is awaited */
	struct message_ref {
		enum message_type type;
		uint32_t sequence;
		usec_t since; /* of the oldest change in it; 0: none */
	} request;
	uint32_t sequence, generation;
	bool untold; /* the setup is newer than the last CONFIGURE */
	bool resync;
	usec_t resync_at, pause, stats_at;
	size_t cursor;
	bool more;
	size_t head, n; /* of the queue */
	struct enforce_ban queue[PLAN_QUEUE];
	struct plan_backend backend[HELPER_BACKENDS];
	/* New bans of the request that is out, and, behind plan_heard, of the one that was
	 * answered: done_n of them are in force in `done_in`, 1u << enum helper_backend. */
	size_t sent_n, done_n;
	unsigned done_in;
	struct enforce_ban sent[MESSAGE_ITEMS];
	/* Figures. */
	size_t most; /* bans that the ledger can hold; 0: not known */
	usec_t lag;  /* from the decision to the kernel, of the last change */
	uint64_t added, removed, syncs, refused, overflows;
};

void plan_init(struct plan *p, const struct plan_source *source);

/* How to block, and maybe whom, from now on: the helper is told how if that changed, and then
 * everything in any case, without the pause after a failure. */
void plan_use(struct plan *p, const struct helper_setup *setup);

void plan_connected(struct plan *p, usec_t now);
void plan_gone(struct plan *p);

/* A ban, or its end. */
void plan_change(struct plan *p, const struct enforce_ban *ban);

/* Something may have been missed: all is told again. */
void plan_again(struct plan *p);

/* A message of the helper. Which bans are in force by it: sent, done_n and done_in, until the next
 * call of anything here. Those that are told in a synchronisation are not among them. */
void plan_heard(struct plan *p, const struct message *m, usec_t now);

/* The message to be sent now; it counts as sent. False: nothing, for now. Call it after everything
 * above, and from time to time: it keeps the deadlines. It looks at a part of the ledger only:
 * see plan_has_more. */
bool plan_next(struct plan *p, usec_t now, struct message *out_m);

/* plan_next found nothing in its part of the ledger: call it again as soon as others had a turn. */
bool plan_has_more(const struct plan *p);

/* Every place that is wanted has every ban that it should have, but for what is on its way. */
bool plan_is_up(const struct plan *p);

/* Why not, in a few words, printable; "" when it is up. Static, or of the plan. */
const char *plan_why(const struct plan *p);

/* Whether the kernel is told of a ban at all: not of those of one device or flow, not of those that
 * spare others behind the address, not of what may not be blocked. *out_what: what it is told. */
bool plan_is_for_kernel(const struct plan_source *s, const struct standing_view *v,
    const struct prefix *prefix, struct prefix *out_what);

/* Where a ban of the ledger is in force besides. */
struct plan_place {
	unsigned backends; /* 1u << enum helper_backend */
	const char *why;   /* it is in none; a few words, printable, static or of the plan */
};

/* v, prefix: as standing_bans tells them. */
void plan_where(const struct plan *p, const struct standing_view *v, const struct prefix *prefix,
    struct plan_place *out);

#endif
