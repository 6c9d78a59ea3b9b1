/* SPDX-License-Identifier: MIT
 *
 * The response context: scenarios with every action told, races among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "txn/fork.h"

/* In the tables, what a row does not say is nothing. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define T0 (1000 * USEC_SEC)
#define C  (181 * USEC_SEC) /* timer C */

enum op { END, START, RESP, TMO, UNREACH, CANCEL, TIMER, ADD };

struct step {
	enum op op;
	unsigned branch; /* ADD: the group */
	unsigned status;
	struct fork_act want;
	usec_t at; /* seconds after the start; TIMER: must be what fork_next tells */
};

struct scenario {
	const char *name;
	bool invite;
	const char *groups; /* one digit a branch */
	struct step steps[14];
};

#define FWD   FORK_FORWARD
#define STORE FORK_STORE
#define DROP  FORK_DROP
#define ANS   FORK_ANSWER
#define LOCAL FORK_LOCAL
#define DONE  FORK_DONE
#define W(...)              \
	{                   \
		__VA_ARGS__ \
	}

static struct fork_act apply(struct fork *f, const struct step *s, usec_t now)
{
	struct fork_act act = {0};
	unsigned branch;

	switch (s->op) {
	case START:
		return fork_start(f, now);
	case RESP:
		return fork_response(f, s->branch, s->status, now);
	case TMO:
		return fork_timeout(f, s->branch, now);
	case UNREACH:
		return fork_unreachable(f, s->branch, now);
	case CANCEL:
		return fork_cancel(f, now);
	case TIMER:
		assert_int_equal(fork_next(f), now);
		act = fork_timer(f, now - 1);
		assert_int_equal(act.flags | act.cancel | act.start, 0);
		return fork_timer(f, now);
	case ADD:
		assert_int_equal(fork_add(f, s->branch, now, &branch, &act), OK);
		return act;
	case END:
		break;
	}
	return act;
}

static bool same(const struct fork_act *a, const struct fork_act *b)
{
	return a->flags == b->flags && a->status == b->status && a->branch == b->branch &&
	       a->start == b->start && a->cancel == b->cancel && a->challenges == b->challenges &&
	       a->release == b->release;
}

static void run(const struct scenario *sc)
{
	struct fork f;

	fork_init(&f, sc->invite, C);
	for (const char *g = sc->groups; *g; g++) {
		struct fork_act act;
		unsigned branch;

		assert_int_equal(fork_add(&f, (unsigned)(*g - '0'), T0, &branch, &act), OK);
		assert_int_equal(branch, g - sc->groups);
		assert_int_equal(act.start, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(sc->steps) && sc->steps[i].op != END; i++) {
		const struct step *s = &sc->steps[i];
		struct fork_act got = apply(&f, s, T0 + s->at * USEC_SEC);

		if (!same(&got, &s->want))
			fail_msg("%s: step %zu: flags %#x status %u branch %u start %#x cancel %#x "
				 "challenges %#x release %#x",
			    sc->name, i, got.flags, got.status, got.branch, got.start, got.cancel,
			    got.challenges, got.release);
		if (got.flags & DONE)
			assert_true(fork_ended(&f));
	}
}

static const struct scenario one_branch[] = {
    {"answered", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 100, W(DROP)},
	    {RESP, 0, 180, W(FWD)},
	    {RESP, 0, 200, W(FWD | DONE)},
	    {RESP, 0, 200, W(FWD | DONE)}, /* the callee's retransmission */
	    {RESP, 0, 180, W(DROP)},
	}},
    {"busy", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 486, W(ANS | DONE, 486)},
	    {RESP, 0, 486, W(DROP)},
	}},
    {"no branch at all", true, "", {{START, .want = W(ANS | LOCAL | DONE, 480)}}},
    {"no branch, OPTIONS", false, "", {{START, .want = W(ANS | LOCAL | DONE, 480)}}},
    {"timeout", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {TMO, .want = W(ANS | LOCAL | DONE, 408)},
	    {TMO, .want = W(0)},
	}},
    {"unreachable", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {UNREACH, .want = W(ANS | LOCAL | DONE, 500)},
	}},
    {"503 becomes 500", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 503, W(ANS | FORK_AS_500 | DONE, 500)},
	}},
    {"redirected", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 302, W(ANS | DONE, 302)},
	}},
    {"challenged", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 407, W(ANS | DONE, 407)},
	}},
    {"declined by all means", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 603, W(ANS | DONE, 603)},
	}},
    {"before the start nothing is expected", true, "0",
	{
	    {RESP, 0, 180, W(DROP)},
	    {RESP, 0, 200, W(DROP)},
	    {TMO, .want = W(0)},
	    {START, .want = W(.start = 1)},
	    {START, .want = W(0)},
	}},
};

