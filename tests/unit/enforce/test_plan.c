/* SPDX-License-Identifier: MIT
 *
 * The client of the helper on virtual time, with a helper and a ledger made of arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "enforce/plan.h"

#define T0 (1000 * USEC_SEC)

enum { BANS = 6000 };

/* What the ledger has: 11.0.0.0 on, until[i] 0: not banned. */
static struct {
	usec_t until[BANS];
	bool spares[BANS];
	size_t asked; /* places looked at */
	size_t empty; /* so many before the first ban */
	unsigned exempt;
} ledger;

/* What the kernel has, as the helper made it. */
static struct {
	uint32_t seconds[BANS];
	unsigned type_n[256];
	bool fails;
	const char *missing; /* works, but not there */
	bool no_xdp;
} kernel;

static struct plan p;
static struct message m, answer;
static usec_t now;

static struct prefix source(unsigned i)
{
	struct prefix x = {.ip = {[10] = 0xff, 0xff, 11}, .bits = 128};

	x.ip[14] = (uint8_t)(i >> 8);
	x.ip[15] = (uint8_t)i;
	return x;
}

static unsigned number_of(const struct prefix *x)
{
	return (unsigned)x->ip[14] << 8 | x->ip[15];
}

static bool tell_ban(unsigned i, usec_t t, standing_ban_fn *fn, void *fn_arg)
{
	struct addr a = {0};
	struct prefix x = source(i);
	struct standing_view v = {.banned_until = ledger.until[i], .spares = ledger.spares[i]};

	memcpy(a.ip, x.ip, sizeof(a.ip));
	v.key = ledger_key(LEDGER_SOURCE, &a, 0, 0);
	return v.banned_until <= t || fn(fn_arg, &v, NULL);
}

static bool bans(
    void *arg UNUSED, size_t *cursor, size_t budget, usec_t t, standing_ban_fn *fn, void *fn_arg)
{
	for (; *cursor < BANS + ledger.empty && budget; ++*cursor, budget--) {
		ledger.asked++;
		if (*cursor >= ledger.empty &&
		    !tell_ban((unsigned)(*cursor - ledger.empty), t, fn, fn_arg))
			return true;
	}
	return *cursor < BANS + ledger.empty;
}

static bool is_banned(void *arg UNUSED, const struct prefix *what, usec_t t)
{
	return ledger.until[number_of(what)] > t;
}

static bool may_block(void *arg UNUSED, const struct prefix *what, bool by_hand UNUSED)
{
	return !ledger.exempt || number_of(what) != ledger.exempt;
}

static void start(void)
{
	static const struct plan_source s = {NULL, bans, may_block, is_banned};

	memset(&ledger, 0, sizeof(ledger));
	memset(&kernel, 0, sizeof(kernel));
	now = T0;
	plan_init(&p, &s);
	p.setup = (struct helper_setup){
	    .wanted = 1, .table = "ringfence", .ports = {{false, 5060}}, .ports_n = 1};
	p.untold = true;
}

static void ban(unsigned i, usec_t time)
{
	const struct enforce_ban b = {source(i), time ? now + time : 0, now, false};

	ledger.until[i] = b.until;
	plan_change(&p, &b);
}

static size_t in_kernel(void)
{
	size_t n = 0;

	for (size_t i = 0; i < BANS; i++)
		n += kernel.seconds[i] != 0;
	return n;
}

/* What the real one does. */
static void carry_out(void)
{
	kernel.type_n[m.type]++;
	answer = (struct message){.type = MESSAGE_RESULT, .sequence = m.sequence, .n = 1};
	answer.results[0].state = kernel.fails ? MESSAGE_FAILED : MESSAGE_UP;
	if (kernel.fails)
		message_set_text(answer.results[0].text,
		    m.type == MESSAGE_ADD ? SPAN("not open") : SPAN("no such table"));
	if (!kernel.fails && kernel.missing && m.type == MESSAGE_SYNC_BEGIN) {
		answer.results[0].state = MESSAGE_PARTLY;
		message_set_text(answer.results[0].text, span_str(kernel.missing));
	}
	if (p.setup.wanted & 1u << HELPER_XDP) {
		answer.n = HELPER_BACKENDS;
		answer.results[1] = answer.results[0];
		answer.results[1].backend = HELPER_XDP;
		if (kernel.no_xdp)
			answer.results[1].state = MESSAGE_FAILED;
	}
	if (m.type == MESSAGE_STATS) {
		answer.type = MESSAGE_FIGURES;
		answer.n = 1;
		answer.figures[0] =
		    (struct message_figures){.state = kernel.fails ? MESSAGE_FAILED : MESSAGE_UP,
			.entries = in_kernel(),
			.packets = 5};
	}
	if (kernel.fails)
		return;
	if (m.type == MESSAGE_SYNC_BEGIN)
		memset(kernel.seconds, 0, sizeof(kernel.seconds));
	for (size_t i = 0; i < m.n && (m.type == MESSAGE_ADD || m.type == MESSAGE_REMOVE); i++)
		kernel.seconds[number_of(&m.bans[i].what)] = m.bans[i].seconds;
}

