/* SPDX-License-Identifier: MIT
 *
 * What the tests of standing and gate share: the shipped configuration, a ledger, addresses. */
#ifndef TEST_JUDGE_H
#define TEST_JUDGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "guard/gate.h"

#define T0 (1000 * USEC_SEC)

static const struct siphash_key judge_key = {0x0123456789abcdef, 0xfedcba9876543210};

/* As shipped. */
static const struct conf_standing judge_standing = {
    .mode = CONF_MODE_ENFORCE,
    .half_life = 10 * USEC_MIN,
    .suspect = 5,
    .deny = 10,
    .ban = 10 * USEC_MIN,
    .ban_max = 24 * 60 * USEC_MIN,
    .devices = 3,
    .known = 24 * 60 * USEC_MIN,
    .challenged = 5 * USEC_SEC,
    .sources = 65536,
};

static const struct conf_flood judge_flood = {
    .mode = CONF_MODE_ENFORCE,
    .requests = 60,
    .suspect_requests = 20,
    .known_requests = 1200,
    .flow_requests = 600,
    .prefix_requests = 600,
    .wide_requests = 6000,
    .window = 2 * USEC_SEC,
    .release = 30 * USEC_SEC,
};

struct judge {
	struct conf_standing standing_conf;
	struct conf_flood flood_conf;
	struct standing_policy policy;
	struct standing *standing;
	struct sketch *sketch;
	struct gate gate;
	/* Of the last call. */
	struct standing_changes changes;
	struct gate_answer answer;
};

static inline void judge_init(struct judge *j, size_t entries)
{
	memset(j, 0, sizeof(*j));
	j->standing_conf = judge_standing;
	j->flood_conf = judge_flood;
	standing_policy_init(&j->policy, &j->standing_conf, &j->flood_conf, NULL, 0);
	assert_int_equal(standing_new(entries, &judge_key, &j->standing), OK);
	assert_int_equal(sketch_new(&judge_key, j->flood_conf.window, &j->sketch), OK);
	j->gate = (struct gate){j->standing, j->sketch};
}

static inline void judge_done(struct judge *j)
{
	standing_free(j->standing);
	sketch_free(j->sketch);
}

/* "192.0.2.7:5060", "[2001:db8::1]:5060" */
static inline struct addr judge_addr(const char *text)
{
	struct addr a;

	if (addr_parse(span_str(text), 0, &a) != OK)
		fail_msg("%s is no address", text);
	return a;
}

static inline struct prefix judge_prefix(const char *text)
{
	struct prefix p;

	if (prefix_parse(span_str(text), &p) != OK)
		fail_msg("%s is no prefix", text);
	return p;
}

static inline struct standing_who judge_who(const char *source, bool proven)
{
	return (struct standing_who){.source = judge_addr(source), .proven = proven};
}

/* A finding; its changes are in j->changes. */
static inline void judge_found(
    struct judge *j, const struct standing_who *who, enum reason r, usec_t now)
{
	standing_found(j->standing, &j->policy, who, r, true, now, &j->changes);
}

static inline bool judge_told(const struct judge *j, enum reason r)
{
	for (size_t i = 0; i < j->changes.n; i++)
		if (j->changes.item[i].reason == r)
			return true;
	return false;
}

static inline struct standing_view judge_look(struct judge *j, const char *source, usec_t now)
{
	struct addr a = judge_addr(source);
	struct standing_view v;

	(void)standing_look(j->standing, &j->policy, &a, a.port != 0, now, &v);
	return v;
}

static inline enum event_tier judge_tier(struct judge *j, const char *source, usec_t now)
{
	return judge_look(j, source, now).tier;
}

static inline void judge_log_in(struct judge *j, const char *source, usec_t now)
{
	struct standing_who who = judge_who(source, true);

	(void)standing_logged_in(j->standing, &j->policy, &who, now);
}

/* ---- the gate ---- */

static inline bool judge_yes(void *arg)
{
	if (arg)
		++*(unsigned *)arg;
	return true;
}

static inline bool judge_no(void *arg)
{
	if (arg)
		++*(unsigned *)arg;
	return false;
}

/* A request of 400 bytes over UDP, with or without a nonce of ours. */
static inline bool judge_ask(
    struct judge *j, const struct addr *source, enum ledger_method method, bool nonce, usec_t now)
{
	const struct gate_facts f = {.source = source,
	    .method = method,
	    .bytes = 400,
	    .carries_nonce = nonce ? judge_yes : judge_no};

	gate_decide(&j->gate, &j->policy, &f, now, &j->answer);
	return j->answer.pass;
}

static inline bool judge_sends(
    struct judge *j, const char *source, enum ledger_method method, usec_t now)
{
	struct addr a = judge_addr(source);

	return judge_ask(j, &a, method, false, now);
}

/* How many of n at one instant pass. */
static inline unsigned judge_burst(
    struct judge *j, const char *source, enum ledger_method method, unsigned n, usec_t now)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += judge_sends(j, source, method, now);
	return passed;
}

#endif
