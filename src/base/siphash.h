/* SPDX-License-Identifier: MIT
 *
 * SipHash (Aumasson, Bernstein): a keyed hash for tables whose keys strangers choose, and, in its
 * 128-bit form, a short message authentication code. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* SipHash-1-3, 64 bits: for hash tables. */
uint64_t siphash13(const struct siphash_key *key, const void *data, size_t n);

/* SipHash-2-4, 64 bits. */
uint64_t siphash24(const struct siphash_key *key, const void *data, size_t n);

/* SipHash-1-3 with 128 bits of output: for names so long that two things never meet in a table. */
void siphash13_128(const struct siphash_key *key, const void *data, size_t n, uint8_t out[16]);

/* SipHash-2-4 with 128 bits of output: for authentication codes. */
void siphash24_128(const struct siphash_key *key, const void *data, size_t n, uint8_t out[16]);

#endif