/* Requests and answers until there is nothing to say; how many requests. */
static unsigned talk(void)
{
	unsigned n = 0;

	while (plan_next(&p, now, &m)) {
		static char text[MESSAGE_BYTES];
		struct buf b = BUF(text);
		const char *why;

		/* What is said is what the helper takes. */
		assert_int_equal(message_write(&m, &b), OK);
		assert_int_equal(message_read(buf_span(&b), true, &m, &why), OK);
		assert_false(plan_next(&p, now, &answer)); /* one at a time */
		carry_out();
		plan_heard(&p, &answer, now);
		assert_true(++n < 100);
	}
	return n;
}

static void hello(uint32_t generation)
{
	const struct message h = {.type = MESSAGE_HELLO, .generation = generation};

	plan_heard(&p, &h, now);
}

static void connect_plan(void)
{
	plan_connected(&p, now);
	assert_false(plan_next(&p, now, &m));
	hello(1);
	talk();
}

static void test_all_is_told_at_first(void **state UNUSED)
{
	start();
	for (unsigned i = 1; i < 2600; i++)
		ban(i, 60 * USEC_SEC);
	ledger.spares[9] = true;
	ledger.exempt = 8;
	ledger.until[7] = now; /* ended */
	connect_plan();
	assert_int_equal(in_kernel(), 2599 - 3);
	assert_int_equal(kernel.seconds[1], 60);
	assert_int_equal(kernel.seconds[9] + kernel.seconds[8] + kernel.seconds[7], 0);
	assert_int_equal(kernel.type_n[MESSAGE_CONFIGURE], 1);
	assert_in_range(kernel.type_n[MESSAGE_ADD], 3, 6);
	assert_true(plan_is_up(&p));
	assert_string_equal(plan_why(&p), "");
	assert_int_equal(p.generation, 1);
	assert_int_equal(p.backend[0].packets, 5);
}

static void test_changes_in_order(void **state UNUSED)
{
	start();
	connect_plan();
	ban(1, 60 * USEC_SEC);
	ban(2, 60 * USEC_SEC);
	ban(1, 0);
	ban(3, 10 * USEC_SEC + 1);
	now += 5000;
	assert_int_equal(talk(), 3); /* two, an end, one */
	assert_int_equal(kernel.seconds[1], 0);
	assert_int_equal(kernel.seconds[2], 60);
	assert_int_equal(kernel.seconds[3], 10); /* whole seconds, never too few of them */
	assert_int_equal(p.lag, 5000);
	/* What ended meanwhile, is exempt now, or cannot be blocked at all is not told. */
	ledger.exempt = 5;
	ban(4, USEC_SEC);
	ban(5, 60 * USEC_SEC);
	now += USEC_SEC;
	plan_change(
	    &p, &(struct enforce_ban){
		    {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .bits = 128}, now * 2, now, true});
	talk();
	assert_int_equal(kernel.seconds[4] + kernel.seconds[5], 0);
	assert_int_equal(in_kernel(), 2);
}

static void test_a_new_worker_is_told_all(void **state UNUSED)
{
	struct message late;

	start();
	connect_plan();
	ban(1, 60 * USEC_SEC);
	assert_true(plan_next(&p, now, &m)); /* the worker dies with this one */
	late = (struct message){.type = MESSAGE_REFUSED, .sequence = m.sequence};
	ban(2, 60 * USEC_SEC);
	memset(&kernel, 0, sizeof(kernel));
	hello(2);
	plan_heard(&p, &late, now); /* what the new one says about it is nobody's */
	talk();
	assert_int_equal(in_kernel(), 2);
	assert_int_equal(p.generation, 2);
	assert_int_equal(p.refused, 0);
}

