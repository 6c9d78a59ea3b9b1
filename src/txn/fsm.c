/* SPDX-License-Identifier: MIT
 *
 * The figures as tables: RFC 6026 figures 1 and 3 (INVITE), RFC 3261 figures 6 and 8 (non-INVITE).
 * One row is one arrow; what has no row is no arrow. */
#include "txn/fsm.h"

#include "base/attr.h"

/* TXN_EV_TIMER becomes one of these when a timer is due. */
enum { EV_AGAIN = TXN_EVENT_COUNT, EV_END, EV_COUNT };

/* What an arrow does to the timers. */
enum clock_op {
	KEEP,
	STOP,        /* both */
	STOP_AGAIN,  /* the user answered: no 100 from us */
	SET_AB,      /* A and B; E and F; G and H: T1 (not if reliable) and 64*T1 */
	SET_100,     /* after `trying` */
	SET_LATE100, /* when timer E of the client reaches T2 (RFC 4320 §4.1) */
	DOUBLE,      /* A */
	DOUBLE_T2,   /* E while Trying, G: at most T2 */
	AT_T2,       /* E while Proceeding */
	END_64T1,    /* L, M, a cancelled INVITE */
	END_D,       /* D; 0 if reliable, as all below */
	END_T4,      /* I, K */
	END_J,
};

struct arrow {
	uint8_t next; /* TXN_IDLE = there is no such arrow */
	uint8_t clock;
	uint16_t actions;
};

static const struct arrow invite_client[TXN_STATE_COUNT][EV_COUNT] =
    {
	[TXN_IDLE] =
	    {
		[TXN_EV_START] = {TXN_CALLING, SET_AB, TXN_SEND_REQUEST},
	    },
	[TXN_CALLING] =
	    {
		[EV_AGAIN] = {TXN_CALLING, DOUBLE, TXN_SEND_REQUEST},
		[EV_END] = {TXN_TERMINATED, STOP, TXN_TIMEOUT},
		[TXN_EV_1XX] = {TXN_PROCEEDING, STOP, TXN_PASS_UP},
		[TXN_EV_2XX] = {TXN_ACCEPTED, END_64T1, TXN_PASS_UP},
		[TXN_EV_FINAL] = {TXN_COMPLETED, END_D, TXN_PASS_UP | TXN_SEND_ACK},
		[TXN_EV_TRANSPORT_ERROR] = {TXN_TERMINATED, STOP, TXN_TRANSPORT_FAILED},
	    },
	[TXN_PROCEEDING] =
	    {
		[EV_END] = {TXN_TERMINATED, STOP, TXN_TIMEOUT},
		[TXN_EV_1XX] = {TXN_PROCEEDING, KEEP, TXN_PASS_UP},
		[TXN_EV_2XX] = {TXN_ACCEPTED, END_64T1, TXN_PASS_UP},
		[TXN_EV_FINAL] = {TXN_COMPLETED, END_D, TXN_PASS_UP | TXN_SEND_ACK},
		[TXN_EV_CANCELLED] = {TXN_PROCEEDING, END_64T1, 0},
	    },
	[TXN_ACCEPTED] =
	    {
		[EV_END] = {TXN_TERMINATED, STOP, 0},
		[TXN_EV_1XX] = {TXN_ACCEPTED, KEEP, TXN_ABSORB},
		[TXN_EV_2XX] = {TXN_ACCEPTED, KEEP, TXN_PASS_UP},
		[TXN_EV_FINAL] = {TXN_ACCEPTED, KEEP, TXN_STRAY},
	    },
	[TXN_COMPLETED] =
	    {
		[EV_END] = {TXN_TERMINATED, STOP, 0},
		[TXN_EV_1XX] = {TXN_COMPLETED, KEEP, TXN_ABSORB},
		[TXN_EV_2XX] = {TXN_COMPLETED, KEEP, TXN_STRAY},
		[TXN_EV_FINAL] = {TXN_COMPLETED, KEEP, TXN_SEND_ACK | TXN_ABSORB},
		[TXN_EV_TRANSPORT_ERROR] = {TXN_TERMINATED, STOP, TXN_TRANSPORT_FAILED},
	    },
};

