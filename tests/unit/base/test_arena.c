/* SPDX-License-Identifier: MIT
 *
 * Arenas: alignment, caps, reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_alloc(void **state)
{
	struct arena a;
	char *last = NULL;

	(void)state;
	arena_init(&a, 256, 4096);
	for (size_t n = 0; n < 100; n++) {
		char *p = arena_alloc(&a, n);

		if (!p)
			break;
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_ptr_not_equal(p, last);
		memset(p, (int)n, n);
		last = p;
	}
	assert_true(a.used <= a.cap);
	arena_done(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 10));
	arena_done(&a);
	arena_done(&a);
}

static void test_cap(void **state)
{
	struct arena a;
	size_t got = 0;

	(void)state;
	arena_init(&a, 256, 1000);
	assert_null(arena_alloc(&a, 1001));
	while (arena_alloc(&a, 16))
		got += 16;
	assert_true(got >= 992 - 16 && got <= 1000);
	arena_clear(&a);
	assert_int_equal(a.used, 256);
	assert_non_null(arena_alloc(&a, 700)); /* greater than a chunk, within the cap */
	assert_null(arena_alloc(&a, 100));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	arena_done(&a);
}

static void test_zero_bytes(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 256, 1000);
	assert_non_null(arena_alloc(&a, 0));
	assert_non_null(ARENA_ARRAY(&a, int, 0));
	arena_done(&a);
	arena_init(&a, 256, 0);
	assert_null(arena_alloc(&a, 0));
	arena_done(&a);
}

static void test_clear_keeps_first(void **state)
{
	struct arena a;
	void *first;

	(void)state;
	arena_init(&a, 256, 4096);
	arena_clear(&a);
	first = arena_alloc(&a, 32);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20; i++)
			assert_non_null(arena_alloc(&a, 100));
		arena_clear(&a);
		assert_int_equal(a.used, 256);
		assert_ptr_equal(arena_alloc(&a, 32), first);
	}
	arena_done(&a);
}

static void test_dup(void **state)
{
	static const char zero[32];
	struct arena a;
	struct span s;

	(void)state;
	arena_init(&a, 64, 256);
	s = arena_dup(&a, SPAN("alice"));
	assert_true(span_eq(s, SPAN("alice")));
	assert_int_equal(s.p[5], '\0');
	s = arena_dup(&a, span_of(NULL, 0));
	assert_true(s.p && s.n == 0 && s.p[0] == '\0');
	s = arena_dup(&a, span_of(zero, 300));
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	assert_memory_equal(arena_zalloc(&a, 32), zero, 32);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_alloc),
	    cmocka_unit_test(test_cap),
	    cmocka_unit_test(test_zero_bytes),
	    cmocka_unit_test(test_clear_keeps_first),
	    cmocka_unit_test(test_dup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
