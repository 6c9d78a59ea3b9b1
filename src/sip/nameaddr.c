/* SPDX-License-Identifier: MIT */
#include "sip/nameaddr.h"

#include "sip/chars.h"

/* Quoted-string or tokens before '<'. Gives the place of the '<', or p itself when the value has
 * none (an addr-spec), or NULL. */
static const char *take_display(const char *p, const char *end, struct sip_nameaddr *out)
{
	const char *start = p;

	if (*p == '"') {
		p = sip_skip_quoted(p, end);
		if (!p)
			return NULL;
		out->quoted = true;
		out->display = span_of(start + 1, (size_t)(p - start - 2));
		p = sip_skip_lws(p, end);
		return p < end && *p == '<' ? p : NULL;
	}
	/* Unquoted letters beyond ASCII are not in the grammar but in many phones. */
	while (p < end && (sip_char_is(*p, SIP_C_TOKEN | SIP_C_LWS) || (unsigned char)*p >= 0x80))
		p++;
	if (p == end || *p != '<')
		return start;
	out->display = span_trim(span_of(start, (size_t)(p - start)));
	return p;
}

/* p stands on '<', or at the beginning of an addr-spec. */
static const char *take_uri(const char *p, const char *end, struct sip_nameaddr *out)
{
	const char *start = p;

	if (*p == '<') {
		p = sip_find_octet(p, end, '>');
		if (!p || p == start + 1)
			return NULL;
		out->bracketed = true;
		out->uri = span_of(start + 1, (size_t)(p - start - 1));
		return p + 1;
	}
	while (p < end && *p != ';' && *p != ',' && !sip_char_is(*p, SIP_C_LWS)) {
		/* RFC 3261 §20: a URI with a question mark must stand in brackets. */
		if (*p == '?' || *p == '"' || *p == '<' || *p == '>')
			return NULL;
		p++;
	}
	out->uri = span_of(start, (size_t)(p - start));
	out->star = sip_is(out->uri, "*");
	return p > start ? p : NULL;
}

/* Header parameters up to the comma or the end. */
static const char *take_params(const char *p, const char *end, struct sip_nameaddr *out)
{
	struct span rest;
	struct sip_param param;
	const char *at = sip_skip_lws(p, end), *start = at;

	while (at < end && *at == ';') {
		rest = span_of(at, (size_t)(end - at));
		if (sip_params_next(&rest, &param) != SIP_OK)
			return NULL;
		if (sip_is(param.name, "tag")) {
			if (out->tag.n || param.value.n == 0 || param.quoted)
				return NULL;
			out->tag = param.value;
		}
		p = rest.p;
		at = sip_skip_lws(p, end);
	}
	if (at < end && *at != ',')
		return NULL;
	out->params = p > start ? span_of(start, (size_t)(p - start)) : span_of(p, 0);
	return at;
}

enum sip_parse sip_nameaddr_next(struct span *rest, struct sip_nameaddr *out_addr)
{
	const char *end = sip_end(*rest), *p = sip_skip_lws(rest->p, end), *start = p;

	if (p == end) {
		*rest = span_of(end, 0);
		return SIP_END;
	}
	*rest = span_from(*rest, start);
	*out_addr = (struct sip_nameaddr){0};
	p = take_display(p, end, out_addr);
	if (p)
		p = take_uri(p, end, out_addr);
	if (p)
		p = take_params(p, end, out_addr);
	/* A comma needs a value behind it. */
	if (!p || (p < end && sip_skip_lws(p + 1, end) == end))
		return SIP_BAD;
	out_addr->value = span_trim(span_of(start, (size_t)(p - start)));
	*rest = span_from(*rest, p < end ? p + 1 : end);
	return SIP_OK;
}

enum sip_parse sip_nameaddr_parse(struct span value, struct sip_nameaddr *out_addr)
{
	return sip_nameaddr_next(&value, out_addr) == SIP_OK && value.n == 0 ? SIP_OK : SIP_BAD;
}

enum sip_parse sip_nameaddr_q(const struct sip_nameaddr *addr, uint16_t *out_q)
{
	struct sip_param q;
	unsigned v, unit = 100;

	if (!sip_nameaddr_param(addr, SPAN("q"), &q)) {
		*out_q = 1000;
		return SIP_OK;
	}
	if (q.quoted || q.value.n == 0 || q.value.n > 5 ||
	    (q.value.p[0] != '0' && q.value.p[0] != '1'))
		return SIP_BAD;
	v = q.value.p[0] == '1' ? 1000 : 0;
	for (size_t i = 1; i < q.value.n; i++) {
		if (i == 1 ? q.value.p[i] != '.' : !ascii_is_digit(q.value.p[i]))
			return SIP_BAD;
		if (i == 1)
			continue;
		v += (unsigned)(q.value.p[i] - '0') * unit;
		unit /= 10;
	}
	if (v > 1000)
		return SIP_BAD;
	*out_q = (uint16_t)v;
	return SIP_OK;
}

enum sip_parse sip_delta_seconds(struct span text, uint32_t *out_seconds)
{
	uint64_t v = 0;

	if (text.n == 0)
		return SIP_BAD;
	for (size_t i = 0; i < text.n; i++) {
		if (!ascii_is_digit(text.p[i]))
			return SIP_BAD;
		v = MIN(v * 10 + (uint64_t)(text.p[i] - '0'), (uint64_t)UINT32_MAX);
	}
	*out_seconds = (uint32_t)v;
	return SIP_OK;
}
