/* SPDX-License-Identifier: MIT
 *
 * How long something takes: counts in fixed buckets from 100 ns to 100 ms. One thread adds, without
 * a read-modify-write instruction, as with counters; any thread reads. */
#ifndef EVENT_HISTOGRAM_H
#define EVENT_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* 1, 2, 5 a decade; the last bucket, without a bound, takes what is longer. */
#define HISTOGRAM_BOUNDS  19
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1)

/* All zero: nothing was measured yet. */
struct histogram {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS]; /* each alone, not those below with it */
	_Atomic uint64_t ns;                        /* of all together */
};

/* A sum of the histograms of several threads, for one reader. */
struct histogram_totals {
	uint64_t bucket[HISTOGRAM_BUCKETS];
	uint64_t ns;
};

/* Nanoseconds up to which bucket i counts, i < HISTOGRAM_BOUNDS. */
uint64_t histogram_bound(size_t i);

/* Only the owner of h calls this. */
void histogram_add(struct histogram *h, uint64_t ns);

/* Adds what h holds now to *sum; any thread. */
void histogram_sum(struct histogram_totals *sum, const struct histogram *h);

/* How many were measured. */
uint64_t histogram_count(const struct histogram_totals *t);

#endif
