/* SPDX-License-Identifier: MIT */
#include "sip/uri.h"

#include "sip/chars.h"
#include "sip/host_take.h"
#include "sip/uri_param.h"

static enum sip_scheme scheme_kind(struct span scheme)
{
	switch (scheme.n) {
	case 3:
		return sip_is(scheme, "sip")   ? SIP_SCHEME_SIP
		       : sip_is(scheme, "tel") ? SIP_SCHEME_TEL
		       : sip_is(scheme, "urn") ? SIP_SCHEME_URN
					       : SIP_SCHEME_OTHER;
	case 4:
		return sip_is(scheme, "sips") ? SIP_SCHEME_SIPS : SIP_SCHEME_OTHER;
	default:
		return SIP_SCHEME_OTHER;
	}
}

/* scheme ":" (RFC 3261 §25.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )). NULL when there is none.
 */
static const char *take_scheme(const char *p, const char *end, struct sip_uri *uri)
{
	const char *start = p;

	if (end - p > 4 && memcmp(p, "sip:", 4) == 0) {
		uri->scheme = span_of(p, 3);
		uri->kind = SIP_SCHEME_SIP;
		return p + 4;
	}
	if (p == end || !sip_char_is(*p, SIP_C_ALPHA))
		return NULL;
	while (p < end && *p != ':') {
		if (!sip_char_is(*p, SIP_C_HOST) && *p != '+')
			return NULL;
		p++;
	}
	if (p == end)
		return NULL;
	uri->scheme = span_of(start, (size_t)(p - start));
	uri->kind = scheme_kind(uri->scheme);
	return p + 1;
}

/* user [ ":" password ] "@", when there is an '@'. */
static const char *take_userinfo(const char *p, const char *end, struct sip_uri *uri)
{
	const char *at = sip_find_octet(p, end, '@'), *start = p;

	if (!at)
		return p;
	p = sip_skip_escaped(p, at, SIP_C_USER);
	if (!p || p == start)
		return NULL;
	uri->has_user = true;
	uri->user = span_of(start, (size_t)(p - start));
	if (p < at && *p == ':') {
		start = ++p;
		p = sip_skip_escaped(p, at, SIP_C_PASSWORD);
		if (!p)
			return NULL;
		uri->password = span_of(start, (size_t)(p - start));
	}
	return p == at ? at + 1 : NULL;
}

/* *( ";" pname [ "=" pvalue ] ); *count is how many. */
static const char *take_params(const char *p, const char *end, struct sip_uri *uri, size_t *count)
{
	struct span rest = span_of(p, (size_t)(end - p));
	struct sip_param param;

	while (rest.n && rest.p[0] == ';') {
		if (sip_uri_params_next(&rest, &param) != SIP_OK)
			return NULL;
		(*count)++;
	}
	uri->params = span_of(p, (size_t)(rest.p - p));
	return rest.p;
}

/* "?" hname "=" hvalue *( "&" hname "=" hvalue ) */
static const char *take_headers(const char *p, const char *end, struct sip_uri *uri)
{
	const char *start = ++p, *at;

	do {
		at = p;
		p = sip_skip_escaped(p, end, SIP_C_HEADER);
		if (!p || p == at || p == end || *p != '=')
			return NULL;
		p = sip_skip_escaped(p + 1, end, SIP_C_HEADER);
		if (!p)
			return NULL;
	} while (p < end && *p++ == '&');
	if (p != end || p[-1] == '&')
		return NULL;
	uri->headers = span_of(start, (size_t)(p - start));
	return p;
}

static const char *take_sip(const char *p, const char *end, struct sip_uri *uri, size_t *n_params)
{
	p = take_userinfo(p, end, uri);
	if (p)
		p = sip_hostport_take(p, end, false, &uri->host);
	if (p)
		p = take_params(p, end, uri, n_params);
	if (p && p < end && *p == '?')
		p = take_headers(p, end, uri);
	return p;
}

