/* SPDX-License-Identifier: MIT
 *
 * The questions that the path of a request asks of a snapshot, and the indices that answer them. */
#include <stdlib.h>

#include "base/rng.h"
#include "conf/snapshot.h"

#define DOMAIN_MAX  255
#define FEW_DOMAINS 4 /* that many are compared in less time than one is hashed */

static const struct snapshot *snapshot_of(const struct conf *c)
{
	return (const struct snapshot *)(const void *)((const char *)c -
						       offsetof(struct snapshot, conf));
}

/* Without brackets and a trailing dot. */
static struct span bare_host(struct span s)
{
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return span_of(s.p + 1, s.n - 2);
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

static uint64_t hash_domain(const struct siphash_key *key, struct span bare)
{
	unsigned char lower[DOMAIN_MAX];

	for (size_t i = 0; i < bare.n; i++)
		lower[i] = ascii_lower((unsigned char)bare.p[i]);
	return siphash13(key, lower, bare.n);
}

static enum err index_domains(struct snapshot *s)
{
	size_t slots = 8;

	while (slots < 2 * s->conf.domains_count)
		slots *= 2;
	s->domain_mask = slots - 1;
	s->domain_slots = ARENA_ARRAY(&s->arena, uint32_t, slots);
	if (!s->domain_slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->conf.domains_count; i++) {
		size_t k = hash_domain(&s->key, bare_host(s->conf.domains[i].name));

		while (s->domain_slots[k & s->domain_mask])
			k++;
		s->domain_slots[k & s->domain_mask] = (uint32_t)i + 1;
	}
	return OK;
}

static const struct conf_domain *find_hashed(const struct snapshot *s, struct span bare)
{
	const struct conf *c = &s->conf;
	size_t k;

	if (bare.n > DOMAIN_MAX)
		return NULL;
	for (k = hash_domain(&s->key, bare); s->domain_slots[k & s->domain_mask]; k++) {
		const struct conf_domain *d = &c->domains[s->domain_slots[k & s->domain_mask] - 1];

		if (span_ieq(bare_host(d->name), bare))
			return d;
	}
	return NULL;
}

const struct conf_domain *conf_domain_find(const struct conf *c, struct span name)
{
	struct span bare = bare_host(name);

	if (bare.n == 0)
		return NULL;
	if (c->domains_count > FEW_DOMAINS)
		return find_hashed(snapshot_of(c), bare);
	for (size_t i = 0; i < c->domains_count; i++)
		if (span_ieq(bare_host(c->domains[i].name), bare))
			return &c->domains[i];
	return NULL;
}

struct sorted_prefix {
	uint64_t high, low;         /* the first address */
	uint64_t end_high, end_low; /* the last */
	size_t peer;
	uint8_t bits;
};

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static int compare128(uint64_t ah, uint64_t al, uint64_t bh, uint64_t bl)
{
	if (ah != bh)
		return ah < bh ? -1 : 1;
	return (al > bl) - (al < bl);
}

static struct sorted_prefix sorted_of(const struct prefix *p, size_t peer)
{
	uint64_t host_high = p->bits >= 64 ? 0 : UINT64_MAX >> p->bits;
	uint64_t host_low = p->bits >= 128  ? 0
			    : p->bits <= 64 ? UINT64_MAX
					    : UINT64_MAX >> (p->bits - 64);
	uint64_t high = load_be64(p->ip), low = load_be64(p->ip + 8);

	return (struct sorted_prefix){high, low, high | host_high, low | host_low, peer, p->bits};
}

/* By the first address; of two that begin together the wider one first. */
static int compare_prefixes(const void *a, const void *b)
{
	const struct sorted_prefix *x = a, *y = b;
	int c = compare128(x->high, x->low, y->high, y->low);

	return c ? c : (x->bits > y->bits) - (x->bits < y->bits);
}

/* From here on the peer is that; replaces a range that begins at the same address. */
static void add_range(struct source_ranges *r, uint64_t high, uint64_t low, size_t peer)
{
	if (r->count && r->list[r->count - 1].high == high && r->list[r->count - 1].low == low)
		r->count--;
	r->list[r->count++] = (struct source_range){high, low, peer};
}

/* Closes the innermost prefix: behind its end its surroundings go on. */
static void close_prefix(
    struct source_ranges *r, const struct sorted_prefix *p, const struct sorted_prefix *around)
{
	uint64_t low = p->end_low + 1, high = p->end_high + (low == 0);