static void test_more_than_can_wait(void **state UNUSED)
{
	start();
	connect_plan();
	for (unsigned i = 0; i < 5000; i++)
		ban(i, 60 * USEC_SEC);
	assert_int_equal(p.overflows, 5000 - PLAN_QUEUE);
	talk();
	assert_int_equal(in_kernel(), 5000);
	assert_int_equal(p.syncs, 2);
}

/* Of a change while pages are told nothing is lost, wherever the walk is. */
static void test_changes_during_a_synchronisation(void **state UNUSED)
{
	start();
	for (unsigned i = 0; i < 3000; i++)
		ban(i, 60 * USEC_SEC);
	plan_connected(&p, now);
	hello(1);
	for (int step = 0; plan_next(&p, now, &m); step++) {
		if (step == 3) { /* the first page is on its way */
			ban(10, 0);
			ban(2990, 0);
			ban(4000, 60 * USEC_SEC);
			ban(11, 120 * USEC_SEC);
		}
		carry_out();
		plan_heard(&p, &answer, now);
	}
	assert_int_equal(in_kernel(), 3000 - 2 + 1);
	assert_int_equal(kernel.seconds[10] + kernel.seconds[2990], 0);
	assert_int_equal(kernel.seconds[11], 120);
}

static void test_a_failure_is_tried_again_later_each_time(void **state UNUSED)
{
	start();
	ban(1, 600 * USEC_SEC);
	connect_plan();
	kernel.fails = true; /* the table was flushed; the figures tell */
	memset(kernel.seconds, 0, sizeof(kernel.seconds));
	now += PLAN_STATS;
	talk();
	assert_false(plan_is_up(&p));
	assert_string_equal(plan_why(&p), "what was made in the kernel is gone or cannot be read");
	kernel.type_n[MESSAGE_SYNC_BEGIN] = 0;
	for (int i = 0; i < 30; i++) {
		now += USEC_SEC;
		talk();
	}
	assert_in_range(kernel.type_n[MESSAGE_SYNC_BEGIN], 3, 6);
	assert_string_equal(plan_why(&p), "no such table");
	/* A later failure does not hide why it began. */
	ban(2, 600 * USEC_SEC);
	talk();
	assert_string_equal(plan_why(&p), "no such table");
	kernel.fails = false;
	now += PLAN_RETRY_MAX;
	talk();
	assert_true(plan_is_up(&p));
	assert_int_equal(in_kernel(), 2);
}

/* It has all bans, is not called up, and is tried again until it is. */
static void test_a_place_that_works_in_part(void **state UNUSED)
{
	start();
	ban(1, 600 * USEC_SEC);
	kernel.missing = "eth1: no such interface";
	connect_plan();
	assert_int_equal(in_kernel(), 1);
	ban(2, 600 * USEC_SEC);
	talk();
	assert_int_equal(in_kernel(), 2);
	assert_false(plan_is_up(&p));
	assert_string_equal(plan_why(&p), kernel.missing);
	now += PLAN_RETRY;
	talk();
	assert_false(plan_is_up(&p));
	assert_int_equal(kernel.type_n[MESSAGE_SYNC_BEGIN], 2);
	kernel.missing = NULL;
	now += PLAN_RETRY_MAX;
	talk();
	assert_true(plan_is_up(&p));
	assert_int_equal(in_kernel(), 2);
}

/* One page fails, the end does not: it is not up, and all is told again. */
static void test_a_page_that_failed_is_not_forgotten(void **state UNUSED)
{
	start();
	ban(1, 60 * USEC_SEC);
	plan_connected(&p, now);
	hello(1);
	while (plan_next(&p, now, &m)) {
		kernel.fails = m.type == MESSAGE_ADD;
		carry_out();
		plan_heard(&p, &answer, now);
	}
	kernel.fails = false;
	assert_false(plan_is_up(&p));
	now += PLAN_RETRY;
	talk();
	assert_true(plan_is_up(&p));
	assert_int_equal(in_kernel(), 1);
}

