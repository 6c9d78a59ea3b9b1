/* SPDX-License-Identifier: MIT */
#include "cli/why_text.h"

#include <stdlib.h>

#include "cli/reason_keys.h"
#include "cli/text.h"
#include "cli/why_pieces.h"

#define SHOWN    64
#define LABEL    10              /* columns of a label, and of the time before a line */
#define TOGETHER (10 * USEC_MIN) /* the same within this time is one line */
#define OPEN     6
#define NAMES    5
#define REASONS  6

/* What becomes one entry of the story. */
struct entry {
	const struct why_item *first, *last;
	usec_t until;
	uint64_t count;
	bool several; /* To was not always the same */
};

struct telling {
	struct buf *b;
	const struct why_story *s;
	const struct why_text *o;
	struct entry *entries;
	size_t n;
	bool told[REASON_COUNT]; /* its meaning */
	struct span agent;       /* the last User-Agent that was named */
	double score;            /* after the entry before */
	struct span tier;
	bool unproven; /* what counted last may have been forged */
};

/* ---- entries ---- */

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	return span_eq(text_member(a, key), text_member(b, key));
}

static bool is_same(const struct why_story *s, const json_t *a, const json_t *b)
{
	const json_t *x = json_object_get(a, "source"), *y = json_object_get(b, "source");

	return same_text(json_object_get(a, "sip"), json_object_get(b, "sip"), "method") &&
	       same_text(a, b, "reason") && same_text(a, b, "verdict") && same_text(a, b, "mode") &&
	       same_text(a, b, "account") && same_text(a, b, "several") &&
	       same_text(a, b, "event") && (s->single || same_text(x, y, "ip"));
}

/* After it things are not as before, so nothing later is told above it. */
static bool is_turn(const json_t *event)
{
	struct span kind = text_member(event, "event");

	return span_eq(kind, SPAN("standing")) || span_eq(kind, SPAN("finding")) ||
	       span_eq(kind, SPAN("daemon"));
}

/* One of the last entries that this is one more of. */
static struct entry *find_open(struct telling *t, const struct why_item *item)
{
	for (size_t i = t->n; i-- > 0 && t->n - i <= OPEN;) {
		struct entry *e = &t->entries[i];

		if (is_same(t->s, e->first->event, item->event))
			return item->wall < e->until + TOGETHER ? e : NULL;
		if (is_turn(e->first->event))
			return NULL;
	}
	return NULL;
}

static void group(struct telling *t)
{
	for (size_t i = 0; i < t->s->n; i++) {
		const struct why_item *item = &t->s->items[i];
		struct entry *e = find_open(t, item);

		if (!e) {
			e = &t->entries[t->n++];
			*e = (struct entry){.first = item};
		}
		if (e->last && !same_text(json_object_get(e->last->event, "sip"),
				   json_object_get(item->event, "sip"), "to"))
			e->several = true;
		e->last = item;
		e->until = MAX(e->until, item->until);
		e->count += item->count;
	}
}

static void add_verdict(struct buf *b, const json_t *e)
{
	struct span verdict = text_member(e, "verdict"), kind = text_member(e, "event");
	bool observed = span_eq(text_member(e, "mode"), SPAN("observe"));
	uint64_t status = text_number(e, "status");
	double window = why_number(json_object_get(e, "evidence"), "window");
	const char *was = observed ? "would have been " : "";

	if (span_eq(text_member(e, "reason"), SPAN("standing.enforced"))) {
		buf_add_lit(b, ": dropped by the kernel for ");
		text_add_time(b, why_whole_of(window));
	} else if (span_eq(kind, SPAN("standing")) && window > 0 &&
		   span_starts(text_member(e, "reason"), SPAN("standing."))) {
		buf_addf(b, ": %sbanned for ", was);
		text_add_time(b, why_whole_of(window));
	} else if (span_eq(verdict, SPAN("drop"))) {
		buf_addf(b, ": %sdropped without an answer", was);
	} else if (span_eq(verdict, SPAN("challenge"))) {
		buf_addf(b, ": %sasked for a password (%llu)", was, (unsigned long long)status);
	} else if (span_eq(verdict, SPAN("reply"))) {
		buf_addf(b, ": %srefused with %llu", was, (unsigned long long)status);
	} else if (span_eq(kind, SPAN("verdict"))) {
		buf_addf(b, ": %slet through", was);
		if (status)
			buf_addf(b, ", answered %llu", (unsigned long long)status);
	} else if (span_eq(kind, SPAN("call")) && status) {
		buf_addf(b, ": answered %llu", (unsigned long long)status);
	} else if (observed) {
		buf_add_lit(b, ": observed only");
	}
}

