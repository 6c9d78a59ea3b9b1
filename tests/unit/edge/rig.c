/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <arpa/inet.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/mail.h"
#include "edge/transport.h"
#include "guard/nonce.h"

const struct gate_answer rig_gate = {.pass = true, .tier = EVENT_TIER_TRUSTED};

static usec_t monotonic(void *arg)
{
	return ((struct rig *)arg)->now;
}

static usec_t wall(void *arg)
{
	struct rig *r = arg;

	return r->epoch + r->now;
}

/* A socket of a phone; port 0: any. Returns the port. */
static uint16_t open_socket(int *out_fd, unsigned last)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t n = sizeof(sa);

	sa.sin_addr.s_addr = htonl(0x7f000000u + last);
	*out_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(*out_fd >= 0);
	assert_int_equal(bind(*out_fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(*out_fd, (struct sockaddr *)&sa, &n), 0);
	return ntohs(sa.sin_port);
}

static struct conf *load(struct rig *r, const char *more)
{
	static char text[8192];
	struct conf_errors errs;
	struct conf *c = NULL;
	struct buf b = BUF(text);

	buf_addf(&b,
	    "zones:\n  public:\n    trust: none\n    listen: [\"udp:127.0.0.1:%u\", "
	    "\"udp:[::1]:%u\"]\n"
	    "domains:\n  example.com: {registrar: local}\n"
	    "workers: 1\naccounts: {cache: 64}\n"
	    "registrar: {max_bindings: 1024}\n"
	    "admin: {listen: \"unix:/tmp/never.sock\"}\n",
	    r->port, r->port);
	if (!strstr(more, "standing:"))
		buf_add_lit(&b, "standing: {allow: [127.0.0.0/8]}\n");
	buf_addf(&b, "controls:\n  auth: {mode: \"off\"}\n  check: {mode: %s}\n", r->check_mode);
	buf_add(&b, more, strlen(more));
	conf_errors_init(&errs);
	if (conf_load_text(buf_span(&b), "test.yaml", &c, &errs) != OK)
		for (size_t i = 0; i < errs.count; i++)
			fprintf(
			    stderr, "%u: %.*s\n", errs.list[i].line, SPAN_FMT(errs.list[i].text));
	conf_errors_done(&errs);
	assert_non_null(c);
	return c;
}

/* There is no database: what needs one is answered 503. */
static enum err no_store(void *arg, enum store_role role, struct buf *why, struct store **out_s)
{
	(void)arg, (void)role, (void)out_s;
	buf_add_lit(why, "none here");
	return ERR_IO;
}

static void make_accounts(struct edge *e, const struct siphash_key *key)
{
	struct store_worker_config store = {.queue = 64, .clock = edge_now, .open = no_store};
	struct accounts_config accounts = {
	    .entries = 64, .lifetime = USEC_SEC, .negative_lifetime = USEC_SEC, .key = *key};

	assert_int_equal(store_worker_new(&store, &e->store), OK);
	assert_int_equal(store_worker_start(e->store), OK);
	accounts.worker = e->store;
	assert_int_equal(accounts_new(&accounts, &e->accounts), OK);
}

static void make_edge(struct rig *r)
{
	struct edge *e = &r->edge;
	struct siphash_key key;

	assert_int_equal(rng_system(&key, sizeof(key)), OK);
	e->snap = snapshot_new(r->conf, NULL);
	assert_non_null(e->snap);
	e->replay = replay_new(1024, 1, &key);
	assert_int_equal(bindings_new(r->conf->registrar.max_bindings, &key, &e->bindings), OK);
	assert_int_equal(net_sources_new(64, &e->sources), OK);
	assert_int_equal(standing_new(1024, &key, &e->standing), OK);
	assert_int_equal(sketch_new(&key, r->conf->flood.window, &e->sketch), OK);
	assert_int_equal(scan_new(64, &key, &e->scan), OK);
	assert_int_equal(guessing_new(1024, &key, &e->guessing), OK);
	assert_int_equal(nonce_keys_init(&e->nonce_keys, USEC_SEC), OK);
	assert_int_equal(rng_system(&e->keys, sizeof(e->keys)), OK);
	make_accounts(e, &key);
	e->counters = aligned_alloc(CACHE_LINE, sizeof(*e->counters));
	e->rings = aligned_alloc(CACHE_LINE, sizeof(*e->rings));
	assert_true(e->counters && e->rings);
	memset(e->counters, 0, sizeof(*e->counters));
	memset(e->rings, 0, sizeof(*e->rings));
	assert_int_equal(event_ring_init(e->rings, EVENT_RING_SLOTS, NULL, NULL), OK);
}