static void test_silence(void **state UNUSED)
{
	start();
	connect_plan();
	ban(1, 60 * USEC_SEC);
	assert_true(plan_next(&p, now, &m));
	now += PLAN_DEADLINE - 1;
	assert_false(plan_next(&p, now, &answer));
	assert_true(plan_is_up(&p));
	now++;
	assert_false(plan_next(&p, now, &answer));
	assert_false(plan_is_up(&p));
	assert_string_equal(plan_why(&p), "the helper does not answer");
	carry_out();
	plan_heard(&p, &answer, now); /* late, but it was done */
	assert_true(plan_is_up(&p));
	plan_gone(&p);
	assert_false(plan_next(&p, now, &m));
	plan_connected(&p, now);
	now += PLAN_DEADLINE;
	assert_false(plan_next(&p, now, &m));
	assert_string_equal(plan_why(&p), "the helper does not answer");
}

static void test_another_setup(void **state UNUSED)
{
	struct helper_setup s;

	start();
	ban(1, 60 * USEC_SEC);
	connect_plan();
	s = p.setup;
	memcpy(s.table, "other", 6);
	plan_use(&p, &s);
	assert_true(plan_next(&p, now, &m));
	assert_int_equal(m.type, MESSAGE_CONFIGURE);
	assert_string_equal(m.setup.table, "other");
	/* And another one before the answer: it is told, too. */
	memcpy(s.table, "third", 6);
	plan_use(&p, &s);
	carry_out();
	plan_heard(&p, &answer, now);
	assert_true(plan_next(&p, now, &m));
	assert_int_equal(m.type, MESSAGE_CONFIGURE);
	assert_string_equal(m.setup.table, "third");
	carry_out();
	plan_heard(&p, &answer, now);
	talk();
	assert_true(plan_is_up(&p));
	assert_int_equal(in_kernel(), 1);
}

/* A reload with which nothing changed leaves what stands; all is told again, since whom to block
 * may have changed. */
static void test_the_same_setup(void **state UNUSED)
{
	struct helper_setup s;

	start();
	ban(1, 60 * USEC_SEC);
	ban(2, 60 * USEC_SEC);
	connect_plan();
	s = p.setup;
	ledger.exempt = 1;
	plan_use(&p, &s);
	talk();
	assert_int_equal(kernel.type_n[MESSAGE_CONFIGURE], 1);
	assert_int_equal(kernel.type_n[MESSAGE_SYNC_BEGIN], 2);
	assert_int_equal(in_kernel(), 1);
	for (int i = 0; i < 6; i++) {
		s = p.setup;
		if (i == 0)
			s.wanted = 1u << HELPER_XDP;
		else if (i == 1)
			s.all_ports = true;
		else if (i == 2)
			s.ports[0].tcp = true;
		else if (i == 3)
			s.ports[s.ports_n++].port = 5061;
		else if (i == 4)
			s.xdp_mode = HELPER_XDP_GENERIC;
		else
			memcpy(s.interfaces[s.interfaces_n++], "eth0", 5);
		plan_use(&p, &s);
		assert_true(plan_next(&p, now, &m));
		assert_int_equal(m.type, MESSAGE_CONFIGURE);
		carry_out();
		plan_heard(&p, &answer, now);
	}
}

/* Who reloads does not wait for the end of a pause. */
static void test_a_reload_ends_the_pause(void **state UNUSED)
{
	struct helper_setup s;

	for (int other = 0; other < 2; other++) {
		start();
		ban(1, 60 * USEC_SEC);
		kernel.fails = true;
		connect_plan();
		for (int i = 0; i < 20; i++) {
			now += USEC_SEC;
			talk();
		}
		assert_true(p.pause > 8 * USEC_SEC);
		kernel.fails = false;
		s = p.setup;
		s.all_ports = other;
		plan_use(&p, &s);
		talk();
		assert_true(plan_is_up(&p));
		assert_int_equal(in_kernel(), 1);
	}
}

/* Nor after a helper that refused. */
static void test_a_reload_after_a_refusal(void **state UNUSED)
{
	struct message no = {.type = MESSAGE_REFUSED};
	struct helper_setup s;

	start();
	plan_connected(&p, now);
	hello(1);
	assert_true(plan_next(&p, now, &m));
	no.sequence = m.sequence;
	plan_heard(&p, &no, now);
	assert_false(plan_next(&p, now, &m));
	s = p.setup;
	plan_use(&p, &s);
	talk();
	assert_true(plan_is_up(&p));
}

