/* SPDX-License-Identifier: MIT */
#include "base/wheel.h"

#include <string.h>

#include "base/attr.h"

#define LEVEL_BITS 8
#define SLOT_MASK  (WHEEL_SLOTS - 1)
#define TICK_BITS  10 /* WHEEL_TICK = 1 << TICK_BITS */
#define TICK_MAX   ((UINT64_C(1) << (WHEEL_LEVELS * LEVEL_BITS)) - 1)

_Static_assert(WHEEL_TICK == 1 << TICK_BITS, "a tick is a shift");
_Static_assert(WHEEL_SLOTS == 1 << LEVEL_BITS, "a level is a byte of the tick");

void wheel_init(struct wheel *w, usec_t now)
{
	memset(w, 0, sizeof(*w));
	w->tick = MIN(now >> TICK_BITS, TICK_MAX - 1);
	for (size_t l = 0; l < WHEEL_LEVELS; l++)
		for (size_t i = 0; i < WHEEL_SLOTS; i++)
			list_init(&w->slot[l][i]);
}

void timer_init(struct timer *t, timer_fn *fn)
{
	list_init(&t->link);
	t->due = 0;
	t->fn = fn;
}

/* The first tick at whose beginning `due` has come. */
static uint64_t tick_of(usec_t due)
{
	uint64_t tick = (due >> TICK_BITS) + ((due & (WHEEL_TICK - 1)) != 0);

	return MIN(tick, TICK_MAX);
}

static void place(struct wheel *w, struct timer *t)
{
	uint64_t tick = MAX(tick_of(t->due), w->tick + 1);
	unsigned level = (unsigned)(63 - __builtin_clzll(tick ^ w->tick)) / LEVEL_BITS;
	unsigned i = (unsigned)(tick >> (level * LEVEL_BITS)) & SLOT_MASK;

	list_append(&w->slot[level][i], &t->link);
	w->busy[level][i / 64] |= UINT64_C(1) << (i % 64);
}

/* Takes t out of its list and clears the slot's bit when it was the slot's last. The list may also
 * be the one that wheel_advance works off, which is no slot. */
static void unlink_timer(struct wheel *w, struct timer *t)
{
	struct list *head = t->link.next;
	bool last = head == t->link.prev;
	uintptr_t at = (uintptr_t)head - (uintptr_t)w->slot;

	list_remove(&t->link);
	if (last && at < sizeof(w->slot)) {
		size_t i = at / sizeof(struct list);

		w->busy[i / WHEEL_SLOTS][i % WHEEL_SLOTS / 64] &= ~(UINT64_C(1) << (i % 64));
	}
}

void wheel_arm(struct wheel *w, struct timer *t, usec_t due)
{
	if (timer_armed(t))
		unlink_timer(w, t);
	else
		w->armed++;
	t->due = due;
	place(w, t);
}

void wheel_cancel(struct wheel *w, struct timer *t)
{
	if (!timer_armed(t))
		return;
	unlink_timer(w, t);
	w->armed--;
}

/* All timers of a level come before those of the level above, and on each level only slots behind
 * the current one are in use: the first busy slot of the lowest busy level is the next. */
static bool first_busy(const struct wheel *w, unsigned *out_level, unsigned *out_slot)
{
	for (unsigned l = 0; l < WHEEL_LEVELS; l++)
		for (unsigned i = 0; i < WHEEL_SLOTS / 64; i++)
			if (w->busy[l][i]) {
				*out_level = l;
				*out_slot = i * 64 + (unsigned)__builtin_ctzll(w->busy[l][i]);
				return true;
			}
	return false;
}

/* The tick at which a slot begins: the current one with everything below the level cleared. */
static uint64_t slot_tick(const struct wheel *w, unsigned level, unsigned slot)
{
	unsigned shift = level * LEVEL_BITS;
	uint64_t above = w->tick >> (shift + LEVEL_BITS) << LEVEL_BITS;

	return (above | slot) << shift;
}

/* Fires what a slot holds for its first tick and moves the rest down. */
static size_t work_off(struct wheel *w, struct list *slot, usec_t now)
{
	struct list todo;
	size_t fired = 0;

	/* The whole list moves over to a head of our own: callbacks may cancel any of it. */
	todo = *slot;
	todo.next->prev = &todo;
	todo.prev->next = &todo;
	list_init(slot);
	while (!list_empty(&todo)) {
		struct timer *t = list_entry(todo.next, struct timer, link);

		list_remove(&t->link);
		if (tick_of(t->due) > w->tick) {
			place(w, t);
			continue;
		}
		w->armed--;
		fired++;
		t->fn(t, now);
	}
	return fired;
}

size_t wheel_advance(struct wheel *w, usec_t now)
{
	uint64_t until = MIN(now >> TICK_BITS, TICK_MAX - 1);
	size_t fired = 0;
	unsigned level, slot;

	while (first_busy(w, &level, &slot)) {
		uint64_t tick = slot_tick(w, level, slot);

		if (tick > until)
			break;
		w->tick = tick;
		w->busy[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
		fired += work_off(w, &w->slot[level][slot], now);
	}
	w->tick = MAX(w->tick, until);
	return fired;
}

bool wheel_next(const struct wheel *w, usec_t *out_due)
{
	unsigned level, slot;

	if (!first_busy(w, &level, &slot))
		return false;
	*out_due = slot_tick(w, level, slot) << TICK_BITS;
	return true;
}
