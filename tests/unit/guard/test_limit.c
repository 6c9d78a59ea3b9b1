/* SPDX-License-Identifier: MIT
 *
 * Limits as they are asked: each counting algorithm at its exact threshold, who has an allowance of
 * his own, what matches, order and giving back, modes, reloads, the table of keys, two threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard/limit.h"

#define START (1234567 * USEC_SEC)

static const struct siphash_key key = {3, 4};
static struct rng rng;

/* What a test says stands behind what it would be else. */
#pragma GCC diagnostic ignored "-Woverride-init"

/* A limit of 3 in a second for each source, but for what a test changes. */
#define LIMIT(...)                                \
	((struct conf_limit){.name = {"test", 4}, \
	    .mode = CONF_MODE_ENFORCE,            \
	    .zone = CONF_NONE,                    \
	    .peer = CONF_NONE,                    \
	    .domain = CONF_NONE,                  \
	    .account = -1,                        \
	    .per = CONF_LIMIT_SOURCE,             \
	    .events = 3,                          \
	    .window = USEC_SEC,                   \
	    .burst = 3,                           \
	    .answer = 429,                        \
	    __VA_ARGS__})

struct bench {
	struct limits *limits;
	struct limit_plan *plan;
};

static struct bench bench_of(const struct conf_limit *limit, size_t n, size_t keys)
{
	struct bench b;

	rng_init_seed(&rng, 1);
	assert_int_equal(limits_new(keys, &key, &b.limits), OK);
	assert_int_equal(limit_plan_new(limit, n, NULL, &b.plan), OK);
	assert_int_equal(limits_use(b.limits, b.plan), OK);
	return b;
}

static void bench_done(struct bench *b)
{
	limit_plan_free(b->plan);
	limits_free(b->limits);
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(span_str(text), &a), OK);
	return a;
}

static struct limit_facts facts_of(const struct addr *source)
{
	return (struct limit_facts){.method = SPAN("REGISTER"),
	    .zone = 0,
	    .peer = CONF_NONE,
	    .domain = CONF_NONE,
	    .tier = EVENT_TIER_UNKNOWN,
	    .source = source};
}

static unsigned told;
static struct limit_answer last_told;

static void tell(void *arg, const struct limit_answer *a)
{
	(void)arg;
	told++;
	last_told = *a;
}

static struct limit_answer ask(struct bench *b, const struct limit_facts *f, usec_t now)
{
	struct limit_answer a;

	limits_ask(b->limits, b->plan, f, &rng, now, tell, NULL, &a);
	return a;
}

static bool passes(struct bench *b, const struct limit_facts *f, usec_t now)
{
	return !ask(b, f, now).limit;
}

static unsigned burst_of(struct bench *b, const struct limit_facts *f, usec_t now, unsigned n)
{
	unsigned passed = 0;

	while (n-- > 0)
		passed += passes(b, f, now);
	return passed;
}

/* Each step: at that time, so many come, so many of them pass. */
struct step {
	usec_t at;
	unsigned come, pass;
};

static void run(const struct conf_limit *limit, const struct step *steps, size_t n)
{
	struct bench b = bench_of(limit, 1, 64);
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);

	for (size_t i = 0; i < n; i++) {
		unsigned passed = burst_of(&b, &f, START + steps[i].at, steps[i].come);

		if (passed != steps[i].pass)
			fail_msg("step %zu: %u passed, not %u", i, passed, steps[i].pass);
	}
	bench_done(&b);
}

#define RUN(limit, ...)                                  \
	do {                                             \
		const struct conf_limit l = limit;       \
		const struct step steps[] = __VA_ARGS__; \
		run(&l, steps, ARRAY_LEN(steps));        \
	} while (0)

