/* SPDX-License-Identifier: MIT
 *
 * The transaction machines on virtual time: every arrow of RFC 3261 figures 5 to 8 and of RFC 6026,
 * every timer at its exact instant (a microsecond before: nothing), UDP and reliable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "txn/fsm.h"

#define T0        (1000 * USEC_SEC)
#define MS(x)     ((usec_t)(x)*USEC_MS)
#define STEPS_MAX 24

static const struct txn_timers timers = TXN_TIMERS_DEFAULT;

enum { RELIABLE = 1 };

struct step {
	usec_t at; /* after the start */
	enum txn_event ev;
	unsigned actions;
	enum txn_state state;
};

struct script {
	const char *name;
	enum txn_kind kind;
	bool reliable;
	struct step steps[STEPS_MAX]; /* ends with a zero row behind the first */
};

/* A TIMER step must come at exactly the time that txn_next tells, and do nothing before. */
static void run(const struct script *s)
{
	struct txn_fsm f;

	txn_init(&f, s->kind, s->reliable);
	assert_true(txn_ended(&f));
	for (size_t i = 0; i < STEPS_MAX && (i == 0 || s->steps[i].state != TXN_IDLE); i++) {
		const struct step *st = &s->steps[i];
		unsigned got;

		if (st->ev == TXN_EV_TIMER) {
			struct txn_fsm before = f;

			if (txn_next(&f) != T0 + st->at)
				fail_msg("%s: step %zu: timer at %lld us instead of %lld", s->name,
				    i, (long long)(txn_next(&f) - T0), (long long)st->at);
			assert_int_equal(txn_step(&f, TXN_EV_TIMER, &timers, T0 + st->at - 1), 0);
			assert_memory_equal(&before, &f, sizeof(f));
		} else if (txn_next(&f)) {
			assert_true(txn_next(&f) >= T0 + st->at); /* no timer was left out */
		}
		got = txn_step(&f, st->ev, &timers, T0 + st->at);
		if (got != st->actions || f.state != st->state)
			fail_msg("%s: step %zu: actions %#x state %s, wanted %#x %s", s->name, i,
			    got, txn_state_name(f.state), st->actions, txn_state_name(st->state));
	}
	if (f.state == TXN_TERMINATED) {
		assert_int_equal(txn_next(&f), 0);
		assert_true(txn_ended(&f));
	}
}

#define GONE TXN_TERMINATED_NOW

