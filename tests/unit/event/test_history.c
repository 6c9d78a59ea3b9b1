/* SPDX-License-Identifier: MIT
 *
 * The record of what happened, against a plain list of everything that was added; what is counted
 * together; and that floods leave the story of others alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/pages.h"
#include "base/rng.h"
#include "event/history.h"

static const struct siphash_key key = {1, 2};
#define WALL (UINT64_C(1800000000) * USEC_SEC)

static struct addr v4(uint32_t ip)
{
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff}, .port = 5060};

	for (int i = 0; i < 4; i++)
		a.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static struct event make(enum event_kind kind, enum reason r, struct addr source, usec_t wall)
{
	struct event e;
	struct flow f = {.transport = TRANSPORT_UDP, .remote = source};

	event_init(&e, kind, r, wall);
	event_set_source(&e, &f, SPAN("public"), true);
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_REPLY, 403);
	e.tier = EVENT_TIER_UNKNOWN;
	return e;
}

static void PRINTF(3, 4) set_text(struct event *e, enum event_text which, const char *form, ...)
{
	char text[80];
	va_list va;
	int n;

	va_start(va, form);
	n = vsnprintf(text, sizeof(text), form, va);
	va_end(va);
	event_set_text(e, which, span_of(text, (size_t)n));
}

static struct event_history *new_history(size_t memory)
{
	struct event_history *h;

	assert_true(event_history_memory(memory) <= memory);
	assert_true(event_history_memory(memory) > memory / 10 * 9);
	assert_int_equal(event_history_new(memory, &key, WALL, &h), OK);
	return h;
}

/* ---- what a question gives ---- */

#define GOT_MAX 20000

struct got {
	size_t n, stop_at;
	struct {
		uint64_t number;
		uint32_t count, id;
		enum event_history_kind kind;
		enum reason reason;
		usec_t wall, last;
		float score;
	} list[GOT_MAX];
};

static bool take(void *arg, const struct event_history_item *item)
{
	struct got *g = arg;

	if (g->stop_at && g->n == g->stop_at)
		return false;
	assert_true(g->n < GOT_MAX);
	if (g->n)
		assert_true(item->number < g->list[g->n - 1].number);
	g->list[g->n].number = item->number;
	g->list[g->n].count = item->count;
	g->list[g->n].kind = item->kind;
	g->list[g->n].reason = item->event->reason;
	g->list[g->n].wall = item->event->wall;
	g->list[g->n].last = item->last;
	g->list[g->n].score = item->score;
	g->list[g->n++].id = (uint32_t)item->event->value;
	return true;
}

static struct got got;

static const struct got *ask(struct event_history *h, const struct event_history_query *q)
{
	struct event_history_cursor c = {0};

	got.n = got.stop_at = 0;
	while (event_history_each(h, q, &c, 100, take, &got))
		;
	return &got;
}

static struct event_history_query of_source(uint32_t ip)
{
	return (struct event_history_query){.by = EVENT_HISTORY_BY_SOURCE, .source = v4(ip)};
}

static struct event_history_query of_text(enum event_history_by by, const char *text)
{
	return (struct event_history_query){.by = by, .text = span_str(text)};
}

static struct event_history_query everything(void)
{
	return (struct event_history_query){.by = EVENT_HISTORY_BY_PREFIX,
	    .prefix = {.ip = {[10] = 0xff, [11] = 0xff}, .bits = 96}};
}

static uint64_t events_of(const struct got *g)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < g->n; i++)
		sum += g->list[i].count;
	return sum;
}

/* ---- against a list ---- */

#define MODEL 20000

static struct {
	uint32_t ip;
	unsigned account, called, call;
} model[MODEL];

/* Calls are never counted together, so what is there is exactly the end of the list. */
static void add_call(struct event_history *h, struct rng *rng, unsigned i)
{
	struct event e;

	model[i].ip = 0x0a000000 + rng_below(rng, 64) * 65536;
	model[i].account = rng_below(rng, 50);
	model[i].called = rng_below(rng, 50);
	model[i].call = rng_below(rng, 3000);
	e = make(EVENT_CALL, REASON_CALL_START, v4(model[i].ip), WALL + i);
	e.tier = EVENT_TIER_KNOWN;
	set_text(&e, EVENT_TEXT_ACCOUNT, "u%u@example.com", model[i].account);
	set_text(&e, EVENT_TEXT_TO, "sip:U%u@Example.com:5060;x=y", model[i].called);
	set_text(&e, EVENT_TEXT_CALL_ID, "call-%u", model[i].call);
	set_text(&e, EVENT_TEXT_USER_AGENT, "%0*u", (int)rng_below(rng, 60), i);
	event_set_evidence(&e, i, 0, 0);
	event_history_add(h, &e);
}

