/* SPDX-License-Identifier: MIT
 *
 * Unpredictable numbers without a system call each: SipHash in counter mode under a key from the
 * system. One a thread. For tags, branches, nonces' salt; long-lived keys come from rng_system. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/err.h"
#include "base/siphash.h"

struct rng {
	struct siphash_key key;
	uint64_t counter;
};

/* Keyed from getrandom(2). ERR_IO when the system has no randomness. */
NODISCARD enum err rng_init(struct rng *r);

/* For tests: the same seed gives the same numbers. */
void rng_init_seed(struct rng *r, uint64_t seed);

uint64_t rng_u64(struct rng *r);

/* Uniform in [0, below), below > 0. */
uint32_t rng_below(struct rng *r, uint32_t below);

/* n bytes for keys, from getrandom(2). */
NODISCARD enum err rng_system(void *out, size_t n);

#endif
