/* SPDX-License-Identifier: MIT */
#include "store/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_FIRST  (100 * USEC_MS)
#define PAUSE_MAX    (5 * USEC_SEC)
#define PROBE_PERIOD USEC_SEC

struct request {
	usec_t deadline;
	store_job_fn *job; /* NULL: an account is wanted */
	store_account_done_fn *done;
	void *arg;
	enum store_role role;
	uint8_t user_n, domain_n;
	char name[STORE_USER_MAX + STORE_DOMAIN_MAX];
};

/* One store, as the storage thread sees it. */
struct slot {
	struct store *store;       /* NULL: lost, or not yet opened */
	usec_t retry_at, probe_at; /* of a lost, of an open store */
	usec_t pause;              /* 0: the last use went well */
};

struct store_worker {
	struct store_worker_config config;
	pthread_t thread;
	bool started; /* the owner's */

	pthread_mutex_t lock; /* guards all down to slots */
	pthread_cond_t wake;
	size_t first, count;
	bool sleeping, stopping;
	store_job_fn *tick;
	void *tick_arg;
	usec_t tick_period, tick_at;
	struct store_worker_stats stats;

	struct slot slots[STORE_ROLE_COUNT]; /* the storage thread's own */
	struct request ring[];
};

size_t store_worker_memory(size_t queue)
{
	return sizeof(struct store_worker) + queue * sizeof(struct request);
}

static void note_why(struct store_worker *w, enum store_role role, bool up, const char *why)
{
	pthread_mutex_lock(&w->lock);
	if (w->stats.up[role] && !up)
		w->stats.lost++;
	w->stats.up[role] = up;
	if (why) {
		struct buf b = BUF(w->stats.why);

		buf_add(&b, why, MIN(strlen(why), sizeof(w->stats.why) - 1));
		(void)buf_terminate(&b);
	}
	pthread_mutex_unlock(&w->lock);
}

static void pause_more(struct slot *slot, usec_t now)
{
	slot->pause = slot->pause ? MIN(2 * slot->pause, PAUSE_MAX) : PAUSE_FIRST;
	slot->retry_at = now + slot->pause;
}

static void lose(struct store_worker *w, enum store_role role)
{
	struct slot *slot = &w->slots[role];

	note_why(w, role, false, store_why(slot->store));
	store_close(slot->store);
	slot->store = NULL;
	pause_more(slot, w->config.clock());
}

static void try_open(struct store_worker *w, enum store_role role, usec_t now)
{
	char text[STORE_WHY_MAX];
	struct buf why = buf_of(text, sizeof(text) - 1);
	struct slot *slot = &w->slots[role];
	enum err e = w->config.open(w->config.open_arg, role, &why, &slot->store);

	text[why.n] = '\0';
	if (e == OK) {
		slot->probe_at = now + PROBE_PERIOD;
		note_why(w, role, true, NULL);
		return;
	}
	slot->store = NULL;
	note_why(w, role, false, text);
	pause_more(slot, now);
}

/* The store of a role, opened again if it is time to; NULL: it is lost. */
static struct store *store_of(struct store_worker *w, enum store_role role, usec_t now)
{
	struct slot *slot = &w->slots[role];

	if (slot->store && now >= slot->probe_at) {
		slot->probe_at = now + PROBE_PERIOD;
		if (store_probe(slot->store) != OK) {
			lose(w, role);
			slot->retry_at = now; /* the file may be there again, as another one */
		}
	}
	if (!slot->store && now >= slot->retry_at)
		try_open(w, role, now);
	return slot->store;
}

/* What the use of a store tells about its health. */
static void judge(struct store_worker *w, enum store_role role, enum err e)
{
	if (e == ERR_IO || e == ERR_BUSY)
		lose(w, role);
	else
		w->slots[role].pause = 0;
}

static enum err run_job(
    struct store_worker *w, enum store_role role, store_job_fn *job, void *arg, usec_t now)
{
	struct store *s = store_of(w, role, now);
	enum err e = job(arg, s ? OK : ERR_IO, s);

	if (!s)
		return ERR_IO;
	judge(w, role, e);
	return e;
}

static enum err serve_account(struct store_worker *w, const struct request *r, usec_t now)
{
	struct store *s = store_of(w, STORE_ROLE_ACCOUNTS, now);
	struct digest_ha1s ha1s;
	enum err e = ERR_IO;

	if (s) {
		e = store_account_get(s, span_of(r->name, r->user_n),
		    span_of(r->name + r->user_n, r->domain_n), &ha1s);
		judge(w, STORE_ROLE_ACCOUNTS, e);
	}
	if (e != OK && e != ERR_NOT_FOUND)
		e = ERR_IO;
	r->done(r->arg, e, e == OK ? &ha1s : NULL);
	explicit_bzero(&ha1s, sizeof(ha1s));
	return e;
}

static enum err serve(struct store_worker *w, const struct request *r)
{
	usec_t now = w->config.clock();

	if (now > r->deadline) {
		if (r->job)
			(void)r->job(r->arg, ERR_TIMEOUT, NULL);
		else
			r->done(r->arg, ERR_TIMEOUT, NULL);
		return ERR_TIMEOUT;
	}
	if (r->job)
		return run_job(w, r->role, r->job, r->arg, now);
	return serve_account(w, r, now);
}

