/* SPDX-License-Identifier: MIT
 *
 * The one list of what is in an event. */
#include "event/field.h"

#include <math.h>

static const char *const group_names[] = {"", "source", "sip", "evidence"};

/* A name, and the same as a key of JSON. */
#define NAMED(name)                               \
	name,                                     \
	{                                         \
		"\"" name "\":", sizeof(name) + 2 \
	}

#define GETTER(field)            \
	static void get_##field( \
	    const struct event *e, struct span node UNUSED, struct field_value *v)

static void set_text(struct field_value *v, struct span s)
{
	v->type = FIELD_TEXT;
	v->text = s;
}

static void set_word(struct field_value *v, const char *word)
{
	set_text(v, span_str(word));
}

static void set_uint(struct field_value *v, uint64_t n)
{
	v->type = FIELD_UINT;
	v->number = n;
}

/* Digits of v with leading zeros, n of them. */
static void put_digits(char *p, uint64_t v, size_t n)
{
	while (n-- > 0) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* RFC 3339. The Gregorian calendar in years that begin on 1 March, so that the leap day is the last
 * of its year; eras are of 400 years, and 0000-03-01 is 719468 days before 1970. This is several
 * times quicker than gmtime_r and printf, which would be half of the cost of an event. */
void event_add_time(struct buf *b, usec_t wall)
{
	char text[] = "0000-00-00T00:00:00.000000Z";
	uint64_t seconds = wall / USEC_SEC, day = seconds / 86400 + 719468;
	uint64_t era = day / 146097, of_era = day % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * of_year + 2) / 153;

	put_digits(text + 8, of_year - (153 * month + 2) / 5 + 1, 2);
	month = month < 10 ? month + 3 : month - 9;
	put_digits(text, year + era * 400 + (month <= 2), 4);
	put_digits(text + 5, month, 2);
	put_digits(text + 11, seconds / 3600 % 24, 2);
	put_digits(text + 14, seconds / 60 % 60, 2);
	put_digits(text + 17, seconds % 60, 2);
	put_digits(text + 20, wall % USEC_SEC, 6);
	buf_add(b, text, sizeof(text) - 1);
}

GETTER(ts)
{
	struct buf b = BUF(v->room);

	event_add_time(&b, e->wall);
	set_text(v, buf_span(&b));
}

GETTER(event)
{
	set_word(v, event_kind_name(e->kind));
}

GETTER(control)
{
	set_word(v, control_name(reason_info(e->reason)->control));
}

GETTER(reason)
{
	set_word(v, reason_name(e->reason));
}

GETTER(mode)
{
	set_word(v, event_mode_name(e->mode));
}

GETTER(verdict)
{
	set_word(v, event_verdict_name(e->verdict));
}

GETTER(status)
{
	if (e->status)
		set_uint(v, e->status);
}

bool event_milli(double x, int64_t *out_milli)
{
	if (!isfinite(x) || fabs(x) >= 9e15)
		return false;
	*out_milli = (int64_t)llround(x * 1000);
	return true;
}

static void set_number(struct field_value *v, double x)
{
	if (event_milli(x, &v->milli))
		v->type = FIELD_MILLI;
}

GETTER(score)
{
	set_number(v, (double)e->score);
}

GETTER(tier)
{
	if (e->tier != EVENT_TIER_NONE)
		set_word(v, event_tier_name(e->tier));
}

GETTER(source_ip)
{
	struct buf b = BUF(v->room);

	addr_add_ip(&b, &e->source);
	set_text(v, buf_span(&b));
}

GETTER(source_port)
{
	set_uint(v, e->source.port);
}

GETTER(source_transport)
{
	size_t n = 0;

	if (e->transport == TRANSPORT_NONE)
		return;
	for (const char *p = transport_name(e->transport); *p && n < sizeof(v->room); p++)
		v->room[n++] = (char)ascii_lower((unsigned char)*p);
	set_text(v, span_of(v->room, n));
}

GETTER(source_proven)
{
	v->type = FIELD_BOOL;
	v->truth = e->proven;
}

GETTER(source_spare)
{
	v->type = FIELD_BOOL;
	v->truth = e->spare;
}

static void get_text(const struct event *e, enum event_text which, struct field_value *v)
{
	const struct event_text_ref *ref = &e->text[which];

	if (!ref->set)
		return;
	set_text(v, event_text(e, which));
	v->cut = ref->n != ref->full;
}

