/* SPDX-License-Identifier: MIT
 *
 * The list of prefixes banned by hand: what each holds, its ends, its size, readers beside a
 * writer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "guard/prefix_bans.h"

#define NOW 1000

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(span_str(text), &a), OK);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_str(text), &p), OK);
	return p;
}

static usec_t until(struct prefix_bans *l, const char *text, usec_t now)
{
	struct addr a = addr(text);
	bool first;

	return prefix_bans_until(l, &a, false, now, &first);
}

static void add(struct prefix_bans *l, const char *text, usec_t end)
{
	struct prefix p = prefix(text);

	assert_int_equal(prefix_bans_add(l, &p, end, false, NOW), OK);
}

static void holds(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool held;
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.0", true},
	    {"192.0.2.0/24", "192.0.2.255", true},
	    {"192.0.2.0/24", "192.0.3.0", false},
	    {"192.0.2.0/24", "192.0.1.255", false},
	    {"192.0.2.128/25", "192.0.2.127", false},
	    {"192.0.2.128/25", "192.0.2.128", true},
	    {"0.0.0.0/0", "255.255.255.255", true},
	    {"0.0.0.0/0", "2001:db8::1", false},
	    {"::/0", "2001:db8::1", true},
	    {"::/0", "192.0.2.1", false}, /* all of IPv6 only */
	    {"2001:db8::/32", "2001:db8:ffff:ffff::1", true},
	    {"2001:db8::/32", "2001:db9::1", false},
	    {"2001:db8::/64", "2001:db8::1", true},
	    {"2001:db8::/64", "2001:db8:0:1::", false},
	    {"2001:db8::1:0/112", "2001:db8::1:ffff", true},
	    {"2001:db8::1:0/112", "2001:db8::2:0", false},
	    {"2001:db8::7", "2001:db8::7", true},
	    {"2001:db8::7", "2001:db8::8", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix_bans l;

		prefix_bans_init(&l);
		add(&l, rows[i].prefix, 2 * NOW);
		if ((until(&l, rows[i].address, NOW) != 0) != rows[i].held)
			fail_msg("row %zu", i);
		prefix_bans_done(&l);
	}
}

static void ends(void **state)
{
	struct prefix p = prefix("192.0.2.0/24"), other = prefix("192.0.2.0/25");
	struct prefix_bans l;
	struct addr a = addr("192.0.2.9");
	struct prefix_ban_view v;
	bool first;

	(void)state;
	prefix_bans_init(&l);
	assert_int_equal(until(&l, "192.0.2.9", NOW), 0);
	add(&l, "192.0.2.0/24", 5000);
	assert_int_equal(until(&l, "192.0.2.9", 4999), 5000);
	assert_int_equal(until(&l, "192.0.2.9", 5000), 0);

	/* The first drop is told apart; looking is no drop. */
	assert_int_equal(prefix_bans_until(&l, &a, true, NOW, &first), 5000);
	assert_true(first);
	assert_int_equal(prefix_bans_until(&l, &a, true, NOW, &first), 5000);
	assert_false(first);

	/* The same prefix again only moves its end. */
	add(&l, "192.0.2.0/24", 7000);
	assert_int_equal(until(&l, "192.0.2.9", 6999), 7000);
	prefix_bans_get(&l, 0, &v);
	assert_int_equal(v.dropped, 0);
	assert_int_equal(v.prefix.bits, p.bits);
	assert_memory_equal(v.prefix.ip, p.ip, sizeof(p.ip));
	prefix_bans_get(&l, 1, &v);
	assert_int_equal(v.until, 0);

	assert_int_equal(prefix_bans_remove(&l, &other, NOW), ERR_NOT_FOUND);
	assert_int_equal(prefix_bans_remove(&l, &p, NOW), OK);
	assert_int_equal(prefix_bans_remove(&l, &p, NOW), ERR_NOT_FOUND);
	assert_int_equal(until(&l, "192.0.2.9", NOW), 0);

	/* Its place is free once the store has forgotten it. */
	prefix_bans_get(&l, 0, &v);
	assert_true(v.dirty && v.until != 0);
	prefix_bans_written(&l, 0, v.until);
	prefix_bans_get(&l, 0, &v);
	assert_int_equal(v.until, 0);
	prefix_bans_done(&l);
}

static void full(void **state)
{
	struct prefix_bans l;
	struct prefix p;
	char text[32];

	(void)state;
	prefix_bans_init(&l);
	for (int i = 0; i < PREFIX_BANS_MAX; i++) {
		snprintf(text, sizeof(text), "10.%d.0.0/16", i % 256);
		add(&l, text, i == 100 ? 2000 : 9000);
	}
	p = prefix("11.0.0.0/16");
	assert_int_equal(prefix_bans_add(&l, &p, 9000, false, NOW), ERR_FULL);
	assert_int_equal(prefix_bans_add(&l, &p, 9000, false, 1999), ERR_FULL);
	/* One that ran out makes room. */
	assert_int_equal(prefix_bans_add(&l, &p, 9000, false, 2000), OK);
	assert_int_equal(until(&l, "11.0.0.1", 2000), 9000);
	assert_int_equal(until(&l, "10.100.0.1", NOW), 0);
	assert_int_equal(until(&l, "10.255.0.1", NOW), 9000);
	prefix_bans_done(&l);
}

struct shared {
	struct prefix_bans l;
	atomic_bool stop;
	atomic_uint wrong;
};

/* 10/8 is banned all the time, 11/8 never; what comes and goes in between must not disturb. */
static void *reader(void *arg)
{
	struct shared *s = arg;
	struct addr in = addr("10.1.2.3"), out = addr("11.1.2.3");

	while (!s->stop) {
		bool first;

		if (!prefix_bans_until(&s->l, &in, true, NOW, &first) ||
		    prefix_bans_until(&s->l, &out, true, NOW, &first))
			s->wrong++;
	}
	return NULL;
}

static void beside_a_writer(void **state)
{
	struct prefix a = prefix("172.16.0.0/12"), b = prefix("11.128.0.0/9");
	static struct shared s;
	pthread_t t;

	(void)state;
	prefix_bans_init(&s.l);
	/* Slot 0 changes between two prefixes of which half of each together would hold 11/8. */
	add(&s.l, "172.16.0.0/12", 9000);
	add(&s.l, "10.0.0.0/8", 9000);
	assert_int_equal(pthread_create(&t, NULL, reader, &s), 0);
	for (int i = 0; i < 20000; i++) {
		struct prefix_ban_view v;

		assert_int_equal(prefix_bans_remove(&s.l, i & 1 ? &b : &a, NOW), OK);
		prefix_bans_get(&s.l, 0, &v);
		prefix_bans_written(&s.l, 0, v.until);
		assert_int_equal(prefix_bans_add(&s.l, i & 1 ? &a : &b, 9000, false, NOW), OK);
	}
	s.stop = true;
	pthread_join(t, NULL);
	assert_int_equal(s.wrong, 0);
	prefix_bans_done(&s.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(holds),
	    cmocka_unit_test(ends),
	    cmocka_unit_test(full),
	    cmocka_unit_test(beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