static const char *take_tel(const char *p, const char *end, struct sip_uri *uri, size_t *n_params)
{
	const char *start = p;

	/* Visual separators alone are no number. */
	while (p < end && memchr("-.()", *p, 4))
		p++;
	if (p == end || !sip_char_is(*p, SIP_C_TEL))
		return NULL;
	p = sip_skip(p, end, SIP_C_TEL);
	uri->user = span_of(start, (size_t)(p - start));
	uri->has_user = true;
	return take_params(p, end, uri, n_params);
}

static const char *take_rest(const char *p, const char *end, struct sip_uri *uri, size_t *n_params)
{
	const char *start = p;

	switch (uri->kind) {
	case SIP_SCHEME_SIP:
	case SIP_SCHEME_SIPS:
		return take_sip(p, end, uri, n_params);
	case SIP_SCHEME_TEL:
		return take_tel(p, end, uri, n_params);
	case SIP_SCHEME_URN:
	case SIP_SCHEME_OTHER:
		break;
	}
	p = sip_skip_escaped(p, end, SIP_C_URIC);
	if (!p || p == start)
		return NULL;
	uri->opaque = span_of(start, (size_t)(p - start));
	return p;
}

enum sip_parse sip_uri_parse(struct span text, const struct sip_limits *limits,
    struct sip_uri *out_uri, struct sip_parse_error *out_error)
{
	const char *end = sip_end(text), *p;
	struct sip_uri *uri = out_uri;
	size_t n_params = 0;

	if (text.n > limits->uri) {
		*out_error = (struct sip_parse_error){SIP_BAD_URI_LONG, limits->uri};
		return SIP_BAD;
	}
	*uri = (struct sip_uri){.text = text};
	p = take_scheme(text.p, end, uri);
	if (p)
		p = take_rest(p, end, uri, &n_params);
	if (!p || p != end) {
		*out_error = (struct sip_parse_error){SIP_BAD_URI, p ? (size_t)(p - text.p) : 0};
		return SIP_BAD;
	}
	if (n_params > limits->params) {
		*out_error = (struct sip_parse_error){SIP_BAD_PARAM_COUNT, 0};
		return SIP_BAD;
	}
	if (n_params > 1 && !sip_uri_params_differ(uri->params)) {
		*out_error = (struct sip_parse_error){SIP_BAD_PARAM_DUPLICATE, 0};
		return SIP_BAD;
	}
	return SIP_OK;
}

enum sip_parse sip_uri_params_next(struct span *rest, struct sip_param *out_param)
{
	const char *end = sip_end(*rest), *p, *start;
	struct sip_param param = {0};

	if (rest->n == 0)
		return SIP_END;
	if (rest->p[0] != ';')
		return SIP_BAD;
	start = rest->p + 1;
	p = sip_skip_escaped(start, end, SIP_C_PARAM);
	if (!p || p == start)
		return SIP_BAD;
	param.name = span_of(start, (size_t)(p - start));
	if (p < end && *p == '=') {
		start = p + 1;
		p = sip_skip_escaped(start, end, SIP_C_PARAM);
		if (!p || p == start)
			return SIP_BAD;
		param.has_value = true;
		param.value = span_of(start, (size_t)(p - start));
	}
	*rest = span_from(*rest, p);
	*out_param = param;
	return SIP_OK;
}

enum err sip_uri_write_target(const struct sip_uri *uri, struct buf *out)
{
	struct span rest = uri->params, bare = uri->text, method, param_text;
	struct sip_param param;

	if (uri->headers.p)
		bare.n = (size_t)(uri->headers.p - 1 - bare.p);
	if (!rest.n || !sip_uri_param(uri, SPAN("method"), &param)) {
		buf_add_span(out, bare);
		return out->overflow ? ERR_FULL : OK;
	}
	method = param.name;
	buf_add(out, bare.p, (size_t)(rest.p - bare.p));
	while (rest.n) {
		param_text = rest;
		if (sip_uri_params_next(&rest, &param) != SIP_OK)
			break;
		if (param.name.p != method.p)
			buf_add(out, param_text.p, param_text.n - rest.n);
	}
	return out->overflow ? ERR_FULL : OK;
}

uint16_t sip_uri_port(const struct sip_uri *uri)
{
	if (uri->host.port)
		return uri->host.port;
	return uri->kind == SIP_SCHEME_SIPS ? 5061 : 5060;
}
