/* SPDX-License-Identifier: MIT
 *
 * What the gate costs: nanoseconds of CPU for one decision, a batch of 64 fetched ahead as the edge
 * does, for each kind of source that a flood or a customer can be. One thread. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "guard/gate.h"

#define BATCH   64
#define ROUNDS  (1u << 20)
#define ENTRIES 65536

static const struct conf_standing standing_conf = {
    .mode = CONF_MODE_ENFORCE,
    .half_life = 10 * USEC_MIN,
    .suspect = 5,
    .deny = 10,
    .ban = 10 * USEC_MIN,
    .ban_max = 24 * 60 * USEC_MIN,
    .devices = 3,
    .known = 24 * 60 * USEC_MIN,
    .challenged = 5 * USEC_SEC,
};

static const struct conf_flood flood_conf = {
    .mode = CONF_MODE_ENFORCE,
    .requests = 60,
    .suspect_requests = 20,
    .known_requests = 1200,
    .flow_requests = 600,
    .prefix_requests = 600,
    .wide_requests = 6000,
    .window = 2 * USEC_SEC,
    .release = 30 * USEC_SEC,
};

struct bench {
	struct standing_policy policy;
	struct standing *standing;
	struct sketch *sketch;
	struct gate gate;
	struct rng rng;
	usec_t now, step; /* between two messages */
	uint64_t passed;
};

static uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool begin(struct bench *b)
{
	static const struct siphash_key key = {1, 2};

	b->now = 1000 * USEC_SEC;
	b->step = 1;
	rng_init_seed(&b->rng, 1);
	standing_policy_init(&b->policy, &standing_conf, &flood_conf, NULL, 0);
	if (standing_new(ENTRIES, &key, &b->standing) != OK ||
	    sketch_new(&key, flood_conf.window, &b->sketch) != OK)
		return false;
	b->gate = (struct gate){b->standing, b->sketch};
	return true;
}

static void end(struct bench *b)
{
	standing_free(b->standing);
	sketch_free(b->sketch);
}

/* n: which one; spread: all over IPv4. */
static struct addr source(uint32_t n)
{
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff}, .port = 5060};
	uint32_t ip = n * 2654435761u;

	for (int i = 0; i < 4; i++)
		a.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static void decide(struct bench *b, const struct addr *from, const struct standing_place *place)
{
	const struct gate_facts f = {
	    .source = from, .place = place, .method = LEDGER_INVITE, .bytes = 400};
	struct gate_answer a;

	b->now += b->step;
	gate_decide(&b->gate, &b->policy, &f, b->now, &a);
	b->passed += a.pass;
}

/* Sources are drawn from the first `sources`. */
static void run(struct bench *b, const char *what, uint32_t sources)
{
	struct standing_place place[BATCH];
	struct addr from[BATCH];
	uint64_t spent = 0;

	b->passed = 0;
	for (unsigned i = 0; i < ROUNDS; i += BATCH) {
		uint64_t start;

		for (unsigned n = 0; n < BATCH; n++)
			from[n] = source(rng_below(&b->rng, sources));
		start = nanoseconds();
		for (unsigned n = 0; n < BATCH; n++)
			gate_prefetch(&b->gate, &from[n], &place[n]);
		for (unsigned n = 0; n < BATCH; n++)
			gate_prefetch_entry(&b->gate, &place[n]);
		for (unsigned n = 0; n < BATCH; n++)
			decide(b, &from[n], &place[n]);
		spent += nanoseconds() - start;
	}
	printf("%-44s %6.1f ns  %5.1f %% pass\n", what, (double)spent / ROUNDS,
	    100.0 * (double)b->passed / ROUNDS);
}

/* Makes n sources held, banned or known. */
static void prepare(struct bench *b, char kind, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct standing_who who = {.source = source(i), .proven = true};
		struct standing_changes changes;

		if (kind == 'k')
			(void)standing_logged_in(b->standing, &b->policy, &who, b->now);
		if (kind == 'b')
			standing_found(b->standing, &b->policy, &who, REASON_SCAN_SIGNATURE, true,
			    b->now, &changes);
		for (int r = 0; kind == 'h' && r < 70; r++)
			decide(b, &who.source, NULL);
	}
}

static void scene(const char *what, char kind, uint32_t prepared, uint32_t sources, usec_t step)
{
	struct bench b;

	if (!begin(&b))
		exit(1);
	prepare(&b, kind, prepared);
	b.step = step;
	run(&b, what, sources);
	end(&b);
}

int main(void)
{
	scene("a flood of one source, held", 'h', 1, 1, 1);
	scene("one source, banned", 'b', 1, 1, 1);
	scene("10,000 sources, held", 'h', 10000, 10000, 0);
	scene("10,000 sources, banned", 'b', 10000, 10000, 1);
	scene("1,000 strangers within their thresholds", '-', 0, 1000, 200);
	scene("a million strangers, one message each", '-', 0, 1u << 30, 4);
	scene("one known flow", 'k', 1, 1, 20000);
	scene("10,000 known flows", 'k', 10000, 10000, 20);
	return 0;
}
