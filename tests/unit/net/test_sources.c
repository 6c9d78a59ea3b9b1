/* SPDX-License-Identifier: MIT
 *
 * Counts of connections a source, alone and from several threads. */
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

#include "net/sources.h"

static void test_cap(void **state)
{
	struct net_sources *t;
	struct addr a = rig_addr("192.0.2.1:4000"), other = rig_addr("192.0.2.2:4000");

	(void)state;
	assert_int_equal(net_sources_new(100, &t), OK);
	for (int i = 0; i < 3; i++) {
		a.port++;
		assert_int_equal(net_sources_take(t, &a, 3), OK);
	}
	assert_int_equal(net_sources_take(t, &a, 3), ERR_DENIED);
	assert_int_equal(net_sources_count(t, &a), 3);
	assert_int_equal(net_sources_take(t, &other, 3), OK);
	net_sources_give(t, &a);
	assert_int_equal(net_sources_take(t, &a, 3), OK);
	assert_int_equal(net_sources_take(t, &a, 4), OK);
	for (int i = 0; i < 4; i++)
		net_sources_give(t, &a);
	assert_int_equal(net_sources_count(t, &a), 0);
	assert_int_equal(net_sources_count(t, &other), 1);
	net_sources_free(t);
}

/* What counts as one source. */
static void test_prefix(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
	    {"::1", "192.0.2.1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = rig_addr(rows[i].a), b = rig_addr(rows[i].b);
		struct net_sources *t;

		assert_int_equal(net_sources_new(1, &t), OK);
		assert_int_equal(net_sources_take(t, &a, 1), OK);
		assert_int_equal(net_sources_count(t, &b), rows[i].same ? 1 : 0);
		net_sources_free(t);
	}
}

/* As many sources as there may be connections all find a place, and all places come back. */
static void test_full_of_sources(void **state)
{
	struct net_sources *t;
	struct addr a = rig_addr("10.0.0.0");

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(net_sources_new(20000, &t), OK);
		for (uint32_t i = 0; i < 20000; i++) {
			a.ip[13] = (uint8_t)(i >> 16);
			a.ip[14] = (uint8_t)(i >> 8);
			a.ip[15] = (uint8_t)i;
			assert_int_equal(net_sources_take(t, &a, 1), OK);
			assert_int_equal(net_sources_take(t, &a, 1), ERR_DENIED);
			if (round)
				net_sources_give(t, &a);
		}
		net_sources_free(t);
	}
	net_sources_free(NULL);
}

struct crowd {
	struct net_sources *t;
	atomic_uint inside, most, taken;
};

static void *take_and_give(void *arg)
{
	struct crowd *c = arg;
	struct addr a = rig_addr("192.0.2.1");

	for (int i = 0; i < 50000; i++) {
		unsigned n, most;

		if (net_sources_take(c->t, &a, 2) != OK)
			continue;
		n = atomic_fetch_add(&c->inside, 1) + 1;
		most = atomic_load(&c->most);
		while (n > most && !atomic_compare_exchange_weak(&c->most, &most, n))
			;
		atomic_fetch_add(&c->taken, 1);
		atomic_fetch_sub(&c->inside, 1);
		net_sources_give(c->t, &a);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct crowd c = {.taken = 0};
	struct addr a = rig_addr("192.0.2.1");
	pthread_t threads[4];

	(void)state;
	assert_int_equal(net_sources_new(100, &c.t), OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &c), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_true(c.taken > 0);
	assert_true(c.most <= 2);
	assert_int_equal(net_sources_count(c.t, &a), 0);
	net_sources_free(c.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cap),
	    cmocka_unit_test(test_prefix),
	    cmocka_unit_test(test_full_of_sources),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