/* A worker banned it, a person ended that before the worker's word of it was read. */
static void test_an_end_before_its_ban(void **state UNUSED)
{
	const struct enforce_ban late = {source(1), T0 + 60 * USEC_SEC, T0, false};

	start();
	connect_plan();
	ban(1, 0);
	plan_change(&p, &late);
	ban(2, 60 * USEC_SEC);
	talk();
	assert_int_equal(kernel.seconds[1], 0);
	assert_int_equal(in_kernel(), 1);
}

/* The place that works is not emptied and filled all the time for the one that never will. */
static void test_a_place_that_is_not_to_be_had(void **state UNUSED)
{
	start();
	p.setup.wanted = 1u << HELPER_NFTABLES | 1u << HELPER_XDP;
	memcpy(p.setup.interfaces[p.setup.interfaces_n++], "eth0", 5);
	kernel.no_xdp = true;
	ban(1, 36000 * USEC_SEC);
	connect_plan();
	for (int i = 0; i < 3600; i++) {
		now += USEC_SEC;
		talk();
	}
	assert_false(plan_is_up(&p));
	assert_in_range(kernel.type_n[MESSAGE_SYNC_BEGIN], 12, 16);
	/* What did work is tried at once when it does so no more. */
	assert_true(p.pause == PLAN_PART_MAX);
	kernel.fails = true;
	now += PLAN_STATS;
	talk();
	kernel.fails = false;
	now += PLAN_RETRY;
	kernel.type_n[MESSAGE_SYNC_BEGIN] = 0;
	talk();
	assert_int_equal(kernel.type_n[MESSAGE_SYNC_BEGIN], 1);
	assert_int_equal(p.backend[HELPER_NFTABLES].state, MESSAGE_UP);
}

/* A ledger with room for millions and a few bans is not walked in one turn. */
static void test_a_large_ledger_is_walked_in_turns(void **state UNUSED)
{
	unsigned turns = 0;

	start();
	ledger.empty = 1000000;
	ledger.until[1] = now + 60 * USEC_SEC;
	plan_connected(&p, now);
	hello(1);
	do {
		size_t before = ledger.asked;

		if (plan_next(&p, now, &m)) {
			carry_out();
			plan_heard(&p, &answer, now);
		}
		assert_in_range(ledger.asked - before, 0, 65536);
		assert_true(++turns < 100);
	} while (p.phase != PLAN_UP);
	assert_in_range(turns, 16, 24);
	assert_false(plan_has_more(&p));
	assert_int_equal(in_kernel(), 1);
}

/* Bans that were pushed out of the ledger leave the kernel when there are too many of them. */
static void test_the_kernel_holds_no_more_than_the_ledger(void **state UNUSED)
{
	start();
	p.most = 100;
	connect_plan();
	for (unsigned i = 0; i < 101; i++)
		ban(i, 600 * USEC_SEC);
	talk();
	memset(ledger.until + 60, 0, 41 * sizeof(ledger.until[0]));
	assert_int_equal(in_kernel(), 101);
	now += PLAN_STATS;
	talk();
	assert_int_equal(in_kernel(), 60);
	assert_int_equal(p.overflows, 1);
	now += PLAN_STATS;
	talk();
	assert_int_equal(p.syncs, 2);
}

/* A helper of another build that takes nothing is not asked without a pause. */
static void test_a_helper_that_refuses(void **state UNUSED)
{
	unsigned asked = 0;

	start();
	plan_connected(&p, now);
	hello(1);
	for (int i = 0; i < 100; i++) {
		while (plan_next(&p, now, &m)) {
			const struct message r = {.type = MESSAGE_REFUSED, .sequence = m.sequence};

			asked++;
			plan_heard(&p, &r, now);
		}
		now += 100 * USEC_MS;
	}
	assert_in_range(asked, 9, 11);
	assert_int_equal(p.refused, asked);
}

/* What is told at once is told as done, with the answer; a synchronisation is not. */
static void test_who_is_in_force(void **state UNUSED)
{
	start();
	ban(1, 60 * USEC_SEC);
	connect_plan();
	assert_int_equal(p.done_n, 0);
	ledger.exempt = 3;
	ban(2, 60 * USEC_SEC);
	ban(3, 60 * USEC_SEC);
	ban(4, 60 * USEC_SEC);
	assert_true(plan_next(&p, now, &m));
	assert_int_equal(p.done_n, 0);
	carry_out();
	plan_heard(&p, &answer, now);
	assert_int_equal(p.done_n, 2);
	assert_int_equal(p.done_in, 1u << HELPER_NFTABLES);
	assert_int_equal(number_of(&p.sent[0].what), 2);
	assert_int_equal(number_of(&p.sent[1].what), 4);
	ban(2, 0);
	talk();
	assert_int_equal(p.done_n, 0);
	ban(5, 60 * USEC_SEC);
	assert_true(plan_next(&p, now, &m));
	kernel.fails = true;
	carry_out();
	plan_heard(&p, &answer, now);
	assert_int_equal(p.done_n, 0);
}

