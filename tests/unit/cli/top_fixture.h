/* SPDX-License-Identifier: MIT
 *
 * What the tests of `top` share: answers as the daemon gives them, and models made of them. */
#ifndef TEST_TOP_FIXTURE_H
#define TEST_TOP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/top_model.h"

#define SECOND 1000000 /* of the daemon's clock */

/* A first page at this second of the daemon's clock: n messages so far, a reason given n times. */
static inline json_t *fixture_page(int pid, double second, int n)
{
	json_t *o = json_pack("{s:b, s:s, s:s, s:i, s:i, s:i, s:I, s:I}", "ok", 1, "version",
	    "1.2.3", "node", "edge-1", "pid", pid, "uptime", 3700, "workers", 2, "now",
	    (json_int_t)(second * SECOND), "rate_window", (json_int_t)(2 * SECOND));

	json_object_set_new(o, "counters",
	    json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "received.udp", n, "received.tcp", 0,
		"sent.udp", n / 2, "gate.dropped.denied", n / 4, "gate.dropped.unknown", n / 4,
		"calls.answered", 5));
	json_object_set_new(
	    o, "reasons", json_pack("{s:i, s:i}", "auth.challenge", n, "scan.sweep", 70));
	json_object_set_new(o, "ledger", json_pack("{s:i, s:i}", "now", 4, "max", 65536));
	json_object_set_new(o, "store", json_pack("{s:b}", "ok", 1));
	json_object_set_new(o, "slice",
	    json_pack("{s:i, s:i, s:{s:i, s:i}}", "banned", 1, "held", 2, "tiers", "denied", 3,
		"known", 4));
	json_object_set_new(o, "sources", json_array());
	return o;
}

static inline json_t *fixture_source(
    json_t *page, const char *name, const char *tier, const char *reason, int invites, int dropped)
{
	json_t *s = json_pack("{s:s, s:s, s:s, s:s, s:b, s:f, s:i, s:i, s:i, s:i, s:i, s:{s:i}}",
	    "source", name, "kind", "address", "tier", tier, "reason", reason, "proven", 1, "score",
	    3.5, "dropped", dropped, "failures", 2, "offences", 1, "banned_for", 600, "seen_ago", 1,
	    "rates", "invite", invites);

	assert_non_null(s);
	json_array_append_new(json_object_get(page, "sources"), s);
	return s;
}

static inline void fixture_cursor(json_t *page, const char *cursor)
{
	json_object_set_new(page, "cursor", json_string(cursor));
}

/* The answer goes into the model; true: the picture is whole. */
static inline bool fixture_take(struct top_model *m, json_t *page)
{
	const char *cursor = NULL;

	assert_non_null(page);
	assert_int_equal(top_model_page(m, page, &cursor), OK);
	json_decref(page);
	return cursor == NULL;
}

/* A whole picture. */
static inline void fixture_picture(struct top_model *m, json_t *page)
{
	top_model_begin(m);
	assert_true(fixture_take(m, page));
}

static inline void fixture_model(struct top_model *m)
{
	assert_int_equal(top_model_init(m), OK);
}

#endif