static void count(struct store_worker_stats *st, enum err e)
{
	st->served++;
	st->timed_out += e == ERR_TIMEOUT;
	st->failed += e == ERR_IO || e == ERR_BUSY;
}

/* Called and left with the lock held. */
static void serve_first(struct store_worker *w)
{
	struct request r = w->ring[w->first];
	enum err e;

	w->first = (w->first + 1) % w->config.queue;
	w->count--;
	pthread_mutex_unlock(&w->lock);
	e = serve(w, &r);
	pthread_mutex_lock(&w->lock);
	count(&w->stats, e);
}

/* Called and left with the lock held. Also looks after the accounts, so that `status` is right
 * about a database that came back while nobody asked. */
static void tick(struct store_worker *w, usec_t now)
{
	store_job_fn *fn = w->tick;
	void *arg = w->tick_arg;

	w->tick_at = now + w->tick_period;
	pthread_mutex_unlock(&w->lock);
	(void)store_of(w, STORE_ROLE_ACCOUNTS, now);
	(void)run_job(w, STORE_ROLE_STATE, fn, arg, now);
	pthread_mutex_lock(&w->lock);
}

static void sleep_locked(struct store_worker *w, usec_t now)
{
	struct timespec until;
	usec_t left;

	w->sleeping = true;
	if (!w->tick) {
		pthread_cond_wait(&w->wake, &w->lock);
	} else {
		left = w->tick_at - now;
		clock_gettime(CLOCK_MONOTONIC, &until);
		left += (usec_t)until.tv_nsec / 1000;
		until.tv_sec += (time_t)(left / USEC_SEC);
		until.tv_nsec = (long)(left % USEC_SEC) * 1000;
		pthread_cond_timedwait(&w->wake, &w->lock, &until);
	}
	w->sleeping = false;
}

static void *run(void *arg)
{
	struct store_worker *w = arg;

	pthread_mutex_lock(&w->lock);
	while (w->count || !w->stopping) {
		usec_t now = w->config.clock();

		if (w->tick && now >= w->tick_at)
			tick(w, now);
		else if (w->count)
			serve_first(w);
		else
			sleep_locked(w, now);
	}
	if (w->tick)
		tick(w, w->config.clock());
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void init_sync(struct store_worker *w)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
}

static void free_memory(struct store_worker *w)
{
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

enum err store_worker_new(const struct store_worker_config *config, struct store_worker **out_w)
{
	struct store_worker *w = calloc(1, store_worker_memory(config->queue));

	if (!w)
		return ERR_NOMEM;
	w->config = *config;
	w->stats.queue = config->queue;
	for (int i = 0; i < STORE_ROLE_COUNT; i++) {
		w->slots[i].store = config->opened[i];
		w->stats.up[i] = config->opened[i] != NULL;
	}
	init_sync(w);
	*out_w = w;
	return OK;
}

enum err store_worker_start(struct store_worker *w)
{
	w->started = pthread_create(&w->thread, NULL, run, w) == 0;
	return w->started ? OK : ERR_IO;
}

void store_worker_free(struct store_worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (w->started)
		pthread_join(w->thread, NULL);
	for (int i = 0; i < STORE_ROLE_COUNT; i++)
		store_close(w->slots[i].store);
	free_memory(w);
}

/* Copies the request into the queue and wakes the thread if it sleeps. */
static enum err enqueue(struct store_worker *w, const struct request *r)
{
	enum err e = OK;

	pthread_mutex_lock(&w->lock);
	if (w->stopping) {
		e = ERR_CLOSED;
	} else if (w->count == w->config.queue) {
		e = ERR_FULL;
		w->stats.refused++;
	} else {
		w->ring[(w->first + w->count++) % w->config.queue] = *r;
		if (w->sleeping)
			pthread_cond_signal(&w->wake);
	}
	pthread_mutex_unlock(&w->lock);
	return e;
}

enum err store_worker_account(struct store_worker *w, struct span user, struct span domain,
    usec_t deadline, store_account_done_fn *done, void *arg)
{
	struct request r = {.deadline = deadline, .done = done, .arg = arg};

	if (user.n == 0 || user.n > STORE_USER_MAX || domain.n > STORE_DOMAIN_MAX)
		return ERR_RANGE;
	r.user_n = (uint8_t)user.n;
	r.domain_n = (uint8_t)domain.n;
	memcpy(r.name, user.p, user.n);
	if (domain.n)
		memcpy(r.name + user.n, domain.p, domain.n);
	return enqueue(w, &r);
}

enum err store_worker_run(
    struct store_worker *w, enum store_role role, usec_t deadline, store_job_fn *fn, void *arg)
{
	struct request r = {.deadline = deadline, .job = fn, .arg = arg, .role = role};

	return enqueue(w, &r);
}

void store_worker_every(struct store_worker *w, usec_t period, store_job_fn *fn, void *arg)
{
	pthread_mutex_lock(&w->lock);
	w->tick = fn;
	w->tick_arg = arg;
	w->tick_period = period;
	w->tick_at = w->config.clock() + period;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void store_worker_stats(struct store_worker *w, struct store_worker_stats *out_stats)
{
	pthread_mutex_lock(&w->lock);
	*out_stats = w->stats;
	out_stats->queued = w->count;
	pthread_mutex_unlock(&w->lock);
}
