/* SPDX-License-Identifier: MIT */
#include "sip/check.h"

/* What the walk below carries. */
struct checking {
	const struct sip_msg *msg;
	const struct sip_limits *limits;
	struct sip_parts *parts;
	struct sip_finding *found;
	bool stream;
};

uint16_t sip_bad_status(enum sip_bad reason)
{
	if (reason == SIP_BAD_VERSION)
		return 505;
	if (reason == SIP_BAD_URI_SCHEME)
		return 416;
	if (reason == SIP_BAD_URI_LONG)
		return 414;
	if (reason == SIP_BAD_BODY_LONG || reason == SIP_BAD_MESSAGE_LONG)
		return 413;
	return reason == SIP_BAD_HOPS ? 483 : 400;
}

static bool bad(const struct checking *c, enum sip_bad reason, enum sip_header_id id)
{
	bool named = id != SIP_HEADER_OTHER && sip_msg_has(c->msg, id);

	c->found->reason = reason;
	c->found->status = sip_msg_is_answerable(c->msg) ? sip_bad_status(reason) : 0;
	c->found->header = named ? c->msg->first[id] : SIP_HEADER_NONE;
	return false;
}

static bool check_mandatory(const struct checking *c)
{
	static const struct {
		enum sip_header_id id;
		enum sip_bad reason;
	} needed[] = {
	    {SIP_HEADER_VIA, SIP_BAD_NO_VIA},
	    {SIP_HEADER_FROM, SIP_BAD_NO_FROM},
	    {SIP_HEADER_TO, SIP_BAD_NO_TO},
	    {SIP_HEADER_CALL_ID, SIP_BAD_NO_CALL_ID},
	    {SIP_HEADER_CSEQ, SIP_BAD_NO_CSEQ},
	};

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!sip_msg_has(c->msg, needed[i].id))
			return bad(c, needed[i].reason, SIP_HEADER_OTHER);
	if (c->stream && !sip_msg_has(c->msg, SIP_HEADER_CONTENT_LENGTH))
		return bad(c, SIP_BAD_NO_CONTENT_LENGTH, SIP_HEADER_OTHER);
	return true;
}

/* One pass over the headers finds every second one of its id. */
static bool check_singletons(const struct checking *c)
{
	for (size_t i = 0; c->msg->n_repeated && i < c->msg->n_headers; i++) {
		const struct sip_header *h = &c->msg->headers[i];

		if (h->next != SIP_HEADER_NONE && (sip_header_flags(h->id) & SIP_HEADER_SINGLE))
			return bad(c, SIP_BAD_DUPLICATE, h->id);
	}
	return true;
}

static bool check_vias(const struct checking *c)
{
	struct sip_values it;
	struct sip_via via;
	enum sip_parse r;
	size_t n = 0;

	/* The top one is parsed already; most requests at an edge have no other. */
	if (c->msg->count[SIP_HEADER_VIA] == 1 &&
	    c->msg->via.value.n == sip_msg_value(c->msg, SIP_HEADER_VIA).n)
		return true;
	it = sip_values_of(c->msg, SIP_HEADER_VIA);
	while ((r = sip_values_next_via(&it, c->limits, &via)) == SIP_OK)
		if (++n > c->limits->vias)
			return bad(c, SIP_BAD_VIA_COUNT, SIP_HEADER_VIA);
	return r == SIP_END || bad(c, SIP_BAD_VIA, SIP_HEADER_VIA);
}

/* URI of a From or To: any scheme, but what it says must be sound. */
static bool check_party(const struct checking *c, enum sip_header_id id, enum sip_bad reason,
    struct sip_nameaddr *addr, struct sip_uri *uri)
{
	struct sip_parse_error error;

	if (sip_nameaddr_parse(sip_msg_value(c->msg, id), addr) != SIP_OK || addr->star)
		return bad(c, reason, id);
	if (sip_uri_parse(addr->uri, c->limits, uri, &error) != SIP_OK)
		return bad(c, reason, id);
	if (addr->tag.n > c->limits->tag)
		return bad(c, SIP_BAD_TAG_LONG, id);
	return true;
}

static bool check_parties(const struct checking *c)
{
	struct sip_parts *parts = c->parts;

	if (!check_party(c, SIP_HEADER_FROM, SIP_BAD_FROM, &parts->from, &parts->from_uri) ||
	    !check_party(c, SIP_HEADER_TO, SIP_BAD_TO, &parts->to, &parts->to_uri))
		return false;
	parts->from_tag = parts->from.tag;
	parts->to_tag = parts->to.tag;
	return true;
}

/* RFC 3261 §19.1.1: no headers and no method parameter in a Request-URI. */
static bool check_request_uri(const struct checking *c)
{
	struct sip_uri *uri = &c->parts->uri;
	struct sip_parse_error error;
	struct sip_param ignored;

	if (sip_uri_parse(c->msg->uri, c->limits, uri, &error) != SIP_OK)
		return bad(c, error.reason, SIP_HEADER_OTHER);
	if (uri->kind == SIP_SCHEME_OTHER)
		return bad(c, SIP_BAD_URI_SCHEME, SIP_HEADER_OTHER);
	if (uri->headers.n || (uri->params.n && sip_uri_param(uri, SPAN("method"), &ignored)))
		return bad(c, SIP_BAD_URI, SIP_HEADER_OTHER);
	return true;
}

