/* SPDX-License-Identifier: MIT
 *
 * Peers and upstreams: who is believed by address, and where requests are sent. */
#include <stdlib.h>

#include "conf/assemble.h"
#include "conf/value.h"

/* A prefix with the place that it was written at. */
struct source {
	struct prefix prefix;
	size_t peer;
	const struct node *node;
};

/* The zone must have a socket that such packets can leave by and come back to. */
static const char *unreachable(
    const struct conf *c, size_t zone, enum transport t, const struct addr *to)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		const struct conf_listener *l = &c->listeners[i];

		if (l->transport == t && addr_eq(&l->addr, to))
			return "is an address that we listen on ourselves";
	}
	for (size_t i = 0; i < c->zones[zone].listeners; i++) {
		const struct conf_listener *l = &c->listeners[c->zones[zone].first_listener + i];

		if (l->transport == t && addr_is_v4(&l->addr) == addr_is_v4(to))
			return NULL;
	}
	if (t == TRANSPORT_TCP)
		return addr_is_v4(to)
			   ? "its zone listens on no tcp IPv4 address, which answers need"
			   : "its zone listens on no tcp IPv6 address, which answers need";
	return addr_is_v4(to) ? "its zone listens on no udp IPv4 address, which answers need"
			      : "its zone listens on no udp IPv6 address, which answers need";
}

bool assemble_target(struct assembly *a, const struct node *n, const char *section,
    struct span name, const char *key, size_t zone, struct conf_target *out_target)
{
	struct conf_target t = {.backup = false};
	const char *why = value_target(n->text, &t.transport, &t.addr);

	if (!why && addr_is_unspecified(&t.addr))
		why = "must be the address of a server";
	if (!why && zone != CONF_NONE)
		why = unreachable(a->conf, zone, t.transport, &t.addr);
	if (why) {
		assemble_wrong(a, n, section, name, key, why);
		return false;
	}
	t.uri = assemble_dup(a, n->text);
	*out_target = t;
	return true;
}

/* Why the text is no prefix, after prefix_parse said so. */
static const char *prefix_problem(struct span text, enum err e)
{
	struct span bits = text, ip;
	struct addr a;
	uint32_t n;

	if (e != ERR_RANGE)
		return "must be an address or prefix, like 192.0.2.7, 192.0.2.0/24 or "
		       "2001:db8::/32";
	if (span_cut(&bits, '/', &ip) && addr_parse_ip(ip, &a) == OK &&
	    (span_to_u32(bits, 128, &n) != OK || (addr_is_v4(&a) && n > 32)))
		return "is too long a prefix: at most /32, for IPv6 /128";
	return "has bits set behind the prefix: write the first address of the network";
}

static bool takes_everyone(const struct prefix *p)
{
	static const struct addr first_v4 = {.ip = {[10] = 0xff, [11] = 0xff}};

	return p->bits == 0 || (p->bits == 96 && prefix_contains(p, &first_v4));
}

bool assemble_prefix(struct assembly *a, const struct node *n, const char *section,
    struct span name, const char *key, const char *everyone, struct prefix *out_p)
{
	enum err e = prefix_parse(n->text, out_p);
	const char *why = NULL;

	if (e)
		why = prefix_problem(n->text, e);
	else if (takes_everyone(out_p))
		why = everyone;
	if (why)
		assemble_wrong(a, n, section, name, key, why);
	return !why;
}

static bool read_prefix(
    struct assembly *a, const struct node *n, const struct conf_peer *peer, struct prefix *out_p)
{
	return assemble_prefix(a, n, "peers", peer->name, "sources",
	    "takes in every address: nobody would need a password", out_p);
}

/* Without a target of its own a peer is reached at its first source, where that is one address. */
static void set_peer_target(struct assembly *a, const struct draft_peer *d, struct conf_peer *peer)
{
	struct addr to = {.port = 5060};
	char text[ADDR_TEXT_MAX + 8];
	struct buf b = BUF(text);

	if (d->target) {
		peer->has_target = assemble_target(
		    a, d->target, "peers", peer->name, "target", peer->zone, &peer->target);
		return;
	}
	if (!peer->sources_count || peer->sources[0].bits != 128 || peer->zone == CONF_NONE)
		return;
	memcpy(to.ip, peer->sources[0].ip, sizeof(to.ip));
	if (unreachable(a->conf, peer->zone, TRANSPORT_UDP, &to))
		return;
	buf_add_lit(&b, "sip:");
	addr_add(&b, &to);
	peer->has_target = true;
	peer->target = (struct conf_target){
	    .uri = assemble_dup(a, buf_span(&b)), .addr = to, .transport = TRANSPORT_UDP};
}

