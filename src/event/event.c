/* SPDX-License-Identifier: MIT */
#include "event/event.h"

/* Wider than needed: of a size that is known to be below 256 gcc makes `rep movs`, which costs ten
 * times as much as the call of memcpy. */
static const uint16_t limits[EVENT_TEXT_COUNT] = {
    [EVENT_TEXT_ZONE] = 32,
    [EVENT_TEXT_METHOD] = 16,
    [EVENT_TEXT_CALL_ID] = 128,
    [EVENT_TEXT_FROM] = 96,
    [EVENT_TEXT_TO] = 96,
    [EVENT_TEXT_USER_AGENT] = 64,
    [EVENT_TEXT_ACCOUNT] = 96,
    [EVENT_TEXT_EVIDENCE] = 80,
};

void event_init(struct event *e, enum event_kind kind, enum reason reason, usec_t wall)
{
	memset(e, 0, offsetof(struct event, pool));
	e->wall = wall;
	e->kind = (uint8_t)kind;
	e->reason = (uint16_t)reason;
	e->mode = EVENT_MODE_ENFORCE;
}

void event_set_source(struct event *e, const struct flow *f, struct span zone, bool proven)
{
	e->source = f->remote;
	e->local = f->local;
	e->transport = (uint8_t)f->transport;
	e->proven = proven;
	event_set_text(e, EVENT_TEXT_ZONE, zone);
}

void event_set_verdict(
    struct event *e, enum event_mode mode, enum event_verdict verdict, unsigned status)
{
	e->mode = (uint8_t)mode;
	e->verdict = (uint8_t)verdict;
	e->status = (uint16_t)status;
}

/* At most max bytes, and no part of a UTF-8 character at the end. */
static size_t cut_length(struct span s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s.n;
	while (n > max - 4 && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n > max - 4 ? n : max;
}

void event_set_text(struct event *e, enum event_text which, struct span s)
{
	struct event_text_ref *ref = &e->text[which];
	size_t n = cut_length(s, limits[which]);

	if (ref->set)
		return;
	/* The limits add up to the pool (checked by a test), so there is always room. */
	ref->at = e->pool_used;
	ref->full = (uint16_t)MIN(s.n, UINT16_MAX);
	ref->n = (uint8_t)n;
	ref->set = 1;
	if (n)
		memcpy(e->pool + e->pool_used, s.p, n);
	e->pool_used = (uint16_t)(e->pool_used + n);
}

struct span event_text(const struct event *e, enum event_text which)
{
	const struct event_text_ref *ref = &e->text[which];

	return ref->set ? span_of(e->pool + ref->at, ref->n) : (struct span){NULL, 0};
}

void event_set_evidence(struct event *e, double value, double threshold, usec_t window)
{
	e->value = value;
	e->threshold = threshold;
	e->window = window;
	e->has_value = true;
	e->has_threshold = threshold != 0;
	e->has_window = window > 0;
}

void event_set_evidence_text(struct event *e, struct span s)
{
	event_set_text(e, EVENT_TEXT_EVIDENCE, s);
}

void event_copy(struct event *to, const struct event *from)
{
	memcpy(to, from, offsetof(struct event, pool) + from->pool_used);
}

static const char *pick(const char *const *names, size_t count, size_t i)
{
	return i < count ? names[i] : "unknown";
}

const char *event_kind_name(enum event_kind k)
{
	static const char *const names[EVENT_KIND_COUNT] = {
	    [EVENT_VERDICT] = "verdict",
	    [EVENT_FINDING] = "finding",
	    [EVENT_REGISTRATION] = "registration",
	    [EVENT_CALL] = "call",
	    [EVENT_CONNECTION] = "connection",
	    [EVENT_STANDING] = "standing",
	    [EVENT_DAEMON] = "daemon",
	};

	return pick(names, EVENT_KIND_COUNT, k);
}

const char *event_mode_name(enum event_mode m)
{
	static const char *const names[EVENT_MODE_COUNT] = {"off", "observe", "enforce"};

	return pick(names, EVENT_MODE_COUNT, m);
}

const char *event_verdict_name(enum event_verdict v)
{
	static const char *const names[EVENT_VERDICT_COUNT] = {
	    "pass", "challenge", "reply", "drop"};

	return pick(names, EVENT_VERDICT_COUNT, v);
}

const char *event_tier_name(enum event_tier t)
{
	static const char *const names[EVENT_TIER_COUNT] = {
	    "", "denied", "suspect", "unknown", "challenged", "known", "trusted"};

	return pick(names, EVENT_TIER_COUNT, t);
}
