/* SPDX-License-Identifier: MIT
 *
 * The storage thread: answers, deadlines, a full queue, and a database that is lost and comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "fake_store.h"
#include "store/sqlite.h"

#define QUEUE 4

static struct store_worker *start(store_open_fn *open, void *arg)
{
	const struct store_worker_config config = {
	    .queue = QUEUE, .clock = fake_clock, .open = open, .open_arg = arg};
	struct store_worker *w = NULL;

	assert_int_equal(store_worker_new(&config, &w), OK);
	assert_int_equal(store_worker_start(w), OK);
	return w;
}

static int setup(void **state)
{
	fake_reset();
	*state = start(fake_open, NULL);
	return 0;
}

static int teardown(void **state)
{
	struct store_worker *w = *state;

	fake.hold = false;
	sem_post(&fake.gate);
	store_worker_free(w);

	return 0;
}

static enum err fetch(struct store_worker *w, const char *user, usec_t deadline)
{
	struct answer a;

	answer_init(&a);
	assert_int_equal(
	    store_worker_account(w, span_str(user), SPAN("d"), deadline, answer_take, &a), OK);
	return answer_wait(&a);
}

static void answers(void **state)
{
	static char longer[STORE_USER_MAX + 1];
	struct store_worker *w = *state;
	struct answer a;

	answer_init(&a);
	memset(longer, 'a', sizeof(longer));
	assert_int_equal(
	    store_worker_account(w, SPAN("alice"), SPAN("d"), USEC_MAX, answer_take, &a), OK);
	assert_int_equal(answer_wait(&a), OK);
	assert_int_equal(a.ha1s.ha1[DIGEST_MD5][3], 1);
	assert_int_equal(fetch(w, "nobody", USEC_MAX), ERR_NOT_FOUND);
	assert_int_equal(store_worker_account(w, span_of(longer, sizeof(longer)), SPAN("d"),
			     USEC_MAX, answer_take, &a),
	    ERR_RANGE);
	assert_int_equal(
	    store_worker_account(w, SPAN(""), SPAN("d"), USEC_MAX, answer_take, &a), ERR_RANGE);
}

static void bounded_queue_and_deadlines(void **state)
{
	struct store_worker *w = *state;
	struct answer all[QUEUE + 1], refused;
	struct store_worker_stats st;

	fake.hold = true;
	for (int i = 0; i <= QUEUE; i++) {
		answer_init(&all[i]);
		assert_int_equal(
		    store_worker_account(w, SPAN("a"), SPAN("d"),
			fake.now + (i < 3 ? USEC_SEC : USEC_MIN), answer_take, &all[i]),
		    OK);
		/* The first is with the thread, which waits; the others fill the queue. */
		if (i == 0)
			while (sem_wait(&fake.entered) != 0)
				;
	}
	assert_int_equal(
	    store_worker_account(w, SPAN("a"), SPAN("d"), USEC_MAX, answer_take, &refused),
	    ERR_FULL);
	fake.now += 2 * USEC_SEC;
	fake.hold = false;
	sem_post(&fake.gate);
	assert_int_equal(answer_wait(&all[0]), OK);
	assert_int_equal(answer_wait(&all[1]), ERR_TIMEOUT);
	assert_int_equal(answer_wait(&all[2]), ERR_TIMEOUT);
	assert_int_equal(answer_wait(&all[3]), OK);
	assert_int_equal(answer_wait(&all[4]), OK);
	assert_int_equal(fake.gets, 3);
	store_worker_stats(w, &st);
	assert_int_equal(st.refused, 1);
	assert_int_equal(st.timed_out, 2);
}

