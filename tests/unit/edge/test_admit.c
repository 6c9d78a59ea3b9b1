/* SPDX-License-Identifier: MIT
 *
 * What comes off the wire, before and after the gate, on a whole worker and a clock of the test's:
 * thresholds on both sides, order by tier, overload, and what is never answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "edge/transport.h"
#include "rig.h"

#define NO_SCAN "  scan: {mode: \"off\"}\n"
#define STRANGERS                           \
	"standing: {allow: [127.0.0.17]}\n" \
	"peers:\n  trunk: {zone: public, sources: [127.0.0.10]}\n"

static const char options[] = "OPTIONS sip:{edge} SIP/2.0\n"
			      "Via: SIP/2.0/UDP {via};branch=z9hG4bKx\n"
			      "From: <sip:a@example.net>;tag=1\nTo: <sip:{edge}>\n"
			      "Call-ID: one\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n\n";

/* Sends it n times, in batches off the wire; how many were answered. */
static unsigned burst(struct rig *r, unsigned phone, unsigned n)
{
	unsigned answered = 0;

	for (unsigned left = n; left; left -= MIN(left, 50u)) {
		rig_wire(r, phone, MIN(left, 50u), "%s", options);
		answered += rig_drain(r, phone);
	}
	return answered;
}

static uint64_t refused(const struct rig *r, enum reason why)
{
	return r->edge.counters[0].reason[why];
}

static void test_threshold(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, NO_SCAN STRANGERS);
	assert_int_equal(burst(&r, 1, 60), 60);
	assert_int_equal(refused(&r, REASON_FLOOD_SOURCE), 0);
	assert_int_equal(burst(&r, 1, 1), 0);
	assert_int_equal(refused(&r, REASON_FLOOD_SOURCE), 1);
	assert_int_equal(burst(&r, 1, 100), 0);
	/* Another one is not held, nor are a peer and who is in the allow-list. */
	assert_int_equal(burst(&r, 2, 60), 60);
	assert_int_equal(burst(&r, 0, 500), 500);
	assert_int_equal(burst(&r, 7, 500), 500);
	/* Quiet for 2 s of window and 30 s of release. */
	rig_run(&r, 29 * USEC_SEC);
	assert_int_equal(burst(&r, 1, 1), 0);
	rig_run(&r, 3 * USEC_SEC);
	assert_int_equal(burst(&r, 1, 1), 1);
	assert_int_equal(refused(&r, REASON_FLOOD_RELEASED), 1);
	rig_done(&r);
}

/* A full batch is put aside by tier, and the highest is worked on first. */
static void test_order(void **state)
{
	static char text[4][1024];
	static const unsigned sender[4] = {1, 7, 2, 0};
	struct net_dgram batch[NET_UDP_BATCH];
	struct rig r;

	(void)state;
	rig_init(&r, NO_SCAN STRANGERS);
	for (unsigned i = 0; i < 4; i++) {
		struct buf b = BUF(text[i]);

		buf_addf(&b,
		    "OPTIONS sip:127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "127.0.0.18:9;branch=z9hG4bK%u\r\n"
		    "From: <sip:a@example.net>;tag=1\r\nTo: <sip:x>\r\nCall-ID: from-%u\r\n"
		    "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n",
		    r.port, i, sender[i]);
		for (unsigned k = i; k < NET_UDP_BATCH; k += 4)
			batch[k] = (struct net_dgram){.data = buf_span(&b),
			    .from = r.phone[sender[i]],
			    .local = r.w->snap->slots[0].addr};
	}
	transport_received(r.w, r.w->udp[0], batch, NET_UDP_BATCH);
	/* Those whom nobody comes before were served at once. */
	assert_int_equal(inbox_stats(r.w->inbox)->waiting, 32);
	net_udp_flush(r.w->udp[0]);
	assert_int_equal(rig_drain(&r, 0), 16);
	assert_int_equal(rig_drain(&r, 7), 16);
	assert_int_equal(rig_drain(&r, 1) + rig_drain(&r, 2), 0);
	assert_false(transport_drained(r.w, r.w->udp[0]));
	net_udp_flush(r.w->udp[0]);
	assert_int_equal(rig_drain(&r, 1), 16);
	assert_int_equal(rig_drain(&r, 2), 16);
	assert_true(inbox_is_empty(r.w->inbox));
	rig_done(&r);
}