/* What is known of the last one of several. */
static double last_number(const json_t *e, const char *last, const char *only)
{
	return json_object_get(e, last) ? why_number(e, last) : why_number(e, only);
}

static struct span last_text(const json_t *e, const char *last, const char *only)
{
	return json_object_get(e, last) ? text_member(e, last) : text_member(e, only);
}

static void add_sep(struct buf *b, const char *sep)
{
	if (b->n)
		buf_add_span(b, span_str(sep));
}

/* Which message, from where. */
static void add_message(struct telling *t, struct buf *b, const struct entry *entry)
{
	const json_t *e = entry->first->event, *sip = json_object_get(e, "sip");
	const json_t *source = json_object_get(e, "source");
	struct span account = text_member(e, "account"), method = text_member(sip, "method");
	struct span to = text_member(sip, "to"), agent = text_member(sip, "user_agent");
	struct span several = text_member(e, "several"), id = text_member(sip, "call_id");

	if (method.n)
		why_add_text(b, method);
	if (span_eq(several, SPAN("accounts")))
		buf_addf(b, "%sof several accounts, the first ", b->n ? " " : "");
	else if (account.n && b->n)
		buf_add_lit(b, " of ");
	why_add_text(b, account);
	if (to.n && !span_ieq(event_uri_account(to), account)) {
		add_sep(b, " ");
		buf_addf(b, "to %s", entry->several ? "several, the first " : "");
		why_add_text(b, to);
	}
	if (json_is_object(source) && (!t->s->single || text_member(source, "transport").n)) {
		add_sep(b, " ");
		buf_add_lit(b, "from ");
		if (t->s->single)
			buf_add_lit(b, "port ");
		else
			why_add_text(b, text_member(source, "ip"));
		if (text_member(source, "transport").n) {
			buf_addf(b, "%s%llu", t->s->single ? "" : " port ",
			    (unsigned long long)text_number(source, "port"));
			buf_addf(b, " over ");
			why_add_text(b, text_member(source, "transport"));
		}
		if (span_eq(several, SPAN("sources")))
			buf_add_lit(b, " and others of its prefix");
	}
	if (agent.n && !span_eq(agent, t->agent)) {
		buf_add_lit(b, ", User-Agent ");
		why_add_text(b, agent);
		t->agent = agent;
	}
	if (id.n && t->s->kind != WHY_CALL && entry->count == 1 &&
	    !span_eq(method, SPAN("REGISTER"))) {
		buf_add_lit(b, ", Call-ID ");
		why_add_text(b, id);
	}
}

/* "nftables, 0.7 ms after it was decided". */
static void add_enforced(struct buf *b, const json_t *evidence)
{
	add_sep(b, "; ");
	why_add_text(b, text_member(evidence, "name"));
	buf_addf(b, ", %.1f ms after it was decided", why_number(evidence, "value"));
}

/* The figure and what it was held against. */
static void add_evidence(struct buf *b, const struct entry *entry)
{
	const json_t *e = entry->first->event, *ev = json_object_get(e, "evidence");
	const json_t *last = entry->last->event;
	bool of_standing = span_starts(text_member(e, "reason"), SPAN("standing."));
	double value = json_object_get(last, "last_value")
			   ? why_number(last, "last_value")
			   : why_number(json_object_get(last, "evidence"), "value");

	if (span_eq(text_member(e, "reason"), SPAN("standing.enforced"))) {
		add_enforced(b, ev);
		return;
	}
	if (text_member(ev, "value").n) {
		add_sep(b, "; ");
		buf_add_lit(b, "evidence: ");
		why_add_text(b, text_member(ev, "value"));
		return;
	}
	if (!json_is_number(json_object_get(ev, "value")))
		return;
	add_sep(b, "; ");
	if (!of_standing && text_member(ev, "name").n) {
		why_add_text(b, text_member(ev, "name"));
		buf_add_lit(b, ": ");
	}
	if (of_standing)
		buf_add_lit(b, "score ");
	why_add_number(b, why_number(ev, "value"));
	if (entry->count > 1 && value > why_number(ev, "value") && !of_standing) {
		buf_add_lit(b, " to ");
		why_add_number(b, value);
	}
	if (json_is_number(json_object_get(ev, "window")) && !of_standing) {
		buf_add_lit(b, " in ");
		text_add_time(b, why_whole(ev, "window"));
	}
	if (json_is_number(json_object_get(ev, "threshold"))) {
		buf_addf(b, of_standing ? ", reached " : ", allowed ");
		why_add_number(b, why_number(ev, "threshold"));
	}
	if (of_standing && text_member(ev, "name").n) {
		buf_add_lit(b, " by ");
		why_add_text(b, text_member(ev, "name"));
	}
}