static void compare(const struct got *g, unsigned from, unsigned to,
    bool (*fits)(unsigned i, unsigned x), unsigned x)
{
	size_t n = 0;

	for (unsigned i = to; i-- > from;) {
		if (!fits(i, x))
			continue;
		assert_true(n < g->n);
		assert_int_equal(g->list[n].id, i);
		assert_int_equal(g->list[n].count, 1);
		n++;
	}
	assert_int_equal(n, g->n);
}

static bool any(unsigned i UNUSED, unsigned x UNUSED)
{
	return true;
}

static bool by_ip(unsigned i, unsigned x)
{
	return model[i].ip == x;
}

static bool by_account(unsigned i, unsigned x)
{
	return model[i].account == x || model[i].called == x;
}

static bool by_call(unsigned i, unsigned x)
{
	return model[i].call == x;
}

static void check_all(struct event_history *h, struct rng *rng, unsigned n)
{
	struct event_history_query q = everything();
	unsigned x = n - 1 - rng_below(rng, MIN(n, 60)), from;
	char text[64];

	ask(h, &q);
	assert_true(got.n > 0 && got.n <= n);
	from = n - (unsigned)got.n;
	compare(&got, from, n, any, 0);
	assert_int_equal(event_history_since(h), from ? WALL + from : WALL);
	q = of_source(model[x].ip);
	compare(ask(h, &q), from, n, by_ip, model[x].ip);
	(void)snprintf(text, sizeof(text), "U%u@EXAMPLE.com", model[x].account);
	q = of_text(EVENT_HISTORY_BY_ACCOUNT, text);
	compare(ask(h, &q), from, n, by_account, model[x].account);
	(void)snprintf(text, sizeof(text), "call-%u", model[x].call);
	q = of_text(EVENT_HISTORY_BY_CALL, text);
	compare(ask(h, &q), from, n, by_call, model[x].call);
}

static void test_model(void **state UNUSED)
{
	static const size_t sizes[] = {EVENT_HISTORY_MIN, 1000000, 3u << 20};

	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct event_history *h = new_history(sizes[s]);
		struct rng rng;

		rng_init_seed(&rng, s);
		for (unsigned i = 0; i < MODEL; i++) {
			add_call(h, &rng, i);
			if (i % 997 == 0 || i < 3)
				check_all(h, &rng, i + 1);
		}
		check_all(h, &rng, MODEL);
		event_history_free(h);
	}
}

/* A page ends where its reader has enough, and the next one begins with what it did not take. */
static void test_pages(void **state UNUSED)
{
	struct event_history *h = new_history(1 << 20);
	struct event_history_query q = everything();
	struct event_history_cursor c = {0};
	struct rng rng;
	size_t all;

	rng_init_seed(&rng, 7);
	for (unsigned i = 0; i < 200; i++)
		add_call(h, &rng, i);
	all = ask(h, &q)->n;
	got.n = 0;
	for (got.stop_at = 7; event_history_each(h, &q, &c, 1000, take, &got); got.stop_at += 7)
		assert_int_equal(got.n, got.stop_at);
	assert_int_equal(got.n, all);
	/* Overwritten meanwhile: the walk ends. */
	got.n = 0;
	got.stop_at = 5;
	c = (struct event_history_cursor){0};
	assert_true(event_history_each(h, &q, &c, 1000, take, &got));
	for (unsigned i = 0; i < MODEL; i++)
		add_call(h, &rng, i);
	got.n = got.stop_at = 0;
	assert_false(event_history_each(h, &q, &c, 1000, take, &got));
	assert_int_equal(got.n, 0);
	event_history_free(h);
}

/* ---- the same again and again ---- */

