/* SPDX-License-Identifier: MIT
 *
 * The table of used nonce counts: the window, eviction that forgets nothing, threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "guard/replay.h"

#define START 1000000 /* ms */

static const struct siphash_key key = {1, 2};

static void window(void **state)
{
	static const struct {
		uint32_t nc;
		uint64_t request;
		enum replay_verdict want;
	} rows[] = {
	    {1, 11, REPLAY_NEW},
	    {1, 11, REPLAY_RETRANSMISSION}, /* the same datagram again */
	    {1, 12, REPLAY_USED},           /* another request with the same count */
	    {2, 13, REPLAY_NEW},
	    {1, 11, REPLAY_USED}, /* the one before the last */
	    {5, 14, REPLAY_NEW},
	    {3, 15, REPLAY_NEW}, /* late, but its first time */
	    {3, 15, REPLAY_USED},
	    {4, 16, REPLAY_NEW},
	    {68, 17, REPLAY_NEW},
	    {5, 18, REPLAY_USED},
	    {6, 19, REPLAY_NEW},  /* 62 behind */
	    {4, 16, REPLAY_USED}, /* 64 behind: out of the window */
	    {0xffffffff, 20, REPLAY_NEW},
	    {0xffffffff, 21, REPLAY_USED},
	    {0xffffffff - 63, 22, REPLAY_NEW},
	    {0xffffffff - 64, 23, REPLAY_USED},
	    {7, 24, REPLAY_USED},
	};
	struct replay *r = replay_new(8, START, &key);

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum replay_verdict v = replay_use(r, 77, START + 1, rows[i].nc, rows[i].request);

		if (v != rows[i].want)
			fail_msg("row %zu: got %d", i, (int)v);
	}
	/* The same salt with another time of issue is another nonce. */
	assert_int_equal(replay_use(r, 77, START + 2, 1, 11), REPLAY_NEW);
	replay_free(r);
}

static void nothing_before_the_start(void **state)
{
	struct replay *r = replay_new(8, START, &key);

	(void)state;
	assert_int_equal(replay_use(r, 1, START - 1, 1, 1), REPLAY_STALE);
	assert_int_equal(replay_use(r, 1, START, 1, 1), REPLAY_STALE);
	assert_int_equal(replay_use(r, 1, START + 1, 1, 1), REPLAY_NEW);
	replay_free(r);
}

/* Far more nonces than the table holds: none is accepted twice, however they are mixed, and the
 * newest always are. */
static void eviction_forgets_nothing(void **state)
{
	enum { N = 4000 };
	struct replay *r = replay_new(64, START, &key);
	struct replay_stats st;
	struct rng rng;

	(void)state;
	rng_init_seed(&rng, 3);
	for (uint64_t i = 1; i <= N; i++) {
		assert_int_equal(replay_use(r, i, START + i, 1, i), REPLAY_NEW);
		for (int k = 0; k < 8; k++) {
			uint64_t old = 1 + rng_below(&rng, (uint32_t)i);
			enum replay_verdict v = replay_use(r, old, START + old, 1, N + 1);

			assert_true(v == REPLAY_USED || v == REPLAY_STALE);
		}
	}
	replay_stats(r, &st);
	assert_int_equal(st.entries, 64);
	assert_int_equal(st.used, 64);
	assert_int_equal(st.evicted, N - 64);
	replay_free(r);
}

/* In any order of issue: what was accepted once is never accepted again. */
static void shuffled_issue(void **state)
{
	enum { N = 3000 };
	static uint8_t accepted[N];
	struct replay *r = replay_new(32, START, &key);
	struct rng rng;

	(void)state;
	rng_init_seed(&rng, 5);
	for (int step = 0; step < 20 * N; step++) {
		uint32_t i = rng_below(&rng, N);
		enum replay_verdict v =
		    replay_use(r, i, START + 1 + i * 7 % 500, 1, 1 + (uint64_t)step);

		if (v == REPLAY_NEW)
			assert_int_equal(accepted[i]++, 0);
	}
	replay_free(r);
}

static void sizes(void **state)
{
	struct replay_stats st;
	struct replay *r = replay_new(1000, START, &key);

	(void)state;
	replay_stats(r, &st);
	assert_int_equal(st.entries, 1024);
	assert_true(replay_memory(65536) < 65536 * 40 + 32768);
	assert_int_equal(replay_memory(1), replay_memory(8));
	replay_free(r);
	replay_free(NULL);
}

struct racer {
	struct replay *r;
	uint64_t accepted;
};

enum { RACE_NONCES = 500, RACE_COUNTS = 20 };

static void *race(void *arg)
{
	struct racer *x = arg;

	for (uint64_t id = 1; id <= RACE_NONCES; id++)
		for (uint32_t nc = 1; nc <= RACE_COUNTS; nc++)
			x->accepted += replay_use(x->r, id, START + id, nc, 0) == REPLAY_NEW;
	return NULL;
}

/* Four threads present the same counts: each is accepted by exactly one. */
static void one_winner(void **state)
{
	struct racer racers[4] = {0};
	pthread_t threads[4];
	struct replay *r = replay_new(2048, START, &key);
	uint64_t accepted = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		racers[i].r = r;
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		accepted += racers[i].accepted;
	}
	assert_int_equal(accepted, RACE_NONCES * RACE_COUNTS);
	replay_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(window),
	    cmocka_unit_test(nothing_before_the_start),
	    cmocka_unit_test(eviction_forgets_nothing),
	    cmocka_unit_test(shuffled_issue),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(one_winner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
