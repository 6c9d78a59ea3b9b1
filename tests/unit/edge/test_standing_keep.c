/* SPDX-License-Identifier: MIT
 *
 * Standing that outlives a restart: a ledger, a real database file, another ledger. And a store
 * that fails, is gone for a while, or comes back as another file. Time is virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "edge/standing_keep.h"
#include "store/sqlite.h"

#define NOW     (1000 * USEC_SEC)
#define WALL    (UINT64_C(1800000000) * USEC_SEC)
#define SOURCES 4096

static char dir[40], path[64];

static const struct conf_standing conf = {.mode = CONF_MODE_ENFORCE,
    .half_life = 10 * USEC_MIN,
    .suspect = 5,
    .deny = 10,
    .ban = 10 * USEC_MIN,
    .ban_max = 24 * 60 * USEC_MIN,
    .devices = 3,
    .known = 24 * 60 * USEC_MIN,
    .challenged = 5 * USEC_SEC,
    .sources = SOURCES};
static const struct conf_flood flood = {.mode = CONF_MODE_OFF};
static struct standing_policy policy;

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	standing_policy_init(&policy, &conf, &flood, NULL, 0);
	return 0;
}

static void remove_files(void)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char file[80];

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
}

static int teardown(void **state)
{
	(void)state;
	remove_files();
	return rmdir(dir);
}

static struct store *open_store(void)
{
	char why[STORE_WHY_MAX];
	struct buf b = BUF(why);
	struct store *s;

	if (sqlite_open(path, STORE_STATE | STORE_CREATE, 50, &b, &s) != OK)
		fail_msg("%.*s", SPAN_FMT(buf_span(&b)));
	return s;
}

/* One life of the program: a ledger, what keeps it, and the store. */
struct life {
	struct standing *standing;
	struct standing_keep *keep;
	struct store *store;
	usec_t now, wall;
};

static void begin(struct life *l, usec_t now, usec_t wall)
{
	const struct siphash_key key = {now, wall};

	assert_int_equal(standing_new(SOURCES, &key, &l->standing), OK);
	assert_int_equal(standing_keep_new(l->standing, &l->keep), OK);
	l->store = open_store();
	l->now = now;
	l->wall = wall;
	assert_int_equal(standing_keep_load(l->keep, l->store, &policy, now, wall), OK);
}

/* As kill -9: nothing is written any more. */
static void end(struct life *l)
{
	standing_keep_free(l->keep);
	standing_free(l->standing);
	store_close(l->store);
}

/* As long as it takes until everything was looked at once. */
static void tick(struct life *l)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(standing_keep_tick(l->keep, l->store, l->now, l->wall), OK);
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_str(text), &p), OK);
	return p;
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(span_str(text), 0, &a), OK);
	return a;
}

static void ban(struct life *l, const char *what, usec_t time)
{
	struct prefix p = prefix(what);

	assert_int_equal(standing_ban(l->standing, &policy, &p, l->now + time, l->now), OK);
}

static void unban(struct life *l, const char *what)
{
	struct prefix p = prefix(what);

	assert_int_equal(standing_unban(l->standing, &p, l->now), OK);
}

static struct standing_view look(struct life *l, const char *source)
{
	struct addr a = address(source);
	struct standing_view v;

	(void)standing_look(l->standing, &policy, &a, a.port != 0, l->now, &v);
	return v;
}

static void log_in(struct life *l, const char *source)
{
	struct standing_who who = {.source = address(source), .proven = true};

	(void)standing_logged_in(l->standing, &policy, &who, l->now);
}

/* Misbehaves until the source is banned for them. */
static void misbehave(struct life *l, const char *source)
{
	struct standing_who who = {.source = address(source), .proven = true};
	struct standing_changes c;

	do {
		standing_found(l->standing, &policy, &who, REASON_SCAN_DECOY, true, l->now, &c);
		l->now += USEC_MS;
		l->wall += USEC_MS;
	} while (c.tier != EVENT_TIER_DENIED);
}

static bool prefix_banned(struct life *l, const char *source)
{
	struct addr a = address(source);

	return standing_prefix_banned(l->standing, &a, l->now);
}

