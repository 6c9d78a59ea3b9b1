/* SPDX-License-Identifier: MIT
 *
 * The fixed keyed hash table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/rng.h"
#include "base/table.h"

struct entry {
	uint64_t key; /* before the node: the offset is negative */
	struct table_node node;
	unsigned seen;
};

/* AddressSanitizer: too much to ask for is NULL here as well. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static const struct siphash_key hash_key = {1, 2};

static struct entry *entry_of(struct table_node *n)
{
	return n ? table_entry(n, struct entry, node) : NULL;
}

static void init(struct table *t, size_t capacity)
{
	assert_int_equal(
	    table_init(t, capacity, TABLE_KEY(struct entry, node, key), &hash_key), OK);
}

static void test_insert_find_remove(void **state)
{
	struct table t;
	struct entry a = {.key = 7}, b = {.key = 8}, twin = {.key = 7};
	uint64_t k = 7;

	(void)state;
	init(&t, 10);
	assert_null(table_find(&t, &k));
	assert_null(table_first(&t));
	assert_int_equal(table_insert(&t, &a.node), OK);
	assert_int_equal(table_insert(&t, &b.node), OK);
	assert_ptr_equal(entry_of(table_find(&t, &k)), &a);
	assert_int_equal(table_insert(&t, &twin.node), ERR_EXISTS);
	assert_false(table_has(&twin.node));
	assert_int_equal(t.count, 2);
	table_remove(&t, &a.node);
	table_remove(&t, &a.node);
	assert_null(table_find(&t, &k));
	assert_false(table_has(&a.node));
	assert_int_equal(table_insert(&t, &twin.node), OK);
	assert_ptr_equal(entry_of(table_find(&t, &k)), &twin);
	table_done(&t);
	table_done(&t);
	table_done(NULL);
}

static void test_capacity(void **state)
{
	static const size_t capacities[] = {0, 1, 7, 8, 9, 1000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
		size_t n = capacities[i];
		struct entry *e = calloc(n + 1, sizeof(*e));
		struct table t;

		init(&t, n);
		assert_int_equal(table_memory(n), (t.mask + 1) * sizeof(void *));
		assert_true(t.mask + 1 >= n);
		for (size_t k = 0; k <= n; k++) {
			e[k].key = k;
			assert_int_equal(table_insert(&t, &e[k].node), k < n ? OK : ERR_FULL);
		}
		assert_int_equal(t.refused, 1);
		/* A key that is there is told so even when the table is full. */
		e[n].key = 0;
		if (n)
			assert_int_equal(table_insert(&t, &e[n].node), ERR_EXISTS);
		assert_int_equal(t.refused, 1);
		table_done(&t);
		free(e);
	}
	assert_int_equal(table_init(&(struct table){0}, SIZE_MAX / 8, 0, 8, &hash_key), ERR_NOMEM);
}

static void test_walk(void **state)
{
	enum { N = 500 };
	struct entry *e = calloc(N, sizeof(*e));
	struct table t;
	size_t n = 0;

	(void)state;
	init(&t, N);
	for (size_t i = 0; i < N; i++) {
		e[i].key = i * 1000003;
		assert_int_equal(table_insert(&t, &e[i].node), OK);
	}
	/* Each once, and the one at hand may go. */
	table_for_each(it, &t) {
		struct entry *x = entry_of(it);

		x->seen++;
		if (x->key % 2)
			table_remove(&t, it);
	}
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(e[i].seen, 1);
		assert_int_equal(table_has(&e[i].node), e[i].key % 2 == 0);
	}
	table_for_each(it, &t)
		n++;
	assert_int_equal(n, N / 2);
	assert_int_equal(t.count, N / 2);
	table_done(&t);
	free(e);
}

static void test_random_life(void **state)
{
	enum { N = 400, STEPS = 100000 };
	struct entry *e = calloc(N, sizeof(*e));
	struct table t;
	struct rng rng;
	size_t in = 0;

	(void)state;
	rng_init_seed(&rng, 4);
	init(&t, N / 2);
	for (size_t i = 0; i < N; i++)
		e[i].key = i;
	for (size_t step = 0; step < STEPS; step++) {
		struct entry *x = &e[rng_below(&rng, N)];

		assert_ptr_equal(entry_of(table_find(&t, &x->key)), table_has(&x->node) ? x : NULL);
		if (table_has(&x->node)) {
			table_remove(&t, &x->node);
			in--;
		} else if (table_insert(&t, &x->node) == OK) {
			in++;
		} else {
			assert_int_equal(in, N / 2);
		}
		assert_int_equal(t.count, in);
	}
	table_done(&t);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_insert_find_remove),
	    cmocka_unit_test(test_capacity),
	    cmocka_unit_test(test_walk),
	    cmocka_unit_test(test_random_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
