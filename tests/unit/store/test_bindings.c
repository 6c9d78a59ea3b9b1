/* SPDX-License-Identifier: MIT
 *
 * The table of bindings: contents, order, caps, expiry, fullness, walks; and two threads at once.
 */
#include "bindings_help.h"

#include <pthread.h>

struct fixture {
	struct bindings *t;
	struct binding_set s;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->t = help_table(100);
	assert_int_equal(binding_set_init(&f->s), OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	bindings_free(f->t);
	binding_set_done(&f->s);
	free(f);
	return 0;
}

static enum err put(struct fixture *f, const char *aor, struct binding b)
{
	return bindings_update(f->t, span_str(aor), T0, &f->s, help_set, &b);
}

static enum err add(struct fixture *f, const char *aor, struct binding b)
{
	return bindings_update(f->t, span_str(aor), T0, &f->s, help_append, &b);
}

static struct bindings_stats stats(struct fixture *f)
{
	struct bindings_stats st;

	bindings_stats(f->t, &st);
	return st;
}

static void test_every_field_comes_back(void **state)
{
	struct fixture *f = *state;
	struct binding b = help_binding("sip:a@192.0.2.1:5070;line=7", 42, T0 + 60 * USEC_SEC), *g;

	b.path = SPAN("<sip:p1.example.com;lr>,<sip:p2.example.com;lr>");
	b.instance = SPAN("<urn:uuid:1>");
	b.reg_id = 3;
	b.q = 500;
	b.registered_at = T0 - 5;
	b.updated_at = T0 - 3;
	assert_int_equal(addr_parse(SPAN("[2001:db8::1]:6000"), 0, &b.flow.remote), OK);
	assert_int_equal(addr_parse(SPAN("192.0.2.9:5060"), 0, &b.flow.local), OK);
	b.flow.remote.scope = 7;
	b.flow.conn = 0x1122334455667788;
	b.flow.transport = TRANSPORT_TCP;
	b.flow.listener = 9;
	assert_int_equal(put(f, "alice@example.com", b), OK);
	for (int again = 0; again < 2; again++) { /* as update leaves it, as lookup finds it */
		assert_int_equal(f->s.n, 1);
		g = &f->s.items[0];
		assert_true(span_eq(g->contact, b.contact));
		assert_true(span_eq(g->call_id, b.call_id));
		assert_true(span_eq(g->path, b.path));
		assert_true(span_eq(g->instance, b.instance));
		assert_true(span_eq(g->user_agent, b.user_agent));
		assert_true(flow_eq(&g->flow, &b.flow));
		assert_true(addr_eq(&g->flow.local, &b.flow.local));
		assert_int_equal(g->flow.remote.scope, 7);
		assert_int_equal(g->flow.listener, 9);
		assert_int_equal(g->expires_at, b.expires_at);
		assert_int_equal(g->registered_at, b.registered_at);
		assert_int_equal(g->updated_at, b.updated_at);
		assert_int_equal(g->cseq, 42);
		assert_int_equal(g->reg_id, 3);
		assert_int_equal(g->q, 500);
		bindings_lookup(f->t, SPAN("alice@example.com"), T0, &f->s);
	}
	bindings_lookup(f->t, SPAN("alice@example.org"), T0, &f->s);
	assert_int_equal(f->s.n, 0);
	bindings_lookup(f->t, SPAN("Alice@example.com"), T0, &f->s);
	assert_int_equal(f->s.n, 0);
}

static void test_lookup_is_sorted(void **state)
{
	static const struct {
		const char *contact;
		uint16_t q;
		usec_t updated;
	} rows[] = {
	    {"sip:3", 500, 1},
	    {"sip:1", 1000, 9},
	    {"sip:5", 0, 99},
	    {"sip:2", 1000, 5},
	    {"sip:4", 499, 50},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct binding b = help_binding(rows[i].contact, 1, T0 + 1);

		b.q = rows[i].q;
		b.updated_at = rows[i].updated;
		assert_int_equal(add(f, "a@b", b), OK);
	}
	bindings_lookup(f->t, SPAN("a@b"), T0, &f->s);
	assert_int_equal(f->s.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(f->s.items[i].contact.p[4], '1' + (int)i);
}

struct told {
	size_t n;
	char contacts[64];
};

static void tell(void *arg, struct span aor, const struct binding *b)
{
	struct told *told = arg;
	struct buf text = BUF(told->contacts);

	assert_true(span_eq(aor, SPAN("a@b")));
	text.n = strlen(told->contacts);
	buf_add_span(&text, b->contact);
	assert_true(buf_terminate(&text));
	told->n++;
}

static void test_expired_are_told_once(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};

	bindings_on_expired(f->t, tell, &told);
	assert_int_equal(add(f, "a@b", help_binding("sip:1", 1, T0 + 10)), OK);
	assert_int_equal(add(f, "a@b", help_binding("sip:2", 1, T0 + 30)), OK);
	assert_int_equal(add(f, "a@b", help_binding("sip:3", 1, T0 + 20)), OK);
	assert_int_equal(bindings_sweep(f->t, T0 + 9, 1u << 20, &f->s), 0);
	assert_string_equal(told.contacts, "");
	assert_int_equal(bindings_sweep(f->t, T0 + 20, 1u << 20, &f->s), 2);
	assert_int_equal(bindings_sweep(f->t, T0 + 20, 1u << 20, &f->s), 0);
	assert_int_equal(told.n, 2);
	assert_non_null(strstr(told.contacts, "sip:1"));
	assert_non_null(strstr(told.contacts, "sip:3"));
	bindings_on_expired(f->t, NULL, NULL);
	assert_int_equal(bindings_sweep(f->t, T0 + 30, 1u << 20, &f->s), 1);
	assert_int_equal(told.n, 2);
}

static void test_expiry_boundary(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "a@b", help_binding("sip:a", 1, T0 + 10)), OK);
	assert_int_equal(help_cseq(f->t, "a@b", T0 + 9, &f->s), 1);
	assert_int_equal(help_cseq(f->t, "a@b", T0 + 10, &f->s), 0);
	assert_int_equal(stats(f).bindings, 1);
	assert_int_equal(bindings_sweep(f->t, T0 + 9, 1u << 20, &f->s), 0);
	assert_int_equal(bindings_sweep(f->t, T0 + 10, 1u << 20, &f->s), 1);
	assert_int_equal(stats(f).bindings, 0);
	assert_int_equal(stats(f).aors, 0);
	assert_int_equal(stats(f).expired, 1);
}

