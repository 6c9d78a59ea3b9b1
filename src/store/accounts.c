/* SPDX-License-Identifier: MIT */
#include "store/accounts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/pages.h"

#define WAYS            8
#define NEGATIVE_WAYS   2
#define STRIPES         256
#define FETCHES_DEFAULT 1024
#define RECHECK_AGE     USEC_SEC

enum kind { KIND_FREE, KIND_ACCOUNT, KIND_NOBODY };

struct entry {
	uint64_t check; /* second half of the name's hash; the first is the set's tag */
	usec_t fetched; /* when the question was asked */
	struct digest_ha1s ha1s;
	uint8_t kind;
};

/* Tags are written under the lock of the stripe, and peeked at without. */
struct set {
	_Alignas(CACHE_LINE) _Atomic uint64_t tag[WAYS];
	struct entry entry[WAYS];
};
_Static_assert(sizeof(struct set) == 128 * WAYS, "128 bytes an entry");

struct stripe {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	uint64_t hits, misses, evicted;
};

struct name {
	uint64_t tag, check;
};

static inline uint64_t tag_of(const struct set *s, int way)
{
	return atomic_load_explicit(&s->tag[way], memory_order_relaxed);
}

/* A name that the storage thread was asked for. */
struct fetch {
	struct name name;
	usec_t started;
	bool forgotten; /* what comes may be outdated already: not kept */
	struct accounts_waiter *waiters;
	struct fetch *next; /* in its bucket, or of the free list */
	struct accounts *owner;
};

/* Order of locks: fetch_lock, then a stripe, then the storage worker's own. */
struct accounts {
	struct accounts_config config;
	_Atomic usec_t lifetime, negative_lifetime;
	size_t mask; /* sets - 1 */
	struct set *sets;
	struct stripe stripes[STRIPES];

	pthread_mutex_t fetch_lock; /* guards all that follows */
	struct fetch *fetches, *unused;
	struct fetch **buckets;
	size_t buckets_mask, fetching;
	uint64_t shared, refused, failed;
};

static size_t power_of_two(size_t n)
{
	size_t p = 1;

	while (p < n && p < SIZE_MAX / sizeof(struct set) / 4)
		p *= 2;
	return p;
}

static size_t sets_for(size_t entries)
{
	return power_of_two((entries + WAYS - 1) / WAYS);
}

size_t accounts_memory(size_t entries)
{
	return sizeof(struct accounts) + sets_for(entries) * sizeof(struct set) +
	       FETCHES_DEFAULT * (sizeof(struct fetch) + sizeof(struct fetch *));
}

static bool alloc_tables(struct accounts *a, size_t sets)
{
	size_t fetches = a->config.fetches, buckets = power_of_two(fetches);

	a->sets = pages_alloc(sets * sizeof(*a->sets));
	a->fetches = calloc(fetches, sizeof(*a->fetches));
	a->buckets = calloc(buckets, sizeof(struct fetch *));
	if (!a->sets || !a->fetches || !a->buckets)
		return false;
	memset(a->sets, 0, sets * sizeof(*a->sets));
	a->mask = sets - 1;
	a->buckets_mask = buckets - 1;
	for (size_t i = 0; i < fetches; i++) {
		a->fetches[i].owner = a;
		a->fetches[i].next = a->unused;
		a->unused = &a->fetches[i];
	}
	return true;
}

enum err accounts_new(const struct accounts_config *config, struct accounts **out_a)
{
	struct accounts *a = aligned_alloc(CACHE_LINE, sizeof(*a));

	if (!a)
		return ERR_NOMEM;
	memset(a, 0, sizeof(*a));
	a->config = *config;
	if (a->config.fetches == 0)
		a->config.fetches = FETCHES_DEFAULT;
	pthread_mutex_init(&a->fetch_lock, NULL);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&a->stripes[i].lock, NULL);
	accounts_set_lifetime(a, config->lifetime, config->negative_lifetime);
	if (!alloc_tables(a, sets_for(config->entries))) {
		accounts_free(a);
		return ERR_NOMEM;
	}
	*out_a = a;
	return OK;
}