static uint32_t weight_of(const struct telling *t, enum reason r)
{
	const json_t *weights =
	    json_object_get(json_object_get(t->s->present, "policy"), "weights");

	if (weights)
		return (uint32_t)text_number(weights, reason_name(r));
	return reason_weight(r, t->s->conf);
}

/* Where one that counted may have been forged, and where it showed that it was not. */
static void add_proof(struct telling *t, struct buf *b, const json_t *e)
{
	const json_t *source = json_object_get(e, "source");
	bool proven = json_is_true(json_object_get(source, "proven"));

	if (!json_is_object(source) || !t->s->single || (proven && !t->unproven))
		return;
	buf_addf(b, "; %s",
	    proven ? "proven: it receives at its address" : "may be forged, so it bans nobody");
	t->unproven = !proven;
}

/* Weight, score and tier where there is something to tell of them. */
static void add_score(struct telling *t, struct buf *b, const struct entry *entry, enum reason r)
{
	const json_t *e = entry->last->event;
	double score = last_number(e, "last_score", "score");
	struct span tier = last_text(e, "last_tier", "tier");
	bool change = reason_info(r)->control == CONTROL_STANDING;
	uint32_t weight = weight_of(t, r);

	if (!tier.n || (!weight && !change) || r == REASON_STANDING_ENFORCED)
		return;
	if (weight && span_eq(text_member(e, "mode"), SPAN("observe"))) {
		add_sep(b, "; ");
		buf_addf(b, "would add a weight of %u", weight);
		return;
	}
	if (weight) {
		add_sep(b, "; ");
		buf_addf(b, "weight %u%s, ", weight, score > 0 ? "" : ", not held against it");
		buf_add_lit(b, "score ");
		if (t->score > 0 && score > 0 && t->s->single)
			buf_addf(b, "%.1f -> ", t->score);
		buf_addf(b, "%.1f", score);
	}
	if (!span_eq(tier, t->tier) || !t->s->single) {
		add_sep(b, weight ? ", " : "; ");
		buf_add_lit(b, "tier ");
		if (t->tier.n && t->s->single) {
			why_add_text(b, t->tier);
			buf_add_lit(b, " -> ");
		}
		why_add_text(b, tier);
	}
	if (weight && score > 0)
		add_proof(t, b, e);
	t->score = score;
	t->tier = tier;
}

static void add_first_line(struct telling *t, const struct entry *entry)
{
	const json_t *e = entry->first->event;
	char text[WHY_PIECE_MAX];
	struct buf b = BUF(text);

	why_add_local(t->b, entry->first->wall, WHY_CLOCK);
	buf_add_lit(t->b, "  ");
	why_add_text(&b, text_member(e, "reason"));
	add_verdict(&b, e);
	if (entry->count > 1)
		buf_addf(&b, ", %llu times", (unsigned long long)entry->count);
	if (entry->until / USEC_SEC > entry->first->wall / USEC_SEC) {
		buf_add_lit(&b, " until ");
		why_add_local(&b, entry->until,
		    why_same_day(entry->first->wall, entry->until) ? WHY_CLOCK : WHY_DAY_AND_CLOCK);
	}
	text_add_wrapped(t->b, buf_span(&b), LABEL, LABEL + 2);
}

static void add_indented(struct telling *t, struct span s)
{
	buf_addf(t->b, "%*s", LABEL + 2, "");
	text_add_wrapped(t->b, s, LABEL + 2, LABEL + 2);
}

static void add_entry(struct telling *t, const struct entry *entry)
{
	enum reason r = REASON_NONE;
	char text[WHY_PIECE_MAX];
	struct buf b = BUF(text);

	(void)!reason_parse(text_member(entry->first->event, "reason"), &r);
	add_first_line(t, entry);
	if (r != REASON_NONE && !t->told[r])
		add_indented(t, span_str(reason_info(r)->meaning));
	t->told[r] = true;
	add_message(t, &b, entry);
	add_evidence(&b, entry);
	add_score(t, &b, entry, r);
	if (b.n)
		add_indented(t, buf_span(&b));
}

