/* SPDX-License-Identifier: MIT
 *
 * Letters from several threads: none lost, none doubled, in each sender's order. */
#include "rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "net/mailbox.h"

#define SENDERS 4
#define LETTERS 100000

struct desk {
	struct mailbox *mb;
	uint64_t next[SENDERS];
	unsigned total, disorder, dropped;
};

struct sender {
	struct desk *desk;
	uint32_t number;
	uint64_t refused;
	pthread_t thread;
};

static void received(void *arg, const struct mail *m)
{
	struct desk *d = arg;

	if (m->kind >= SENDERS || m->a != d->next[m->kind] || m->b != ~m->a ||
	    m->ptr != &d->next[m->kind])
		d->disorder++;
	else
		d->next[m->kind]++;
	d->total++;
}

static void dropped(void *arg, const struct mail *m)
{
	((struct desk *)arg)->dropped++;
	free(m->ptr);
}

static void *post_all(void *arg)
{
	struct sender *s = arg;

	for (uint64_t i = 0; i < LETTERS;) {
		struct mail m = {
		    .kind = s->number, .ptr = &s->desk->next[s->number], .a = i, .b = ~i};

		if (mailbox_post(s->desk->mb, &m) == OK) {
			i++;
		} else {
			s->refused++;
			sched_yield();
		}
	}
	return NULL;
}

static void test_many_senders(void **state)
{
	struct rig *r = *state;
	struct desk d = {.total = 0};
	struct sender s[SENDERS];
	uint64_t refused = 0;

	assert_int_equal(mailbox_new(&r->loop, 1000, received, NULL, &d, &d.mb), OK);
	for (uint32_t i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){.desk = &d, .number = i};
		assert_int_equal(pthread_create(&s[i].thread, NULL, post_all, &s[i]), 0);
	}
	while (d.total < SENDERS * LETTERS)
		net_loop_run_once(&r->loop, true); /* a lost wake-up would hang here */
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(s[i].thread, NULL);
		refused += s[i].refused;
		assert_int_equal(d.next[i], LETTERS);
	}
	assert_int_equal(d.disorder, 0);
	assert_int_equal(mailbox_refused(d.mb), refused);
	rig_turn(r);
	assert_int_equal(d.total, SENDERS * LETTERS);
	mailbox_free(d.mb);
}

static void test_full(void **state)
{
	struct rig *r = *state;
	struct desk d = {.total = 0};
	struct mail m = {.kind = 0};

	assert_int_equal(mailbox_new(&r->loop, 4, received, NULL, &d, &d.mb), OK);
	m.ptr = &d.next[0];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++) {
			m.b = ~m.a;
			assert_int_equal(mailbox_post(d.mb, &m), OK);
			m.a++;
		}
		m.b = ~m.a;
		assert_int_equal(mailbox_post(d.mb, &m), ERR_FULL);
		assert_int_equal(mailbox_refused(d.mb), round + 1);
		rig_turn(r);
		assert_int_equal(d.total, 4 * (round + 1));
	}
	assert_int_equal(d.disorder, 0);
	mailbox_free(d.mb);
}

static void test_what_is_left_is_dropped(void **state)
{
	struct rig *r = *state;
	struct desk d = {.total = 0};

	assert_int_equal(mailbox_new(&r->loop, 8, received, dropped, &d, &d.mb), OK);
	for (int i = 0; i < 3; i++) {
		struct mail m = {.ptr = malloc(10)};

		assert_int_equal(mailbox_post(d.mb, &m), OK);
	}
	mailbox_free(d.mb);
	rig_turn(r);
	assert_int_equal(d.total, 0);
	assert_int_equal(d.dropped, 3);
	mailbox_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_many_senders, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_full, rig_up, rig_down),
	    cmocka_unit_test_setup_teardown(test_what_is_left_is_dropped, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