GETTER(source_zone)
{
	get_text(e, EVENT_TEXT_ZONE, v);
}

GETTER(method)
{
	get_text(e, EVENT_TEXT_METHOD, v);
}

GETTER(call_id)
{
	get_text(e, EVENT_TEXT_CALL_ID, v);
}

GETTER(from)
{
	get_text(e, EVENT_TEXT_FROM, v);
}

GETTER(to)
{
	get_text(e, EVENT_TEXT_TO, v);
}

GETTER(user_agent)
{
	get_text(e, EVENT_TEXT_USER_AGENT, v);
}

GETTER(account)
{
	get_text(e, EVENT_TEXT_ACCOUNT, v);
}

GETTER(value)
{
	if (e->has_value)
		set_number(v, e->value);
	else
		get_text(e, EVENT_TEXT_EVIDENCE, v);
}

GETTER(threshold)
{
	if (e->has_threshold)
		set_number(v, e->threshold);
}

GETTER(window)
{
	if (!e->has_window)
		return;
	v->type = FIELD_MILLI;
	v->milli = (int64_t)MIN(e->window / USEC_MS, (usec_t)INT64_MAX);
}

/* A text beside a figure. */
GETTER(name)
{
	if (e->has_value)
		get_text(e, EVENT_TEXT_EVIDENCE, v);
}

static void get_node(const struct event *e UNUSED, struct span node, struct field_value *v)
{
	set_text(v, node);
}

