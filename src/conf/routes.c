/* SPDX-License-Identifier: MIT
 *
 * Routes: where requests go that are not for a local account. */
#include "conf/assemble.h"
#include "conf/value.h"

#define MATCH_LONGEST 128

static size_t find_peer(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->peers_count; i++)
		if (span_eq(c->peers[i].name, name))
			return i;
	return CONF_NONE;
}

static size_t find_upstream(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->upstreams_count; i++)
		if (span_eq(c->upstreams[i].name, name))
			return i;
	return CONF_NONE;
}

/* Reports a name that is neither of the two kinds that may stand there. */
static void report_unknown(struct assembly *a, const struct node *n, const char *key)
{
	const struct conf *c = a->conf;
	const bool from = key[0] == 'f';
	size_t others = from ? c->zones_count : c->upstreams_count, count = 0;
	struct span *known = assemble_array(a, c->peers_count + others, sizeof(*known));

	if (!known)
		return;
	for (size_t i = 0; i < c->peers_count; i++)
		known[count++] = c->peers[i].name;
	for (size_t i = 0; i < others; i++)
		known[count++] = from ? c->zones[i].name : c->upstreams[i].name;
	assemble_unknown_name(a, n, "routes", SPAN(""), key,
	    from ? "peer or zone" : "peer or upstream", known, count);
}

static void set_from(struct assembly *a, const struct node *n, struct conf_route *r)
{
	if (!n)
		return;
	r->from_peer = find_peer(a->conf, n->text);
	if (r->from_peer == CONF_NONE)
		r->from_zone = conf_zone_index(a->conf, n->text);
	if (r->from_peer == CONF_NONE && r->from_zone == CONF_NONE)
		report_unknown(a, n, "from");
}

static void set_to(struct assembly *a, const struct node *n, struct conf_route *r)
{
	const char *why = NULL;

	if (!n)
		return;
	r->to_peer = find_peer(a->conf, n->text);
	if (r->to_peer == CONF_NONE)
		r->to_upstream = find_upstream(a->conf, n->text);
	if (r->to_peer != CONF_NONE && !a->conf->peers[r->to_peer].has_target)
		why = "this peer has no single address to send to: give it a target: "
		      "sip:ADDRESS:PORT";
	else if (conf_zone_index(a->conf, n->text) != CONF_NONE)
		why = "is a zone: a route leads to a peer or upstream";
	else if (r->to_peer == CONF_NONE && r->to_upstream == CONF_NONE)
		report_unknown(a, n, "to");
	if (why)
		assemble_wrong(a, n, "routes", SPAN(""), "to", why);
}

static void set_match(struct assembly *a, const struct node *n, struct conf_route *r)
{
	const char *why = NULL;
	size_t escapes = 0;

	if (!n)
		return;
	while (escapes < n->text.n && n->text.p[n->text.n - 1 - escapes] == '\\')
		escapes++;
	if (!n->text.n)
		why = "must not be empty: leave it out to match any user";
	else if (n->text.n > MATCH_LONGEST)
		why = "is longer than 128 characters";
	else if (escapes % 2)
		why = "ends with a lone \\";
	for (size_t i = 0; !why && i < n->text.n; i++)
		if (n->text.p[i] <= ' ' || n->text.p[i] > '~')
			why = "must have printable ASCII characters only, no spaces";
	if (why)
		assemble_wrong(a, n, "routes", SPAN(""), "match", why);
	else
		r->match = assemble_dup(a, n->text);
}

static void set_domain(struct assembly *a, const struct node *n, struct conf_route *r)
{
	value_error error = n ? value_host(n->text) : NULL;

	if (error)
		assemble_wrong(a, n, "routes", SPAN(""), "domain", error);
	else if (n)
		r->domain = assemble_lower(a, n->text);
}

/* Everything that `later` takes has been taken by `r` before. */
static bool covers(const struct conf_route *r, const struct conf_route *later)
{
	if (r->from_peer != CONF_NONE && r->from_peer != later->from_peer)
		return false;
	if (r->from_zone != CONF_NONE && r->from_zone != later->from_zone)
		return false;
	if (r->match.n && !span_eq(r->match, SPAN("*")) && !span_eq(r->match, later->match))
		return false;
	return span_eq(r->domain, later->domain);
}

static void check_reached(
    struct assembly *a, const struct draft_route *d, const struct conf_route *routes, size_t i)
{
	const struct node *n = d[i].entry.node;

	for (size_t k = 0; k < i; k++)
		if (covers(&routes[k], &routes[i])) {
			conf_errors_warn(a->errs, n->line, n->column,
			    "routes: this route is never reached: the one in line %u takes all of "
			    "it",
			    d[k].entry.node->line);
			return;
		}
}

void assemble_routes(struct assembly *a)
{
	const struct draft_list *list = &a->draft->routes;
	const struct draft_route *d = list->entries;
	struct conf_route *routes = assemble_array(a, list->count, sizeof(*routes));

	if (!routes)
		return;
	a->conf->routes = routes;
	for (size_t i = 0; i < list->count && !a->nomem; i++) {
		size_t errors = a->errs->errors;

		routes[i] = (struct conf_route){.from_peer = CONF_NONE,
		    .from_zone = CONF_NONE,
		    .to_peer = CONF_NONE,
		    .to_upstream = CONF_NONE};
		set_from(a, d[i].from, &routes[i]);
		set_match(a, d[i].match, &routes[i]);
		set_domain(a, d[i].domain, &routes[i]);
		set_to(a, d[i].to, &routes[i]);
		if (a->errs->errors == errors)
			check_reached(a, d, routes, i);
		a->conf->routes_count++;
	}
}
