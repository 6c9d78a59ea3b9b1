/* SPDX-License-Identifier: MIT */
#include "txn/fork.h"

#include <assert.h>

#include "base/attr.h"

static uint16_t bit(unsigned branch)
{
	return (uint16_t)(1u << branch);
}

static bool is_running(const struct fork_branch *b)
{
	return b->state == FORK_CALLING || b->state == FORK_PROCEEDING;
}

static bool is_challenge(const struct fork_branch *b)
{
	return !b->local && (b->status == 401 || b->status == 407);
}

void fork_init(struct fork *f, bool invite, usec_t timer_c)
{
	*f = (struct fork){.timer_c = timer_c, .best = FORK_NONE, .invite = invite};
}

/* Order within the class of 4xx (§16.7 step 6): what tells the caller how to go on comes first,
 * what we brought about ourselves last. */
static unsigned preference_4xx(const struct fork *f, unsigned status)
{
	switch (status) {
	case 401:
	case 407:
		return 1;
	case 415:
	case 420:
	case 484:
		return 2;
	case 408:
		return 4;
	case 487:
		return f->cancelled ? 0 : 5;
	default:
		return 3;
	}
}

/* The lower the better: 6xx, then the lowest class; a message before a failure without one. */
static unsigned rank(const struct fork *f, const struct fork_branch *b)
{
	unsigned class = b->status / 100 == 6 ? 0 : b->status / 100u;
	unsigned within = class == 4 ? preference_4xx(f, b->status) : b->status == 503;

	return class * 100 + within * 2 + b->local;
}

/* The branches whose messages the final answer would be made of as things stand. */
static uint16_t needed(const struct fork *f)
{
	uint16_t mask = 0;

	if (f->best == FORK_NONE || f->answered || f->branch[f->best].local)
		return 0;
	if (!is_challenge(&f->branch[f->best]))
		return bit(f->best);
	for (unsigned i = 0; i < f->n; i++)
		if (is_challenge(&f->branch[i]))
			mask |= bit(i);
	return mask;
}

static void release_unneeded(struct fork *f, struct fork_act *act)
{
	uint16_t keep = f->stored & needed(f);

	act->release |= f->stored & (uint16_t)~keep;
	f->stored = keep;
}

static void start_branch(struct fork *f, unsigned i, usec_t now, struct fork_act *act)
{
	f->branch[i].state = FORK_CALLING;
	f->branch[i].timer_c = f->invite ? now + f->timer_c : 0;
	act->start |= bit(i);
}

/* Starts the first of the groups that wait. False when none does. */
static bool start_next_group(struct fork *f, usec_t now, struct fork_act *act)
{
	unsigned i = 0;

	while (i < f->n && f->branch[i].state != FORK_WAITING)
		i++;
	if (i == f->n)
		return false;
	f->group = f->branch[i].group;
	for (; i < f->n && f->branch[i].group == f->group; i++)
		if (f->branch[i].state == FORK_WAITING)
			start_branch(f, i, now, act);
	return true;
}

void fork_stop(struct fork *f)
{
	f->stopped = true;
	for (unsigned i = 0; i < f->n; i++)
		if (f->branch[i].state == FORK_WAITING)
			f->branch[i].state = FORK_ENDED;
}

static void order_cancel(struct fork *f, unsigned i, struct fork_act *act)
{
	struct fork_branch *b = &f->branch[i];

	b->cancelled = true;
	b->timer_c = 0;
	act->cancel |= bit(i);
}

/* A branch that has not answered yet cannot be cancelled yet (§9.1). */
static void cancel_running(struct fork *f, struct fork_act *act)
{
	if (!f->invite)
		return;
	for (unsigned i = 0; i < f->n; i++) {
		struct fork_branch *b = &f->branch[i];

		if (b->cancelled || !is_running(b))
			continue;
		b->cancel = true;
		if (b->state == FORK_PROCEEDING)
			order_cancel(f, i, act);
	}
}

static void answer_local(struct fork_act *act, unsigned status)
{
	act->flags |= FORK_ANSWER | FORK_LOCAL;
	act->status = (uint16_t)status;
}

/* Chooses the final answer (§16.7 steps 6 and 7). */
static void answer(struct fork *f, struct fork_act *act)
{
	uint16_t mask = needed(f);
	const struct fork_branch *b;

	f->answered = true;
	if (f->best == FORK_NONE) {
		answer_local(act, f->cancelled ? 487 : 480);
		return;
	}
	b = &f->branch[f->best];
	if (b->status == 408 && !f->invite) {
		act->flags |= FORK_SILENT;
		return;
	}
	if (b->local) {
		answer_local(act, b->status == 503 ? 500 : f->cancelled ? 487 : b->status);
		return;
	}
	act->flags |= FORK_ANSWER;
	act->branch = f->best;
	act->status = b->status;
	if (b->status == 503) {
		act->flags |= FORK_AS_500;
		act->status = 500;
	}
	if (mask & (mask - 1)) {
		act->flags |= FORK_AGGREGATE;
		act->challenges = mask;
	}
}

/* After any change: goes on to the next group, or ends. */
static void settle(struct fork *f, usec_t now, struct fork_act *act)
{
	for (unsigned i = 0; i < f->n; i++)
		if (is_running(&f->branch[i]))
			return;
	if (!f->stopped && start_next_group(f, now, act))
		return;
	act->flags |= FORK_DONE;
	if (!f->answered)
		answer(f, act);
}

