/* SPDX-License-Identifier: MIT */
#include "edge/overload.h"

#include "edge/record.h"

/* Between the end of an iteration and the next input; longer, and the loop slept because there was
 * nothing to read, so that the input came just now. */
#define PAUSE_MAX USEC_MS

void overload_begin(struct overload *o, usec_t now)
{
	if (!o->began) {
		if (o->iterated && now > o->iterated + PAUSE_MAX)
			o->busy = 0;
		o->began = now;
	}
	o->waited = 0;
}

void overload_waited(struct overload *o, usec_t received, usec_t now)
{
	o->waited = now > received ? now - received : 0;
}

void overload_iterated(struct overload *o, usec_t now)
{
	o->busy = o->began && now > o->began ? now - o->began : 0;
	o->began = 0;
	o->waited = 0;
	o->iterated = now;
}

usec_t overload_lag(const struct overload *o)
{
	return MAX(o->busy, o->waited);
}

bool overload_shed(struct overload *o, usec_t now)
{
	bool first = o->shed_at == 0;

	o->shed_at = now;
	o->shed++;
	return first;
}

bool overload_ended(struct overload *o, usec_t now, uint64_t *out_shed)
{
	if (!o->shed_at || now - o->shed_at < OVERLOAD_QUIET)
		return false;
	*out_shed = o->shed;
	o->shed_at = 0;
	o->shed = 0;
	return true;
}

void overload_every_second(struct worker *w)
{
	uint64_t shed;

	if (overload_ended(&w->overload, w->loop.now, &shed))
		record_overload_ended(w, shed);
}