/* Lost, refused at once while it is, looked for with growing pauses, back by itself. */
static void lost_and_back(void **state)
{
	struct store_worker *w = *state;
	struct store_worker_stats st;
	unsigned opened;

	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	store_worker_stats(w, &st);
	assert_true(st.up[STORE_ROLE_ACCOUNTS]);
	fake.fail = ERR_IO;
	fake.no_open = 1;
	assert_int_equal(fetch(w, "alice", USEC_MAX), ERR_IO);
	store_worker_stats(w, &st);
	assert_false(st.up[STORE_ROLE_ACCOUNTS]);
	assert_int_equal(st.lost, 1);
	assert_string_equal(st.why, "told to fail");
	opened = fake.opened;
	for (int i = 0; i < 10; i++)
		assert_int_equal(fetch(w, "alice", USEC_MAX), ERR_IO);
	assert_int_equal(fake.opened, opened);
	fake.now += 100 * USEC_MS;
	assert_int_equal(fetch(w, "alice", USEC_MAX), ERR_IO);
	assert_int_equal(fake.opened, opened + 1);
	/* The pause has doubled. */
	fake.now += 199 * USEC_MS;
	assert_int_equal(fetch(w, "alice", USEC_MAX), ERR_IO);
	assert_int_equal(fake.opened, opened + 1);
	fake.now += USEC_MS;
	fake.fail = OK;
	fake.no_open = 0;
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	store_worker_stats(w, &st);
	assert_true(st.up[STORE_ROLE_ACCOUNTS]);
}

/* However long it was away, it is asked for at least every five seconds. */
static void pauses_are_bounded(void **state)
{
	struct store_worker *w = *state;

	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	fake.fail = ERR_BUSY;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(fetch(w, "alice", USEC_MAX), ERR_IO);
		fake.now += 5 * USEC_SEC;
	}
	fake.fail = OK;
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
}

static void replaced_file(void **state)
{
	struct store_worker *w = *state;

	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	fake.gone = true;
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK); /* looked at once a second */
	fake.now += USEC_SEC;
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	assert_int_equal(fake.opened, 2); /* the new file is used at once */
}

struct job {
	sem_t done;
	_Atomic unsigned runs, failures;
	_Atomic bool write;
};

static enum err run_job(void *arg, enum err e, struct store *s)
{
	const struct span record = SPAN("r");
	struct job *j = arg;

	assert_true((e == OK) == (s != NULL));
	if (s && j->write)
		e = store_log_append(s, &record, 1);
	j->runs++;
	j->failures += e != OK;
	sem_post(&j->done);
	return e;
}

/* A state store that cannot be written leaves the accounts alone. */
static void roles_fail_apart(void **state)
{
	struct store_worker *w = *state;
	struct store_worker_stats st;
	struct job j = {.write = true};

	sem_init(&j.done, 0, 0);
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	fake.fail = ERR_IO;
	assert_int_equal(store_worker_run(w, STORE_ROLE_STATE, USEC_MAX, run_job, &j), OK);
	sem_wait(&j.done);
	/* Behind the job in the queue, so the job was judged. */
	fake.fail = OK;
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	store_worker_stats(w, &st);
	assert_true(st.up[STORE_ROLE_ACCOUNTS]);
	assert_false(st.up[STORE_ROLE_STATE]);
	assert_int_equal(store_worker_run(w, STORE_ROLE_STATE, USEC_MAX, run_job, &j), OK);
	sem_wait(&j.done);
	assert_int_equal(j.failures, 2);
	fake.now += USEC_SEC;
	assert_int_equal(store_worker_run(w, STORE_ROLE_STATE, USEC_MAX, run_job, &j), OK);
	sem_wait(&j.done);
	assert_int_equal(j.failures, 2);
	assert_int_equal(store_worker_run(w, STORE_ROLE_STATE, fake.now - 1, run_job, &j), OK);
	sem_wait(&j.done);
	assert_int_equal(j.failures, 3);
}

static void ticks(void **state)
{
	struct job j = {.write = true};
	struct store_worker *w;

	(void)state;
	fake_reset();
	sem_init(&j.done, 0, 0);
	w = start(fake_open, NULL);
	store_worker_every(w, USEC_MS, run_job, &j);
	assert_int_equal(j.runs, 0);
	fake.now += USEC_MS;
	sem_wait(&j.done);
	fake.now += USEC_MS;
	sem_wait(&j.done);
	store_worker_free(w);
	assert_int_equal(j.runs, 3); /* and once more at the end */
	assert_int_equal(fake.records, 3);
	assert_int_equal(fake.closed, fake.opened);
}

