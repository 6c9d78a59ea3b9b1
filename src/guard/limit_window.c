/* SPDX-License-Identifier: MIT
 *
 * Limits by windows: fixed ones, which begin with their first request, and the exact sliding one.
 */
#include "guard/limit_algorithm.h"

/* Two workers read their clocks a moment apart: a time before the beginning lies in the stretch. */
void limit_stretch_take(
    struct limit_stretch *s, const struct conf_limit *l, usec_t now, struct limit_outcome *out)
{
	if (s->events == 0 || now >= s->begin + l->window)
		*s = (struct limit_stretch){.begin = now};
	out->taken = s->events < l->events;
	out->value = s->events + 1.0;
	out->threshold = l->events;
	s->events += out->taken;
	out->events = s->events;
	out->free_at = s->begin + l->window;
	out->wait = out->free_at - now;
}

void limit_stretch_give_back(struct limit_stretch *s)
{
	s->events -= s->events > 0;
}

void limit_sliding_take(
    struct window *w, const struct conf_limit *l, usec_t now, struct limit_outcome *out)
{
	uint32_t before = window_events(w, l->window, now);

	out->taken = window_take(w, l->events, l->window, now, &out->wait);
	out->value = before + 1.0;
	out->threshold = l->events;
	out->events = before + out->taken;
	/* A refused one does not lengthen the memory: w->last is of the last that was taken. */
	out->free_at = w->last + l->window;
}