	if (low == 0 && high == 0)
		return; /* it ended with the last address of all */
	add_range(r, high, low, around ? around->peer : CONF_NONE);
}

/* Prefixes nest or are apart, so a stack of open ones turns them into ranges in one walk. */
static void flatten(struct source_ranges *r, const struct sorted_prefix *v, size_t n)
{
	const struct sorted_prefix *open[129];
	size_t depth = 0;

	add_range(r, 0, 0, CONF_NONE);
	for (size_t i = 0; i <= n; i++) {
		while (
		    depth && (i == n || compare128(open[depth - 1]->end_high,
					    open[depth - 1]->end_low, v[i].high, v[i].low) < 0)) {
			depth--;
			close_prefix(r, open[depth], depth ? open[depth - 1] : NULL);
		}
		if (i == n ||
		    (depth && open[depth - 1]->high == v[i].high &&
			open[depth - 1]->low == v[i].low && open[depth - 1]->bits == v[i].bits))
			continue;
		open[depth++] = &v[i];
		add_range(r, v[i].high, v[i].low, v[i].peer);
	}
}

static enum err index_zone_sources(struct snapshot *s, size_t zone)
{
	const struct conf *c = &s->conf;
	struct source_ranges *r = &s->sources[zone];
	struct sorted_prefix *v;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < c->peers_count; i++)
		n += c->peers[i].zone == zone ? c->peers[i].sources_count : 0;
	r->list = ARENA_ARRAY(&s->arena, struct source_range, 2 * n + 1);
	v = malloc((n + 1) * sizeof(*v));
	if (!r->list || !v) {
		free(v);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < c->peers_count; i++)
		for (size_t j = 0; c->peers[i].zone == zone && j < c->peers[i].sources_count; j++)
			v[k++] = sorted_of(&c->peers[i].sources[j], i);
	qsort(v, n, sizeof(*v), compare_prefixes);
	flatten(r, v, n);
	free(v);
	return OK;
}

enum err conf_snapshot_index(struct snapshot *s)
{
	enum err e = rng_system(&s->key, sizeof(s->key));

	if (!e)
		e = index_domains(s);
	s->sources = ARENA_ARRAY(&s->arena, struct source_ranges, s->conf.zones_count + 1);
	if (!s->sources)
		return ERR_NOMEM;
	for (size_t z = 0; !e && z < s->conf.zones_count; z++)
		e = index_zone_sources(s, z);
	return e;
}

const struct conf_peer *conf_peer_find(const struct conf *c, size_t zone, const struct addr *a)
{
	const struct source_ranges *r = &snapshot_of(c)->sources[zone];
	uint64_t high = load_be64(a->ip), low = load_be64(a->ip + 8);
	size_t first = 0, n = r->count;

	/* The last range that begins at or before the address; range 0 begins at zero. */
	while (n > 1) {
		size_t half = n / 2;

		if (compare128(r->list[first + half].high, r->list[first + half].low, high, low) <=
		    0) {
			first += half;
			n -= half;
		} else {
			n = half;
		}
	}
	return r->list[first].peer == CONF_NONE ? NULL : &c->peers[r->list[first].peer];
}

/* An advertised name, whatever the port. */
static bool is_own_name(const struct conf *c, struct span bare)
{
	for (size_t i = 0; i < c->listeners_count; i++)
		if (span_ieq(bare_host(c->listeners[i].host), bare))
			return true;
	return false;
}

/* Worth parsing as an address; a name may look like this, too. */
static bool looks_like_ip(struct span bare)
{
	return bare.n && (ascii_is_digit(bare.p[0]) || span_find(bare, ':') < bare.n);
}

bool conf_is_own_address(const struct conf *c, struct span host, uint16_t port)
{
	const struct span bare = bare_host(host);
	const bool maybe_ip = looks_like_ip(bare);
	const uint16_t wanted = port ? port : 5060;
	struct addr a;

	/* Mostly we are called by the very text that we call ourselves. */
	for (size_t i = 0; i < c->listeners_count; i++) {
		const struct conf_listener *l = &c->listeners[i];

		if (l->port == wanted && span_ieq(bare_host(l->host), bare))
			return true;
	}
	if (!maybe_ip)
		return !port && is_own_name(c, bare);
	if (addr_parse_ip(bare, &a) != OK)
		return !port && is_own_name(c, bare);
	for (size_t i = 0; i < c->listeners_count; i++)
		if (c->listeners[i].addr.port == wanted && addr_same_ip(&c->listeners[i].addr, &a))
			return true;
	return false;
}

/* Glob without recursion: a star is retried from the place behind its last match. */
static bool glob_matches(struct span glob, struct span text)
{
	size_t g = 0, t = 0, star = SIZE_MAX, retry = 0;

	while (t < text.n) {
		bool escaped = g + 1 < glob.n && glob.p[g] == '\\';

		if (g < glob.n && glob.p[g] == '*') {
			star = g++;
			retry = t;
		} else if (g < glob.n && (glob.p[g] == '?' || glob.p[g + escaped] == text.p[t])) {
			g += 1 + escaped;
			t++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			t = ++retry;
		} else {
			return false;
		}
	}
	while (g < glob.n && glob.p[g] == '*')
		g++;
	return g == glob.n;
}

const struct conf_route *conf_route_find(const struct conf *c, size_t zone,
    const struct conf_peer *from, struct span domain, struct span user)
{
	size_t peer = from ? (size_t)(from - c->peers) : CONF_NONE;
	int ours = -1; /* not known yet */

	for (size_t i = 0; i < c->routes_count; i++) {
		const struct conf_route *r = &c->routes[i];

		if (r->from_peer != CONF_NONE && r->from_peer != peer)
			continue;
		if (r->from_zone != CONF_NONE && r->from_zone != zone)
			continue;
		if (r->match.n && !glob_matches(r->match, user))
			continue;
		if (r->domain.n) {
			if (span_ieq(bare_host(r->domain), bare_host(domain)))
				return r;
			continue;
		}
		if (ours < 0)
			ours = domain.n == 0 || conf_domain_find(c, domain) != NULL;
		if (ours)
			return r;
	}
	return NULL;
}

size_t conf_zone_index(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->zones_count; i++)
		if (span_eq(c->zones[i].name, name))
			return i;
	return CONF_NONE;
}