static void end_branch(struct fork *f, unsigned i, unsigned status, bool local)
{
	struct fork_branch *b = &f->branch[i];

	b->state = FORK_ENDED;
	b->status = (uint16_t)status;
	b->local = local;
	b->timer_c = 0;
	if (status >= 300 && (f->best == FORK_NONE || rank(f, b) < rank(f, &f->branch[f->best])))
		f->best = (uint8_t)i;
}

enum err fork_add(
    struct fork *f, unsigned group, usec_t now, unsigned *out_branch, struct fork_act *out_act)
{
	struct fork_act act = {0};
	unsigned least = f->n ? f->branch[f->n - 1].group : 0;

	if (f->answered || f->stopped)
		return ERR_CLOSED;
	if (f->n == FORK_MAX)
		return ERR_FULL;
	if (group > UINT8_MAX || group < least || (f->started && group < f->group))
		return ERR_RANGE;
	f->branch[f->n] = (struct fork_branch){.state = FORK_WAITING, .group = (uint8_t)group};
	f->n++;
	if (f->started && group == f->group)
		start_branch(f, f->n - 1u, now, &act);
	*out_branch = f->n - 1u;
	*out_act = act;
	return OK;
}

struct fork_act fork_start(struct fork *f, usec_t now)
{
	struct fork_act act = {0};

	if (f->started)
		return act;
	f->started = true;
	settle(f, now, &act);
	return act;
}

static void provisional(
    struct fork *f, unsigned i, unsigned status, usec_t now, struct fork_act *act)
{
	struct fork_branch *b = &f->branch[i];

	if (!is_running(b)) {
		act->flags |= FORK_DROP;
		return;
	}
	b->state = FORK_PROCEEDING;
	/* A 100 says nothing about the callee (§16.7 step 2). */
	if (b->timer_c && status > 100)
		b->timer_c = now + f->timer_c;
	if (b->cancel && !b->cancelled)
		order_cancel(f, i, act);
	/* To non-INVITE requests only 100 may be sent, and that goes hop by hop (RFC 4320 §4.1). */
	act->flags |= f->invite && status > 100 && !f->answered ? FORK_FORWARD : FORK_DROP;
}

static void success(struct fork *f, unsigned i, unsigned status, usec_t now, struct fork_act *act)
{
	/* Each 2xx to an INVITE is a call that the caller must hear of, whatever came before. */
	act->flags |= f->invite || !f->answered ? FORK_FORWARD : FORK_DROP;
	if (is_running(&f->branch[i]))
		end_branch(f, i, status, false);
	f->answered = true;
	fork_stop(f);
	cancel_running(f, act);
	settle(f, now, act);
	release_unneeded(f, act);
}

static void failure(
    struct fork *f, unsigned i, unsigned status, bool local, usec_t now, struct fork_act *act)
{
	uint16_t want;

	if (!is_running(&f->branch[i])) {
		act->flags |= local ? 0 : FORK_DROP;
		return;
	}
	end_branch(f, i, status, local);
	if (status >= 600) {
		fork_stop(f);
		cancel_running(f, act);
	}
	want = needed(f) & bit(i);
	settle(f, now, act);
	if (want && !f->answered) {
		act->flags |= FORK_STORE;
		f->stored |= bit(i);
	} else if (!local && !(want && (act->flags & FORK_ANSWER))) {
		act->flags |= FORK_DROP;
	}
	release_unneeded(f, act);
}

struct fork_act fork_response(struct fork *f, unsigned branch, unsigned status, usec_t now)
{
	struct fork_act act = {0};

	assert(branch < f->n && status >= 100 && status <= 699);
	if (f->branch[branch].state == FORK_WAITING)
		act.flags = FORK_DROP;
	else if (status < 200)
		provisional(f, branch, status, now, &act);
	else if (status < 300)
		success(f, branch, status, now, &act);
	else
		failure(f, branch, status, false, now, &act);
	return act;
}

struct fork_act fork_timeout(struct fork *f, unsigned branch, usec_t now)
{
	struct fork_act act = {0};

	assert(branch < f->n);
	failure(f, branch, 408, true, now, &act);
	return act;
}

struct fork_act fork_unreachable(struct fork *f, unsigned branch, usec_t now)
{
	struct fork_act act = {0};

	assert(branch < f->n);
	failure(f, branch, 503, true, now, &act);
	return act;
}

struct fork_act fork_cancel(struct fork *f, usec_t now)
{
	struct fork_act act = {0};

	if (!f->invite || f->cancelled || f->answered)
		return act;
	f->cancelled = true;
	fork_stop(f);
	cancel_running(f, &act);
	if (f->started)
		settle(f, now, &act);
	return act;
}

struct fork_act fork_timer(struct fork *f, usec_t now)
{
	struct fork_act act = {0};

	for (unsigned i = 0; i < f->n; i++) {
		struct fork_branch *b = &f->branch[i];

		if (!is_running(b) || !b->timer_c || b->timer_c > now)
			continue;
		if (b->state == FORK_PROCEEDING)
			order_cancel(f, i, &act);
		else
			failure(f, i, 408, true, now, &act);
	}
	return act;
}

usec_t fork_next(const struct fork *f)
{
	usec_t next = 0;

	for (unsigned i = 0; i < f->n; i++) {
		usec_t c = f->branch[i].timer_c;

		if (c && (!next || c < next))
			next = c;
	}
	return next;
}

bool fork_ended(const struct fork *f)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->branch[i].state != FORK_ENDED)
			return false;
	return f->started;
}