static void stopping_serves_what_waits(void **state)
{
	struct answer all[QUEUE];
	struct store_worker *w;

	(void)state;
	fake_reset();
	w = start(fake_open, NULL);
	for (int i = 0; i < QUEUE; i++) {
		answer_init(&all[i]);
		assert_int_equal(
		    store_worker_account(w, SPAN("a"), SPAN("d"), USEC_MAX, answer_take, &all[i]),
		    OK);
	}
	store_worker_free(w);
	for (int i = 0; i < QUEUE; i++) {
		assert_int_equal(all[i].times, 1);
		assert_int_equal(all[i].e, OK);
	}
	store_worker_free(NULL);
	assert_true(store_worker_memory(1024) > 1024 * (STORE_USER_MAX + STORE_DOMAIN_MAX));
}

static enum err open_path(void *arg, enum store_role role, struct buf *why, struct store **out_s)
{
	return sqlite_open(
	    arg, role == STORE_ROLE_ACCOUNTS ? STORE_ACCOUNTS : STORE_STATE, 0, why, out_s);
}

/* The same with a real file that is taken away, overwritten, and put back. */
static void real_file(void **state)
{
	char dir[] = "/tmp/ringfence-test-XXXXXX", path[64], aside[64], text[STORE_WHY_MAX];
	const struct digest_ha1s h = {.algs = 1};
	struct buf p = BUF(path), q = BUF(aside), why = BUF(text);
	struct store_worker *w;
	struct store *s;
	FILE *f;

	(void)state;
	fake_reset();
	assert_non_null(mkdtemp(dir));
	buf_addf(&p, "%s/a.db", dir);
	buf_addf(&q, "%s/b.db", dir);
	assert_true(buf_terminate(&p) && buf_terminate(&q));
	assert_int_equal(sqlite_open(path, STORE_ACCOUNTS | STORE_CREATE, 0, &why, &s), OK);
	assert_int_equal(store_account_add(s, SPAN("alice"), SPAN("d"), &h), OK);
	store_close(s);
	w = start(open_path, path);
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	assert_int_equal(rename(path, aside), 0);
	fake.now += USEC_SEC;
	assert_int_equal(fetch(w, "alice", USEC_MAX), ERR_IO);
	assert_int_equal(access(path, F_OK), -1); /* no empty one was made in its place */
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 100; i++)
		fputs("this is not a database; ", f);
	fclose(f);
	fake.now += USEC_MIN;
	assert_int_equal(fetch(w, "alice", USEC_MAX), ERR_IO);
	assert_int_equal(rename(aside, path), 0);
	fake.now += USEC_MIN;
	assert_int_equal(fetch(w, "alice", USEC_MAX), OK);
	assert_int_equal(fetch(w, "nobody", USEC_MAX), ERR_NOT_FOUND);
	store_worker_free(w);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void waits_until_started(void **state)
{
	const struct store_worker_config config = {
	    .queue = QUEUE, .clock = fake_clock, .open = fake_open};
	struct store_worker *w = NULL;
	struct answer a;

	(void)state;
	fake_reset();
	answer_init(&a);
	assert_int_equal(store_worker_new(&config, &w), OK);
	assert_int_equal(
	    store_worker_account(w, SPAN("alice"), SPAN("d"), USEC_MAX, answer_take, &a), OK);
	assert_int_equal(fake.gets, 0);
	assert_int_equal(store_worker_start(w), OK);
	assert_int_equal(answer_wait(&a), OK);
	store_worker_free(w);
}

static void ends_without_a_start(void **state)
{
	struct store_worker_config config = {
	    .queue = QUEUE, .clock = fake_clock, .open = fake_open};
	struct store_worker *w = NULL;
	char text[STORE_WHY_MAX];
	struct buf why = BUF(text);

	(void)state;
	fake_reset();
	assert_int_equal(
	    sqlite_open(":memory:", STORE_STATE, 0, &why, &config.opened[STORE_ROLE_STATE]), OK);
	assert_int_equal(store_worker_new(&config, &w), OK);
	store_worker_free(w); /* with the store */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(bounded_queue_and_deadlines, setup, teardown),
	    cmocka_unit_test_setup_teardown(lost_and_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(pauses_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(replaced_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(roles_fail_apart, setup, teardown),
	    cmocka_unit_test(ticks),
	    cmocka_unit_test(stopping_serves_what_waits),
	    cmocka_unit_test(real_file),
	    cmocka_unit_test(waits_until_started),
	    cmocka_unit_test(ends_without_a_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
