/* SPDX-License-Identifier: MIT */
#include "edge/wait.h"

#include <stdlib.h>

#include "edge/edge.h"
#include "edge/mail.h"

struct waiting {
	struct list link;
	struct worker *w;
	struct accounts_waiter waiter;
	enum err err;      /* written by the storage thread before the mail */
	_Atomic bool lost; /* the mailbox had no room */
	enum answer what;
	struct alias alias;    /* asked for, then who it belongs to */
	struct answers before; /* what was brought back earlier */
	struct flow flow;
	struct gate_answer gate;
	char *data; /* NULL: there was no memory to keep it */
	size_t n;
};

/* On the storage thread. */
static void answered(struct accounts_waiter *waiter, enum err e)
{
	struct waiting *wt = CONTAINER_OF(waiter, struct waiting, waiter);

	wt->err = e;
	if (mail_answer(wt->w, wt) != OK)
		atomic_store(&wt->lost, true);
}

/* One is kept ready, so that an account found in the cache costs no allocation. */
static struct waiting *spare(struct worker *w, size_t bytes)
{
	if (w->n_waiting >= WAITING_MAX ||
	    w->waiting_bytes + sizeof(*w->spare) + bytes > WAITING_BYTES) {
		counter_inc(w->counters, COUNTER_PASS_FULL);
		return NULL;
	}
	if (!w->spare)
		w->spare = malloc(sizeof(*w->spare));
	return w->spare;
}

/* The answer will come by mail, so to this very thread and not before it is back in its loop. */
static void keep_pass(struct pass *p, struct waiting *wt)
{
	struct worker *w = p->w;

	w->spare = NULL;
	wt->before = p->answers;
	wt->flow = p->flow;
	wt->gate = p->gate;
	wt->n = p->data.n;
	wt->data = malloc(p->data.n);
	if (wt->data)
		memcpy(wt->data, p->data.p, p->data.n);
	else
		counter_inc(w->counters, COUNTER_PASS_NOMEM);
	list_append(&w->waiting, &wt->link);
	w->n_waiting++;
	w->waiting_bytes += sizeof(*wt) + wt->n;
	counter_inc(w->counters, COUNTER_PASS_WAITS);
}

static struct waiting *prepare(struct pass *p, enum answer what)
{
	struct waiting *wt = spare(p->w, p->data.n);

	if (!wt)
		return NULL;
	wt->w = p->w;
	wt->waiter = (struct accounts_waiter){.done = answered};
	wt->what = what;
	atomic_store_explicit(&wt->lost, false, memory_order_relaxed);
	return wt;
}

enum err wait_for_account(
    struct pass *p, enum answer what, const struct accounts_name *who, struct digest_ha1s *out_ha1s)
{
	struct worker *w = p->w;
	struct accounts *cache = w->edge->accounts;
	usec_t deadline = p->now + WAITING_DEADLINE;
	struct waiting *wt;
	enum err e;

	if (p->answers.have & 1u << what) {
		*out_ha1s = p->answers.ha1s[what];
		return p->answers.err[what];
	}
	wt = prepare(p, what);
	if (!wt)
		return ERR_FULL;
	e = what == ANSWER_RECHECK ? accounts_recheck(cache, who, p->now, deadline, &wt->waiter)
				   : accounts_get(cache, who, p->now, deadline, &wt->waiter);
	counter_inc(w->counters, e == ERR_BUSY ? COUNTER_CACHE_MISSES : COUNTER_CACHE_HITS);
	if (e == ERR_BUSY)
		keep_pass(p, wt);
	else if (e == OK)
		*out_ha1s = wt->waiter.ha1s;
	return e;
}

/* On the storage thread. */
static enum err ask_alias(void *arg, enum err e, struct store *s)
{
	struct waiting *wt = arg;
	struct alias owner;
	struct buf user = BUF(owner.user), domain = BUF(owner.domain);

	if (e == OK)
		e = store_alias_get(s, span_of(wt->alias.user, wt->alias.user_n),
		    span_of(wt->alias.domain, wt->alias.domain_n), &user, &domain);
	if (e == OK) {
		owner.user_n = (uint8_t)user.n;
		owner.domain_n = (uint8_t)domain.n;
		wt->alias = owner;
	}
	/* From its mail on the worker may have freed it. */
	answered(&wt->waiter, e);
	return e;
}

enum err wait_for_alias(struct pass *p, enum answer what, struct span user, struct span domain,
    const struct alias **out_owner)
{
	struct worker *w = p->w;
	struct waiting *wt;
	enum err e;

	if (p->answers.have & 1u << what) {
		*out_owner = &p->answers.alias[what - ANSWER_COUNT];
		return p->answers.err[what];
	}
	if (user.n > STORE_USER_MAX || domain.n > STORE_DOMAIN_MAX)
		return ERR_RANGE;
	wt = prepare(p, what);
	if (!wt)
		return ERR_FULL;
	wt->alias.user_n = (uint8_t)user.n;
	wt->alias.domain_n = (uint8_t)domain.n;
	memcpy(wt->alias.user, user.p, user.n);
	memcpy(wt->alias.domain, domain.p, domain.n);
	e = store_worker_run(
	    w->edge->store, STORE_ROLE_ACCOUNTS, p->now + WAITING_DEADLINE, ask_alias, wt);
	if (e != OK)
		return e;
	keep_pass(p, wt);
	return ERR_BUSY;
}

void wait_answered(struct worker *w, struct waiting *wt)
{
	struct answers a = wt->before;

	list_remove(&wt->link);
	w->n_waiting--;
	w->waiting_bytes -= sizeof(*wt) + wt->n;
	a.have |= 1u << wt->what;
	a.err[wt->what] = wt->err;
	if (wt->what < ANSWER_COUNT)
		a.ha1s[wt->what] = wt->waiter.ha1s;
	else
		a.alias[wt->what - ANSWER_COUNT] = wt->alias;
	if (wt->data)
		worker_resume(w, &wt->flow, span_of(wt->data, wt->n), &wt->gate, &a);
	explicit_bzero(&wt->waiter.ha1s, sizeof(wt->waiter.ha1s));
	explicit_bzero(&wt->before, sizeof(wt->before));
	free(wt->data);
	free(wt);
}

void wait_sweep(struct worker *w)
{
	list_for_each_safe(it, &w->waiting) {
		struct waiting *wt = list_entry(it, struct waiting, link);

		if (atomic_load(&wt->lost))
			wait_answered(w, wt);
	}
}

void wait_done(struct worker *w)
{
	list_for_each_safe(it, &w->waiting) {
		struct waiting *wt = list_entry(it, struct waiting, link);

		list_remove(it);
		free(wt->data);
		free(wt);
	}
	w->n_waiting = w->waiting_bytes = 0;
	free(w->spare);
	w->spare = NULL;
}