static const struct scenario noninvite[] = {
    {"answered", false, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 100, W(DROP)},
	    {RESP, 0, 183, W(DROP)}, /* RFC 4320: nothing but 100, and that hop by hop */
	    {RESP, 0, 200, W(FWD | DONE)},
	    {RESP, 0, 200, W(DROP | DONE)},
	}},
    {"timeout: silence (RFC 4320)", false, "0",
	{
	    {START, .want = W(.start = 1)},
	    {TMO, .want = W(FORK_SILENT | DONE)},
	}},
    {"a peer's 408: silence too", false, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 408, W(FORK_SILENT | DROP | DONE)},
	}},
    {"timeout of one, 404 of the other", false, "00",
	{
	    {START, .want = W(.start = 3)},
	    {TMO, .want = W(0)},
	    {RESP, 1, 404, W(ANS | DONE, 404, 1)},
	}},
    {"first 2xx is the answer, others are dropped, no CANCEL", false, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 1, 200, W(FWD)},
	    {RESP, 0, 200, W(DROP)},
	    {RESP, 2, 404, W(DROP | DONE)},
	}},
    {"2xx after a stored failure", false, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 404, W(STORE)},
	    {RESP, 1, 200, W(FWD | DONE, .release = 1)},
	}},
    {"6xx waits for all and cancels nobody", false, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 100, W(DROP)},
	    {RESP, 1, 603, W(STORE)},
	    {RESP, 0, 404, W(ANS | DROP | DONE, 603, 1, .release = 2)},
	}},
    {"CANCEL does not exist here", false, "0",
	{
	    {START, .want = W(.start = 1)},
	    {CANCEL, .want = W(0)},
	    {RESP, 0, 200, W(FWD | DONE)},
	}},
    {"unreachable", false, "0",
	{
	    {START, .want = W(.start = 1)},
	    {UNREACH, .want = W(ANS | LOCAL | DONE, 500)},
	}},
};

