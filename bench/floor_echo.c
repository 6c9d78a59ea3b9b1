/* SPDX-License-Identifier: MIT
 *
 * The same server as floor.c over net/udp and its loop: what our transport costs above the system's
 * own batches. `floor_echo ADDRESS:PORT`; with a second word, `drop`, it answers only the first
 * datagram: what a flood costs that is received in batches and not looked at. Ends with SIGTERM and
 * tells what it did. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "net/udp.h"

struct echo {
	uint64_t lost;
	bool drop, answered;
};

static void answer(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n)
{
	struct echo *e = arg;

	if (e->drop && e->answered)
		return;
	e->answered = true;
	for (size_t i = 0; i < n; i++) {
		static const char status[] = "SIP/2.0 200 ";
		struct buf w = net_udp_reserve(u);
		const char *cr = memchr(d[i].data.p, '\r', d[i].data.n);
		size_t line = cr ? (size_t)(cr - d[i].data.p) : 0;

		buf_add_span(&w, d[i].data);
		if (line >= sizeof(status)) {
			memcpy(w.p, status, sizeof(status) - 1);
			memset(w.p + sizeof(status) - 1, 'k', line - (sizeof(status) - 1));
		}
		e->lost += net_udp_commit(u, &w, &d[i].from, &d[i].local) != OK;
	}
}

static void signalled(uv_signal_t *s, int number)
{
	(void)number;
	uv_stop(s->loop);
}

static void report(struct net_udp *u)
{
	struct net_udp_counters c = net_udp_counters(u);
	struct rusage r;
	double us;

	getrusage(RUSAGE_SELF, &r);
	us = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
	     (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
	printf("received %lu sent %lu dropped %lu kernel_drops %lu cpu_us_each %.3f\n",
	    (unsigned long)c.received, (unsigned long)c.sent, (unsigned long)c.send_dropped,
	    (unsigned long)c.kernel_drops, us / (double)MAX(c.received, 1u));
}

static int serve(const struct net_udp_opts *o, bool drop)
{
	struct echo e = {.drop = drop};
	struct net_udp_handler h = {.received = answer, .arg = &e};
	struct net_loop l;
	struct net_fail fail;
	struct net_udp *u;
	uv_signal_t s;

	if (net_loop_init(&l, NULL) != OK)
		return 1;
	if (net_udp_new(&l, o, &h, &u, &fail) != OK) {
		char text[256];
		struct buf b = BUF(text);

		net_fail_add(&b, &fail);
		(void)fprintf(stderr, "floor_echo: %.*s\n", SPAN_FMT(buf_span(&b)));
		net_loop_done(&l);
		return 1;
	}
	uv_signal_init(&l.uv, &s);
	uv_signal_start(&s, signalled, SIGTERM);
	net_loop_run(&l);
	report(u);
	uv_close((uv_handle_t *)&s, NULL);
	net_udp_free(u);
	net_loop_done(&l);
	return 0;
}

int main(int argc, char **argv)
{
	struct net_udp_opts o = {.recv_buffer = 8 << 20};
	bool drop = argc == 3 && strcmp(argv[2], "drop") == 0;

	if ((argc != 2 && !drop) || addr_parse(span_str(argv[1]), 5060, &o.addr) != OK) {
		(void)fputs("usage: floor_echo ADDRESS:PORT [drop]\n", stderr);
		return 2;
	}
	return serve(&o, drop);
}