void accounts_free(struct accounts *a)
{
	if (!a)
		return;
	if (a->sets)
		explicit_bzero(a->sets, (a->mask + 1) * sizeof(*a->sets));
	pthread_mutex_destroy(&a->fetch_lock);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&a->stripes[i].lock);
	free(a->sets);
	free(a->fetches);
	free(a->buckets);
	free(a);
}

void accounts_set_lifetime(struct accounts *a, usec_t lifetime, usec_t negative_lifetime)
{
	atomic_store(&a->lifetime, lifetime);
	atomic_store(&a->negative_lifetime, MIN(lifetime, negative_lifetime));
}

static bool name_possible(struct span user, struct span domain)
{
	return user.n && user.n <= STORE_USER_MAX && domain.n <= STORE_DOMAIN_MAX;
}

/* The length of the user part leads, so that no two names are one text. */
struct accounts_name accounts_name(const struct accounts *a, struct span user, struct span domain)
{
	uint8_t text[1 + STORE_USER_MAX + STORE_DOMAIN_MAX], hash[16];
	struct accounts_name name = {.user = user, .domain = domain};

	if (!name_possible(user, domain))
		return name;
	text[0] = (uint8_t)user.n;
	memcpy(text + 1, user.p, user.n);
	if (domain.n)
		memcpy(text + 1 + user.n, domain.p, domain.n);
	siphash13_128(&a->config.key, text, 1 + user.n + domain.n, hash);
	memcpy(&name.tag, hash, 8);
	memcpy(&name.check, hash + 8, 8);
	name.possible = true;
	return name;
}

static struct name name_of(const struct accounts_name *n)
{
	return (struct name){n->tag, n->check};
}

static bool name_eq(struct name x, struct name y)
{
	return x.tag == y.tag && x.check == y.check;
}

static struct set *set_of(struct accounts *a, struct name name, struct stripe **out_stripe)
{
	size_t at = name.tag & a->mask;

	*out_stripe = &a->stripes[at % STRIPES];
	return &a->sets[at];
}

static struct entry *find(struct set *s, struct name name)
{
	for (int i = 0; i < WAYS; i++)
		if (tag_of(s, i) == name.tag && s->entry[i].check == name.check &&
		    s->entry[i].kind != KIND_FREE)
			return &s->entry[i];
	return NULL;
}

static bool is_fresh(const struct accounts *a, const struct entry *e, usec_t now)
{
	usec_t lifetime =
	    e->kind == KIND_NOBODY ? atomic_load(&a->negative_lifetime) : atomic_load(&a->lifetime);

	return now < e->fetched || now - e->fetched < lifetime;
}

/* The way that a new entry may have, or -1. "Nobody" takes what is free or outdated, and else only
 * the place of another nobody; an account takes any, a nobody's first. */
static int way_take(const struct accounts *a, const struct set *s, enum kind kind, usec_t now)
{
	int oldest[] = {-1, -1, -1}, spare = -1, nobodies = 0;

	for (int i = 0; i < WAYS; i++) {
		const struct entry *e = &s->entry[i];
		int *old = &oldest[e->kind];

		nobodies += e->kind == KIND_NOBODY;
		if (e->kind == KIND_FREE || !is_fresh(a, e, now))
			spare = i;
		if (*old < 0 || e->fetched < s->entry[*old].fetched)
			*old = i;
	}
	if (kind == KIND_NOBODY && nobodies >= NEGATIVE_WAYS)
		return oldest[KIND_NOBODY];
	if (spare >= 0)
		return spare;
	if (nobodies)
		return oldest[KIND_NOBODY];
	return kind == KIND_ACCOUNT ? oldest[KIND_ACCOUNT] : -1;
}

/* Keeps an answer. now is when it was asked for, so that an entry is never younger than its truth.
 */
static void keep(struct accounts *a, struct name name, enum kind kind,
    const struct digest_ha1s *ha1s, usec_t now)
{
	struct stripe *stripe;
	struct set *s = set_of(a, name, &stripe);
	struct entry *e;
	int i;

	pthread_mutex_lock(&stripe->lock);
	e = find(s, name);
	if (e)
		e->kind = KIND_FREE;
	i = way_take(a, s, kind, now);
	if (i >= 0) {
		e = &s->entry[i];
		stripe->evicted += e->kind != KIND_FREE && is_fresh(a, e, now);
		atomic_store_explicit(&s->tag[i], name.tag, memory_order_relaxed);
		*e = (struct entry){.check = name.check, .fetched = now, .kind = (uint8_t)kind};
		if (kind == KIND_ACCOUNT)
			e->ha1s = *ha1s;
	}
	pthread_mutex_unlock(&stripe->lock);
}

