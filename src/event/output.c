/* SPDX-License-Identifier: MIT */
#include "event/output.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_MOST_MS = 60000 };

usec_t output_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

static usec_t stop_by(const struct output *o)
{
	return o->stop_by ? atomic_load_explicit(o->stop_by, memory_order_acquire) : 0;
}

bool output_is_ending(const struct output *o)
{
	return stop_by(o) != 0;
}

bool output_must_end(const struct output *o)
{
	usec_t by = stop_by(o);

	return by && output_now() >= by;
}

bool output_wait(const struct output *o, int fd, short events, unsigned ms)
{
	usec_t until = output_now() + ms * USEC_MS;

	while (!output_must_end(o)) {
		struct pollfd p = {.fd = fd, .events = events};
		usec_t now = output_now();
		usec_t left = now < until ? (until - now + USEC_MS - 1) / USEC_MS : 0;

		if (poll(&p, 1, (int)MIN(left, (usec_t)OUTPUT_TICK_MS)) > 0)
			return true;
		if (left == 0)
			return false;
	}
	return false;
}

bool output_next(struct span *rest, struct span *out_record)
{
	uint32_t n;

	if (rest->n < sizeof(n))
		return false;
	memcpy(&n, rest->p, sizeof(n));
	*out_record = span_of(rest->p + sizeof(n), n);
	*rest = span_from(*rest, out_record->p + n);
	return true;
}

unsigned output_backoff(unsigned before_ms)
{
	return before_ms ? MIN(before_ms * 2, (unsigned)BACKOFF_MOST_MS) : BACKOFF_FIRST_MS;
}

void output_fail(struct output_result *r, int error, const char *fmt, ...)
{
	va_list args;

	r->error = error;
	va_start(args, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, args);
	va_end(args);
}
