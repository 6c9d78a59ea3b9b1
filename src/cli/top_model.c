/* SPDX-License-Identifier: MIT */
#include "cli/top_model.h"

#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

enum err top_model_init(struct top_model *m)
{
	memset(m, 0, sizeof(*m));
	m->next = &m->pictures[0];
	m->now = &m->pictures[1];
	m->before = &m->pictures[2];
	for (size_t i = 0; i < ARRAY_LEN(m->pictures); i++) {
		m->pictures[i].sources = calloc(TOP_SOURCES, sizeof(struct top_source));
		if (!m->pictures[i].sources) {
			top_model_done(m);
			return ERR_NOMEM;
		}
	}
	return OK;
}

static void clear(struct top_picture *p)
{
	json_decref(p->figures);
	p->figures = NULL;
	p->at = 0;
	p->tiers = (struct top_tiers){.banned = 0};
	p->n = 0;
}

void top_model_done(struct top_model *m)
{
	for (size_t i = 0; i < ARRAY_LEN(m->pictures); i++) {
		clear(&m->pictures[i]);
		free(m->pictures[i].sources);
		m->pictures[i].sources = NULL;
	}
}

void top_model_begin(struct top_model *m)
{
	clear(m->next);
}

bool top_model_ready(const struct top_model *m)
{
	return m->now->figures != NULL;
}

/* ---- order ---- */

static double value_of(const struct top_source *s, enum standing_top_key key)
{
	switch (key) {
	case STANDING_TOP_RATE:
		return s->rate;
	case STANDING_TOP_DROPPED:
		return (double)s->dropped;
	case STANDING_TOP_SCORE:
		return s->score + s->unproven;
	case STANDING_TOP_FAILURES:
		return (double)s->failures;
	case STANDING_TOP_OFFENCES:
		return (double)s->offences;
	case STANDING_TOP_BANNED:
		return (double)s->banned_for;
	case STANDING_TOP_SEEN:
		return s->seen ? -(double)s->seen_ago : -1e18;
	case STANDING_TOP_KEYS:
		break;
	}
	return 0;
}

/* Greatest first; among equals who was refused most, then by name, so that rows keep still. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct top_source *x = a, *y = b;
	const enum standing_top_key *key = arg;
	double vx = value_of(x, *key), vy = value_of(y, *key);

	if (vx > vy || vx < vy)
		return vx > vy ? -1 : 1;
	if (x->dropped != y->dropped)
		return x->dropped > y->dropped ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void sort(struct top_picture *p, enum standing_top_key key)
{
	qsort_r(p->sources, p->n, sizeof(p->sources[0]), compare, &key);
}

static void reverse(struct top_picture *p)
{
	for (size_t i = 0, k = p->n; i + 1 < k; i++) {
		struct top_source s = p->sources[--k];

		p->sources[k] = p->sources[i];
		p->sources[i] = s;
	}
}

void top_model_sort(struct top_model *m, enum standing_top_key key, bool backwards)
{
	m->sort = key;
	m->reverse = backwards;
	sort(m->now, key);
	if (backwards)
		reverse(m->now);
}

/* ---- reading ---- */

static void copy(char *to, size_t size, struct span s)
{
	struct buf b = buf_of(to, size - 1);

	buf_add_escaped(&b, s, size); /* what does not fit is left out */
	to[b.n] = '\0';
}

static double number(const json_t *o, const char *key)
{
	double v = json_number_value(json_object_get(o, key));

	return v > 0 ? v : 0;
}

static enum event_tier tier_of(struct span name)
{
	for (unsigned t = EVENT_TIER_DENIED; t < EVENT_TIER_COUNT; t++)
		if (span_eq(name, span_str(event_tier_name((enum event_tier)t))))
			return (enum event_tier)t;
	return EVENT_TIER_UNKNOWN;
}

static void read_rates(struct top_source *s, const json_t *rates, double window)
{
	static const char *const names[LEDGER_METHODS] = {
	    [LEDGER_REGISTER] = "register",
	    [LEDGER_INVITE] = "invite",
	    [LEDGER_OPTIONS] = "options",
	    [LEDGER_OTHER] = "other",
	    [LEDGER_RESPONSE] = "response",
	};

	for (size_t i = 0; i < LEDGER_METHODS; i++) {
		s->methods[i] = window > 0 ? number(rates, names[i]) / window : 0;
		s->rate += s->methods[i];
	}
}