/* What expired is gone for an edit, and is freed when the edit stores. */
static void test_update_drops_expired(void **state)
{
	struct fixture *f = *state;
	struct binding b = help_binding("sip:2", 2, T0 + 100);

	assert_int_equal(put(f, "a@b", help_binding("sip:1", 1, T0 + 10)), OK);
	assert_int_equal(bindings_update(f->t, SPAN("a@b"), T0 + 10, &f->s, help_append, &b), OK);
	assert_int_equal(f->s.n, 1);
	assert_int_equal(stats(f).bindings, 1);
	assert_int_equal(stats(f).expired, 1);
	assert_int_equal(bindings_update(f->t, SPAN("a@b"), T0 + 99, &f->s, help_keep, NULL), OK);
	assert_int_equal(f->s.n, 1);
	assert_int_equal(f->s.items[0].cseq, 2);
}

/* Each text at its cap is taken, one byte more is refused with nothing changed; agents are cut. */
static void test_caps(void **state)
{
	static const struct {
		size_t offset, max;
		bool cut;
	} rows[] = {
	    {offsetof(struct binding, contact), BINDING_CONTACT_MAX, false},
	    {offsetof(struct binding, call_id), BINDING_CALL_ID_MAX, false},
	    {offsetof(struct binding, path), BINDING_PATH_MAX, false},
	    {offsetof(struct binding, instance), BINDING_INSTANCE_MAX, false},
	    {offsetof(struct binding, user_agent), BINDING_USER_AGENT_MAX, true},
	};
	struct fixture *f = *state;
	char text[2000];

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct binding b = help_binding("sip:a", 1, T0 + 10);
		struct span *field = (struct span *)((char *)&b + rows[i].offset);

		*field = span_of(text, rows[i].max);
		assert_int_equal(put(f, "a@b", b), OK);
		assert_int_equal(help_cseq(f->t, "a@b", T0, &f->s), 1);
		field = (struct span *)((char *)&f->s.items[0] + rows[i].offset);
		assert_int_equal(field->n, rows[i].max);
		field = (struct span *)((char *)&b + rows[i].offset);
		field->n++;
		b.cseq = 2;
		assert_int_equal(put(f, "a@b", b), rows[i].cut ? OK : ERR_RANGE);
		assert_int_equal(help_cseq(f->t, "a@b", T0, &f->s), rows[i].cut ? 2 : 1);
		assert_int_equal(bindings_remove(f->t, SPAN("a@b"), T0, &f->s), 1);
	}
	struct binding b = help_binding("sip:a", 1, T0 + 10);
	for (size_t n = BINDING_AOR_MAX - 130; n <= BINDING_AOR_MAX; n++) { /* one cell, two */
		struct span aor = {text, n};

		assert_int_equal(bindings_update(f->t, aor, T0, &f->s, help_set, &b), OK);
		bindings_lookup(f->t, aor, T0, &f->s);
		assert_int_equal(f->s.n, 1);
		text[n - 1] = 'y';
		bindings_lookup(f->t, aor, T0, &f->s);
		assert_int_equal(f->s.n, 0);
		text[n - 1] = 'x';
		assert_int_equal(bindings_remove(f->t, aor, T0, &f->s), 1);
	}
	struct span aor = {text, BINDING_AOR_MAX + 1};
	assert_int_equal(bindings_update(f->t, aor, T0, &f->s, help_set, &b), ERR_RANGE);
	assert_int_equal(
	    bindings_update(f->t, span_of(text, 0), T0, &f->s, help_set, &b), ERR_RANGE);
	assert_int_equal(bindings_sweep(f->t, T0 + 10, 1u << 20, &f->s), 0);
}