static void token_bucket(void **state)
{
	(void)state;
	/* 3/s: one for 333,333.3 us, not rounded. */
	RUN(LIMIT(.burst = 1), {{0, 2, 1}, {333333, 1, 0}, {333334, 1, 1}, {666667, 1, 0},
				   {666668, 1, 1}, {1000001, 1, 0}, {1000002, 1, 1}});
	RUN(LIMIT(.events = 10, .burst = 5),
	    {{0, 9, 5}, {99999, 9, 0}, {100000, 2, 1}, {300000, 9, 2}, {799999, 9, 4},
		{800000, 9, 1}, {9000000, 9, 5}});
	/* The longest rate with the most events, and the shortest. */
	RUN(LIMIT(.events = 65535, .window = 60 * USEC_MIN, .burst = 65535),
	    {{0, 65536, 65535}, {54932, 1, 0}, {54933, 2, 1}});
	RUN(LIMIT(.events = 1, .window = 60 * USEC_MIN, .burst = 1),
	    {{0, 2, 1}, {60 * USEC_MIN - 1, 1, 0}, {60 * USEC_MIN, 2, 1}});
}

static void sliding_window(void **state)
{
	(void)state;
	RUN(LIMIT(.algorithm = CONF_LIMIT_SLIDING_WINDOW),
	    {{0, 1, 1}, {400000, 1, 1}, {900000, 2, 1}, {999999, 1, 0}, {1000000, 2, 1},
		{1399999, 1, 0}, {1400000, 2, 1}, {1899999, 1, 0}, {1900000, 2, 1},
		{5000000, 9, 3}});
	RUN(LIMIT(.algorithm = CONF_LIMIT_SLIDING_WINDOW, .events = 1),
	    {{0, 2, 1}, {999999, 1, 0}, {1000000, 2, 1}});
	RUN(LIMIT(.algorithm = CONF_LIMIT_SLIDING_WINDOW, .events = 1000),
	    {{0, 1500, 1000}, {999999, 1, 0}, {1000000, 1500, 1000}});
	RUN(LIMIT(.algorithm = CONF_LIMIT_SLIDING_WINDOW, .events = 5, .window = 60 * USEC_MIN),
	    {{0, 9, 5}, {60 * USEC_MIN - 1, 9, 0}, {60 * USEC_MIN, 9, 5}});
}

static void fixed_window(void **state)
{
	(void)state;
	RUN(LIMIT(.algorithm = CONF_LIMIT_FIXED_WINDOW),
	    {{0, 1, 1}, {900000, 9, 2}, {999999, 1, 0}, {1000000, 9, 3}, {1999999, 1, 0},
		{2500000, 9, 3}, {3499999, 1, 0}, {3500000, 9, 3}});
}

/* Whoever sends twice the rate steadily gets the rate, for ever: what is refused does not count. */
static void a_steady_sender_gets_its_rate(void **state)
{
	static const enum conf_limit_algorithm algorithms[] = {
	    CONF_LIMIT_TOKEN_BUCKET, CONF_LIMIT_SLIDING_WINDOW, CONF_LIMIT_FIXED_WINDOW};
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		const struct conf_limit l =
		    LIMIT(.algorithm = algorithms[i], .events = 10, .burst = 10);
		struct bench b = bench_of(&l, 1, 64);
		unsigned passed = 0;

		for (unsigned k = 0; k < 20 * 60; k++)
			passed += passes(&b, &f, START + k * 50 * USEC_MS);
		/* 60 seconds of 10, and the burst at the beginning. */
		assert_in_range(passed, 600, 610);
		bench_done(&b);
	}
}

/* Who waits as long as he is told is let through, and not a microsecond earlier. */
static void retry_after_is_exact(void **state)
{
	static const enum conf_limit_algorithm algorithms[] = {
	    CONF_LIMIT_TOKEN_BUCKET, CONF_LIMIT_SLIDING_WINDOW, CONF_LIMIT_FIXED_WINDOW};
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		const struct conf_limit l =
		    LIMIT(.algorithm = algorithms[i], .events = 7, .burst = 4);
		struct bench b = bench_of(&l, 1, 64);
		usec_t now = START;

		for (unsigned k = 0; k < 50; k++) {
			struct limit_answer a;

			do {
				a = ask(&b, &f, now);
				now += 1234;
			} while (!a.limit);
			now -= 1234;
			assert_in_range(a.retry_after, 1, USEC_SEC);
			assert_false(passes(&b, &f, now + a.retry_after - 1));
			assert_true(passes(&b, &f, now + a.retry_after));
			now += a.retry_after;
		}
		bench_done(&b);
	}
}