static void add_peer(struct assembly *a, const struct draft_peer *d, struct conf_peer *peer,
    struct source *sources, size_t *sources_count)
{
	struct prefix *prefixes;

	peer->name = assemble_dup(a, d->entry.node->key);
	peer->zone = d->zone ? assemble_zone_ref(a, d->zone, "peers", peer->name) : CONF_NONE;
	peer->requests = d->requests;
	prefixes = assemble_array(a, d->sources ? d->sources->count : 0, sizeof(*prefixes));
	if (!prefixes)
		return;
	peer->sources = prefixes;
	if (d->sources && !d->sources->children)
		assemble_wrong(a, d->sources, "peers", peer->name, "sources",
		    "must have at least one address or prefix");
	for (const struct node *n = d->sources ? d->sources->children : NULL; n; n = n->next)
		if (read_prefix(a, n, peer, &prefixes[peer->sources_count]))
			sources[(*sources_count)++] = (struct source){
			    prefixes[peer->sources_count++], (size_t)(peer - a->conf->peers), n};
	set_peer_target(a, d, peer);
}

static int compare_sources(const void *x, const void *y)
{
	const struct source *a = x, *b = y;
	int c = memcmp(a->prefix.ip, b->prefix.ip, sizeof(a->prefix.ip));

	if (c == 0)
		c = (a->prefix.bits > b->prefix.bits) - (a->prefix.bits < b->prefix.bits);
	return c ? c : (a->node->line > b->node->line) - (a->node->line < b->node->line);
}

static bool source_holds(const struct source *wide, const struct source *narrow)
{
	struct addr first = {.port = 0};

	memcpy(first.ip, narrow->prefix.ip, sizeof(first.ip));
	return wide->prefix.bits <= narrow->prefix.bits && prefix_contains(&wide->prefix, &first);
}

/* One of two overlapping sources; the wider one, or the one written first, is `wide`. */
static void report_overlap(
    struct assembly *a, const struct source *wide, const struct source *narrow)
{
	const struct conf_peer *peer = &a->conf->peers[narrow->peer];
	struct span other = a->conf->peers[wide->peer].name;
	const struct node *n = narrow->node;
	char text[256];
	struct buf why = BUF(text);

	if (wide->prefix.bits == narrow->prefix.bits) {
		buf_addf(&why, "is a source of peer \"%.*s\" already", SPAN_FMT(other));
		assemble_wrong(
		    a, n, "peers", peer->name, "sources", buf_terminate(&why) ? text : "");
	} else if (wide->peer == narrow->peer) {
		conf_errors_warn(a->errs, n->line, n->column,
		    "peers.%s.sources \"%s\": lies within %s, which is a source already",
		    conf_show(peer->name).text, conf_show(n->text).text,
		    conf_show(wide->node->text).text);
	} else {
		conf_errors_warn(a->errs, n->line, n->column,
		    "peers.%s.sources \"%s\": lies within %s of peer \"%s\": the longer prefix "
		    "wins",
		    conf_show(peer->name).text, conf_show(n->text).text,
		    conf_show(wide->node->text).text, conf_show(other).text);
	}
}

/* Each source against its nearest surroundings in the same zone. */
static void check_overlaps(struct assembly *a, struct source *v, size_t n)
{
	const struct source *open[130];
	size_t depth;

	qsort(v, n, sizeof(*v), compare_sources);
	for (size_t zone = 0; zone < a->conf->zones_count; zone++) {
		depth = 0;
		for (size_t i = 0; i < n; i++) {
			if (a->conf->peers[v[i].peer].zone != zone)
				continue;
			while (depth && !source_holds(open[depth - 1], &v[i]))
				depth--;
			if (depth)
				report_overlap(a, open[depth - 1], &v[i]);
			if (!depth || open[depth - 1]->prefix.bits != v[i].prefix.bits)
				open[depth++] = &v[i];
		}
	}
}

