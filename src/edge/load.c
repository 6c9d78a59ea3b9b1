/* SPDX-License-Identifier: MIT */
#include "edge/load.h"

#include <time.h>

#include "edge/worker.h"
#include "guard/limit.h"

#define PERIOD (100 * USEC_MS)

/* Of the calling thread, user and system time. */
static usec_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (usec_t)ts.tv_sec * USEC_SEC + (usec_t)ts.tv_nsec / 1000;
}

/* Of the fullest of the kernel's queues and our own: what was taken out of the sockets and could
 * not be worked on yet waits there. */
static double fullest_queue(struct worker *w)
{
	double most = inbox_fill(w->inbox);

	for (size_t i = 0; i < w->snap->n_slots; i++)
		if (w->udp[i])
			most = MAX(most, net_udp_fill(w->udp[i]));
	return most;
}

static void measure(struct timer *t, usec_t now)
{
	struct worker *w = CONTAINER_OF(t, struct worker, load.timer);
	struct load *l = &w->load;
	usec_t cpu = cpu_time();
	struct limit_load load = {.queue = fullest_queue(w)};

	if (!limit_plan_needs_load(w->snap->limit_plan))
		return;
	if (now > l->at) {
		load.cpu = (double)(cpu - l->cpu) / (double)(now - l->at);
		limits_measure(w->snap->limit_plan, w->id, &load, now);
	}
	l->at = now;
	l->cpu = cpu;
	wheel_arm(&w->wheel, t, now + PERIOD);
}

void load_watch(struct worker *w, usec_t now)
{
	struct load *l = &w->load;

	if (timer_armed(&l->timer) || !limit_plan_needs_load(w->snap->limit_plan))
		return;
	timer_init(&l->timer, measure);
	l->at = now;
	l->cpu = cpu_time();
	wheel_arm(&w->wheel, &l->timer, now + PERIOD);
}
