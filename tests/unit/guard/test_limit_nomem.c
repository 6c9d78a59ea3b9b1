/* SPDX-License-Identifier: MIT
 *
 * Each allocation for limits and their plans fails once: they say so, leak nothing, and what was in
 * use before goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard/limit.h"

static size_t allocations, failing; /* the one of that number fails; 0 = none */

static bool fails(void)
{
	return ++allocations == failing;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t to, size_t n);
void *__wrap_aligned_alloc(size_t to, size_t n);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t to, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(to, n);
}

static const struct conf_limit counts = {.name = {"a", 1},
    .mode = CONF_MODE_ENFORCE,
    .zone = CONF_NONE,
    .peer = CONF_NONE,
    .domain = CONF_NONE,
    .account = -1,
    .per = CONF_LIMIT_GLOBAL,
    .events = 1,
    .burst = 1,
    .window = USEC_SEC};

static bool passes(struct limits *l, struct limit_plan *p)
{
	struct addr source = {.port = 1};
	struct limit_facts f = {.source = &source};
	struct limit_answer a;
	struct rng rng;

	rng_init_seed(&rng, 1);
	limits_ask(l, p, &f, &rng, USEC_SEC, NULL, NULL, &a);
	return !a.limit;
}

static enum err make(struct limits **out_l, struct limit_plan **out_p)
{
	static const struct siphash_key key = {1, 2};
	enum err e = limits_new(64, &key, out_l);

	if (e == OK)
		e = limit_plan_new(&counts, 1, NULL, out_p);
	return e == OK ? limits_use(*out_l, *out_p) : e;
}

static void a_start(void **state)
{
	enum err e = ERR_NOMEM;
	size_t n = 0;

	(void)state;
	while (e != OK) {
		struct limits *l = NULL;
		struct limit_plan *p = NULL;

		allocations = 0;
		failing = ++n;
		e = make(&l, &p);
		failing = 0;
		assert_true(e == OK || e == ERR_NOMEM);
		assert_true(e != OK || (passes(l, p) && !passes(l, p)));
		limit_plan_free(p);
		limits_free(l);
	}
	assert_true(n > 5);
}

static void a_reload(void **state)
{
	struct conf_limit more[3] = {counts, counts, counts};
	struct limit_plan *p = NULL;
	struct limits *l = NULL;
	enum err e = ERR_NOMEM;
	size_t n = 0;

	(void)state;
	more[1].name = SPAN("b");
	more[1].algorithm = CONF_LIMIT_SLIDING_WINDOW;
	more[2].name = SPAN("c");
	more[2].algorithm = CONF_LIMIT_FEEDBACK;
	assert_int_equal(make(&l, &p), OK);
	assert_true(passes(l, p));
	while (e != OK) {
		struct limit_plan *next = NULL;

		allocations = 0;
		failing = ++n;
		e = limit_plan_new(more, 3, p, &next);
		if (e == OK)
			e = limits_use(l, next);
		failing = 0;
		assert_true(e == OK || e == ERR_NOMEM);
		assert_false(passes(l, p)); /* the plan in use is as it was */
		assert_true(e != OK || !passes(l, next));
		limit_plan_free(next);
	}
	assert_true(n > 6);
	limit_plan_free(p);
	limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_start), cmocka_unit_test(a_reload)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
