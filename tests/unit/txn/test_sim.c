/* SPDX-License-Identifier: MIT
 *
 * Eight hours of call patterns on virtual time, and worse days. What must hold on all of them:
 * every transaction ends, every caller hears one final response (or several 2xx), nothing is left
 * in wheel, slab or tables, and nothing ever exceeds its fixed size. The nodes assert the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "sim.h"

static const struct sim_params usual = {
    .seed = 1,
    .length = 8 * 3600 * USEC_SEC,
    .call_gap = 400 * USEC_MS,
    .loss = 30,
    .twice = 20,
    .reliable = 20,
    .broken = 2,
    .slab_bytes = 64 << 20,
    .table_capacity = 200000,
};

static void report(const struct sim *s)
{
	const struct sim_stats *t = &s->stats;

	printf(
	    "  calls %llu answered %llu refused %llu timeouts %llu cancels %llu options %llu\n"
	    "  transactions %llu messages %llu lost %llu strays %llu no room %llu broken %llu\n"
	    "  late 2xx %llu further 2xx %llu timer C %llu silent %llu aggregated %llu groups %llu "
	    "peak %zu KiB\n",
	    (unsigned long long)t->calls, (unsigned long long)t->answered,
	    (unsigned long long)t->refused, (unsigned long long)t->timeouts,
	    (unsigned long long)t->cancels, (unsigned long long)t->options,
	    (unsigned long long)t->transactions, (unsigned long long)t->sent,
	    (unsigned long long)t->lost, (unsigned long long)t->strays,
	    (unsigned long long)t->no_room, (unsigned long long)t->transport_failed,
	    (unsigned long long)t->late_2xx, (unsigned long long)t->forked_2xx,
	    (unsigned long long)t->timer_c, (unsigned long long)t->silent,
	    (unsigned long long)t->aggregated, (unsigned long long)t->groups, s->slab.peak >> 10);
}

static struct sim_stats run(const struct sim_params *p)
{
	struct sim *s = malloc(sizeof(*s));
	struct sim_stats stats;
	usec_t end, due;

	assert_non_null(s);
	sim_init(s, p);
	end = sim_run(s);
	report(s);
	assert_true(end < s->until + 3600 * USEC_SEC);
	assert_int_equal(s->wheel.armed, 0);
	assert_false(wheel_next(&s->wheel, &due));
	assert_int_equal(s->xacts.count, 0);
	assert_int_equal(s->legs.count, 0);
	assert_int_equal(s->slab.blocks, 0);
	assert_int_equal(slab_used(&s->slab), 0);
	assert_true(s->slab.peak <= p->slab_bytes);
	for (size_t i = 0; i < s->calls; i++)
		assert_true(s->call[i].over && s->call[i].final);
	stats = s->stats;
	sim_done(s);
	free(s);
	return stats;
}

static void test_eight_hours(void **state)
{
	struct sim_stats t = run(&usual);

	(void)state;
	assert_int_equal(t.no_room, 0);
	assert_true(t.calls > 50000);
	assert_true(t.answered > t.calls / 4);
	/* Every corner was visited. */
	assert_true(t.cancels && t.timeouts && t.forked_2xx && t.timer_c && t.silent &&
		    t.aggregated && t.groups && t.transport_failed && t.strays);
}

static void test_days(void **state)
{
	static const struct {
		const char *name;
		unsigned loss, twice, reliable, broken;
	} rows[] = {
	    {"perfect network", 0, 0, 0, 0},
	    {"streams only", 0, 0, 100, 0},
	    {"streams that break", 0, 0, 100, 100},
	    {"half of all is lost", 500, 0, 0, 0},
	    {"nearly all is lost", 950, 0, 0, 0},
	    {"all is lost", 1000, 0, 0, 0},
	    {"all comes twice", 0, 1000, 0, 0},
	    {"all at once", 200, 300, 50, 50},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sim_params p = usual;

		p.seed = 100 + i;
		p.length = USEC_SEC * 1200;
		p.loss = rows[i].loss;
		p.twice = rows[i].twice;
		p.reliable = rows[i].reliable;
		p.broken = rows[i].broken;
		printf("%s\n", rows[i].name);
		run(&p);
	}
}

/* Too little room for what comes: refused and counted, and all that began still ends. */
static void test_overload(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct sim_params p = usual;

		p.seed = 200 + i;
		p.length = USEC_SEC * 1200;
		p.call_gap = USEC_SEC / 10;
		if (i)
			p.table_capacity = 500;
		else
			p.slab_bytes = 512 << 10;
		printf("%s\n", i ? "small tables" : "small slab");
		assert_true(run(&p).no_room > 1000);
	}
}

static void test_seeds(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct sim_params p = usual;

		p.seed = 300 + i;
		p.length = USEC_SEC * 600;
		p.loss = i * 40;
		run(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_eight_hours),
	    cmocka_unit_test(test_days),
	    cmocka_unit_test(test_overload),
	    cmocka_unit_test(test_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
