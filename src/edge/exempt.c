/* SPDX-License-Identifier: MIT */
#include "edge/exempt.h"

#include <stdio.h>

static struct addr address_of(const struct prefix *p)
{
	struct addr a = {0};

	memcpy(a.ip, p->ip, sizeof(a.ip));
	return a;
}

static struct prefix whole(const struct addr *a)
{
	struct prefix p = {.bits = 128};

	memcpy(p.ip, a->ip, sizeof(p.ip));
	return p;
}

static bool meet(const struct prefix *a, const struct prefix *b)
{
	const struct prefix *wide = a->bits <= b->bits ? a : b;
	struct addr narrow = address_of(wide == a ? b : a);

	return prefix_contains(wide, &narrow);
}

/* Names of the configuration have no characters that would need an escape. */
static bool found(const struct prefix *what, const struct prefix *p, const char *kind,
    struct span name, struct exempt *out_x)
{
	if (!meet(what, p))
		return false;
	out_x->prefix = *p;
	snprintf(out_x->name, sizeof(out_x->name), "%s%.*s", kind, SPAN_FMT(name));
	return true;
}

static bool found_target(const struct prefix *what, const struct conf_target *t, const char *kind,
    struct span name, struct exempt *out_x)
{
	struct prefix p = whole(&t->addr);

	return found(what, &p, kind, name, out_x);
}

static bool find_peer(const struct conf *c, const struct prefix *what, struct exempt *out_x)
{
	for (size_t i = 0; i < c->peers_count; i++) {
		const struct conf_peer *peer = &c->peers[i];

		for (size_t k = 0; k < peer->sources_count; k++)
			if (found(what, &peer->sources[k], "peer ", peer->name, out_x))
				return true;
		if (peer->has_target &&
		    found_target(what, &peer->target, "peer ", peer->name, out_x))
			return true;
	}
	return false;
}

static bool find_upstream(const struct conf *c, const struct prefix *what, struct exempt *out_x)
{
	for (size_t i = 0; i < c->upstreams_count; i++) {
		const struct conf_upstream *u = &c->upstreams[i];

		for (size_t k = 0; k < u->targets_count; k++)
			if (found_target(what, &u->targets[k], "upstream ", u->name, out_x))
				return true;
	}
	return false;
}

static bool find_listener(const struct conf *c, const struct prefix *what, struct exempt *out_x)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		struct prefix p = whole(&c->listeners[i].addr);

		if (!addr_is_unspecified(&c->listeners[i].addr) &&
		    found(what, &p, "our own address", SPAN(""), out_x))
			return true;
	}
	return false;
}

bool exempt_find(
    const struct conf *c, const struct trust *t, const struct prefix *what, struct exempt *out_x)
{
	if (find_peer(c, what, out_x))
		return true;
	for (size_t i = 0; i < c->standing.allow_count; i++)
		if (found(what, &c->standing.allow[i], "standing.allow", SPAN(""), out_x))
			return true;
	if (find_upstream(c, what, out_x) || find_listener(c, what, out_x))
		return true;
	for (size_t i = 0; i < t->never_n; i++)
		if (found(what, &t->never[i], "an address or a gateway of this machine", SPAN(""),
			out_x))
			return true;
	return false;
}

static void add_prefix(struct buf *b, const struct prefix *p)
{
	struct addr a = address_of(p);

	if (p->bits == 128)
		addr_add_ip(b, &a);
	else
		prefix_add(b, p);
}

void exempt_add_why(struct buf *b, const struct prefix *what, const struct exempt *x)
{
	bool same = what->bits == x->prefix.bits;

	add_prefix(b, what);
	buf_addf(b, " %s %s",
	    same                          ? "is"
	    : what->bits < x->prefix.bits ? "contains"
					  : "is part of",
	    x->name);
	if (same)
		return;
	buf_add_lit(b, " (");
	add_prefix(b, &x->prefix);
	buf_add_char(b, ')');
}
