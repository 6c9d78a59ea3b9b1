/* SPDX-License-Identifier: MIT
 *
 * What sources earn and what they may send: the allow-list and the weights. */
#include <string.h>

#include "conf/assemble.h"
#include "conf/schema.h"
#include "conf/value.h"

#define WEIGHT_MOST 1000

/* Bits of an allowed prefix that is not doubted: of IPv4 /8, of IPv6 /16. */
#define V4_WIDEST (96 + 8)
#define V6_WIDEST 16

/* Two halves of all addresses are all of them, too. */
static void doubt_width(struct assembly *a, const struct node *n, const struct prefix *p)
{
	static const struct addr first_v4 = {.ip = {[10] = 0xff, [11] = 0xff}};
	struct addr first = {.port = 0};
	bool v4;

	memcpy(first.ip, p->ip, sizeof(first.ip));
	v4 = addr_is_v4(&first) || prefix_contains(p, &first_v4);
	if (p->bits >= (v4 ? V4_WIDEST : V6_WIDEST))
		return;
	conf_errors_warn(a->errs, n->line, n->column,
	    "standing.allow \"%s\": so wide a prefix has strangers in it, whom nothing would ban "
	    "or "
	    "hold: name networks of yours, not shorter than %s",
	    conf_show(n->text).text, v4 ? "/8" : "/16");
}

static void assemble_allow(struct assembly *a)
{
	const struct node *list = a->draft->allow;
	struct prefix *allow = assemble_array(a, list ? list->count : 0, sizeof(*allow));
	size_t count = 0;

	if (!allow)
		return;
	for (const struct node *n = list ? list->children : NULL; n; n = n->next)
		if (assemble_prefix(a, n, "standing", SPAN(""), "allow",
			"takes in every address: nobody would ever be banned or held; to try that, "
			"use standing.mode and controls.flood.mode",
			&allow[count]))
			doubt_width(a, n, &allow[count++]);
	a->conf->standing.allow = allow;
	a->conf->standing.allow_count = count;
}

static void report_reason(struct assembly *a, const struct node *n)
{
	enum reason nearest = reason_nearest(n->key);

	if (nearest != REASON_NONE)
		conf_errors_report(a->errs, n->key_line, n->key_column,
		    "standing.weights.%s: no reason has this name, did you mean \"%s\"?",
		    conf_show(n->key).text, reason_info(nearest)->name);
	else
		conf_errors_report(a->errs, n->key_line, n->key_column,
		    "standing.weights.%s: no reason has this name; docs/reasons.md lists them",
		    conf_show(n->key).text);
}

/* What all customers do all day long. */
static bool is_ordinary(enum reason r)
{
	static const enum reason ordinary[] = {REASON_AUTH_OK, REASON_AUTH_RETRANSMISSION,
	    REASON_AUTH_CHALLENGE, REASON_AUTH_STALE, REASON_ROUTE_FORWARDED,
	    REASON_REGISTRAR_REGISTERED, REASON_REGISTRAR_REFRESHED, REASON_REGISTRAR_REMOVED,
	    REASON_REGISTRAR_FETCHED, REASON_CALL_START, REASON_CALL_ANSWERED, REASON_CALL_ENDED,
	    REASON_CALL_CANCELLED, REASON_CALL_FAILED};

	for (size_t i = 0; i < ARRAY_LEN(ordinary); i++)
		if (ordinary[i] == r)
			return true;
	return false;
}

/* A weight that may be meant, but bans customers. */
static void doubt_weight(struct assembly *a, const struct node *n, const struct conf_weight *w)
{
	const char *name = reason_info(w->reason)->name;

	if (is_ordinary(w->reason))
		conf_errors_warn(a->errs, n->line, n->column,
		    "standing.weights.%s: this is no fault, every phone does it: customers will be "
		    "banned",
		    name);
	else if (w->weight >= a->conf->standing.deny)
		conf_errors_warn(a->errs, n->line, n->column,
		    "standing.weights.%s: %u is not below standing.deny, which is %u: a single one "
		    "bans",
		    name, w->weight, a->conf->standing.deny);
}

static bool read_weight(struct assembly *a, const struct node *n, struct conf_weight *out_w)
{
	value_error error;
	uint64_t v = 0;

	if (reason_parse(n->key, &out_w->reason) != OK) {
		report_reason(a, n);
		return false;
	}
	error = value_count(n->text, &v);
	if (!error && v > WEIGHT_MOST)
		error = "must be between 0 and 1000";
	if (error)
		assemble_wrong(a, n, "standing.weights", n->key, NULL, error);
	out_w->weight = (uint32_t)v;
	if (!error && v)
		doubt_weight(a, n, out_w);
	return !error;
}

static void assemble_weights(struct assembly *a)
{
	const struct node *map = a->draft->weights;
	struct conf_weight *weights = assemble_array(a, map ? map->count : 0, sizeof(*weights));
	size_t count = 0;

	if (!weights)
		return;
	for (const struct node *n = map ? map->children : NULL; n; n = n->next)
		count += read_weight(a, n, &weights[count]);
	a->conf->standing.weights = weights;
	a->conf->standing.weights_count = count;
}

static bool is_written(const struct assembly *a, const char *key)
{
	const struct node *controls = tree_child(a->draft->root, "controls");
	const struct node *flood = controls ? tree_child(controls, "flood") : NULL;

	return flood && tree_child(flood, key);
}

/* Who changes one threshold need not write the others, too. */
static void follow_requests(struct assembly *a)
{
	struct conf_flood *f = &a->conf->flood;

	if (!f->requests)
		return;
	if (!is_written(a, "suspect_requests"))
		f->suspect_requests = MIN(f->suspect_requests, f->requests);
	if (!is_written(a, "known_requests"))
		f->known_requests = MAX(f->known_requests, f->requests);
}

void assemble_standing(struct assembly *a)
{
	follow_requests(a);
	assemble_allow(a);
	assemble_weights(a);
	a->conf->overload.retry_after = a->draft->retry_after_s * USEC_SEC;
}
