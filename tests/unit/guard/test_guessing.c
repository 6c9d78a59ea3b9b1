/* SPDX-License-Identifier: MIT
 *
 * Failed log-ins on virtual time: each threshold on both sides, accounts under attack and their
 * owners' places, slow and spoofed guessing, and what a million of strangers cannot push out. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/guessing.h"

#define START (100000 * USEC_SEC)

static const struct siphash_key key = {5, 6};
static const struct conf_guessing preset = {.mode = CONF_MODE_ENFORCE,
    .pair = 5,
    .source = 10,
    .account = 20,
    .prefix = 100,
    .window = 10 * USEC_MIN,
    .lock = 10 * USEC_MIN};

static struct guessing *g;
static struct guessing_answer got;

static int fresh(void **state)
{
	(void)state;
	return guessing_new(65536, &key, &g) == OK ? 0 : -1;
}

static int done(void **state)
{
	(void)state;
	guessing_free(g);
	return 0;
}

static struct addr at(const char *ip)
{
	struct addr a;

	assert_int_equal(addr_parse(span_str(ip), 5060, &a), OK);
	return a;
}

/* Number i of as many addresses as one wants, each in a /24 of its own. */
static struct addr botnet(uint32_t i)
{
	struct addr a = at("10.0.0.66");

	a.ip[12] = (uint8_t)(20 + (i >> 16));
	a.ip[13] = (uint8_t)(i >> 8);
	a.ip[14] = (uint8_t)i;
	return a;
}

static struct guessing_facts facts(const char *user, const struct addr *a)
{
	return (struct guessing_facts){
	    .source = a, .user = span_str(user), .domain = SPAN("example.com"), .proven = true};
}

static void fail_at(const char *user, struct addr a, usec_t now)
{
	struct guessing_facts f = facts(user, &a);

	guessing_failed(g, &preset, &f, !guessing_may_try(g, &f, now), now, &got);
}

static void succeed_at(const char *user, struct addr a, usec_t now)
{
	struct guessing_facts f = facts(user, &a);

	guessing_succeeded(g, &f, now);
}

static bool may_try(const char *user, struct addr a, usec_t now)
{
	struct guessing_facts f = facts(user, &a);

	return guessing_may_try(g, &f, now);
}

static void assert_told(enum reason r, double value, double threshold)
{
	assert_string_equal(reason_name(got.reason), reason_name(r));
	assert_true(r == REASON_NONE || got.value == value);
	assert_true(r == REASON_NONE || got.threshold == threshold);
	assert_true(r == REASON_NONE || got.window == preset.window);
}

static void pair_threshold(void **state)
{
	(void)state;
	for (int i = 1; i <= 16; i++) {
		char user[8] = "alice";

		fail_at(user, at("192.0.2.1"), START + i * USEC_SEC);
		/* The source has its own threshold at the eleventh, which stands before. */
		if (i == 11)
			assert_told(REASON_GUESSING_SOURCE, 11, 10);
		else
			assert_told(i % 5 == 1 && i > 5 ? REASON_GUESSING_PAIR : REASON_NONE, i, 5);
		assert_false(got.account);
	}
}

/* Five within the window and one a millisecond too late are five. */
static void pair_window(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct addr a = at(late ? "192.0.2.1" : "192.0.3.1");

		for (int i = 0; i < 5; i++)
			fail_at("alice", a, START);
		fail_at("alice", a, START + preset.window - (late ? 0 : USEC_MS));
		assert_told(late ? REASON_NONE : REASON_GUESSING_PAIR, 6, 5);
	}
}

static void success_forgets_the_pair(void **state)
{
	(void)state;
	succeed_at("alice", at("192.0.2.1"), START);
	for (int round = 1; round < 10; round++) {
		usec_t now = START + round * preset.window;

		for (int i = 0; i < 5; i++)
			fail_at("alice", at("192.0.2.1"), now);
		assert_told(REASON_NONE, 0, 0);
		succeed_at("alice", at("192.0.2.1"), now);
		fail_at("alice", at("192.0.2.1"), now);
		assert_told(REASON_NONE, 0, 0);
	}
}

static void source_threshold(void **state)
{
	(void)state;
	for (int i = 1; i <= 21; i++) {
		char user[8] = {'u', (char)('a' + i)};

		fail_at(user, at("192.0.2.1"), START);
		assert_told(i == 11 || i == 21 ? REASON_GUESSING_SOURCE : REASON_NONE, i, 10);
	}
	/* Of an IPv6 source the /64 counts. */
	for (int i = 1; i <= 11; i++) {
		char user[8] = {'v', (char)('a' + i)};
		struct addr a = at("[2001:db8::1]:5060");

		a.ip[15] = (uint8_t)i;
		a.ip[9] = (uint8_t)(i * 7);
		fail_at(user, a, START);
		assert_told(i == 11 ? REASON_GUESSING_SOURCE : REASON_NONE, i, 10);
	}
}