static void test_repeats(void **state UNUSED)
{
	struct event_history *h = new_history(1 << 20);
	struct event_history_query q = of_source(0xc0000207);
	struct event e;
	unsigned n = 0;

	for (; n < 100; n++) {
		e = make(EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, v4(0xc0000207), WALL + n);
		set_text(&e, EVENT_TEXT_CALL_ID, "c%u", n);
		event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("alice@example.com"));
		e.score = (float)n;
		event_history_add(h, &e);
	}
	ask(h, &q);
	assert_int_equal(got.n, EVENT_HISTORY_WHOLE);
	assert_int_equal(got.list[0].count, 100 - EVENT_HISTORY_WHOLE + 1);
	assert_true(got.list[0].last == WALL + 99 && got.list[0].score > 98.5F);
	assert_true(got.list[0].wall == WALL + EVENT_HISTORY_WHOLE - 1);
	assert_int_equal(got.list[0].kind, EVENT_HISTORY_SAME);
	assert_int_equal(events_of(&got), 100);
	/* Another account, another reason, or after a pause: of its own. */
	e = make(EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, v4(0xc0000207), WALL + 100);
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("bob@example.com"));
	event_history_add(h, &e);
	e = make(EVENT_VERDICT, REASON_AUTH_UNKNOWN_USER, v4(0xc0000207), WALL + 101);
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("alice@example.com"));
	event_history_add(h, &e);
	e = make(EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, v4(0xc0000207),
	    WALL + 99 + EVENT_HISTORY_REPEAT);
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("alice@example.com"));
	event_history_add(h, &e);
	ask(h, &q);
	assert_int_equal(got.n, EVENT_HISTORY_WHOLE + 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(got.list[i].count, 1);
	event_history_free(h);
}

static void test_json(void **state UNUSED)
{
	struct event e = make(EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, v4(0xc0000207), WALL);
	struct event_history_item item = {.event = &e,
	    .count = 12,
	    .kind = EVENT_HISTORY_ACCOUNTS,
	    .last = WALL + USEC_MIN,
	    .value = 5,
	    .score = 6.5F,
	    .tier = EVENT_TIER_SUSPECT};
	char text[EVENT_JSON_MAX];
	struct buf b = BUF(text);
	struct json j;
	json_t *o;

	event_set_evidence(&e, 3, 5, 0);
	json_init(&j, &b);
	json_object_begin(&j);
	event_history_put_members(&j, &item, SPAN("n"));
	json_object_end(&j);
	o = json_loadb(b.p, b.n, 0, NULL);
	assert_non_null(o);
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 12);
	assert_string_equal(
	    json_string_value(json_object_get(o, "until")), "2027-01-15T08:01:00.000000Z");
	assert_string_equal(json_string_value(json_object_get(o, "last_tier")), "suspect");
	assert_string_equal(json_string_value(json_object_get(o, "several")), "accounts");
	assert_int_equal(json_integer_value(json_object_get(o, "last_value")), 5);
	assert_string_equal(
	    json_string_value(json_object_get(o, "ts")), "2027-01-15T08:00:00.000000Z");
	json_decref(o);
	event_history_free(NULL);
}

/* ---- floods ---- */

/* The story that must survive: a stranger's three failures and its ban. */
static void add_victim(struct event_history *h, bool proven)
{
	for (unsigned i = 0; i < 4; i++) {
		struct event e = make(i < 3 ? EVENT_VERDICT : EVENT_STANDING,
		    i < 3 ? REASON_AUTH_BAD_PASSWORD : REASON_STANDING_BANNED, v4(0xc6336401),
		    WALL + i);

		e.proven = proven;
		event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("victim@example.com"));
		event_history_add(h, &e);
	}
}

static size_t victim_items(struct event_history *h)
{
	struct event_history_query q = of_source(0xc6336401);

	return ask(h, &q)->n;
}

/* Each with another account and Call-ID; every kind of reason. */
static void flood(struct event_history *h, uint32_t ip, uint32_t sources, unsigned n, bool proven,
    enum event_tier tier)
{
	for (unsigned i = 0; i < n; i++) {
		enum reason r = i % 3 ? REASON_AUTH_UNKNOWN_USER : (enum reason)(1 + i % 40);
		struct event e = make(EVENT_VERDICT, r, v4(ip + i % sources), WALL + 1000 + i);

		e.proven = proven;
		e.tier = (uint8_t)tier;
		set_text(&e, EVENT_TEXT_ACCOUNT, "x%u@example.com", i);
		set_text(&e, EVENT_TEXT_CALL_ID, "flood-%u", i);
		event_history_add(h, &e);
	}
}

