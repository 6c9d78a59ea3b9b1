/* SPDX-License-Identifier: MIT
 *
 * Plans, and the asking of them. */
#include "guard/limit.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "guard/limit_algorithm.h"
#include "guard/limit_table.h"

/* What one key of a counting algorithm keeps; windows have a table of their own. */
union used {
	struct limit_bucket bucket;
	struct limit_stretch stretch;
	struct freq red;
};

/* A limit across reloads: counted, since the plan before and its successor share it. */
struct state {
	atomic_uint refs;
	uint64_t id; /* of all that makes its keys comparable */
	_Atomic uint64_t passed, refused, would;
	struct limit_controller *controllers; /* one a worker; NULL where it needs none */
	struct spin lock;                     /* of common */
	struct limit_entry *common;           /* of all keys that found no place */
};

struct limit_plan {
	const struct conf_limit *limit;
	size_t n;
	struct state *state[CONF_LIMITS_MAX];
};

struct limits {
	struct siphash_key key;
	size_t keys;
	/* Set once, when the first plan needs them. */
	_Atomic(struct limit_table *) counts, windows;
	_Atomic uint64_t shared; /* of plans that are gone */
};

/* A limit that let the request through, should it have to be given back. */
struct taken {
	uint64_t tag; /* 0: there is no key */
	uint8_t limit;
};

static bool by_load(const struct conf_limit *l)
{
	return l->algorithm == CONF_LIMIT_FEEDBACK || l->algorithm == CONF_LIMIT_NETWORK;
}

static bool by_window(const struct conf_limit *l)
{
	return l->algorithm == CONF_LIMIT_SLIDING_WINDOW;
}

static size_t used_size(const struct conf_limit *l)
{
	return by_window(l) ? sizeof(struct window) : sizeof(union used);
}

/* Plans and tables ------------------------------------------------------------------------- */

/* What the operator wrote is no secret: a fixed key will do. */
static uint64_t id_of(const struct conf_limit *l)
{
	static const struct siphash_key key = {.k0 = 1, .k1 = 2};
	const uint64_t v[] = {siphash13(&key, l->name.p, l->name.n), l->algorithm, l->per,
	    by_load(l) ? 0 : l->events, by_load(l) ? 0 : l->window,
	    l->algorithm == CONF_LIMIT_TOKEN_BUCKET ? l->burst : 0};

	return siphash13(&key, v, sizeof(v));
}

static void state_put(struct state *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(s->controllers);
	free(s->common);
	free(s);
}

static struct state *state_new(const struct conf_limit *l, uint64_t id)
{
	struct state *s = calloc(1, sizeof(*s));
	size_t bytes = CONF_WORKERS_MAX * sizeof(*s->controllers);

	if (!s)
		return NULL;
	atomic_init(&s->refs, 1);
	s->id = id;
	s->common = calloc(1, sizeof(*s->common) + used_size(l));
	if (by_load(l))
		s->controllers = aligned_alloc(CACHE_LINE, bytes);
	if (!s->common || (by_load(l) && !s->controllers)) {
		state_put(s);
		return NULL;
	}
	if (s->controllers)
		memset(s->controllers, 0, bytes);
	return s;
}

static struct state *state_from(const struct limit_plan *before, uint64_t id)
{
	for (size_t i = 0; before && i < before->n; i++)
		if (before->state[i]->id == id) {
			atomic_fetch_add_explicit(&before->state[i]->refs, 1, memory_order_relaxed);
			return before->state[i];
		}
	return NULL;
}

