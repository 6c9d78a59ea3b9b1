/* SPDX-License-Identifier: MIT
 *
 * Clients that do anything in any order against a server that does so too, on virtual time; what
 * must hold always is looked at all along. The seed is fixed: a failure repeats. */
#include "office.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/rng.h"
#include "net/tcp_impl.h"

#define CLIENTS 24
#define STEPS   20000

struct crowd {
	struct office o;
	struct rng rng;
	int fds[CLIENTS];
};

static void check(struct office *o)
{
	struct net_tcp *t = o->t;
	const struct net_tcp_counters *c = net_tcp_counters(t);
	uint32_t live = 0, due = 0;
	size_t bytes = 0;
	uint64_t ended = 0;

	for (uint32_t i = 0; i < t->conn_count; i++) {
		struct net_conn *n = &t->conns[i];

		if (n->state == CONN_FREE)
			continue;
		live++;
		due += n->wake.place != 0;
		bytes += n->in.size + n->out.size;
		assert_true((n->in.n == 0) == (n->in.p == NULL));
		if (n->state == CONN_CLOSING)
			continue;
		/* Each wait has its deadline, and the heap knows of it in time. */
		assert_true(n->wake.place != 0);
		for (int k = 0; k < DUE_COUNT; k++)
			assert_true(n->due[k] >= n->wake.at);
		assert_true(!n->in.n || n->due[DUE_MESSAGE] < USEC_MAX || n->state != CONN_OPEN);
		assert_true(
		    !n->out.n || n->state == CONN_CONNECTING || n->due[DUE_WRITE] < USEC_MAX);
		assert_int_equal(n->findable, n->state == CONN_OPEN || n->state == CONN_CONNECTING);
	}
	for (int k = 0; k < NET_CLOSE_COUNT; k++)
		ended += c->closed[k];
	assert_int_equal(live, c->inbound + c->outbound);
	assert_int_equal(due, t->due.n);
	assert_int_equal(bytes, net_tcp_buffered(t));
	assert_true(ended >= o->closed && ended - o->closed <= live);
}

static void client_step(struct crowd *w, int *fd)
{
	static const char text[] = "a\nbb\nccc and more\n\nlonger words without an end ";
	struct linger now = {.l_onoff = 1};
	static char sink[5000];

	if (*fd < 0) {
		*fd = rig_connect(&w->o.addr, NULL, rng_below(&w->rng, 2) ? 4096 : 0);
		return;
	}
	switch (rng_below(&w->rng, 12)) {
	case 0:
		(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		/* fallthrough */
	case 1:
		close(*fd);
		*fd = -1;
		break;
	case 2:
		shutdown(*fd, SHUT_WR);
		break;
	case 3:
	case 4:
		(void)client_read(*fd, sink, sizeof(sink));
		break;
	default:
		(void)send(*fd, text, 1 + rng_below(&w->rng, sizeof(text) - 1),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

static void server_step(struct crowd *w)
{
	static const char block[3000] = "x";
	struct net_tcp *t = w->o.t;
	struct net_conn *c = &t->conns[rng_below(&w->rng, t->conn_count)];

	if (rng_below(&w->rng, 8) == 0)
		(void)(net_tcp_connect(t, &w->o.addr, NULL, 3, &c, NULL) == OK);
	if (c->state == CONN_FREE)
		return;
	switch (rng_below(&w->rng, 8)) {
	case 0:
		net_conn_close(c);
		break;
	case 1:
		net_conn_close_after_write(c);
		break;
	case 2:
		net_conn_set_deadline(c, w->o.r->now + rng_below(&w->rng, 5 * USEC_SEC));
		break;
	case 3:
		net_conn_set_deadline(c, USEC_MAX);
		break;
	default:
		(void)(net_conn_write(c, span_of(block, sizeof(block))) == OK);
	}
}

static void test_soak(void **state)
{
	struct crowd w = {.o = {.echo = false}};
	struct net_tcp_opts opts = {.max_inbound = 16,
	    .max_outbound = 6,
	    .max_per_source = 14,
	    .read_cap = 4000,
	    .write_cap = 10000,
	    .buffer_budget = 60000};
	struct addr home = rig_addr("127.0.0.1");
	struct rig *r = *state;

	assert_int_equal(net_sources_new(10, &opts.sources), OK);
	rng_init_seed(&w.rng, 1);
	for (int i = 0; i < CLIENTS; i++)
		w.fds[i] = -1;
	office_open(&w.o, r, "127.0.0.1", opts);
	for (int i = 0; i < STEPS; i++) {
		client_step(&w, &w.fds[rng_below(&w.rng, CLIENTS)]);
		if (rng_below(&w.rng, 3) == 0)
			server_step(&w);
		r->now += rng_below(&w.rng, 200 * USEC_MS);
		if (rng_below(&w.rng, 2000) == 0)
			r->now += 30 * USEC_SEC;
		if (rng_below(&w.rng, 2))
			rig_turn(r);
		check(&w.o);
	}
	for (int i = 0; i < CLIENTS; i++) {
		if (w.fds[i] >= 0)
			close(w.fds[i]);
	}
	r->now += 20 * USEC_MIN;
	RIG_UNTIL(r, net_tcp_counters(w.o.t)->inbound + net_tcp_counters(w.o.t)->outbound == 0);
	check(&w.o);
	assert_int_equal(net_tcp_buffered(w.o.t), 0);
	assert_int_equal(net_sources_count(opts.sources, &home), 0);
	for (enum net_close k = 0; k < NET_CLOSE_COUNT; k++)
		print_message("%-30s %lu\n", net_close_text(k),
		    (unsigned long)net_tcp_counters(w.o.t)->closed[k]);
	office_close(&w.o);
	net_sources_free(opts.sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_soak, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