static struct standing_keep_stats stats(const struct life *l)
{
	struct standing_keep_stats s;

	standing_keep_stats(l->keep, &s);
	return s;
}

static void test_what_outlives_a_crash(void **state UNUSED)
{
	struct life l;
	struct standing_view v;

	begin(&l, NOW, WALL);
	ban(&l, "192.0.2.7", 60 * USEC_MIN);
	ban(&l, "198.51.100.0/24", 60 * USEC_MIN);
	ban(&l, "2001:db8:7::/64", 60 * USEC_MIN);
	misbehave(&l, "192.0.2.8:5060");
	log_in(&l, "192.0.2.9:5060");
	tick(&l);
	end(&l);

	/* The monotonic clock begins anew, the other one went on for ten minutes. */
	begin(&l, 5 * USEC_SEC, WALL + 10 * USEC_MIN);
	v = look(&l, "192.0.2.7");
	assert_int_equal(v.tier, EVENT_TIER_DENIED);
	assert_true(v.manual);
	assert_int_equal(v.reason, REASON_STANDING_MANUAL);
	assert_int_equal(v.banned_until, l.now + 50 * USEC_MIN);
	assert_int_equal(look(&l, "2001:db8:7::1").banned_until, l.now + 50 * USEC_MIN);
	assert_true(prefix_banned(&l, "198.51.100.200"));
	assert_false(prefix_banned(&l, "198.51.101.200"));
	assert_int_equal(look(&l, "192.0.2.9").tier, EVENT_TIER_KNOWN);
	assert_int_equal(look(&l, "192.0.2.9:5060").tier, EVENT_TIER_KNOWN);
	assert_int_equal(look(&l, "192.0.2.10").tier, EVENT_TIER_UNKNOWN);
	/* Its ban is over, its offence is not: the next ban takes twice as long. */
	v = look(&l, "192.0.2.8");
	assert_int_not_equal(v.tier, EVENT_TIER_DENIED);
	assert_int_equal(v.offences, 1);
	misbehave(&l, "192.0.2.8:5060");
	v = look(&l, "192.0.2.8");
	assert_int_equal(v.offences, 2);
	assert_true(v.banned_until > l.now + 19 * USEC_MIN);
	end(&l);
}