static void read_source(struct top_source *s, const json_t *o, double window)
{
	*s = (struct top_source){
	    .tier = tier_of(text_member(o, "tier")),
	    .proven = json_is_true(json_object_get(o, "proven")),
	    .manual = json_is_true(json_object_get(o, "manual")),
	    .drops = TOP_UNKNOWN,
	    .score = number(o, "score"),
	    .unproven = number(o, "unproven_score"),
	    .dropped = text_number(o, "dropped"),
	    .failures = text_number(o, "failures"),
	    .offences = text_number(o, "offences"),
	    .devices = text_number(o, "devices"),
	    .accounts = text_number(o, "accounts"),
	    .banned_for = text_number(o, "banned_for"),
	    .held_for = text_number(o, "held_for"),
	    .seen_ago = text_number(o, "seen_ago"),
	    .seen = json_is_integer(json_object_get(o, "seen_ago")),
	};
	copy(s->name, sizeof(s->name), text_member(o, "source"));
	copy(s->kind, sizeof(s->kind), text_member(o, "kind"));
	copy(s->reason, sizeof(s->reason), text_member(o, "reason"));
	read_rates(s, json_object_get(o, "rates"), window);
}

/* A picture that is full goes on with the better half. */
static struct top_source *new_source(struct top_model *m)
{
	struct top_picture *p = m->next;

	if (p->n == TOP_SOURCES) {
		sort(p, m->sort);
		p->n = TOP_SOURCES / 2;
	}
	return &p->sources[p->n++];
}

static void add_tiers(struct top_tiers *sum, const json_t *slice)
{
	const json_t *tiers = json_object_get(slice, "tiers");

	for (unsigned t = EVENT_TIER_DENIED; t < EVENT_TIER_COUNT; t++)
		sum->n[t] += text_number(tiers, event_tier_name((enum event_tier)t));
	sum->banned += text_number(slice, "banned");
	sum->held += text_number(slice, "held");
	sum->flows += text_number(slice, "flows");
}

/* ---- rates ---- */

static const json_t *counters_of(const struct top_picture *p)
{
	return json_object_get(p->figures, "counters");
}

double top_interval(const struct top_model *m)
{
	if (!m->before->figures || m->now->at <= m->before->at)
		return 0;
	return (double)(m->now->at - m->before->at) / USEC_SEC;
}

static double grown(uint64_t now, uint64_t before, double seconds)
{
	if (seconds <= 0)
		return TOP_UNKNOWN;
	return now > before ? (double)(now - before) / seconds : 0;
}

uint64_t top_count(const struct top_model *m, const char *name)
{
	return text_number(counters_of(m->now), name);
}

double top_rate(const struct top_model *m, const char *name)
{
	return grown(
	    top_count(m, name), text_number(counters_of(m->before), name), top_interval(m));
}

double top_rate_sum(const struct top_model *m, const char *begin)
{
	json_t *counters = json_object_get(m->now->figures, "counters"), *value;
	double sum = top_interval(m) > 0 ? 0 : TOP_UNKNOWN;
	const char *name;

	if (sum < 0)
		return sum;
	json_object_foreach(counters, name, value)
	{
		if (strncmp(name, begin, strlen(begin)) == 0)
			sum += top_rate(m, name);
	}
	return sum;
}

static uint64_t packets_of(const struct top_picture *p)
{
	const json_t *e = json_object_get(p->figures, "enforcement");
	const json_t *backends = json_object_get(e, "backends");
	uint64_t sum = 0;

	for (size_t i = 0; i < json_array_size(backends); i++)
		sum += text_number(json_array_get(backends, i), "packets");
	return sum;
}

double top_kernel_rate(const struct top_model *m)
{
	return grown(packets_of(m->now), packets_of(m->before), top_interval(m));
}

double top_lag(const struct top_model *m)
{
	const json_t *now = json_object_get(m->now->figures, "wait");
	const json_t *before = json_object_get(m->before->figures, "wait");
	uint64_t n = text_number(now, "samples"), n_before = text_number(before, "samples");
	uint64_t ns = text_number(now, "ns"), ns_before = text_number(before, "ns");

	if (top_interval(m) <= 0 || n <= n_before || ns < ns_before)
		return TOP_UNKNOWN;
	return (double)(ns - ns_before) / (double)(n - n_before) / 1000;
}

