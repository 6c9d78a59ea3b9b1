/* SPDX-License-Identifier: MIT
 *
 * The log of bindings when the daemon dies, or its store fails, at any call: what a restart finds
 * is never older than the last completed tick. */
#include "bindings_life.h"

#include "base/rng.h"

#define AORS   12
#define ROUNDS 120

/* What each AoR was over time: its cseq, or 0 for gone. */
struct history {
	uint32_t states[ROUNDS * 4];
	size_t n, durable; /* durable: index of the state at the last tick that was OK */
};

struct story {
	struct life life;
	struct history aors[AORS];
	struct rng rng;
};

static void aor_name(char out[16], unsigned i)
{
	snprintf(out, 16, "u%u@b", i);
}

static void story_change(struct story *st, uint32_t cseq)
{
	unsigned i = rng_below(&st->rng, AORS);
	struct history *h = &st->aors[i];
	char aor[16];

	aor_name(aor, i);
	if (rng_below(&st->rng, 4) == 0) {
		bindings_remove(st->life.t, span_str(aor), st->life.wall, &st->life.s);
		cseq = 0;
	} else {
		put(&st->life, aor, cseq, 3600 * USEC_SEC);
	}
	h->states[h->n++] = cseq;
}

/* Runs until a tick fails, when stop is set, else to the end. */
static void story_run(struct story *st, struct fake *f, bool stop)
{
	memset(st, 0, sizeof(*st));
	rng_init_seed(&st->rng, 7);
	for (unsigned i = 0; i < AORS; i++)
		st->aors[i].n = 1;
	if (life_begin(&st->life, f, 100, T0) != OK)
		return;
	for (uint32_t r = 0; r < ROUNDS; r++) {
		story_change(st, 3 * r + 1);
		story_change(st, 3 * r + 2);
		story_change(st, 3 * r + 3);
		st->life.wall += USEC_SEC / 2;
		if (tick(&st->life) == OK) {
			for (unsigned i = 0; i < AORS; i++)
				st->aors[i].durable = st->aors[i].n - 1;
		} else if (stop) {
			return;
		}
	}
}

/* A new life finds each AoR in a state it had at the last good tick or since. */
static void story_check(struct story *st, struct fake *f, bool exact)
{
	struct life l;
	char aor[16];

	f->fail_at = 0;
	assert_int_equal(life_begin(&l, f, 100, st->life.wall), OK);
	assert_int_equal(log_stats(&l).corrupt, 0);
	for (unsigned i = 0; i < AORS; i++) {
		struct history *h = &st->aors[i];
		size_t k = exact ? h->n - 1 : h->durable;
		uint32_t cseq;

		aor_name(aor, i);
		cseq = help_cseq(l.t, aor, l.wall, &l.s);
		while (k < h->n && h->states[k] != cseq)
			k++;
		assert_true(k < h->n);
	}
	life_end(&l);
}

static void test_death_at_every_call(void **state)
{
	static struct story st;
	struct fake *f = setup_fake(state);
	unsigned calls;

	story_run(&st, f, true);
	calls = f->calls;
	assert_true(log_stats(&st.life).compactions >= 3);
	story_check(&st, f, true);
	life_end(&st.life);
	for (unsigned k = 1; k <= calls; k++)
		for (int anyway = 0; anyway < 2; anyway++) {
			fake_clear(f);
			f->fail_at = k;
			f->done_anyway = anyway;
			story_run(&st, f, true);
			life_end(&st.life); /* kill -9 */
			story_check(&st, f, false);
		}
}

/* The daemon lives on after the failure: nothing at all is lost in the end. */
static void test_failure_at_every_call(void **state)
{
	static struct story st;
	struct fake *f = setup_fake(state);
	unsigned calls;

	story_run(&st, f, false);
	calls = f->calls;
	life_end(&st.life);
	for (unsigned k = 2; k <= calls; k++) /* the first is the load */
		for (int anyway = 0; anyway < 2; anyway++) {
			fake_clear(f);
			f->fail_at = k;
			f->done_anyway = anyway;
			story_run(&st, f, false);
			f->fail_at = 0;
			assert_int_equal(
			    binding_log_flush(st.life.log, &f->store, st.life.wall), OK);
			life_end(&st.life);
			story_check(&st, f, true);
		}
}

/* A compaction that takes many ticks, since a tick may write little, is survived at each of them.
 */
static void test_death_in_slow_compaction(void **state)
{
	struct fake *f = setup_fake(state);
	struct binding_log_params p = {
	    .blobs_per_tick = 1, .slack_bytes = 1, .mark_buckets = 1u << 20, .trim_ids = 1000};
	struct binding_log_stats ls = {0};
	struct binding_set s;
	struct binding_log *log;
	struct bindings *t = help_table(3000);
	char aor[16], path[900];

	memset(path, 'p', sizeof(path));
	assert_int_equal(binding_set_init(&s), OK);
	assert_int_equal(binding_log_new(t, &p, &log), OK);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 600; i++) {
			struct binding b = help_binding("sip:a", round + 1, T0 + 1000);

			b.path = span_of(path, sizeof(path));
			snprintf(aor, sizeof(aor), "u%u@b", i);
			assert_int_equal(
			    bindings_update(t, span_str(aor), T0, &s, help_set, &b), OK);
		}
		assert_int_equal(binding_log_flush(log, &f->store, T0), OK);
	}
	for (int tick = 0; ls.compactions == 0; tick++) {
		struct life l;

		assert_true(tick < 100);
		assert_int_equal(binding_log_tick(log, &f->store, T0), OK);
		binding_log_stats(log, &ls);
		assert_int_equal(life_begin(&l, f, 3000, T0), OK);
		for (uint32_t i = 0; i < 600; i++) {
			snprintf(aor, sizeof(aor), "u%u@b", i);
			assert_int_equal(help_cseq(l.t, aor, T0, &l.s), 3);
		}
		life_end(&l);
	}
	binding_log_free(log);
	bindings_free(t);
	binding_set_done(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_death_at_every_call),
	    TEST(test_failure_at_every_call),
	    TEST(test_death_in_slow_compaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
