/* SPDX-License-Identifier: MIT */
#include "event/sink.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/pages.h"

#define GRACE     USEC_SEC       /* what is still tried after event_sink_stop */
#define FREE_WAIT (2 * USEC_SEC) /* the longest that event_sink_free waits */

struct chunk {
	char *p;
	size_t n;
	uint64_t records;
	usec_t since; /* when its oldest record came */
};

/* Under `lock`: everything of the first part. The second is the thread's own. */
struct event_sink {
	pthread_mutex_t lock;
	pthread_cond_t work; /* to the thread: something in `fill`, or stop */
	pthread_cond_t idle; /* from the thread: a chunk is done */
	struct chunk fill;
	struct event_sink_stats stats;
	size_t under_way; /* bytes of `out` that are not done with */
	usec_t oldest;    /* since of `out` while there are */
	bool stop, reopen, busy;

	struct chunk out;

	_Atomic usec_t stop_by; /* for the output; 0: nothing ends */
	struct output *output;
	struct event_select select;
	struct event_format format;
	size_t cap;
	const char *kind;
	char *name;
	char *fingerprint;
	size_t fingerprint_n;
	bool told_trouble; /* to the owner */
	pthread_t thread;
	bool started; /* the owner's */
};

/* Adds up what became of records, and shows the present trouble. */
static void settle(struct event_sink *s, const struct output_result *r, size_t left)
{
	pthread_mutex_lock(&s->lock);
	s->stats.lines += r->delivered;
	s->stats.lost_error += r->lost;
	s->stats.reopened += r->reopened;
	s->stats.error = r->error;
	if (r->error && !r->why[0])
		snprintf(s->stats.why, sizeof(s->stats.why), "%s", strerror(r->error));
	else
		memcpy(s->stats.why, r->why, sizeof(s->stats.why));
	s->under_way = left;
	pthread_mutex_unlock(&s->lock);
}

/* Lets time pass before the next try; a stop ends it. */
static void pause_for(struct event_sink *s, unsigned ms)
{
	usec_t until = output_now() + ms * USEC_MS;
	struct timespec t = {
	    .tv_sec = (time_t)(until / USEC_SEC), .tv_nsec = (long)(until % USEC_SEC) * 1000};

	pthread_mutex_lock(&s->lock);
	while (!s->stop && pthread_cond_timedwait(&s->work, &s->lock, &t) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&s->lock);
}

/* Until all of `out` is delivered or lost. At the end of the sink what does not go at once is
 * lost. */
static void deliver(struct event_sink *s)
{
	struct span rest = span_of(s->out.p, s->out.n);
	uint64_t left = s->out.records;

	while (rest.n) {
		struct output_result r = {0};
		bool ending = output_is_ending(s->output);

		s->output->ops->deliver(s->output, rest, &r);
		rest = span_from(rest, rest.p + r.used);
		left -= MIN(left, r.delivered + r.lost);
		if (rest.n && ending && (r.retry_ms || r.used == 0)) {
			r.lost += left;
			rest.n = 0;
		}
		settle(s, &r, rest.n);
		if (rest.n && (r.retry_ms || r.used == 0))
			pause_for(s, r.retry_ms ? r.retry_ms : OUTPUT_TICK_MS);
	}
	s->out.n = 0;
	s->out.records = 0;
}

/* Takes the filled buffer and gives the empty one; false when there is nothing left to do. */
static bool take_work(struct event_sink *s, bool *out_reopen)
{
	struct chunk filled;

	pthread_mutex_lock(&s->lock);
	s->busy = false;
	pthread_cond_broadcast(&s->idle);
	while (s->fill.n == 0 && !s->stop && !s->reopen)
		pthread_cond_wait(&s->work, &s->lock);
	if (s->fill.n == 0 && s->stop) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	filled = s->fill;
	s->fill = s->out;
	s->out = filled;
	s->under_way = filled.n;
	s->oldest = filled.since;
	*out_reopen = s->reopen;
	s->reopen = false;
	s->busy = true;
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void *run(void *arg)
{
	struct event_sink *s = arg;
	bool reopen;

	while (take_work(s, &reopen)) {
		struct output_result r = {0};

		if (reopen && s->output->ops->reopen) {
			s->output->ops->reopen(s->output, &r);
			settle(s, &r, s->out.n);
		}
		deliver(s);
	}
	return NULL;
}

static void release(struct event_sink *s)
{
	s->output->ops->free(s->output);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	free(s->fill.p);
	free(s->out.p);
	free(s->name);
	free(s->fingerprint);
	free(s);
}

static void init_locks(struct event_sink *s)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, &attr);
	pthread_cond_init(&s->idle, &attr);
	pthread_condattr_destroy(&attr);
}

/* The thread takes no signals: they are the main loop's, and a broken pipe or a file that grew too
 * big is an error of the write here. */
enum err event_sink_start(struct event_sink *s)
{
	sigset_t all, before;

	if (s->started)
		return OK;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->started = pthread_create(&s->thread, NULL, run, s) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return s->started ? OK : ERR_IO;
}