/* Records of every size from one cell to many and back leave no cell behind. */
static void test_cells_are_given_back(void **state)
{
	struct fixture *f = *state;
	char text[BINDING_PATH_MAX];

	memset(text, 'p', sizeof(text));
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i <= sizeof(text); i++) {
			struct binding b = help_binding("sip:a", 1, T0 + 10);

			b.path = span_of(text, round ? sizeof(text) - i : i);
			assert_int_equal(put(f, "a@b", b), OK);
			bindings_lookup(f->t, SPAN("a@b"), T0, &f->s);
			assert_true(span_eq(f->s.items[0].path, b.path));
		}
	assert_int_equal(bindings_remove(f->t, SPAN("a@b"), T0, &f->s), 1);
	/* The log never heard of it and need not. */
	assert_int_equal(stats(f).dirty, 0);
	assert_int_equal(stats(f).cells, 0);
}

static void test_full_by_number(void **state)
{
	struct fixture *f = *state;
	char aor[32];

	for (int i = 0; i < 100; i++) {
		snprintf(aor, sizeof(aor), "u%d@b", i);
		assert_int_equal(put(f, aor, help_binding("sip:a", 1, T0 + 10)), OK);
	}
	assert_int_equal(put(f, "more@b", help_binding("sip:a", 1, T0 + 10)), ERR_FULL);
	assert_int_equal(add(f, "u5@b", help_binding("sip:b", 1, T0 + 10)), ERR_FULL);
	assert_int_equal(stats(f).refused_full, 2);
	bindings_lookup(f->t, SPAN("u5@b"), T0, &f->s);
	assert_int_equal(f->s.n, 1);
	/* A refresh needs no room. */
	assert_int_equal(put(f, "u5@b", help_binding("sip:a", 2, T0 + 20)), OK);
	assert_int_equal(bindings_remove(f->t, SPAN("u6@b"), T0, &f->s), 1);
	assert_int_equal(put(f, "more@b", help_binding("sip:a", 1, T0 + 10)), OK);
	assert_int_equal(bindings_sweep(f->t, T0 + 10, 1u << 20, &f->s), 99);
	assert_int_equal(stats(f).bindings, 1);
	assert_int_equal(help_cseq(f->t, "u5@b", T0 + 10, &f->s), 2);
}