static struct fetch *fetch_find(struct accounts *a, struct name name)
{
	struct fetch *f = a->buckets[name.tag & a->buckets_mask];

	while (f && !name_eq(f->name, name))
		f = f->next;
	return f;
}

static struct fetch *fetch_add(struct accounts *a, struct name name, usec_t now)
{
	struct fetch **bucket = &a->buckets[name.tag & a->buckets_mask], *f = a->unused;

	if (!f)
		return NULL;
	a->unused = f->next;
	*f = (struct fetch){.name = name, .started = now, .next = *bucket, .owner = a};
	*bucket = f;
	a->fetching++;
	return f;
}

static void fetch_remove(struct accounts *a, struct fetch *f)
{
	struct fetch **at = &a->buckets[f->name.tag & a->buckets_mask];

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->next = a->unused;
	a->unused = f;
	a->fetching--;
}

/* On the storage thread. */
static void fetched(void *arg, enum err e, const struct digest_ha1s *ha1s)
{
	struct fetch *f = arg;
	struct accounts *a = f->owner;
	struct accounts_waiter *w, *next;

	pthread_mutex_lock(&a->fetch_lock);
	w = f->waiters;
	if (!f->forgotten && e == OK)
		keep(a, f->name, KIND_ACCOUNT, ha1s, f->started);
	else if (!f->forgotten && e == ERR_NOT_FOUND)
		keep(a, f->name, KIND_NOBODY, NULL, f->started);
	a->failed += e != OK && e != ERR_NOT_FOUND;
	fetch_remove(a, f);
	pthread_mutex_unlock(&a->fetch_lock);
	for (; w; w = next) {
		next = w->next;
		if (e == OK)
			w->ha1s = *ha1s;
		w->done(w, e);
	}
}

/* Joins the fetch of that name or starts one. ERR_BUSY: under way. */
static enum err wait_for(struct accounts *a, const struct accounts_name *who, usec_t now,
    usec_t deadline, struct accounts_waiter *w)
{
	struct name name = name_of(who);
	enum err e = ERR_BUSY;
	struct fetch *f;

	pthread_mutex_lock(&a->fetch_lock);
	f = fetch_find(a, name);
	if (f && !f->forgotten) {
		a->shared++;
	} else {
		f = fetch_add(a, name, now);
		if (f)
			e = store_worker_account(
			    a->config.worker, who->user, who->domain, deadline, fetched, f);
		else
			e = ERR_FULL;
		if (f && e != OK)
			fetch_remove(a, f);
		a->refused += e != OK;
		e = e == OK ? ERR_BUSY : e;
	}
	if (e == ERR_BUSY) {
		w->next = f->waiters;
		f->waiters = w;
	}
	pthread_mutex_unlock(&a->fetch_lock);
	return e;
}

void accounts_prefetch(const struct accounts *a, const struct accounts_name *who)
{
	const struct set *s = &a->sets[who->tag & a->mask];

	if (!who->possible)
		return;
	__builtin_prefetch(s->tag);
	__builtin_prefetch(&a->stripes[(who->tag & a->mask) % STRIPES], 1);
}

void accounts_prefetch_entry(const struct accounts *a, const struct accounts_name *who)
{
	const struct set *s = &a->sets[who->tag & a->mask];

	if (!who->possible)
		return;
	for (int i = 0; i < WAYS; i++) {
		const char *entry = (const char *)&s->entry[i];

		if (tag_of(s, i) != who->tag)
			continue;
		__builtin_prefetch(entry);
		__builtin_prefetch(entry + sizeof(s->entry[i]) / 2);
		__builtin_prefetch(entry + sizeof(s->entry[i]) - 1);
	}
}