enum err event_sink_new(
    const struct event_sink_setup *setup, struct output *o, struct event_sink **out_s)
{
	struct event_sink *s = calloc(1, sizeof(*s));

	if (!s) {
		o->ops->free(o);
		return ERR_NOMEM;
	}
	init_locks(s);
	s->output = o;
	o->stop_by = &s->stop_by;
	s->select = setup->select;
	s->format = setup->format;
	s->cap = setup->buffer;
	s->kind = setup->kind;
	s->fill.p = pages_alloc_zeroed(setup->buffer);
	s->out.p = pages_alloc_zeroed(setup->buffer);
	s->name = strdup(setup->name);
	s->fingerprint =
	    strndup(setup->fingerprint.n ? setup->fingerprint.p : "", setup->fingerprint.n);
	s->fingerprint_n = setup->fingerprint.n;
	if (!s->fill.p || !s->out.p || !s->name || !s->fingerprint) {
		release(s);
		return ERR_NOMEM;
	}
	*out_s = s;
	return OK;
}

void event_sink_stop(struct event_sink *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->stop)
		atomic_store_explicit(&s->stop_by, output_now() + GRACE, memory_order_release);
	s->stop = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
}

/* stop_by is on the monotonic clock, pthread_timedjoin_np on that of the day. */
static struct timespec join_until(const struct event_sink *s)
{
	usec_t end = atomic_load(&s->stop_by) - GRACE + FREE_WAIT, now = output_now();
	usec_t left = end > now ? end - now : 0;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	left += (usec_t)t.tv_nsec / 1000;
	t.tv_sec += (time_t)(left / USEC_SEC);
	t.tv_nsec = (long)(left % USEC_SEC) * 1000;
	return t;
}

void event_sink_free(struct event_sink *s)
{
	struct timespec until;

	if (!s)
		return;
	event_sink_stop(s);
	until = join_until(s);
	if (s->started && pthread_timedjoin_np(s->thread, NULL, &until) != 0) {
		/* The disk hangs and the thread with it: it keeps its memory until the process
		 * ends, which must not wait for it. */
		pthread_detach(s->thread);
		return;
	}
	release(s);
}

bool event_sink_wants(const struct event_sink *s, const struct event *e)
{
	return event_select_wants(&s->select, e) && event_format_takes(&s->format, e);
}

bool event_sink_take(
    struct event_sink *s, const struct event *e, struct span json, struct span node)
{
	char text[EVENT_RECORD_MAX];
	struct buf b = BUF(text);

	if (s->format.kind == EVENT_FORMAT_JSON)
		return event_sink_put(s, json);
	event_format_write(&s->format, e, json, node, &b);
	return event_sink_put(s, buf_span(&b));
}

/* Room and place for a record are known: nothing here can fail. */
static void append(struct chunk *c, struct span record, bool framed)
{
	uint32_t n = (uint32_t)record.n;

	if (framed) {
		memcpy(c->p + c->n, &n, sizeof(n));
		c->n += sizeof(n);
	}
	memcpy(c->p + c->n, record.p, record.n);
	c->n += record.n;
	if (!framed)
		c->p[c->n++] = '\n';
	c->records++;
}

bool event_sink_put(struct event_sink *s, struct span record)
{
	const bool framed = s->output->ops->framed;
	const size_t extra = framed ? sizeof(uint32_t) : 1;
	const usec_t now = output_now();
	bool fits;

	pthread_mutex_lock(&s->lock);
	fits = record.n + extra <= s->cap - s->fill.n;
	if (fits) {
		if (s->fill.n == 0) {
			s->fill.since = now;
			pthread_cond_signal(&s->work);
		}
		append(&s->fill, record, framed);
	} else {
		s->stats.lost_full++;
	}
	pthread_mutex_unlock(&s->lock);
	return fits;
}

void event_sink_reopen(struct event_sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->reopen = s->output->ops->reopen != NULL;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
}

void event_sink_stats(struct event_sink *s, struct event_sink_stats *out)
{
	const usec_t now = output_now();
	usec_t since = now;

	pthread_mutex_lock(&s->lock);
	*out = s->stats;
	out->waiting = s->under_way + s->fill.n;
	if (s->under_way)
		since = s->oldest;
	else if (s->fill.n)
		since = s->fill.since;
	pthread_mutex_unlock(&s->lock);
	out->lag = now > since ? now - since : 0;
}

const char *event_sink_name(const struct event_sink *s)
{
	return s->name;
}

const char *event_sink_kind(const struct event_sink *s)
{
	return s->kind;
}

struct span event_sink_fingerprint(const struct event_sink *s)
{
	return span_of(s->fingerprint, s->fingerprint_n);
}

bool event_sink_news(struct event_sink *s, struct event_sink_stats *out)
{
	bool trouble;

	event_sink_stats(s, out);
	trouble = out->error != 0;
	if (trouble == s->told_trouble)
		return false;
	s->told_trouble = trouble;
	return true;
}

bool event_sink_sync(struct event_sink *s, unsigned ms)
{
	usec_t end = output_now() + ms * USEC_MS;
	struct timespec until = {
	    .tv_sec = (time_t)(end / USEC_SEC), .tv_nsec = (long)(end % USEC_SEC) * 1000};
	int error = 0;
	bool done;

	pthread_mutex_lock(&s->lock);
	while ((s->fill.n || s->reopen || s->busy) && error == 0)
		error = pthread_cond_timedwait(&s->idle, &s->lock, &until);
	done = s->fill.n == 0 && !s->reopen && !s->busy;
	pthread_mutex_unlock(&s->lock);
	return done;
}
