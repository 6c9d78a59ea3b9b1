/* SPDX-License-Identifier: MIT */
#include "guard/prefix_bans.h"

#include <sched.h>
#include <string.h>

#define RELAXED memory_order_relaxed
#define ACQUIRE memory_order_acquire

static uint64_t word_of(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void word_to(uint64_t v, uint8_t *p)
{
	for (unsigned i = 8; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

/* The highest n bits set; n may be anything. */
static uint64_t mask_of(int n)
{
	if (n <= 0)
		return 0;
	return n >= 64 ? UINT64_MAX : ~(UINT64_MAX >> n);
}

void prefix_bans_init(struct prefix_bans *l)
{
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
}

void prefix_bans_done(struct prefix_bans *l)
{
	pthread_mutex_destroy(&l->lock);
}

/* Who sees one word of a change, by acquiring it, also sees the odd number that went before it. */
static bool holds(const struct prefix_ban *b, uint64_t hi, uint64_t lo, bool v4, usec_t now)
{
	uint64_t mask_hi = atomic_load_explicit(&b->mask_hi, ACQUIRE);
	uint64_t mask_lo = atomic_load_explicit(&b->mask_lo, ACQUIRE);

	return (hi & mask_hi) == atomic_load_explicit(&b->hi, ACQUIRE) &&
	       (lo & mask_lo) == atomic_load_explicit(&b->lo, ACQUIRE) &&
	       now < atomic_load_explicit(&b->until, ACQUIRE) &&
	       !(v4 && atomic_load_explicit(&b->is_v6, ACQUIRE));
}

/* The first slot that holds it, or -1. */
static int search(struct prefix_bans *l, unsigned used, const struct addr *a, usec_t now)
{
	uint64_t hi = word_of(a->ip), lo = word_of(a->ip + 8);
	bool v4 = addr_is_v4(a);

	for (unsigned i = 0; i < used; i++)
		if (holds(&l->slot[i], hi, lo, v4, now))
			return (int)i;
	return -1;
}

usec_t prefix_bans_until(
    struct prefix_bans *l, const struct addr *a, bool count, usec_t now, bool *out_first)
{
	unsigned used = atomic_load_explicit(&l->used, RELAXED), before;
	int at;

	*out_first = false;
	if (LIKELY(used == 0))
		return 0;
	do {
		while ((before = atomic_load_explicit(&l->sequence, ACQUIRE)) & 1)
			sched_yield(); /* who changes it lost its core */
		used = atomic_load_explicit(&l->used, ACQUIRE);
		at = search(l, used, a, now);
	} while (UNLIKELY(before != atomic_load_explicit(&l->sequence, RELAXED)));
	if (at < 0)
		return 0;
	if (count)
		*out_first = atomic_fetch_add_explicit(&l->slot[at].dropped, 1, RELAXED) == 0;
	return MAX(atomic_load_explicit(&l->slot[at].until, RELAXED), 1);
}

/* Between these two readers wait. */
static void change_begin(struct prefix_bans *l)
{
	pthread_mutex_lock(&l->lock);
	l->sequence++;
}

static void change_end(struct prefix_bans *l)
{
	unsigned used = PREFIX_BANS_MAX;

	while (used > 0 && !l->slot[used - 1].until)
		used--;
	l->used = used;
	l->sequence++;
	pthread_mutex_unlock(&l->lock);
}

static bool is_prefix(const struct prefix_ban *b, const struct prefix *p)
{
	return b->bits == p->bits && b->hi == word_of(p->ip) && b->lo == word_of(p->ip + 8);
}

static void set(struct prefix_ban *b, const struct prefix *p, usec_t until)
{
	struct addr a = {.port = 0};

	memcpy(a.ip, p->ip, sizeof(a.ip));
	b->hi = word_of(p->ip);
	b->lo = word_of(p->ip + 8);
	b->mask_hi = mask_of(p->bits);
	b->mask_lo = mask_of(p->bits - 64);
	b->is_v6 = p->bits < 96 || !addr_is_v4(&a);
	b->bits = p->bits;
	b->dropped = 0;
	b->until = until;
}

/* How well a slot serves for a new ban of p; 0: not at all. */
static int fitness(const struct prefix_ban *b, const struct prefix *p, usec_t now)
{
	if (!b->until)
		return 2;
	if (is_prefix(b, p))
		return 3;
	return b->until <= now;
}

/* The one of this prefix, whether in force or not; else a free one; else one that ran out; else
 * NULL. */
static struct prefix_ban *slot_for(struct prefix_bans *l, const struct prefix *p, usec_t now)
{
	struct prefix_ban *best = NULL;
	int most = 0;

	for (unsigned i = 0; i < PREFIX_BANS_MAX; i++) {
		int fit = fitness(&l->slot[i], p, now);

		if (fit > most) {
			most = fit;
			best = &l->slot[i];
		}
	}
	return best;
}

enum err prefix_bans_add(
    struct prefix_bans *l, const struct prefix *p, usec_t until, bool clean, usec_t now)
{
	struct prefix_ban *b;

	change_begin(l);
	b = slot_for(l, p, now);
	if (b) {
		set(b, p, MAX(until, 1));
		b->dirty = !clean;
	}
	change_end(l);
	return b ? OK : ERR_FULL;
}

enum err prefix_bans_remove(struct prefix_bans *l, const struct prefix *p, usec_t now)
{
	enum err e = ERR_NOT_FOUND;

	change_begin(l);
	for (unsigned i = 0; i < PREFIX_BANS_MAX; i++) {
		struct prefix_ban *b = &l->slot[i];

		if (b->until <= now || !is_prefix(b, p))
			continue;
		/* Kept until the store has forgotten it. */
		b->until = 1;
		b->dirty = true;
		e = OK;
	}
	change_end(l);
	return e;
}

bool prefix_bans_has(struct prefix_bans *l, const struct prefix *p, usec_t now)
{
	bool has = false;

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < PREFIX_BANS_MAX && !has; i++)
		has = now < l->slot[i].until && is_prefix(&l->slot[i], p);
	pthread_mutex_unlock(&l->lock);
	return has;
}

void prefix_bans_get(struct prefix_bans *l, unsigned i, struct prefix_ban_view *out_v)
{
	const struct prefix_ban *b = &l->slot[i];

	pthread_mutex_lock(&l->lock);
	*out_v = (struct prefix_ban_view){
	    .prefix.bits = b->bits, .until = b->until, .dropped = b->dropped, .dirty = b->dirty};
	word_to(b->hi, out_v->prefix.ip);
	word_to(b->lo, out_v->prefix.ip + 8);
	pthread_mutex_unlock(&l->lock);
}

void prefix_bans_written(struct prefix_bans *l, unsigned i, usec_t until)
{
	struct prefix_ban *b = &l->slot[i];

	change_begin(l);
	if (b->until == until) {
		b->dirty = false;
		if (until == 1)
			b->until = 0;
	}
	change_end(l);
}

void prefix_bans_dirty(struct prefix_bans *l)
{
	change_begin(l);
	for (unsigned i = 0; i < PREFIX_BANS_MAX; i++)
		l->slot[i].dirty = l->slot[i].until != 0;
	change_end(l);
}
