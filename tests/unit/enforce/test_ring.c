/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "enforce/ring.h"

static void count_wake(void *arg)
{
	++*(unsigned *)arg;
}

static void sum(void *arg, const struct enforce_ban *b)
{
	usec_t *last = arg;

	assert_true(b->until > *last);
	*last = b->until;
}

static void test_order_and_overflow(void **state UNUSED)
{
	static struct enforce_ring r;
	unsigned wakes = 0;
	usec_t last = 0;

	enforce_ring_init(&r, count_wake, &wakes);
	for (usec_t round = 0; round < 3; round++) {
		for (usec_t i = 1; i <= ENFORCE_RING_SLOTS; i++)
			enforce_ring_push(&r, &(struct enforce_ban){.until = 1000 * round + i});
		assert_false(enforce_ring_drain(&r, sum, &last));
		assert_int_equal(last, 1000 * round + ENFORCE_RING_SLOTS);
	}
	assert_int_equal(wakes, 3 * ENFORCE_RING_SLOTS);
	for (usec_t i = 1; i <= ENFORCE_RING_SLOTS + 5; i++)
		enforce_ring_push(&r, &(struct enforce_ban){.until = 5000 + i});
	assert_true(enforce_ring_drain(&r, sum, &last));
	assert_int_equal(last, 5000 + ENFORCE_RING_SLOTS);
	assert_false(enforce_ring_drain(&r, sum, &last));
}

enum { MANY = 200000 };

static void *produce(void *arg)
{
	for (usec_t i = 1; i <= MANY; i++)
		enforce_ring_push(arg, &(struct enforce_ban){.until = i});
	return NULL;
}

/* Two threads: in order, and the last one is there or the mark is set. */
static void test_two_threads(void **state UNUSED)
{
	static struct enforce_ring r;
	pthread_t thread;
	usec_t last = 0;
	bool missed = false;

	enforce_ring_init(&r, NULL, NULL);
	assert_int_equal(pthread_create(&thread, NULL, produce, &r), 0);
	for (int i = 0; i < 1000; i++)
		missed = enforce_ring_drain(&r, sum, &last) || missed;
	pthread_join(thread, NULL);
	missed = enforce_ring_drain(&r, sum, &last) || missed;
	assert_true(last == MANY || missed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order_and_overflow),
	    cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