static void evidence(void **state)
{
	const struct conf_limit l[] = {LIMIT(.burst = 2, .window = USEC_MIN)};
	const struct conf_limit fixed[] = {
	    LIMIT(.algorithm = CONF_LIMIT_FIXED_WINDOW, .retry_after = 9 * USEC_SEC)};
	struct bench b = bench_of(l, 1, 64);
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);
	struct limit_answer a;

	(void)state;
	assert_int_equal(burst_of(&b, &f, START, 2), 2);
	a = ask(&b, &f, START);
	assert_ptr_equal(a.limit, &l[0]);
	assert_true(a.value == 3 && a.threshold == 2);
	assert_int_equal(a.window, USEC_MIN);
	assert_int_equal(a.retry_after, 20 * USEC_SEC);
	bench_done(&b);

	b = bench_of(fixed, 1, 64);
	assert_int_equal(burst_of(&b, &f, START, 3), 3);
	a = ask(&b, &f, START + 1);
	assert_true(a.value == 4 && a.threshold == 3);
	a = ask(&b, &f, START + 2);
	assert_true(a.value == 4);                     /* the refused one is not counted */
	assert_int_equal(a.retry_after, 9 * USEC_SEC); /* as configured */
	bench_done(&b);
}

/* Passes with a share: nothing is refused up to half of the rate, everything at the rate. */
static void red(void **state)
{
	const struct conf_limit l =
	    LIMIT(.algorithm = CONF_LIMIT_RED, .events = 1000, .window = USEC_SEC);
	static const struct {
		unsigned offered, least, most; /* in a second, and what passes of it */
	} rows[] = {
	    {100, 100, 100},
	    {500, 500, 500},
	    {1000, 650, 720},
	    {2000, 770, 830},
	    {20000, 950, 1000},
	};
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b = bench_of(&l, 1, 64);
		unsigned passed = 0, seconds = 20;

		for (uint64_t k = 0; k < (uint64_t)rows[i].offered * seconds; k++) {
			usec_t at = k * USEC_SEC / rows[i].offered;
			bool in = passes(&b, &f, START + at);

			passed += at >= 10 * USEC_SEC && in;
		}
		passed /= seconds - 10;
		if (passed < rows[i].least || passed > rows[i].most)
			fail_msg("%u/s offered: %u/s passed", rows[i].offered, passed);
		bench_done(&b);
	}
}

static void red_at_its_ends(void **state)
{
	const struct conf_limit l = LIMIT(.algorithm = CONF_LIMIT_RED, .events = 10);
	struct bench b = bench_of(&l, 1, 64);
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);
	unsigned passed = 6; /* the sixth finds five: half of the rate, still none is refused */

	(void)state;
	assert_int_equal(burst_of(&b, &f, START, 6), 6);
	for (unsigned i = 0; i < 1000; i++)
		passed += passes(&b, &f, START);
	assert_int_equal(passed, 10); /* the same moment: never over the rate */
	bench_done(&b);
}

/* Who shares an allowance with 192.0.2.1 or 2001:db8::1, as REGISTER of alice at carrier for 100.
 */
