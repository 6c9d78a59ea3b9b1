/* SPDX-License-Identifier: MIT
 *
 * Is it valid (RFC 3261 §16.3)? What later stages and the rest of the world depend on is refused in
 * every mode (stage_valid, stage_hops); the rest is the control that can be told to observe. */
#include "edge/loop.h"
#include "edge/malformed.h"
#include "edge/reply.h"
#include "edge/stages.h"
#include "sip/clean.h"

static void count_method(struct pass *p)
{
	static const enum counter counters[SIP_METHOD_COUNT] = {
	    [SIP_METHOD_UNKNOWN] = COUNTER_REQUEST_OTHER,
	    [SIP_METHOD_INVITE] = COUNTER_REQUEST_INVITE,
	    [SIP_METHOD_ACK] = COUNTER_REQUEST_ACK,
	    [SIP_METHOD_BYE] = COUNTER_REQUEST_BYE,
	    [SIP_METHOD_CANCEL] = COUNTER_REQUEST_CANCEL,
	    [SIP_METHOD_OPTIONS] = COUNTER_REQUEST_OPTIONS,
	    [SIP_METHOD_REGISTER] = COUNTER_REQUEST_REGISTER,
	    [SIP_METHOD_PRACK] = COUNTER_REQUEST_OTHER,
	    [SIP_METHOD_UPDATE] = COUNTER_REQUEST_OTHER,
	    [SIP_METHOD_INFO] = COUNTER_REQUEST_OTHER,
	    [SIP_METHOD_REFER] = COUNTER_REQUEST_OTHER,
	    [SIP_METHOD_MESSAGE] = COUNTER_REQUEST_MESSAGE,
	    [SIP_METHOD_SUBSCRIBE] = COUNTER_REQUEST_SUBSCRIBE,
	    [SIP_METHOD_NOTIFY] = COUNTER_REQUEST_NOTIFY,
	    [SIP_METHOD_PUBLISH] = COUNTER_REQUEST_OTHER,
	};

	counter_inc(p->w->counters, counters[p->msg.method]);
}

/* RFC 3261 §8.2.2.3, §16.3 step 5: lists what is not supported; of REGISTER we are the end, all
 * else is passed on. Empty: nothing. */
static struct span list_unknown(struct pass *p, enum sip_header_id id)
{
	static const struct span known[] = {{"path", 4}, {"outbound", 8}};
	size_t n = id == SIP_HEADER_REQUIRE ? ARRAY_LEN(known) : 0, room = 0;
	struct sip_values it = sip_values_of(&p->msg, id);
	struct span tag;
	struct buf b;

	for (const struct sip_header *h = sip_msg_header(&p->msg, id); h;
	     h = sip_msg_next(&p->msg, h))
		room += 2 * h->value.n + 2;
	b = reply_headers(p, room);
	while (sip_values_next(&it, &tag) == SIP_OK) {
		bool found = false;

		for (size_t i = 0; i < n; i++)
			found = found || span_ieq(tag, known[i]);
		if (found)
			continue;
		if (b.n)
			buf_add_lit(&b, ", ");
		sip_clean_text(&b, tag);
	}
	return buf_span(&b);
}

static enum step unsupported(struct pass *p, struct span tags)
{
	struct buf b = reply_headers(p, tags.n + 32);

	buf_add_lit(&b, "Unsupported: ");
	buf_add_span(&b, tags);
	buf_add_lit(&b, "\r\n");
	p->reply.headers = b.overflow ? span_of(NULL, 0) : buf_span(&b);
	pass_evidence_text(p, tags);
	return pass_reply(p, REASON_CHECK_REQUIRE, 420);
}

static enum step check_extensions(struct pass *p)
{
	bool ends = p->msg.method == SIP_METHOD_REGISTER;
	struct span tags = {0};

	if (p->msg.method == SIP_METHOD_CANCEL || p->msg.method == SIP_METHOD_ACK)
		return STEP_NEXT;
	if (sip_msg_has(&p->msg, SIP_HEADER_PROXY_REQUIRE))
		tags = list_unknown(p, SIP_HEADER_PROXY_REQUIRE);
	if (!tags.n && ends && sip_msg_has(&p->msg, SIP_HEADER_REQUIRE))
		tags = list_unknown(p, SIP_HEADER_REQUIRE);
	return tags.n ? unsupported(p, tags) : STEP_NEXT;
}

/* §16.3 step 3: what is for the edge itself needs no hop more. */
static bool ends_here(struct pass *p)
{
	return !p->parts.uri.has_user && !sip_msg_has(&p->msg, SIP_HEADER_ROUTE) &&
	       pass_uri_is_ours(p, &p->parts.uri);
}

/* Without this, a request could go round for ever: it holds in every mode. */
enum step stage_hops(struct pass *p)
{
	struct sip_finding f;

	/* CANCEL goes hop by hop. */
	if (p->msg.method == SIP_METHOD_CANCEL)
		return STEP_NEXT;
	if (p->msg.method != SIP_METHOD_REGISTER && sip_check_forward(&p->msg, &f) != SIP_OK &&
	    !ends_here(p)) {
		pass_evidence(p, 0, 1, 0);
		return pass_reply(p, REASON_CHECK_MAX_FORWARDS, 483);
	}
	if (loop_found(p))
		return pass_reply(p, REASON_CHECK_LOOP, 482);
	return STEP_NEXT;
}

static void evidence_of(struct pass *p, const struct sip_finding *f)
{
	pass_evidence_text(p, f->header < p->msg.n_headers ? p->msg.headers[f->header].name
							   : span_str(sip_bad_text(f->reason)));
}

static enum step refuse(struct pass *p, const struct sip_finding *f)
{
	evidence_of(p, f);
	if (f->status == 0)
		return pass_drop(p, malformed_reason(f->reason));
	return pass_reply(p, malformed_reason(f->reason), f->status);
}

/* Faults that no later stage stumbles over: sip_check has filled all parts when it comes to them.
 */
static bool can_be_passed_on(enum sip_bad reason)
{
	return reason == SIP_BAD_CONTACT || reason == SIP_BAD_CONTACT_COUNT ||
	       reason == SIP_BAD_EXPIRES || reason == SIP_BAD_NO_CONTENT_TYPE;
}

enum step stage_valid(struct pass *p)
{
	bool stream = transport_is_stream(p->flow.transport);

	count_method(p);
	p->fault.reason = SIP_BAD_NONE;
	if (sip_check(&p->msg, &p->w->snap->limits, stream, &p->parts, &p->fault) == SIP_OK)
		return STEP_NEXT;
	return can_be_passed_on(p->fault.reason) ? STEP_NEXT : refuse(p, &p->fault);
}

enum step stage_check(struct pass *p)
{
	return p->fault.reason != SIP_BAD_NONE ? refuse(p, &p->fault) : check_extensions(p);
}

enum step stage_check_response(struct pass *p)
{
	struct sip_finding f;
	bool stream = transport_is_stream(p->flow.transport);

	counter_inc(p->w->counters, COUNTER_RESPONSES_IN);
	if (sip_check(&p->msg, &p->w->snap->limits, stream, &p->parts, &f) == SIP_OK)
		return STEP_NEXT;
	evidence_of(p, &f);
	return pass_drop(p, REASON_CHECK_RESPONSE);
}