/* A ban that ran out, or was ended, is no ban in the next life either. */
static void test_what_is_over_stays_over(void **state UNUSED)
{
	struct life l;

	begin(&l, NOW, WALL);
	ban(&l, "192.0.2.7", USEC_MIN);
	ban(&l, "192.0.2.8", 60 * USEC_MIN);
	ban(&l, "198.51.100.0/24", USEC_MIN);
	ban(&l, "203.0.113.0/24", 60 * USEC_MIN);
	tick(&l);
	unban(&l, "192.0.2.8");
	unban(&l, "203.0.113.0/24");
	tick(&l);
	assert_int_equal(stats(&l).removed, 2);
	end(&l);
	begin(&l, NOW, WALL + 2 * USEC_MIN);
	assert_int_equal(stats(&l).loaded, 0);
	assert_int_equal(stats(&l).left_out, 2);
	assert_int_equal(look(&l, "192.0.2.7").tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(look(&l, "192.0.2.8").tier, EVENT_TIER_UNKNOWN);
	assert_false(prefix_banned(&l, "198.51.100.1"));
	assert_false(prefix_banned(&l, "203.0.113.1"));
	/* And what ran out goes from the store. */
	tick(&l);
	assert_int_equal(stats(&l).removed, 2);
	end(&l);
	begin(&l, NOW, WALL + 2 * USEC_MIN);
	assert_int_equal(stats(&l).left_out, 0);
	end(&l);
}

static bool count_ban(void *arg, const struct standing_view *v, const struct prefix *p)
{
	size_t *n = arg;

	assert_int_equal(v->tier, EVENT_TIER_DENIED);
	n[p ? 1 : 0]++;
	return true;
}

/* All at once: each is told, none is there any more, now or in the next life; log-ins stay. */
static void test_all_bans_ended(void **state UNUSED)
{
	size_t told[2] = {0};
	struct life l;

	begin(&l, NOW, WALL);
	ban(&l, "192.0.2.7", 60 * USEC_MIN);
	ban(&l, "198.51.100.0/24", 60 * USEC_MIN);
	ban(&l, "203.0.113.0/25", 60 * USEC_MIN);
	misbehave(&l, "192.0.2.8:5060");
	log_in(&l, "192.0.2.9:5060");
	tick(&l);
	assert_int_equal(standing_unban_all(l.standing, l.now, count_ban, told), 4);
	assert_int_equal(told[0], 2);
	assert_int_equal(told[1], 2);
	assert_int_equal(standing_unban_all(l.standing, l.now, count_ban, told), 0);
	tick(&l);
	end(&l);
	begin(&l, NOW, WALL);
	assert_int_equal(stats(&l).loaded, 2); /* the log-in: source and flow */
	assert_int_equal(look(&l, "192.0.2.7").tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(look(&l, "192.0.2.8").tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(look(&l, "192.0.2.9").tier, EVENT_TIER_KNOWN);
	assert_false(prefix_banned(&l, "198.51.100.1"));
	end(&l);
}

static void test_nothing_new_writes_nothing(void **state UNUSED)
{
	struct life l;
	uint64_t written;

	begin(&l, NOW, WALL);
	ban(&l, "192.0.2.7", 60 * USEC_MIN);
	ban(&l, "198.51.100.0/24", 60 * USEC_MIN);
	tick(&l);
	written = stats(&l).written;
	assert_int_equal(written, 2);
	tick(&l);
	assert_int_equal(stats(&l).written, written);
	end(&l);
	begin(&l, NOW, WALL);
	assert_int_equal(stats(&l).loaded, 2);
	tick(&l);
	assert_int_equal(stats(&l).written, 0);
	end(&l);
}

static void name_source(char text[static 32], unsigned i)
{
	snprintf(text, 32, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
}

/* More than a batch, and all of them at once at the end. */
static void test_the_last_walk_writes_everything(void **state UNUSED)
{
	const unsigned n = SOURCES / 4;
	unsigned missing = 0;
	struct life l;
	char text[32];

	begin(&l, NOW, WALL);
	for (unsigned i = 0; i < n; i++) {
		name_source(text, i);
		ban(&l, text, 60 * USEC_MIN);
	}
	assert_int_equal(standing_keep_flush(l.keep, l.store, l.now, l.wall), OK);
	assert_true(stats(&l).written >= n - n / 100);
	assert_false(stats(&l).pending);
	end(&l);
	begin(&l, NOW, WALL);
	for (unsigned i = 0; i < n; i++) {
		name_source(text, i);
		missing += look(&l, text).tier != EVENT_TIER_DENIED;
	}
	/* Sets that were too full; of the many that were not, none is missing. */
	assert_true(missing <= n / 100);
	end(&l);
}

/* In two ticks everything is in the store, so a crash loses a second. */
static void test_two_ticks_see_the_whole_ledger(void **state UNUSED)
{
	const unsigned n = 64;
	struct life l;
	char text[32];

	begin(&l, NOW, WALL);
	for (unsigned i = 0; i < n; i++) {
		name_source(text, i);
		ban(&l, text, 60 * USEC_MIN);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(standing_keep_tick(l.keep, l.store, l.now, l.wall), OK);
	end(&l);
	begin(&l, NOW, WALL);
	assert_int_equal(stats(&l).loaded, n);
	end(&l);
}

/* ---- a store that fails ---- */

static enum err broken_put(struct store *s UNUSED, const struct store_source *rows UNUSED,
    size_t n UNUSED, usec_t wall UNUSED)
{
	return ERR_IO;
}

static const struct store_ops broken_ops = {.sources_put = broken_put};

static void test_a_store_that_fails_costs_nothing(void **state UNUSED)
{
	struct store broken = {.ops = &broken_ops};
	struct life l;

	begin(&l, NOW, WALL);
	ban(&l, "192.0.2.7", 60 * USEC_MIN);
	for (int i = 0; i < 3; i++)
		(void)standing_keep_tick(l.keep, &broken, l.now, l.wall);
	assert_true(stats(&l).pending);
	assert_true(stats(&l).failed >= 1);
	assert_int_equal(stats(&l).written, 0);
	assert_int_equal(standing_keep_tick(l.keep, NULL, l.now, l.wall), ERR_IO);
	ban(&l, "192.0.2.8", 60 * USEC_MIN);
	unban(&l, "192.0.2.7");
	tick(&l);
	assert_false(stats(&l).pending);
	end(&l);
	begin(&l, NOW, WALL);
	assert_int_equal(look(&l, "192.0.2.7").tier, EVENT_TIER_UNKNOWN);
	assert_int_equal(look(&l, "192.0.2.8").tier, EVENT_TIER_DENIED);
	end(&l);
}

/* The file is lost with all that had been written; its successor gets all of it again. */
static void test_another_file(void **state UNUSED)
{
	struct life l;

	begin(&l, NOW, WALL);
	ban(&l, "192.0.2.7", 60 * USEC_MIN);
	ban(&l, "198.51.100.0/24", 60 * USEC_MIN);
	log_in(&l, "192.0.2.9:5060");
	tick(&l);
	store_close(l.store);
	remove_files();
	assert_int_equal(standing_keep_tick(l.keep, NULL, l.now, l.wall), ERR_IO);
	l.store = open_store();
	tick(&l);
	end(&l);
	begin(&l, NOW, WALL);
	assert_int_equal(look(&l, "192.0.2.7").tier, EVENT_TIER_DENIED);
	assert_int_equal(look(&l, "192.0.2.9:5060").tier, EVENT_TIER_KNOWN);
	assert_true(prefix_banned(&l, "198.51.100.1"));
	end(&l);
}

/* What is no record of ours is left out and does no harm. */
static void test_damage(void **state UNUSED)
{
	static const char rubbish[STANDING_RECORD] = {9};
	const struct store_source rows[] = {
	    {SPAN("0123456789abcdef"), span_of(rubbish, sizeof(rubbish))},
	    {SPAN("short"), span_of(rubbish, sizeof(rubbish))},
	    {SPAN("0123456789abcdef0"), SPAN("short")},
	    {SPAN("a key that is much longer than any of ours"), span_of(rubbish, sizeof(rubbish))},
	};
	struct life l;
	struct store *s = open_store();

	assert_int_equal(store_sources_put(s, rows, ARRAY_LEN(rows), WALL), OK);
	store_close(s);
	begin(&l, NOW, WALL);
	assert_int_equal(stats(&l).loaded, 0);
	assert_int_equal(stats(&l).left_out, 4);
	ban(&l, "192.0.2.7", 60 * USEC_MIN);
	tick(&l);
	end(&l);
	begin(&l, NOW, WALL);
	assert_int_equal(stats(&l).loaded, 1);
	end(&l);
}

static bool count_row(void *arg, const struct store_source *row UNUSED)
{
	++*(size_t *)arg;
	return true;
}

/* The store does not grow with what the ledger gave up long ago. */
static void test_rows_are_bounded(void **state UNUSED)
{
	struct life l;
	size_t rows = 0;
	char text[32];

	begin(&l, NOW, WALL);
	for (unsigned i = 0; i < 4 * SOURCES; i++) {
		name_source(text, i);
		ban(&l, text, USEC_MIN + i * USEC_SEC);
		if (i % 512 == 511) {
			l.now += 2 * 60 * USEC_MIN;
			l.wall += 2 * 60 * USEC_MIN;
			tick(&l);
		}
	}
	assert_int_equal(store_sources_each(l.store, count_row, &rows), OK);
	assert_true(rows > SOURCES / 2);
	assert_true(rows <= SOURCES + SOURCES / 4 + 2048);
	end(&l);
	begin(&l, NOW, WALL);
	rows = 0;
	assert_int_equal(store_sources_each(l.store, count_row, &rows), OK);
	assert_true(rows <= SOURCES);
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_what_outlives_a_crash, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_what_is_over_stays_over, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_all_bans_ended, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nothing_new_writes_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_the_last_walk_writes_everything, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_two_ticks_see_the_whole_ledger, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_store_that_fails_costs_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_another_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rows_are_bounded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