static void keys(void **state)
{
	static const struct {
		enum conf_limit_per per;
		const char *first, *second;
		bool shared;
	} rows[] = {
	    {CONF_LIMIT_SOURCE, "192.0.2.1", "192.0.2.1", true},
	    {CONF_LIMIT_SOURCE, "192.0.2.1", "192.0.2.2", false},
	    {CONF_LIMIT_SOURCE, "2001:db8::1", "2001:db8::2:3:4:5", true},
	    {CONF_LIMIT_SOURCE, "2001:db8::1", "2001:db8:0:1::1", false},
	    {CONF_LIMIT_PREFIX, "192.0.2.1", "192.0.2.255", true},
	    {CONF_LIMIT_PREFIX, "192.0.2.1", "192.0.3.1", false},
	    {CONF_LIMIT_PREFIX, "2001:db8::1", "2001:db8:0:ffff::1", true},
	    {CONF_LIMIT_PREFIX, "2001:db8::1", "2001:db8:1::1", false},
	    {CONF_LIMIT_GLOBAL, "192.0.2.1", "2001:db8::1", true},
	    {CONF_LIMIT_PEER, "192.0.2.1", "2001:db8::1", true},
	    {CONF_LIMIT_DESTINATION, "192.0.2.1", "2001:db8::1", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct conf_limit l = LIMIT(.per = rows[i].per, .burst = 1);
		struct bench b = bench_of(&l, 1, 64);
		struct addr one = ip(rows[i].first), other = ip(rows[i].second);
		struct limit_facts f = facts_of(&one), g = facts_of(&other);

		f.peer_name = g.peer_name = SPAN("carrier");
		f.destination = g.destination = SPAN("100");
		assert_true(passes(&b, &f, START));
		if (passes(&b, &g, START) == rows[i].shared)
			fail_msg("row %zu", i);
		bench_done(&b);
	}
}

static void keys_of_names(void **state)
{
	const struct conf_limit l[] = {LIMIT(.per = CONF_LIMIT_PEER, .burst = 1),
	    LIMIT(.per = CONF_LIMIT_DESTINATION, .burst = 1, .name = SPAN("to"))};
	struct bench b = bench_of(l, 1, 64);
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);

	(void)state;
	f.peer_name = SPAN("a");
	assert_true(passes(&b, &f, START));
	f.peer_name = SPAN("b");
	assert_true(passes(&b, &f, START));
	assert_false(passes(&b, &f, START));
	f.peer_name = SPAN(""); /* no peer: not asked */
	assert_int_equal(burst_of(&b, &f, START, 9), 9);
	bench_done(&b);

	b = bench_of(l + 1, 1, 64);
	f.destination = SPAN("100");
	assert_true(passes(&b, &f, START));
	assert_false(passes(&b, &f, START));
	f.destination = SPAN("101");
	assert_true(passes(&b, &f, START));
	bench_done(&b);
}

/* Per account is asked in a turn of its own, and names are never mixed up. */
static void accounts(void **state)
{
	const struct conf_limit l[] = {LIMIT(.per = CONF_LIMIT_ACCOUNT, .burst = 1),
	    LIMIT(.name = SPAN("all"), .per = CONF_LIMIT_GLOBAL, .burst = 2)};
	struct bench b = bench_of(l, 2, 64);
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);

	(void)state;
	f.account_user = SPAN("alice");
	f.account_domain = SPAN("example.com");
	/* Before the log-in anybody may say to be alice: only the other limit is asked. */
	assert_int_equal(burst_of(&b, &f, START, 9), 2);
	f.turn = LIMIT_TURN_ACCOUNT;
	assert_true(passes(&b, &f, START));
	assert_false(passes(&b, &f, START));
	f.account_user = SPAN("alic");
	f.account_domain = SPAN("eexample.com");
	assert_true(passes(&b, &f, START));
	f.account_user = SPAN("alice");
	f.account_domain = SPAN("example.org");
	assert_true(passes(&b, &f, START));
	f.account_user = SPAN("");
	assert_int_equal(burst_of(&b, &f, START, 9), 9);
	bench_done(&b);
}

