/* SPDX-License-Identifier: MIT
 *
 * Scanners by what they do, on virtual time: each threshold on both sides, and phones that must not
 * be taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/scan.h"

#define START (100000 * USEC_SEC)

static const struct siphash_key key = {7, 8};
static const struct span decoys[] = {{"admin", 5}, {"100", 3}};
static const struct conf_signature evil = {.name = {"evil", 4},
    .part = CONF_SIGNATURE_USER_AGENT,
    .match = CONF_SIGNATURE_STARTS,
    .pattern = {"evil", 4}};
static const struct conf_scan preset = {.mode = CONF_MODE_ENFORCE,
    .decoys = decoys,
    .decoys_count = ARRAY_LEN(decoys),
    .signatures = &evil,
    .signatures_count = 1,
    .users = 10,
    .sweep = 20,
    .methods = 5,
    .window = USEC_MIN};

static struct signatures *signatures;
static struct scan *s;
static struct scan_answer got;
static struct addr source;

static int fresh(void **state)
{
	(void)state;
	assert_int_equal(addr_parse(SPAN("192.0.2.1:5060"), 0, &source), OK);
	assert_int_equal(signatures_new(&preset, &signatures), OK);
	return scan_new(4096, &key, &s) == OK ? 0 : -1;
}

static int done(void **state)
{
	(void)state;
	scan_free(s);
	signatures_free(signatures);
	return 0;
}

static struct scan_facts request(const char *user)
{
	return (struct scan_facts){.look = {.method = SPAN("REGISTER")},
	    .source = &source,
	    .user = span_str(user),
	    .domain = SPAN("example.com"),
	    .user_is_ours = true,
	    .method_known = true};
}

static enum reason judge(const struct scan_facts *f, usec_t now)
{
	scan_judge(s, &preset, signatures, f, now, &got);
	return got.reason;
}

static const char *user_number(uint32_t i)
{
	static char text[16];
	struct buf b = BUF(text);

	buf_addf(&b, "user%u", i);
	assert_true(buf_terminate(&b));
	return text;
}

static enum reason try_user(uint32_t i, usec_t now)
{
	struct scan_facts f = request(user_number(i));

	return judge(&f, now);
}

static void signature(void **state)
{
	struct scan_facts f = request("alice");

	(void)state;
	f.look.user_agent = SPAN("Evil/2");
	assert_int_equal(judge(&f, START), REASON_SCAN_SIGNATURE);
	assert_true(span_eq(got.text, SPAN("evil")));
	assert_false(got.has_value);
	/* Behind an address with known users it is one, too. */
	f.who = SCAN_NEIGHBOUR;
	assert_int_equal(judge(&f, START), REASON_SCAN_SIGNATURE);
	f.look.user_agent = SPAN("Good/2");
	assert_int_equal(judge(&f, START), REASON_NONE);
}

static void decoy(void **state)
{
	struct scan_facts f = request("Admin"), g = request("alice");

	(void)state;
	assert_int_equal(judge(&f, START), REASON_SCAN_DECOY);
	assert_true(span_eq(got.text, SPAN("admin")));
	/* Somebody elsewhere has every right to that name. */
	f.user_is_ours = false;
	f.domain = SPAN("example.net");
	assert_int_equal(judge(&f, START), REASON_NONE);
	f.user_is_ours = true;
	f.domain = SPAN("example.com");
	g.target_user = SPAN("100");
	g.target_domain = SPAN("example.com");
	assert_int_equal(judge(&g, START), REASON_SCAN_DECOY);
	/* Who has known users at home may dial a wrong number, but is nobody else. */
	g.who = f.who = SCAN_NEIGHBOUR;
	assert_int_equal(judge(&g, START), REASON_NONE);
	assert_int_equal(judge(&f, START), REASON_SCAN_DECOY);
}

static void users(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 10; i++)
		assert_int_equal(try_user(i, START + i * USEC_SEC), REASON_NONE);
	for (uint32_t i = 1; i <= 10; i++) /* again: none is new */
		assert_int_equal(try_user(i, START + 11 * USEC_SEC), REASON_NONE);
	assert_int_equal(try_user(11, START + 12 * USEC_SEC), REASON_SCAN_USERS);
	assert_true(got.has_value && got.value == 11 && got.threshold == 10);
	assert_int_equal(got.window, preset.window);
	/* Another source is not it. */
	source.ip[15]++;
	assert_int_equal(try_user(12, START + 13 * USEC_SEC), REASON_NONE);
	/* Ten stay; when the first of them leaves, there is room for one. */
	source.ip[15]++;
	for (uint32_t i = 1; i <= 10; i++)
		assert_int_equal(try_user(i, START + i * USEC_SEC), REASON_NONE);
	assert_int_equal(
	    try_user(11, START + USEC_SEC + preset.window - USEC_MS), REASON_SCAN_USERS);
	source.ip[15]++;
	for (uint32_t i = 1; i <= 10; i++)
		assert_int_equal(try_user(i, START + i * USEC_SEC), REASON_NONE);
	assert_int_equal(
	    try_user(11, START + USEC_SEC + preset.window + preset.window / 128), REASON_NONE);
}

