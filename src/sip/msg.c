/* SPDX-License-Identifier: MIT */
#include "sip/msg.h"

#include "sip/chars.h"
#include "sip/line.h"
#include "sip/start.h"

/* The first fault stays. */
static void set_fault(struct sip_msg *msg, enum sip_bad reason, const char *at)
{
	if (msg->fault.reason == SIP_BAD_NONE)
		msg->fault = (struct sip_parse_error){reason, (size_t)(at - msg->text.p)};
}

/* Enters headers[n_headers], whose line was read, into the index. */
static void add_header(struct sip_msg *msg)
{
	uint16_t at = msg->n_headers++;
	struct sip_header *h = &msg->headers[at];
	unsigned id = h->id;
	uint64_t bit = UINT64_C(1) << (id & 63), *seen = &msg->seen[id >> 6];

	h->next = SIP_HEADER_NONE;
	if (h->form != SIP_FORM_CLEAN)
		msg->n_unclean++;
	if (*seen & bit) {
		msg->headers[msg->last[id]].next = at;
		msg->count[id]++;
		msg->n_repeated++;
	} else {
		*seen |= bit;
		msg->first[id] = at;
		msg->count[id] = 1;
	}
	msg->last[id] = at;
}

/* All header lines. On SIP_BAD *p is the place. */
static enum sip_parse read_headers(struct sip_msg *msg, const char **p, const char *end,
    const struct sip_limits *limits, size_t cap, enum sip_bad *out_reason)
{
	struct sip_header spare;
	const char *start;
	enum sip_parse r;

	cap = MIN(MIN(cap, limits->headers), (size_t)SIP_HEADER_NONE);
	for (;;) {
		struct sip_header *h =
		    msg->n_headers < cap ? &msg->headers[msg->n_headers] : &spare;

		start = *p;
		r = sip_line_next(p, end, h, out_reason);
		if (r != SIP_OK)
			return r == SIP_END ? SIP_OK : SIP_BAD;
		if (UNLIKELY(h == &spare || h->name.n > limits->header_name ||
			     h->value.n > limits->header_value)) {
			*out_reason = h == &spare                       ? SIP_BAD_HEADER_COUNT
				      : h->name.n > limits->header_name ? SIP_BAD_HEADER_NAME_LONG
									: SIP_BAD_HEADER_VALUE_LONG;
			*p = start;
			return SIP_BAD;
		}
		add_header(msg);
	}
}

static void read_via(struct sip_msg *msg, const struct sip_limits *limits)
{
	struct span rest = sip_msg_value(msg, SIP_HEADER_VIA);
	struct sip_parse_error error;

	if (!sip_msg_has(msg, SIP_HEADER_VIA))
		return;
	switch (sip_via_next(&rest, limits, &msg->via, &error)) {
	case SIP_OK:
		msg->has_via = true;
		break;
	case SIP_BAD:
		set_fault(msg, error.reason, rest.p);
		break;
	case SIP_END:
		set_fault(msg, SIP_BAD_VIA, rest.p);
		break;
	}
}

/* callid = word [ "@" word ] (RFC 3261 §20.8) */
static void read_call_id(struct sip_msg *msg, const struct sip_limits *limits)
{
	struct span v = sip_msg_value(msg, SIP_HEADER_CALL_ID);
	const char *end = sip_end(v), *p;

	if (!sip_msg_has(msg, SIP_HEADER_CALL_ID))
		return;
	p = sip_skip(v.p, end, SIP_C_WORD);
	if (p > v.p && p + 1 < end && *p == '@')
		p = sip_skip(p + 1, end, SIP_C_WORD);
	msg->call_id = v;
	if (v.n == 0 || p != end)
		set_fault(msg, SIP_BAD_CALL_ID, v.p);
	else if (v.n > limits->call_id)
		set_fault(msg, SIP_BAD_CALL_ID_LONG, v.p);
}

static void read_cseq(struct sip_msg *msg, const struct sip_limits *limits)
{
	struct span v = sip_msg_value(msg, SIP_HEADER_CSEQ);
	enum sip_bad reason;

	if (!sip_msg_has(msg, SIP_HEADER_CSEQ))
		return;
	if (sip_cseq_parse(v, &msg->cseq, &msg->cseq_method_name, &reason) != SIP_OK) {
		set_fault(msg, reason, v.p);
		return;
	}
	if (msg->cseq_method_name.n > limits->method)
		set_fault(msg, SIP_BAD_METHOD_LONG, v.p);
	msg->cseq_method = sip_method_from(msg->cseq_method_name);
	msg->has_cseq = true;
	if (!msg->is_request)
		msg->method = msg->cseq_method;
}

static void read_max_forwards(struct sip_msg *msg)
{
	uint32_t v = 0;

	switch (sip_msg_number(msg, SIP_HEADER_MAX_FORWARDS, 255, &v)) {
	case SIP_OK:
		msg->max_forwards = (int16_t)v;
		break;
	case SIP_BAD:
		set_fault(msg, SIP_BAD_MAX_FORWARDS, sip_msg_value(msg, SIP_HEADER_MAX_FORWARDS).p);
		break;
	case SIP_END:
		break;
	}
}

/* p stands behind the empty line. */
static void read_body(
    struct sip_msg *msg, const char *p, const char *end, const struct sip_limits *limits)
{
	struct span v = sip_msg_value(msg, SIP_HEADER_CONTENT_LENGTH);
	size_t n = (size_t)(end - p);
	uint32_t length;

	if (sip_msg_has(msg, SIP_HEADER_CONTENT_LENGTH)) {
		if (sip_content_length(v, &length) != SIP_OK) {
			set_fault(msg, SIP_BAD_CONTENT_LENGTH, v.p);
		} else {
			msg->content_length = length;
			if (length > n)
				set_fault(msg, SIP_BAD_BODY_SHORT, p);
			n = MIN(n, (size_t)length);
		}
	}
	if (n > limits->body)
		set_fault(msg, SIP_BAD_BODY_LONG, p);
	msg->head.n = (size_t)(p - msg->text.p);
	msg->body = span_of(p, n);
	msg->text.n = msg->head.n + n;
}

static void read_fields(struct sip_msg *msg, const struct sip_limits *limits)
{
	read_via(msg, limits);
	read_call_id(msg, limits);
	read_cseq(msg, limits);
	read_max_forwards(msg);
}

enum sip_parse sip_msg_parse(struct span bytes, const struct sip_limits *limits,
    struct sip_header *headers, size_t cap, struct sip_msg *out_msg,
    struct sip_parse_error *out_error)
{
	const char *p = bytes.p, *end = sip_end(bytes);
	struct sip_msg *msg = out_msg;
	enum sip_bad reason = SIP_BAD_NONE;

	memset(msg, 0, offsetof(struct sip_msg, first));
	msg->headers = headers;
	msg->max_forwards = -1;
	msg->content_length = -1;
	while (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
		p += 2;
	msg->text = msg->head = span_from(bytes, p);
	if (p == end)
		reason = SIP_BAD_EMPTY;
	else if (bytes.n > limits->message)
		reason = SIP_BAD_MESSAGE_LONG;
	else
		p = sip_start_read(msg, p, end, limits, &reason);
	if (reason == SIP_BAD_NONE && read_headers(msg, &p, end, limits, cap, &reason) == SIP_OK) {
		read_fields(msg, limits);
		read_body(msg, p, end, limits);
		return SIP_OK;
	}
	read_fields(msg, limits);
	*out_error = (struct sip_parse_error){reason, (size_t)(p - bytes.p)};
	return SIP_BAD;
}