static void prefix_threshold(void **state)
{
	(void)state;
	for (int i = 1; i <= 101; i++) {
		char user[8] = {'u', (char)('a' + i % 26), (char)('a' + i / 26)};
		struct addr a = at("192.0.2.0");

		a.ip[15] = (uint8_t)i;
		fail_at(user, a, START + i * USEC_SEC);
		assert_told(i == 101 ? REASON_GUESSING_PREFIX : REASON_NONE, i, 100);
	}
}

static void off(void **state)
{
	const struct conf_guessing none = {
	    .window = preset.window, .lock = preset.lock, .mode = CONF_MODE_ENFORCE};

	(void)state;
	for (uint32_t i = 0; i < 200; i++) {
		struct addr a = botnet(i % 150);
		struct guessing_facts f = facts("alice", &a);

		guessing_failed(g, &none, &f, false, START, &got);
		assert_told(REASON_NONE, 0, 0);
		assert_false(got.account);
	}
	assert_true(may_try("alice", botnet(9999), START));
}

static void account_threshold(void **state)
{
	struct guessing_stats st;

	(void)state;
	for (uint32_t i = 1; i <= 30; i++) {
		assert_int_equal(may_try("alice", botnet(i), START), i <= 21);
		fail_at("alice", botnet(i), START);
		assert_int_equal(got.account, i == 21);
		if (!got.account)
			continue;
		assert_true(got.account_value == 21 && got.account_threshold == 20);
		assert_int_equal(got.account_window, preset.window);
	}
	assert_true(may_try("bob", botnet(1), START));
	guessing_stats(g, START, &st);
	assert_int_equal(st.attacked, 1);
	/* It ends by itself, `lock` after the last new place that tried. */
	assert_false(may_try("alice", botnet(5000), START + preset.lock - 1));
	assert_true(may_try("alice", botnet(5000), START + preset.lock));
	guessing_stats(g, START + preset.lock, &st);
	assert_int_equal(st.attacked, 0);
}

static void account_window(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		const char *user = late ? "alice" : "bob";

		for (uint32_t i = 1; i <= 10; i++) {
			fail_at(user, botnet(i), START);
			fail_at(user, botnet(i), START);
		}
		assert_false(got.account);
		fail_at(user, botnet(1), START + preset.window - (late ? 0 : USEC_MS));
		assert_int_equal(got.account, !late);
	}
}

/* New places keep it closed; one that waits before it and tries on does not. */
static void who_keeps_it_closed(void **state)
{
	usec_t now = START;

	(void)state;
	for (uint32_t i = 1; i <= 21; i++)
		fail_at("alice", botnet(i), now);
	now += 9 * USEC_MIN;
	fail_at("alice", at("198.51.100.7"), now); /* new: until 19 min */
	for (; now < START + 19 * USEC_MIN; now += 30 * USEC_SEC) {
		assert_false(may_try("alice", at("198.51.100.7"), now));
		fail_at("alice", at("198.51.100.7"), now);
	}
	assert_true(may_try("alice", at("198.51.100.7"), now));
}

/* Also when the window has long forgotten how the attack began. */
static void a_lock_longer_than_the_window(void **state)
{
	struct conf_guessing c = preset;
	struct addr late = botnet(500);
	struct guessing_facts f = facts("alice", &late);
	usec_t now = START;

	(void)state;
	c.lock = 30 * USEC_MIN;
	for (uint32_t i = 0; i < 21; i++) {
		struct addr a = botnet(i % 7);
		struct guessing_facts first = facts("alice", &a);

		guessing_failed(g, &c, &first, false, now, &got);
	}
	assert_true(got.account);
	now += 20 * USEC_MIN;
	assert_false(guessing_may_try(g, &f, now));
	guessing_failed(g, &c, &f, true, now, &got);
	assert_false(got.account);
	assert_false(guessing_may_try(g, &f, now + c.lock - 1));
	assert_true(guessing_may_try(g, &f, now + c.lock));
}

