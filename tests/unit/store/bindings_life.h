/* SPDX-License-Identifier: MIT
 *
 * A store in memory that outlives its daemon and can fail, with or without effect, at any call; and
 * the lives of daemons that use it. For tests of the log of bindings. */
#ifndef TEST_BINDINGS_LIFE_H
#define TEST_BINDINGS_LIFE_H

#include "bindings_help.h"

#include "store/binding_log.h"

/* ---- a store that outlives its process ---- */

struct fake_blob {
	uint64_t id;
	char *p;
	size_t n;
};

struct fake {
	struct store store;
	struct fake_blob blobs[4096];
	size_t n;
	uint64_t last;
	unsigned calls;
	unsigned fail_at; /* the call that fails; 0 = none */
	bool done_anyway; /* … but has its effect: the answer was lost */
	bool down;        /* all calls fail */
};

static inline bool fails(struct fake *f, bool *out_effect)
{
	bool hit = ++f->calls == f->fail_at;

	*out_effect = !f->down && (!hit || f->done_anyway);
	return hit || f->down;
}

static inline enum err fake_append(struct store *s, const struct span *records, size_t n)
{
	struct fake *f = (struct fake *)s;
	bool effect, fail = fails(f, &effect);

	for (size_t i = 0; effect && i < n; i++) {
		assert_true(f->n < ARRAY_LEN(f->blobs));
		f->blobs[f->n] = (struct fake_blob){++f->last, malloc(records[i].n), records[i].n};
		memcpy(f->blobs[f->n++].p, records[i].p, records[i].n);
	}
	return fail ? ERR_IO : OK;
}

static inline enum err fake_read(struct store *s, uint64_t after, store_log_fn *fn, void *arg)
{
	struct fake *f = (struct fake *)s;
	bool effect, fail = fails(f, &effect);

	for (size_t i = 0; effect && i < f->n; i++)
		if (f->blobs[i].id > after &&
		    !fn(arg, f->blobs[i].id, span_of(f->blobs[i].p, f->blobs[i].n)))
			break;
	return fail ? ERR_IO : OK;
}

static inline enum err fake_last(struct store *s, uint64_t *out_id)
{
	struct fake *f = (struct fake *)s;
	bool effect, fail = fails(f, &effect);

	if (fail)
		return ERR_IO;
	*out_id = f->n ? f->blobs[f->n - 1].id : 0;
	return OK;
}

static inline enum err fake_trim(struct store *s, uint64_t through)
{
	struct fake *f = (struct fake *)s;
	bool effect, fail = fails(f, &effect);
	size_t n = 0;

	for (size_t i = 0; effect && i < f->n; i++) {
		if (f->blobs[i].id > through)
			f->blobs[n++] = f->blobs[i];
		else
			free(f->blobs[i].p);
	}
	f->n = effect ? n : f->n;
	return fail ? ERR_IO : OK;
}

static const struct store_ops fake_ops UNUSED = {
    .log_append = fake_append,
    .log_read = fake_read,
    .log_last = fake_last,
    .log_trim = fake_trim,
};

static inline void fake_clear(struct fake *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->blobs[i].p);
	memset(f, 0, sizeof(*f));
	f->store.ops = &fake_ops;
}

static inline size_t fake_bytes(const struct fake *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->blobs[i].n;
	return n;
}

/* ---- one life of the daemon ---- */

struct life {
	struct bindings *t;
	struct binding_log *log;
	struct binding_set s;
	struct fake *store;
	usec_t wall;
};

static const struct binding_log_params small UNUSED = {
    .slack_bytes = 3000, .mark_buckets = 300, .trim_ids = 3};

static inline enum err life_begin(struct life *l, struct fake *store, size_t n, usec_t wall)
{
	*l = (struct life){.t = help_table(n), .store = store, .wall = wall};
	assert_int_equal(binding_set_init(&l->s), OK);
	assert_int_equal(binding_log_new(l->t, &small, &l->log), OK);
	return binding_log_load(l->log, &store->store, wall);
}

static inline void life_end(struct life *l)
{
	binding_log_free(l->log);
	bindings_free(l->t);
	binding_set_done(&l->s);
}

static inline void put(struct life *l, const char *aor, uint32_t cseq, usec_t ttl)
{
	struct binding b = help_binding("sip:a@192.0.2.1", cseq, l->wall + ttl);

	assert_int_equal(bindings_update(l->t, span_str(aor), l->wall, &l->s, help_set, &b), OK);
}

static inline enum err tick(struct life *l)
{
	return binding_log_tick(l->log, &l->store->store, l->wall);
}

static inline struct binding_log_stats log_stats(struct life *l)
{
	struct binding_log_stats st;

	binding_log_stats(l->log, &st);
	return st;
}

static inline uint64_t dirty(struct life *l)
{
	struct bindings_stats st;

	bindings_stats(l->t, &st);
	return st.dirty;
}

static inline struct fake *setup_fake(void **state)
{
	struct fake *f = *state;

	fake_clear(f);
	return f;
}

static inline int fake_setup(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));

	f->store.ops = &fake_ops;
	*state = f;
	return 0;
}

static inline int fake_teardown(void **state)
{
	fake_clear(*state);
	free(*state);
	return 0;
}

#endif
