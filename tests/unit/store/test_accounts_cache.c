/* SPDX-License-Identifier: MIT
 *
 * The account cache: lifetimes, shared fetches, the bound on unknown names, rechecks, threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_store.h"
#include "store/accounts.h"

/* A name, for the length of the call. */
#define NAME(cache, user, domain) \
	((struct accounts_name[]){accounts_name((cache), (user), (domain))})
#define DOMAIN   SPAN("example.com")
#define LIFETIME (60 * USEC_SEC)
#define NEGATIVE (10 * USEC_SEC)

struct fixture {
	struct store_worker *worker;
	struct accounts *cache;
};

struct waiter {
	struct accounts_waiter w;
	struct answer a;
};

static void waiter_done(struct accounts_waiter *aw, enum err e)
{
	struct waiter *w = CONTAINER_OF(aw, struct waiter, w);

	answer_take(&w->a, e, NULL);
}

static void waiter_init(struct waiter *w)
{
	*w = (struct waiter){.w.done = waiter_done};
	answer_init(&w->a);
}

static void start(struct fixture *f, size_t entries, size_t fetches, size_t queue)
{
	const struct store_worker_config wc = {
	    .queue = queue, .clock = fake_clock, .open = fake_open};
	struct accounts_config ac = {.entries = entries,
	    .lifetime = LIFETIME,
	    .negative_lifetime = NEGATIVE,
	    .fetches = fetches,
	    .key = {1, 2}};

	fake_reset();
	assert_int_equal(store_worker_new(&wc, &f->worker), OK);
	assert_int_equal(store_worker_start(f->worker), OK);
	ac.worker = f->worker;
	assert_int_equal(accounts_new(&ac, &f->cache), OK);
}

static void stop(struct fixture *f)
{
	fake.hold = false;
	sem_post(&fake.gate);
	store_worker_free(f->worker);
	accounts_free(f->cache);
}

static int setup(void **state)
{
	static struct fixture f;

	start(&f, 64, 0, 64);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	stop(*state);
	return 0;
}

/* Asks and, if need be, waits. *out_version, if given: of the A1. */
static enum err get(struct fixture *f, const char *user, int *out_version)
{
	struct waiter w;
	enum err e;

	waiter_init(&w);
	e = accounts_get(
	    f->cache, NAME(f->cache, span_str(user), DOMAIN), fake.now, USEC_MAX, &w.w);
	if (e == ERR_BUSY)
		e = answer_wait(&w.a);
	if (e == OK && out_version)
		*out_version = w.w.ha1s.ha1[DIGEST_MD5][0];
	return e;
}

/* Asks; a miss is a fault. */
static enum err get_cached(struct fixture *f, const char *user)
{
	unsigned gets = fake.gets;
	enum err e = get(f, user, NULL);

	assert_int_equal(fake.gets, gets);
	return e;
}

static void lifetimes(void **state)
{
	static const struct {
		const char *user;
		enum err want;
		usec_t age;
		bool asked;
	} rows[] = {
	    {"alice", OK, 0, true},
	    {"alice", OK, 0, false},
	    {"alice", OK, LIFETIME - 1, false},
	    {"alice", OK, 1, true},
	    {"nobody", ERR_NOT_FOUND, 0, true},
	    {"nobody", ERR_NOT_FOUND, NEGATIVE - 1, false},
	    {"nobody", ERR_NOT_FOUND, 1, true},
	    {"", ERR_NOT_FOUND, 0, false},
	    {"a name that is longer than any account can have, because it has more than a hundred "
	     "and twenty-eight characters, and then a few more.",
		ERR_NOT_FOUND, 0, false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned gets = fake.gets;

		fake.now += rows[i].age;
		assert_int_equal(get(f, rows[i].user, NULL), rows[i].want);
		if (fake.gets - gets != rows[i].asked)
			fail_msg("row %zu", i);
	}
	accounts_set_lifetime(f->cache, USEC_SEC, USEC_MIN);
	assert_int_equal(get_cached(f, "nobody"), ERR_NOT_FOUND);
	fake.now += USEC_SEC;
	assert_int_equal(get(f, "alice", NULL), OK);
	assert_int_equal(get(f, "nobody", NULL), ERR_NOT_FOUND);
	assert_int_equal(fake.gets, 6);
}

/* "ab" at "c" is not "a" at "bc". */
static void names_are_apart(void **state)
{
	struct fixture *f = *state;
	struct waiter w;

	assert_int_equal(get(f, "alice", NULL), OK);
	waiter_init(&w);
	assert_int_equal(accounts_get(f->cache, NAME(f->cache, SPAN("alic"), SPAN("eexample.com")),
			     fake.now, USEC_MAX, &w.w),
	    ERR_BUSY);
	assert_int_equal(answer_wait(&w.a), OK);
	assert_int_equal(fake.gets, 2);
}

static void one_fetch_for_many(void **state)
{
	struct fixture *f = *state;
	struct accounts_stats st;
	struct waiter all[20];

	fake.hold = true;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		waiter_init(&all[i]);
		assert_int_equal(accounts_get(f->cache, NAME(f->cache, SPAN("alice"), DOMAIN),
				     fake.now, USEC_MAX, &all[i].w),
		    ERR_BUSY);
	}
	fake.hold = false;
	sem_post(&fake.gate);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		assert_int_equal(answer_wait(&all[i].a), OK);
		assert_int_equal(all[i].w.ha1s.ha1[DIGEST_MD5][0], 1);
		assert_int_equal(all[i].a.times, 1);
	}
	assert_int_equal(fake.gets, 1);
	accounts_stats(f->cache, &st);
	assert_int_equal(st.shared, ARRAY_LEN(all) - 1);
	assert_int_equal(st.fetching, 0);
	assert_int_equal(st.used, 1);
}

