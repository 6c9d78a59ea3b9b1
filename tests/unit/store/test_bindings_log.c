/* SPDX-License-Identifier: MIT
 *
 * The log of bindings: restart, a store that is lost, replaced or damaged, and the size of it. */
#include "bindings_life.h"

#include "store/binding_record.h"

static void test_restart(void **state)
{
	struct fake *f = setup_fake(state);
	struct binding b = help_binding("sip:t@192.0.2.2", 9, T0 + 100 * USEC_SEC);
	struct life l;

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	put(&l, "stays@b", 1, 100 * USEC_SEC);
	put(&l, "goes@b", 1, 100 * USEC_SEC);
	put(&l, "short@b", 1, 10 * USEC_SEC);
	assert_int_equal(tick(&l), OK);
	put(&l, "stays@b", 2, 100 * USEC_SEC);
	put(&l, "stays@b", 3, 100 * USEC_SEC);
	bindings_remove(l.t, SPAN("goes@b"), T0, &l.s);
	b.flow.transport = TRANSPORT_TCP;
	b.flow.conn = 77;
	assert_int_equal(bindings_update(l.t, SPAN("tcp@b"), T0, &l.s, help_set, &b), OK);
	assert_int_equal(tick(&l), OK);
	assert_int_equal(f->n, 2);            /* two ticks, two appends, however many changes */
	put(&l, "lost@b", 1, 100 * USEC_SEC); /* kill -9 before the next tick */
	life_end(&l);

	assert_int_equal(life_begin(&l, f, 100, T0 + 10 * USEC_SEC), OK);
	assert_int_equal(help_cseq(l.t, "stays@b", l.wall, &l.s), 3);
	assert_int_equal(help_cseq(l.t, "goes@b", l.wall, &l.s), 0);
	assert_int_equal(help_cseq(l.t, "short@b", l.wall, &l.s), 0);
	assert_int_equal(help_cseq(l.t, "lost@b", l.wall, &l.s), 0);
	assert_int_equal(help_cseq(l.t, "tcp@b", l.wall, &l.s), 9);
	assert_int_equal(l.s.items[0].flow.conn, 0);
	assert_int_equal(l.s.items[0].flow.transport, TRANSPORT_TCP);
	assert_int_equal(l.s.items[0].flow.remote.port, 40000);
	assert_int_equal(dirty(&l), 0);
	assert_int_equal(log_stats(&l).corrupt, 0);
	assert_int_equal(log_stats(&l).log_bytes, fake_bytes(f));
	assert_int_equal(tick(&l), OK);
	assert_int_equal(f->n, 2); /* nothing changed, nothing written */
	life_end(&l);
}

static void test_lost_store(void **state)
{
	struct fake *f = setup_fake(state);
	struct life l;
	char aor[16];

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	put(&l, "a@b", 1, 100 * USEC_SEC);
	assert_int_equal(tick(&l), OK);
	f->down = true;
	for (uint32_t i = 2; i < 50; i++) {
		put(&l, "a@b", i, 100 * USEC_SEC);
		snprintf(aor, sizeof(aor), "u%u@b", i);
		put(&l, aor, i, 100 * USEC_SEC);
		assert_int_equal(i % 2 ? tick(&l) : binding_log_tick(l.log, NULL, l.wall), ERR_IO);
	}
	bindings_remove(l.t, SPAN("u7@b"), T0, &l.s);
	assert_int_equal(log_stats(&l).failed, 48);
	assert_int_equal(binding_log_flush(l.log, &f->store, T0), ERR_IO);
	f->down = false;
	assert_int_equal(binding_log_flush(l.log, &f->store, T0), OK);
	assert_int_equal(dirty(&l), 0);
	life_end(&l);
	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	assert_int_equal(help_cseq(l.t, "a@b", T0, &l.s), 49);
	for (uint32_t i = 2; i < 50; i++) {
		snprintf(aor, sizeof(aor), "u%u@b", i);
		assert_int_equal(help_cseq(l.t, aor, T0, &l.s), i == 7 ? 0 : i);
	}
	life_end(&l);
}

/* AoRs that come and go while the store is lost do not pile up. */
static void test_lost_store_leaves_no_ghosts(void **state)
{
	struct fake *f = setup_fake(state);
	struct bindings_stats st;
	struct life l;
	char aor[16];

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	put(&l, "told@b", 1, 100 * USEC_SEC);
	assert_int_equal(tick(&l), OK);
	f->down = true;
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(aor, sizeof(aor), "u%u@b", i);
		put(&l, aor, i + 1, 10 * USEC_SEC);
		if (i % 2)
			bindings_remove(l.t, span_str(aor), l.wall, &l.s);
		l.wall += USEC_SEC;
		bindings_sweep(l.t, l.wall, 1u << 20, &l.s);
		if (i == 50)
			bindings_remove(l.t, SPAN("told@b"), l.wall, &l.s);
		bindings_stats(l.t, &st);
		assert_true(st.cells <= 14);
		/* That it is gone must still be told, until its record in the log expires. */
		if (i > 50 && i < 98)
			assert_true(st.cells > st.aors);
	}
	life_end(&l);
}

