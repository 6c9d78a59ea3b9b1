/* SPDX-License-Identifier: MIT
 *
 * The loop: start what is due, read every port, send what was written, look at the timers. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "load.h"

#define RESEND_FIRST_NS (500 * NS_MS) /* T1 */
#define RESEND_MAX_NS   (4 * NS_SEC)  /* T2 */
#define SWEEP_NS        (20 * NS_MS)
#define DRAIN_NS        (2 * NS_SEC)
#define STARTS_A_TURN   64
#define REST_NS         (long)(NS_MS / 2)

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_SEC + (uint64_t)t.tv_nsec;
}

uint64_t load_clock_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static enum err open_ports(struct port *ports, unsigned n, const struct settings *set,
    unsigned offset, unsigned *out_opened)
{
	for (unsigned i = 0; i < n; i++) {
		struct sockaddr_in self = set->local;
		/* Ports take turns on the client addresses. */
		self.sin_addr.s_addr =
		    htonl(ntohl(self.sin_addr.s_addr) + (offset + i) % set->sources);
		if (self.sin_port)
			self.sin_port = htons((uint16_t)(ntohs(self.sin_port) + offset + i));
		enum err e = port_open(&ports[i], &self, &set->target);
		if (e)
			return e;
		*out_opened = i + 1;
	}
	return OK;
}

enum err load_init(struct load *l, const struct settings *set, bool keep_nonces)
{
	*l = (struct load){.set = *set, .ops = set->window};
	l->op = calloc(l->ops, sizeof *l->op);
	l->wake_ns = calloc(l->ops, sizeof *l->wake_ns);
	l->idle = calloc(l->ops, sizeof *l->idle);
	if (!l->op || !l->wake_ns || !l->idle)
		return ERR_NOMEM;
	for (unsigned i = 0; i < l->ops; i++) {
		l->op[i].slot = i;
		l->idle[l->idle_n++] = l->ops - 1 - i;
	}
	if (getrandom(&l->run, sizeof l->run, 0) != sizeof l->run)
		return ERR_IO;
	(void)snprintf(l->host, sizeof l->host, "-%08x@sipload", l->run);
	enum err e = digest_init(&l->digest, set->hash);
	if (!e)
		e = users_init(
		    &l->users, set->users, set->user_prefix, set->password_prefix, keep_nonces);
	if (!e)
		e = open_ports(l->port, set->ports, set, 0, &l->ports);
	if (!e)
		e = open_ports(l->ear, set->ears, set, set->ports, &l->ears);
	return e;
}

void load_done(struct load *l)
{
	for (unsigned i = 0; i < l->ports; i++)
		port_close(&l->port[i]);
	for (unsigned i = 0; i < l->ears; i++)
		port_close(&l->ear[i]);
	users_done(&l->users);
	digest_done(&l->digest);
	free(l->op);
	free(l->wake_ns);
	free(l->idle);
}

static void op_start(struct load *l, uint32_t slot, uint64_t due_ns)
{
	struct op *op = &l->op[slot];
	op->generation++;
	op->due_ns = due_ns;
	op->give_up_ns = l->now_ns + l->set.timeout_ns;
	op->user = NO_USER;
	op->step = op->txn = op->challenged = op->heard = 0;
	op->sent_n = op->ear_sent_n = 0;
	op->ear_resend_ns = 0;
	op->port = l->use_ears ? &l->ear[slot % l->ears] : &l->port[slot % l->ports];
	l->wake_ns[slot] = op->give_up_ns;
	l->active++;
	l->started++;
	l->stats.started++;
	l->scene->start(l, op);
}

static bool may_start(const struct load *l)
{
	return l->starting && (!l->set.count || l->started < l->set.count);
}

static void op_end(struct load *l, struct op *op)
{
	uint32_t slot = op->slot;
	if (op->user != NO_USER)
		l->users.user[op->user].busy = false;
	l->wake_ns[slot] = 0;
	l->active--;
	op->generation++;
	l->idle[l->idle_n++] = slot;
}

void load_op_done(struct load *l, struct op *op)
{
	if (l->measuring) {
		l->stats.ops++;
		hist_add(&l->stats.latency, l->now_ns - MIN(op->due_ns, l->now_ns));
	}
	op_end(l, op);
}

