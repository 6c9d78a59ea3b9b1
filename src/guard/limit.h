/* SPDX-License-Identifier: MIT
 *
 * Named limits: so many requests of a kind in so much time, for each source, prefix, account, peer
 * or destination, or for all together. What is refused is not counted, so a steady sender always
 * gets its rate and waiting helps.
 *
 *   token-bucket    GCRA (ITU-T I.371): one moment a key; `burst` at once, then evenly
 *   sliding-window  `rate` in any stretch of its time, exact (window.h); ignores burst
 *   fixed-window    the same in stretches that begin with the first request
 *   red             random early drop: from half the rate on some are refused, at the rate all
 *   feedback        refuses a share that a controller steers by our own CPU load
 *   network         refuses a share that grows with the fill of the receive queues
 *
 * The limits of one configuration are a plan, made when it is loaded and immutable but for its
 * counters; it takes over what the plan before it counted. What each key used up lives in tables of
 * fixed size that all plans share (limit_table.h). Shared by the workers, except where a function
 * says otherwise. Time is the caller's and monotonic. */
#ifndef GUARD_LIMIT_H
#define GUARD_LIMIT_H

#include "base/rng.h"
#include "base/siphash.h"
#include "conf/conf.h"
#include "event/event.h"

struct limits;
struct limit_plan;

/* keys: entries of each table. No table is made before a plan needs it. ERR_NOMEM. */
NODISCARD enum err limits_new(size_t keys, const struct siphash_key *key, struct limits **out_l);
void limits_free(struct limits *l); /* NULL is fine */

/* Bytes of the tables that these limits need. */
size_t limits_memory(const struct conf_limit *limit, size_t n, size_t keys);

/* Limits and their names are lent for the life of the plan. Those that are in `before` (or NULL),
 * too, by name with the same algorithm, rate, burst and per, keep their counters and keys; any
 * other begins anew. n is at most CONF_LIMITS_MAX. ERR_NOMEM. */
NODISCARD enum err limit_plan_new(const struct conf_limit *limit, size_t n,
    const struct limit_plan *before, struct limit_plan **out_p);
void limit_plan_free(struct limit_plan *p); /* NULL is fine */

/* One of them refuses by the load: limits_measure is wanted. */
bool limit_plan_needs_load(const struct limit_plan *p);

/* Makes the tables that the plan needs and that are not there yet. On the main thread, before a
 * worker uses the plan; workers may go on with the plan before. ERR_NOMEM: nothing changed. */
NODISCARD enum err limits_use(struct limits *l, const struct limit_plan *p);

/* When a limit is asked: those `per: account` when it is known who logged in, so that nobody else
 * can spend an account's allowance; all others before the password is looked at. */
enum limit_turn { LIMIT_TURN_FIRST, LIMIT_TURN_ACCOUNT };

/* A request, as far as limits look at it. Spans may be empty. */
struct limit_facts {
	enum limit_turn turn;
	unsigned worker; /* below CONF_WORKERS_MAX */
	struct span method;
	bool named_only;           /* only limits that name the method are asked */
	size_t zone, peer, domain; /* CONF_NONE: none */
	enum event_tier tier;
	bool claims_account; /* From (To of a REGISTER) is in a domain of ours */
	const struct addr *source;
	struct span peer_name;
	struct span account_user, account_domain; /* canonical; of the second turn */
	struct span destination; /* user part of the Request-URI, or its host without one */
};

/* What the machine does, for FEEDBACK and NETWORK: measured by each worker about ten times a
 * second. */
struct limit_load {
	double cpu;   /* of one core, this worker's thread, 0..1 */
	double queue; /* fill of its fullest receive queue, 0..1 */
};

/* Turns the controllers of this worker; on its thread. */
void limits_measure(
    struct limit_plan *p, unsigned worker, const struct limit_load *load, usec_t now);

struct limit_answer {
	const struct conf_limit *limit; /* the one that refused; NULL: none did */
	double value, threshold;        /* evidence; value: requests with this one, load or fill */
	usec_t window;                  /* over which; 0: none */
	usec_t retry_after;             /* until it would pass, or as configured; > 0 */
};

/* Asks every limit of this turn that matches, in their order, until one refuses. A limit in mode
 * observe that would refuse is told to `would` and passed. What an earlier limit counted for a
 * request that a later one refused is given back where the algorithm can (token-bucket, windows).
 * A limit `per` something that the request does not have (a peer, an account) is not asked. */
typedef void limit_would_fn(void *arg, const struct limit_answer *a);
void limits_ask(struct limits *l, struct limit_plan *p, const struct limit_facts *f,
    struct rng *rng, usec_t now, limit_would_fn *would, void *arg, struct limit_answer *out);

struct limit_stats {
	uint64_t passed, refused, would;
	double share; /* FEEDBACK, NETWORK: refused now, of the busiest worker, 0..1 */
};

/* Of limit number i of the plan. Any thread. */
void limit_plan_stats(const struct limit_plan *p, size_t i, struct limit_stats *out);

struct limits_table_stats {
	size_t keys, capacity; /* of both tables together; keys that hold back something now */
	uint64_t evicted;      /* keys that were given up for others before their time */
	uint64_t shared;       /* requests of keys that found no place, counted together */
};
void limits_table_stats(struct limits *l, usec_t now, struct limits_table_stats *out);

#endif