static struct plan_place where(unsigned i, enum ledger_kind kind, bool spares)
{
	struct prefix x = source(i);
	struct standing_view v = {.banned_until = now + 1, .spares = spares};
	struct plan_place place;
	struct addr a = {0};

	memcpy(a.ip, x.ip, sizeof(a.ip));
	v.key = ledger_key(kind, &a, kind == LEDGER_FLOW ? 5060 : 0, 0);
	plan_where(&p, &v, NULL, &place);
	assert_true((place.why == NULL) == (place.backends != 0));
	return place;
}

static void test_where_a_ban_is(void **state UNUSED)
{
	static const struct standing_view by_hand = {.manual = true};
	struct prefix loopback = {.ip = {[10] = 0xff, 0xff, 127}, .bits = 104};
	struct plan_place place;

	start();
	ban(1, 60 * USEC_SEC);
	assert_string_equal(where(1, LEDGER_SOURCE, false).why, "not yet");
	connect_plan();
	assert_int_equal(where(1, LEDGER_SOURCE, false).backends, 1u << HELPER_NFTABLES);
	assert_non_null(strstr(where(1, LEDGER_FLOW, false).why, "one device"));
	assert_non_null(strstr(where(1, LEDGER_SOURCE, true).why, "logged in"));
	ledger.exempt = 1;
	assert_non_null(strstr(where(1, LEDGER_SOURCE, false).why, "exempt"));
	ledger.exempt = 0;
	plan_where(&p, &by_hand, &loopback, &place);
	assert_non_null(strstr(place.why, "never blocked"));
	/* Decided, sent, answered. */
	ban(2, 60 * USEC_SEC);
	assert_string_equal(where(2, LEDGER_SOURCE, false).why, "on its way to the kernel");
	assert_true(plan_next(&p, now, &m));
	assert_string_equal(where(2, LEDGER_SOURCE, false).why, "on its way to the kernel");
	assert_null(where(1, LEDGER_SOURCE, false).why);
	carry_out();
	plan_heard(&p, &answer, now);
	assert_null(where(2, LEDGER_SOURCE, false).why);
	/* The table was flushed; then all is told again. */
	kernel.fails = true;
	now += PLAN_STATS;
	talk();
	assert_string_equal(where(1, LEDGER_SOURCE, false).why,
	    "what was made in the kernel is gone or cannot be read");
	kernel.fails = false;
	now += PLAN_RETRY;
	assert_true(plan_next(&p, now, &m));
	assert_non_null(strstr(where(1, LEDGER_SOURCE, false).why, "just told"));
	carry_out();
	plan_heard(&p, &answer, now);
	talk();
	assert_null(where(1, LEDGER_SOURCE, false).why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_is_told_at_first),
	    cmocka_unit_test(test_changes_in_order),
	    cmocka_unit_test(test_a_new_worker_is_told_all),
	    cmocka_unit_test(test_more_than_can_wait),
	    cmocka_unit_test(test_changes_during_a_synchronisation),
	    cmocka_unit_test(test_a_failure_is_tried_again_later_each_time),
	    cmocka_unit_test(test_a_place_that_works_in_part),
	    cmocka_unit_test(test_a_page_that_failed_is_not_forgotten),
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_another_setup),
	    cmocka_unit_test(test_the_same_setup),
	    cmocka_unit_test(test_a_reload_ends_the_pause),
	    cmocka_unit_test(test_a_reload_after_a_refusal),
	    cmocka_unit_test(test_an_end_before_its_ban),
	    cmocka_unit_test(test_a_place_that_is_not_to_be_had),
	    cmocka_unit_test(test_a_large_ledger_is_walked_in_turns),
	    cmocka_unit_test(test_the_kernel_holds_no_more_than_the_ledger),
	    cmocka_unit_test(test_a_helper_that_refuses),
	    cmocka_unit_test(test_who_is_in_force),
	    cmocka_unit_test(test_where_a_ban_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
