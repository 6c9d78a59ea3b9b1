/* SPDX-License-Identifier: MIT
 *
 * The ledger: keys, entries found as they were left, listings, memory, threads. Who is given up
 * when a set is full: test_ledger_places.c. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "guard/ledger.h"

#ifdef __SANITIZE_THREAD__
#define THREAD_SANITIZER 1
#else
#define THREAD_SANITIZER 0
#endif

#define T0 (1000 * USEC_SEC)

static const struct siphash_key key = {0x0123456789abcdef, 0xfedcba9876543210};

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_str(text), 0, &a), OK);
	return a;
}

static struct ledger_key source(uint32_t n)
{
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10}};

	a.ip[13] = (uint8_t)(n >> 16);
	a.ip[14] = (uint8_t)(n >> 8);
	a.ip[15] = (uint8_t)n;
	return ledger_key(LEDGER_SOURCE, &a, 0, 0);
}

static struct ledger *ledger_of(size_t entries)
{
	struct ledger *l;

	assert_int_equal(ledger_new(entries, &key, &l), OK);
	return l;
}

static struct ledger_entry *lock(struct ledger *l, uint32_t n, usec_t now)
{
	struct ledger_key k = source(n);

	return ledger_lock(l, ledger_hash(l, &k), &k, now);
}

static struct ledger_entry *lock_or_add(
    struct ledger *l, uint32_t n, enum event_tier rank, usec_t now)
{
	struct ledger_key k = source(n);

	return ledger_lock_or_add(l, ledger_hash(l, &k), &k, rank, now);
}

static bool has(struct ledger *l, uint32_t n)
{
	struct ledger_entry *e = lock(l, n, T0);

	if (e)
		ledger_unlock(l, e);
	return e != NULL;
}

static void keys(void **state)
{
	static const struct {
		enum ledger_kind kind;
		const char *address;
		uint16_t port;
		uint32_t name;
		const char *text, *prefix;
	} rows[] = {
	    {LEDGER_SOURCE, "192.0.2.7", 0, 0, "192.0.2.7", "192.0.2.7/32"},
	    {LEDGER_PREFIX, "192.0.2.7", 0, 0, "192.0.2.0/24", "192.0.2.0/24"},
	    {LEDGER_FLOW, "192.0.2.7", 5060, 0, "192.0.2.7:5060", "192.0.2.7/32"},
	    {LEDGER_FLOW, "255.255.255.255", 65535, 0, "255.255.255.255:65535",
		"255.255.255.255/32"},
	    {LEDGER_DEVICE, "192.0.2.7", 0, UINT32_MAX, "192.0.2.7", "192.0.2.7/32"},
	    {LEDGER_SOURCE, "2001:db8:1:2:3:4:5:6", 0, 0, "2001:db8:1:2::/64", "2001:db8:1:2::/64"},
	    {LEDGER_PREFIX, "2001:db8:1:2:3:4:5:6", 0, 0, "2001:db8:1::/48", "2001:db8:1::/48"},
	    {LEDGER_FLOW, "2001:db8:1:2:3:4:5:6", 5060, 0, "[2001:db8:1:2::/64]:5060",
		"2001:db8:1:2::/64"},
	    {LEDGER_DEVICE, "2001:db8:1:2:3:4:5:6", 0, 5, "2001:db8:1:2::/64", "2001:db8:1:2::/64"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[ADDR_TEXT_MAX], want[ADDR_TEXT_MAX];
		struct addr a = address(rows[i].address);
		struct ledger_key k = ledger_key(rows[i].kind, &a, rows[i].port, rows[i].name);
		struct prefix p = ledger_key_prefix(&k), parsed;
		struct buf b = BUF(text), w = BUF(want);

		assert_int_equal(ledger_key_kind(&k), rows[i].kind);
		ledger_key_add(&b, &k);
		assert_true(span_eq(buf_span(&b), span_str(rows[i].text)));
		assert_int_equal(prefix_parse(span_str(rows[i].prefix), &parsed), OK);
		prefix_add(&w, &parsed);
		assert_memory_equal(&p, &parsed, sizeof(p));
		assert_true(prefix_contains(&p, &a));
	}
}

/* What is one source to the ledger, and what is not. */
static void keys_equal(void **state)
{
	static const struct {
		enum ledger_kind kind;
		const char *a;
		uint16_t a_port;
		uint32_t a_name;
		const char *b;
		uint16_t b_port;
		uint32_t b_name;
		bool equal;
	} rows[] = {
	    {LEDGER_SOURCE, "192.0.2.7", 0, 0, "192.0.2.7", 0, 0, true},
	    {LEDGER_SOURCE, "192.0.2.7", 0, 0, "192.0.2.8", 0, 0, false},
	    {LEDGER_SOURCE, "192.0.2.7", 0, 0, "::192.0.2.7", 0, 0, false},
	    {LEDGER_PREFIX, "192.0.2.7", 0, 0, "192.0.2.255", 0, 0, true},
	    {LEDGER_PREFIX, "192.0.2.7", 0, 0, "192.0.3.7", 0, 0, false},
	    {LEDGER_FLOW, "192.0.2.7", 1, 0, "192.0.2.7", 2, 0, false},
	    {LEDGER_DEVICE, "192.0.2.7", 0, 1, "192.0.2.7", 0, 2, false},
	    {LEDGER_SOURCE, "2001:db8::1", 0, 0, "2001:db8::ffff", 0, 0, true},
	    {LEDGER_SOURCE, "2001:db8::1", 0, 0, "2001:db8:0:1::1", 0, 0, false},
	    {LEDGER_PREFIX, "2001:db8::1", 0, 0, "2001:db8:0:ffff::1", 0, 0, true},
	    {LEDGER_PREFIX, "2001:db8::1", 0, 0, "2001:db8:1::1", 0, 0, false},
	    {LEDGER_FLOW, "2001:db8::1", 1, 0, "2001:db8::1", 1, 0, true},
	    {LEDGER_FLOW, "2001:db8::1", 1, 0, "2001:db8::2", 1, 0, false},
	    {LEDGER_FLOW, "2001:db8::1", 1, 0, "2001:db8::1:0:1", 1, 0, false},
	    {LEDGER_FLOW, "2001:db8::1", 1, 0, "2001:db8::1", 257, 0, false},
	    {LEDGER_DEVICE, "2001:db8::1", 0, 1, "2001:db8::1", 0, 1u << 31, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = address(rows[i].a), b = address(rows[i].b);
		struct ledger_key ka = ledger_key(rows[i].kind, &a, rows[i].a_port, rows[i].a_name);
		struct ledger_key kb = ledger_key(rows[i].kind, &b, rows[i].b_port, rows[i].b_name);

		if ((memcmp(&ka, &kb, sizeof(ka)) == 0) != rows[i].equal)
			fail_msg("row %zu", i);
		/* The other kinds never meet it. */
		for (unsigned other = 0; other < LEDGER_KIND_COUNT; other++) {
			kb = ledger_key(other, &a, rows[i].a_port, rows[i].a_name);
			assert_int_equal(memcmp(&ka, &kb, sizeof(ka)) == 0, other == rows[i].kind);
		}
	}
}

static void found_again(void **state)
{
	struct ledger *l = ledger_of(1000);
	struct ledger_stats st;
	struct ledger_entry *e;

	(void)state;
	assert_null(lock(l, 1, T0));
	e = lock_or_add(l, 1, EVENT_TIER_UNKNOWN, T0);
	assert_non_null(e);
	assert_int_equal((uintptr_t)e % CACHE_LINE, 0);
	assert_int_equal(e->seen, T0);
	assert_int_equal(e->tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(e->banned | e->held | e->known | e->challenged | e->suspect, 0);
	assert_true(window_take(&e->window, 1, USEC_SEC, T0, NULL));
	e->failures = 3;
	e->offences = 7;
	e->bytes_in = 9;
	e->bytes_since = T0;
	freq_add(&e->rate[LEDGER_RESPONSE], 5, USEC_SEC, T0);
	ledger_unlock(l, e);
	/* Found as it was left, by either way. */
	e = lock_or_add(l, 1, EVENT_TIER_KNOWN, T0 + 5);
	assert_int_equal(e->seen, T0);
	assert_int_equal(e->failures, 3);
	ledger_unlock(l, e);
	e = lock(l, 1, T0);
	assert_int_equal(e->failures, 3);
	assert_false(window_take(&e->window, 1, USEC_SEC, T0, NULL));
	ledger_stats(l, &st);
	assert_int_equal(st.entries, 1);
	assert_int_equal(st.capacity, 1000);
	/* Removed, it is gone, and what comes into its place knows nothing of it. */
	ledger_remove(l, e);
	assert_false(has(l, 1));
	ledger_stats(l, &st);
	assert_int_equal(st.entries, 0);
	e = lock_or_add(l, 1, EVENT_TIER_UNKNOWN, T0 + 9);
	assert_int_equal(e->failures | e->offences | e->bytes_in | e->bytes_since, 0);
	assert_int_equal(freq_read(&e->rate[LEDGER_RESPONSE], USEC_SEC, T0), 0);
	assert_int_equal(window_events(&e->window, USEC_SEC, T0), 0);
	assert_true(window_take(&e->window, 1, USEC_SEC, T0, NULL));
	ledger_unlock(l, e);
	ledger_free(l);
	ledger_free(NULL);
}

static void sizes(void **state)
{
	static const struct {
		size_t entries, capacity;
	} rows[] = {{0, 8}, {1, 8}, {8, 8}, {9, 16}, {1000, 1000}, {1001, 1008}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger *l = ledger_of(rows[i].entries);
		struct ledger_stats st;

		ledger_stats(l, &st);
		assert_int_equal(st.capacity, rows[i].capacity);
		assert_true(ledger_memory(rows[i].entries) >=
			    rows[i].capacity * sizeof(struct ledger_entry));
		ledger_free(l);
	}
}

static long resident_pages(void)
{
	long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident;
}

/* All memory is there from the start. (ThreadSanitizer's own grows with every access.) */
static void memory(void **state)
{
	const uint32_t entries = 1 << 15;
	struct ledger *l;
	long before = resident_pages(), made, page = sysconf(_SC_PAGESIZE);

	(void)state;
	l = ledger_of(entries);
	made = resident_pages();
	for (uint32_t n = 0; n < 4 * entries; n++)
		ledger_unlock(l, lock_or_add(l, n, EVENT_TIER_UNKNOWN, T0 + n));
	if (made > 0 && !THREAD_SANITIZER) {
		assert_true((made - before) * page >= (long)ledger_memory(entries) * 9 / 10);
		assert_true(resident_pages() - made < 64);
	}
	ledger_free(l);
}

/* Many sets, and none of them full: a map. */
static void random_map(void **state)
{
	const uint32_t names = 3000;
	uint32_t *want = calloc(names, sizeof(*want));
	struct ledger *l = ledger_of(65536);
	struct ledger_stats st;
	size_t present = 0;
	struct rng r;

	(void)state;
	assert_non_null(want);
	rng_init_seed(&r, 5);
	for (uint32_t i = 1; i < 300000; i++) {
		uint32_t n = rng_below(&r, names);
		struct ledger_entry *e = rng_below(&r, 2)
					     ? lock(l, n, T0 + i)
					     : lock_or_add(l, n, EVENT_TIER_UNKNOWN, T0 + i);

		assert_true(e || want[n] == 0);
		if (!e)
			continue;
		present += want[n] == 0;
		assert_int_equal(e->dropped, want[n]);
		if (rng_below(&r, 3) == 0) {
			ledger_remove(l, e);
			want[n] = 0;
			present--;
		} else {
			e->dropped = want[n] = i;
			ledger_unlock(l, e);
		}
	}
	ledger_stats(l, &st);
	assert_int_equal(st.entries, present);
	assert_int_equal(st.evicted, 0);
	free(want);
	ledger_free(l);
}

struct listing {
	unsigned met[512];
	size_t n, stop_at;
};

static bool meet(void *arg, struct ledger_entry *e)
{
	struct listing *list = arg;

	list->met[e->dropped]++;
	e->failures++;
	return ++list->n != list->stop_at;
}

static void each(void **state)
{
	static const struct {
		size_t budget, stop_every;
	} rows[] = {{SIZE_MAX, 0}, {1, 0}, {3, 0}, {SIZE_MAX, 1}, {2, 3}, {SIZE_MAX, 7}};
	struct ledger *l = ledger_of(2048);

	(void)state;
	for (uint32_t n = 0; n < 512; n++) {
		struct ledger_entry *e = lock_or_add(l, n, EVENT_TIER_UNKNOWN, T0);

		e->dropped = n;
		ledger_unlock(l, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct listing list = {.n = 0};
		size_t cursor = 0, calls = 0;
		bool more;

		do {
			list.stop_at = rows[i].stop_every ? list.n + rows[i].stop_every : 0;
			more = ledger_each(l, &cursor, rows[i].budget, meet, &list);
			calls++;
		} while (more);
		assert_int_equal(list.n, 512);
		for (uint32_t n = 0; n < 512; n++)
			assert_int_equal(list.met[n], 1);
		if (rows[i].budget < SIZE_MAX)
			assert_true(calls >= 2048 / LEDGER_WAYS / rows[i].budget);
		assert_false(ledger_each(l, &cursor, 1, meet, &list));
	}
	for (uint32_t n = 0; n < 512; n++) {
		struct ledger_entry *e = lock(l, n, T0);

		assert_int_equal(e->failures, ARRAY_LEN(rows));
		ledger_unlock(l, e);
	}
	ledger_free(l);
}

#define STEPS 100000
#define HOT   13

struct worker {
	struct ledger *l;
	uint32_t seed;
};

static bool count_one(void *arg, struct ledger_entry *e)
{
	*(uint64_t *)arg += e->dropped;
	return true;
}

static bool count_entry(void *arg, struct ledger_entry *e)
{
	(void)e;
	++*(uint64_t *)arg;
	return true;
}

/* Counts at a few sources that both threads work on, while strangers come and go around them. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct rng r;

	rng_init_seed(&r, w->seed);
	for (uint32_t i = 0; i < STEPS; i++) {
		struct ledger_entry *e = lock_or_add(w->l, i % HOT, EVENT_TIER_KNOWN, T0 + i);
		struct ledger_key k = source(1000 + rng_below(&r, rng_below(&r, 2) ? 4 : 5000));
		uint64_t hash = ledger_hash(w->l, &k);

		if (!e)
			return NULL;
		e->dropped++;
		e->known = T0 + USEC_MIN;
		e->tier = EVENT_TIER_KNOWN;
		e->seen = T0 + i;
		ledger_unlock(w->l, e);
		ledger_prefetch(w->l, hash);
		ledger_prefetch_entry(w->l, hash);
		e = i % 3 ? ledger_lock_or_add(w->l, hash, &k, EVENT_TIER_UNKNOWN, T0 + i)
			  : ledger_lock(w->l, hash, &k, T0 + i);
		if (e && i % 7 == 0)
			ledger_remove(w->l, e);
		else if (e)
			ledger_unlock(w->l, e);
	}
	return w;
}

static void threads(void **state)
{
	struct ledger *l = ledger_of(512);
	struct worker w[2] = {{l, 1}, {l, 2}};
	pthread_t t[2];
	void *done;
	uint64_t sum = 0;
	size_t cursor = 0;
	struct ledger_stats st;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
	for (int i = 0; i < 200; i++) { /* a listing meanwhile */
		sum = 0;
		cursor = 0;
		while (ledger_each(l, &cursor, 8, count_one, &sum))
			ledger_stats(l, &st);
		assert_true(sum <= 2 * STEPS);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(t[i], &done), 0);
		assert_non_null(done);
	}
	sum = 0;
	for (uint32_t n = 0; n < HOT; n++) {
		struct ledger_entry *e = lock(l, n, T0);

		assert_non_null(e);
		sum += e->dropped;
		ledger_unlock(l, e);
	}
	assert_int_equal(sum, 2 * STEPS);
	/* What is counted is what is there: nothing was removed twice. */
	sum = cursor = 0;
	assert_false(ledger_each(l, &cursor, SIZE_MAX, count_entry, &sum));
	ledger_stats(l, &st);
	assert_int_equal(st.entries, sum);
	ledger_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys),
	    cmocka_unit_test(keys_equal),
	    cmocka_unit_test(found_again),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(memory),
	    cmocka_unit_test(random_map),
	    cmocka_unit_test(each),
	    cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
