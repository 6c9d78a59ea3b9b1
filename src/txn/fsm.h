/* SPDX-License-Identifier: MIT
 *
 * The four transaction machines of RFC 3261 §17 as RFC 6026 amends them (Accepted states, timers L
 * and M) and RFC 4320 (late 100 to non-INVITE requests): what happens is an event, what has to be
 * done is a set of actions. No sockets, no clock, no message; the owner keeps the last message sent
 * and one timer armed at txn_next(). */
#ifndef TXN_FSM_H
#define TXN_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"

enum txn_kind { TXN_INVITE_CLIENT, TXN_NONINVITE_CLIENT, TXN_INVITE_SERVER, TXN_NONINVITE_SERVER };

enum txn_state {
	TXN_IDLE, /* before TXN_EV_START */
	TXN_CALLING,
	TXN_TRYING,
	TXN_PROCEEDING,
	TXN_ACCEPTED,
	TXN_COMPLETED,
	TXN_CONFIRMED,
	TXN_TERMINATED,
	TXN_STATE_COUNT
};

/* To a client machine the responses are those received, to a server machine those that its user
 * wants to send. */
enum txn_event {
	TXN_EV_START,           /* client: send the request; server: a new request came */
	TXN_EV_REQUEST,         /* server: the same request came again */
	TXN_EV_ACK,             /* INVITE server: an ACK that matches */
	TXN_EV_1XX,             /* 100..199 */
	TXN_EV_2XX,             /* 200..299 */
	TXN_EV_FINAL,           /* 300..699 */
	TXN_EV_TIMER,           /* time may have come; harmless when it has not */
	TXN_EV_TRANSPORT_ERROR, /* what was sent last could not be delivered */
	TXN_EV_CANCELLED,       /* INVITE client: a CANCEL was sent; end after 64*T1 (§9.1) */
	TXN_EV_ABANDON, /* the user has no use for it any more: ends it in any state, silently */
	TXN_EVENT_COUNT
};

/* Actions, a bit set; the order below is the order to do them in. 0 = nothing to do. */
enum {
	TXN_SEND_REQUEST = 1 << 0,  /* send the request, or send it again */
	TXN_SEND_RESPONSE = 1 << 1, /* server: send the user's response, or the last one again */
	TXN_SEND_TRYING = 1 << 2,   /* server: the user was silent too long, send a 100 */
	TXN_SEND_ACK = 1 << 3,      /* INVITE client: ACK the 300-699 (§17.1.1.3) */
	TXN_PASS_UP = 1 << 4,       /* the message is the user's: response, request, ACK of a 2xx */
	TXN_ABSORB = 1 << 5,        /* a retransmission or late message that ends here */
	TXN_STRAY = 1 << 6,         /* does not belong into this state: drop and count */
	TXN_TIMEOUT = 1 << 7,       /* tell the user: client, no final response (as 408);
				       INVITE server, no ACK came */
	TXN_TRANSPORT_FAILED = 1 << 8, /* tell the user: not delivered (client: as 503) */
	TXN_TERMINATED_NOW = 1 << 9,   /* the machine has ended; free it after the rest is done */
};

/* RFC 3261 §17.1.1.1 and table 4; `trying` is the 200 ms of §17.2.1, 0 = the user answers itself.
 * Timer D is max(64*T1, d). */
struct txn_timers {
	usec_t t1, t2, t4, d, trying;
};

#define TXN_TIMERS_DEFAULT                        \
	((struct txn_timers){.t1 = 500 * USEC_MS, \
	    .t2 = 4 * USEC_SEC,                   \
	    .t4 = 5 * USEC_SEC,                   \
	    .d = 32 * USEC_SEC,                   \
	    .trying = 200 * USEC_MS})

struct txn_fsm {
	usec_t again;    /* A, E, G, or the time for a 100; 0 = not running */
	usec_t end;      /* B, D, F, H, I, J, K, L, M; 0 = not running */
	usec_t interval; /* of the last `again` */
	uint8_t kind;    /* enum txn_kind */
	uint8_t state;   /* enum txn_state */
	bool reliable;   /* transport retransmits itself */
	bool answered;   /* server: a response went out */
};

/* The machine is idle until TXN_EV_START. */
void txn_init(struct txn_fsm *f, enum txn_kind kind, bool reliable);

/* One event at `now` (> 0). Returns the actions. */
unsigned txn_step(struct txn_fsm *f, enum txn_event ev, const struct txn_timers *t, usec_t now);

/* When TXN_EV_TIMER has to come, 0 = no timer runs. */
usec_t txn_next(const struct txn_fsm *f);

/* TXN_EV_1XX, _2XX or _FINAL for a status code of 100..699. */
enum txn_event txn_event_of_status(unsigned status);

/* Nothing is left to do: terminated, or not started. */
static inline bool txn_ended(const struct txn_fsm *f)
{
	return f->state == TXN_TERMINATED || f->state == TXN_IDLE;
}

static inline bool txn_is_server(const struct txn_fsm *f)
{
	return f->kind >= TXN_INVITE_SERVER;
}

/* For people and traces; static, never NULL. */
const char *txn_kind_name(enum txn_kind k);
const char *txn_state_name(enum txn_state s);

#endif