/* A whole office that registers in a moment from an address nobody knows: no finding while its
 * phones may be answering their challenges, and then somebody has logged in. */
static void patience(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(
		    try_user(i, START + (SCAN_PATIENCE - 1) * i / 500 / USEC_MS * USEC_MS),
		    REASON_NONE);
	assert_int_equal(try_user(501, START + SCAN_PATIENCE - USEC_MS), REASON_NONE);
	assert_int_equal(try_user(502, START + SCAN_PATIENCE), REASON_SCAN_USERS);
}

static void with_credentials(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 500; i++) {
		struct scan_facts f = request(user_number(i));

		f.has_credentials = true;
		assert_int_equal(judge(&f, START + i * 100 * USEC_MS), REASON_NONE);
	}
}

/* Extensions that are dialled count, too, but not for who has known users beside it: a phone asks
 * for the state of many others. */
static void targets(void **state)
{
	(void)state;
	for (int who = SCAN_STRANGER; who <= SCAN_NEIGHBOUR; who++)
		for (uint32_t i = 1; i <= 50; i++) {
			struct scan_facts f = request("alice");
			enum reason r;

			f.who = (enum scan_who)who;
			f.target_user = span_str(user_number(i));
			f.target_domain = SPAN("example.com");
			r = judge(&f, START + i * USEC_SEC);
			assert_int_equal(
			    r, who == SCAN_STRANGER && i >= 10 ? REASON_SCAN_USERS : REASON_NONE);
		}
}

/* Who claims to be many is found there by its port, and its neighbours are not. */
static void neighbours(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 11; i++) {
		struct scan_facts f = request(user_number(i));

		f.who = SCAN_NEIGHBOUR;
		assert_int_equal(
		    judge(&f, START + i * USEC_SEC), i == 11 ? REASON_SCAN_USERS : REASON_NONE);
		source.port++;
		assert_int_equal(
		    judge(&f, START + i * USEC_SEC), i == 11 ? REASON_SCAN_USERS : REASON_NONE);
		source.port--;
	}
	source.port = 7777;
	struct scan_facts f = request("user77");

	f.who = SCAN_NEIGHBOUR;
	assert_int_equal(judge(&f, START + 12 * USEC_SEC), REASON_NONE);
}

static void sweep(void **state)
{
	struct scan_facts f = request("monitor");

	(void)state;
	f.is_options = true;
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(judge(&f, START + i * USEC_SEC), REASON_NONE);
	assert_int_equal(judge(&f, START + USEC_SEC + preset.window - USEC_MS), REASON_SCAN_SWEEP);
	assert_true(got.value == 21 && got.threshold == 20);
	source.ip[15]++;
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(judge(&f, START + i * USEC_SEC), REASON_NONE);
	assert_int_equal(judge(&f, START + USEC_SEC + preset.window), REASON_NONE);
	/* A keep-alive every four seconds is none. */
	source.ip[15]++;
	for (uint32_t i = 1; i <= 1000; i++)
		assert_int_equal(judge(&f, START + i * 4 * USEC_SEC), REASON_NONE);
	f.who = SCAN_NEIGHBOUR;
	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(judge(&f, START), REASON_NONE);
}

static void methods(void **state)
{
	struct scan_facts f = request("alice");

	(void)state;
	f.method_known = false;
	for (uint32_t i = 1; i <= 6; i++)
		assert_int_equal(judge(&f, START + i), i == 6 ? REASON_SCAN_METHODS : REASON_NONE);
	f.who = SCAN_NEIGHBOUR;
	assert_int_equal(judge(&f, START + 7), REASON_NONE);
	source.ip[15]++;
	f.who = SCAN_STRANGER;
	for (uint32_t i = 1; i <= 5; i++)
		assert_int_equal(judge(&f, START), REASON_NONE);
	assert_int_equal(judge(&f, START + preset.window), REASON_NONE);
}

static void off(void **state)
{
	const struct conf_scan none = {.window = USEC_MIN};

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		struct scan_facts f = request(user_number(i));

		f.is_options = i % 2;
		f.method_known = false;
		scan_judge(s, &none, signatures, &f, START + i * 20 * USEC_MS, &got);
		assert_int_equal(got.reason, REASON_NONE);
	}
}

/* A flood of sources changes nothing in its size. */
static void many_sources(void **state)
{
	struct tally_stats st;

	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		memcpy(source.ip + 12, &i, sizeof(i));
		assert_int_equal(try_user(i, START + i), REASON_NONE);
	}
	scan_stats(s, &st);
	assert_int_equal(st.capacity, 4096);
	assert_int_equal(st.used, 4096);
	assert_int_equal(st.evicted, 200000 - 4096);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
	    TEST(signature),
	    TEST(decoy),
	    TEST(users),
	    TEST(patience),
	    TEST(with_credentials),
	    TEST(targets),
	    TEST(neighbours),
	    TEST(sweep),
	    TEST(methods),
	    TEST(off),
	    TEST(many_sources),
	};

	return cmocka_run_group_tests_name("guard/scan", tests, NULL, NULL);
}