static int compare_reasons(const void *a, const void *b)
{
	const struct top_reason *x = a, *y = b;

	if (x->rate > y->rate || x->rate < y->rate)
		return x->rate > y->rate ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* What happens now first, then what happened most. */
static void find_reasons(struct top_model *m)
{
	json_t *now = json_object_get(m->now->figures, "reasons"), *value;
	const json_t *before = json_object_get(m->before->figures, "reasons");
	const char *name;

	m->reasons_n = 0;
	json_object_foreach(now, name, value)
	{
		struct top_reason *r = &m->reasons[m->reasons_n];

		if (m->reasons_n == ARRAY_LEN(m->reasons))
			break;
		copy(r->name, sizeof(r->name), span_str(name));
		r->total = text_number(now, name);
		r->rate = grown(r->total, text_number(before, name), top_interval(m));
		m->reasons_n += r->total > 0;
	}
	qsort(m->reasons, m->reasons_n, sizeof(m->reasons[0]), compare_reasons);
}

static void note_trend(struct top_model *m)
{
	double received = top_rate(m, "received.udp") + top_rate(m, "received.tcp") +
			  top_rate(m, "received.tls") + top_rate(m, "received.ws") +
			  top_rate(m, "received.wss");

	if (top_interval(m) <= 0)
		return;
	if (m->trend_n == TOP_TREND_MAX)
		memmove(m->trend, m->trend + 1, --m->trend_n * sizeof(m->trend[0]));
	m->trend[m->trend_n].received = received;
	m->trend[m->trend_n].refused = top_rate_sum(m, "gate.dropped.");
	m->trend_n++;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct top_source *)a)->name, ((const struct top_source *)b)->name);
}

/* The picture before gives its order away here: it is only looked up by name from now on. A source
 * that was told twice counts once. */
static void find_drops(struct top_model *m)
{
	struct top_picture *p = m->now;
	size_t n = 0;

	qsort(m->before->sources, m->before->n, sizeof(struct top_source), compare_names);
	qsort(p->sources, p->n, sizeof(struct top_source), compare_names);
	for (size_t i = 0; i < p->n; i++) {
		struct top_source *s = &p->sources[n];
		const struct top_source *old;

		if (n > 0 && compare_names(&p->sources[i], s - 1) == 0)
			continue;
		*s = p->sources[i];
		n++;
		old = bsearch(s, m->before->sources, m->before->n, sizeof(*s), compare_names);
		if (old)
			s->drops = grown(s->dropped, old->dropped, top_interval(m));
		/* Of a banned source nothing is counted but what is dropped; of a held one what is
		 * dropped is counted among the rest, too. */
		s->rate = MAX(s->rate, s->drops);
	}
	p->n = n;
}

/* Another process, or the same one before its clock: nothing to compare with. */
static bool is_other_process(const struct top_picture *now, const struct top_picture *before)
{
	return text_number(now->figures, "pid") != text_number(before->figures, "pid") ||
	       now->at <= before->at;
}

static void finish(struct top_model *m)
{
	struct top_picture *old = m->before;

	m->before = m->now;
	m->now = m->next;
	m->next = old;
	if (m->before->figures && is_other_process(m->now, m->before))
		clear(m->before);
	find_drops(m);
	find_reasons(m);
	note_trend(m);
	top_model_sort(m, m->sort, m->reverse);
}

enum err top_model_page(struct top_model *m, const json_t *reply, const char **out_cursor)
{
	const json_t *sources = json_object_get(reply, "sources");
	double window = number(reply, "rate_window") / USEC_SEC;
	const char *cursor = json_string_value(json_object_get(reply, "cursor"));

	if (!json_is_array(sources))
		return ERR_SYNTAX;
	if (!m->next->figures) {
		if (!json_is_object(json_object_get(reply, "counters")))
			return ERR_SYNTAX;
		m->next->figures = json_incref((json_t *)reply);
		m->next->at = text_number(reply, "now");
	}
	add_tiers(&m->next->tiers, json_object_get(reply, "slice"));
	for (size_t i = 0; i < json_array_size(sources); i++)
		read_source(new_source(m), json_array_get(sources, i), window);
	*out_cursor = cursor;
	if (!cursor)
		finish(m);
	return OK;
}

const struct top_source *top_find(const struct top_model *m, const char *name)
{
	for (size_t i = 0; i < m->now->n; i++)
		if (strcmp(m->now->sources[i].name, name) == 0)
			return &m->now->sources[i];
	return NULL;
}