static void matching(void **state)
{
	static const struct span invite[] = {{"INVITE", 6}, {"MESSAGE", 7}};
	const struct {
		struct conf_limit limit;
		struct limit_facts facts;
		bool matches;
	} rows[] = {
	    {LIMIT(.events = 1), {.zone = 0}, true},
	    {LIMIT(.methods = invite, .methods_count = 2), {.method = SPAN("INVITE")}, true},
	    {LIMIT(.methods = invite, .methods_count = 2), {.method = SPAN("MESSAGE")}, true},
	    {LIMIT(.methods = invite, .methods_count = 2), {.method = SPAN("REGISTER")}, false},
	    {LIMIT(.methods = invite, .methods_count = 2), {.method = SPAN("invite")}, false},
	    {LIMIT(.methods = invite, .methods_count = 2),
		{.method = SPAN("MESSAGE"), .named_only = true}, true},
	    {LIMIT(.events = 1), {.method = SPAN("MESSAGE"), .named_only = true}, false},
	    {LIMIT(.zone = 0), {.zone = 0}, true},
	    {LIMIT(.zone = 1), {.zone = 0}, false},
	    {LIMIT(.peer = 1), {.peer = 1}, true},
	    {LIMIT(.peer = 1), {.peer = CONF_NONE}, false},
	    {LIMIT(.domain = 2), {.domain = 2}, true},
	    {LIMIT(.domain = 2), {.domain = CONF_NONE}, false},
	    {LIMIT(.tiers = 1u << EVENT_TIER_SUSPECT), {.tier = EVENT_TIER_SUSPECT}, true},
	    {LIMIT(.tiers = 1u << EVENT_TIER_SUSPECT), {.tier = EVENT_TIER_KNOWN}, false},
	    {LIMIT(.tiers = 1u << EVENT_TIER_SUSPECT | 1u << EVENT_TIER_KNOWN),
		{.tier = EVENT_TIER_KNOWN}, true},
	    {LIMIT(.account = 1), {.claims_account = true}, true},
	    {LIMIT(.account = 1), {.claims_account = false}, false},
	    {LIMIT(.account = 0), {.claims_account = true}, false},
	    {LIMIT(.account = 0), {.claims_account = false}, true},
	    {LIMIT(.zone = 0, .account = 1), {.zone = 1, .claims_account = true}, false},
	    {LIMIT(.mode = CONF_MODE_OFF), {.zone = 0}, false},
	};
	struct addr source = ip("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_limit l = rows[i].limit;
		struct limit_facts f = rows[i].facts;
		struct bench b;

		l.burst = 1;
		f.source = &source;
		b = bench_of(&l, 1, 64);
		assert_true(passes(&b, &f, START));
		if (passes(&b, &f, START) == rows[i].matches)
			fail_msg("row %zu", i);
		bench_done(&b);
	}
}

/* What a later limit refuses has cost nothing at the earlier ones. */
static void refused_later_is_given_back(void **state)
{
	static const enum conf_limit_algorithm algorithms[] = {
	    CONF_LIMIT_TOKEN_BUCKET, CONF_LIMIT_SLIDING_WINDOW, CONF_LIMIT_FIXED_WINDOW};
	struct addr one = ip("192.0.2.1"), other = ip("192.0.2.2");
	struct limit_facts f = facts_of(&one), g = facts_of(&other);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		const struct conf_limit l[] = {
		    LIMIT(.name = SPAN("all"), .per = CONF_LIMIT_GLOBAL, .events = 100,
			.burst = 100, .algorithm = algorithms[i]),
		    LIMIT(.name = SPAN("each")),
		};
		struct bench b = bench_of(l, 2, 64);
		struct limit_stats s;
		struct limit_answer a;

		/* One source knocks a thousand times, and uses up three. */
		assert_int_equal(burst_of(&b, &f, START, 1000), 3);
		a = ask(&b, &f, START);
		assert_ptr_equal(a.limit, &l[1]);
		limit_plan_stats(b.plan, 0, &s);
		assert_int_equal(s.passed, 3);
		assert_int_equal(s.refused, 0);
		limit_plan_stats(b.plan, 1, &s);
		assert_int_equal(s.passed, 3);
		assert_int_equal(s.refused, 998);
		/* The others have all but those three. */
		for (unsigned k = 0; k < 97; k++) {
			other.ip[15] = (uint8_t)(k + 2);
			assert_true(passes(&b, &g, START));
		}
		other.ip[15] = 250;
		a = ask(&b, &g, START);
		assert_ptr_equal(a.limit, &l[0]);
		bench_done(&b);
	}
}

