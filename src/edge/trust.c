/* SPDX-License-Identifier: MIT */
#include "edge/trust.h"

#include <ifaddrs.h>
#include <stdlib.h>

#include "edge/gateways.h"

static enum err add(struct trust *t, const struct prefix *p)
{
	if (t->never_n == t->never_cap) {
		size_t cap = MAX(2 * t->never_cap, (size_t)64);
		struct prefix *more = realloc(t->never, cap * sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		t->never = more;
		t->never_cap = cap;
	}
	t->never[t->never_n++] = *p;
	return OK;
}

static enum err add_addr(struct trust *t, const struct addr *a)
{
	struct prefix p = {.bits = 128};

	memcpy(p.ip, a->ip, sizeof(p.ip));
	return add(t, &p);
}

/* Who is trusted for what it is: servers of ours, and whom the operator named. */
static enum err add_exempt(struct trust *t, const struct conf *c)
{
	enum err e = OK;

	for (size_t i = 0; i < c->standing.allow_count && e == OK; i++)
		e = add(t, &c->standing.allow[i]);
	for (size_t i = 0; i < c->upstreams_count; i++)
		for (size_t k = 0; k < c->upstreams[i].targets_count && e == OK; k++)
			e = add_addr(t, &c->upstreams[i].targets[k].addr);
	for (size_t i = 0; i < c->peers_count && e == OK; i++)
		if (c->peers[i].has_target)
			e = add_addr(t, &c->peers[i].target.addr);
	return e;
}

/* A listener on the unspecified address is reached at every address of its family. */
static enum err add_interfaces(struct trust *t, bool v4)
{
	struct ifaddrs *all;
	enum err e = OK;

	if (getifaddrs(&all) != 0)
		return OK;
	for (const struct ifaddrs *i = all; i && e == OK; i = i->ifa_next) {
		struct addr a;

		if (i->ifa_addr && addr_from_sockaddr(i->ifa_addr, &a) == OK &&
		    addr_is_v4(&a) == v4)
			e = add_addr(t, &a);
	}
	freeifaddrs(all);
	return e;
}

static enum err add_own(struct trust *t, const struct conf *c)
{
	struct addr gateways[GATEWAYS_MAX];
	size_t n = gateways_read(gateways);
	enum err e = OK;

	for (size_t i = 0; i < c->listeners_count && e == OK; i++) {
		const struct conf_listener *l = &c->listeners[i];
		struct addr advertised;

		if (addr_is_unspecified(&l->addr))
			e = add_interfaces(t, addr_is_v4(&l->addr));
		else
			e = add_addr(t, &l->addr);
		if (e == OK && addr_parse_ip(l->host, &advertised) == OK)
			e = add_addr(t, &advertised);
	}
	for (size_t i = 0; i < n && e == OK; i++)
		e = add_addr(t, &gateways[i]);
	return e;
}

static bool is_allowed(const struct conf *c, const struct addr *source)
{
	for (size_t i = 0; i < c->standing.allow_count; i++)
		if (prefix_contains(&c->standing.allow[i], source))
			return true;
	return false;
}

static bool is_met_in(size_t zone, size_t wanted)
{
	return wanted == CONF_NONE || wanted == zone;
}

/* Targets answer, and send requests, where we send to them; elsewhere their address may be forged,
 * and is that of a stranger who cannot be banned. */
static bool is_target_in(const struct conf *c, size_t zone, const struct addr *source)
{
	for (size_t i = 0; i < c->upstreams_count; i++) {
		const struct conf_upstream *u = &c->upstreams[i];

		for (size_t k = 0; is_met_in(zone, u->zone) && k < u->targets_count; k++)
			if (addr_same_ip(&u->targets[k].addr, source))
				return true;
	}
	for (size_t i = 0; i < c->peers_count; i++)
		if (is_met_in(zone, c->peers[i].zone) && c->peers[i].has_target &&
		    addr_same_ip(&c->peers[i].target.addr, source))
			return true;
	return false;
}

static bool is_exempt_in(const struct conf *c, size_t zone, const struct addr *source)
{
	return is_allowed(c, source) || is_target_in(c, zone, source);
}

bool trust_is_server(const struct conf *c, size_t zone, const struct addr *a)
{
	return c->zones[zone].trust == CONF_TRUST_NETWORK || conf_peer_find(c, zone, a) ||
	       is_target_in(c, zone, a);
}

/* In their zone they are found as peers; elsewhere they are strangers that cannot be banned. */
static enum err add_peers(struct trust *t, const struct conf *c)
{
	enum err e = OK;

	for (size_t i = 0; i < c->peers_count; i++)
		for (size_t k = 0; k < c->peers[i].sources_count && e == OK; k++)
			e = add(t, &c->peers[i].sources[k]);
	return e;
}

enum err trust_init(struct trust *t, const struct conf *c)
{
	enum err e;

	*t = (struct trust){.never = NULL};
	e = add_exempt(t, c);
	if (e == OK)
		e = addr_set_init(&t->exempt, t->never, t->never_n);
	if (e == OK)
		e = add_own(t, c);
	if (e == OK)
		e = add_peers(t, c);
	if (e == OK)
		e = addr_set_init(&t->own, t->never, t->never_n);
	if (e != OK)
		trust_done(t);
	return e;
}

void trust_done(struct trust *t)
{
	addr_set_done(&t->exempt);
	addr_set_done(&t->own);
	free(t->never);
	*t = (struct trust){.never = NULL};
}

enum standing_trust trust_of(
    const struct trust *t, const struct conf *c, size_t zone, const struct addr *source)
{
	if (c->zones[zone].trust == CONF_TRUST_NETWORK)
		return STANDING_EXEMPT;
	if (conf_peer_find(c, zone, source))
		return STANDING_PEER;
	if (addr_set_has(&t->exempt, source) && is_exempt_in(c, zone, source))
		return STANDING_EXEMPT;
	return addr_set_has(&t->own, source) ? STANDING_OWN : STANDING_STRANGER;
}

/* A peer may answer, and call, from its target, too. */
static const struct conf_peer *peer_of(const struct conf *c, size_t zone, const struct addr *source)
{
	const struct conf_peer *peer = conf_peer_find(c, zone, source);

	for (size_t i = 0; i < c->peers_count && !peer; i++)
		if (is_met_in(zone, c->peers[i].zone) && c->peers[i].has_target &&
		    addr_same_ip(&c->peers[i].target.addr, source))
			peer = &c->peers[i];
	return peer;
}

uint32_t trust_requests(
    const struct trust *t, const struct conf *c, size_t zone, const struct addr *source)
{
	const struct conf_peer *peer;

	if (c->zones[zone].trust == CONF_TRUST_NETWORK ||
	    (addr_set_has(&t->exempt, source) && is_allowed(c, source)))
		return 0;
	peer = peer_of(c, zone, source);
	return peer ? peer->requests : 0;
}