static void test_full_by_cells(void **state)
{
	struct fixture *f = *state;
	struct binding b = help_binding("sip:a", 1, T0 + 10);
	char path[BINDING_PATH_MAX], aor[32];
	enum err e = OK;
	int n = 0;

	memset(path, 'p', sizeof(path));
	b.path = span_of(path, sizeof(path));
	for (; e == OK; n++) {
		snprintf(aor, sizeof(aor), "u%d@b", n);
		e = put(f, aor, b);
	}
	assert_int_equal(e, ERR_FULL);
	assert_in_range(n, 30, 60);
	assert_int_equal(stats(f).bindings, n - 1);
	assert_int_equal(help_cseq(f->t, aor, T0, &f->s), 0);
	/* One that grows without room for it stays as it was. */
	b.path.n = 0;
	assert_int_equal(put(f, "u0@b", b), OK);
	b.path.n = 500;
	assert_int_equal(put(f, aor, b), OK);
	b.path.n = sizeof(path);
	b.cseq = 2;
	assert_int_equal(put(f, "u0@b", b), ERR_FULL);
	assert_int_equal(help_cseq(f->t, "u0@b", T0, &f->s), 1);
}

static void test_drop_conn(void **state)
{
	struct fixture *f = *state;
	struct binding b = help_binding("sip:1", 1, T0 + 10);

	b.flow.transport = TRANSPORT_TCP;
	b.flow.conn = 7;
	assert_int_equal(add(f, "a@b", b), OK);
	b.contact = SPAN("sip:2");
	b.reg_id = 1;
	assert_int_equal(add(f, "a@b", b), OK);
	b.contact = SPAN("sip:3");
	b.flow.conn = 8;
	assert_int_equal(add(f, "a@b", b), OK);
	assert_int_equal(bindings_drop_conn(f->t, SPAN("a@b"), 9, T0, &f->s), 0);
	assert_int_equal(bindings_drop_conn(f->t, SPAN("a@b"), 0, T0, &f->s), 0);
	assert_int_equal(bindings_drop_conn(f->t, SPAN("x@b"), 7, T0, &f->s), 0);
	assert_int_equal(bindings_drop_conn(f->t, SPAN("a@b"), 7, T0, &f->s), 2);
	bindings_lookup(f->t, SPAN("a@b"), T0, &f->s);
	assert_int_equal(f->s.n, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    f->s.items[i].flow.conn, f->s.items[i].contact.p[4] == '1' ? 0 : 8);
}

static void test_remove(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, "a@b", help_binding("sip:1", 1, T0 + 10)), OK);
	assert_int_equal(add(f, "a@b", help_binding("sip:2", 1, T0 + 10)), OK);
	assert_int_equal(bindings_remove(f->t, SPAN("x@b"), T0, &f->s), 0);
	assert_int_equal(bindings_remove(f->t, SPAN("a@b"), T0, &f->s), 2);
	assert_int_equal(bindings_remove(f->t, SPAN("a@b"), T0, &f->s), 0);
	assert_int_equal(stats(f).bindings, 0);
	assert_int_equal(stats(f).aors, 0);
}

struct seen {
	int times[100], total, stop_after;
};

static bool see(void *arg, struct span aor, struct binding_set *s)
{
	struct seen *seen = arg;
	uint32_t i;

	assert_int_equal(s->n, 1);
	assert_int_equal(span_to_u32(span_of(aor.p + 1, aor.n - 3), 99, &i), OK);
	seen->times[i]++;
	return ++seen->total % seen->stop_after != 0;
}

/* However a walk is cut into pieces, and whatever comes and goes, what stays is seen once. */
static void test_walk(void **state)
{
	static const struct {
		size_t budget;
		int stop_after;
	} rows[] = {{1u << 20, 1000}, {1, 1000}, {7, 1000}, {1u << 20, 1}, {3, 2}};
	struct fixture *f = *state;
	char aor[32];

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		struct bindings_cursor cursor = {0};
		struct seen seen = {.stop_after = rows[r].stop_after};
		int flip = 0;

		for (int i = 0; i < 98; i++) {
			snprintf(aor, sizeof(aor), "u%d@b", i);
			assert_int_equal(
			    put(f, aor, help_binding("sip:a", 1, T0 + 10 + (i == 5))), OK);
		}
		while (bindings_each(
		    f->t, T0 + (r == 0 ? 10 : 0), &cursor, rows[r].budget, &f->s, see, &seen)) {
			if (flip++ % 2)
				assert_int_equal(
				    put(f, "u99@b", help_binding("sip:a", 1, T0 + 10)), OK);
			else
				bindings_remove(f->t, SPAN("u99@b"), T0, &f->s);
		}
		bindings_remove(f->t, SPAN("u99@b"), T0, &f->s);
		for (int i = 0; i < 98; i++)
			assert_int_equal(seen.times[i], r != 0 || i == 5);
	}
}