static void observe(void **state)
{
	const struct conf_limit l[] = {
	    LIMIT(.mode = CONF_MODE_OBSERVE, .burst = 2), LIMIT(.name = SPAN("b"), .burst = 5)};
	struct bench b = bench_of(l, 2, 64);
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);
	struct limit_stats s;

	(void)state;
	told = 0;
	assert_int_equal(burst_of(&b, &f, START, 9), 5);
	assert_int_equal(told, 7);
	assert_ptr_equal(last_told.limit, &l[0]);
	assert_true(last_told.value == 3 && last_told.threshold == 2);
	limit_plan_stats(b.plan, 0, &s);
	assert_int_equal(s.passed, 2);
	assert_int_equal(s.would, 7);
	assert_int_equal(s.refused, 0);
	limit_plan_stats(b.plan, 1, &s);
	assert_int_equal(s.passed, 5);
	assert_int_equal(s.refused, 4);
	bench_done(&b);
}

/* What stays the same goes on; what changed its measure begins anew; mode and answer may change. */
static void reload(void **state)
{
	struct conf_limit old[] = {LIMIT(.name = SPAN("a"), .window = USEC_MIN),
	    LIMIT(.name = SPAN("b"), .window = USEC_MIN)};
	const struct {
		struct conf_limit next;
		bool goes_on;
	} rows[] = {
	    {LIMIT(.name = SPAN("a"), .window = USEC_MIN), true},
	    {LIMIT(.name = SPAN("a"), .window = USEC_MIN, .answer = 503), true},
	    {LIMIT(.name = SPAN("a"), .window = USEC_MIN, .zone = 0), true},
	    {LIMIT(.name = SPAN("c"), .window = USEC_MIN), false},
	    {LIMIT(.name = SPAN("a"), .window = USEC_MIN, .events = 4), false},
	    {LIMIT(.name = SPAN("a"), .window = USEC_MIN, .burst = 4), false},
	    {LIMIT(.name = SPAN("a"), .window = 2 * USEC_MIN), false},
	    {LIMIT(.name = SPAN("a"), .window = USEC_MIN, .per = CONF_LIMIT_PREFIX), false},
	    {LIMIT(.name = SPAN("a"), .window = USEC_MIN, .algorithm = CONF_LIMIT_SLIDING_WINDOW),
		false},
	};
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b = bench_of(old, 2, 64);
		struct limit_plan *next;
		struct limit_stats s;

		assert_int_equal(burst_of(&b, &f, START, 9), 3);
		assert_int_equal(limit_plan_new(&rows[i].next, 1, b.plan, &next), OK);
		assert_int_equal(limits_use(b.limits, next), OK);
		/* A worker may still use the one before. */
		assert_false(passes(&b, &f, START));
		limit_plan_free(b.plan);
		b.plan = next;
		if (passes(&b, &f, START) == rows[i].goes_on)
			fail_msg("row %zu", i);
		limit_plan_stats(b.plan, 0, &s);
		assert_int_equal(s.refused, rows[i].goes_on ? 8 : 0);
		bench_done(&b);
	}
}

static void set_source(struct addr *a, uint32_t n)
{
	*a = ip("10.0.0.0");
	for (unsigned k = 0; k < 4; k++)
		a->ip[12 + k] = (uint8_t)(n >> (24 - 8 * k));
}

/* Very many sources that each send one push out each other; those who sent much stay known, and who
 * is known is always counted on his own. */
