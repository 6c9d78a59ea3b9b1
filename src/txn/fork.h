/* SPDX-License-Identifier: MIT
 *
 * The response context of a stateful proxy (RFC 3261 §16.7, with RFC 6026 and RFC 4320): which of
 * the branches' responses go upstream, when, and which branches to CANCEL or to start. It knows
 * status codes, no messages; the owner keeps the messages that it is told to store, one a branch.
 *
 * A branch is in a group; the branches of one group ring together, the next group is started when
 * all of the current one have failed. Not thread-safe: it belongs to its server transaction. */
#ifndef TXN_FORK_H
#define TXN_FORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/usec.h"

#define FORK_MAX  16
#define FORK_NONE 0xff

enum fork_branch_state {
	FORK_WAITING,    /* its group has not been started */
	FORK_CALLING,    /* sent, nothing came back */
	FORK_PROCEEDING, /* a provisional response came, so it can be CANCELled */
	FORK_ENDED,
};

struct fork_branch {
	usec_t timer_c;  /* INVITE: its end (§16.8); 0 = not running */
	uint16_t status; /* final, 0 = none; 408 and 503 for failures without a message */
	uint8_t state;   /* enum fork_branch_state */
	uint8_t group;
	bool local;     /* there is no message: timeout, transport error */
	bool cancel;    /* to be CANCELled as soon as a provisional response came */
	bool cancelled; /* the CANCEL was ordered */
};

struct fork {
	usec_t timer_c;  /* its length */
	uint16_t stored; /* branches whose response the owner keeps */
	uint8_t n;
	uint8_t group; /* the one that runs */
	uint8_t best;  /* branch of the best final response so far, FORK_NONE */
	bool invite;
	bool started;
	bool answered;  /* a final response went upstream (or, RFC 4320, never will) */
	bool stopped;   /* no more groups: a 2xx or 6xx came, or the caller gave up */
	bool cancelled; /* by the caller */
	struct fork_branch branch[FORK_MAX];
};

/* What to do. A response that came is forwarded, stored, dropped, or is the answer. */
enum {
	/* This response goes upstream now. */
	FORK_FORWARD = 1 << 0,
	/* Keep this response for its branch: it may become the answer. */
	FORK_STORE = 1 << 1,
	/* This response goes nowhere. */
	FORK_DROP = 1 << 2,
	/* Send the final answer: the message of `branch` (stored, or the one at hand), `status`. */
	FORK_ANSWER = 1 << 3,
	/* With ANSWER: no message exists, make one with `status`. */
	FORK_LOCAL = 1 << 4,
	/* With ANSWER: the message is a 503 and goes up as a 500 (§16.7 step 6); `status` is 500.
	 */
	FORK_AS_500 = 1 << 5,
	/* With ANSWER: add the challenges of the messages of all `challenges` (§16.7 step 7). */
	FORK_AGGREGATE = 1 << 6,
	/* The request ends without an answer: 408 to a non-INVITE request (RFC 4320 §4.2). The
	 * server machine gets TXN_EV_ABANDON. */
	FORK_SILENT = 1 << 7,
	/* No branch runs or waits any more. */
	FORK_DONE = 1 << 8,
};

/* The masks have one bit a branch. `release` comes last: it may name what the answer is made of. */
struct fork_act {
	unsigned flags;
	uint16_t status;     /* with ANSWER */
	uint8_t branch;      /* with ANSWER, unless LOCAL */
	uint16_t start;      /* send the request on these branches now */
	uint16_t cancel;     /* send CANCEL on these; step them with TXN_EV_CANCELLED */
	uint16_t challenges; /* with AGGREGATE: all that hold a 401 or 407 */
	uint16_t release;    /* stored responses that are not needed any more */
};

/* timer_c: how long an INVITE branch may go without a final response after its last 101-199; the
 * RFC wants more than 3 minutes. */
void fork_init(struct fork *f, bool invite, usec_t timer_c);

/* A branch more, with groups in the order in which they are to be tried: a group number is not
 * smaller than the one before, nor than that of the group that runs. *out_branch is its index. When
 * it joins the running group after fork_start, it is started (out_act->start says so, as always).
 * ERR_FULL at FORK_MAX, ERR_RANGE for the order, ERR_CLOSED when the context is answered or
 * stopped. */
NODISCARD enum err fork_add(
    struct fork *f, unsigned group, usec_t now, unsigned *out_branch, struct fork_act *out_act);

/* Starts the first group. Without any branch: answers 480. */
struct fork_act fork_start(struct fork *f, usec_t now);

/* A response that the branch's client machine passed up; status 100..699. */
struct fork_act fork_response(struct fork *f, unsigned branch, unsigned status, usec_t now);

/* The branch's client machine timed out (as 408), or its request could not be sent (as 503). */
struct fork_act fork_timeout(struct fork *f, unsigned branch, usec_t now);
struct fork_act fork_unreachable(struct fork *f, unsigned branch, usec_t now);

/* The caller sent CANCEL (§16.10). Only for INVITE; harmless twice or after the answer. */
struct fork_act fork_cancel(struct fork *f, usec_t now);

/* No further group is started, whatever comes. */
void fork_stop(struct fork *f);

/* Timer C: CANCELs a branch that rings, ends one that never answered as 408 (whatever its client
 * machine still hears is dropped here). Harmless when nothing is due. */
struct fork_act fork_timer(struct fork *f, usec_t now);

/* When fork_timer has to come, 0 = never. */
usec_t fork_next(const struct fork *f);

/* No branch runs or waits. */
bool fork_ended(const struct fork *f);

#endif
