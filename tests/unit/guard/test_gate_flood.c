/* SPDX-License-Identifier: MIT
 *
 * Floods of a million datagrams against the gate and the ledger as shipped, on virtual time: from
 * everywhere, from one wide prefix, from one narrow one, from one source. Memory stays as it was,
 * nobody is banned, who logged in notices nothing, and who wants to log in can. */
#include <pthread.h>

#include "base/rng.h"
#include "judge.h"

#ifdef __SANITIZE_THREAD__ /* slow, and its own memory grows with every access */
#define COUNTS_MEMORY 0
#define FLOOD         100000u
#else
#define COUNTS_MEMORY 1
#define FLOOD         1000000u
#endif

#define USERS    500u
#define IN_BYTES 400
#define DATAGRAM (4 * USEC_SEC / FLOOD) /* all within four seconds */

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

static struct addr v4(uint32_t ip, uint16_t port)
{
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff}, .port = port};

	for (int i = 0; i < 4; i++)
		a.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

/* Users are spread over the Internet, some of them within the prefix that floods. */
static struct addr user(uint32_t n)
{
	return v4(n % 5 == 0 ? 0xc6336400u + n / 5 : n * 2654435761u, 5060);
}

static uint32_t from_anywhere(struct rng *r)
{
	return (uint32_t)rng_u64(r);
}

/* 198.51.0.0/16, where 100 of the users are. */
static uint32_t from_wide(struct rng *r)
{
	return 0xc6330000u | (uint16_t)rng_u64(r);
}

/* The upper half of their /24. */
static uint32_t from_narrow(struct rng *r)
{
	return 0xc6336480u | (uint8_t)rng_u64(r);
}

static uint32_t from_one(struct rng *r)
{
	(void)r;
	return 0xc63364fau;
}

struct siege {
	struct judge j;
	struct rng rng;
	uint64_t bytes_in, bytes_out, passed, told;
	uint64_t users_asked, users_refused, phones, phones_in;
};

/* A datagram of the flood; what passes is answered with a challenge that is somewhat longer, or is
 * kept back. */
static void flooded(struct siege *s, uint32_t ip, usec_t now)
{
	struct addr a = v4(ip, (uint16_t)(1024 + rng_below(&s->rng, 60000)));
	enum ledger_method m = (enum ledger_method)rng_below(&s->rng, LEDGER_RESPONSE);

	s->bytes_in += IN_BYTES;
	s->passed += judge_ask(&s->j, &a, m, false, now);
	s->told += s->j.answer.tell;
	if (!s->j.answer.pass)
		return;
	assert_true(s->j.answer.tier <= EVENT_TIER_UNKNOWN || s->j.answer.tier == EVENT_TIER_KNOWN);
	for (int copies = 0; copies < 3; copies++) {
		if (standing_may_send(s->j.standing, &a, 560, now) &&
		    s->j.answer.tier == EVENT_TIER_UNKNOWN)
			s->bytes_out += 560;
	}
	if (s->j.answer.tier == EVENT_TIER_UNKNOWN)
		standing_challenged(s->j.standing, &s->j.policy, &a, now);
}

/* A user's request: every method in turn. */
static void asked(struct siege *s, uint32_t n, usec_t now)
{
	struct addr a = user(n % USERS);

	s->users_asked++;
	s->users_refused +=
	    !judge_ask(&s->j, &a, (enum ledger_method)(n % LEDGER_RESPONSE), false, now);
	assert_int_equal(s->j.answer.tier, EVENT_TIER_KNOWN);
	assert_true(s->j.answer.known_flow);
}

/* A phone that nobody knows switches on: it is challenged, and answers 50 ms later. When it gets no
 * answer it sends again after half a second, and once more after one. */
struct phone {
	usec_t at, answer_at;
	unsigned tries;
	bool in;
};

#define PHONES 64