static void places_of_the_owner(void **state)
{
	(void)state;
	succeed_at("alice", at("203.0.113.5"), START);
	succeed_at("alice", at("[2001:db8:5:6::1]:5060"), START);
	for (uint32_t i = 1; i <= 21; i++)
		fail_at("alice", botnet(i), START);
	assert_true(got.account);
	assert_true(may_try("alice", at("203.0.113.5"), START));
	assert_true(may_try("alice", at("203.0.113.5:1"), START));
	assert_true(may_try("alice", at("203.0.113.77"), START)); /* its /24 */
	assert_false(may_try("alice", at("203.0.114.5"), START));
	assert_true(may_try("alice", at("[2001:db8:5:6:7::]:5060"), START));
	assert_true(may_try("alice", at("[2001:db8:5:7::1]:5060"), START)); /* its /48 */
	assert_false(may_try("alice", at("[2001:db8:6::1]:5060"), START));
	/* They are hers alone. */
	for (uint32_t i = 1; i <= 21; i++)
		fail_at("bob", botnet(i), START);
	assert_false(may_try("bob", at("203.0.113.5"), START));
}

static void last_places(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < GUESSING_PLACES + 1; i++)
		succeed_at("alice", botnet(1000 + i), START + i);
	succeed_at("alice", botnet(1001), START + 100); /* again: the last now */
	succeed_at("alice", botnet(2000), START + 200);
	for (uint32_t i = 1; i <= 21; i++)
		fail_at("alice", botnet(i), START + 300);
	assert_false(may_try("alice", botnet(1000), START + 300));
	assert_true(may_try("alice", botnet(1001), START + 300));
	assert_false(may_try("alice", botnet(1002), START + 300));
	for (uint32_t i = 3; i < GUESSING_PLACES + 1; i++)
		assert_true(may_try("alice", botnet(1000 + i), START + 300));
	assert_true(may_try("alice", botnet(2000), START + 300));
}

/* One phone with an old password, at a new place or at home, closes nothing. */
static void one_phone_closes_nothing(void **state)
{
	(void)state;
	succeed_at("alice", at("203.0.113.5"), START);
	for (usec_t now = START; now < START + 120 * USEC_MIN; now += 10 * USEC_SEC) {
		fail_at("alice", at("192.0.2.1"), now);
		assert_false(got.account);
		fail_at("alice", at("203.0.113.6"), now);
		assert_false(got.account);
		assert_true(may_try("alice", at("192.0.2.1"), now));
	}
}

/* Behind one address: who guesses is a pair of its own, the others go on. */
static void behind_a_nat(void **state)
{
	(void)state;
	for (int i = 1; i <= 9; i++) {
		fail_at("alice", at("192.0.2.1:1111"), START);
		assert_told(i == 6 ? REASON_GUESSING_PAIR : REASON_NONE, 6, 5);
	}
	fail_at("bob", at("192.0.2.1:2222"), START);
	assert_told(REASON_NONE, 0, 0);
	assert_true(may_try("bob", at("192.0.2.1:2222"), START));
}

/* At home the account stays open while it is under attack; who guesses there without end is stopped
 * all the same, at this account and from this address only, until the window is over. */
static void stopped(void **state)
{
	struct addr home = at("192.0.2.1:1111"), next_door = at("192.0.2.2:1111");
	struct guessing_facts f = facts("alice", &home), beside = facts("alice", &next_door),
			      other = facts("bob", &home);
	struct conf_guessing off = preset;

	(void)state;
	succeed_at("alice", home, START);
	for (uint32_t i = 0; i < 10 * preset.pair; i++) {
		assert_false(guessing_is_stopped(g, &preset, &f, START + i * USEC_SEC));
		fail_at("alice", at(i & 1 ? "192.0.2.1:2" : "192.0.2.1:3"), START + i * USEC_SEC);
	}
	assert_true(guessing_is_stopped(g, &preset, &f, START + 50 * USEC_SEC));
	assert_false(guessing_is_stopped(g, &preset, &beside, START + 50 * USEC_SEC));
	assert_false(guessing_is_stopped(g, &preset, &other, START + 50 * USEC_SEC));
	off.pair = 0;
	assert_false(guessing_is_stopped(g, &off, &f, START + 50 * USEC_SEC));
	assert_true(guessing_is_stopped(g, &preset, &f, START + preset.window - USEC_MS));
	assert_false(guessing_is_stopped(g, &preset, &f, START + preset.window + USEC_SEC));
}

static void spoofed(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		struct addr a = botnet(i);
		struct guessing_facts f = facts("alice", &a);

		f.proven = false;
		guessing_failed(g, &preset, &f, false, START, &got);
		assert_false(got.account);
	}
	assert_true(may_try("alice", botnet(5000), START));
}

static void unknown_users_look_the_same(void **state)
{
	(void)state;
	succeed_at("alice", at("203.0.113.5"), START);
	for (uint32_t i = 1; i <= 60; i++) {
		struct guessing_answer known;

		assert_int_equal(
		    may_try("alice", botnet(i), START), may_try("nobody", botnet(i), START));
		fail_at("alice", botnet(i), START + i);
		known = got;
		fail_at("nobody", botnet(i), START + i);
		assert_int_equal(known.account, got.account);
		assert_true(known.account_value == got.account_value);
	}
}