enum err accounts_get(struct accounts *a, const struct accounts_name *who, usec_t now,
    usec_t deadline, struct accounts_waiter *w)
{
	enum err e = ERR_BUSY;
	struct stripe *stripe;
	struct entry *entry;
	struct name name;
	struct set *s;

	if (!who->possible)
		return ERR_NOT_FOUND;
	name = name_of(who);
	s = set_of(a, name, &stripe);
	pthread_mutex_lock(&stripe->lock);
	entry = find(s, name);
	if (entry && is_fresh(a, entry, now)) {
		e = entry->kind == KIND_ACCOUNT ? OK : ERR_NOT_FOUND;
		if (e == OK)
			w->ha1s = entry->ha1s;
		stripe->hits++;
	} else {
		stripe->misses++;
	}
	pthread_mutex_unlock(&stripe->lock);
	return e == ERR_BUSY ? wait_for(a, who, now, deadline, w) : e;
}

enum err accounts_recheck(struct accounts *a, const struct accounts_name *who, usec_t now,
    usec_t deadline, struct accounts_waiter *w)
{
	struct stripe *stripe;
	struct entry *entry;
	struct name name;
	struct set *s;
	bool old;

	if (!who->possible)
		return ERR_DENIED;
	name = name_of(who);
	s = set_of(a, name, &stripe);
	pthread_mutex_lock(&stripe->lock);
	entry = find(s, name);
	old = entry && now > entry->fetched && now - entry->fetched > RECHECK_AGE;
	pthread_mutex_unlock(&stripe->lock);
	return old ? wait_for(a, who, now, deadline, w) : ERR_DENIED;
}

void accounts_forget(struct accounts *a, struct span user, struct span domain)
{
	struct accounts_name who = accounts_name(a, user, domain);
	struct name name = name_of(&who);
	struct stripe *stripe;
	struct entry *entry;
	struct fetch *f;
	struct set *s;

	if (!who.possible)
		return;
	s = set_of(a, name, &stripe);
	pthread_mutex_lock(&a->fetch_lock);
	f = fetch_find(a, name);
	if (f)
		f->forgotten = true;
	pthread_mutex_lock(&stripe->lock);
	entry = find(s, name);
	if (entry)
		explicit_bzero(entry, sizeof(*entry));
	pthread_mutex_unlock(&stripe->lock);
	pthread_mutex_unlock(&a->fetch_lock);
}

void accounts_forget_all(struct accounts *a)
{
	pthread_mutex_lock(&a->fetch_lock);
	for (size_t i = 0; i <= a->buckets_mask; i++)
		for (struct fetch *f = a->buckets[i]; f; f = f->next)
			f->forgotten = true;
	for (size_t at = 0; at <= a->mask; at++) {
		pthread_mutex_lock(&a->stripes[at % STRIPES].lock);
		explicit_bzero(a->sets[at].entry, sizeof(a->sets[at].entry));
		pthread_mutex_unlock(&a->stripes[at % STRIPES].lock);
	}
	pthread_mutex_unlock(&a->fetch_lock);
}

void accounts_stats(struct accounts *a, struct accounts_stats *out_stats)
{
	struct accounts_stats st = {.entries = (a->mask + 1) * WAYS};

	pthread_mutex_lock(&a->fetch_lock);
	st.shared = a->shared;
	st.refused = a->refused;
	st.failed = a->failed;
	st.fetching = a->fetching;
	pthread_mutex_unlock(&a->fetch_lock);
	for (size_t at = 0; at <= a->mask; at++) {
		pthread_mutex_lock(&a->stripes[at % STRIPES].lock);
		for (int i = 0; i < WAYS; i++) {
			st.used += a->sets[at].entry[i].kind == KIND_ACCOUNT;
			st.negative += a->sets[at].entry[i].kind == KIND_NOBODY;
		}
		pthread_mutex_unlock(&a->stripes[at % STRIPES].lock);
	}
	for (size_t i = 0; i < STRIPES; i++) {
		pthread_mutex_lock(&a->stripes[i].lock);
		st.hits += a->stripes[i].hits;
		st.misses += a->stripes[i].misses;
		st.evicted += a->stripes[i].evicted;
		pthread_mutex_unlock(&a->stripes[i].lock);
	}
	*out_stats = st;
}