static const struct arrow noninvite_client[TXN_STATE_COUNT][EV_COUNT] =
    {
	[TXN_IDLE] =
	    {
		[TXN_EV_START] = {TXN_TRYING, SET_AB, TXN_SEND_REQUEST},
	    },
	[TXN_TRYING] =
	    {
		[EV_AGAIN] = {TXN_TRYING, DOUBLE_T2, TXN_SEND_REQUEST},
		[EV_END] = {TXN_TERMINATED, STOP, TXN_TIMEOUT},
		[TXN_EV_1XX] = {TXN_PROCEEDING, KEEP, TXN_PASS_UP},
		[TXN_EV_2XX] = {TXN_COMPLETED, END_T4, TXN_PASS_UP},
		[TXN_EV_FINAL] = {TXN_COMPLETED, END_T4, TXN_PASS_UP},
		[TXN_EV_TRANSPORT_ERROR] = {TXN_TERMINATED, STOP, TXN_TRANSPORT_FAILED},
	    },
	[TXN_PROCEEDING] =
	    {
		[EV_AGAIN] = {TXN_PROCEEDING, AT_T2, TXN_SEND_REQUEST},
		[EV_END] = {TXN_TERMINATED, STOP, TXN_TIMEOUT},
		[TXN_EV_1XX] = {TXN_PROCEEDING, KEEP, TXN_PASS_UP},
		[TXN_EV_2XX] = {TXN_COMPLETED, END_T4, TXN_PASS_UP},
		[TXN_EV_FINAL] = {TXN_COMPLETED, END_T4, TXN_PASS_UP},
		[TXN_EV_TRANSPORT_ERROR] = {TXN_TERMINATED, STOP, TXN_TRANSPORT_FAILED},
	    },
	[TXN_COMPLETED] =
	    {
		[EV_END] = {TXN_TERMINATED, STOP, 0},
		[TXN_EV_1XX] = {TXN_COMPLETED, KEEP, TXN_ABSORB},
		[TXN_EV_2XX] = {TXN_COMPLETED, KEEP, TXN_ABSORB},
		[TXN_EV_FINAL] = {TXN_COMPLETED, KEEP, TXN_ABSORB},
	    },
};

/* A transport error leaves the state as it is: the next retransmission may get through, and timers
 * H and L end it anyway (RFC 6026). */
static const struct arrow invite_server[TXN_STATE_COUNT][EV_COUNT] =
    {
	[TXN_IDLE] =
	    {
		[TXN_EV_START] = {TXN_PROCEEDING, SET_100, TXN_PASS_UP},
	    },
	[TXN_PROCEEDING] =
	    {
		[EV_AGAIN] = {TXN_PROCEEDING, STOP_AGAIN, TXN_SEND_TRYING},
		[TXN_EV_REQUEST] = {TXN_PROCEEDING, KEEP, TXN_SEND_RESPONSE},
		[TXN_EV_1XX] = {TXN_PROCEEDING, STOP_AGAIN, TXN_SEND_RESPONSE},
		[TXN_EV_2XX] = {TXN_ACCEPTED, END_64T1, TXN_SEND_RESPONSE},
		[TXN_EV_FINAL] = {TXN_COMPLETED, SET_AB, TXN_SEND_RESPONSE},
		[TXN_EV_TRANSPORT_ERROR] = {TXN_PROCEEDING, KEEP, TXN_TRANSPORT_FAILED},
	    },
	[TXN_ACCEPTED] =
	    {
		[EV_END] = {TXN_TERMINATED, STOP, 0},
		[TXN_EV_REQUEST] = {TXN_ACCEPTED, KEEP, TXN_ABSORB},
		[TXN_EV_ACK] = {TXN_ACCEPTED, KEEP, TXN_PASS_UP},
		[TXN_EV_2XX] = {TXN_ACCEPTED, KEEP, TXN_SEND_RESPONSE},
		[TXN_EV_TRANSPORT_ERROR] = {TXN_ACCEPTED, KEEP, TXN_TRANSPORT_FAILED},
	    },
	[TXN_COMPLETED] =
	    {
		[EV_AGAIN] = {TXN_COMPLETED, DOUBLE_T2, TXN_SEND_RESPONSE},
		[EV_END] = {TXN_TERMINATED, STOP, TXN_TIMEOUT},
		[TXN_EV_REQUEST] = {TXN_COMPLETED, KEEP, TXN_SEND_RESPONSE},
		[TXN_EV_ACK] = {TXN_CONFIRMED, END_T4, TXN_ABSORB},
		[TXN_EV_TRANSPORT_ERROR] = {TXN_COMPLETED, KEEP, TXN_TRANSPORT_FAILED},
	    },
	[TXN_CONFIRMED] =
	    {
		[EV_END] = {TXN_TERMINATED, STOP, 0},
		[TXN_EV_REQUEST] = {TXN_CONFIRMED, KEEP, TXN_ABSORB},
		[TXN_EV_ACK] = {TXN_CONFIRMED, KEEP, TXN_ABSORB},
	    },
};

