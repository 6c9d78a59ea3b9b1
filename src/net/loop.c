/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <assert.h>
#include <string.h>
#include <time.h>

/* How stale the distance between the two clocks may be. */
#define WALL_REFRESH USEC_SEC

static usec_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec_t)ts.tv_sec * USEC_SEC + (usec_t)ts.tv_nsec / 1000;
}

static usec_t system_monotonic(void *arg)
{
	(void)arg;
	return read_clock(CLOCK_MONOTONIC);
}

static usec_t system_wall(void *arg)
{
	(void)arg;
	return read_clock(CLOCK_REALTIME);
}

static const struct net_clock system_clock = {system_monotonic, system_wall, NULL};

void net_loop_refresh(struct net_loop *l)
{
	l->now = l->clock.monotonic(l->clock.arg);
	if (l->now < l->wall_at)
		return;
	l->wall_minus = (int64_t)(l->clock.wall(l->clock.arg) - l->now);
	l->wall_at = l->now + WALL_REFRESH;
}

static void run_timers(struct net_loop *l)
{
	list_for_each_safe(it, &l->timers) {
		struct net_timer *t = list_entry(it, struct net_timer, link);

		if (t->due > l->now)
			continue;
		t->due = USEC_MAX;
		t->fn(t->arg);
	}
}

static void timer_fired(uv_timer_t *h)
{
	struct net_loop *l = h->data;

	l->armed_for = USEC_MAX;
}

/* Sets the system's timer so that the loop wakes no earlier than the first deadline, in its unit of
 * a millisecond rounded up. */
static void arm(struct net_loop *l)
{
	usec_t due = USEC_MAX;

	list_for_each(it, &l->timers)
		due = MIN(due, list_entry(it, struct net_timer, link)->due);
	if (due == l->armed_for)
		return;
	l->armed_for = due;
	if (due == USEC_MAX)
		uv_timer_stop(&l->uv_timer);
	else
		uv_timer_start(&l->uv_timer, timer_fired,
		    due <= l->now ? 0 : (due - l->now + USEC_MS - 1) / USEC_MS, 0);
}

static void before_poll(uv_prepare_t *h)
{
	struct net_loop *l = h->data;

	net_loop_refresh(l);
	run_timers(l);
	if (l->before_sleep)
		l->before_sleep(l->before_sleep_arg);
	list_for_each_safe(it, &l->flushers) {
		struct net_hook *f = list_entry(it, struct net_hook, link);

		f->fn(f->arg);
	}
	arm(l);
}

static void stop_asked(uv_async_t *h)
{
	uv_stop(h->loop);
}

enum err net_loop_init(struct net_loop *l, const struct net_clock *clock)
{
	memset(l, 0, sizeof(*l));
	if (uv_loop_init(&l->uv) != 0)
		return ERR_IO;
	if (uv_async_init(&l->uv, &l->uv_stop, stop_asked) != 0) {
		uv_loop_close(&l->uv);
		return ERR_IO;
	}
	uv_timer_init(&l->uv, &l->uv_timer);
	uv_prepare_init(&l->uv, &l->uv_prepare);
	l->uv_timer.data = l;
	l->uv_prepare.data = l;
	l->armed_for = USEC_MAX;
	l->clock = clock ? *clock : system_clock;
	list_init(&l->timers);
	list_init(&l->flushers);
	net_timer_init(&l->wake, l, NULL, NULL);
	net_loop_refresh(l);
	uv_prepare_start(&l->uv_prepare, before_poll);
	return OK;
}

void net_loop_done(struct net_loop *l)
{
	int left = 16;

	uv_close((uv_handle_t *)&l->uv_prepare, NULL);
	uv_close((uv_handle_t *)&l->uv_timer, NULL);
	uv_close((uv_handle_t *)&l->uv_stop, NULL);
	while (uv_run(&l->uv, UV_RUN_NOWAIT) != 0 && --left > 0)
		;
	assert(left > 0 && "a handle of this loop was not freed");
	uv_loop_close(&l->uv);
}

void net_loop_run(struct net_loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void net_loop_run_once(struct net_loop *l, bool wait)
{
	uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void net_loop_stop(struct net_loop *l)
{
	uv_async_send(&l->uv_stop);
}

void net_loop_on_wake(struct net_loop *l, net_loop_fn fn, void *arg)
{
	l->wake.fn = fn;
	l->wake.arg = arg;
}

void net_loop_wake_at(struct net_loop *l, usec_t due)
{
	assert(l->wake.fn || due == USEC_MAX);
	net_timer_set(&l->wake, due);
}

void net_loop_on_before_sleep(struct net_loop *l, net_loop_fn fn, void *arg)
{
	l->before_sleep = fn;
	l->before_sleep_arg = arg;
}

void net_timer_init(struct net_timer *t, struct net_loop *l, net_loop_fn fn, void *arg)
{
	*t = (struct net_timer){.due = USEC_MAX, .fn = fn, .arg = arg, .loop = l};
	list_append(&l->timers, &t->link);
}

void net_timer_set(struct net_timer *t, usec_t due)
{
	t->due = due;
}

void net_timer_done(struct net_timer *t)
{
	list_remove(&t->link);
}

void net_hook_init(struct net_hook *h, struct net_loop *l, net_loop_fn fn, void *arg)
{
	h->fn = fn;
	h->arg = arg;
	list_append(&l->flushers, &h->link);
}

void net_hook_done(struct net_hook *h)
{
	list_remove(&h->link);
}