enum err limit_plan_new(const struct conf_limit *limit, size_t n, const struct limit_plan *before,
    struct limit_plan **out_p)
{
	struct limit_plan *p = calloc(1, sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	p->limit = limit;
	for (; p->n < n && p->n < CONF_LIMITS_MAX; p->n++) {
		const uint64_t id = id_of(&limit[p->n]);

		p->state[p->n] = state_from(before, id);
		if (!p->state[p->n])
			p->state[p->n] = state_new(&limit[p->n], id);
		if (!p->state[p->n]) {
			limit_plan_free(p);
			return ERR_NOMEM;
		}
	}
	*out_p = p;
	return OK;
}

void limit_plan_free(struct limit_plan *p)
{
	for (size_t i = 0; p && i < p->n; i++)
		state_put(p->state[i]);
	free(p);
}

bool limit_plan_needs_load(const struct limit_plan *p)
{
	for (size_t i = 0; p && i < p->n; i++)
		if (by_load(&p->limit[i]) && p->limit[i].mode != CONF_MODE_OFF)
			return true;
	return false;
}

enum err limits_new(size_t keys, const struct siphash_key *key, struct limits **out_l)
{
	struct limits *l = calloc(1, sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	l->key = *key;
	l->keys = keys;
	*out_l = l;
	return OK;
}

void limits_free(struct limits *l)
{
	if (!l)
		return;
	limit_table_free(atomic_load(&l->counts));
	limit_table_free(atomic_load(&l->windows));
	free(l);
}

static void needs(const struct conf_limit *limit, size_t n, bool *out_counts, bool *out_windows)
{
	*out_counts = *out_windows = false;
	for (size_t i = 0; i < n; i++) {
		*out_windows = *out_windows || by_window(&limit[i]);
		*out_counts = *out_counts || !(by_window(&limit[i]) || by_load(&limit[i]));
	}
}

size_t limits_memory(const struct conf_limit *limit, size_t n, size_t keys)
{
	bool counts, windows;

	needs(limit, n, &counts, &windows);
	return (counts ? limit_table_memory(keys, sizeof(union used)) : 0) +
	       (windows ? limit_table_memory(keys, sizeof(struct window)) : 0);
}

static enum err make_table(_Atomic(struct limit_table *) *t, size_t keys, size_t bytes)
{
	struct limit_table *made;

	if (atomic_load_explicit(t, memory_order_acquire))
		return OK;
	made = limit_table_new(keys, bytes);
	if (!made)
		return ERR_NOMEM;
	atomic_store_explicit(t, made, memory_order_release);
	return OK;
}

enum err limits_use(struct limits *l, const struct limit_plan *p)
{
	bool counts, windows;
	enum err e = OK;

