/* SPDX-License-Identifier: MIT
 *
 * The slab: sizes, the fixed sum, pages moving between classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/slab.h"

/* AddressSanitizer: too much to ask for is NULL here as well. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void test_every_size(void **state)
{
	struct slab s;

	(void)state;
	assert_int_equal(slab_init(&s, 4 * SLAB_PAGE), OK);
	for (size_t n = 0; n <= SLAB_MAX; n++) {
		char *p = slab_alloc(&s, n);
		size_t size;

		assert_non_null(p);
		size = slab_size(&s, p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_true(size >= n);
		/* At most a third is lost, but for the smallest and for a half page. */
		assert_true(n <= 64 || n > 18432 || size <= n * 4 / 3 + 16);
		assert_int_equal(slab_used(&s), size);
		if (n) {
			p[0] = 1;
			p[n - 1] = 1;
		}
		slab_free(&s, p);
		assert_int_equal(slab_used(&s), 0);
	}
	assert_int_equal(s.refused, 0);
	assert_null(slab_alloc(&s, SLAB_MAX + 1));
	assert_null(slab_alloc(&s, SIZE_MAX));
	assert_int_equal(s.refused, 2);
	slab_free(&s, NULL);
	slab_done(&s);
	slab_done(&s);
	slab_done(NULL);
}

static void test_full_and_moving(void **state)
{
	enum { PAGES = 8 };
	static const size_t sizes[] = {64, 73728, 500, 36864, 1500, 12288, 24576, 96};
	struct slab s;
	void **p = calloc(PAGES * SLAB_PAGE / 64 + 1, sizeof(*p));

	(void)state;
	assert_non_null(p);
	assert_int_equal(slab_init(&s, PAGES * SLAB_PAGE + 5000), OK);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint64_t refused = s.refused;
		size_t n = 0, per_page;

		while ((p[n] = slab_alloc(&s, sizes[i])))
			memset(p[n++], 0xa5, sizes[i]);
		per_page = SLAB_PAGE / slab_size(&s, p[0]);
		assert_int_equal(n, PAGES * per_page);
		assert_int_equal(s.blocks, n);
		assert_int_equal(s.refused, refused + 1);
		/* One block back makes room for one, of its class only. */
		slab_free(&s, p[n / 2]);
		if (per_page > 1)
			assert_null(slab_alloc(&s, 5000));
		p[n / 2] = slab_alloc(&s, sizes[i]);
		assert_non_null(p[n / 2]);
		/* All back in a crooked order: the next class gets all the pages. */
		for (size_t k = 0; k < n; k += 2)
			slab_free(&s, p[k]);
		for (size_t k = 1; k < n; k += 2)
			slab_free(&s, p[k]);
		assert_int_equal(s.blocks, 0);
		assert_int_equal(slab_used(&s), 0);
	}
	assert_in_range(s.peak, PAGES * SLAB_PAGE * 9 / 10, PAGES * SLAB_PAGE);
	free(p);
	slab_done(&s);
}

/* Blocks of random sizes live and die; nobody's bytes change under them. */
static void test_random_life(void **state)
{
	enum { N = 2000, STEPS = 200000 };
	struct block {
		unsigned char *p;
		size_t n;
		unsigned char mark;
	} *b = calloc(N, sizeof(*b));
	struct slab s;
	struct rng rng;
	size_t refused = 0;

	(void)state;
	assert_non_null(b);
	rng_init_seed(&rng, 42);
	assert_int_equal(slab_init(&s, 60 * SLAB_PAGE), OK);
	for (size_t step = 0; step < STEPS; step++) {
		struct block *k = &b[rng_below(&rng, N)];

		if (k->p) {
			assert_int_equal(k->p[0], k->mark);
			assert_int_equal(k->p[k->n / 2], k->mark);
			assert_int_equal(k->p[k->n - 1], k->mark);
			slab_free(&s, k->p);
			k->p = NULL;
			continue;
		}
		k->n = 1 + rng_below(&rng, rng_below(&rng, 50) ? 3000 : SLAB_MAX);
		k->mark = (unsigned char)rng_u64(&rng);
		k->p = slab_alloc(&s, k->n);
		if (k->p)
			memset(k->p, k->mark, k->n);
		else
			refused++;
	}
	assert_int_equal(s.refused, refused);
	for (size_t i = 0; i < N; i++)
		slab_free(&s, b[i].p);
	assert_int_equal(s.blocks, 0);
	assert_int_equal(s.used, 0);
	/* Nothing is stuck in a class. */
	for (size_t i = 0; i < s.pages; i++)
		assert_non_null(slab_alloc(&s, SLAB_MAX));
	free(b);
	slab_done(&s);
}

static void test_memory(void **state)
{
	struct slab s;

	(void)state;
	assert_int_equal(slab_init(&s, 0), OK);
	assert_int_equal(s.pages, 1);
	assert_non_null(slab_alloc(&s, 1));
	slab_done(&s);
	assert_in_range(slab_memory(100 * SLAB_PAGE), 100 * SLAB_PAGE, 101 * SLAB_PAGE);
	assert_int_equal(slab_init(&s, SIZE_MAX / 2), ERR_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_size),
	    cmocka_unit_test(test_full_and_moving),
	    cmocka_unit_test(test_random_life),
	    cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