/* 5,000 sources, one failure each, at every pace down to one in more than an hour. */
static void slow_distributed(void **state)
{
	static const struct {
		usec_t pace;
		uint32_t least, most; /* the failure by which it is found */
		usec_t window;
	} rows[] = {
	    {USEC_SEC, 21, 21, 10 * USEC_MIN}, {7 * USEC_SEC, 21, 21, 10 * USEC_MIN},
	    {28 * USEC_SEC, 21, 21, 10 * USEC_MIN}, {40 * USEC_SEC, 21, 21, GUESSING_SLOW},
	    {10 * USEC_MIN, 21, 21, GUESSING_SLOW}, {70 * USEC_MIN, 21, 21, GUESSING_SLOW},
	    {73 * USEC_MIN, 5001, 5001, 0}, /* twenty a day: nothing tells it from people */
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		uint32_t first = 5001;

		assert_int_equal(done(NULL), 0);
		assert_int_equal(fresh(NULL), 0);
		succeed_at("alice", at("203.0.113.5"), START);
		for (uint32_t i = 1; i <= 5000; i++) {
			usec_t now = START + i * rows[k].pace;

			fail_at("alice", botnet(i), now);
			if (got.account && first > i) {
				first = i;
				assert_int_equal(got.account_window, rows[k].window);
			}
			assert_true(may_try("alice", at("203.0.113.5"), now));
			assert_true(may_try("alice", at("203.0.113.99"), now));
		}
		assert_in_range(first, rows[k].least, rows[k].most);
	}
}

/* A million users and sources: the places of accounts are all there afterwards. */
static void a_million(void **state)
{
	struct guessing_stats st;
	uint32_t kept = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		char user[16];
		struct buf b = BUF(user);

		buf_addf(&b, "u%u", i);
		assert_true(buf_terminate(&b));
		succeed_at(user, botnet(i), START);
	}
	for (uint32_t i = 0; i < 1000000; i++) {
		char user[16];
		struct buf b = BUF(user);

		buf_addf(&b, "x%u", i);
		assert_true(buf_terminate(&b));
		fail_at(user, botnet(i), START + i);
	}
	guessing_stats(g, START, &st);
	assert_true(st.table.used <= st.table.capacity);
	assert_int_equal(st.table.capacity, 65536);
	assert_true(st.table.evicted > 1000000);
	for (uint32_t i = 0; i < 1000; i++) {
		char user[16];
		struct buf b = BUF(user);

		buf_addf(&b, "u%u", i);
		assert_true(buf_terminate(&b));
		for (uint32_t k = 0; k < 21; k++)
			fail_at(user, botnet(50000 + k), START + 2 * USEC_SEC);
		assert_true(got.account || !may_try(user, botnet(60000), START + 2 * USEC_SEC));
		kept += may_try(user, botnet(i), START + 2 * USEC_SEC);
	}
	assert_int_equal(kept, 1000);
}

static void *hammer(void *arg)
{
	uint32_t base = *(uint32_t *)arg;

	for (uint32_t i = 0; i < 5000; i++) {
		struct guessing_answer out;
		struct addr a = botnet(base + i % 100);
		struct guessing_facts f = facts(i % 2 ? "alice" : "bob", &a);

		if (i % 7 == 0)
			guessing_succeeded(g, &f, START + i);
		else
			guessing_failed(
			    g, &preset, &f, !guessing_may_try(g, &f, START + i), START + i, &out);
	}
	return NULL;
}

static void threads(void **state)
{
	uint32_t base[2] = {0, 50};
	struct guessing_stats st;
	pthread_t t[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, &base[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	guessing_stats(g, START, &st);
	assert_true(st.table.used > 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
	    TEST(pair_threshold),
	    TEST(pair_window),
	    TEST(success_forgets_the_pair),
	    TEST(source_threshold),
	    TEST(prefix_threshold),
	    TEST(off),
	    TEST(account_threshold),
	    TEST(account_window),
	    TEST(who_keeps_it_closed),
	    TEST(a_lock_longer_than_the_window),
	    TEST(places_of_the_owner),
	    TEST(last_places),
	    TEST(one_phone_closes_nothing),
	    TEST(behind_a_nat),
	    TEST(spoofed),
	    TEST(stopped),
	    TEST(unknown_users_look_the_same),
	    TEST(slow_distributed),
	    TEST(a_million),
	    TEST(threads),
	};

	return cmocka_run_group_tests_name("guard/guessing", tests, NULL, NULL);
}
