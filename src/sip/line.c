/* SPDX-License-Identifier: MIT */
#include "sip/line.h"

#include "sip/chars.h"
#include "sip/scan.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* q stands on a control character or at the end: behind the line end that it is, or NULL. */
static const char *line_break(const char *q, const char *end, enum sip_bad *out_reason)
{
	if (q == end || (*q == '\r' && q + 1 == end)) {
		*out_reason = SIP_BAD_TRUNCATED;
		return NULL;
	}
	if (*q == '\n')
		return q + 1;
	if (*q == '\r' && q[1] == '\n')
		return q + 2;
	*out_reason = *q == '\r' ? SIP_BAD_BARE_CR : *q == '\0' ? SIP_BAD_NUL : SIP_BAD_CONTROL;
	return NULL;
}

const char *sip_line_end(
    const char *p, const char *end, const char **out_end, enum sip_bad *out_reason)
{
	*out_end = sip_find_control(p, end);
	return line_break(*out_end, end, out_reason);
}

/* Follows quotes through a value, each octet once. */
struct quotes {
	const char *at;
	bool inside;
	bool escaped; /* the octet at `at` belongs to a quoted-pair */
};

/* Whether q, in the value, is the second octet of a quoted-pair (RFC 3261 §25.1). */
static bool is_quoted_pair(struct quotes *s, const char *q)
{
	for (; s->at < q; s->at++) {
		char c = *s->at;

		if (s->escaped)
			s->escaped = false;
		else if (s->inside && c == '\\')
			s->escaped = true;
		else if (c == '"')
			s->inside = !s->inside;
	}
	return s->escaped;
}

/* A value that is not one line up to CRLF: folds, LF alone, quoted control characters, or a fault.
 * q is the first control character in it. As take_value. */
static const char *take_odd_value(
    const char **p, const char *q, const char *end, struct sip_header *h, enum sip_bad *out_reason)
{
	const char *start = *p, *next;
	struct quotes quotes = {.at = start};

	for (;; q = sip_find_control(q, end)) {
		next = line_break(q, end, out_reason);
		if (!next && *out_reason != SIP_BAD_TRUNCATED && *q != '\r' &&
		    is_quoted_pair(&quotes, q)) {
			h->form |= SIP_FORM_ESCAPED;
			q++;
			continue;
		}
		if (!next || next == end) {
			*out_reason = next ? SIP_BAD_TRUNCATED : *out_reason;
			*p = next ? next : q;
			return NULL;
		}
		if (!is_blank(*next))
			break;
		h->form |= SIP_FORM_FOLDED;
		q = next;
	}
	h->value = span_trim(span_of(start, (size_t)(q - start)));
	return next;
}

/* The value from p on: behind its last line end, or NULL; then *p is the place. */
static const char *take_value(
    const char **p, const char *end, struct sip_header *h, enum sip_bad *out_reason)
{
	const char *start = *p, *q = sip_find_control(start, end);

	if (UNLIKELY(end - q < 3 || q[0] != '\r' || q[1] != '\n' || is_blank(q[2])))
		return take_odd_value(p, q, end, h, out_reason);
	end = q + 2;
	while (q > start && is_blank(q[-1]))
		q--;
	h->value = span_of(start, (size_t)(q - start));
	return end;
}

/* "Name: value CRLF" to the letter, as nearly all are; q is the first control character of the
 * line. Behind its line end, or NULL when it is anything else. */
static const char *take_clean_value(
    const char *colon, const char *q, const char *end, struct sip_header *h)
{
	const char *start = colon + 2;

	if (end - q < 3 || q[0] != '\r' || q[1] != '\n' || is_blank(q[2]) || q - colon < 3 ||
	    colon[1] != ' ' || is_blank(*start) || is_blank(q[-1]) ||
	    colon != h->name.p + h->name.n)
		return NULL;
	h->value = span_of(start, (size_t)(q - start));
	h->form = SIP_FORM_CLEAN;
	return q + 2;
}

/* The name up to the colon. A name that is known needs no other check; NULL when it is none. */
static const char *take_name(const char *p, const char *end, struct sip_header *h)
{
	const char *colon = sip_find_octet(p, end, ':'), *stop = colon;

	if (!colon)
		return NULL;
	h->name = span_of(p, (size_t)(colon - p));
	h->id = (uint8_t)sip_header_from(h->name);
	if (LIKELY(h->id != SIP_HEADER_OTHER))
		return colon;
	while (stop > p && is_blank(stop[-1]))
		stop--;
	if (stop == p || sip_skip(p, stop, SIP_C_TOKEN) != stop)
		return NULL;
	if (stop != colon) {
		h->name.n = (size_t)(stop - p);
		h->id = (uint8_t)sip_header_from(h->name);
	}
	return colon;
}

/* Why no name could be read at p, and where. */
static const char *name_fault(const char *p, const char *end, enum sip_bad *out_reason)
{
	const char *q = sip_find_control(p, end);

	if (line_break(q, end, out_reason))
		*out_reason = SIP_BAD_HEADER_NAME;
	return *out_reason == SIP_BAD_HEADER_NAME ? p : q;
}

enum sip_parse sip_line_next(
    const char **p, const char *end, struct sip_header *out_header, enum sip_bad *out_reason)
{
	const char *start = *p, *at, *next, *line_end;
	struct sip_header *h = out_header;

	if (start < end && (*start == '\r' || *start == '\n')) {
		next = line_break(start, end, out_reason);
		*p = next ? next : start;
		return next ? SIP_END : SIP_BAD;
	}
	/* Not from the colon on: so the search need not wait for that of the name. */
	line_end = sip_find_control(start, end);
	at = take_name(start, end, h);
	if (UNLIKELY(!at)) {
		*p = name_fault(start, end, out_reason);
		return SIP_BAD;
	}
	next = take_clean_value(at, line_end, end, h);
	if (UNLIKELY(!next)) {
		for (at++; at < end && is_blank(*at); at++)
			;
		h->form = 0;
		*p = at;
		next = take_value(p, end, h, out_reason);
		if (!next)
			return SIP_BAD;
		if (h->form == 0 && next[-2] == '\r' && start[h->name.n + 1] == ' ' &&
		    (size_t)(next - start) == h->name.n + 2 + h->value.n + 2)
			h->form = SIP_FORM_CLEAN;
	}
	h->raw_n = (uint32_t)(next - start);
	*p = next;
	return SIP_OK;
}