static void add_entries(struct telling *t)
{
	size_t from = t->n > t->o->lines ? t->n - t->o->lines : 0;
	usec_t day = 0;

	buf_add_lit(t->b, "\nWhat happened\n");
	if (from || t->s->left_out)
		buf_addf(t->b, "(%s%zu earlier entries are left out: -n shows more)\n",
		    t->s->left_out ? "more than " : "", from);
	for (size_t i = from; i < t->n; i++) {
		if (!day || !why_same_day(day, t->entries[i].first->wall)) {
			why_add_local(t->b, t->entries[i].first->wall, WHY_WEEKDAY);
			buf_add_lit(t->b, "\n");
			day = t->entries[i].first->wall;
		}
		add_entry(t, &t->entries[i]);
	}
}

/* ---- what follows ---- */

static void add_names(struct telling *t)
{
	struct why_names *names = malloc(sizeof(*names));

	if (!names)
		return;
	why_names(t->s, names);
	if (names->n)
		buf_addf(t->b, "\n%s\n",
		    t->s->kind == WHY_SOURCE ? "Accounts named from there"
					     : "Sources that named it");
	for (size_t i = 0; i < names->n && i < NAMES; i++) {
		const struct why_name *name = &names->list[i];
		const json_t *ban = json_object_get(t->s->banned, name->text);

		buf_add_lit(t->b, "  ");
		buf_add_escaped(t->b, span_str(name->text), SHOWN);
		buf_addf(t->b, "  %llu time%s", (unsigned long long)name->count,
		    name->count == 1 ? "" : "s");
		if (ban) {
			buf_add_lit(t->b, ", banned for ");
			text_add_time(t->b, (uint64_t)json_integer_value(ban));
			buf_add_lit(t->b, " more");
		}
		buf_add_lit(t->b, "\n");
	}
	if (names->n > NAMES || names->more)
		buf_addf(t->b, "  and %s%zu more\n", names->more ? "at least " : "",
		    names->n > NAMES ? names->n - NAMES : 1);
	free(names);
}

/* A key that was shown is not shown again for another reason. */
struct keys {
	struct buf *b;
	struct span seen[64];
	size_t n;
	char text[4096];
	struct buf texts;
};

static void add_key(void *arg, const char *path, struct span value)
{
	struct keys *k = arg;
	struct span name = span_str(path);

	for (size_t i = 0; i < k->n; i++)
		if (span_eq(k->seen[i], name))
			return;
	if (k->n == ARRAY_LEN(k->seen))
		return;
	k->seen[k->n] = span_of(k->texts.p + k->texts.n, name.n);
	buf_add_span(&k->texts, name);
	if (k->texts.overflow)
		return;
	k->n++;
	buf_addf(k->b, "  %-36s %.*s\n", path, SPAN_FMT(value));
}

/* Of reasons that refuse, or that weigh. */
static bool is_judged(const struct telling *t, enum reason r)
{
	enum control c = reason_info(r)->control;

	if (c == CONTROL_LIMIT || c == CONTROL_FLOOD || c == CONTROL_OVERLOAD ||
	    c == CONTROL_GUESSING)
		return true;
	return weight_of(t, r) && c != CONTROL_ROUTE;
}

static void add_keys(struct telling *t)
{
	struct keys *k = calloc(1, sizeof(*k));
	bool seen[REASON_COUNT] = {false};
	unsigned n = 0;

	if (!k)
		return;
	k->b = t->b;
	k->texts = BUF(k->text);
	for (size_t i = t->n; t->s->conf && i-- > 0 && n < REASONS;) {
		enum reason r = REASON_NONE;

		(void)!reason_parse(text_member(t->entries[i].first->event, "reason"), &r);
		if (r == REASON_NONE || seen[r] || !is_judged(t, r))
			continue;
		seen[r] = true;
		if (n++ == 0) {
			buf_add_lit(t->b, "\nJudged by ");
			buf_add_escaped(t->b, t->s->conf->file, 200);
			buf_add_lit(t->b, "\n");
		}
		reason_keys_each(r, t->s->conf, add_key, k);
	}
	free(k);
}

void why_text_add(struct buf *b, const struct why_story *s, const struct why_text *o)
{
	struct telling t = {.b = b, .s = s, .o = o};
	struct why_changes changes;

	t.entries = calloc(s->n + 1, sizeof(*t.entries));
	if (!t.entries) {
		buf_add_lit(b, "no memory\n");
		return;
	}
	group(&t);
	why_add_heading(b, s, o);
	if (t.n)
		add_entries(&t);
	add_names(&t);
	add_keys(&t);
	why_changes(s, o->now, &changes);
	if (changes.n)
		buf_add_lit(b, "\nWhat would have to change\n");
	for (size_t i = 0; i < changes.n; i++) {
		buf_add_lit(b, "  ");
		text_add_wrapped(b, span_str(changes.text[i]), 2, 2);
	}
	free(t.entries);
}
