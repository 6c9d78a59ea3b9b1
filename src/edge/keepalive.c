/* SPDX-License-Identifier: MIT */
#include "edge/keepalive.h"

#include "edge/edge.h"
#include "edge/transport.h"

#define PORTION (50 * USEC_MS)
#define WORDS   SPAN("\r\n\r\n")

static bool send_all(void *arg, struct span aor, struct binding_set *s)
{
	struct worker *w = arg;

	(void)aor;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].flow.transport == TRANSPORT_UDP)
			/* One that is lost is made up for by the next. */
			(void)transport_resend(w, &s->items[i].flow, WORDS, NULL);
	return true;
}

/* As far through the table as of the period has passed. */
static void walk(struct worker *w, struct keepalive *k, usec_t period, usec_t now)
{
	struct bindings *t = w->edge->bindings;
	size_t buckets = bindings_buckets(t), target;

	if (k->round == 0 || now - k->round >= period) {
		k->cursor = (struct bindings_cursor){0};
		k->round = now;
		k->walked = false;
	}
	target = (size_t)((double)buckets * (double)(now - k->round + PORTION) / (double)period);
	if (!k->walked && target > k->cursor.bucket)
		k->walked = !bindings_each(t, net_loop_wall(&w->loop), &k->cursor,
		    target - k->cursor.bucket, &w->bindings, send_all, w);
}

static void on_timer(struct timer *timer, usec_t now)
{
	struct keepalive *k = CONTAINER_OF(timer, struct keepalive, timer);
	struct worker *w = CONTAINER_OF(k, struct worker, keepalive);
	usec_t period = w->snap->conf->registrar.keepalive;

	if (period)
		walk(w, k, period, now);
	else
		k->round = 0;
	wheel_arm(&w->wheel, timer, now + (period ? PORTION : USEC_SEC));
}

void keepalive_start(struct worker *w)
{
	timer_init(&w->keepalive.timer, on_timer);
	wheel_arm(&w->wheel, &w->keepalive.timer, w->loop.now + USEC_SEC);
}