	needs(p->limit, p->n, &counts, &windows);
	if (counts)
		e = make_table(&l->counts, l->keys, sizeof(union used));
	if (windows && e == OK)
		e = make_table(&l->windows, l->keys, sizeof(struct window));
	return e;
}

/* Asking ----------------------------------------------------------------------------------- */

static bool names_method(const struct conf_limit *l, struct span method)
{
	for (size_t i = 0; i < l->methods_count; i++)
		if (span_eq(l->methods[i], method))
			return true;
	return false;
}

static bool matches(const struct conf_limit *l, const struct limit_facts *f)
{
	const enum limit_turn turn =
	    l->per == CONF_LIMIT_ACCOUNT ? LIMIT_TURN_ACCOUNT : LIMIT_TURN_FIRST;

	return l->mode != CONF_MODE_OFF && turn == f->turn &&
	       (l->methods_count == 0 ? !f->named_only : names_method(l, f->method)) &&
	       (l->zone == CONF_NONE || l->zone == f->zone) &&
	       (l->peer == CONF_NONE || l->peer == f->peer) &&
	       (l->domain == CONF_NONE || l->domain == f->domain) &&
	       (!l->tiers || l->tiers & 1u << f->tier) &&
	       (l->account < 0 || (l->account == 1) == f->claims_account);
}

/* A host has an IPv4 address, or as much of IPv6 as one gets (RFC 6177): a /64; the network around
 * it is a /24 or a /48. */
static void mask_address(const struct addr *a, bool wide, uint8_t out[16])
{
	size_t keep = addr_is_v4(a) ? (wide ? 15 : 16) : (wide ? 6 : 8);

	memset(out, 0, 16);
	memcpy(out, a->ip, keep);
}

/* The hash that names the key, never 0; 0: the request has no such key. Attributes are hashed one
 * by one, so no text can be mistaken for two. */
static uint64_t tag_of(const struct limits *l, const struct conf_limit *limit, uint64_t id,
    const struct limit_facts *f)
{
	struct {
		uint64_t id, a, b;
	} key = {.id = id};
	struct span first = f->destination;
	uint8_t ip[16];
	uint64_t tag;

	switch (limit->per) {
	case CONF_LIMIT_SOURCE:
	case CONF_LIMIT_PREFIX:
		mask_address(f->source, limit->per == CONF_LIMIT_PREFIX, ip);
		memcpy(&key.a, ip, sizeof(ip));
		break;
	case CONF_LIMIT_ACCOUNT:
		first = f->account_user;
		key.b = siphash13(&l->key, f->account_domain.p, f->account_domain.n);
		break;
	case CONF_LIMIT_PEER:
		first = f->peer_name;
		break;
	case CONF_LIMIT_DESTINATION:
	case CONF_LIMIT_GLOBAL:
		break;
	}
	if (limit->per >= CONF_LIMIT_ACCOUNT && limit->per <= CONF_LIMIT_DESTINATION) {
		if (!first.n)
			return 0;
		key.a = siphash13(&l->key, first.p, first.n);
	}
	tag = siphash13(&l->key, &key, sizeof(key));
	return tag ? tag : 1;
}

static struct limit_table *table_of(struct limits *l, const struct conf_limit *limit)
{
	return atomic_load_explicit(
	    by_window(limit) ? &l->windows : &l->counts, memory_order_acquire);
}

static void take(void *used, const struct conf_limit *limit, struct rng *rng, usec_t now,
    struct limit_outcome *out)
{
	switch (limit->algorithm) {
	case CONF_LIMIT_TOKEN_BUCKET:
		limit_bucket_take(used, limit, now, out);
		break;
	case CONF_LIMIT_SLIDING_WINDOW:
		limit_sliding_take(used, limit, now, out);
		break;
	case CONF_LIMIT_FIXED_WINDOW:
		limit_stretch_take(used, limit, now, out);
		break;
	case CONF_LIMIT_RED:
		limit_red_take(used, limit, rng, now, out);
		break;
	case CONF_LIMIT_FEEDBACK:
	case CONF_LIMIT_NETWORK:
		break;
	}
}

static void give_back(void *used, const struct conf_limit *limit)
{
	if (limit->algorithm == CONF_LIMIT_TOKEN_BUCKET)
		limit_bucket_give_back(used, limit);
	else if (limit->algorithm == CONF_LIMIT_FIXED_WINDOW)
		limit_stretch_give_back(used);
	else if (limit->algorithm == CONF_LIMIT_SLIDING_WINDOW)
		window_give_back(used);
}

/* Names that the operator gave, and users who proved who they are. */
static bool is_strong(const struct conf_limit *limit, const struct limit_facts *f)
{
	return limit->per == CONF_LIMIT_PEER || limit->per == CONF_LIMIT_GLOBAL ||
	       f->turn == LIMIT_TURN_ACCOUNT || f->tier >= EVENT_TIER_KNOWN;
}

static void take_of_key(struct limits *l, struct state *s, const struct conf_limit *limit,
    const struct limit_facts *f, uint64_t tag, struct rng *rng, usec_t now,
    struct limit_outcome *out)
{
	struct spin *lock = &s->lock;
	struct limit_entry *e =
	    limit_table_lock(table_of(l, limit), tag, is_strong(limit, f), now, &lock);