static const struct scenario parallel[] = {
    {"one answers, the ringing others are cancelled", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 180, W(FWD)},
	    {RESP, 1, 180, W(FWD)},
	    {RESP, 1, 200, W(FWD, .cancel = 1)}, /* 2 has not said a word: later */
	    {RESP, 0, 487, W(DROP)},
	    {RESP, 2, 100, W(DROP, .cancel = 4)},
	    {RESP, 2, 180, W(DROP)},
	    {RESP, 2, 487, W(DROP | DONE)},
	}},
    {"two answer: both reach the caller", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 180, W(FWD)},
	    {RESP, 1, 180, W(FWD)},
	    {RESP, 0, 200, W(FWD, .cancel = 2)},
	    {RESP, 1, 200, W(FWD | DONE)}, /* crossed our CANCEL */
	    {RESP, 0, 200, W(FWD | DONE)},
	}},
    {"a branch that never spoke answers 200 after the other", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 200, W(FWD)},
	    {RESP, 1, 200, W(FWD | DONE)},
	}},
    {"all refuse: the lowest class", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 500, W(STORE)},
	    {RESP, 1, 486, W(STORE, .release = 1)},
	    {RESP, 2, 480, W(ANS | DROP | DONE, 486, 1, .release = 2)},
	}},
    {"3xx before 4xx", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 486, W(STORE)},
	    {RESP, 1, 302, W(ANS | DONE, 302, 1, .release = 1)},
	}},
    {"415, 420, 484 before 404", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 404, W(STORE)},
	    {RESP, 1, 484, W(STORE, .release = 1)},
	    {RESP, 2, 486, W(ANS | DROP | DONE, 484, 1, .release = 2)},
	}},
    {"408 and 487 are the last choice", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 487, W(STORE)},
	    {RESP, 1, 408, W(STORE, .release = 1)},
	    {RESP, 2, 480, W(ANS | DONE, 480, 2, .release = 2)},
	}},
    {"a message before a failure without one", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {TMO, 0, .want = W(0)},
	    {RESP, 1, 408, W(ANS | DONE, 408, 1)},
	}},
    {"other 5xx before 503", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 503, W(STORE)},
	    {RESP, 1, 504, W(ANS | DONE, 504, 1, .release = 1)},
	}},
    {"503 and unreachable: 500", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {UNREACH, 0, .want = W(0)},
	    {RESP, 1, 503, W(ANS | FORK_AS_500 | DONE, 500, 1)},
	}},
    {"timeout beats unreachable", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {UNREACH, 0, .want = W(0)},
	    {TMO, 1, .want = W(ANS | LOCAL | DONE, 408)},
	}},
    {"challenges are collected", true, "0000",
	{
	    {START, .want = W(.start = 15)},
	    {RESP, 0, 404, W(STORE)},
	    {RESP, 1, 407, W(STORE, .release = 1)},
	    {RESP, 2, 401, W(STORE)},
	    {RESP, 3, 407, W(ANS | FORK_AGGREGATE | DONE, 407, 1, .challenges = 14, .release = 6)},
	}},
    {"challenges and then a redirection", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 407, W(STORE)},
	    {RESP, 1, 401, W(STORE)},
	    {RESP, 2, 302, W(ANS | DONE, 302, 2, .release = 3)},
	}},
    {"the last to come is no challenge", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 407, W(STORE)},
	    {RESP, 1, 401, W(STORE)},
	    {RESP, 2, 404,
		W(ANS | FORK_AGGREGATE | DROP | DONE, 407, 0, .challenges = 3, .release = 3)},
	}},
};

static const struct scenario six[] = {
    {"6xx ends the search", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 180, W(FWD)},
	    {RESP, 1, 603, W(STORE, .cancel = 1)},
	    {RESP, 2, 180, W(FWD, .cancel = 4)},
	    {RESP, 0, 487, W(DROP)},
	    {RESP, 2, 487, W(ANS | DROP | DONE, 603, 1, .release = 2)},
	}},
    {"6xx wins over what is stored", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 302, W(STORE)},
	    {RESP, 1, 600, W(ANS | DONE, 600, 1, .release = 1)},
	}},
    {"the first 6xx stays", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 603, W(STORE)},
	    {RESP, 1, 600, W(ANS | DROP | DONE, 603, 0, .release = 1)},
	}},
    {"200 crosses the CANCEL after a 6xx", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 180, W(FWD)},
	    {RESP, 1, 603, W(STORE, .cancel = 1)},
	    {RESP, 0, 200, W(FWD | DONE, .release = 2)},
	}},
    {"6xx: no further group", true, "01",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 603, W(ANS | DONE, 603)},
	}},
    {"a silent branch times out after a 6xx", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 603, W(STORE)},
	    {TMO, 1, .want = W(ANS | DONE, 603, 0, .release = 1), .at = 32},
	}},
};