void load_op_refused(struct load *l, struct op *op, unsigned status)
{
	l->stats.refused[status < STATUS_MAX ? status : 0]++;
	op_end(l, op);
}

void load_op_wrong(struct load *l, struct op *op, enum wrong what)
{
	l->stats.wrong[what]++;
	op_end(l, op);
}

void load_send(struct load *l, struct op *op, const struct buf *b)
{
	op->sent_n = 0;
	if (!b->overflow && b->n <= sizeof op->sent) {
		memcpy(op->sent, b->p, b->n);
		op->sent_n = (uint16_t)b->n;
	}
	op->resend_gap_ns = RESEND_FIRST_NS;
	l->wake_ns[op->slot] = MIN(l->now_ns + RESEND_FIRST_NS, op->give_up_ns);
	port_put(op->port, b, &l->set.target);
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct op *load_find(struct load *l, struct span s, bool *out_late)
{
	uint64_t id = 0;
	*out_late = false;
	if (s.n < OP_ID_LEN)
		return NULL;
	for (unsigned i = 0; i < OP_ID_LEN; i++) {
		int d = hex_digit(s.p[i]);
		if (d < 0)
			return NULL;
		id = id << 4 | (uint64_t)d;
	}
	uint32_t slot = (uint32_t)(id >> 32);
	if (slot >= l->ops)
		return NULL;
	*out_late = !l->wake_ns[slot] || l->op[slot].generation != (uint32_t)id;
	return *out_late ? NULL : &l->op[slot];
}

/* The branch is "z9hG4bK-", the operation's id, and two digits for the transaction. */
static void take_answer(struct load *l, const struct wire *w)
{
	const size_t at = sizeof "z9hG4bK-" - 1;
	bool late = false;
	int hi, lo;
	struct op *op = NULL;
	if (w->branch.n == at + OP_ID_LEN + 2)
		op = load_find(l, span_of(w->branch.p + at, OP_ID_LEN), &late);
	if (!op) {
		*(late ? &l->stats.late : &l->stats.stray) += 1;
		return;
	}
	hi = hex_digit(w->branch.p[at + OP_ID_LEN]);
	lo = hex_digit(w->branch.p[at + OP_ID_LEN + 1]);
	if (hi < 0 || lo < 0 || hi * 16 + lo != op->txn)
		l->stats.late++;
	else if (!span_eq(w->call_id, span_of(op->call_id, op->call_id_n)))
		load_op_wrong(l, op, WRONG_CALL_ID);
	else if (w->cseq != op->cseq || !span_eq(w->method, op->method))
		load_op_wrong(l, op, WRONG_CSEQ);
	else if (load_find(l, wire_param(w->from, SPAN(";tag=")), &late) != op)
		load_op_wrong(l, op, WRONG_FROM_TAG);
	else
		l->scene->answer(l, op, w);
}

static void serve(struct load *l, struct port *p)
{
	struct wire w;
	unsigned n = port_read(p);
	if (n)
		l->now_ns = load_clock_ns();
	for (unsigned i = 0; i < n; i++) {
		if (!wire_read(port_datagram(p, i), &w))
			l->stats.unreadable++;
		else if (w.status)
			take_answer(l, &w);
		else if (l->scene->request)
			l->scene->request(l, p, &w, &p->in->addr[i]);
		else
			l->stats.unexpected++;
	}
}

static void timer_fired(struct load *l, struct op *op)
{
	uint64_t now = l->now_ns;
	if (now >= op->give_up_ns) {
		l->stats.timeouts++;
		op_end(l, op);
		return;
	}
	if (op->sent_n) {
		port_put_copy(op->port, span_of(op->sent, op->sent_n), &l->set.target);
		l->stats.retransmits++;
	}
	if (op->ear_sent_n && op->ear_resend_ns <= now) {
		port_put_copy(op->ear, span_of(op->ear_sent, op->ear_sent_n), &op->ear_to);
		l->stats.retransmits++;
	}
	op->resend_gap_ns = MIN(2 * op->resend_gap_ns, RESEND_MAX_NS);
	l->wake_ns[op->slot] = MIN(now + op->resend_gap_ns, op->give_up_ns);
}

static void sweep(struct load *l)
{
	for (unsigned i = 0; i < l->ops; i++) {
		if (l->wake_ns[i] && l->wake_ns[i] <= l->now_ns)
			timer_fired(l, &l->op[i]);
	}
}

static void flush(struct load *l)
{
	for (unsigned i = 0; i < l->ports; i++) {
		if (l->port[i].queued)
			port_flush(&l->port[i]);
	}
	for (unsigned i = 0; i < l->ears; i++) {
		if (l->ear[i].queued)
			port_flush(&l->ear[i]);
	}
}

/* At a fixed rate the k-th operation is due at begin + k / rate, whether or not a slot is free
 * then: what waits for one has waited since it was due. */
static void start_due(struct load *l, uint64_t begin_ns)
{
	for (unsigned n = 0; n < STARTS_A_TURN && l->idle_n && may_start(l); n++) {
		uint64_t due = l->now_ns;
		if (l->set.rate > 0) {
			due = begin_ns + (uint64_t)((double)l->started * 1e9 / l->set.rate);
			if (due > l->now_ns)
				break;
		}
		op_start(l, l->idle[--l->idle_n], due);
	}
}

struct span_of_time {
	uint64_t begin_ns, cpu_ns, spin_ns, own_ns;
};

static void measure_begin(struct load *l, struct span_of_time *t)
{
	stats_reset(&l->stats);
	t->cpu_ns = proc_cpu_ns(&l->set.watch);
	t->spin_ns = proc_cpu_ns(&l->set.spin);
	t->own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	t->begin_ns = l->now_ns = load_clock_ns();
	l->measuring = true;
}

static void measure_end(struct load *l, const struct span_of_time *t)
{
	l->stats.elapsed_ns = load_clock_ns() - t->begin_ns;
	l->stats.watch_cpu_ns = proc_cpu_ns(&l->set.watch) - t->cpu_ns;
	l->stats.spin_cpu_ns = proc_cpu_ns(&l->set.spin) - t->spin_ns;
	l->stats.own_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - t->own_ns;
	l->measuring = l->starting = false;
}

/* Until something comes in, or the next operation may be due. */
static void rest(const struct load *l)
{
	struct pollfd fds[2 * LOAD_PORTS_MAX];
	nfds_t n = 0;
	for (unsigned i = 0; i < l->ports; i++)
		fds[n++] = (struct pollfd){.fd = l->port[i].fd, .events = POLLIN};
	for (unsigned i = 0; i < l->ears; i++)
		fds[n++] = (struct pollfd){.fd = l->ear[i].fd, .events = POLLIN};
	(void)ppoll(fds, n, &(struct timespec){.tv_nsec = REST_NS}, NULL);
}

static void turn(struct load *l, uint64_t begin_ns, uint64_t *next_sweep_ns)
{
	if (l->set.sleeps)
		rest(l);
	l->now_ns = load_clock_ns();
	start_due(l, begin_ns);
	for (unsigned i = 0; i < l->ports; i++)
		serve(l, &l->port[i]);
	for (unsigned i = 0; i < l->ears; i++)
		serve(l, &l->ear[i]);
	if (l->now_ns >= *next_sweep_ns) {
		sweep(l);
		*next_sweep_ns = l->now_ns + SWEEP_NS;
	}
	flush(l);
}

void load_run(struct load *l, const struct scene *scene)
{
	struct span_of_time t = {0};
	uint64_t begin = load_clock_ns(), next_sweep = begin + SWEEP_NS, end;
	l->scene = scene;
	l->started = 0;
	l->starting = true;
	l->stats = (struct stats){0};
	while (load_clock_ns() < begin + l->set.warmup_ns)
		turn(l, begin, &next_sweep);
	measure_begin(l, &t);
	end = t.begin_ns + l->set.duration_ns;
	while (l->now_ns < end && (may_start(l) || l->active))
		turn(l, begin, &next_sweep);
	measure_end(l, &t);
	end = load_clock_ns() + DRAIN_NS;
	while (l->active && l->now_ns < end)
		turn(l, begin, &next_sweep);
	l->stats.timeouts += l->active;
	for (unsigned i = 0; i < l->ops; i++) {
		if (l->wake_ns[i])
			op_end(l, &l->op[i]);
	}
}
