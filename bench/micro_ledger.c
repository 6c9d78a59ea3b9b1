/* SPDX-License-Identifier: MIT
 *
 * What the ledger costs: nanoseconds for a look-up that hits and one that misses, at few and at
 * many sources, in random order, with and without a batch of 64 prefetched; for the entry of a new
 * stranger in a full ledger; for a message counted in the window and in the sketch. One thread, its
 * CPU time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "guard/ledger.h"
#include "guard/sketch.h"

#define BATCH  64
#define ROUNDS (1u << 21)

static uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct bench {
	struct ledger *l;
	struct addr *source; /* ROUNDS, in random order */
	struct ledger_key key[BATCH];
	uint64_t hash[BATCH];
	uint64_t found;
};

enum what { HASH, LOOK, COUNT, ADD };

static void prefetch(struct bench *b, const struct addr *a)
{
	for (unsigned i = 0; i < BATCH; i++) {
		b->key[i] = ledger_key(LEDGER_SOURCE, &a[i], 0, 0);
		b->hash[i] = ledger_hash(b->l, &b->key[i]);
		ledger_prefetch(b->l, b->hash[i]);
	}
	for (unsigned i = 0; i < BATCH; i++)
		ledger_prefetch_entry(b->l, b->hash[i]);
}

static void one(struct bench *b, enum what w, uint64_t hash, const struct ledger_key *k, usec_t now)
{
	struct ledger_entry *e = w == ADD
				     ? ledger_lock_or_add(b->l, hash, k, EVENT_TIER_UNKNOWN, now)
				     : ledger_lock(b->l, hash, k, now);

	if (!e)
		return;
	b->found++;
	e->seen = now;
	e->dropped++;
	if (w == COUNT)
		window_count(&e->window, 60, 2 * USEC_SEC, now);
	ledger_unlock(b->l, e);
}

/* Nanoseconds each. */
static double run(struct bench *b, enum what w, bool ahead)
{
	uint64_t begin = nanoseconds();
	usec_t now = begin / 1000;

	b->found = 0;
	for (unsigned i = 0; i < ROUNDS; i += BATCH) {
		const struct addr *a = b->source + i;

		now += BATCH;
		if (ahead)
			prefetch(b, a);
		for (unsigned n = 0; n < BATCH; n++) {
			if (!ahead) {
				b->key[n] = ledger_key(LEDGER_SOURCE, &a[n], 0, 0);
				b->hash[n] = ledger_hash(b->l, &b->key[n]);
			}
			if (w == HASH)
				__asm__ volatile("" ::"r"(b->hash[n]));
			else
				one(b, w, b->hash[n], &b->key[n], now);
		}
	}
	return (double)(nanoseconds() - begin) / ROUNDS;
}

/* 10.0.0.0/8 is inside, 11.0.0.0/8 was never there. */
static void choose(struct bench *b, struct rng *r, uint8_t net, uint32_t sources)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t n = rng_below(r, sources);

		b->source[i] = (struct addr){
		    .ip = {
			[10] = 0xff, 0xff, net, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
	}
}

static void measure(struct bench *b, struct rng *r, size_t entries, uint32_t sources)
{
	struct siphash_key key = {rng_u64(r), rng_u64(r)};
	double hit[2], count[2], miss[2], new[2];
	struct ledger_stats st;

	if (ledger_new(entries, &key, &b->l) != OK)
		abort();
	choose(b, r, 10, sources);
	run(b, ADD, false);
	for (int ahead = 0; ahead < 2; ahead++) {
		hit[ahead] = run(b, LOOK, ahead);
		count[ahead] = run(b, COUNT, ahead);
	}
	ledger_stats(b->l, &st);
	choose(b, r, 11, 1 << 24);
	for (int ahead = 0; ahead < 2; ahead++)
		miss[ahead] = run(b, LOOK, ahead);
	for (int ahead = 0; ahead < 2; ahead++) {
		choose(b, r, (uint8_t)(12 + ahead), 1 << 24);
		new[ahead] = run(b, ADD, ahead);
	}
	printf(
	    "%8zu entries, %8zu sources  hit %4.0f ns (prefetched %4.0f)  counted %4.0f (%4.0f)  "
	    "miss %4.0f (%4.0f)  new %4.0f (%4.0f)\n",
	    st.capacity, st.entries, hit[0], hit[1], count[0], count[1], miss[0], miss[1], new[0],
	    new[1]);
	ledger_free(b->l);
}

static void measure_hash(struct bench *b, struct rng *r)
{
	struct siphash_key key = {rng_u64(r), rng_u64(r)};
	struct sketch *s;
	uint64_t begin, sum = 0;
	double hash;

	if (ledger_new(8, &key, &b->l) != OK || sketch_new(&key, 2 * USEC_SEC, &s) != OK)
		abort();
	choose(b, r, 10, 1 << 24);
	hash = run(b, HASH, false);
	begin = nanoseconds();
	for (unsigned i = 0; i < ROUNDS; i++)
		sum += sketch_count(s, &b->source[i], 5 * USEC_SEC + i);
	__asm__ volatile("" ::"r"(sum));
	printf("key and hash %.0f ns  sketch %.0f ns\n", hash,
	    (double)(nanoseconds() - begin) / ROUNDS);
	sketch_free(s);
	ledger_free(b->l);
}

int main(void)
{
	struct bench b = {.source = malloc(ROUNDS * sizeof(struct addr))};
	struct rng r;

	if (!b.source)
		abort();
	rng_init_seed(&r, 1);
	measure_hash(&b, &r);
	measure(&b, &r, 65536, 1000);
	measure(&b, &r, 65536, 30000);
	measure(&b, &r, 65536, 1000000);
	measure(&b, &r, 1000000, 1000000);
	free(b.source);
	return 0;
}
