/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "event/hub.h"

static void count_wake(void *arg)
{
	++*(unsigned *)arg;
}

static void remember_time(void *arg, const struct event *e)
{
	*(usec_t *)arg = e->wall;
}

static void test_order_full_and_lost(void **state UNUSED)
{
	struct event_ring r;
	struct event e;
	usec_t last = 0;

	assert_int_equal(event_ring_init(&r, 4, NULL, NULL), OK);
	for (int round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 6; i++) {
			event_init(&e, EVENT_VERDICT, REASON_AUTH_OK, i + 1);
			assert_int_equal(event_ring_push(&r, &e), i < 4);
		}
		assert_int_equal(event_ring_drain(&r, 1, remember_time, &last), 1);
		assert_int_equal(last, 1);
		assert_int_equal(event_ring_drain(&r, 100, remember_time, &last), 3);
		assert_int_equal(last, 4);
		assert_int_equal(event_ring_drain(&r, 100, remember_time, &last), 0);
	}
	assert_int_equal(event_ring_lost(&r), 200);
	event_ring_done(&r);
}

static void test_index_wraps(void **state UNUSED)
{
	struct event_ring r;
	struct event e;
	usec_t last = 0;

	assert_int_equal(event_ring_init(&r, 2, NULL, NULL), OK);
	atomic_store(&r.head, UINT32_MAX);
	atomic_store(&r.tail, UINT32_MAX);
	r.tail_seen = UINT32_MAX;
	event_init(&e, EVENT_VERDICT, REASON_AUTH_OK, 1);
	assert_true(event_ring_push(&r, &e));
	e.wall = 2;
	assert_true(event_ring_push(&r, &e));
	assert_false(event_ring_push(&r, &e));
	assert_int_equal(event_ring_drain(&r, 9, remember_time, &last), 2);
	assert_int_equal(last, 2);
	event_ring_done(&r);
}

static void test_one_wake_until_drained(void **state UNUSED)
{
	struct event_ring r;
	struct event e;
	unsigned wakes = 0;
	usec_t last;

	assert_int_equal(event_ring_init(&r, 64, count_wake, &wakes), OK);
	event_init(&e, EVENT_VERDICT, REASON_AUTH_OK, 1);
	event_ring_flush(&r);
	assert_int_equal(wakes, 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(event_ring_push(&r, &e));
		event_ring_flush(&r);
	}
	assert_int_equal(wakes, 1);
	assert_int_equal(event_ring_drain(&r, 99, remember_time, &last), 5);
	event_ring_flush(&r);
	assert_int_equal(wakes, 1);
	assert_true(event_ring_push(&r, &e));
	event_ring_flush(&r);
	assert_int_equal(wakes, 2);
	event_ring_done(&r);
}

#define THREAD_EVENTS 200000

/* The consumer sleeps until it is woken: a wake that gets lost would hang the test. */
struct pair {
	struct event_ring ring;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken;
	uint64_t seen, sum;
	usec_t last;
	bool disorder;
};

static void wake_pair(void *arg)
{
	struct pair *p = arg;

	pthread_mutex_lock(&p->lock);
	p->woken = true;
	pthread_cond_signal(&p->cond);
	pthread_mutex_unlock(&p->lock);
}

static void *produce(void *arg)
{
	struct pair *p = arg;
	struct event e;

	for (usec_t i = 1; i <= THREAD_EVENTS; i++) {
		event_init(&e, EVENT_VERDICT, REASON_AUTH_OK, i);
		event_set_text(&e, EVENT_TEXT_METHOD, SPAN("OPTIONS"));
		while (!event_ring_push(&p->ring, &e)) {
			event_ring_flush(&p->ring);
			sched_yield();
		}
		if (i % 7 == 0)
			event_ring_flush(&p->ring);
	}
	event_ring_flush(&p->ring);
	return NULL;
}

static void consume_one(void *arg, const struct event *e)
{
	struct pair *p = arg;

	p->disorder |=
	    e->wall <= p->last || !span_eq(event_text(e, EVENT_TEXT_METHOD), SPAN("OPTIONS"));
	p->last = e->wall;
	p->seen++;
	p->sum += e->wall;
}

static void test_two_threads(void **state UNUSED)
{
	static struct pair p = {
	    .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
	pthread_t thread;

	assert_int_equal(event_ring_init(&p.ring, 256, wake_pair, &p), OK);
	assert_int_equal(pthread_create(&thread, NULL, produce, &p), 0);
	while (p.seen < THREAD_EVENTS) {
		pthread_mutex_lock(&p.lock);
		while (!p.woken)
			pthread_cond_wait(&p.cond, &p.lock);
		p.woken = false;
		pthread_mutex_unlock(&p.lock);
		while (event_ring_drain(&p.ring, 100, consume_one, &p) == 100)
			;
	}
	pthread_join(thread, NULL);
	assert_false(p.disorder);
	assert_true(p.sum == (uint64_t)THREAD_EVENTS * (THREAD_EVENTS + 1) / 2);
	event_ring_done(&p.ring);
}

struct follower {
	struct event_tap tap;
	unsigned seen;
	bool leaves;
};

static void follow(struct event_tap *tap, const struct event *e UNUSED, struct span line)
{
	struct follower *f = CONTAINER_OF(tap, struct follower, tap);

	assert_true(line.n > 100 && line.p[0] == '{' && line.p[line.n - 1] == '}');
	f->seen++;
	if (f->leaves)
		event_hub_remove_tap(tap);
}

static void test_hub_serves_taps(void **state UNUSED)
{
	struct follower stays = {.tap.fn = follow}, leaves = {.tap.fn = follow, .leaves = true};
	struct event_ring r;
	struct event_hub h;
	struct event e;

	event_hub_init(&h, SPAN("n"));
	event_hub_add_tap(&h, &leaves.tap);
	event_hub_add_tap(&h, &stays.tap);
	assert_int_equal(event_ring_init(&r, 8, NULL, NULL), OK);
	event_init(&e, EVENT_VERDICT, REASON_AUTH_OK, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_true(event_ring_push(&r, &e));
	assert_true(event_hub_drain(&h, &r, 2));
	assert_false(event_hub_drain(&h, &r, 2));
	assert_int_equal(stays.seen, 3);
	assert_int_equal(leaves.seen, 1);
	assert_int_equal(h.events, 3);
	event_hub_remove_tap(&stays.tap);
	event_hub_emit(&h, &e);
	assert_int_equal(stays.seen, 3);
	event_ring_done(&r);
	event_hub_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order_full_and_lost),
	    cmocka_unit_test(test_index_wraps),
	    cmocka_unit_test(test_one_wake_until_drained),
	    cmocka_unit_test(test_two_threads),
	    cmocka_unit_test(test_hub_serves_taps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
