/* SPDX-License-Identifier: MIT
 *
 * Limits: the keys of an entry, and whether they go together. */
#include "conf/assemble.h"
#include "conf/build.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "event/event.h"

#define SECTION        "controls.limits"
#define EVENTS_MOST    65535 /* what windows and counts hold */
#define METHOD_LONGEST 32
#define ANSWER_PRESET  429

/* An entry at work. */
struct reading {
	struct assembly *a;
	const struct draft_limit *d;
	struct conf_limit *l;
};

static void wrong(const struct reading *r, const struct node *n, const char *key, const char *why)
{
	assemble_wrong(r->a, n, SECTION, r->l->name, key, why);
}

static bool by_load(const struct conf_limit *l)
{
	return l->algorithm == CONF_LIMIT_FEEDBACK || l->algorithm == CONF_LIMIT_NETWORK;
}

static void set_name(const struct reading *r, const struct draft_limit *first)
{
	const struct node *n = r->d->name;

	if (!n)
		return;
	if (!assemble_is_name(n->text)) {
		assemble_wrong(r->a, n, SECTION, SPAN(""), "name",
		    "must have 1 to 64 letters, digits, - _ or ., the first a letter or digit");
		return;
	}
	r->l->name = assemble_dup(r->a, n->text);
	for (const struct draft_limit *d = first; d < r->d; d++)
		if (d->name && span_eq(d->name->text, n->text)) {
			char text[80];
			struct buf why = BUF(text);

			buf_addf(&why, "another limit, in line %u, has this name", d->name->line);
			assemble_wrong(
			    r->a, n, SECTION, SPAN(""), "name", buf_terminate(&why) ? text : "");
			return;
		}
}

/* RFC 3261 §7.1: a token, and case counts. NULL: it is fine. */
static const char *method_problem(struct span m)
{
	bool token = m.n > 0 && m.n <= METHOD_LONGEST;

	for (size_t i = 0; token && i < m.n; i++) {
		unsigned char c = (unsigned char)m.p[i];

		if (c >= 'a' && c <= 'z')
			return "methods are written in capitals, like REGISTER";
		token =
		    (c >= 'A' && c <= 'Z') || ascii_is_digit((char)c) || strchr("-.!%*_+`'~", c);
	}
	if (!token)
		return "must be a method, like REGISTER";
	if (span_eq(m, SPAN("ACK")) || span_eq(m, SPAN("CANCEL")))
		return "ACK and CANCEL are never limited: they end what has begun";
	return NULL;
}

/* A method may be any token; one that nearly is a usual one would limit nothing. */
static void doubt_method(const struct reading *r, const struct node *n)
{
	const struct span usual[] = {SPAN("INVITE"), SPAN("BYE"), SPAN("OPTIONS"), SPAN("REGISTER"),
	    SPAN("PRACK"), SPAN("UPDATE"), SPAN("INFO"), SPAN("REFER"), SPAN("MESSAGE"),
	    SPAN("SUBSCRIBE"), SPAN("NOTIFY"), SPAN("PUBLISH")};
	struct span nearest = build_nearest(n->text, usual, ARRAY_LEN(usual));

	if (nearest.n && !span_eq(nearest, n->text))
		conf_errors_warn(r->a->errs, n->line, n->column,
		    SECTION ".%s.match.method \"%s\": no usual method, did you mean \"%.*s\"?",
		    conf_show(r->l->name).text, conf_show(n->text).text, SPAN_FMT(nearest));
}

static bool has_method(const struct conf_limit *l, struct span m)
{
	for (size_t i = 0; i < l->methods_count; i++)
		if (span_eq(l->methods[i], m))
			return true;
	return false;
}

/* One node after the other of one that is a text or a list. */
static const struct node *first_of(const struct node *n)
{
	return n && n->kind == NODE_LIST ? n->children : n;
}

static const struct node *next_of(const struct node *all, const struct node *n)
{
	return all->kind == NODE_LIST ? n->next : NULL;
}

static void set_methods(const struct reading *r)
{
	const struct node *all = r->d->method;
	struct span *methods = assemble_array(r->a, all ? all->count + 1 : 0, sizeof(*methods));

	if (!all || !methods)
		return;
	r->l->methods = methods;
	if (all->kind == NODE_LIST && !all->children)
		wrong(r, all, "match.method", "must name at least one method, or be left out");
	for (const struct node *n = first_of(all); n; n = next_of(all, n)) {
		const char *why = method_problem(n->text);

		if (!why && has_method(r->l, n->text))
			why = "stands here twice";
		if (why) {
			wrong(r, n, "match.method", why);
		} else {
			doubt_method(r, n);
			methods[r->l->methods_count++] = assemble_dup(r->a, n->text);
		}
	}
}

