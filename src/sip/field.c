/* SPDX-License-Identifier: MIT
 *
 * Typed header fields and walks over a parsed message. */
#include "sip/chars.h"
#include "sip/msg.h"

const struct sip_header *sip_msg_find(const struct sip_msg *msg, struct span name)
{
	enum sip_header_id id = sip_header_from(name);

	if (id != SIP_HEADER_OTHER)
		return sip_msg_header(msg, id);
	for (const struct sip_header *h = sip_msg_header(msg, id); h; h = sip_msg_next(msg, h))
		if (span_ieq(h->name, name))
			return h;
	return NULL;
}

bool sip_msg_is_answerable(const struct sip_msg *msg)
{
	return msg->is_request && msg->method != SIP_METHOD_ACK &&
	       sip_msg_has(msg, SIP_HEADER_VIA) && sip_msg_has(msg, SIP_HEADER_FROM) &&
	       sip_msg_has(msg, SIP_HEADER_TO) && sip_msg_has(msg, SIP_HEADER_CALL_ID) &&
	       sip_msg_has(msg, SIP_HEADER_CSEQ);
}

/* Steps to the next header of the walk when the rest of this one is used up. */
static bool values_more(struct sip_values *it)
{
	while (it->rest.n == 0) {
		const struct sip_header *h = it->header ? sip_msg_next(it->msg, it->header)
							: sip_msg_header(it->msg, it->id);

		if (!h)
			return false;
		it->header = h;
		it->rest = h->value;
	}
	return true;
}

/* After SIP_BAD the walk is over: nothing is left of the last header. */
static enum sip_parse values_stop(struct sip_values *it)
{
	it->header = &it->msg->headers[it->msg->last[it->id]];
	it->rest = span_of(NULL, 0);
	return SIP_BAD;
}

enum sip_parse sip_values_next(struct sip_values *it, struct span *out_value)
{
	while (values_more(it)) {
		switch (sip_list_next(&it->rest, out_value)) {
		case SIP_OK:
			return SIP_OK;
		case SIP_BAD:
			return values_stop(it);
		case SIP_END:
			break;
		}
	}
	return SIP_END;
}

enum sip_parse sip_values_next_nameaddr(struct sip_values *it, struct sip_nameaddr *out_addr)
{
	while (values_more(it)) {
		switch (sip_nameaddr_next(&it->rest, out_addr)) {
		case SIP_OK:
			return SIP_OK;
		case SIP_BAD:
			return values_stop(it);
		case SIP_END:
			break;
		}
	}
	return SIP_END;
}

enum sip_parse sip_values_next_via(
    struct sip_values *it, const struct sip_limits *limits, struct sip_via *out_via)
{
	struct sip_parse_error error;

	while (values_more(it)) {
		switch (sip_via_next(&it->rest, limits, out_via, &error)) {
		case SIP_OK:
			return SIP_OK;
		case SIP_BAD:
			return values_stop(it);
		case SIP_END:
			break;
		}
	}
	return SIP_END;
}

bool sip_msg_lists(const struct sip_msg *msg, enum sip_header_id id, struct span token)
{
	for (const struct sip_header *h = sip_msg_header(msg, id); h; h = sip_msg_next(msg, h))
		if (sip_list_has(h->value, token))
			return true;
	return false;
}

static enum sip_parse one_nameaddr(
    const struct sip_msg *msg, enum sip_header_id id, struct sip_nameaddr *out_addr)
{
	if (!sip_msg_has(msg, id))
		return SIP_BAD;
	return sip_nameaddr_parse(sip_msg_value(msg, id), out_addr);
}

enum sip_parse sip_msg_from(const struct sip_msg *msg, struct sip_nameaddr *out_addr)
{
	return one_nameaddr(msg, SIP_HEADER_FROM, out_addr);
}

enum sip_parse sip_msg_to(const struct sip_msg *msg, struct sip_nameaddr *out_addr)
{
	return one_nameaddr(msg, SIP_HEADER_TO, out_addr);
}

struct span sip_msg_from_tag(const struct sip_msg *msg)
{
	struct sip_nameaddr addr;

	return sip_msg_from(msg, &addr) == SIP_OK ? addr.tag : span_of(NULL, 0);
}

struct span sip_msg_to_tag(const struct sip_msg *msg)
{
	struct sip_nameaddr addr;

	return sip_msg_to(msg, &addr) == SIP_OK ? addr.tag : span_of(NULL, 0);
}

enum sip_parse sip_msg_expires(const struct sip_msg *msg, uint32_t *out_seconds)
{
	if (!sip_msg_has(msg, SIP_HEADER_EXPIRES))
		return SIP_END;
	return sip_delta_seconds(sip_msg_value(msg, SIP_HEADER_EXPIRES), out_seconds);
}

enum sip_parse sip_msg_number(
    const struct sip_msg *msg, enum sip_header_id id, uint32_t max, uint32_t *out_value)
{
	if (!sip_msg_has(msg, id))
		return SIP_END;
	return span_to_u32(sip_msg_value(msg, id), max, out_value) == OK ? SIP_OK : SIP_BAD;
}

enum sip_parse sip_content_length(struct span value, uint32_t *out_length)
{
	if (value.n > 20)
		return SIP_BAD;
	return span_to_u32(value, UINT32_MAX, out_length) == OK ? SIP_OK : SIP_BAD;
}

enum sip_parse sip_cseq_parse(
    struct span value, uint32_t *out_number, struct span *out_method, enum sip_bad *out_reason)
{
	const char *end = sip_end(value), *p = value.p, *method;
	uint64_t v = 0;

	for (; p < end && ascii_is_digit(*p); p++)
		v = MIN(v * 10 + (uint64_t)(*p - '0'), (uint64_t)UINT32_MAX);
	method = sip_skip_lws(p, end);
	*out_reason = SIP_BAD_CSEQ;
	if (p == value.p || method == p || method == end ||
	    sip_skip(method, end, SIP_C_TOKEN) != end)
		return SIP_BAD;
	if (v > INT32_MAX) {
		*out_reason = SIP_BAD_CSEQ_RANGE;
		return SIP_BAD;
	}
	*out_number = (uint32_t)v;
	*out_method = span_from(value, method);
	return SIP_OK;
}
