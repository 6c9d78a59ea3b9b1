/* SPDX-License-Identifier: MIT
 *
 * Questions to the history: chains of all rings are walked together, the newest record first. */
#include "event/filter.h"
#include "event/history_impl.h"

/* One chain of one ring, on its way from the newest record to the oldest. */
struct walk {
	const struct ring *ring;
	int chain; /* -1: all records */
	uint32_t hash;
	bool wide; /* of records of prefixes only */
	uint64_t *pos;
};

struct asking {
	struct event_history *h;
	const struct event_history_query *q;
	struct walk walks[EVENT_HISTORY_RINGS * 2];
	unsigned n;
	size_t budget;
};

static void add_walk(struct asking *a, struct event_history_cursor *cursor, int ring, int chain,
    uint32_t hash, bool wide)
{
	const struct ring *r = &a->h->rings[ring];
	uint64_t *pos = &cursor->at[ring][a->n % 2];

	if (!cursor->begun)
		*pos = chain < 0 ? r->last : *ring_bucket(r, (enum chain)chain, hash);
	a->walks[a->n++] = (struct walk){r, chain, hash, wide, pos};
}

/* Two walks a ring at most, so that their places in the cursor are their numbers. */
static void begin(struct asking *a, struct event_history_cursor *cursor)
{
	const struct event_history_query *q = a->q;
	uint64_t hash = 0, second = 0;

	if (q->by == EVENT_HISTORY_BY_SOURCE) {
		hash = history_hash_source(a->h, &q->source);
		second = history_hash_prefix(a->h, &q->source);
	} else if (q->by == EVENT_HISTORY_BY_ACCOUNT) {
		hash = second = history_hash_account(a->h, q->text);
	} else if (q->by == EVENT_HISTORY_BY_CALL) {
		hash = history_hash_call(a->h, q->text);
	}
	for (int i = 0; i < EVENT_HISTORY_RINGS; i++) {
		switch (q->by) {
		case EVENT_HISTORY_BY_SOURCE:
			add_walk(a, cursor, i, CHAIN_SOURCE, (uint32_t)hash, false);
			add_walk(a, cursor, i, CHAIN_SOURCE, (uint32_t)second, true);
			break;
		case EVENT_HISTORY_BY_ACCOUNT:
			add_walk(a, cursor, i, CHAIN_ACCOUNT, (uint32_t)hash, false);
			add_walk(a, cursor, i, CHAIN_NAMED, (uint32_t)second, false);
			break;
		case EVENT_HISTORY_BY_CALL:
			add_walk(a, cursor, i, CHAIN_CALL, (uint32_t)hash, false);
			a->n++;
			break;
		case EVENT_HISTORY_BY_PREFIX:
			add_walk(a, cursor, i, -1, 0, false);
			a->n++;
			break;
		}
	}
	cursor->begun = true;
}

static bool same_source(const struct addr *a, const struct addr *b, bool wide)
{
	size_t n = addr_is_v4(a) ? (wide ? 15 : 16) : wide ? 6 : 8;

	return memcmp(a->ip, b->ip, n) == 0;
}

/* Two keys may have the same hash, so the event itself is looked at. */
static bool fits(const struct asking *a, const struct walk *w, const struct record *rec)
{
	const struct event_history_query *q = a->q;
	struct event *e = &a->h->event;

	if (w->chain >= 0 && rec->hash[w->chain] != w->hash)
		return false;
	memcpy(e, rec->event, rec->event_n);
	switch (q->by) {
	case EVENT_HISTORY_BY_SOURCE:
		return w->wide == (rec->kind == EVENT_HISTORY_SOURCES) &&
		       same_source(&e->source, &q->source, w->wide);
	case EVENT_HISTORY_BY_PREFIX:
		return event_has_source(e) && prefix_contains(&q->prefix, &e->source);
	case EVENT_HISTORY_BY_CALL:
		return span_ieq(event_text(e, EVENT_TEXT_CALL_ID),
		    span_of(q->text.p, MIN(q->text.n, CALL_LOOK)));
	case EVENT_HISTORY_BY_ACCOUNT:
		return span_ieq(w->chain == CHAIN_ACCOUNT
				    ? event_text(e, EVENT_TEXT_ACCOUNT)
				    : event_uri_account(event_text(e, EVENT_TEXT_TO)),
		    span_of(q->text.p, MIN(q->text.n, ACCOUNT_LOOK)));
	}
	return false;
}