/* Of what waits a little is worked on at a time; a reload works on all of it first. */
static void test_a_little_at_a_time(void **state)
{
	struct net_dgram batch[NET_UDP_BATCH];
	static char text[1024];
	struct buf b = BUF(text);
	struct rig r;

	(void)state;
	rig_init(&r, "  flood: {mode: \"off\"}\n" NO_SCAN STRANGERS);
	buf_addf(&b,
	    "OPTIONS sip:127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.18:9;branch=z9hG4bK1\r\n"
	    "From: <sip:a@example.net>;tag=1\r\nTo: <sip:x>\r\nCall-ID: o\r\n"
	    "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n",
	    r.port);
	for (unsigned k = 0; k < NET_UDP_BATCH; k++)
		batch[k] = (struct net_dgram){
		    .data = buf_span(&b), .from = r.phone[1], .local = r.w->snap->slots[0].addr};
	for (int i = 0; i < 4; i++)
		transport_received(r.w, r.w->udp[0], batch, NET_UDP_BATCH);
	assert_int_equal(inbox_stats(r.w->inbox)->waiting, 4 * NET_UDP_BATCH);
	assert_true(transport_drained(r.w, r.w->udp[0]));
	assert_int_equal(inbox_stats(r.w->inbox)->waiting, 3 * NET_UDP_BATCH);
	rig_reload(&r, NO_SCAN STRANGERS);
	assert_true(inbox_is_empty(r.w->inbox));
	rig_done(&r);
}

static void test_noise_and_keepalives(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, NO_SCAN STRANGERS);
	rig_wire(&r, 1, 3, "\n\n");
	assert_int_equal(rig_counter(&r, COUNTER_RECEIVED_KEEPALIVES), 3);
	rig_wire(&r, 1, 2, "<this> is no SIP, however long it is and whatever it says");
	assert_int_equal(rig_counter(&r, COUNTER_RECEIVED_NOISE), 2);
	assert_int_equal(refused(&r, REASON_GATE_NOISE), 2);
	assert_int_equal(rig_drain(&r, 1), 0);
	rig_done(&r);
}

/* Over the lag strangers are sent away, whom we know is not; told when it begins and when it ended.
 */
static void test_overload(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, NO_SCAN STRANGERS);
	r.w->overload.busy = 50 * USEC_MS;
	rig_wire(&r, 1, 1, "%s", options);
	assert_non_null(rig_recv(&r, 1));
	assert_memory_equal(r.text, "SIP/2.0 200", 11);
	r.w->overload.busy = 50 * USEC_MS + 1;
	rig_wire(&r, 1, 1, "%s", options);
	assert_non_null(rig_recv(&r, 1));
	assert_memory_equal(r.text, "SIP/2.0 503", 11);
	assert_string_equal(rig_header(r.text, "Retry-After"), "5");
	r.w->overload.busy = USEC_SEC;
	rig_wire(&r, 0, 1, "%s", options);
	assert_non_null(rig_recv(&r, 0));
	assert_memory_equal(r.text, "SIP/2.0 200", 11);
	assert_int_equal(refused(&r, REASON_OVERLOAD_SHED), 1);
	r.w->overload.busy = 0;
	rig_run(&r, 4 * USEC_SEC);
	assert_int_equal(refused(&r, REASON_OVERLOAD_ENDED), 0);
	rig_run(&r, 2 * USEC_SEC);
	assert_int_equal(refused(&r, REASON_OVERLOAD_ENDED), 1);
	rig_done(&r);
}

/* The lag: of what waited in a queue, and of what waited in the kernel while the loop was busy. */
static void test_lag(void **state)
{
	struct overload o = {.began = 0};
	uint64_t shed = 0;

	(void)state;
	overload_begin(&o, 1000);
	assert_int_equal(overload_lag(&o), 0);
	overload_begin(&o, 5000); /* the same iteration */
	overload_iterated(&o, 9000);
	assert_int_equal(overload_lag(&o), 8000);
	overload_begin(&o, 10000);
	assert_int_equal(overload_lag(&o), 8000);
	overload_waited(&o, 500, 10000);
	assert_int_equal(overload_lag(&o), 9500);
	overload_waited(&o, 9999, 10000);
	assert_int_equal(overload_lag(&o), 8000);
	overload_iterated(&o, 10001);
	assert_int_equal(overload_lag(&o), 1);
	overload_iterated(&o, 99999); /* slept */
	assert_int_equal(overload_lag(&o), 0);
	overload_begin(&o, 100000);
	overload_iterated(&o, 160000);
	overload_begin(&o, 160000 + USEC_MS); /* waited behind it */
	assert_int_equal(overload_lag(&o), 60000);
	overload_iterated(&o, 300000);
	overload_begin(&o, 300000 + USEC_MS + 1); /* came to a loop that slept */
	assert_int_equal(overload_lag(&o), 0);

	assert_false(overload_ended(&o, 0, &shed));
	assert_true(overload_shed(&o, USEC_SEC));
	assert_false(overload_shed(&o, 2 * USEC_SEC));
	assert_false(overload_ended(&o, 2 * USEC_SEC + OVERLOAD_QUIET - 1, &shed));
	assert_true(overload_ended(&o, 2 * USEC_SEC + OVERLOAD_QUIET, &shed));
	assert_int_equal(shed, 2);
	assert_false(overload_ended(&o, 100 * USEC_SEC, &shed));
	assert_true(overload_shed(&o, 101 * USEC_SEC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_threshold),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_a_little_at_a_time),
	    cmocka_unit_test(test_noise_and_keepalives),
	    cmocka_unit_test(test_overload),
	    cmocka_unit_test(test_lag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