static void test_floods(void **state UNUSED)
{
	static const struct {
		uint32_t ip, sources;
		bool proven, victim_proven, survives;
		enum event_tier tier;
	} rows[] = {
	    /* one source; a /24 of them; of known ones, an office of 250 phones */
	    {0xcb007105, 1, true, true, true, EVENT_TIER_UNKNOWN},
	    {0xcb007105, 1, true, true, true, EVENT_TIER_KNOWN},
	    {0xcb007100, 250, true, true, true, EVENT_TIER_UNKNOWN},
	    /* forged addresses, all over: what is proven stays; what may be forged itself does not
	     */
	    {0x0b000000, 0x10000000, false, true, true, EVENT_TIER_UNKNOWN},
	    {0x0b000000, 1000003, false, false, false, EVENT_TIER_UNKNOWN},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event_history *h = new_history(1 << 20);
		struct event_history_query q = of_source(rows[i].ip);
		struct event_history_stats st;

		add_victim(h, rows[i].victim_proven);
		flood(h, rows[i].ip, rows[i].sources, 60000, rows[i].proven, rows[i].tier);
		assert_int_equal(victim_items(h), rows[i].survives ? 4 : 0);
		ask(h, &q);
		if (rows[i].sources == 1) {
			/* All of it is told, though not one by one. */
			assert_int_equal(events_of(&got), 60000);
			assert_int_equal(got.list[0].kind, EVENT_HISTORY_ACCOUNTS);
		}
		event_history_stats(h, &st);
		assert_true(st.items > 0 && st.bytes <= st.capacity && st.capacity < 1 << 20);
		event_history_free(h);
	}
}

/* Of a source whose prefix fills its share, what is left is told as the prefix's. */
static void test_prefix(void **state UNUSED)
{
	struct event_history *h = new_history(1 << 20);
	struct event_history_query q;
	bool wide = false;

	flood(h, 0xcb007100, 200, 20000, true, EVENT_TIER_UNKNOWN);
	q = of_source(0xcb007101);
	ask(h, &q);
	for (size_t i = 0; i < got.n; i++)
		wide = wide || got.list[i].kind == EVENT_HISTORY_SOURCES;
	assert_true(wide && got.n > 1);
	q = of_source(0xcb007201); /* its neighbour has no part in it */
	assert_int_equal(ask(h, &q)->n, 0);
	event_history_free(h);
}

/* Addresses of one /64 are one source. */
static void test_ipv6(void **state UNUSED)
{
	struct event_history *h = new_history(1 << 20);
	struct event_history_query q = {.by = EVENT_HISTORY_BY_SOURCE};
	struct addr a;
	struct event e;

	assert_int_equal(addr_parse_ip(SPAN("2001:db8:1:2::1"), &a), OK);
	e = make(EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, a, WALL);
	event_history_add(h, &e);
	assert_int_equal(addr_parse_ip(SPAN("2001:db8:1:2:ffff::9"), &q.source), OK);
	assert_int_equal(ask(h, &q)->n, 1);
	assert_int_equal(addr_parse_ip(SPAN("2001:db8:1:3::1"), &q.source), OK);
	assert_int_equal(ask(h, &q)->n, 0);
	/* An event of no source is found by what it names only. */
	event_init(&e, EVENT_DAEMON, REASON_DAEMON_START, WALL);
	event_history_add(h, &e);
	q.by = EVENT_HISTORY_BY_PREFIX;
	q.prefix = (struct prefix){.bits = 0};
	assert_int_equal(ask(h, &q)->n, 1);
	event_history_free(h);
}

/* ---- without memory ---- */

static size_t allocations, failing; /* the one of that number fails; 0 = none */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_pages_alloc_zeroed(size_t n);
void *__wrap_pages_alloc_zeroed(size_t n);

void *__wrap_calloc(size_t n, size_t size)
{
	return ++allocations == failing ? NULL : __real_calloc(n, size);
}

void *__wrap_pages_alloc_zeroed(size_t n)
{
	return ++allocations == failing ? NULL : __real_pages_alloc_zeroed(n);
}

/* Each allocation fails once: nothing is given out and nothing leaks; adding needs none. */
static void test_no_memory(void **state UNUSED)
{
	struct event_history *h = NULL;
	enum err e = ERR_NOMEM;
	struct rng rng;

	for (size_t n = 1; e != OK; n++) {
		allocations = 0;
		failing = n;
		e = event_history_new(EVENT_HISTORY_MIN, &key, WALL, &h);
		assert_int_equal(e, n > 1 + EVENT_HISTORY_RINGS ? OK : ERR_NOMEM);
		assert_int_equal(h != NULL, e == OK);
	}
	failing = 0;
	allocations = 0;
	rng_init_seed(&rng, 1);
	for (unsigned i = 0; i < 1000; i++)
		add_call(h, &rng, i);
	assert_int_equal(allocations, 0);
	event_history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_model),
	    cmocka_unit_test(test_pages),
	    cmocka_unit_test(test_repeats),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_floods),
	    cmocka_unit_test(test_prefix),
	    cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