static void step(const struct walk *w)
{
	const struct record *rec = ring_at(w->ring, *w->pos);

	*w->pos = w->chain < 0 ? rec->before : rec->prev[w->chain];
}

/* Goes on to the next record that fits; its number, or 0 at the end. With the budget used up
 * *out_broke is set. */
static uint64_t settle(struct asking *a, const struct walk *w, bool *out_broke)
{
	while (ring_has(w->ring, *w->pos)) {
		const struct record *rec = ring_at(w->ring, *w->pos);

		if (fits(a, w, rec))
			return rec->number;
		if (a->budget == 0) {
			*out_broke = true;
			return 0;
		}
		a->budget--;
		step(w);
	}
	return 0;
}

static struct event_history_item item_of(struct event_history *h, const struct record *rec)
{
	memcpy(&h->event, rec->event, rec->event_n);
	return (struct event_history_item){
	    .event = &h->event,
	    .number = rec->number,
	    .count = rec->count,
	    .kind = (enum event_history_kind)rec->kind,
	    .last = rec->last,
	    .value = rec->value,
	    .score = rec->score,
	    .tier = (enum event_tier)rec->tier,
	};
}

/* The walk whose next record is the newest of all; NULL when all are at their end. */
static const struct walk *newest(struct asking *a, bool *out_broke)
{
	const struct walk *best = NULL;
	uint64_t most = 0;

	for (unsigned i = 0; i < a->n && !*out_broke; i++) {
		uint64_t number = a->walks[i].ring ? settle(a, &a->walks[i], out_broke) : 0;

		if (number > most) {
			most = number;
			best = &a->walks[i];
		}
	}
	return best;
}

bool event_history_each(struct event_history *h, const struct event_history_query *q,
    struct event_history_cursor *cursor, size_t budget, event_history_fn *fn, void *arg)
{
	struct asking a = {.h = h, .q = q, .budget = budget};

	begin(&a, cursor);
	for (;;) {
		bool broke = false;
		const struct walk *w = newest(&a, &broke);
		struct event_history_item item;

		if (broke)
			return true;
		if (!w)
			return false;
		if (a.budget == 0)
			return true;
		a.budget--;
		item = item_of(h, ring_at(w->ring, *w->pos));
		if (!fn(arg, &item))
			return true;
		step(w);
	}
}

void event_history_put_members(
    struct json *j, const struct event_history_item *item, struct span node)
{
	static const char *const several[] = {
	    [EVENT_HISTORY_SAME] = NULL,
	    [EVENT_HISTORY_ACCOUNTS] = "accounts",
	    [EVENT_HISTORY_SOURCES] = "sources",
	};
	char text[EVENT_TIME_MAX];
	struct buf b = BUF(text);

	event_put_members(j, item->event, node);
	event_add_time(&b, item->last);
	json_put_u64(j, "count", item->count);
	json_put_str(j, "until", buf_span(&b));
	json_key(j, "last_value");
	if (item->event->has_value)
		event_put_number(j, item->value);
	else
		json_nil(j);
	json_key(j, "last_score");
	event_put_number(j, (double)item->score);
	json_put_cstr(
	    j, "last_tier", item->tier == EVENT_TIER_NONE ? NULL : event_tier_name(item->tier));
	json_put_cstr(j, "several", several[item->kind]);
}