static void set_tiers(const struct reading *r)
{
	const struct node *all = r->d->tier;

	if (all && all->kind == NODE_LIST && !all->children)
		wrong(r, all, "match.tier", "must name at least one tier, or be left out");
	for (const struct node *n = first_of(all); n; n = next_of(all, n))
		r->l->tiers |= 1u << (EVENT_TIER_SUSPECT + schema_word_index(DRAFT_TIERS, n->text));
}

/* The names of an array of structs. */
struct names {
	const struct span *first;
	size_t stride, count;
	bool caseless;
};

/* Index of the one that n says, or CONF_NONE, reported. */
static size_t name_index(const struct reading *r, const struct node *n, const char *key,
    const char *what, struct names names)
{
	struct span *known = assemble_array(r->a, names.count, sizeof(*known));

	if (!n || !known)
		return CONF_NONE;
	for (size_t i = 0; i < names.count; i++) {
		const char *at = (const char *)names.first + i * names.stride;

		known[i] = *(const struct span *)(const void *)at;
		if (span_eq(known[i], n->text) || (names.caseless && span_ieq(known[i], n->text)))
			return i;
	}
	assemble_unknown_name(r->a, n, SECTION, r->l->name, key, what, known, names.count);
	return CONF_NONE;
}

static void set_match(const struct reading *r)
{
	const struct conf *c = r->a->conf;
	const struct draft_limit *d = r->d;
	struct conf_limit *l = r->l;

	set_methods(r);
	set_tiers(r);
	l->zone = name_index(r, d->zone, "match.zone", "zone",
	    (struct names){&c->zones->name, sizeof(*c->zones), c->zones_count, false});
	l->peer = name_index(r, d->peer, "match.peer", "peer",
	    (struct names){&c->peers->name, sizeof(*c->peers), c->peers_count, false});
	l->domain = name_index(r, d->domain, "match.domain", "domain",
	    (struct names){&c->domains->name, sizeof(*c->domains), c->domains_count, true});
	l->account = d->account == 0 ? -1 : d->account == 1;
}

static void set_rate(const struct reading *r)
{
	const struct node *n = r->d->rate;
	const char *why;
	struct rate rate = {0, 0};

	if (by_load(r->l)) {
		if (n)
			wrong(r, n, "rate", "feedback and network go by the load: remove it");
		return;
	}
	if (!n && tree_child(r->d->entry.node, "rate"))
		return; /* said already */
	if (!n) {
		conf_errors_report(r->a->errs, r->d->entry.node->line, r->d->entry.node->column,
		    SECTION "%s%.*s: lacks \"rate\", like 10/s", r->l->name.n ? "." : "",
		    SPAN_FMT(r->l->name));
		return;
	}
	why = value_rate(n->text, &rate);
	if (!why && (rate.events < 1 || rate.events > EVENTS_MOST))
		why = "must be between 1 and 65535 requests";
	if (why)
		wrong(r, n, "rate", why);
	r->l->events = rate.events;
	r->l->window = rate.window;
}

static void set_burst(const struct reading *r)
{
	const struct node *n = tree_child(r->d->entry.node, "burst");

	if (n && r->l->algorithm != CONF_LIMIT_TOKEN_BUCKET)
		wrong(r, n, "burst", "only a token-bucket has one: remove it");
	r->l->burst = r->d->burst ? (uint32_t)r->d->burst : r->l->events;
}

/* "80%" or "0.8". */
static bool read_share(struct span s, double *out_v)
{
	struct span whole;
	uint32_t v = 0, scale = 100;

	if (s.n > 1 && s.p[s.n - 1] == '%') {
		whole = span_of(s.p, s.n - 1);
	} else if (s.n > 2 && s.n < 8 && span_starts(s, SPAN("0."))) {
		whole = span_from(s, s.p + 2);
		scale = 1;
		for (size_t i = 0; i < whole.n; i++)
			scale *= 10;
	} else {
		return false;
	}
	if (span_to_u32(whole, scale, &v) != OK)
		return false;
	*out_v = (double)v / scale;
	return true;
}

