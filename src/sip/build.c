/* SPDX-License-Identifier: MIT */
#include "sip/build.h"

#include "sip/clean.h"

static void add_all(struct buf *out, const struct sip_msg *msg, enum sip_header_id id)
{
	for (const struct sip_header *h = sip_msg_header(msg, id); h; h = sip_msg_next(msg, h))
		sip_clean_header(out, h);
}

static void add_first(struct buf *out, const struct sip_msg *msg, enum sip_header_id id)
{
	const struct sip_header *h = sip_msg_header(msg, id);

	if (h)
		sip_clean_header(out, h);
}

static void add_line(struct buf *out, struct span name, struct span value)
{
	buf_add_span(out, name);
	buf_add_lit(out, ": ");
	buf_add_span(out, value);
	buf_add_lit(out, "\r\n");
}

/* What stands behind the topmost value in its header. */
static bool rest_of_vias(
    const struct sip_msg *msg, const struct sip_header *h, struct span *out_rest)
{
	*out_rest = span_of(NULL, 0);
	return msg->via.value.n == h->value.n || sip_rest_of_list(h, out_rest);
}

static void add_vias(struct buf *out, const struct sip_msg *request, const struct addr *source)
{
	const struct sip_header *h = sip_msg_header(request, SIP_HEADER_VIA);
	struct span rest;

	if (source && request->has_via && rest_of_vias(request, h, &rest)) {
		buf_add_lit(out, "Via: ");
		sip_via_write_received(&request->via, source, out);
		if (rest.n) {
			buf_add_lit(out, ", ");
			sip_clean_text(out, rest);
		}
		buf_add_lit(out, "\r\n");
		h = sip_msg_next(request, h);
	}
	for (; h; h = sip_msg_next(request, h))
		sip_clean_header(out, h);
}

/* "<...>" and nothing else: a name-addr without parameters. */
static bool is_bare_address(struct span value)
{
	return value.n > 2 && value.p[0] == '<' && span_find(value, '>') == value.n - 1;
}

/* To with the tag, when it has none. A malformed To is given back as it came. */
static void add_to(struct buf *out, const struct sip_msg *request, const struct sip_reply *reply)
{
	const struct sip_header *h = sip_msg_header(request, SIP_HEADER_TO);
	struct sip_nameaddr to;

	if (reply->to_tag.n == 0 || reply->status == 100 ||
	    (!is_bare_address(h->value) &&
		(sip_nameaddr_parse(h->value, &to) != SIP_OK || to.tag.n))) {
		sip_clean_header(out, h);
		return;
	}
	buf_add_span(out, h->name);
	buf_add_lit(out, ": ");
	sip_clean_text(out, h->value);
	buf_add_lit(out, ";tag=");
	buf_add_span(out, reply->to_tag);
	buf_add_lit(out, "\r\n");
}

static void add_body(struct buf *out, struct span type, struct span body)
{
	if (body.n && type.n)
		add_line(out, SPAN("Content-Type"), type);
	buf_add_lit(out, "Content-Length: ");
	buf_add_u64(out, body.n);
	buf_add_lit(out, "\r\n\r\n");
	buf_add_span(out, body);
}

static bool ends_in_crlf(struct span s)
{
	return s.n == 0 || (s.n >= 2 && s.p[s.n - 2] == '\r' && s.p[s.n - 1] == '\n');
}

enum err sip_build_response(
    const struct sip_msg *request, const struct sip_reply *reply, struct buf *out)
{
	if (!sip_msg_is_answerable(request) || !ends_in_crlf(reply->extra))
		return ERR_SYNTAX;
	buf_add_lit(out, "SIP/2.0 ");
	buf_add_u64(out, reply->status);
	buf_add_char(out, ' ');
	buf_add_span(out, reply->phrase.n ? reply->phrase : sip_status_phrase(reply->status));
	buf_add_lit(out, "\r\n");
	add_vias(out, request, reply->source);
	if (reply->record_route)
		add_all(out, request, SIP_HEADER_RECORD_ROUTE);
	add_first(out, request, SIP_HEADER_FROM);
	add_to(out, request, reply);
	add_first(out, request, SIP_HEADER_CALL_ID);
	add_first(out, request, SIP_HEADER_CSEQ);
	if (reply->status == 100)
		add_first(out, request, SIP_HEADER_TIMESTAMP);
	buf_add_span(out, reply->extra);
	add_body(out, reply->content_type, reply->body);
	return out->overflow ? ERR_FULL : OK;
}

/* ACK and CANCEL share all but the method, the To and what is added. */
static enum err build_hop(const struct sip_msg *sent, enum sip_method method,
    const struct sip_msg *to_of, struct span extra, struct buf *out)
{
	struct span via;

	if (!sent->is_request || !sent->has_via || !sent->has_cseq ||
	    !sip_msg_has(sent, SIP_HEADER_FROM) || !sip_msg_has(to_of, SIP_HEADER_TO) ||
	    !sip_msg_has(sent, SIP_HEADER_CALL_ID) || !ends_in_crlf(extra))
		return ERR_SYNTAX;
	via = sent->via.value;
	buf_add_span(out, sip_method_name(method));
	buf_add_char(out, ' ');
	buf_add_span(out, sent->uri);
	buf_add_lit(out, " SIP/2.0\r\nVia: ");
	sip_clean_text(out, via);
	buf_add_lit(out, "\r\n");
	add_all(out, sent, SIP_HEADER_ROUTE);
	add_first(out, sent, SIP_HEADER_FROM);
	add_first(out, to_of, SIP_HEADER_TO);
	add_first(out, sent, SIP_HEADER_CALL_ID);
	buf_add_lit(out, "CSeq: ");
	buf_add_u64(out, sent->cseq);
	buf_add_char(out, ' ');
	buf_add_span(out, sip_method_name(method));
	buf_add_lit(out, "\r\nMax-Forwards: 70\r\n");
	buf_add_span(out, extra);
	add_body(out, span_of(NULL, 0), span_of(NULL, 0));
	return out->overflow ? ERR_FULL : OK;
}

enum err sip_build_ack(
    const struct sip_msg *invite, const struct sip_msg *response, struct buf *out)
{
	return build_hop(invite, SIP_METHOD_ACK, response, span_of(NULL, 0), out);
}

enum err sip_build_cancel(const struct sip_msg *request, struct span extra, struct buf *out)
{
	return build_hop(request, SIP_METHOD_CANCEL, request, extra, out);
}
