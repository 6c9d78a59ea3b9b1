/* SPDX-License-Identifier: MIT */
#include "base/rng.h"

#include <errno.h>
#include <sys/random.h>

enum err rng_system(void *out, size_t n)
{
	char *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ERR_IO;
		p += got;
		n -= (size_t)got;
	}
	return OK;
}

enum err rng_init(struct rng *r)
{
	struct siphash_key key;
	enum err e = rng_system(&key, sizeof(key));

	if (e == OK)
		*r = (struct rng){.key = key};
	return e;
}

void rng_init_seed(struct rng *r, uint64_t seed)
{
	*r = (struct rng){.key = {seed, ~seed}};
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t c = r->counter++;

	return siphash24(&r->key, &c, sizeof(c));
}

uint32_t rng_below(struct rng *r, uint32_t below)
{
	return (uint32_t)(((rng_u64(r) >> 32) * below) >> 32);
}