static const struct scenario cancelled[] = {
    {"while ringing", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 180, W(FWD)},
	    {CANCEL, .want = W(.cancel = 1)},
	    {CANCEL, .want = W(0)},
	    {RESP, 1, 180, W(FWD, .cancel = 2)}, /* a late 1xx */
	    {RESP, 1, 183, W(FWD)},
	    {RESP, 0, 487, W(STORE)},
	    {RESP, 1, 487, W(ANS | DROP | DONE, 487, 0, .release = 1)},
	}},
    {"crosses 200", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 180, W(FWD)},
	    {CANCEL, .want = W(.cancel = 1)},
	    {RESP, 0, 200, W(FWD | DONE)},
	}},
    {"crosses 200 before any 1xx", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {CANCEL, .want = W(0)},
	    {RESP, 0, 200, W(FWD | DONE)},
	}},
    {"after the answer", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 200, W(FWD)},
	    {CANCEL, .want = W(0)},
	    {RESP, 1, 486, W(DROP | DONE)},
	}},
    {"before any branch said a word; it never does", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {CANCEL, .want = W(0)},
	    {TMO, .want = W(ANS | LOCAL | DONE, 487), .at = 32},
	}},
    {"487 is told in preference to other 4xx", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 486, W(STORE)},
	    {RESP, 1, 180, W(FWD)},
	    {CANCEL, .want = W(.cancel = 2)},
	    {RESP, 1, 487, W(ANS | DONE, 487, 1, .release = 1)},
	}},
    {"before the start", true, "00",
	{
	    {CANCEL, .want = W(0)},
	    {START, .want = W(ANS | LOCAL | DONE, 487)},
	}},
    {"waiting groups are never started", true, "01",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 180, W(FWD)},
	    {CANCEL, .want = W(.cancel = 1)},
	    {RESP, 0, 487, W(ANS | DONE, 487)},
	}},
    {"the cancelled branch never ends", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 180, W(FWD)},
	    {CANCEL, .want = W(.cancel = 1)},
	    {TMO, .want = W(ANS | LOCAL | DONE, 487), .at = 32},
	}},
};

static const struct scenario groups[] = {
    {"the next group when all of one failed", true, "0012",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 486, W(STORE)},
	    {RESP, 1, 404, W(DROP, .start = 4)},
	    {RESP, 2, 180, W(FWD)},
	    {RESP, 2, 480, W(DROP, .start = 8)},
	    {RESP, 3, 200, W(FWD | DONE, .release = 1)},
	}},
    {"the last failure ends it", true, "01",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 480, W(STORE, .start = 2)},
	    {UNREACH, 1, .want = W(ANS | DONE, 480, 0, .release = 1)},
	}},
    {"timeouts go on to the next group", true, "059",
	{
	    {START, .want = W(.start = 1)},
	    {TMO, 0, .want = W(.start = 2), .at = 32},
	    {TMO, 1, .want = W(.start = 4), .at = 64},
	    {RESP, 2, 200, W(FWD | DONE), .at = 65},
	}},
    {"an answer ends the waiting", true, "011",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 200, W(FWD | DONE)},
	}},
    {"nothing is heard from a group that waits", true, "01",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 1, 200, W(DROP)},
	    {TMO, 1, .want = W(0)},
	}},
    {"a branch joins the running group, another comes behind", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {ADD, 0, .want = W(.start = 2)},
	    {ADD, 3, .want = W(0)},
	    {RESP, 0, 404, W(STORE)},
	    {RESP, 1, 404, W(DROP, .start = 4)},
	    {RESP, 2, 200, W(FWD | DONE, .release = 1)},
	}},
    {"a challenge of the first group survives the second", true, "01",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 407, W(STORE, .start = 2)},
	    {RESP, 1, 404, W(ANS | DROP | DONE, 407, 0, .release = 1)},
	}},
};

