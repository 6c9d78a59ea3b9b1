/* SPDX-License-Identifier: MIT
 *
 * What an event costs its worker: made of a message's texts, put into the ring, and the main thread
 * woken, 50,000 times a second, while another thread empties the ring into a file. CPU time of the
 * worker's thread alone, and what the other thread takes an event. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "event/hub.h"

#define A_SECOND 50000
#define BATCH    50 /* of one millisecond */
#define SECONDS  5

static _Atomic bool over;

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void make(struct event_ring *r, const struct flow *f, unsigned i)
{
	char name[32];
	struct buf call_id = BUF(name);
	struct event e;

	buf_addf(&call_id, "a84b4c76e66710-%u", i);
	event_init(&e, EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, UINT64_C(1767225600123456) + i);
	event_set_source(&e, f, SPAN("public"), true);
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_REPLY, 401);
	event_set_text(&e, EVENT_TEXT_METHOD, SPAN("REGISTER"));
	event_set_text(&e, EVENT_TEXT_CALL_ID, buf_span(&call_id));
	event_set_text(&e, EVENT_TEXT_FROM, SPAN("sip:alice@sip.example.com"));
	event_set_text(&e, EVENT_TEXT_TO, SPAN("sip:alice@sip.example.com"));
	event_set_text(&e, EVENT_TEXT_USER_AGENT, SPAN("Example Phone T46 108.86.0.20"));
	event_set_text(&e, EVENT_TEXT_ACCOUNT, SPAN("alice@sip.example.com"));
	event_set_evidence(&e, 3, 5, 60 * USEC_SEC);
	(void)event_ring_push(r, &e);
}

/* Stands for the main thread; it polls, where the daemon is woken. */
static void *drain(void *arg)
{
	struct event_ring *r = arg;
	struct event_sink_setup setup = {.name = "null",
	    .kind = "file",
	    .buffer = EVENT_SINK_BUFFER,
	    .select = event_select_all()};
	struct event_sink *sink;
	struct event_hub hub;
	struct output *o;
	uint64_t begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);

	event_hub_init(&hub, SPAN("edge-1"));
	if (output_new_file("/dev/null", &o) != OK || event_sink_new(&setup, o, &sink) != OK ||
	    event_sink_start(sink) != OK)
		abort();
	event_hub_take_sinks(&hub, &sink, 1);
	while (!atomic_load(&over)) {
		const struct timespec pause = {.tv_nsec = 200000};

		while (event_hub_drain(&hub, r, 512))
			;
		nanosleep(&pause, NULL);
	}
	while (event_hub_drain(&hub, r, 512))
		;
	printf("main thread, JSON and one file  %6.0f ns an event, %llu of them\n",
	    (double)(nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)hub.events,
	    (unsigned long long)hub.events);
	event_hub_done(&hub);
	return NULL;
}

int main(void)
{
	struct flow f = {.transport = TRANSPORT_UDP};
	struct event_ring ring;
	uint64_t spent = 0, start;
	pthread_t main_thread;
	unsigned n = 0;

	if (addr_parse(SPAN("203.0.113.77:5060"), 0, &f.remote) != OK ||
	    event_ring_init(&ring, EVENT_RING_SLOTS, NULL, NULL) != OK ||
	    pthread_create(&main_thread, NULL, drain, &ring) != 0)
		return 1;
	start = nanoseconds(CLOCK_MONOTONIC);
	for (unsigned ms = 1; ms <= SECONDS * 1000; ms++) {
		uint64_t due = start + ms * UINT64_C(1000000);
		const struct timespec until = {
		    (time_t)(due / 1000000000), (long)(due % 1000000000)};
		uint64_t begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);

		for (unsigned i = 0; i < BATCH; i++)
			make(&ring, &f, n++);
		event_ring_flush(&ring);
		spent += nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begin;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
	atomic_store(&over, true);
	pthread_join(main_thread, NULL);
	printf("worker, made and pushed         %6.0f ns an event, %u a second, %llu lost\n",
	    (double)spent / n, A_SECOND, (unsigned long long)event_ring_lost(&ring));
	event_ring_done(&ring);
	return 0;
}
