/* SPDX-License-Identifier: MIT */
#include "edge/snapshot.h"

#include <stdlib.h>

static uint16_t slot_id(enum transport t, const struct addr *a)
{
	static const struct siphash_key fixed = {0x72696e67, 0x66656e63};
	unsigned char bytes[1 + 16 + 2];

	bytes[0] = (unsigned char)t;
	memcpy(bytes + 1, a->ip, 16);
	bytes[17] = (unsigned char)(a->port >> 8);
	bytes[18] = (unsigned char)a->port;
	return (uint16_t)siphash13(&fixed, bytes, sizeof(bytes));
}

static size_t slot_for_listener(
    const struct snapshot *s, const struct snapshot *before, const struct conf_listener *l)
{
	for (size_t i = 0; before && i < before->n_slots; i++)
		if (before->slots[i].used && before->slots[i].transport == l->transport &&
		    addr_eq(&before->slots[i].addr, &l->addr))
			return i;
	/* A slot is not given to another listener while bindings may still name it. */
	for (size_t i = before ? before->n_slots : 0; i < SLOTS_MAX; i++)
		if (!s->slots[i].used)
			return i;
	for (size_t i = 0; i < SLOTS_MAX; i++)
		if (!s->slots[i].used && !(before && before->slots[i].used))
			return i;
	return SLOTS_MAX;
}

static void take_auth(struct auth_policy *p, const struct conf_auth *a)
{
	static const enum digest_alg algorithms[] = {
	    [CONF_ALGORITHM_SHA512_256] = DIGEST_SHA512_256,
	    [CONF_ALGORITHM_SHA256] = DIGEST_SHA256,
	    [CONF_ALGORITHM_MD5] = DIGEST_MD5,
	};

	for (size_t i = 0; i < a->algorithms_count && i < DIGEST_ALG_COUNT; i++)
		p->offered[p->offered_n++] = algorithms[a->algorithms[i]];
	p->nonce_lifetime = a->nonce_lifetime;
	p->allow_rfc2069 = a->rfc2069;
}

static void take_limits(struct sip_limits *l, const struct conf_sip *c)
{
	*l = sip_limits_default;
	l->message = (uint32_t)c->max_message;
	l->headers = (uint32_t)c->max_headers;
	l->header_name = (uint32_t)c->max_header_name;
	l->header_value = (uint32_t)c->max_header_value;
}

static void take_registrar(struct registrar_policy *p, const struct conf_registrar *c)
{
	registrar_policy_init(p);
	p->min_expires = c->min_expires_s;
	p->default_expires = c->default_expires_s;
	p->max_expires = c->max_expires_s;
	p->max_contacts = c->max_contacts;
}

static bool take_judge(struct snapshot *s, const struct conf *c, const struct snapshot *before)
{
	return trust_init(&s->trust, c) == OK &&
	       limit_plan_new(c->limits, c->limits_count, before ? before->limit_plan : NULL,
		   &s->limit_plan) == OK &&
	       signatures_new(&c->scan, &s->signatures) == OK;
}

static void drop_judge(struct snapshot *s)
{
	signatures_free(s->signatures);
	limit_plan_free(s->limit_plan);
	trust_done(&s->trust);
}

struct snapshot *snapshot_new(const struct conf *c, const struct snapshot *before)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	/* Never fewer, so that a number is not given away at once after it was the highest. */
	s->n_slots = before ? before->n_slots : 0;
	for (size_t i = 0; i < c->listeners_count; i++) {
		const struct conf_listener *l = &c->listeners[i];
		size_t at = slot_for_listener(s, before, l);

		if (at == SLOTS_MAX) {
			free(s);
			return NULL;
		}
		s->slots[at] = (struct slot){
		    .used = true,
		    .transport = l->transport,
		    .addr = l->addr,
		    .listener = i,
		    .id = slot_id(l->transport, &l->addr),
		};
		s->n_slots = MAX(s->n_slots, at + 1);
	}
	s->conf = c;
	s->refs = 1;
	take_auth(&s->auth, &c->auth);
	take_limits(&s->limits, &c->sip);
	take_registrar(&s->registrar, &c->registrar);
	s->timers = TXN_TIMERS_DEFAULT;
	s->timers.t1 = c->sip.t1;
	s->timers.t2 = c->sip.t2;
	s->timers.t4 = c->sip.t4;
	/* The edge sends its 100 at once. */
	s->timers.trying = 0;
	if (!take_judge(s, c, before)) {
		drop_judge(s);
		free(s);
		return NULL;
	}
	standing_policy_init(
	    &s->standing, &c->standing, &c->flood, s->trust.never, s->trust.never_n);
	return s;
}

