/* SPDX-License-Identifier: MIT
 *
 * Zones with their listeners, and domains. */
#include <stdlib.h>

#include "conf/assemble.h"
#include "conf/value.h"

static void set_advertise(struct assembly *a, const struct draft_zone *z, struct conf_zone *zone)
{
	struct span host;
	struct addr ip;
	uint16_t port;
	value_error error;

	if (!z->advertise)
		return;
	error = value_host_port(z->advertise->text, &host, &port);
	if (!error && addr_parse_ip(host, &ip) == OK && addr_is_unspecified(&ip))
		error = "must be an address or name that others can reach";
	if (error) {
		assemble_wrong(a, z->advertise, "zones", zone->name, "advertise", error);
		return;
	}
	zone->advertise_host = assemble_dup(a, host);
	zone->advertise_port = port;
}

/* How the listener calls itself towards others. */
static void name_listener(struct assembly *a, const struct conf_zone *zone, struct conf_listener *l)
{
	char text[320];
	struct buf b = BUF(text);

	if (zone->advertise_host.n)
		l->host = zone->advertise_host;
	else {
		addr_add_ip_ref(&b, &l->addr);
		l->host = assemble_dup(a, buf_span(&b));
	}
	l->port = zone->advertise_port ? zone->advertise_port : l->addr.port;
	b = BUF(text);
	buf_add_span(&b, l->host);
	buf_add_char(&b, ':');
	buf_add_u64(&b, l->port);
	l->sent_by = assemble_dup(a, buf_span(&b));
}

static bool is_free(struct assembly *a, const struct node *n, const struct conf_zone *zone,
    const struct conf_listener *l)
{
	char text[256];
	struct buf why = BUF(text);

	for (size_t i = 0; i < a->conf->listeners_count; i++) {
		const struct conf_listener *other = &a->conf->listeners[i];

		if (other->transport != l->transport || !addr_eq(&other->addr, &l->addr))
			continue;
		buf_addf(&why, "zone \"%.*s\" listens there already",
		    SPAN_FMT(a->conf->zones[other->zone].name));
		assemble_wrong(
		    a, n, "zones", zone->name, "listen", buf_terminate(&why) ? text : "");
		return false;
	}
	return true;
}

static void add_listener(struct assembly *a, const struct node *n, const struct draft_zone *z,
    struct conf_zone *zone, struct conf_listener *l)
{
	value_error error = value_listen(n->text, &l->transport, &l->addr);

	if (!error && addr_is_unspecified(&l->addr) && !z->advertise)
		error = "the zone needs \"advertise\": others cannot reach us at the unspecified "
			"address";
	if (!error && a->conf->listeners_count == CONF_LISTENERS_MAX)
		error = "too many listeners: at most 64 in all";
	if (error) {
		assemble_wrong(a, n, "zones", zone->name, "listen", error);
		return;
	}
	l->zone = (size_t)(zone - a->conf->zones);
	if (!is_free(a, n, zone, l))
		return;
	l->text = assemble_dup(a, n->text);
	name_listener(a, zone, l);
	a->conf->listeners_count++;
	zone->listeners++;
}

static void add_zone(struct assembly *a, const struct draft_zone *z, struct conf_zone *zone,
    struct conf_listener *listeners)
{
	zone->name = assemble_dup(a, z->entry.node->key);
	zone->trust = z->trust;
	zone->first_listener = a->conf->listeners_count;
	if (z->require_tls)
		conf_errors_report(a->errs, tree_child(z->entry.node, "require_tls")->line,
		    tree_child(z->entry.node, "require_tls")->column,
		    "zones.%s.require_tls \"true\": needs TLS, which this version does not have: "
		    "use "
		    "false",
		    conf_show(zone->name).text);
	set_advertise(a, z, zone);
	if (!z->listen)
		return;
	if (!z->listen->children)
		assemble_wrong(a, z->listen, "zones", zone->name, "listen",
		    "must have at least one address, like udp:192.0.2.1:5060");
	for (const struct node *n = z->listen->children; n; n = n->next)
		add_listener(a, n, z, zone, &listeners[a->conf->listeners_count]);
}

