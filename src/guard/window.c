/* SPDX-License-Identifier: MIT */
#include "guard/window.h"

#include "base/attr.h"

_Static_assert(
    (WINDOW_SLOTS & (WINDOW_SLOTS - 1)) == 0, "slots are numbered modulo a power of two");
/* What is kept was younger than WINDOW_SPAN_MAX at the last event, so 32 bits tell its age then. */
_Static_assert(WINDOW_SPAN_MAX < (usec_t)1 << 32, "the age of a grain fits into 32 bits");

static usec_t span_of_window(usec_t span)
{
	return MIN(span, WINDOW_SPAN_MAX);
}

/* Of the grain that is the i-th oldest; i < used. now is not before w->last. */
static usec_t age(const struct window *w, unsigned i, usec_t now)
{
	unsigned slot = (w->next + WINDOW_SLOTS - w->used + i) % WINDOW_SLOTS;

	return (uint32_t)((uint32_t)w->last - w->at[slot]) + (now - w->last);
}

/* Grains that have left the window; now is not before w->last. */
static unsigned expired(const struct window *w, usec_t span, usec_t now)
{
	unsigned n = 0;

	if (now - w->last >= span)
		return w->used;
	while (n < w->used && age(w, n, now) >= span)
		n++;
	return n;
}

static uint32_t events(const struct window *w, unsigned used)
{
	return used ? (used - 1) * w->grain + w->in_grain : 0;
}

/* Takes over the limit and lets go of what is too old. Returns now, never before the last event. */
static usec_t prepare(struct window *w, uint32_t limit, usec_t span, usec_t now)
{
	if (w->limit != limit) {
		w->limit = (uint16_t)limit;
		w->grain = limit <= WINDOW_SLOTS
			       ? 1
			       : (uint16_t)((limit + WINDOW_SLOTS - 2) / (WINDOW_SLOTS - 1));
		w->used = 0;
		w->last = now;
	}
	now = MAX(now, w->last);
	w->used -= (uint8_t)expired(w, span, now);
	return now;
}

static void append(struct window *w, usec_t now)
{
	if (w->used && w->in_grain < w->grain) {
		w->in_grain++;
		w->at[(w->next + WINDOW_SLOTS - 1) % WINDOW_SLOTS] = (uint32_t)now;
	} else {
		w->at[w->next] = (uint32_t)now;
		w->next = (uint8_t)((w->next + 1) % WINDOW_SLOTS);
		w->in_grain = 1;
		if (w->used <
		    WINDOW_SLOTS) /* else the oldest grain is gone, one more than needed */
			w->used++;
	}
	w->last = now;
}

bool window_count(struct window *w, uint32_t limit, usec_t span, usec_t now)
{
	bool within;

	if (limit == 0)
		return true;
	limit = MIN(limit, UINT16_MAX);
	now = prepare(w, limit, span_of_window(span), now);
	within = events(w, w->used) < limit;
	append(w, now);
	return within;
}

bool window_take(struct window *w, uint32_t limit, usec_t span, usec_t now, usec_t *out_wait)
{
	unsigned gone = 0;

	if (limit == 0)
		return true;
	limit = MIN(limit, UINT16_MAX);
	span = span_of_window(span);
	now = prepare(w, limit, span, now);
	if (events(w, w->used) < limit) {
		append(w, now);
		return true;
	}
	while (gone < w->used && events(w, w->used - gone) >= limit)
		gone++;
	if (out_wait)
		*out_wait = span - age(w, gone - 1, now);
	return false;
}

void window_give_back(struct window *w)
{
	if (w->used == 0)
		return;
	if (--w->in_grain > 0)
		return;
	w->next = (w->next + WINDOW_SLOTS - 1) % WINDOW_SLOTS;
	w->used--;
	w->in_grain = w->grain;
}

uint32_t window_events(const struct window *w, usec_t span, usec_t now)
{
	now = MAX(now, w->last);
	return events(w, w->used - expired(w, span_of_window(span), now));
}

/* Milliseconds since the period at f began, and f turned to the period of now. */
static uint32_t freq_turn(struct freq *f, uint32_t period_ms, usec_t now)
{
	uint32_t now_ms = (uint32_t)(now / USEC_MS), gone = now_ms - f->begin_ms;

	if (-gone < period_ms) /* the clock of another thread is a little ahead */
		return 0;
	if (gone < period_ms)
		return gone;
	if (gone < 2 * period_ms) {
		f->begin_ms += period_ms;
		f->before = f->now;
		f->now = 0;
		return gone - period_ms;
	}
	*f = (struct freq){.begin_ms = now_ms};
	return 0;
}

static uint32_t period_ms_of(usec_t period)
{
	return (uint32_t)MIN(MAX(period / USEC_MS, 1), WINDOW_SPAN_MAX / USEC_MS);
}

static uint32_t estimate(const struct freq *f, uint32_t period_ms, uint32_t gone)
{
	return f->now + (uint32_t)((uint64_t)f->before * (period_ms - gone) / period_ms);
}

uint32_t freq_add(struct freq *f, uint32_t n, usec_t period, usec_t now)
{
	uint32_t period_ms = period_ms_of(period), gone = freq_turn(f, period_ms, now);

	f->now = (uint16_t)MIN(f->now + (uint64_t)n, UINT16_MAX);
	return estimate(f, period_ms, gone);
}

uint32_t freq_read(const struct freq *f, usec_t period, usec_t now)
{
	struct freq copy = *f;
	uint32_t period_ms = period_ms_of(period), gone = freq_turn(&copy, period_ms, now);

	return estimate(&copy, period_ms, gone);
}