static void phone_turn(struct siege *s, struct phone *p, uint32_t n, usec_t now)
{
	struct addr a = v4(0x50000000u + n * 7919u * 256u, 5062);
	struct standing_who who = {.source = a, .proven = true};

	if (p->in || p->tries > 3 || now < p->at)
		return;
	if (p->answer_at && now >= p->answer_at) {
		p->answer_at = 0;
		if (judge_ask(&s->j, &a, LEDGER_REGISTER, true, now)) {
			(void)standing_logged_in(s->j.standing, &s->j.policy, &who, now);
			p->in = true;
			s->phones_in++;
		}
	} else if (!p->answer_at) {
		p->at = now + ((usec_t)1 << p->tries++) * USEC_SEC / 2;
		if (judge_ask(&s->j, &a, LEDGER_REGISTER, false, now) &&
		    standing_may_send(s->j.standing, &a, 560, now)) {
			standing_challenged(s->j.standing, &s->j.policy, &a, now);
			p->at = p->answer_at = now + 50 * USEC_MS;
		}
	}
}

static bool no_ban(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	(void)arg;
	(void)v;
	(void)prefix;
	fail_msg("somebody was banned");
	return false;
}

static void besiege(struct siege *s, uint32_t (*from)(struct rng *r))
{
	struct phone phones[PHONES] = {{0}};
	struct ledger_stats st;
	usec_t now = T0;
	size_t cursor = 0;
	long before;

	memset(s, 0, sizeof(*s));
	judge_init(&s->j, judge_standing.sources);
	rng_init_seed(&s->rng, 17);
	for (uint32_t n = 0; n < USERS; n++) {
		struct standing_who who = {.source = user(n), .proven = true};

		(void)standing_logged_in(s->j.standing, &s->j.policy, &who, now);
	}
	for (uint32_t n = 0; n < PHONES; n++)
		phones[n].at = T0 + USEC_SEC / 2 + n * 10 * USEC_MS;
	before = resident_pages();
	for (uint32_t n = 0; n < FLOOD; n++, now += DATAGRAM) {
		flooded(s, from(&s->rng), now);
		if (n % 100 == 0)
			asked(s, n / 100, now);
		if (n % 50 == 0)
			phone_turn(s, &phones[n / 50 % PHONES], n / 50 % PHONES, now);
	}
	if (before > 0 && COUNTS_MEMORY)
		assert_true(resident_pages() - before < 64);
	ledger_stats(standing_ledger(s->j.standing), &st);
	assert_in_range(st.entries, 1, st.capacity);
	assert_int_equal(st.evicted_tier[EVENT_TIER_KNOWN], 0);
	assert_int_equal(st.refused, 0);
	while (standing_bans(s->j.standing, &cursor, 1024, now, no_ban, NULL))
		;
	/* Whatever comes, who logged in is served, and who wants to log in gets in. */
	assert_int_equal(s->users_asked, FLOOD / 100);
	assert_int_equal(s->users_refused, 0);
	assert_int_equal(s->phones_in, PHONES);
	assert_true(s->bytes_out <= 3 * s->bytes_in);
}

static void everywhere(void **state)
{
	struct siege s;

	(void)state;
	besiege(&s, from_anywhere);
	/* Nobody sent more than he may: it is for the queues to serve users first. */
	assert_true(s.passed > FLOOD * 99 / 100);
	assert_true(s.told < 10);
	judge_done(&s.j);
}

/* About wide_requests in each window of two seconds, as the sketch estimates. */
static void wide_prefix(void **state)
{
	const uint64_t windows = FLOOD * DATAGRAM / judge_flood.window;
	struct siege s;

	(void)state;
	besiege(&s, from_wide);
	assert_in_range(s.passed, windows * judge_flood.wide_requests / 2,
	    (windows + 2) * judge_flood.wide_requests * 3 / 2);
	assert_in_range(s.told, 1, 300);
	judge_done(&s.j);
}

/* What prefix_requests lets through before each of the sources is held for itself. */
static void narrow_prefix(void **state)
{
	struct siege s;

	(void)state;
	besiege(&s, from_narrow);
	assert_int_equal(s.passed, judge_flood.prefix_requests);
	judge_done(&s.j);
}

