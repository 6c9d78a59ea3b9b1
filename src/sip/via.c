/* SPDX-License-Identifier: MIT */
#include "sip/via.h"

#include "sip/chars.h"
#include "sip/clean.h"
#include "sip/host_take.h"

static enum transport transport_from(struct span t)
{
	if (t.n == 3 && (t.p[0] | 0x20) == 'u')
		return sip_is(t, "udp") ? TRANSPORT_UDP : TRANSPORT_NONE;
	for (enum transport i = TRANSPORT_TCP; i < TRANSPORT_COUNT; i++)
		if (span_ieq(t, span_str(transport_name(i))))
			return i;
	return TRANSPORT_NONE;
}

/* A token between white space, then '/' when slash. */
static const char *take_token(const char *p, const char *end, bool slash, struct span *out_token)
{
	const char *start = p;

	p = sip_skip(p, end, SIP_C_TOKEN);
	*out_token = span_of(start, (size_t)(p - start));
	if (p == start)
		return NULL;
	start = p;
	p = sip_skip_lws(p, end);
	if (!slash)
		return p > start ? p : NULL;
	return p < end && *p == '/' ? sip_skip_lws(p + 1, end) : NULL;
}

/* sent-protocol LWS, the usual spelling first. */
static const char *take_protocol(const char *p, const char *end, struct sip_via *via)
{
	if (end - p > 12 && memcmp(p, "SIP/2.0/UDP ", 12) == 0) {
		via->protocol = span_of(p, 3);
		via->version = span_of(p + 4, 3);
		via->transport = span_of(p + 8, 3);
		via->transport_id = TRANSPORT_UDP;
		return sip_skip_lws(p + 12, end);
	}
	p = take_token(p, end, true, &via->protocol);
	if (p)
		p = take_token(p, end, true, &via->version);
	if (p)
		p = take_token(p, end, false, &via->transport);
	if (p)
		via->transport_id = transport_from(via->transport);
	return p;
}

static bool set_once(struct span *field, const struct sip_param *param)
{
	if (field->n || param->value.n == 0 || param->quoted)
		return false;
	*field = param->value;
	return true;
}

/* text is the parameter with its ';'. False when one that has a meaning here is malformed or stands
 * twice. */
static bool read_param(struct sip_via *via, const struct sip_param *param, struct span text)
{
	uint32_t v = 0;

	switch (param->name.n) {
	case 3:
		if (!sip_is(param->name, "ttl"))
			return true;
		if (via->has_ttl || span_to_u32(param->value, 255, &v) != OK)
			return false;
		via->has_ttl = true;
		via->ttl = (uint8_t)v;
		return true;
	case 5:
		if (sip_is(param->name, "maddr"))
			return set_once(&via->maddr, param);
		if (!sip_is(param->name, "rport"))
			return true;
		if (via->has_rport ||
		    (param->has_value &&
			(span_to_u32(param->value, UINT16_MAX, &v) != OK || v == 0)))
			return false;
		via->has_rport = true;
		via->rport = (uint16_t)v;
		via->rport_param = text;
		return true;
	case 6:
		return !sip_is(param->name, "branch") || set_once(&via->branch, param);
	case 8:
		if (!sip_is(param->name, "received"))
			return true;
		via->received_param = text;
		return set_once(&via->received, param);
	default:
		return true;
	}
}

/* Parameters up to the comma or the end; NULL on SIP_BAD with *out_reason. */
static const char *take_params(const char *p, const char *end, const struct sip_limits *limits,
    struct sip_via *via, enum sip_bad *out_reason)
{
	const char *at = sip_skip_lws(p, end), *start = at;
	struct sip_param param;
	size_t n = 0;

	*out_reason = SIP_BAD_VIA;
	while (at < end && *at == ';') {
		struct span rest = span_of(at, (size_t)(end - at));

		via->spaced = via->spaced || at > p;
		if (sip_params_next(&rest, &param) != SIP_OK ||
		    !read_param(via, &param, span_of(at, (size_t)(rest.p - at))))
			return NULL;
		if (++n > limits->params) {
			*out_reason = SIP_BAD_PARAM_COUNT;
			return NULL;
		}
		p = rest.p;
		at = sip_skip_lws(p, end);
	}
	if (via->branch.n > limits->branch) {
		*out_reason = SIP_BAD_BRANCH_LONG;
		return NULL;
	}
	if (at < end && (*at != ',' || sip_skip_lws(at + 1, end) == end))
		return NULL;
	via->params = p > start ? span_of(start, (size_t)(p - start)) : span_of(p, 0);
	return at;
}