static const struct script invite_client[] = {
    {"A and B", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(1500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(3500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(7500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(15500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(31500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(32000), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	    {MS(32001), TXN_EV_2XX, TXN_STRAY, TXN_TERMINATED},
	}},
    {"B alone when reliable", TXN_INVITE_CLIENT, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(32000), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	}},
    {"a provisional response stops A and B", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(600), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(900000), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(900001), TXN_EV_TRANSPORT_ERROR, 0, TXN_PROCEEDING},
	    {MS(900001), TXN_EV_2XX, TXN_PASS_UP, TXN_ACCEPTED},
	}},
    {"2xx, and M", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(100), TXN_EV_2XX, TXN_PASS_UP, TXN_ACCEPTED},
	    {MS(200), TXN_EV_2XX, TXN_PASS_UP, TXN_ACCEPTED},
	    {MS(300), TXN_EV_1XX, TXN_ABSORB, TXN_ACCEPTED},
	    {MS(400), TXN_EV_FINAL, TXN_STRAY, TXN_ACCEPTED},
	    {MS(500), TXN_EV_TRANSPORT_ERROR, 0, TXN_ACCEPTED},
	    {MS(500), TXN_EV_CANCELLED, 0, TXN_ACCEPTED},
	    {MS(32100), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"M when reliable too", TXN_INVITE_CLIENT, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(100), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_2XX, TXN_PASS_UP, TXN_ACCEPTED},
	    {MS(32100), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"refused while Calling, and D", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(100), TXN_EV_FINAL, TXN_PASS_UP | TXN_SEND_ACK, TXN_COMPLETED},
	    {MS(200), TXN_EV_FINAL, TXN_SEND_ACK | TXN_ABSORB, TXN_COMPLETED},
	    {MS(300), TXN_EV_1XX, TXN_ABSORB, TXN_COMPLETED},
	    {MS(400), TXN_EV_2XX, TXN_STRAY, TXN_COMPLETED},
	    {MS(32100), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"refused while Proceeding", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(100), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(5000), TXN_EV_FINAL, TXN_PASS_UP | TXN_SEND_ACK, TXN_COMPLETED},
	    {MS(5100), TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED | GONE, TXN_TERMINATED},
	}},
    {"no D when reliable", TXN_INVITE_CLIENT, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(100), TXN_EV_FINAL, TXN_PASS_UP | TXN_SEND_ACK | GONE, TXN_TERMINATED},
	}},
    {"not delivered", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {1, TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED | GONE, TXN_TERMINATED},
	}},
    {"CANCEL without an end", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(100), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(5000), TXN_EV_CANCELLED, 0, TXN_PROCEEDING},
	    {MS(6000), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(37000), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	}},
    {"CANCEL crosses 200", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(100), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(5000), TXN_EV_CANCELLED, 0, TXN_PROCEEDING},
	    {MS(5001), TXN_EV_2XX, TXN_PASS_UP, TXN_ACCEPTED},
	    {MS(37001), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"CANCEL and 487", TXN_INVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_CALLING},
	    {MS(50), TXN_EV_CANCELLED, 0, TXN_CALLING},
	    {MS(100), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(101), TXN_EV_CANCELLED, 0, TXN_PROCEEDING},
	    {MS(200), TXN_EV_FINAL, TXN_PASS_UP | TXN_SEND_ACK, TXN_COMPLETED},
	    {MS(32200), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
};

