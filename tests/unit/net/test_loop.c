/* SPDX-License-Identifier: MIT
 *
 * The loop: deadlines on a virtual clock, the hook before sleep, stopping from another thread. */
#include "rig.h"

#include <pthread.h>

static void count(void *arg)
{
	++*(int *)arg;
}

static void test_wake_at(void **state)
{
	struct rig *r = *state;
	int fired = 0;

	net_loop_on_wake(&r->loop, count, &fired);
	net_loop_wake_at(&r->loop, r->now + 500);
	rig_turn(r);
	assert_int_equal(fired, 0);
	r->now += 499;
	rig_turn(r);
	assert_int_equal(fired, 0);
	r->now += 1;
	rig_turn(r);
	assert_int_equal(fired, 1);
	r->now += USEC_MIN;
	rig_turn(r);
	assert_int_equal(fired, 1); /* one shot */
	net_loop_wake_at(&r->loop, r->now);
	net_loop_wake_at(&r->loop, r->now + 10); /* replaces */
	rig_turn(r);
	assert_int_equal(fired, 1);
	r->now += 10;
	rig_turn(r);
	assert_int_equal(fired, 2);
	net_loop_wake_at(&r->loop, r->now + 10);
	net_loop_wake_at(&r->loop, USEC_MAX); /* takes back */
	r->now += USEC_MIN;
	rig_turn(r);
	assert_int_equal(fired, 2);
}

static void test_clocks(void **state)
{
	struct rig *r = *state;

	r->now += 12345;
	rig_turn(r);
	assert_int_equal(r->loop.now, r->now);
	assert_int_equal(net_loop_wall(&r->loop), r->now + 1000000 * USEC_SEC);
}

static void test_before_sleep(void **state)
{
	struct rig *r = *state;
	int sleeps = 0;

	net_loop_on_before_sleep(&r->loop, count, &sleeps);
	rig_turn(r);
	rig_turn(r);
	assert_int_equal(sleeps, 2);
}

struct both {
	struct net_timer a, b;
	int fired;
};

static void first_of_two(void *arg)
{
	struct both *x = arg;

	x->fired++;
	net_timer_set(&x->b, x->a.loop->now + 20);
}

static void second_of_two(void *arg)
{
	((struct both *)arg)->fired += 10;
}

static void test_timers(void **state)
{
	struct rig *r = *state;
	struct both x = {.fired = 0};

	net_timer_init(&x.a, &r->loop, first_of_two, &x);
	net_timer_init(&x.b, &r->loop, second_of_two, &x);
	net_timer_set(&x.a, r->now + 5);
	r->now += 5;
	rig_turn(r);
	assert_int_equal(x.fired, 1);
	r->now += 20;
	rig_turn(r);
	assert_int_equal(x.fired, 11);
	net_timer_done(&x.a);
	net_timer_done(&x.b);
}

static void stop(void *arg)
{
	net_loop_stop(arg);
}

static void *stop_from_afar(void *arg)
{
	net_loop_stop(arg);
	return NULL;
}

static void test_real_clock(void **state)
{
	struct net_loop l;
	usec_t from;

	(void)state;
	assert_int_equal(net_loop_init(&l, NULL), OK);
	from = l.now;
	net_loop_on_wake(&l, stop, &l);
	net_loop_wake_at(&l, l.now + 3500);
	net_loop_run(&l);
	net_loop_refresh(&l);
	assert_true(l.now - from >= 3500);
	assert_true(net_loop_wall(&l) > 1700000000 * USEC_SEC);
	net_loop_done(&l);
}

static void test_stop_from_another_thread(void **state)
{
	struct rig *r = *state;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, stop_from_afar, &r->loop), 0);
	net_loop_run(&r->loop);
	pthread_join(t, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_wake_at, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_clocks, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_before_sleep, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_timers, rig_up, rig_down),
	    cmocka_unit_test(test_real_clock),
	    cmocka_unit_test_setup_teardown(test_stop_from_another_thread, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
