/* SPDX-License-Identifier: MIT
 *
 * Guessing of passwords: failed log-ins, counted for each source, each account, each pair of both
 * and each prefix (IPv4 /24, IPv6 /48), in sliding windows. Thresholds are what is allowed: the
 * next failure is a finding.
 *
 * An account comes under attack when it gets more than `account` failures within the window from
 * places where its owner never was, or, for those who are slow, failures from more than `account`
 * such places within GUESSING_SLOW. A pair counts here up to its own threshold, so one phone with a
 * wrong password does not close its account. An account under attack is closed to places where its
 * owner never was; `lock` after the last new place that tried it opens again by itself.
 *
 * An owner's places are the last GUESSING_PLACES sources that logged in and their prefixes. They
 * are an entry of the same table, which outlives what strangers do. Unknown users are counted like
 * known ones, so a closed account looks like any other.
 *
 * A failure is a wrong password or an unknown user. A challenge or a stale nonce is none, nor is a
 * replay: its password was right, and many phones never count up.
 * One table of fixed size. Thread-safe. No clock. */
#ifndef GUARD_GUESSING_H
#define GUARD_GUESSING_H

#include "base/siphash.h"
#include "conf/conf.h"
#include "guard/tally.h"

#define GUESSING_PLACES 6
#define GUESSING_SLOW   TALLY_SPAN_MAX

struct guessing;

/* ERR_NOMEM. */
NODISCARD enum err guessing_new(
    size_t entries, const struct siphash_key *key, struct guessing **out_g);
void guessing_free(struct guessing *g); /* NULL is fine */
size_t guessing_memory(size_t entries);

struct guessing_facts {
	const struct addr *source;
	struct span user, domain; /* canonical */
	bool proven; /* a spoofed failure closes no account: only proven ones count for it */
};

/* Before the password is looked at: may this source try this account now? False: the account is
 * under attack and its owner was never here. Costs nothing while no account is. */
bool guessing_may_try(struct guessing *g, const struct guessing_facts *f, usec_t now);

/* Too much was guessed from here at this account: GUESSING_STOP times what a pair may fail within
 * the window. Where its owner is at home an account stays open while it is under attack, and who is
 * behind the same address changes its port for each guess; so this is asked of every flow that did
 * not log in itself. */
#define GUESSING_STOP 10
bool guessing_is_stopped(
    struct guessing *g, const struct conf_guessing *c, const struct guessing_facts *f, usec_t now);

struct guessing_answer {
	/* GUESSING_SOURCE, _PAIR, _PREFIX: the first of these that passed its threshold now; NONE.
	 */
	enum reason reason;
	double value, threshold;
	usec_t window;
	bool account; /* the account came under attack just now: an event of its own */
	double account_value, account_threshold;
	usec_t account_window;
};

/* A failure, or, with `closed`, an attempt that guessing_may_try refused: it keeps the account
 * closed when it comes from a new place. Each threshold is told once, then again with every further
 * multiple of it. */
void guessing_failed(struct guessing *g, const struct conf_guessing *c,
    const struct guessing_facts *f, bool closed, usec_t now, struct guessing_answer *out);

/* A success: the place is remembered, the pair's failures are forgotten. Cheap when it is the same
 * place as the last time. */
void guessing_succeeded(struct guessing *g, const struct guessing_facts *f, usec_t now);

/* What is known of an account, for a person who asks. */
struct guessing_view {
	uint32_t failures;   /* within the window, from places where its owner never was */
	uint32_t places;     /* where its owner was, at most GUESSING_PLACES */
	usec_t closed_until; /* it is under attack until then, monotonic; 0: it is not */
};
void guessing_look(struct guessing *g, const struct conf_guessing *c, struct span user,
    struct span domain, usec_t now, struct guessing_view *out);

struct guessing_stats {
	size_t attacked; /* accounts under attack now */
	struct tally_stats table;
};
/* Walks the table: some milliseconds. */
void guessing_stats(struct guessing *g, usec_t now, struct guessing_stats *out);
/* The same without the accounts under attack: cheap. */
void guessing_figures(const struct guessing *g, struct guessing_stats *out);

#endif