static void fetches_are_bounded(void **state)
{
	struct waiter all[3];
	struct fixture f;

	(void)state;
	start(&f, 64, 2, 64);
	fake.hold = true;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		waiter_init(&all[i]);
	assert_int_equal(
	    accounts_get(f.cache, NAME(f.cache, SPAN("a"), DOMAIN), fake.now, USEC_MAX, &all[0].w),
	    ERR_BUSY);
	assert_int_equal(
	    accounts_get(f.cache, NAME(f.cache, SPAN("b"), DOMAIN), fake.now, USEC_MAX, &all[1].w),
	    ERR_BUSY);
	assert_int_equal(
	    accounts_get(f.cache, NAME(f.cache, SPAN("c"), DOMAIN), fake.now, USEC_MAX, &all[2].w),
	    ERR_FULL);
	fake.hold = false;
	sem_post(&fake.gate);
	assert_int_equal(answer_wait(&all[0].a), OK);
	assert_int_equal(answer_wait(&all[1].a), OK);
	assert_int_equal(get(&f, "c", NULL), OK);
	stop(&f);
}

/* Without a database: what is known works to the end of its lifetime, the rest is told at once. */
static void database_lost(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "alice", NULL), OK);
	fake.fail = ERR_IO;
	fake.no_open = 1;
	assert_int_equal(get(f, "bob", NULL), ERR_IO);
	assert_int_equal(get_cached(f, "alice"), OK);
	fake.now += LIFETIME;
	assert_int_equal(get(f, "alice", NULL), ERR_IO);
	fake.fail = OK;
	fake.no_open = 0;
	fake.now += 5 * USEC_SEC;
	assert_int_equal(get(f, "alice", NULL), OK);
	assert_int_equal(get(f, "bob", NULL), OK);
}

/* A changed password, or a new account, works at once; guessing asks at most once a second. */
static void rechecks(void **state)
{
	struct fixture *f = *state;
	struct waiter w;
	int version = 0;

	assert_int_equal(get(f, "alice", &version), OK);
	assert_int_equal(version, 1);
	fake.version = 2;
	waiter_init(&w);
	assert_int_equal(accounts_recheck(f->cache, NAME(f->cache, SPAN("alice"), DOMAIN), fake.now,
			     USEC_MAX, &w.w),
	    ERR_DENIED);
	fake.now += USEC_SEC + 1;
	assert_int_equal(accounts_recheck(f->cache, NAME(f->cache, SPAN("alice"), DOMAIN), fake.now,
			     USEC_MAX, &w.w),
	    ERR_BUSY);
	assert_int_equal(answer_wait(&w.a), OK);
	assert_int_equal(w.w.ha1s.ha1[DIGEST_MD5][0], 2);
	assert_int_equal(get(f, "alice", &version), OK);
	assert_int_equal(version, 2);
	assert_int_equal(accounts_recheck(f->cache, NAME(f->cache, SPAN("alice"), DOMAIN), fake.now,
			     USEC_MAX, &w.w),
	    ERR_DENIED);
	assert_int_equal(accounts_recheck(f->cache, NAME(f->cache, SPAN("other"), DOMAIN), fake.now,
			     USEC_MAX, &w.w),
	    ERR_DENIED);
	assert_int_equal(fake.gets, 2);
}

