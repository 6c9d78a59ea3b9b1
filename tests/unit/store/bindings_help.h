/* SPDX-License-Identifier: MIT
 *
 * Short ways to fill and read a table of bindings, for tests. */
#ifndef TEST_BINDINGS_HELP_H
#define TEST_BINDINGS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/bindings.h"

#define T0 (1700000000 * USEC_SEC)

static const struct siphash_key test_key UNUSED = {1, 2};

/* The set becomes what b says: one binding, or none when b is NULL. */
static inline bool help_set(void *arg, struct binding_set *s)
{
	const struct binding *b = arg;

	s->n = b != NULL;
	if (b)
		s->items[0] = *b;
	return true;
}

static inline bool help_append(void *arg, struct binding_set *s)
{
	const struct binding *b = arg;

	assert_true(s->n < s->cap);
	s->items[s->n++] = *b;
	return true;
}

static inline bool help_keep(void *arg, struct binding_set *s)
{
	(void)arg;
	(void)s;
	return false;
}

static inline struct binding help_binding(const char *contact, uint32_t cseq, usec_t expires_at)
{
	struct binding b = {
	    .contact = span_str(contact),
	    .call_id = SPAN("call-1"),
	    .user_agent = SPAN("test/1"),
	    .flow = {.transport = TRANSPORT_UDP,
		.remote = {.port = 40000},
		.local = {.port = 5060}},
	    .expires_at = expires_at,
	    .registered_at = T0,
	    .updated_at = T0,
	    .cseq = cseq,
	    .q = BINDING_Q_MAX,
	};

	return b;
}

static inline struct bindings *help_table(size_t n)
{
	struct bindings *t;

	assert_int_equal(bindings_new(n, &test_key, &t), OK);
	return t;
}

/* The AoR has one binding with this cseq, or none when cseq is 0. */
static inline uint32_t help_cseq(
    struct bindings *t, const char *aor, usec_t wall, struct binding_set *s)
{
	bindings_lookup(t, span_str(aor), wall, s);
	return s->n ? s->items[0].cseq : 0;
}

#endif
