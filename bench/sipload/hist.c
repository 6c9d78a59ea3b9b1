/* SPDX-License-Identifier: MIT
 *
 * Buckets: values below 2 * HIST_STEPS each have their own; a value with its highest bit at b > 7
 * goes by its eight highest bits. */
#include "hist.h"

#include <stddef.h>

#include "base/attr.h"

#define STEP_BITS 7

static size_t index_of(uint64_t ns)
{
	if (ns < 2 * HIST_STEPS)
		return (size_t)ns;
	unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - STEP_BITS;
	size_t i = (size_t)shift * HIST_STEPS + (size_t)(ns >> shift);
	return MIN(i, ARRAY_LEN(((struct hist *)0)->bucket) - 1);
}

static uint64_t upper_edge(size_t i)
{
	if (i < 2 * HIST_STEPS)
		return i;
	unsigned shift = (unsigned)(i / HIST_STEPS) - 1;
	uint64_t top = HIST_STEPS + i % HIST_STEPS;
	return ((top + 1) << shift) - 1;
}

void hist_add(struct hist *h, uint64_t ns)
{
	h->bucket[index_of(ns)]++;
	h->count++;
	h->sum_ns += ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

uint64_t hist_percentile_ns(const struct hist *h, double p)
{
	uint64_t want = (uint64_t)((double)h->count * p / 100.0 + 0.999999), seen = 0;
	if (!h->count)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(h->bucket); i++) {
		seen += h->bucket[i];
		if (seen >= want && seen)
			return MIN(upper_edge(i), h->max_ns);
	}
	return h->max_ns;
}

uint64_t hist_mean_ns(const struct hist *h)
{
	return h->count ? h->sum_ns / h->count : 0;
}