void rig_init(struct rig *r, const char *more)
{
	rig_init_check(r, more, "enforce");
}

void rig_init_check(struct rig *r, const char *more, const char *check_mode)
{
	struct net_fail fail;
	int probe;

	memset(r, 0, sizeof(*r));
	r->check_mode = check_mode;
	r->port = open_socket(&probe, 1);
	close(probe);
	for (unsigned i = 0; i < RIG_PHONES; i++) {
		struct sockaddr_in sa = {.sin_family = AF_INET};

		sa.sin_port = htons(open_socket(&r->fd[i], 10 + i));
		sa.sin_addr.s_addr = htonl(0x7f000000u + 10 + i);
		assert_int_equal(addr_from_sockaddr((struct sockaddr *)&sa, &r->phone[i]), OK);
	}
	r->conf = load(r, more);
	make_edge(r);
	r->w =
	    aligned_alloc(CACHE_LINE, (sizeof(*r->w) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
	assert_non_null(r->w);
	r->edge.workers = &r->w;
	assert_int_equal(worker_init(r->w, &r->edge, 0, snapshot_get(r->edge.snap), &fail), OK);
	r->edge.n_workers = 1;
	r->now = r->w->loop.now;
	r->epoch = 1700000000 * USEC_SEC;
	r->w->loop.clock = (struct net_clock){monotonic, wall, r};
	r->w->loop.wall_at = 0;
	rig_run(r, USEC_SEC);
	r->baseline = slab_used(&r->w->slab);
}

void rig_done(struct rig *r)
{
	store_worker_free(r->edge.store);
	worker_done(r->w);
	accounts_free(r->edge.accounts);
	free(r->w);
	bindings_free(r->edge.bindings);
	replay_free(r->edge.replay);
	standing_free(r->edge.standing);
	sketch_free(r->edge.sketch);
	scan_free(r->edge.scan);
	guessing_free(r->edge.guessing);
	net_sources_free(r->edge.sources);
	event_ring_done(r->edge.rings);
	free(r->edge.rings);
	free(r->edge.counters);
	snapshot_put(r->edge.snap);
	for (unsigned i = 0; i < RIG_PHONES; i++)
		close(r->fd[i]);
}

void rig_reload(struct rig *r, const char *more)
{
	struct conf *c = load(r, more);
	struct snapshot *s = snapshot_new(c, r->edge.snap);

	assert_non_null(s);
	worker_use_snapshot(r->w, snapshot_get(s));
	snapshot_put(r->edge.snap);
	r->edge.snap = s;
	r->conf = c;
}

static void add_expanded(struct rig *r, struct buf *b, unsigned phone, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (!strncmp(p, "{via}", 5)) {
			addr_add(b, &r->phone[phone]);
			p += 4;
		} else if (!strncmp(p, "{edge}", 6)) {
			buf_addf(b, "127.0.0.1:%u", r->port);
			p += 5;
		} else {
			if (*p == '\n')
				buf_add_char(b, '\r');
			buf_add_char(b, *p);
		}
	}
}

static void step(struct rig *r)
{
	net_loop_run_once(&r->w->loop, false);
}

void rig_send(struct rig *r, unsigned phone, const char *fmt, ...)
{
	static char raw[RIG_TEXT], text[RIG_TEXT];
	struct buf b = BUF(text);
	struct flow flow = {.transport = TRANSPORT_UDP, .remote = r->phone[phone]};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	add_expanded(r, &b, phone, raw);
	assert_false(b.overflow);
	flow.local = r->w->snap->slots[0].addr;
	worker_receive(r->w, &flow, buf_span(&b), &rig_gate);
	step(r);
}

void rig_wire(struct rig *r, unsigned phone, size_t n, const char *fmt, ...)
{
	static char raw[RIG_TEXT], text[RIG_TEXT];
	struct net_dgram batch[NET_UDP_BATCH];
	struct buf b = BUF(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	add_expanded(r, &b, phone, raw);
	assert_false(b.overflow);
	assert_true(n <= NET_UDP_BATCH);
	for (size_t i = 0; i < n; i++)
		batch[i] = (struct net_dgram){.data = buf_span(&b),
		    .from = r->phone[phone],
		    .local = r->w->snap->slots[0].addr};
	transport_received(r->w, r->w->udp[0], batch, n);
	while (transport_drained(r->w, r->w->udp[0]))
		;
	step(r);
}

const char *rig_recv(struct rig *r, unsigned phone)
{
	ssize_t n = recv(r->fd[phone], r->text, sizeof(r->text) - 1, MSG_DONTWAIT);

	if (n < 0)
		return NULL;
	r->text[n] = 0;
	return r->text;
}

unsigned rig_drain(struct rig *r, unsigned phone)
{
	unsigned n = 0;

	while (rig_recv(r, phone))
		n++;
	return n;
}

void rig_run(struct rig *r, usec_t time)
{
	while (time) {
		usec_t some = MIN(time, 10 * USEC_MS);

		r->now += some;
		time -= some;
		step(r);
	}
}

struct bind {
	struct rig *r;
	unsigned mask;
	char contacts[RIG_PHONES][64];
};

static bool edit(void *arg, struct binding_set *s)
{
	struct bind *b = arg;
	struct rig *r = b->r;

	s->n = 0;
	for (unsigned i = 0; i < RIG_PHONES; i++) {
		struct buf c = BUF(b->contacts[i]);

		if (!(b->mask & 1u << i))
			continue;
		buf_add_lit(&c, "sip:phone@");
		addr_add(&c, &r->phone[i]);
		s->items[s->n++] = (struct binding){.contact = buf_span(&c),
		    .call_id = SPAN("reg"),
		    .flow = {.transport = TRANSPORT_UDP,
			.remote = r->phone[i],
			.local = r->w->snap->slots[0].addr},
		    .expires_at = r->epoch + r->now + 86400 * USEC_SEC,
		    .cseq = 1,
		    .q = 1000};
	}
	return true;
}

void rig_bind(struct rig *r, const char *user, unsigned mask)
{
	struct bind b = {.r = r, .mask = mask};
	char aor[64];

	snprintf(aor, sizeof(aor), "%s@example.com", user);
	assert_int_equal(bindings_update(r->edge.bindings, span_str(aor), r->epoch + r->now,
			     &r->w->bindings, edit, &b),
	    OK);
}

void rig_assert_empty(struct rig *r)
{
	struct txns *t = &r->w->txns;

	bool waits = r->w->n_waiting;

	/* What the storage thread was asked comes back in real time. */
	while (r->w->n_waiting) {
		sched_yield();
		rig_run(r, USEC_MS);
	}
	rig_run(r, waits ? 300 * USEC_SEC : 0);

	assert_int_equal(t->servers.count, 0);
	for (uint32_t i = 0; i < t->clients_used; i++)
		assert_null(t->clients[i].txn);
	assert_int_equal(slab_used(&r->w->slab), r->baseline);
	/* The tick of each second, and the keep-alives that are configured. */
	assert_true(r->w->wheel.armed <= 2);
	assert_int_equal(rig_counter(r, COUNTER_TXN_CREATED), rig_counter(r, COUNTER_TXN_ENDED));
}

uint64_t rig_counter(const struct rig *r, enum counter c)
{
	return r->edge.counters->v[c];
}

const char *rig_header(const char *msg, const char *name)
{
	static char value[1024];
	size_t n = strlen(name);
	const char *p = msg;

	value[0] = 0;
	while ((p = strstr(p, "\r\n")) != NULL) {
		p += 2;
		if (strncasecmp(p, name, n) != 0 || p[n] != ':')
			continue;
		p += n + 1;
		while (*p == ' ')
			p++;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, "\r"), p);
		break;
	}
	return value;
}

void rig_answer(struct rig *r, unsigned phone, const char *request, unsigned status,
    const char *tag, const char *more)
{
	static const char *const copied[] = {
	    "Via", "Record-Route", "From", "To", "Call-ID", "CSeq"};
	static char text[RIG_TEXT];
	struct buf b = BUF(text);

	buf_addf(&b, "SIP/2.0 %u Whatever\n", status);
	for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
		size_t n = strlen(copied[i]);

		for (const char *p = strstr(request, "\r\n"); p; p = strstr(p, "\r\n")) {
			p += 2;
			if (strncmp(p, copied[i], n) != 0 || p[n] != ':')
				continue;
			size_t line = strcspn(p, "\r");

			buf_add(&b, p, line);
			if (!strcmp(copied[i], "To") && status > 100 &&
			    !memmem(p, line, ";tag=", 5)) {
				buf_add_lit(&b, ";tag=");
				buf_add(&b, tag, strlen(tag));
			}
			buf_add_char(&b, '\n');
		}
	}
	buf_add(&b, more, strlen(more));
	buf_add_lit(&b, "Content-Length: 0\n\n");
	assert_true(buf_terminate(&b));
	rig_send(r, phone, "%s", text);
}