static const struct script noninvite_client[] = {
    {"E and F", TXN_NONINVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(1500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(3500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(7500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(11500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(15500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(19500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(23500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(27500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(31500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(32000), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	}},
    {"F alone when reliable", TXN_NONINVITE_CLIENT, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(1), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(32000), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	}},
    {"Proceeding: E runs on, then every T2", TXN_NONINVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(600), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(1500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(5500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(5600), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(9500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(13500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(17500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(21500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(25500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(29500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(32000), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	}},
    {"answered while Trying, and K", TXN_NONINVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(100), TXN_EV_2XX, TXN_PASS_UP, TXN_COMPLETED},
	    {MS(200), TXN_EV_2XX, TXN_ABSORB, TXN_COMPLETED},
	    {MS(200), TXN_EV_FINAL, TXN_ABSORB, TXN_COMPLETED},
	    {MS(200), TXN_EV_1XX, TXN_ABSORB, TXN_COMPLETED},
	    {MS(300), TXN_EV_TRANSPORT_ERROR, 0, TXN_COMPLETED},
	    {MS(300), TXN_EV_CANCELLED, 0, TXN_COMPLETED},
	    {MS(5100), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"refused while Proceeding", TXN_NONINVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(100), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(200), TXN_EV_FINAL, TXN_PASS_UP, TXN_COMPLETED},
	    {MS(5200), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"no K when reliable", TXN_NONINVITE_CLIENT, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(100), TXN_EV_FINAL, TXN_PASS_UP | GONE, TXN_TERMINATED},
	}},
    {"no K when reliable, after a 1xx", TXN_NONINVITE_CLIENT, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {MS(50), TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_2XX, TXN_PASS_UP | GONE, TXN_TERMINATED},
	}},
    {"not delivered while Trying", TXN_NONINVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {1, TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED | GONE, TXN_TERMINATED},
	}},
    {"not delivered while Proceeding", TXN_NONINVITE_CLIENT, false,
	{
	    {0, TXN_EV_START, TXN_SEND_REQUEST, TXN_TRYING},
	    {1, TXN_EV_1XX, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(500), TXN_EV_TIMER, TXN_SEND_REQUEST, TXN_PROCEEDING},
	    {MS(500), TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED | GONE, TXN_TERMINATED},
	}},
};

static const struct script invite_server[] = {
    {"100 after 200 ms", TXN_INVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_REQUEST, TXN_ABSORB, TXN_PROCEEDING},
	    {MS(200), TXN_EV_TIMER, TXN_SEND_TRYING, TXN_PROCEEDING},
	    {MS(500), TXN_EV_REQUEST, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(600), TXN_EV_1XX, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(700), TXN_EV_REQUEST, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(700), TXN_EV_ACK, TXN_STRAY, TXN_PROCEEDING},
	    {MS(700), TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED, TXN_PROCEEDING},
	    {MS(99999999), TXN_EV_1XX, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	}},
    {"no 100 when the user was quick", TXN_INVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(199), TXN_EV_1XX, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(500), TXN_EV_2XX, TXN_SEND_RESPONSE, TXN_ACCEPTED},
	    {MS(32500), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"2xx, and L", TXN_INVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_2XX, TXN_SEND_RESPONSE, TXN_ACCEPTED},
	    {MS(200), TXN_EV_REQUEST, TXN_ABSORB, TXN_ACCEPTED},
	    {MS(300), TXN_EV_2XX, TXN_SEND_RESPONSE, TXN_ACCEPTED},
	    {MS(400), TXN_EV_ACK, TXN_PASS_UP, TXN_ACCEPTED},
	    {MS(500), TXN_EV_1XX, TXN_STRAY, TXN_ACCEPTED},
	    {MS(500), TXN_EV_FINAL, TXN_STRAY, TXN_ACCEPTED},
	    {MS(600), TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED, TXN_ACCEPTED},
	    {MS(32100), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"L when reliable too", TXN_INVITE_SERVER, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_2XX, TXN_SEND_RESPONSE, TXN_ACCEPTED},
	    {MS(32100), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"G doubles up to T2, H", TXN_INVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_FINAL, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(1600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(1700), TXN_EV_REQUEST, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(3600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(7600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(7600), TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED, TXN_COMPLETED},
	    {MS(11600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(15600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(19600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(23600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(27600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(31600), TXN_EV_TIMER, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(32100), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	}},
    {"H alone when reliable", TXN_INVITE_SERVER, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_FINAL, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(32100), TXN_EV_TIMER, TXN_TIMEOUT | GONE, TXN_TERMINATED},
	}},
    {"ACK, and I", TXN_INVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_FINAL, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(200), TXN_EV_1XX, TXN_STRAY, TXN_COMPLETED},
	    {MS(200), TXN_EV_2XX, TXN_STRAY, TXN_COMPLETED},
	    {MS(200), TXN_EV_FINAL, TXN_STRAY, TXN_COMPLETED},
	    {MS(300), TXN_EV_ACK, TXN_ABSORB, TXN_CONFIRMED},
	    {MS(400), TXN_EV_ACK, TXN_ABSORB, TXN_CONFIRMED},
	    {MS(400), TXN_EV_REQUEST, TXN_ABSORB, TXN_CONFIRMED},
	    {MS(400), TXN_EV_TRANSPORT_ERROR, 0, TXN_CONFIRMED},
	    {MS(400), TXN_EV_2XX, TXN_STRAY, TXN_CONFIRMED},
	    {MS(5300), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"no I when reliable", TXN_INVITE_SERVER, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_PROCEEDING},
	    {MS(100), TXN_EV_FINAL, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(200), TXN_EV_ACK, TXN_ABSORB | GONE, TXN_TERMINATED},
	}},
};

static const struct script noninvite_server[] = {
    {"late 100 (RFC 4320), then J", TXN_NONINVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_TRYING},
	    {MS(500), TXN_EV_REQUEST, TXN_ABSORB, TXN_TRYING},
	    {MS(500), TXN_EV_TRANSPORT_ERROR, 0, TXN_TRYING},
	    {MS(3500), TXN_EV_TIMER, TXN_SEND_TRYING, TXN_PROCEEDING},
	    {MS(3600), TXN_EV_REQUEST, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(4000), TXN_EV_2XX, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(5000), TXN_EV_REQUEST, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(5000), TXN_EV_FINAL, TXN_STRAY, TXN_COMPLETED},
	    {MS(5000), TXN_EV_1XX, TXN_STRAY, TXN_COMPLETED},
	    {MS(36000), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"answered at once", TXN_NONINVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_TRYING},
	    {0, TXN_EV_FINAL, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(100), TXN_EV_ACK, TXN_STRAY, TXN_COMPLETED},
	    {MS(32000), TXN_EV_TIMER, GONE, TXN_TERMINATED},
	}},
    {"the user's 1xx", TXN_NONINVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_TRYING},
	    {MS(10), TXN_EV_1XX, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(20), TXN_EV_1XX, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(30), TXN_EV_FINAL, TXN_SEND_RESPONSE, TXN_COMPLETED},
	    {MS(40), TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED | GONE, TXN_TERMINATED},
	}},
    {"not delivered while Proceeding", TXN_NONINVITE_SERVER, false,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_TRYING},
	    {MS(10), TXN_EV_1XX, TXN_SEND_RESPONSE, TXN_PROCEEDING},
	    {MS(10), TXN_EV_TRANSPORT_ERROR, TXN_TRANSPORT_FAILED | GONE, TXN_TERMINATED},
	}},
    {"no J when reliable", TXN_NONINVITE_SERVER, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_TRYING},
	    {MS(10), TXN_EV_2XX, TXN_SEND_RESPONSE | GONE, TXN_TERMINATED},
	}},
    {"no J when reliable, after a 1xx", TXN_NONINVITE_SERVER, RELIABLE,
	{
	    {0, TXN_EV_START, TXN_PASS_UP, TXN_TRYING},
	    {MS(3500), TXN_EV_TIMER, TXN_SEND_TRYING, TXN_PROCEEDING},
	    {MS(3600), TXN_EV_FINAL, TXN_SEND_RESPONSE | GONE, TXN_TERMINATED},
	}},
};

static void test_invite_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(invite_client); i++)
		run(&invite_client[i]);
}

static void test_noninvite_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(noninvite_client); i++)
		run(&noninvite_client[i]);
}