static void forgetting(void **state)
{
	struct fixture *f = *state;
	struct waiter before, after;
	int version = 0;

	assert_int_equal(get(f, "alice", NULL), OK);
	fake.version = 2;
	accounts_forget(f->cache, SPAN("alice"), DOMAIN);
	assert_int_equal(get(f, "alice", &version), OK);
	assert_int_equal(version, 2);
	/* What was asked before the change is answered but not kept, and not shared. */
	accounts_forget(f->cache, SPAN("alice"), DOMAIN);
	waiter_init(&before);
	waiter_init(&after);
	fake.hold = true;
	assert_int_equal(accounts_get(f->cache, NAME(f->cache, SPAN("alice"), DOMAIN), fake.now,
			     USEC_MAX, &before.w),
	    ERR_BUSY);
	while (sem_wait(&fake.entered) != 0)
		;
	fake.version = 3;
	accounts_forget(f->cache, SPAN("alice"), DOMAIN);
	assert_int_equal(accounts_get(f->cache, NAME(f->cache, SPAN("alice"), DOMAIN), fake.now,
			     USEC_MAX, &after.w),
	    ERR_BUSY);
	fake.hold = false;
	sem_post(&fake.gate);
	assert_int_equal(answer_wait(&before.a), OK);
	assert_int_equal(before.w.ha1s.ha1[DIGEST_MD5][0], 2);
	assert_int_equal(answer_wait(&after.a), OK);
	assert_int_equal(after.w.ha1s.ha1[DIGEST_MD5][0], 3);
	assert_int_equal(get(f, "alice", &version), OK);
	assert_int_equal(version, 3);
	fake.version = 4;
	accounts_forget_all(f->cache);
	assert_int_equal(get(f, "alice", &version), OK);
	assert_int_equal(version, 4);
}

/* The unknown names of a scanner, by the thousand, push no account out. */
static void invented_users_push_nobody_out(void **state)
{
	struct fixture *f = *state;
	struct accounts_stats st;
	char user[16];

	/* 64 entries in sets of 8: the sets differ in how many of forty they hold. */
	for (int i = 0; i < 40; i++) {
		snprintf(user, sizeof(user), "a%d", i);
		assert_int_equal(get(f, user, NULL), OK);
	}
	accounts_stats(f->cache, &st);
	size_t used = st.used;
	for (int i = 0; i < 5000; i++) {
		snprintf(user, sizeof(user), "n%d", i);
		assert_int_equal(get(f, user, NULL), ERR_NOT_FOUND);
	}
	accounts_stats(f->cache, &st);
	assert_int_equal(st.used, used);
	assert_true(st.negative <= 2 * 8);
	assert_int_equal(st.entries, 64);
	/* Accounts may take the places of nobodies. */
	for (int i = 0; i < 500; i++) {
		snprintf(user, sizeof(user), "b%d", i);
		assert_int_equal(get(f, user, NULL), OK);
	}
	accounts_stats(f->cache, &st);
	assert_int_equal(st.used, 64);
	assert_int_equal(st.negative, 0);
}

/* An account that is removed, or added, changes its kind in place. */
static void kinds_change(void **state)
{
	struct fixture *f = *state;
	struct accounts_stats st;

	assert_int_equal(get(f, "alice", NULL), OK);
	fake.fail = ERR_NOT_FOUND;
	fake.now += LIFETIME;
	assert_int_equal(get(f, "alice", NULL), ERR_NOT_FOUND);
	assert_int_equal(get_cached(f, "alice"), ERR_NOT_FOUND);
	fake.fail = OK;
	fake.now += NEGATIVE;
	assert_int_equal(get(f, "alice", NULL), OK);
	accounts_stats(f->cache, &st);
	assert_int_equal(st.used, 1);
	assert_int_equal(st.negative, 0);
}

static void memory(void **state)
{
	(void)state;
	assert_true(accounts_memory(65536) >= 65536 * 128);
	assert_true(accounts_memory(65536) < 65536 * 128 + 200000);
	accounts_free(NULL);
}

static void *hammer(void *arg)
{
	struct fixture *f = arg;
	char user[16];

	for (int i = 0; i < 3000; i++) {
		snprintf(user, sizeof(user), "%c%d", i % 5 ? 'a' : 'n', i * 7 % 97);
		struct waiter w;
		enum err e;

		waiter_init(&w);
		e = accounts_get(
		    f->cache, NAME(f->cache, span_str(user), DOMAIN), fake.now, USEC_MAX, &w.w);
		if (e == ERR_BUSY)
			e = answer_wait(&w.a);
		assert_true(e == ERR_FULL || e == (i % 5 ? OK : ERR_NOT_FOUND));
		if (i % 50 == 0)
			accounts_forget(f->cache, span_str(user), DOMAIN);
		if (i % 500 == 0)
			fake.now += USEC_SEC;
	}
	return NULL;
}

static void threads(void **state)
{
	struct accounts_stats st;
	pthread_t all[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&all[i], NULL, hammer, *state), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(all[i], NULL);
	accounts_stats(((struct fixture *)*state)->cache, &st);
	assert_int_equal(st.fetching, 0);
	assert_true(st.hits > 0 && st.used > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lifetimes, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_are_apart, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_fetch_for_many, setup, teardown),
	    cmocka_unit_test(fetches_are_bounded),
	    cmocka_unit_test_setup_teardown(database_lost, setup, teardown),
	    cmocka_unit_test_setup_teardown(rechecks, setup, teardown),
	    cmocka_unit_test_setup_teardown(forgetting, setup, teardown),
	    cmocka_unit_test_setup_teardown(invented_users_push_nobody_out, setup, teardown),
	    cmocka_unit_test_setup_teardown(kinds_change, setup, teardown),
	    cmocka_unit_test(memory),
	    cmocka_unit_test_setup_teardown(threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