static void one_source(void **state)
{
	const usec_t end = T0 + FLOOD * DATAGRAM;
	struct siege s;
	struct addr a = v4(from_one(NULL), 5060);

	(void)state;
	besiege(&s, from_one);
	/* Held from its 61st datagram on until it was quiet for `release`. */
	assert_int_equal(s.passed, judge_flood.requests);
	assert_int_equal(s.told, 1);
	assert_false(
	    judge_ask(&s.j, &a, LEDGER_OPTIONS, false, end - DATAGRAM + judge_flood.release - 1));
	assert_true(
	    judge_ask(&s.j, &a, LEDGER_OPTIONS, false, end - DATAGRAM + judge_flood.release));
	assert_int_equal(s.j.answer.reason, REASON_FLOOD_RELEASED);
	assert_true(s.j.answer.value == FLOOD - judge_flood.requests + 1);
	judge_done(&s.j);
}

#define STEPS 100000u

struct worker {
	struct judge *j;
	uint64_t seed, passed;
};

/* One source sends to both workers at once; around it there is everything else that changes
 * entries. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct judge j = *w->j; /* shared: standing and sketch; its own: the last answer */
	struct addr flooder = v4(0xc0000207, 5060);
	struct rng r;

	rng_init_seed(&r, w->seed);
	for (uint32_t n = 0; n < STEPS; n++) {
		struct addr any = v4(0x0a000000 + rng_below(&r, 5000), 5060);
		struct standing_who who = {.source = user(rng_below(&r, 50)), .proven = true};
		struct standing_who bad = {.source = any, .proven = n % 2};
		struct standing_place place;
		usec_t now = T0 + n;

		w->passed += judge_ask(&j, &flooder, LEDGER_INVITE, false, now);
		gate_prefetch(&j.gate, &any, &place);
		gate_prefetch_entry(&j.gate, &place);
		judge_ask(&j, &any, LEDGER_REGISTER, n % 3 == 0, now);
		standing_challenged(j.standing, &j.policy, &any, now);
		(void)standing_may_send(j.standing, &any, 500, now);
		judge_ask(&j, &who.source, LEDGER_OPTIONS, false, now);
		if (n % 5 == 0)
			(void)standing_logged_in(j.standing, &j.policy, &who, now);
		if (n % 7 == 0)
			standing_found(j.standing, &j.policy, &bad, REASON_AUTH_BAD_PASSWORD, true,
			    now, &j.changes);
	}
	return NULL;
}

static bool take_record(void *arg, struct span key, struct span record)
{
	*(size_t *)arg += key.n + record.n;
	return true;
}

static void two_workers(void **state)
{
	struct worker w[2];
	struct standing_tiers sum;
	struct standing_view v;
	struct ledger_stats st;
	struct judge j;
	pthread_t t[2];
	size_t bytes = 0;

	(void)state;
	judge_init(&j, 4096);
	for (unsigned i = 0; i < 2; i++) {
		w[i] = (struct worker){.j = &j, .seed = i + 1};
		assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
	}
	for (unsigned i = 0; i < 50; i++) { /* what other threads ask meanwhile */
		size_t counted = 0, saved = 0;
		struct addr a = user(i);

		memset(&sum, 0, sizeof(sum));
		while (standing_count(j.standing, &j.policy, &counted, 64, T0 + i, &sum))
			;
		while (standing_save(j.standing, &saved, 64, T0 + i, i, take_record, &bytes))
			;
		(void)standing_look(j.standing, &j.policy, &a, true, T0 + i, &v);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* It got its threshold once, not once a worker. */
	assert_int_equal(w[0].passed + w[1].passed, judge_flood.requests);
	ledger_stats(standing_ledger(j.standing), &st);
	assert_in_range(st.entries, 1, st.capacity);
	judge_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everywhere),
	    cmocka_unit_test(wide_prefix),
	    cmocka_unit_test(narrow_prefix),
	    cmocka_unit_test(one_source),
	    cmocka_unit_test(two_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