static const struct arrow noninvite_server[TXN_STATE_COUNT][EV_COUNT] = {
    [TXN_IDLE] =
	{
	    [TXN_EV_START] = {TXN_TRYING, SET_LATE100, TXN_PASS_UP},
	},
    [TXN_TRYING] =
	{
	    [EV_AGAIN] = {TXN_PROCEEDING, STOP_AGAIN, TXN_SEND_TRYING},
	    [TXN_EV_REQUEST] = {TXN_TRYING, KEEP, TXN_ABSORB},
	    [TXN_EV_1XX] = {TXN_PROCEEDING, STOP_AGAIN, TXN_SEND_RESPONSE},
	    [TXN_EV_2XX] = {TXN_COMPLETED, END_J, TXN_SEND_RESPONSE},
	    [TXN_EV_FINAL] = {TXN_COMPLETED, END_J, TXN_SEND_RESPONSE},
	},
    [TXN_PROCEEDING] =
	{
	    [TXN_EV_REQUEST] = {TXN_PROCEEDING, KEEP, TXN_SEND_RESPONSE},
	    [TXN_EV_1XX] = {TXN_PROCEEDING, KEEP, TXN_SEND_RESPONSE},
	    [TXN_EV_2XX] = {TXN_COMPLETED, END_J, TXN_SEND_RESPONSE},
	    [TXN_EV_FINAL] = {TXN_COMPLETED, END_J, TXN_SEND_RESPONSE},
	    [TXN_EV_TRANSPORT_ERROR] = {TXN_TERMINATED, STOP, TXN_TRANSPORT_FAILED},
	},
    [TXN_COMPLETED] =
	{
	    [EV_END] = {TXN_TERMINATED, STOP, 0},
	    [TXN_EV_REQUEST] = {TXN_COMPLETED, KEEP, TXN_SEND_RESPONSE},
	    [TXN_EV_TRANSPORT_ERROR] = {TXN_TERMINATED, STOP, TXN_TRANSPORT_FAILED},
	},
};

static const struct arrow (*const figures[])[EV_COUNT] = {
    [TXN_INVITE_CLIENT] = invite_client,
    [TXN_NONINVITE_CLIENT] = noninvite_client,
    [TXN_INVITE_SERVER] = invite_server,
    [TXN_NONINVITE_SERVER] = noninvite_server,
};

void txn_init(struct txn_fsm *f, enum txn_kind kind, bool reliable)
{
	*f = (struct txn_fsm){.kind = (uint8_t)kind, .reliable = reliable};
}

static void set_again(struct txn_fsm *f, usec_t interval, usec_t now)
{
	f->interval = interval;
	f->again = now + interval;
}

/* The time from the first request until timer E is set to T2 for the first time. */
static usec_t until_t2(const struct txn_timers *t)
{
	usec_t sum = 0;

	for (usec_t e = t->t1; e > 0 && e < t->t2; e *= 2)
		sum += e;
	return MAX(sum, t->t1);
}

static void set_end(struct txn_fsm *f, usec_t length, usec_t now)
{
	f->again = 0;
	f->end = now + length;
	/* A wait that is there for retransmissions of the other side only. */
	if (length == 0)
		f->state = TXN_TERMINATED;
}

