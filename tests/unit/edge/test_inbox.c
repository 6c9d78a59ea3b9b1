/* SPDX-License-Identifier: MIT
 *
 * The queues of datagrams that wait: order, bounds, counts, and rings that run round many times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "edge/inbox.h"

static struct inbox *inbox(void)
{
	struct inbox *b;

	assert_int_equal(inbox_new(&b), OK);
	return b;
}

static bool put(struct inbox *b, enum event_tier tier, struct span data, uint32_t number)
{
	struct inbox_item item = {.flow.remote.port = (uint16_t)number,
	    .flow.listener = 3,
	    .gate = {.tier = tier, .queue = tier, .pass = true, .score = (float)number},
	    .data = data,
	    .received = number};

	return inbox_put(b, &item);
}

static void test_empty(void **state)
{
	struct inbox *b = inbox();
	struct inbox_item item;

	(void)state;
	assert_true(inbox_is_empty(b));
	assert_false(inbox_take(b, &item));
	assert_true(inbox_memory() > 3 << 20 && inbox_memory() < 4 << 20);
	inbox_free(b);
	inbox_free(NULL);
}

/* Highest tier first, in each the oldest first; all that is said of a datagram comes back. */
static void test_order(void **state)
{
	static const enum event_tier in[] = {EVENT_TIER_SUSPECT, EVENT_TIER_UNKNOWN,
	    EVENT_TIER_KNOWN, EVENT_TIER_UNKNOWN, EVENT_TIER_TRUSTED, EVENT_TIER_CHALLENGED,
	    EVENT_TIER_TRUSTED, EVENT_TIER_SUSPECT};
	static const uint32_t out[] = {4, 6, 2, 5, 1, 3, 0, 7};
	struct inbox *b = inbox();
	struct inbox_item item;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(in); i++)
		assert_true(put(b, in[i], SPAN("OPTIONS"), i));
	assert_int_equal(inbox_stats(b)->waiting, ARRAY_LEN(in));
	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		assert_false(inbox_is_empty(b));
		assert_true(inbox_take(b, &item));
		assert_int_equal(item.received, out[i]);
		assert_int_equal(item.flow.remote.port, out[i]);
		assert_int_equal(item.flow.listener, 3);
		assert_int_equal(item.gate.tier, in[out[i]]);
		assert_true(item.gate.score == (float)out[i]);
		assert_true(span_eq(item.data, SPAN("OPTIONS")));
	}
	assert_true(inbox_is_empty(b));
	assert_false(inbox_take(b, &item));
	assert_int_equal(inbox_stats(b)->served[EVENT_TIER_TRUSTED], 2);
	assert_int_equal(inbox_stats(b)->queued[EVENT_TIER_UNKNOWN], 2);
	inbox_free(b);
}

/* One that comes in between is served before what waited longer in a lower queue. */
static void test_overtaking(void **state)
{
	struct inbox *b = inbox();
	struct inbox_item item;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		assert_true(put(b, EVENT_TIER_UNKNOWN, SPAN("x"), i));
	assert_true(inbox_take(b, &item));
	assert_int_equal(item.received, 0);
	assert_true(put(b, EVENT_TIER_KNOWN, SPAN("y"), 1000));
	assert_true(inbox_take(b, &item));
	assert_int_equal(item.received, 1000);
	assert_true(inbox_take(b, &item));
	assert_int_equal(item.received, 1);
	inbox_free(b);
}

/* A full queue drops what comes and counts it, and takes again as soon as there is room; the others
 * have room of their own. */