static void test_invite_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(invite_server); i++)
		run(&invite_server[i]);
}

static void test_noninvite_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(noninvite_server); i++)
		run(&noninvite_server[i]);
}

/* What has no arrow changes nothing: in every state that the scripts reach, every event of the
 * other side's machines, and all of them before the start and after the end. */
static void test_strays(void **state)
{
	static const enum txn_event client_only[] = {TXN_EV_CANCELLED};
	static const enum txn_event server_only[] = {TXN_EV_REQUEST, TXN_EV_ACK};

	(void)state;
	for (int kind = TXN_INVITE_CLIENT; kind <= TXN_NONINVITE_SERVER; kind++) {
		bool server = kind >= TXN_INVITE_SERVER;
		const enum txn_event *evs = server ? client_only : server_only;
		size_t n = server ? ARRAY_LEN(client_only) : ARRAY_LEN(server_only);

		for (int st = TXN_CALLING; st <= TXN_TERMINATED; st++)
			for (size_t i = 0; i < n; i++) {
				struct txn_fsm f, before;

				txn_init(&f, (enum txn_kind)kind, false);
				f.state = (uint8_t)st;
				f.again = T0 + 1;
				f.end = T0 + 2;
				before = f;
				assert_int_equal(
				    txn_step(&f, evs[i], &timers, T0), server ? 0 : TXN_STRAY);
				assert_memory_equal(&f, &before, sizeof(f));
			}
		for (int ev = TXN_EV_REQUEST; ev < TXN_EVENT_COUNT; ev++)
			for (int ended = 0; ended < 2; ended++) {
				struct txn_fsm f;
				unsigned got;

				txn_init(&f, (enum txn_kind)kind, false);
				f.state = ended ? TXN_TERMINATED : TXN_IDLE;
				got = txn_step(&f, (enum txn_event)ev, &timers, T0);
				assert_int_equal(got, ev <= TXN_EV_FINAL ? TXN_STRAY : 0);
				assert_int_equal(f.state, ended ? TXN_TERMINATED : TXN_IDLE);
				assert_int_equal(txn_next(&f), 0);
			}
	}
}

