/* SPDX-License-Identifier: MIT */
#include "sip/frame.h"

#include "sip/chars.h"
#include "sip/line.h"
#include "sip/msg.h"

static enum sip_frame fail(struct sip_parse_error *error, enum sip_bad reason, size_t at)
{
	*error = (struct sip_parse_error){reason, at};
	return SIP_FRAME_BAD;
}

/* have begins with CR, or is empty. */
static enum sip_frame keepalive(
    struct sip_framer *f, struct span have, size_t *out_consumed, struct sip_parse_error *out_error)
{
	if (have.n < 2)
		return SIP_FRAME_MORE;
	if (have.p[1] != '\n')
		return fail(out_error, SIP_BAD_BARE_CR, 0);
	if (!f->was_crlf && have.n >= 4 && have.p[2] == '\r' && have.p[3] == '\n') {
		*out_consumed = 4;
		return SIP_FRAME_PING;
	}
	/* Two of them are a ping also when they come one by one. */
	*out_consumed = 2;
	f->was_crlf = !f->was_crlf;
	return f->was_crlf ? SIP_FRAME_CRLF : SIP_FRAME_PING;
}

/* Looks on for the empty line; its end, or 0 when it is not there yet. */
static size_t find_head(struct sip_framer *f, struct span have)
{
	while (f->scanned < have.n) {
		const char *lf = memchr(have.p + f->scanned, '\n', have.n - f->scanned);
		size_t at;

		if (!lf) {
			f->scanned = have.n;
			break;
		}
		at = (size_t)(lf - have.p);
		f->scanned = at + 1;
		if (f->line > 0 &&
		    (at == f->line || (at == f->line + 1 && have.p[f->line] == '\r')))
			return at + 1;
		f->line = at + 1;
	}
	return 0;
}

/* The one Content-Length of a whole header section. */
static enum sip_frame read_length(struct span head, const struct sip_limits *limits,
    uint32_t *out_length, struct sip_parse_error *out_error)
{
	const char *end = sip_end(head), *line_end, *p;
	enum sip_bad reason = SIP_BAD_NONE;
	struct sip_header h;
	enum sip_parse r;
	bool found = false;

	p = sip_line_end(head.p, end, &line_end, &reason);
	if (!p)
		return fail(out_error, reason, (size_t)(line_end - head.p));
	while ((r = sip_line_next(&p, end, &h, &reason)) == SIP_OK) {
		if (h.id != SIP_HEADER_CONTENT_LENGTH)
			continue;
		if (found)
			return fail(out_error, SIP_BAD_DUPLICATE, (size_t)(h.name.p - head.p));
		if (sip_content_length(h.value, out_length) != SIP_OK)
			return fail(
			    out_error, SIP_BAD_CONTENT_LENGTH, (size_t)(h.value.p - head.p));
		found = true;
	}
	if (r == SIP_BAD)
		return fail(out_error, reason, (size_t)(p - head.p));
	if (!found)
		return fail(out_error, SIP_BAD_NO_CONTENT_LENGTH, head.n);
	if (*out_length > limits->body)
		return fail(out_error, SIP_BAD_BODY_LONG, head.n);
	if (head.n + *out_length > limits->message)
		return fail(out_error, SIP_BAD_MESSAGE_LONG, head.n);
	return SIP_FRAME_MESSAGE;
}

/* Until the whole length is known. MESSAGE: it is, in f->total. */
static enum sip_frame read_head(struct sip_framer *f, const struct sip_limits *limits,
    struct span have, struct sip_parse_error *out_error)
{
	size_t head = find_head(f, have);
	uint32_t length = 0;

	if (head == 0) {
		if (f->line == 0 && f->scanned > (size_t)limits->start_line + 2)
			return fail(out_error, SIP_BAD_START_LINE_LONG, 0);
		if (have.n > limits->message)
			return fail(out_error, SIP_BAD_MESSAGE_LONG, limits->message);
		return SIP_FRAME_MORE;
	}
	if (read_length(span_of(have.p, head), limits, &length, out_error) == SIP_FRAME_BAD)
		return SIP_FRAME_BAD;
	f->total = head + length;
	return SIP_FRAME_MESSAGE;
}

enum sip_frame sip_frame_next(struct sip_framer *framer, const struct sip_limits *limits,
    struct span have, size_t *out_consumed, struct span *out_msg, struct sip_parse_error *out_error)
{
	*out_consumed = 0;
	if (have.n == 0)
		return SIP_FRAME_MORE;
	if (framer->scanned == 0) {
		if (*have.p == '\r')
			return keepalive(framer, have, out_consumed, out_error);
		if (!sip_char_is(*have.p, SIP_C_TOKEN))
			return fail(out_error, SIP_BAD_NOT_SIP, 0);
	}
	if (framer->total == 0) {
		enum sip_frame r = read_head(framer, limits, have, out_error);

		if (r != SIP_FRAME_MESSAGE)
			return r;
	}
	if (have.n < framer->total)
		return SIP_FRAME_MORE;
	*out_msg = span_of(have.p, framer->total);
	*out_consumed = framer->total;
	*framer = (struct sip_framer){0};
	return SIP_FRAME_MESSAGE;
}
