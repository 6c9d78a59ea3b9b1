/* SPDX-License-Identifier: MIT
 *
 * Every constructor with each of its allocations failing in turn: ERR_NOMEM, nothing leaks, and the
 * result is untouched. */
#include "rig.h"

#include <stdlib.h>

#include "net/listen.h"
#include "net/mailbox.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_aligned_alloc(size_t a, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_aligned_alloc(size_t a, size_t n);

static int left = -1; /* allocations that succeed; -1 = all */

static bool fails(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t k, size_t n)
{
	return fails() ? NULL : __real_calloc(k, n);
}

void *__wrap_aligned_alloc(size_t a, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(a, n);
}

static void received(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n)
{
	(void)arg;
	(void)u;
	(void)d;
	(void)n;
}

static size_t data(void *arg, struct net_conn *c, struct span in)
{
	(void)arg;
	(void)c;
	return in.n;
}

static void mail(void *arg, const struct mail *m)
{
	(void)arg;
	(void)m;
}

static enum err make_udp(struct rig *r, void **out)
{
	struct net_udp_opts o = {.addr = rig_addr("127.0.0.1")};
	struct net_udp_handler h = {.received = received};

	return net_udp_new(&r->loop, &o, &h, (struct net_udp **)out, NULL);
}

static void free_udp(void *p)
{
	net_udp_free(p);
}

static enum err make_tcp(struct rig *r, void **out)
{
	struct net_tcp_opts o = {.max_inbound = 10};
	struct net_tcp_handler h = {.data = data};

	return net_tcp_new(&r->loop, &o, &h, (struct net_tcp **)out);
}

static void free_tcp(void *p)
{
	net_tcp_free(p);
}

/* A listener with its streams. */
static enum err make_listener(struct rig *r, void **out)
{
	struct net_listener_opts o = {.addr = rig_addr("127.0.0.1"), .transport = TRANSPORT_TCP};
	struct net_listener *l;
	void *t;
	enum err e = make_tcp(r, &t);

	if (e != OK)
		return e;
	e = net_tcp_listen(t, &o, &l, NULL);
	if (e == OK)
		*out = t;
	else
		net_tcp_free(t);
	return e;
}

static enum err make_sources(struct rig *r, void **out)
{
	(void)r;
	return net_sources_new(100, (struct net_sources **)out);
}

static void free_sources(void *p)
{
	net_sources_free(p);
}

static enum err make_mailbox(struct rig *r, void **out)
{
	return mailbox_new(&r->loop, 100, mail, NULL, NULL, (struct mailbox **)out);
}

static void free_mailbox(void *p)
{
	mailbox_free(p);
}

static void test_constructors(void **state)
{
	static const struct {
		enum err (*make)(struct rig *r, void **out);
		void (*free)(void *p);
		int at_least; /* allocations */
	} rows[] = {
	    {make_udp, free_udp, 8},
	    {make_tcp, free_tcp, 5},
	    {make_listener, free_tcp, 6},
	    {make_sources, free_sources, 2},
	    {make_mailbox, free_mailbox, 2},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int n = 0;
		enum err e;

		for (;; n++) {
			void *p = r;

			left = n;
			e = rows[i].make(r, &p);
			left = -1;
			rig_turn(r);
			if (e == OK) {
				rows[i].free(p);
				break;
			}
			assert_int_equal(e, ERR_NOMEM);
			assert_ptr_equal(p, r);
		}
		assert_true(n >= rows[i].at_least);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_constructors, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
