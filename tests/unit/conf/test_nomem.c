/* SPDX-License-Identifier: MIT
 *
 * Each allocation of a load fails once: the load says so, gives nothing out and leaks nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf_help.h"

static size_t allocations, failing; /* the one of that number fails; 0 = none */

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t n)
{
	return ++allocations == failing ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return ++allocations == failing ? NULL : __real_calloc(n, size);
}

/* Large enough for several chunks of both arenas. */
static void write_config(struct buf *b)
{
	buf_add_lit(b, LEAST);
	buf_add_lit(b, "upstreams: {pbx: {zone: public, targets: [sip:127.0.0.9]}}\npeers:\n");
	for (int i = 0; i < 200; i++)
		buf_addf(b, "  p%d: {zone: public, sources: [10.0.%d.1, 10.1.%d.0/24]}\n", i, i, i);
	buf_add_lit(b, "routes:\n");
	for (int i = 0; i < 200; i++)
		buf_addf(b, "  - {from: p%d, match: \"%d*\", to: pbx}\n", i, i);
	buf_add_lit(b, "controls:\n  limits:\n");
	for (int i = 0; i < 60; i++)
		buf_addf(b,
		    "    - {name: l%d, rate: 1/s, match: {method: [INVITE, REGISTER], zone: "
		    "public, "
		    "peer: p%d, domain: example.com}}\n",
		    i, i);
	assert_true(buf_terminate(b));
}

static void test_each_allocation_fails_once(void **state)
{
	static char text[64 * 1024];
	struct buf b = BUF(text);
	enum err e = ERR_NOMEM;
	size_t n = 0;

	(void)state;
	write_config(&b);
	while (e != OK) {
		struct conf_errors errs;
		struct conf *c = NULL;

		conf_errors_init(&errs);
		allocations = 0;
		failing = ++n;
		e = conf_load_text(buf_span(&b), "r.yaml", &c, &errs);
		failing = 0;
		assert_true(e == OK || e == ERR_NOMEM);
		assert_true((e == OK) == (c != NULL));
		assert_true((e == OK) == (errs.errors == 0));
		conf_put(c);
		conf_errors_done(&errs);
	}
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation_fails_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