void assemble_zones(struct assembly *a)
{
	const struct draft_list *list = &a->draft->zones;
	const struct draft_zone *z = list->entries;
	struct conf_zone *zones = assemble_array(a, list->count, sizeof(*zones));
	struct conf_listener *listeners =
	    assemble_array(a, CONF_LISTENERS_MAX + 1, sizeof(*listeners));

	if (!zones || !listeners)
		return;
	a->conf->zones = zones;
	a->conf->listeners = listeners;
	for (size_t i = 0; i < list->count; i++) {
		assemble_check_name(a, z[i].entry.node, "zones");
		add_zone(a, &z[i], &zones[i], listeners);
		a->conf->zones_count++;
	}
	if (list->written && !tree_child(a->draft->root, "zones")->count)
		conf_errors_report(a->errs, tree_child(a->draft->root, "zones")->line,
		    tree_child(a->draft->root, "zones")->column,
		    "zones: must have at least one zone, like public: {listen: "
		    "[udp:192.0.2.1:5060]}");
}

static void check_registrar(struct assembly *a, const struct draft_domain *d, struct span name)
{
	if (d->registrar && !span_eq(d->registrar->text, SPAN("local")))
		assemble_wrong(a, d->registrar, "domains", name, "registrar",
		    "this version keeps registrations itself: use local, and a route for the calls "
		    "of "
		    "others");
}

struct named {
	struct span name;
	const struct node *node;
};

static int compare_names(const void *x, const void *y)
{
	const struct named *a = x, *b = y;
	int c = memcmp(a->name.p, b->name.p, MIN(a->name.n, b->name.n));

	if (c == 0 && a->name.n != b->name.n)
		c = a->name.n < b->name.n ? -1 : 1;
	return c ? c
		 : (a->node->key_line > b->node->key_line) -
		       (a->node->key_line < b->node->key_line);
}

/* The same but for case is the same domain; the same to the letter the tree has reported. */
static void check_twins(struct assembly *a, struct named *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare_names);
	for (size_t i = 1; i < n; i++)
		if (span_eq(v[i].name, v[i - 1].name) &&
		    !span_eq(v[i].node->key, v[i - 1].node->key))
			conf_errors_report(a->errs, v[i].node->key_line, v[i].node->key_column,
			    "domains.%s: is the same domain as in line %u: case does not count",
			    conf_show(v[i].node->key).text, v[i - 1].node->key_line);
}

void assemble_domains(struct assembly *a)
{
	const struct draft_list *list = &a->draft->domains;
	const struct draft_domain *d = list->entries;
	struct conf_domain *domains = assemble_array(a, list->count, sizeof(*domains));
	struct named *names = assemble_array(a, list->count, sizeof(*names));

	if (!domains || !names)
		return;
	for (size_t i = 0; i < list->count; i++) {
		const struct node *n = d[i].entry.node;
		value_error error = value_host(n->key);
		struct span name = assemble_lower(a, n->key);

		if (error)
			conf_errors_report(a->errs, n->key_line, n->key_column, "domains.%s: %s",
			    conf_show(n->key).text, error);
		check_registrar(a, &d[i], n->key);
		if (!name.p)
			return;
		domains[i].name = name;
		names[i] = (struct named){name, n};
	}
	a->conf->domains = domains;
	a->conf->domains_count = list->count;
	check_twins(a, names, list->count);
	if (list->written && !tree_child(a->draft->root, "domains")->count)
		conf_errors_report(a->errs, tree_child(a->draft->root, "domains")->line,
		    tree_child(a->draft->root, "domains")->column,
		    "domains: must have at least one domain, like example.com: {registrar: local}");
}
