/* SPDX-License-Identifier: MIT
 *
 * A picture of `top` for programs: all that `status --json` has, the rates of its counters and
 * reasons, and the foremost sources. */
#include <string.h>

#include "cli/top_model.h"

static json_t *rate_or_null(double rate)
{
	return rate < 0 ? json_null() : json_real((double)(int64_t)(rate * 1000 + 0.5) / 1000);
}

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value); /* no memory: the member is missing */
}

static json_t *rates_of(const struct top_model *m)
{
	json_t *counters = json_object_get(m->now->figures, "counters"), *value;
	json_t *rates = json_object();
	const char *name;

	json_object_foreach(counters, name, value)
	{
		double rate = top_rate(m, name);

		if (rate > 0)
			set(rates, name, rate_or_null(rate));
	}
	return rates;
}

static json_t *reason_rates_of(const struct top_model *m)
{
	json_t *rates = json_object();

	for (size_t i = 0; i < m->reasons_n; i++)
		if (m->reasons[i].rate > 0)
			set(rates, m->reasons[i].name, rate_or_null(m->reasons[i].rate));
	return rates;
}

static json_t *source_of(const struct top_source *s)
{
	static const char *const methods[LEDGER_METHODS] = {
	    [LEDGER_REGISTER] = "register",
	    [LEDGER_INVITE] = "invite",
	    [LEDGER_OPTIONS] = "options",
	    [LEDGER_OTHER] = "other",
	    [LEDGER_RESPONSE] = "response",
	};
	json_t *o = json_object(), *rates = json_object();

	for (size_t i = 0; i < LEDGER_METHODS; i++)
		set(rates, methods[i], rate_or_null(s->methods[i]));
	set(o, "source", json_string(s->name));
	set(o, "kind", json_string(s->kind));
	set(o, "tier", json_string(event_tier_name(s->tier)));
	set(o, "rate", rate_or_null(s->rate));
	set(o, "drop_rate", rate_or_null(s->drops));
	set(o, "rates", rates);
	set(o, "dropped", json_integer((json_int_t)s->dropped));
	set(o, "score", rate_or_null(s->score));
	set(o, "unproven_score", rate_or_null(s->unproven));
	set(o, "proven", json_boolean(s->proven));
	set(o, "manual", json_boolean(s->manual));
	set(o, "failures", json_integer((json_int_t)s->failures));
	set(o, "offences", json_integer((json_int_t)s->offences));
	set(o, "devices", json_integer((json_int_t)s->devices));
	set(o, "accounts", json_integer((json_int_t)s->accounts));
	set(o, "banned_for", json_integer((json_int_t)s->banned_for));
	set(o, "held_for", json_integer((json_int_t)s->held_for));
	set(o, "reason", s->reason[0] ? json_string(s->reason) : json_null());
	set(o, "seen_ago", s->seen ? json_integer((json_int_t)s->seen_ago) : json_null());
	return o;
}

static json_t *tiers_of(const struct top_tiers *t)
{
	json_t *o = json_object();

	for (unsigned i = EVENT_TIER_DENIED; i < EVENT_TIER_COUNT; i++)
		set(o, event_tier_name((enum event_tier)i), json_integer((json_int_t)t->n[i]));
	return o;
}

json_t *top_json(const struct top_model *m)
{
	static const char *const pages[] = {"now", "rate_window", "slice", "cursor", "sources"};
	const struct top_tiers *t = &m->now->tiers;
	json_t *o = json_deep_copy(m->now->figures), *sources = json_array(), *ledger;
	double interval = top_interval(m);

	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		json_object_del(o, pages[i]);
	ledger = json_object_get(o, "ledger");
	set(ledger, "banned", json_integer((json_int_t)t->banned));
	set(ledger, "held", json_integer((json_int_t)t->held));
	set(ledger, "flows", json_integer((json_int_t)t->flows));
	set(ledger, "tiers", tiers_of(t));
	set(o, "interval", rate_or_null(interval > 0 ? interval : TOP_UNKNOWN));
	set(o, "rates", rates_of(m));
	set(o, "reason_rates", reason_rates_of(m));
	set(o, "sort", json_string(standing_top_key_name(m->sort)));
	for (size_t i = 0; i < m->now->n; i++)
		(void)json_array_append_new(sources, source_of(&m->now->sources[i]));
	set(o, "sources", sources);
	return o;
}
