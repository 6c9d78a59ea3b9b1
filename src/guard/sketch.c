/* SPDX-License-Identifier: MIT */
#include "guard/sketch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

#define ROWS       3
#define CELLS_BITS 13
#define CELLS      (1u << CELLS_BITS)

/* A cell is one word, so that it is never seen half turned to a new period: the period's number
 * modulo 2**EPOCH_BITS, the count of the period before, the count of this one. */
#define COUNT_BITS 22
#define COUNT_MAX  ((1u << COUNT_BITS) - 1)
#define EPOCH_BITS (64 - 2 * COUNT_BITS)
#define EPOCH_MASK ((1u << EPOCH_BITS) - 1)

struct sketch {
	struct siphash_key key;
	usec_t period;
	_Atomic uint64_t cell[ROWS][CELLS];
};

size_t sketch_memory(void)
{
	return (sizeof(struct sketch) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

enum err sketch_new(const struct siphash_key *key, usec_t period, struct sketch **out_s)
{
	struct sketch *s = pages_alloc(sketch_memory());

	if (!s)
		return ERR_NOMEM;
	memset(s, 0, sketch_memory());
	s->key = *key;
	s->period = MAX(period, 1);
	*out_s = s;
	return OK;
}

void sketch_free(struct sketch *s)
{
	free(s);
}

/* IPv4 /16 or IPv6 /32. */
static uint64_t wide_hash(const struct sketch *s, const struct addr *a)
{
	uint8_t wide[5];

	wide[0] = addr_is_v4(a) ? 4 : 6;
	memcpy(wide + 1, wide[0] == 4 ? a->ip + 12 : a->ip, 4);
	return siphash13(&s->key, wide, wide[0] == 4 ? 3 : 5);
}

/* One more in the cell; its estimate in 1/period. gone: of the present period. */
static uint32_t cell_count(_Atomic uint64_t *cell, uint32_t epoch, usec_t gone, usec_t period)
{
	uint64_t c = atomic_load_explicit(cell, memory_order_relaxed);
	uint32_t now = c & COUNT_MAX, before = c >> COUNT_BITS & COUNT_MAX;
	uint32_t turns = (epoch - (uint32_t)(c >> 2 * COUNT_BITS)) & EPOCH_MASK;

	if (turns == EPOCH_MASK) { /* another thread is already in the next period */
		epoch++;
		gone = 0;
	} else if (turns) {
		before = turns == 1 ? now : 0;
		now = 0;
	}
	now += now < COUNT_MAX;
	c = (uint64_t)(epoch & EPOCH_MASK) << 2 * COUNT_BITS | (uint64_t)before << COUNT_BITS | now;
	atomic_store_explicit(cell, c, memory_order_relaxed);
	return now + (uint32_t)(before * (period - gone) / period);
}

uint32_t sketch_count(struct sketch *s, const struct addr *a, usec_t now)
{
	uint64_t h = wide_hash(s, a);
	uint32_t least = UINT32_MAX, epoch = (uint32_t)(now / s->period);
	usec_t gone = now % s->period;

	for (unsigned row = 0; row < ROWS; row++, h >>= CELLS_BITS) {
		uint32_t n = cell_count(&s->cell[row][h % CELLS], epoch, gone, s->period);

		least = MIN(least, n);
	}
	return least;
}