/* The store was opened again on an older copy of the file: all that lives is written again. */
static void test_older_store(void **state)
{
	struct fake *f = setup_fake(state);
	struct life l;
	char aor[16];

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	for (uint32_t i = 1; i < 50; i++) {
		snprintf(aor, sizeof(aor), "u%u@b", i);
		put(&l, aor, i, 100 * USEC_SEC);
		assert_int_equal(tick(&l), OK);
	}
	f->fail_at = f->calls + 1;
	put(&l, "more@b", 1, 100 * USEC_SEC);
	assert_int_equal(tick(&l), ERR_IO);
	while (f->n > 20)
		free(f->blobs[--f->n].p);
	f->last = f->blobs[f->n - 1].id;
	for (int i = 0; i < 40; i++)
		assert_int_equal(tick(&l), OK);
	assert_int_equal(log_stats(&l).compactions, 1);
	life_end(&l);
	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	for (uint32_t i = 1; i < 50; i++) {
		snprintf(aor, sizeof(aor), "u%u@b", i);
		assert_int_equal(help_cseq(l.t, aor, T0, &l.s), i);
	}
	assert_int_equal(help_cseq(l.t, "more@b", T0, &l.s), 1);
	life_end(&l);
}

/* The log stays within its bound for ever, whatever the traffic. */
static void test_log_stays_small(void **state)
{
	struct fake *f = setup_fake(state);
	size_t most = 0;
	struct life l;
	char aor[16];

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	for (uint32_t i = 1; i < 5000; i++) {
		snprintf(aor, sizeof(aor), "u%u@b", i % 20);
		put(&l, aor, i, 100 * USEC_SEC);
		l.wall += USEC_SEC / 2;
		assert_int_equal(tick(&l), OK);
		most = MAX(most, fake_bytes(f));
		assert_int_equal(fake_bytes(f), MIN(fake_bytes(f), log_stats(&l).log_bytes));
	}
	/* 20 AoRs of about 200 bytes: 2 x 4000 + 3000 and what came while compacting. */
	assert_in_range(most, 8000, 30000);
	assert_true(log_stats(&l).compactions > 20);
	/* Everything expires: the log shrinks to nothing much. */
	l.wall += 1000 * USEC_SEC;
	bindings_sweep(l.t, l.wall, 1u << 20, &l.s);
	assert_int_equal(log_stats(&l).live_bytes, 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(tick(&l), OK);
	assert_true(fake_bytes(f) <= small.slack_bytes);
	life_end(&l);
}

/* More changes than a blob or a tick holds. */
static void test_many_at_once(void **state)
{
	struct fake *f = setup_fake(state);
	struct binding_log_params p = {.blobs_per_tick = 2, .slack_bytes = 64u << 20};
	struct binding_set s;
	struct binding_log *log;
	struct bindings *t = help_table(5000);
	struct bindings_stats st;
	char aor[16], path[900];

	memset(path, 'p', sizeof(path));
	assert_int_equal(binding_set_init(&s), OK);
	assert_int_equal(binding_log_new(t, &p, &log), OK);
	for (uint32_t i = 0; i < 1800; i++) {
		struct binding b = help_binding("sip:a", i + 1, T0 + 1000);

		b.path = span_of(path, sizeof(path));
		snprintf(aor, sizeof(aor), "u%u@b", i);
		assert_int_equal(bindings_update(t, span_str(aor), T0, &s, help_set, &b), OK);
	}
	assert_int_equal(binding_log_tick(log, &f->store, T0), OK);
	assert_int_equal(f->n, 2);
	bindings_stats(t, &st);
	assert_in_range(st.dirty, 1, 1799);
	assert_int_equal(binding_log_flush(log, &f->store, T0), OK);
	for (size_t i = 0; i < f->n; i++)
		assert_true(f->blobs[i].n <= BINDING_LOG_BLOB_BYTES);
	binding_log_free(log);
	bindings_free(t);

	t = help_table(1000); /* smaller than before */
	assert_int_equal(binding_log_new(t, &p, &log), OK);
	assert_int_equal(binding_log_load(log, &f->store, T0), OK);
	struct binding_log_stats ls;
	binding_log_stats(log, &ls);
	assert_int_equal(ls.loaded + ls.loaded_drop, 1800);
	assert_true(ls.loaded_drop > 0);
	binding_log_free(log);
	bindings_free(t);
	binding_set_done(&s);
}

/* What a worker changed before the log could be read stays, and what it took away stays away. */
static void test_late_load(void **state)
{
	struct fake *f = setup_fake(state);
	struct life l;

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	put(&l, "a@b", 1, 100);
	put(&l, "b@b", 1, 100);
	assert_int_equal(tick(&l), OK);
	life_end(&l);
	f->down = true;
	assert_int_equal(life_begin(&l, f, 100, T0), ERR_IO);
	put(&l, "a@b", 2, 100);
	f->down = false;
	assert_int_equal(binding_log_load(l.log, &f->store, T0), OK);
	assert_int_equal(binding_log_load(l.log, &f->store, T0), OK);
	assert_int_equal(help_cseq(l.t, "a@b", T0, &l.s), 2);
	assert_int_equal(help_cseq(l.t, "b@b", T0, &l.s), 1);
	bindings_remove(l.t, SPAN("a@b"), T0, &l.s);
	assert_int_equal(tick(&l), OK);
	life_end(&l);
	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	assert_int_equal(help_cseq(l.t, "a@b", T0, &l.s), 0);
	life_end(&l);
}

/* ---- damage ---- */

static void fill_one_blob(struct fake *f)
{
	struct life l;
	char aor[16];

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	for (uint32_t i = 1; i <= 5; i++) {
		snprintf(aor, sizeof(aor), "u%u@b", i);
		put(&l, aor, i, 100 * USEC_SEC);
	}
	assert_int_equal(tick(&l), OK);
	assert_int_equal(f->n, 1);
	life_end(&l);
}

/* Loads the blob as it is; each AoR found must be as it was written. Returns how many. */
static unsigned load_damaged(struct fake *f, uint64_t *out_corrupt)
{
	unsigned found = 0;
	struct life l;
	char aor[16];

	assert_int_equal(life_begin(&l, f, 100, T0), OK);
	for (uint32_t i = 1; i <= 5; i++) {
		uint32_t cseq;

		snprintf(aor, sizeof(aor), "u%u@b", i);
		cseq = help_cseq(l.t, aor, T0, &l.s);
		assert_true(cseq == 0 || cseq == i);
		found += cseq == i;
	}
	*out_corrupt = log_stats(&l).corrupt;
	life_end(&l);
	return found;
}

static void test_damaged_byte(void **state)
{
	struct fake *f = setup_fake(state);
	uint64_t corrupt;

	fill_one_blob(f);
	assert_int_equal(load_damaged(f, &corrupt), 5);
	assert_int_equal(corrupt, 0);
	for (size_t i = 0; i < f->blobs[0].n; i++)
		for (int bit = 0; bit < 8; bit += 7) {
			unsigned found;

			f->blobs[0].p[i] ^= (char)(1 << bit);
			found = load_damaged(f, &corrupt);
			assert_true(corrupt >= 1 && found <= 4);
			/* A record with a damaged body costs nobody else anything. */
			if (i >= BINDING_FRAME_HEAD && i < 60)
				assert_int_equal(found, 4);
			f->blobs[0].p[i] ^= (char)(1 << bit);
		}
}

static void test_torn_blob(void **state)
{
	struct fake *f = setup_fake(state);
	uint64_t corrupt;
	size_t full;
	unsigned before = 0;

	fill_one_blob(f);
	full = f->blobs[0].n;
	for (size_t n = 0; n <= full; n++) {
		unsigned found;

		f->blobs[0].n = n;
		found = load_damaged(f, &corrupt);
		assert_true(found >= before && found <= before + 1);
		assert_int_equal(corrupt, n && n != full && n * 5 % full);
		before = found;
	}
	assert_int_equal(before, 5);
}

/* A record with a right checksum and wrong contents: another version, or broken caps. */
static void test_foreign_record(void **state)
{
	static const struct {
		size_t at;
		char byte;
	} rows[] = {{0, 2}, {1, 1}, {2, 65}, {2, 2}, {3, 1}, {4, 0}, {4, 99}, {5, 9}};
	struct fake *f = setup_fake(state);
	uint64_t corrupt;

	fill_one_blob(f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *frame = f->blobs[0].p, *at = frame + BINDING_FRAME_HEAD + rows[i].at;
		char was = *at;

		*at = rows[i].byte;
		binding_frame_seal(frame, f->blobs[0].n / 5 - BINDING_FRAME_HEAD);
		assert_int_equal(load_damaged(f, &corrupt), 4);
		assert_int_equal(corrupt, 1);
		*at = was;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_restart),
	    TEST(test_lost_store),
	    TEST(test_lost_store_leaves_no_ghosts),
	    TEST(test_older_store),
	    TEST(test_log_stays_small),
	    TEST(test_many_at_once),
	    TEST(test_late_load),
	    TEST(test_damaged_byte),
	    TEST(test_torn_blob),
	    TEST(test_foreign_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