static void test_full(void **state)
{
	static char big[65507];
	struct inbox *b = inbox();
	struct inbox_item item;
	uint32_t fit = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 >> 3);
	while (put(b, EVENT_TIER_UNKNOWN, span_of(big, 1000), fit))
		fit++;
	assert_in_range(fit, 380, 470); /* 512 KiB */
	assert_int_equal(inbox_stats(b)->dropped[EVENT_TIER_UNKNOWN], 1);
	assert_false(put(b, EVENT_TIER_UNKNOWN, span_of(big, 1000), fit));
	assert_int_equal(inbox_stats(b)->dropped[EVENT_TIER_UNKNOWN], 2);
	assert_int_equal(inbox_stats(b)->waiting, fit);
	assert_true(put(b, EVENT_TIER_SUSPECT, span_of(big, sizeof(big)), 7));
	assert_false(put(b, EVENT_TIER_SUSPECT, span_of(big, sizeof(big)), 8));
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(inbox_take(b, &item));
		assert_int_equal(item.received, i);
	}
	assert_true(put(b, EVENT_TIER_UNKNOWN, span_of(big, 1000), fit));
	assert_true(put(b, EVENT_TIER_UNKNOWN, span_of(big, 1000), fit + 1));
	assert_false(put(b, EVENT_TIER_UNKNOWN, span_of(big, 1000), fit + 2));
	for (uint32_t i = 3; i < fit + 2; i++) {
		assert_true(inbox_take(b, &item));
		assert_int_equal(item.received, i);
		assert_memory_equal(item.data.p, big, 1000);
	}
	assert_true(inbox_take(b, &item));
	assert_int_equal(item.gate.tier, EVENT_TIER_SUSPECT);
	assert_int_equal(item.data.n, sizeof(big));
	assert_memory_equal(item.data.p, big, sizeof(big));
	assert_true(inbox_is_empty(b));
	inbox_free(b);
}

/* The fullest queue counts, but for that of suspect sources. */
static void test_fill(void **state)
{
	static char big[64000];
	struct inbox *b = inbox();
	struct inbox_item item;

	(void)state;
	assert_true(inbox_fill(b) == 0);
	assert_true(put(b, EVENT_TIER_SUSPECT, span_of(big, sizeof(big)), 0));
	assert_true(inbox_fill(b) == 0);
	assert_true(put(b, EVENT_TIER_KNOWN, span_of(big, sizeof(big)), 1)); /* of 1 MiB */
	assert_true(inbox_fill(b) > 0.06 && inbox_fill(b) < 0.07);
	assert_true(put(b, EVENT_TIER_UNKNOWN, span_of(big, sizeof(big)), 2)); /* of 512 KiB */
	assert_true(inbox_fill(b) > 0.12 && inbox_fill(b) < 0.13);
	while (put(b, EVENT_TIER_UNKNOWN, span_of(big, 1000), 3))
		;
	assert_true(inbox_fill(b) > 0.99 && inbox_fill(b) <= 1);
	while (inbox_take(b, &item))
		;
	(void)inbox_is_empty(b);
	assert_true(inbox_fill(b) == 0);
	inbox_free(b);
}

/* Sizes of all kinds, the rings going round hundreds of times: nothing is lost, mixed up or out of
 * order. */
static void test_round_and_round(void **state)
{
	static char text[65507];
	struct inbox *b = inbox();
	uint32_t put_n[EVENT_TIER_COUNT] = {0}, got_n[EVENT_TIER_COUNT] = {0}, refused = 0;
	struct inbox_item item;
	struct rng rng;

	(void)state;
	rng_init_seed(&rng, 7);
	for (int i = 0; i < 200000; i++) {
		uint64_t r = rng_u64(&rng);
		enum event_tier t = EVENT_TIER_SUSPECT + (unsigned)(r % 5);
		uint32_t n = (uint32_t)(r >> 8) % ((r >> 40) % 50 ? 1500 : sizeof(text));

		if (r >> 56 < 120) {
			memset(text, (char)put_n[t], n);
			if (put(b, t, span_of(text, n), put_n[t]))
				put_n[t]++;
			else
				refused++;
		} else if (inbox_take(b, &item)) {
			t = item.gate.tier;
			assert_int_equal(item.received, got_n[t]);
			for (size_t k = 0; k < item.data.n; k += 101)
				assert_int_equal(item.data.p[k], (char)got_n[t]);
			got_n[t]++;
		}
	}
	assert_true(refused > 0);
	while (inbox_take(b, &item))
		assert_int_equal(item.received, got_n[item.gate.tier]++);
	for (int t = EVENT_TIER_SUSPECT; t <= EVENT_TIER_TRUSTED; t++) {
		assert_int_equal(put_n[t], got_n[t]);
		assert_true(put_n[t] > 1000);
		assert_int_equal(inbox_stats(b)->queued[t], put_n[t]);
		assert_int_equal(inbox_stats(b)->served[t], got_n[t]);
	}
	inbox_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_overtaking),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_fill),
	    cmocka_unit_test(test_round_and_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
