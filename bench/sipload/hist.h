/* SPDX-License-Identifier: MIT
 *
 * Latency histogram of fixed size in the manner of HDR: below 256 ns exact, above that 128 steps an
 * octave, so that a percentile is at most 0.8 % too high. */
#ifndef SIPLOAD_HIST_H
#define SIPLOAD_HIST_H

#include <stdint.h>

#define HIST_STEPS   128
#define HIST_OCTAVES 36 /* up to 2^43 ns, two hours and a half */

struct hist {
	uint64_t count, sum_ns, max_ns;
	uint64_t bucket[HIST_OCTAVES * HIST_STEPS + HIST_STEPS];
};

void hist_add(struct hist *h, uint64_t ns);

/* The upper edge of the bucket that holds the p-th percentile (0 < p <= 100), at most the greatest
 * value seen; 0 when nothing was counted. */
uint64_t hist_percentile_ns(const struct hist *h, double p);

uint64_t hist_mean_ns(const struct hist *h);

#endif