static void test_memory(void **state)
{
	struct binding_set s;
	struct bindings *t;

	(void)state;
	assert_int_equal(bindings_new(0, &test_key, &t), ERR_RANGE);
	assert_int_equal(bindings_new(SIZE_MAX, &test_key, &t), ERR_RANGE);
	assert_true(bindings_memory(1000000) <= 1000000 * (size_t)520);
	assert_true(bindings_memory(1000000) >= 1000000 * (size_t)512);
	assert_int_equal(binding_set_init(&s), OK);
	assert_true(binding_set_memory() < 512 << 10);
	binding_set_done(&s);
	binding_set_done(&s);
	bindings_free(NULL);
}

/* ---- threads ---- */

#define THREAD_AORS   8
#define THREAD_ROUNDS 3000

static bool bump(void *arg, struct binding_set *s)
{
	struct binding b = help_binding("sip:counter@192.0.2.1", 0, USEC_MAX);

	(void)arg;
	if (s->n == 0)
		s->items[s->n++] = b;
	s->items[0].cseq++;
	return true;
}

static void *hammer(void *arg)
{
	struct fixture *f = arg;
	struct binding_set s;
	char aor[16];

	if (binding_set_init(&s) != OK)
		return arg;
	for (int i = 0; i < THREAD_ROUNDS; i++) {
		snprintf(aor, sizeof(aor), "u%d@b", i % THREAD_AORS);
		if (bindings_update(f->t, span_str(aor), T0, &s, bump, NULL) != OK)
			return arg;
		bindings_lookup(f->t, SPAN("u0@b"), T0, &s);
		if (i % 3 == 0 && bindings_update(f->t, SPAN("come-and-go@b"), T0, &s, bump, NULL))
			return arg;
		if (i % 3 == 1)
			bindings_remove(f->t, SPAN("come-and-go@b"), T0, &s);
	}
	binding_set_done(&s);
	return NULL;
}

static bool pass_by(void *arg, struct span aor, struct binding_set *s)
{
	(void)arg;
	return aor.n && s->n;
}

/* Two workers change the same AoRs while a third thread drains, sweeps and walks: no update is
 * lost. */
static void test_threads(void **state)
{
	struct fixture *f = *state;
	static char frames[64 << 10];
	struct binding_set s;
	pthread_t th[2];
	void *failed;

	assert_int_equal(binding_set_init(&s), OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&th[i], NULL, hammer, f), 0);
	for (int i = 0; i < 300; i++) {
		struct bindings_cursor cursor = {0};
		struct buf b = BUF(frames);
		size_t mark = 0;

		bindings_drain(f->t, T0, &b);
		bindings_sweep(f->t, T0, 100, &s);
		bindings_mark(f->t, &mark, i % 7 ? 10 : 1u << 20);
		bindings_stats(f->t, &(struct bindings_stats){0});
		bindings_each(f->t, T0, &cursor, 1u << 20, &s, pass_by, NULL);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(th[i], &failed), 0);
		assert_null(failed);
	}
	for (int i = 0; i < THREAD_AORS; i++) {
		char aor[16];

		snprintf(aor, sizeof(aor), "u%d@b", i);
		assert_int_equal(help_cseq(f->t, aor, T0, &s), 2 * THREAD_ROUNDS / THREAD_AORS);
	}
	binding_set_done(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_every_field_comes_back),
	    TEST(test_lookup_is_sorted),
	    TEST(test_expiry_boundary),
	    TEST(test_expired_are_told_once),
	    TEST(test_update_drops_expired),
	    TEST(test_caps),
	    TEST(test_cells_are_given_back),
	    TEST(test_full_by_number),
	    TEST(test_full_by_cells),
	    TEST(test_drop_conn),
	    TEST(test_remove),
	    TEST(test_walk),
	    TEST(test_memory),
	    TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