const struct event_field event_fields[] = {
    {EVENT_GROUP_NONE, NAMED("ts"), "string", "@timestamp", "rt", "", false, false,
	"When: RFC 3339, UTC, with microseconds.", get_ts},
    {EVENT_GROUP_NONE, NAMED("event"), "string", "event.dataset", "cat", "", false, true,
	"What kind: `verdict` (about one message), `finding` (seen in a message, besides its "
	"verdict), `registration`, `call`, `connection`, "
	"`standing` "
	"(of a source: held, let in again, suspect, banned), `daemon`.",
	get_event},
    {EVENT_GROUP_NONE, NAMED("control"), "string", "event.provider", "", "", false, false,
	"The control that decided; the reason begins with it.", get_control},
    {EVENT_GROUP_NONE, NAMED("reason"), "string", "event.code", "reason", "", false, true,
	"Why, a stable name: see [reasons](reasons.md) or `ringfence explain REASON`.", get_reason},
    {EVENT_GROUP_NONE, NAMED("mode"), "string", "labels.mode", "cs3", "mode", false, true,
	"`enforce`: the verdict was carried out. `observe`: it is what would have happened.",
	get_mode},
    {EVENT_GROUP_NONE, NAMED("verdict"), "string", "event.action", "act", "", false, true,
	"`pass`, `challenge` (401 or 407), `reply` (refused with `status`) or `drop` (no answer).",
	get_verdict},
    {EVENT_GROUP_NONE, NAMED("status"), "number or null", "sip.status", "cn1", "sipStatus", false,
	true,
	"The SIP status code of the answer that the verdict gives; of a call: its final answer.",
	get_status},
    {EVENT_GROUP_NONE, NAMED("score"), "number", "event.risk_score", "cfp1", "score", false, true,
	"The score of the source after the event.", get_score},
    {EVENT_GROUP_NONE, NAMED("tier"), "string or null", "labels.tier", "cs2", "tier", false, true,
	"The tier of the source: `denied`, `suspect`, `unknown`, `challenged`, `known`, `trusted`; "
	"null where no ledger is kept.",
	get_tier},
    {EVENT_GROUP_SOURCE, NAMED("ip"), "string", "source.ip", "src", "", false, true,
	"The address that the message came from.", get_source_ip},
    {EVENT_GROUP_SOURCE, NAMED("port"), "number", "source.port", "spt", "", false, true,
	"Its port.", get_source_port},
    {EVENT_GROUP_SOURCE, NAMED("transport"), "string or null", "network.transport", "proto", "",
	false, true, "`udp`, `tcp`, `tls`, `ws`, `wss`; null where no message was the cause.",
	get_source_transport},
    {EVENT_GROUP_SOURCE, NAMED("zone"), "string or null", "observer.ingress.zone", "cs1", "zone",
	false, true, "The zone of the listener that it came to.", get_source_zone},
    {EVENT_GROUP_SOURCE, NAMED("proven"), "boolean", "labels.proven", "flexString1", "proven",
	false, true,
	"The source showed that it receives at this address: a connection, or a nonce of ours came "
	"back. Never ban a source that is not proven: its address may be forged.",
	get_source_proven},
    {EVENT_GROUP_SOURCE, NAMED("spare"), "boolean", "labels.spare", "ringfenceSpare", "", false,
	true,
	"Do not block the whole address for it: users who logged in are behind it and are served, "
	"or it is in `standing.allow`, a peer's, or of this machine. The kernel is told of no such "
	"ban.",
	get_source_spare},
    {EVENT_GROUP_SIP, NAMED("method"), "string or null", "sip.method", "requestMethod", "", true,
	false, "The method, of responses that of CSeq.", get_method},
    {EVENT_GROUP_SIP, NAMED("call_id"), "string or null", "sip.call_id", "cs4", "callId", true,
	false, "The Call-ID.", get_call_id},
    {EVENT_GROUP_SIP, NAMED("from"), "string or null", "sip.from", "cs5", "from", true, false,
	"The URI of From; the whole header where it is malformed.", get_from},
    {EVENT_GROUP_SIP, NAMED("to"), "string or null", "sip.to", "cs6", "to", true, false,
	"The URI of To, in the same way.", get_to},
    {EVENT_GROUP_SIP, NAMED("user_agent"), "string or null", "user_agent.original",
	"requestClientApplication", "", true, false, "User-Agent.", get_user_agent},
    {EVENT_GROUP_NONE, NAMED("account"), "string or null", "user.name", "suser", "", true, true,
	"The account, `user@domain`: the one that logged in, or tried to.", get_account},
    {EVENT_GROUP_EVIDENCE, NAMED("value"), "number, string or null", "sip.evidence.value",
	"flexString2", "evidence", true, false, "The figure or the word that decided.", get_value},
    {EVENT_GROUP_EVIDENCE, NAMED("threshold"), "number or null", "sip.evidence.threshold", "cfp2",
	"threshold", false, false, "What the figure was held against.", get_threshold},
    {EVENT_GROUP_EVIDENCE, NAMED("window"), "number or null", "sip.evidence.window", "cfp3",
	"window", false, false, "Over how many seconds.", get_window},
    {EVENT_GROUP_EVIDENCE, NAMED("name"), "string or null", "sip.evidence.name", "msg", "", true,
	false,
	"What the figure belongs to: the name of a limit; of `standing.suspect` and "
	"`standing.banned` the reason of the last finding; of `standing.enforced` the place.",
	get_name},
    {EVENT_GROUP_NONE, NAMED("node"), "string", "observer.name", "dvchost", "", false, false,
	"The name of this machine: key `node`.", get_node},
};

const size_t event_field_count = ARRAY_LEN(event_fields);
const struct event_field *const event_field_ts = &event_fields[0];

void event_field_add_name(struct buf *b, const struct event_field *f)
{
	if (f->group != EVENT_GROUP_NONE) {
		buf_add_span(b, span_str(group_names[f->group]));
		buf_add_char(b, '_');
	}
	buf_add_span(b, span_str(f->name));
}

const char *event_group_name(enum event_group g)
{
	return group_names[g];
}

bool event_has_group(const struct event *e, enum event_group g)
{
	if (g == EVENT_GROUP_NONE)
		return true;
	if (g == EVENT_GROUP_EVIDENCE)
		return e->has_value || e->has_threshold || e->text[EVENT_TEXT_EVIDENCE].set;
	if (g == EVENT_GROUP_SOURCE)
		return event_has_source(e);
	return e->text[EVENT_TEXT_METHOD].set || e->text[EVENT_TEXT_CALL_ID].set ||
	       e->text[EVENT_TEXT_FROM].set || e->text[EVENT_TEXT_TO].set ||
	       e->text[EVENT_TEXT_USER_AGENT].set;
}

bool event_field_get(
    const struct event_field *f, const struct event *e, struct span node, struct field_value *v)
{
	v->type = FIELD_NIL;
	v->cut = false;
	if (event_has_group(e, f->group))
		f->get(e, node, v);
	return v->type != FIELD_NIL;
}
