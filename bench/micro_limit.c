/* SPDX-License-Identifier: MIT
 *
 * What limits cost a request: nanoseconds for one limit of each algorithm, when it passes and when
 * it is refused, with one source and with very many, and for many limits that do not match. One
 * thread, its CPU time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guard/limit.h"

#define ROUNDS  (1u << 21)
#define SOURCES (1u << 20)

static uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void ignore(void *arg, const struct limit_answer *a)
{
	(void)arg;
	(void)a;
}

static struct addr source(uint32_t n)
{
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10}};

	a.ip[13] = (uint8_t)(n >> 16);
	a.ip[14] = (uint8_t)(n >> 8);
	a.ip[15] = (uint8_t)n;
	return a;
}

/* sources: a power of two; step: between two requests. */
static double run(const struct conf_limit *limit, size_t n, uint32_t sources, usec_t step)
{
	static const struct siphash_key key = {1, 2};
	struct limit_facts f = {.method = SPAN("OPTIONS"),
	    .peer = CONF_NONE,
	    .domain = CONF_NONE,
	    .tier = EVENT_TIER_UNKNOWN,
	    .destination = SPAN("alice")};
	struct limits *l;
	struct limit_plan *p;
	struct limit_answer a;
	struct addr from;
	struct rng rng;
	uint64_t begin;
	double ns;

	rng_init_seed(&rng, 1);
	if (limits_new(65536, &key, &l) != OK || limit_plan_new(limit, n, NULL, &p) != OK ||
	    limits_use(l, p) != OK)
		abort();
	f.source = &from;
	begin = nanoseconds();
	for (uint32_t i = 0; i < ROUNDS; i++) {
		from = source(i * 2654435761u & (sources - 1));
		limits_ask(l, p, &f, &rng, USEC_SEC + i * step, ignore, NULL, &a);
	}
	ns = (double)(nanoseconds() - begin) / ROUNDS;
	limit_plan_free(p);
	limits_free(l);
	return ns;
}

static struct conf_limit limit_of(enum conf_limit_algorithm algorithm)
{
	return (struct conf_limit){.name = SPAN("limit"),
	    .mode = CONF_MODE_ENFORCE,
	    .zone = CONF_NONE,
	    .peer = CONF_NONE,
	    .domain = CONF_NONE,
	    .account = -1,
	    .algorithm = algorithm,
	    .events = 50,
	    .burst = 50,
	    .window = USEC_SEC,
	    .target = 0.8,
	    .answer = 429};
}

int main(void)
{
	static const struct span invite = {"INVITE", 6};
	struct conf_limit many[16];

	for (int i = CONF_LIMIT_TOKEN_BUCKET; i <= CONF_LIMIT_NETWORK; i++) {
		struct conf_limit l = limit_of((enum conf_limit_algorithm)i);

		printf("%-15.*s passed %4.0f ns  refused %4.0f ns  of %u sources %4.0f ns\n",
		    SPAN_FMT(conf_limit_algorithm_name((enum conf_limit_algorithm)i)),
		    run(&l, 1, 1, USEC_SEC / 40), run(&l, 1, 1, 1), SOURCES,
		    run(&l, 1, SOURCES, 1));
	}
	for (size_t i = 0; i < 16; i++) {
		many[i] = limit_of(CONF_LIMIT_TOKEN_BUCKET);
		many[i].methods = &invite;
		many[i].methods_count = 1;
	}
	printf("16 limits of another method: %.0f ns\n", run(many, 16, 1, 1));
	many[0].methods_count = many[1].methods_count = 0;
	many[1].per = CONF_LIMIT_GLOBAL;
	printf("2 limits that pass: %.0f ns\n", run(many, 2, 1, USEC_SEC / 40));
	return 0;
}