static void spoofed_sources_of(enum conf_limit_algorithm algorithm)
{
	const struct conf_limit l =
	    LIMIT(.events = 10, .burst = 10, .window = 60 * USEC_MIN, .algorithm = algorithm);
	struct bench b = bench_of(&l, 1, 64);
	struct addr loud = ip("192.0.2.1"), user = ip("192.0.2.2"), any;
	struct limit_facts f = facts_of(&loud), u = facts_of(&user), g = facts_of(&any);
	struct limits_table_stats t;

	u.tier = EVENT_TIER_KNOWN;
	assert_int_equal(burst_of(&b, &f, START, 20), 10);
	assert_int_equal(burst_of(&b, &u, START, 1), 1);
	for (uint32_t i = 0; i < 20000; i++) {
		set_source(&any, 0x0a000000 + i);
		assert_true(passes(&b, &g, START + i));
	}
	assert_false(passes(&b, &f, START + 20000));
	assert_int_equal(burst_of(&b, &u, START + 20000, 20), 9);
	limits_table_stats(b.limits, START + 20000, &t);
	assert_int_equal(t.capacity, 64);
	assert_int_equal(t.keys, 64);
	assert_int_equal(t.evicted, 20002 - 64);
	assert_int_equal(t.shared, 0);
	limits_table_stats(b.limits, START + 61 * USEC_MIN, &t);
	assert_int_equal(t.keys, 0);
	bench_done(&b);
}

static void spoofed_sources(void **state)
{
	(void)state;
	spoofed_sources_of(CONF_LIMIT_TOKEN_BUCKET);
	spoofed_sources_of(CONF_LIMIT_SLIDING_WINDOW);
	spoofed_sources_of(CONF_LIMIT_FIXED_WINDOW);
}

/* When all places are taken by those who sent more than a newcomer has, the newcomers together have
 * one allowance; known users have their own, and strangers never push them out. */
static void no_place(void **state)
{
	const struct conf_limit l = LIMIT(.events = 10, .burst = 10, .window = 60 * USEC_MIN);
	struct bench b = bench_of(&l, 1, 8);
	struct addr any, user = ip("192.0.2.2");
	struct limit_facts g = facts_of(&any), u = facts_of(&user);
	struct limits_table_stats t;
	unsigned passed = 0;

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		set_source(&any, 0x0a000000 + i);
		assert_int_equal(burst_of(&b, &g, START, 5), 5);
	}
	for (uint32_t i = 100; i < 200; i++) {
		set_source(&any, 0x0a000000 + i);
		passed += burst_of(&b, &g, START, 1);
	}
	assert_int_equal(passed, 10);
	limits_table_stats(b.limits, START, &t);
	assert_int_equal(t.shared, 100);
	u.tier = EVENT_TIER_KNOWN;
	assert_int_equal(burst_of(&b, &u, START, 20), 10);
	limits_table_stats(b.limits, START, &t);
	assert_int_equal(t.shared, 100);
	assert_int_equal(t.evicted, 1);
	/* Later the others have forgotten, and there is room again. */
	set_source(&any, 0x0a000100);
	assert_int_equal(burst_of(&b, &g, START + 61 * USEC_MIN, 20), 10);
	bench_done(&b);
}

static void memory(void **state)
{
	const struct conf_limit counts = LIMIT(.events = 1);
	const struct conf_limit windows = LIMIT(.algorithm = CONF_LIMIT_SLIDING_WINDOW);
	const struct conf_limit load = LIMIT(.algorithm = CONF_LIMIT_FEEDBACK, .target = 0.8);

	(void)state;
	assert_int_equal(limits_memory(NULL, 0, 65536), 0);
	assert_int_equal(limits_memory(&load, 1, 65536), 0);
	assert_in_range(limits_memory(&counts, 1, 65536), 65536 * 32, 65536 * 64);
	assert_in_range(limits_memory(&windows, 1, 65536), 65536 * 300, 65536 * 350);
}