enum sip_parse sip_via_next(struct span *rest, const struct sip_limits *limits,
    struct sip_via *out_via, struct sip_parse_error *out_error)
{
	const char *end = sip_end(*rest), *start = sip_skip_lws(rest->p, end), *p = start;
	enum sip_bad reason = SIP_BAD_VIA;
	struct sip_via *via = out_via;

	if (p == end) {
		*rest = span_of(end, 0);
		return SIP_END;
	}
	*via = (struct sip_via){0};
	p = take_protocol(p, end, via);
	if (p)
		p = sip_hostport_take(p, end, true, &via->sent_by);
	if (p)
		p = take_params(p, end, limits, via, &reason);
	if (!p) {
		*out_error = (struct sip_parse_error){reason, (size_t)(start - rest->p)};
		return SIP_BAD;
	}
	via->value = span_trim(span_of(start, (size_t)(p - start)));
	*rest = span_from(*rest, p < end ? p + 1 : end);
	return SIP_OK;
}

bool sip_via_is_rfc3261(const struct sip_via *via)
{
	return span_istarts(via->branch, SPAN("z9hG4bK"));
}

enum err sip_via_response_addr(const struct sip_via *via, struct addr *out_addr)
{
	struct span host = via->maddr.n      ? via->maddr
			   : via->received.n ? via->received
					     : via->sent_by.text;
	uint16_t port = via->sent_by.port;
	struct addr addr;

	if (host.n > 2 && host.p[0] == '[')
		host = span_of(host.p + 1, host.n - 2);
	if (addr_parse_ip(host, &addr) != OK)
		return ERR_UNSUPPORTED;
	if (via->rport && !via->maddr.n)
		port = via->rport;
	if (port == 0)
		port = via->transport_id == TRANSPORT_TLS ? 5061 : 5060;
	addr.port = port;
	*out_addr = addr;
	return OK;
}

/* The sent-by host is the source address. */
static bool sent_by_is(const struct sip_via *via, const struct addr *source)
{
	struct addr addr;

	return sip_host_addr(&via->sent_by, &addr) == OK && addr_same_ip(&addr, source);
}

/* Without received and rport: up to the parameters as it came; these one by one. */
static void write_spaced(const struct sip_via *via, struct buf *out)
{
	struct span rest = via->params, text;
	struct sip_param param;
	const char *start;

	sip_clean_text(out, span_trim(span_of(via->value.p, (size_t)(rest.p - via->value.p))));
	for (start = rest.p; sip_params_next(&rest, &param) == SIP_OK; start = rest.p) {
		text = span_trim(span_of(start, (size_t)(rest.p - start)));
		if (text.p != via->received_param.p && text.p != via->rport_param.p)
			sip_clean_text(out, text);
	}
}

/* The same where the two need only be cut out. */
static void write_tight(const struct sip_via *via, struct buf *out)
{
	struct span first = via->rport_param, second = via->received_param;
	const char *p = via->value.p;

	if (second.n && (!first.n || second.p < first.p)) {
		first = via->received_param;
		second = via->rport_param;
	}
	if (first.n) {
		sip_clean_text(out, span_of(p, (size_t)(first.p - p)));
		p = sip_end(first);
	}
	if (second.n) {
		sip_clean_text(out, span_of(p, (size_t)(second.p - p)));
		p = sip_end(second);
	}
	sip_clean_text(out, span_from(via->value, p));
}

void sip_via_write_received(const struct sip_via *via, const struct addr *source, struct buf *out)
{
	if (via->spaced)
		write_spaced(via, out);
	else
		write_tight(via, out);
	if (via->has_rport) {
		buf_add_lit(out, ";rport=");
		buf_add_u64(out, source->port);
	}
	if (via->has_rport || !sent_by_is(via, source)) {
		buf_add_lit(out, ";received=");
		addr_add_ip(out, source);
	}
}