static void set_target(const struct reading *r)
{
	const struct node *n = r->d->target;
	double v = r->l->algorithm == CONF_LIMIT_FEEDBACK ? 0.8 : 0.5;

	if (!by_load(r->l)) {
		if (n)
			wrong(r, n, "target", "only feedback and network have one: remove it");
		return;
	}
	if (n && (!read_share(n->text, &v) || v < 0.01 || v > 0.99))
		wrong(r, n, "target", "must be a share between 1% and 99%, like 80% or 0.8");
	r->l->target = v;
}

static void set_answer(const struct reading *r)
{
	const struct node *n = r->d->answer;
	uint32_t status = ANSWER_PRESET;
	const char *why = NULL;

	if (span_eq(n->text, SPAN("drop")))
		status = 0;
	else if (span_to_u32(n->text, 699, &status) != OK || status < 400)
		why = "must be a status code from 400 to 699, or drop";
	else if (status == 401 || status == 407)
		why = "is the question for a password, which this is not: 429 or 503 are usual";
	if (why)
		wrong(r, n, "answer", why);
	r->l->answer = status;
	r->l->retry_after = r->d->retry_after;
	n = tree_child(r->d->entry.node, "retry_after");
	if (!why && !status && n)
		wrong(r, n, "retry_after", "with answer: drop nobody is told: remove it");
}

static void set_per(const struct reading *r)
{
	const struct node *n = tree_child(r->d->entry.node, "per");
	struct conf_limit *l = r->l;

	l->per = r->d->per;
	if (!by_load(l))
		return;
	if (n && l->per != CONF_LIMIT_GLOBAL)
		wrong(r, n, "per", "the load is that of the machine: global, or leave it out");
	l->per = CONF_LIMIT_GLOBAL;
}

/* Keys of match that nothing can fulfil at once: the limit would seem to be there and never be. */
static void check_match(const struct reading *r)
{
	const struct conf_limit *l = r->l;
	const struct node *n = r->d->entry.node;
	const char *why = NULL;

	if (l->per == CONF_LIMIT_ACCOUNT && l->account == 0)
		why = "it is per account, and for requests that claim none";
	else if (l->per == CONF_LIMIT_PEER && l->account == 1)
		why = "it is per peer, and for requests of our accounts";
	else if (l->peer != CONF_NONE && l->account == 1)
		why = "what a peer sends is of no account of ours";
	else if (l->peer != CONF_NONE && l->per == CONF_LIMIT_ACCOUNT)
		why = "it is per account, and a peer has none";
	else if (l->peer != CONF_NONE && l->zone != CONF_NONE &&
		 r->a->conf->peers[l->peer].zone != l->zone)
		why = "its peer is in another zone";
	if (why)
		conf_errors_report(r->a->errs, n->line, n->column,
		    SECTION "%s%.*s: never limits anything: %s", l->name.n ? "." : "",
		    SPAN_FMT(l->name), why);
}

void assemble_limits(struct assembly *a)
{
	const struct draft_list *list = &a->draft->limits;
	const struct draft_limit *d = list->entries;
	struct conf_limit *limits = assemble_array(a, list->count, sizeof(*limits));

	if (!limits)
		return;
	a->conf->limits = limits;
	if (list->count > CONF_LIMITS_MAX)
		conf_errors_report(a->errs, d[CONF_LIMITS_MAX].entry.node->line,
		    d[CONF_LIMITS_MAX].entry.node->column, SECTION ": too many: at most %d",
		    CONF_LIMITS_MAX);
	for (size_t i = 0; i < list->count && !a->nomem; i++) {
		const struct reading r = {a, &d[i], &limits[i]};

		limits[i] = (struct conf_limit){.mode = d[i].mode, .algorithm = d[i].algorithm};
		set_name(&r, d);
		set_match(&r);
		set_per(&r);
		set_rate(&r);
		set_burst(&r);
		set_target(&r);
		set_answer(&r);
		check_match(&r);
		a->conf->limits_count++;
	}
}

struct span conf_limit_per_name(enum conf_limit_per p)
{
	return schema_word(DRAFT_PER, p);
}

struct span conf_limit_algorithm_name(enum conf_limit_algorithm a)
{
	return schema_word(DRAFT_LIMIT_ALGORITHMS, a);
}