bool snapshot_limit_algorithms(struct snapshot *s, uint8_t algs, bool *out_fewer)
{
	struct auth_policy *p = &s->auth;
	size_t n = 0;

	for (size_t i = 0; i < p->offered_n; i++)
		if (algs & DIGEST_BIT(p->offered[i]))
			p->offered[n++] = p->offered[i];
	*out_fewer = n < p->offered_n;
	p->offered_n = n;
	return n > 0;
}

struct snapshot *snapshot_get(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void snapshot_put(struct snapshot *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	drop_judge(s);
	conf_put(s->conf);
	free(s);
}

static bool slot_serves(const struct slot *slot, const struct flow *to)
{
	return slot->used && slot->transport == to->transport &&
	       addr_is_v4(&slot->addr) == addr_is_v4(&to->remote);
}

/* The slot that a flow names may be another since a restart or a reload. */
static bool slot_is_of(const struct slot *slot, const struct flow *f)
{
	if (!slot_serves(slot, f))
		return false;
	if (!f->local.port)
		return true;
	/* Our end of a connection that we opened has a port of its own. */
	if (!transport_is_stream(f->transport) && slot->addr.port != f->local.port)
		return false;
	return addr_is_unspecified(&slot->addr) || addr_same_ip(&slot->addr, &f->local);
}

uint16_t snapshot_slot_for(const struct snapshot *s, const struct flow *to, size_t zone)
{
	uint16_t found = SLOT_NONE;

	if (to->listener < s->n_slots && slot_is_of(&s->slots[to->listener], to))
		return to->listener;
	for (size_t i = 0; i < s->n_slots; i++) {
		if (!slot_serves(&s->slots[i], to))
			continue;
		if (to->local.port && addr_eq(&s->slots[i].addr, &to->local))
			return (uint16_t)i;
		if (found == SLOT_NONE &&
		    (zone == CONF_NONE || s->conf->listeners[s->slots[i].listener].zone == zone))
			found = (uint16_t)i;
	}
	return found;
}

uint16_t snapshot_slot_by_id(const struct snapshot *s, uint16_t id)
{
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].used && s->slots[i].id == id)
			return (uint16_t)i;
	return SLOT_NONE;
}

bool snapshot_is_us(
    const struct snapshot *s, struct span host, uint16_t port, const struct addr *local)
{
	struct addr a;

	if (conf_is_own_address(s->conf, host, port))
		return true;
	return local && (port ? port : 5060) == local->port && addr_parse_ip(host, &a) == OK &&
	       addr_same_ip(&a, local);
}

/* A domain is served on the default ports and on those that we listen on: the same name with
 * another port is another server (RFC 3263 §4.2). */
static bool is_our_port(const struct snapshot *s, uint16_t port)
{
	if (port == 0 || port == 5060 || port == 5061)
		return true;
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].used && (s->slots[i].addr.port == port ||
					    s->conf->listeners[s->slots[i].listener].port == port))
			return true;
	return false;
}

const struct conf_domain *snapshot_domain(
    const struct snapshot *s, const struct sip_host *host, const struct addr *local)
{
	const struct conf_domain *d =
	    is_our_port(s, host->port) ? conf_domain_find(s->conf, host->text) : NULL;
	bool us;

	if (d && (host->type == SIP_HOST_NAME || host->port == 0))
		return d;
	us = snapshot_is_us(s, host->text, host->port, local);
	/* A domain that is an address is one of us only where we listen. */
	if (d && us)
		return d;
	return us && s->conf->domains_count ? &s->conf->domains[0] : NULL;
}
