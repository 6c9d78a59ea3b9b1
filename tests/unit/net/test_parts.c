/* SPDX-License-Identifier: MIT
 *
 * The heap of deadlines, the buffers of streams, and the text of a failure. */
#include "rig.h"

#include <errno.h>

#include "base/rng.h"
#include "net/due_heap.h"
#include "net/stream_buf.h"

#define ITEMS 500

static void check_heap(const struct due_heap *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		assert_int_equal(h->items[i]->place, i + 1);
		if (i)
			assert_true(h->items[(i - 1) / 2]->at <= h->items[i]->at);
	}
}

static void test_heap(void **state)
{
	static struct due_item items[ITEMS];
	struct due_heap h;
	struct rng rng;
	usec_t last = 0;

	(void)state;
	rng_init_seed(&rng, 7);
	assert_int_equal(due_heap_init(&h, ITEMS), OK);
	assert_null(due_heap_first(&h));
	for (int i = 0; i < 20000; i++) {
		struct due_item *it = &items[rng_below(&rng, ITEMS)];

		if (rng_below(&rng, 4))
			due_heap_set(&h, it, rng_below(&rng, 1000));
		else
			due_heap_remove(&h, it);
		if (i % 100 == 0)
			check_heap(&h);
	}
	while (h.n) {
		struct due_item *it = due_heap_first(&h);

		assert_true(it->at >= last);
		last = it->at;
		due_heap_remove(&h, it);
		assert_int_equal(it->place, 0);
	}
	due_heap_done(&h);
}

static void test_stream_buf(void **state)
{
	struct stream_budget budget = {0, 10000};
	struct stream_buf b = {0};
	struct buf room;

	(void)state;
	assert_int_equal(stream_buf_room(&b, &budget, 5001, 5000, &room), ERR_FULL);
	assert_int_equal(stream_buf_room(&b, &budget, 10, 5000, &room), OK);
	assert_int_equal(budget.used, 2048);
	assert_int_equal(room.cap, 2048);
	memset(room.p, 'a', 2000);
	stream_buf_added(&b, 2000);
	stream_buf_consume(&b, &budget, 1990);
	assert_int_equal(stream_buf_room(&b, &budget, 2000, 5000, &room), OK); /* moves */
	assert_int_equal(budget.used, 2048);
	assert_true(span_eq(stream_buf_span(&b), SPAN("aaaaaaaaaa")));
	assert_int_equal(stream_buf_room(&b, &budget, 4000, 5000, &room), OK); /* grows */
	assert_int_equal(budget.used, 4096);
	assert_true(span_eq(stream_buf_span(&b), SPAN("aaaaaaaaaa")));
	stream_buf_added(&b, 4000);
	assert_int_equal(stream_buf_room(&b, &budget, 1000, 5020, &room), OK);
	assert_int_equal(budget.used, 5020); /* no more than the cap */
	budget.used += 4000;
	assert_int_equal(stream_buf_room(&b, &budget, 2000, 20000, &room), ERR_NOMEM);
	budget.used -= 4000;
	stream_buf_consume(&b, &budget, 4010);
	assert_int_equal(budget.used, 0);
	assert_null(b.p);
}

static void test_fail_text(void **state)
{
	static const struct {
		enum transport transport;
		const char *addr, *step, *text;
		int sys;
	} rows[] = {
	    {TRANSPORT_UDP, "192.0.2.1:5060", "bind",
		"udp:192.0.2.1:5060: bind: Cannot assign requested address (this machine has no "
		"such address)",
		EADDRNOTAVAIL},
	    {TRANSPORT_TLS, "[::1]:5061", "bind",
		"tls:[::1]:5061: bind: Address already in use (another process listens there)",
		EADDRINUSE},
	    {TRANSPORT_TCP, "127.0.0.1:1", "bind",
		"tcp:127.0.0.1:1: bind: Permission denied (ports below 1024 need "
		"CAP_NET_BIND_SERVICE)",
		EACCES},
	    {TRANSPORT_TCP, "127.0.0.1:1", "listen", "tcp:127.0.0.1:1: listen: Invalid argument",
		EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_fail f = {.transport = rows[i].transport,
		    .addr = rig_addr(rows[i].addr),
		    .step = rows[i].step,
		    .sys = rows[i].sys};
		char text[256];
		struct buf b = BUF(text);

		net_fail_add(&b, &f);
		assert_true(buf_terminate(&b));
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_heap),
	    cmocka_unit_test(test_stream_buf),
	    cmocka_unit_test(test_fail_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