	if (!e) {
		atomic_fetch_add_explicit(&l->shared, 1, memory_order_relaxed);
		spin_lock(lock);
		e = s->common;
	}
	take(e->used, limit, rng, now, out);
	if (out->taken) {
		e->touched = now;
		e->events = out->events;
		e->free_at = out->free_at;
	}
	spin_unlock(lock);
}

static void give_back_all(
    struct limits *l, struct limit_plan *p, const struct taken *taken, size_t n)
{
	while (n-- > 0) {
		const struct conf_limit *limit = &p->limit[taken[n].limit];
		struct state *s = p->state[taken[n].limit];
		struct spin *lock = &s->lock;
		struct limit_entry *e;

		if (!taken[n].tag)
			continue;
		e = limit_table_find(table_of(l, limit), taken[n].tag, &lock);
		if (!e) {
			spin_lock(lock);
			e = s->common;
		}
		give_back(e->used, limit);
		spin_unlock(lock);
	}
}

static void describe(
    const struct conf_limit *limit, const struct limit_outcome *o, struct limit_answer *out)
{
	out->limit = limit;
	out->value = o->value;
	out->threshold = o->threshold;
	out->window = by_load(limit) ? 0 : limit->window;
	out->retry_after = limit->retry_after ? limit->retry_after : o->wait + (o->wait == 0);
}

static void add(_Atomic uint64_t *v)
{
	atomic_fetch_add_explicit(v, 1, memory_order_relaxed);
}

void limits_ask(struct limits *l, struct limit_plan *p, const struct limit_facts *f,
    struct rng *rng, usec_t now, limit_would_fn *would, void *arg, struct limit_answer *out)
{
	struct taken taken[CONF_LIMITS_MAX];
	size_t n = 0;

	*out = (struct limit_answer){.limit = NULL};
	for (size_t i = 0; i < p->n; i++) {
		const struct conf_limit *limit = &p->limit[i];
		struct limit_outcome o = {.taken = true};
		uint64_t tag = 0;

		if (!matches(limit, f))
			continue;
		if (by_load(limit)) {
			limit_share_take(&p->state[i]->controllers[f->worker], limit, rng, &o);
		} else {
			tag = tag_of(l, limit, p->state[i]->id, f);
			if (!tag)
				continue;
			take_of_key(l, p->state[i], limit, f, tag, rng, now, &o);
		}
		if (o.taken) {
			taken[n++] = (struct taken){.tag = tag, .limit = (uint8_t)i};
			continue;
		}
		describe(limit, &o, out);
		if (limit->mode == CONF_MODE_OBSERVE) {
			add(&p->state[i]->would);
			would(arg, out);
			*out = (struct limit_answer){.limit = NULL};
			continue;
		}
		add(&p->state[i]->refused);
		give_back_all(l, p, taken, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add(&p->state[taken[i].limit]->passed);
}

void limits_measure(
    struct limit_plan *p, unsigned worker, const struct limit_load *load, usec_t now)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct conf_limit *limit = &p->limit[i];

		if (limit->algorithm == CONF_LIMIT_FEEDBACK)
			limit_feedback_measure(
			    &p->state[i]->controllers[worker], limit->target, load->cpu, now);
		else if (limit->algorithm == CONF_LIMIT_NETWORK)
			limit_network_measure(
			    &p->state[i]->controllers[worker], limit->target, load->queue, now);
	}
}

void limit_plan_stats(const struct limit_plan *p, size_t i, struct limit_stats *out)
{
	const struct state *s = p->state[i];

	*out = (struct limit_stats){
	    .passed = atomic_load_explicit(&s->passed, memory_order_relaxed),
	    .refused = atomic_load_explicit(&s->refused, memory_order_relaxed),
	    .would = atomic_load_explicit(&s->would, memory_order_relaxed),
	};
	for (size_t w = 0; s->controllers && w < CONF_WORKERS_MAX; w++) {
		double share = limit_share_of(&s->controllers[w]);

		out->share = MAX(out->share, share);
	}
}

void limits_table_stats(struct limits *l, usec_t now, struct limits_table_stats *out)
{
	struct limit_table *tables[] = {atomic_load(&l->counts), atomic_load(&l->windows)};

	*out = (struct limits_table_stats){
	    .shared = atomic_load_explicit(&l->shared, memory_order_relaxed)};
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct limit_table_stats s;

		if (!tables[i])
			continue;
		limit_table_stats(tables[i], now, &s);
		out->keys += s.keys;
		out->capacity += s.capacity;
		out->evicted += s.evicted;
	}
}