static void run_clock(struct txn_fsm *f, enum clock_op op, const struct txn_timers *t, usec_t now)
{
	usec_t t1_64 = 64 * t->t1;

	switch (op) {
	case KEEP:
		break;
	case STOP:
		f->again = f->end = 0;
		break;
	case STOP_AGAIN:
		f->again = 0;
		break;
	case SET_AB:
		set_end(f, t1_64, now);
		if (!f->reliable)
			set_again(f, t->t1, now);
		break;
	case SET_100:
		f->again = t->trying ? now + t->trying : 0;
		break;
	case SET_LATE100:
		f->again = now + until_t2(t);
		break;
	case DOUBLE:
		set_again(f, 2 * f->interval, now);
		break;
	case DOUBLE_T2:
		set_again(f, MIN(2 * f->interval, t->t2), now);
		break;
	case AT_T2:
		set_again(f, t->t2, now);
		break;
	case END_64T1:
		set_end(f, t1_64, now);
		break;
	case END_D:
		set_end(f, f->reliable ? 0 : MAX(t1_64, t->d), now);
		break;
	case END_T4:
		set_end(f, f->reliable ? 0 : t->t4, now);
		break;
	case END_J:
		set_end(f, f->reliable ? 0 : t1_64, now);
		break;
	}
}

static bool is_due(usec_t due, usec_t now)
{
	return due && due <= now;
}

static bool is_message(unsigned ev)
{
	return ev <= TXN_EV_FINAL;
}

static unsigned end(struct txn_fsm *f)
{
	f->state = TXN_TERMINATED;
	f->again = f->end = 0;
	return TXN_TERMINATED_NOW;
}

unsigned txn_step(struct txn_fsm *f, enum txn_event ev, const struct txn_timers *t, usec_t now)
{
	unsigned e = ev, actions;
	const struct arrow *a;

	if (ev == TXN_EV_ABANDON && !txn_ended(f))
		return end(f);
	if (ev == TXN_EV_TIMER) {
		if (!is_due(f->end, now) && !is_due(f->again, now))
			return 0;
		e = is_due(f->end, now) ? EV_END : EV_AGAIN;
	}
	a = &figures[f->kind][f->state][e];
	if (a->next == TXN_IDLE)
		return is_message(e) ? TXN_STRAY : 0;
	actions = a->actions;
	if (e == TXN_EV_REQUEST && actions == TXN_SEND_RESPONSE && !f->answered)
		actions = TXN_ABSORB;
	if (actions & (TXN_SEND_RESPONSE | TXN_SEND_TRYING))
		f->answered = true;
	f->state = a->next;
	run_clock(f, (enum clock_op)a->clock, t, now);
	return f->state == TXN_TERMINATED ? actions | end(f) : actions;
}

usec_t txn_next(const struct txn_fsm *f)
{
	if (!f->again || !f->end)
		return f->again | f->end;
	return MIN(f->again, f->end);
}

enum txn_event txn_event_of_status(unsigned status)
{
	if (status < 200)
		return TXN_EV_1XX;
	return status < 300 ? TXN_EV_2XX : TXN_EV_FINAL;
}

const char *txn_kind_name(enum txn_kind k)
{
	static const char *const names[] = {
	    [TXN_INVITE_CLIENT] = "INVITE client",
	    [TXN_NONINVITE_CLIENT] = "non-INVITE client",
	    [TXN_INVITE_SERVER] = "INVITE server",
	    [TXN_NONINVITE_SERVER] = "non-INVITE server",
	};

	return (unsigned)k < ARRAY_LEN(names) ? names[k] : "?";
}

const char *txn_state_name(enum txn_state s)
{
	static const char *const names[TXN_STATE_COUNT] = {
	    [TXN_IDLE] = "idle",
	    [TXN_CALLING] = "Calling",
	    [TXN_TRYING] = "Trying",
	    [TXN_PROCEEDING] = "Proceeding",
	    [TXN_ACCEPTED] = "Accepted",
	    [TXN_COMPLETED] = "Completed",
	    [TXN_CONFIRMED] = "Confirmed",
	    [TXN_TERMINATED] = "Terminated",
	};

	return (unsigned)s < TXN_STATE_COUNT ? names[s] : "?";
}
