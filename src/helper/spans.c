/* SPDX-License-Identifier: MIT */
#include "helper/spans.h"

bool prefix_is_v4(const struct prefix *p)
{
	struct addr a = {0};

	memcpy(a.ip, p->ip, sizeof(a.ip));
	return addr_is_v4(&a);
}

bool prefix_is_source(const struct prefix *p)
{
	return p->bits == (prefix_is_v4(p) ? 128 : 64);
}

static bool is_same(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static bool holds(const struct prefix *wide, const struct prefix *narrow)
{
	struct addr a = {0};

	memcpy(a.ip, narrow->ip, sizeof(a.ip));
	return wide->bits < narrow->bits && prefix_contains(wide, &a);
}

/* The end of the widest that hides number i; 0: none does. */
static uint32_t hidden_until(const struct spans *s, size_t i, uint32_t now)
{
	uint32_t until = 0;

	for (size_t k = 0; k < s->n; k++)
		if (s->list[k].until > now && holds(&s->list[k].what, &s->list[i].what))
			until = MAX(until, s->list[k].until);
	return until;
}

/* When the next one that hides another ends. */
static void plan(struct spans *s, uint32_t now)
{
	s->next = 0;
	for (size_t i = 0; i < s->n; i++) {
		uint32_t until = hidden_until(s, i, now);

		if (until && until < s->list[i].until)
			s->next = s->next ? MIN(s->next, until) : until;
	}
}

static void forget_ended(struct spans *s, uint32_t now)
{
	for (size_t i = 0; i < s->n;)
		if (s->list[i].until <= now)
			s->list[i] = s->list[--s->n];
		else
			i++;
}

bool spans_set(struct spans *s, const struct helper_ban *ban, uint32_t now)
{
	size_t i = 0;

	forget_ended(s, now);
	while (i < s->n && !is_same(&s->list[i].what, &ban->what))
		i++;
	if (i == s->n && ban->seconds) {
		if (s->n == SPANS_MAX)
			return false;
		s->n++;
	}
	if (i < s->n)
		s->list[i] = (struct span_ban){ban->what, now + ban->seconds};
	forget_ended(s, now);
	plan(s, now);
	return true;
}

bool spans_visible(const struct spans *s, size_t i, uint32_t now, struct helper_ban *out_ban)
{
	const struct span_ban *b = &s->list[i];

	if (b->until <= now || hidden_until(s, i, now))
		return false;
	*out_ban = (struct helper_ban){b->what, b->until - now};
	return true;
}

bool spans_changed(struct spans *s, uint32_t now)
{
	if (!s->next || now < s->next)
		return false;
	forget_ended(s, now);
	plan(s, now);
	return true;
}