static const struct scenario timer_c[] = {
    {"a ringing branch is cancelled", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 180, W(FWD), .at = 1},
	    {TIMER, .want = W(.cancel = 1), .at = 182},
	    {RESP, 0, 487, W(ANS | DONE, 487), .at = 183},
	}},
    {"each 101-199 starts it anew, 100 does not", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 180, W(FWD), .at = 10},
	    {RESP, 0, 100, W(DROP), .at = 50},
	    {RESP, 0, 183, W(FWD), .at = 100},
	    {TIMER, .want = W(.cancel = 1), .at = 281},
	    {RESP, 0, 180, W(FWD), .at = 282}, /* too late to begin again */
	    {TMO, .want = W(ANS | LOCAL | DONE, 408), .at = 313},
	}},
    {"only 100", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 100, W(DROP), .at = 10},
	    {TIMER, .want = W(.cancel = 1), .at = 181},
	}},
    {"a branch without a word counts as 408", true, "00",
	{
	    {START, .want = W(.start = 3)},
	    {RESP, 0, 180, W(FWD), .at = 100},
	    {TIMER, .want = W(0), .at = 181},
	    {RESP, 1, 180, W(DROP), .at = 182},
	    {RESP, 0, 486, W(ANS | DONE, 486), .at = 183},
	}},
    {"the next group has a timer C of its own", true, "01",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 486, W(STORE, .start = 2), .at = 100},
	    {RESP, 1, 180, W(FWD), .at = 110},
	    {TIMER, .want = W(.cancel = 2), .at = 291},
	    {RESP, 1, 487, W(ANS | DROP | DONE, 486, 0, .release = 1), .at = 292},
	}},
    {"200 crosses timer C's CANCEL", true, "0",
	{
	    {START, .want = W(.start = 1)},
	    {RESP, 0, 180, W(FWD), .at = 1},
	    {TIMER, .want = W(.cancel = 1), .at = 182},
	    {RESP, 0, 200, W(FWD | DONE), .at = 182},
	}},
    {"several at once", true, "000",
	{
	    {START, .want = W(.start = 7)},
	    {RESP, 0, 180, W(FWD), .at = 1},
	    {RESP, 2, 180, W(FWD), .at = 1},
	    {TIMER, .want = W(0), .at = 181}, /* branch 1 */
	    {TIMER, .want = W(.cancel = 5), .at = 182},
	    {RESP, 0, 487, W(DROP), .at = 183},
	    {RESP, 2, 480, W(ANS | DONE, 480, 2), .at = 183},
	}},
};

#define RUN(table)                                            \
	static void test_##table(void **state)                \
	{                                                     \
		(void)state;                                  \
		for (size_t i = 0; i < ARRAY_LEN(table); i++) \
			run(&(table)[i]);                     \
	}

RUN(one_branch)
RUN(noninvite)
RUN(parallel)
RUN(six)
RUN(cancelled)
RUN(groups)
RUN(timer_c)

static void test_no_timer_c(void **state)
{
	struct fork_act act;
	struct fork f;
	unsigned b;

	(void)state;
	fork_init(&f, false, C);
	assert_int_equal(fork_add(&f, 0, T0, &b, &act), OK);
	fork_start(&f, T0);
	assert_int_equal(fork_next(&f), 0);
	act = fork_timer(&f, T0 + 10 * C);
	assert_int_equal(act.flags, 0);
	fork_init(&f, true, C);
	assert_int_equal(fork_add(&f, 0, T0, &b, &act), OK);
	assert_int_equal(fork_next(&f), 0);
	fork_start(&f, T0);
	assert_int_equal(fork_next(&f), T0 + C);
	fork_response(&f, 0, 200, T0);
	assert_int_equal(fork_next(&f), 0);
}

static void test_add_refused(void **state)
{
	struct fork_act act = {.flags = 77};
	unsigned b = 77;
	struct fork f;

	(void)state;
	fork_init(&f, true, C);
	assert_int_equal(fork_add(&f, 256, T0, &b, &act), ERR_RANGE);
	for (unsigned i = 0; i < FORK_MAX; i++)
		assert_int_equal(
		    fork_add(&f, i / 4, T0, &(unsigned){0}, &(struct fork_act){0}), OK);
	assert_int_equal(fork_add(&f, 9, T0, &b, &act), ERR_FULL);
	assert_int_equal(b, 77);
	assert_int_equal(act.flags, 77);
	fork_init(&f, true, C);
	assert_int_equal(fork_add(&f, 5, T0, &(unsigned){0}, &(struct fork_act){0}), OK);
	assert_int_equal(fork_add(&f, 4, T0, &b, &act), ERR_RANGE);
	fork_start(&f, T0);
	fork_response(&f, 0, 486, T0);
	assert_int_equal(fork_add(&f, 6, T0, &b, &act), ERR_CLOSED);
	fork_init(&f, true, C);
	fork_cancel(&f, T0);
	assert_int_equal(fork_add(&f, 6, T0, &b, &act), ERR_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_branch),
	    cmocka_unit_test(test_noninvite),
	    cmocka_unit_test(test_parallel),
	    cmocka_unit_test(test_six),
	    cmocka_unit_test(test_cancelled),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_timer_c),
	    cmocka_unit_test(test_no_timer_c),
	    cmocka_unit_test(test_add_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