static void test_abandon(void **state)
{
	(void)state;
	for (int kind = TXN_INVITE_CLIENT; kind <= TXN_NONINVITE_SERVER; kind++) {
		struct txn_fsm f;

		txn_init(&f, (enum txn_kind)kind, false);
		txn_step(&f, TXN_EV_START, &timers, T0);
		assert_true(txn_is_server(&f) == (kind >= TXN_INVITE_SERVER));
		assert_int_equal(txn_step(&f, TXN_EV_ABANDON, &timers, T0 + 1), GONE);
		assert_int_equal(txn_next(&f), 0);
		assert_true(txn_ended(&f));
	}
}

static void test_other_timers(void **state)
{
	struct txn_timers t = {.t1 = MS(100), .t2 = MS(150), .t4 = MS(1000), .d = MS(32000)};
	struct txn_fsm f;

	(void)state;
	txn_init(&f, TXN_INVITE_CLIENT, false);
	txn_step(&f, TXN_EV_START, &t, T0);
	assert_int_equal(f.end, T0 + MS(6400));
	txn_step(&f, TXN_EV_FINAL, &t, T0);
	assert_int_equal(f.end, T0 + MS(32000)); /* D is at least 32 s whatever T1 is */
	t.t1 = MS(1000);
	txn_init(&f, TXN_INVITE_CLIENT, false);
	txn_step(&f, TXN_EV_START, &t, T0);
	txn_step(&f, TXN_EV_FINAL, &t, T0);
	assert_int_equal(f.end, T0 + MS(64000));
	txn_init(&f, TXN_INVITE_SERVER, false);
	txn_step(&f, TXN_EV_START, &t, T0); /* trying = 0: never a 100 of ours */
	assert_int_equal(txn_next(&f), 0);
	txn_init(&f, TXN_NONINVITE_SERVER, false);
	txn_step(&f, TXN_EV_START, &t, T0); /* T1 > T2 */
	assert_int_equal(txn_next(&f), T0 + MS(1000));
	/* A late loop sends once, not once for each time that passed. */
	t = TXN_TIMERS_DEFAULT;
	txn_init(&f, TXN_INVITE_CLIENT, false);
	txn_step(&f, TXN_EV_START, &t, T0);
	assert_int_equal(txn_step(&f, TXN_EV_TIMER, &t, T0 + MS(10000)), TXN_SEND_REQUEST);
	assert_int_equal(txn_next(&f), T0 + MS(11000));
	assert_int_equal(txn_step(&f, TXN_EV_TIMER, &t, T0 + MS(50000)), TXN_TIMEOUT | GONE);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(txn_event_of_status(100), TXN_EV_1XX);
	assert_int_equal(txn_event_of_status(199), TXN_EV_1XX);
	assert_int_equal(txn_event_of_status(200), TXN_EV_2XX);
	assert_int_equal(txn_event_of_status(299), TXN_EV_2XX);
	assert_int_equal(txn_event_of_status(300), TXN_EV_FINAL);
	assert_int_equal(txn_event_of_status(699), TXN_EV_FINAL);
	for (int s = 0; s < TXN_STATE_COUNT; s++)
		assert_string_not_equal(txn_state_name((enum txn_state)s), "?");
	assert_string_equal(txn_state_name(TXN_STATE_COUNT), "?");
	assert_string_equal(txn_kind_name(TXN_NONINVITE_SERVER), "non-INVITE server");
	assert_string_equal(txn_kind_name((enum txn_kind)4), "?");
	assert_true(sizeof(struct txn_fsm) <= 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_invite_client),
	    cmocka_unit_test(test_noninvite_client),
	    cmocka_unit_test(test_invite_server),
	    cmocka_unit_test(test_noninvite_server),
	    cmocka_unit_test(test_strays),
	    cmocka_unit_test(test_abandon),
	    cmocka_unit_test(test_other_timers),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