/* By the load: nothing at first, all when the share is all, told with load and target. */
static void by_load(void **state)
{
	const struct conf_limit l = LIMIT(.algorithm = CONF_LIMIT_NETWORK, .per = CONF_LIMIT_GLOBAL,
	    .target = 0.5, .events = 0);
	struct bench b = bench_of(&l, 1, 64);
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);
	struct limit_load load = {.queue = 0.5};
	struct limit_answer a;
	struct limit_stats s;
	unsigned passed;

	(void)state;
	assert_true(limit_plan_needs_load(b.plan));
	assert_int_equal(burst_of(&b, &f, START, 100), 100);
	limits_measure(b.plan, 0, &load, START);
	assert_int_equal(burst_of(&b, &f, START, 100), 100);
	load.queue = 1;
	limits_measure(b.plan, 0, &load, START);
	assert_int_equal(burst_of(&b, &f, START, 100), 0);
	a = ask(&b, &f, START);
	assert_true(a.value == 1 && a.threshold == 0.5);
	assert_int_equal(a.window, 0);
	assert_int_equal(a.retry_after, 30 * USEC_SEC);
	limit_plan_stats(b.plan, 0, &s);
	assert_true(s.share == 1);
	/* Another worker has a load of its own. */
	f.worker = 1;
	assert_int_equal(burst_of(&b, &f, START, 100), 100);
	f.worker = 0;
	load.queue = 0.75;
	limits_measure(b.plan, 0, &load, START);
	passed = burst_of(&b, &f, START, 10000);
	assert_in_range(passed, 4800, 5200);
	bench_done(&b);
}

enum { THREADS = 2, ROUNDS = 20000 };

struct racer {
	struct bench *bench;
	unsigned id, passed;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct addr source = ip("192.0.2.1");
	struct limit_facts f = facts_of(&source);
	struct rng own;

	rng_init_seed(&own, r->id);
	f.worker = r->id;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct limit_load load = {.cpu = 0.5, .queue = 0.1};
		struct limit_answer a;

		set_source(&source, i % 7 ? 0x0a000001 : 0x0b000000 + i);
		limits_ask(r->bench->limits, r->bench->plan, &f, &own, START, tell, NULL, &a);
		r->passed += !a.limit;
		if (i % 100 == 0)
			limits_measure(r->bench->plan, r->id, &load, START + i);
	}
	return NULL;
}

/* Two workers together pass exactly what one would. */
static void threads(void **state)
{
	const struct conf_limit l[] = {
	    LIMIT(.name = SPAN("all"), .per = CONF_LIMIT_GLOBAL, .events = 5000, .burst = 5000,
		.window = 60 * USEC_MIN),
	    LIMIT(.name = SPAN("windows"), .per = CONF_LIMIT_GLOBAL, .events = 4000,
		.algorithm = CONF_LIMIT_SLIDING_WINDOW),
	    LIMIT(.name = SPAN("load"), .algorithm = CONF_LIMIT_FEEDBACK, .target = 0.8,
		.per = CONF_LIMIT_GLOBAL),
	    LIMIT(.name = SPAN("each"), .events = 100, .burst = 100, .window = 60 * USEC_MIN),
	};
	struct bench b = bench_of(l, 4, 1024);
	struct racer racers[THREADS];
	pthread_t t[THREADS];
	struct limit_stats all, each;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.bench = &b, .id = i};
		assert_int_equal(pthread_create(&t[i], NULL, race, &racers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	limit_plan_stats(b.plan, 0, &all);
	limit_plan_stats(b.plan, 3, &each);
	assert_int_equal(all.passed, racers[0].passed + racers[1].passed);
	assert_int_equal(each.passed, all.passed);
	assert_in_range(all.passed, 1000, 4000);
	bench_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(token_bucket),
	    cmocka_unit_test(sliding_window),
	    cmocka_unit_test(fixed_window),
	    cmocka_unit_test(a_steady_sender_gets_its_rate),
	    cmocka_unit_test(retry_after_is_exact),
	    cmocka_unit_test(evidence),
	    cmocka_unit_test(red),
	    cmocka_unit_test(red_at_its_ends),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(keys_of_names),
	    cmocka_unit_test(accounts),
	    cmocka_unit_test(matching),
	    cmocka_unit_test(refused_later_is_given_back),
	    cmocka_unit_test(observe),
	    cmocka_unit_test(reload),
	    cmocka_unit_test(spoofed_sources),
	    cmocka_unit_test(no_place),
	    cmocka_unit_test(memory),
	    cmocka_unit_test(by_load),
	    cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