/* RFC 3261 §8.1.1.5: CSeq names the method of the request. */
static bool check_cseq_method(const struct checking *c)
{
	const struct sip_msg *msg = c->msg;

	if (!msg->has_cseq || span_eq(msg->cseq_method_name, msg->method_name))
		return true;
	return bad(c, SIP_BAD_CSEQ_METHOD, SIP_HEADER_CSEQ);
}

/* Values of a list of name-addrs: sound, sound URIs, at most `max`. */
static bool check_list(const struct checking *c, enum sip_header_id id, size_t max,
    enum sip_bad malformed, enum sip_bad too_many)
{
	struct sip_values it;
	struct sip_nameaddr addr;
	struct sip_uri uri;
	struct sip_parse_error error;
	enum sip_parse r;
	size_t n = 0;

	if (!sip_msg_has(c->msg, id))
		return true;
	it = sip_values_of(c->msg, id);
	while ((r = sip_values_next_nameaddr(&it, &addr)) == SIP_OK) {
		if (++n > max)
			return bad(c, too_many, id);
		if (addr.star && id == SIP_HEADER_CONTACT)
			continue;
		if (sip_uri_parse(addr.uri, c->limits, &uri, &error) != SIP_OK)
			return bad(c, malformed, id);
		/* Route, Record-Route and Path are name-addr alone (RFC 3261 §20.34). */
		if (id != SIP_HEADER_CONTACT && !addr.bracketed)
			return bad(c, malformed, id);
	}
	return (r == SIP_END && n > 0) || bad(c, malformed, id);
}

static bool check_lists(const struct checking *c)
{
	static const enum sip_header_id routes[] = {
	    SIP_HEADER_ROUTE, SIP_HEADER_RECORD_ROUTE, SIP_HEADER_PATH};

	if (!check_list(
		c, SIP_HEADER_CONTACT, c->limits->contacts, SIP_BAD_CONTACT, SIP_BAD_CONTACT_COUNT))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (!check_list(
			c, routes[i], c->limits->routes, SIP_BAD_ROUTE, SIP_BAD_ROUTE_COUNT))
			return false;
	return true;
}

static bool check_rest(const struct checking *c)
{
	uint32_t seconds;

	if (sip_msg_expires(c->msg, &seconds) == SIP_BAD)
		return bad(c, SIP_BAD_EXPIRES, SIP_HEADER_EXPIRES);
	if (c->msg->is_request && c->msg->body.n && !sip_msg_has(c->msg, SIP_HEADER_CONTENT_TYPE))
		return bad(c, SIP_BAD_NO_CONTENT_TYPE, SIP_HEADER_OTHER);
	return true;
}

/* The header that a fault of the eager fields is about. */
static enum sip_header_id fault_header(enum sip_bad reason)
{
	if (reason == SIP_BAD_VIA || reason == SIP_BAD_BRANCH_LONG || reason == SIP_BAD_PARAM_COUNT)
		return SIP_HEADER_VIA;
	if (reason == SIP_BAD_CALL_ID || reason == SIP_BAD_CALL_ID_LONG)
		return SIP_HEADER_CALL_ID;
	if (reason == SIP_BAD_CSEQ || reason == SIP_BAD_CSEQ_RANGE)
		return SIP_HEADER_CSEQ;
	if (reason == SIP_BAD_MAX_FORWARDS)
		return SIP_HEADER_MAX_FORWARDS;
	if (reason == SIP_BAD_CONTENT_LENGTH || reason == SIP_BAD_BODY_SHORT)
		return SIP_HEADER_CONTENT_LENGTH;
	return SIP_HEADER_OTHER;
}

enum sip_parse sip_check(const struct sip_msg *msg, const struct sip_limits *limits, bool stream,
    struct sip_parts *out_parts, struct sip_finding *out_finding)
{
	struct checking c = {msg, limits, out_parts, out_finding, stream};
	bool sound;

	sound = check_mandatory(&c) && check_singletons(&c);
	if (sound && msg->fault.reason != SIP_BAD_NONE)
		sound = bad(&c, msg->fault.reason, fault_header(msg->fault.reason));
	sound = sound && check_vias(&c) && check_parties(&c);
	if (sound && msg->is_request)
		sound = check_request_uri(&c) && check_cseq_method(&c);
	else
		out_parts->uri = (struct sip_uri){.kind = SIP_SCHEME_OTHER};
	sound = sound && check_lists(&c) && check_rest(&c);
	return sound ? SIP_OK : SIP_BAD;
}

enum sip_parse sip_check_forward(const struct sip_msg *msg, struct sip_finding *out_finding)
{
	struct checking c = {.msg = msg, .found = out_finding};

	if (msg->max_forwards != 0)
		return SIP_OK;
	bad(&c, SIP_BAD_HOPS, SIP_HEADER_MAX_FORWARDS);
	return SIP_BAD;
}