void assemble_peers(struct assembly *a)
{
	const struct draft_list *list = &a->draft->peers;
	const struct draft_peer *d = list->entries;
	struct conf_peer *peers = assemble_array(a, list->count, sizeof(*peers));
	struct source *sources;
	size_t total = 0, count = 0;

	for (size_t i = 0; i < list->count; i++)
		total += d[i].sources ? d[i].sources->count : 0;
	sources = assemble_array(a, total, sizeof(*sources));
	if (!peers || !sources)
		return;
	a->conf->peers = peers;
	for (size_t i = 0; i < list->count && !a->nomem; i++) {
		const struct node *n = d[i].entry.node;

		if (assemble_check_name(a, n, "peers") &&
		    conf_zone_index(a->conf, n->key) != CONF_NONE)
			conf_errors_report(a->errs, n->key_line, n->key_column,
			    "peers.%s: a zone has this name: choose another, routes could not tell "
			    "them "
			    "apart",
			    conf_show(n->key).text);
		add_peer(a, &d[i], &peers[i], sources, &count);
		a->conf->peers_count++;
	}
	check_overlaps(a, sources, count);
}

static const struct node *target_uri(
    struct assembly *a, const struct node *n, struct span name, bool *out_backup)
{
	const struct node *uri = n->kind == NODE_SCALAR ? n : tree_child(n, "uri");
	value_error error;

	*out_backup = false;
	for (const struct node *c = n->children; c; c = c->next)
		if (span_eq(c->key, SPAN("backup"))) {
			error = c->kind == NODE_SCALAR ? value_bool(c->text, out_backup)
						       : "must be true or false";
			if (error)
				assemble_wrong(a, c, "upstreams", name, "targets.backup", error);
		} else if (!span_eq(c->key, SPAN("uri"))) {
			conf_errors_report(a->errs, c->key_line, c->key_column,
			    "upstreams.%s.targets.%s: unknown key; known here: uri, backup",
			    conf_show(name).text, conf_show(c->key).text);
		}
	if (!uri || uri->kind != NODE_SCALAR || tree_is_absent(uri)) {
		conf_errors_report(a->errs, n->line, n->column,
		    "upstreams.%s.targets: an item lacks \"uri\", like {uri: sip:192.0.2.1:5060}",
		    conf_show(name).text);
		return NULL;
	}
	return uri;
}

/* Backups stand behind the others, which keep their order. */
static void order_targets(struct conf_target *v, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct conf_target t = v[i];

		if (t.backup)
			continue;
		memmove(&v[k + 1], &v[k], (i - k) * sizeof(*v));
		v[k++] = t;
	}
}

static void add_upstream(
    struct assembly *a, const struct draft_upstream *d, struct conf_upstream *u)
{
	struct conf_target *targets =
	    assemble_array(a, d->targets ? d->targets->count : 0, sizeof(*targets));

	u->name = assemble_dup(a, d->entry.node->key);
	u->zone = d->zone ? assemble_zone_ref(a, d->zone, "upstreams", u->name) : CONF_NONE;
	u->targets = targets;
	if (!targets || !d->targets)
		return;
	if (!d->targets->children)
		assemble_wrong(a, d->targets, "upstreams", u->name, "targets",
		    "must have at least one server, like sip:192.0.2.1:5060");
	for (const struct node *n = d->targets->children; n; n = n->next) {
		bool backup;
		const struct node *uri = target_uri(a, n, u->name, &backup);
		struct conf_target *t = &targets[u->targets_count];

		if (!uri || !assemble_target(a, uri, "upstreams", u->name, "targets", u->zone, t))
			continue;
		t->backup = backup;
		u->targets_count++;
	}
	order_targets(targets, u->targets_count);
}

void assemble_upstreams(struct assembly *a)
{
	const struct draft_list *list = &a->draft->upstreams;
	const struct draft_upstream *d = list->entries;
	struct conf_upstream *upstreams = assemble_array(a, list->count, sizeof(*upstreams));

	if (!upstreams)
		return;
	a->conf->upstreams = upstreams;
	for (size_t i = 0; i < list->count && !a->nomem; i++) {
		const struct node *n = d[i].entry.node;
		bool taken = conf_zone_index(a->conf, n->key) != CONF_NONE;

		for (size_t k = 0; k < a->conf->peers_count; k++)
			taken = taken || span_eq(a->conf->peers[k].name, n->key);
		if (assemble_check_name(a, n, "upstreams") && taken)
			conf_errors_report(a->errs, n->key_line, n->key_column,
			    "upstreams.%s: a zone or peer has this name: choose another, routes "
			    "could not "
			    "tell them apart",
			    conf_show(n->key).text);
		add_upstream(a, &d[i], &upstreams[i]);
		a->conf->upstreams_count++;
	}
}
