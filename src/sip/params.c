/* SPDX-License-Identifier: MIT
 *
 * Unquoted values are read a little wider than gen-value: also "/", "=", "@", "&", "$", because
 * base64 tags and addresses are met there. No separator of a list or of a parameter is among them,
 * so no two readers can cut such a value differently. */
#include "sip/params.h"

#include "sip/chars.h"

/* The value behind '='; NULL when there is none. */
static const char *take_value(const char *p, const char *end, struct sip_param *out)
{
	const char *start = p;

	out->has_value = true;
	if (p < end && *p == '"') {
		p = sip_skip_quoted(p, end);
		if (!p)
			return NULL;
		out->quoted = true;
		out->value = span_of(start + 1, (size_t)(p - start - 2));
		return p;
	}
	p = sip_skip(p, end, SIP_C_VALUE);
	out->value = span_of(start, (size_t)(p - start));
	return p > start ? p : NULL;
}

enum sip_parse sip_params_next(struct span *rest, struct sip_param *out_param)
{
	const char *end = sip_end(*rest), *p = sip_skip_lws(rest->p, end), *name;
	struct sip_param param = {0};

	if (p == end) {
		*rest = span_of(end, 0);
		return SIP_END;
	}
	*rest = span_from(*rest, p);
	if (*p != ';')
		return SIP_BAD;
	name = sip_skip_lws(p + 1, end);
	p = sip_skip(name, end, SIP_C_TOKEN);
	if (p == name)
		return SIP_BAD;
	param.name = span_of(name, (size_t)(p - name));
	name = sip_skip_lws(p, end);
	if (name < end && *name == '=') {
		p = take_value(sip_skip_lws(name + 1, end), end, &param);
		if (!p)
			return SIP_BAD;
	}
	*rest = span_from(*rest, p);
	*out_param = param;
	return SIP_OK;
}

bool sip_params_find(struct span params, struct span name, struct sip_param *out_param)
{
	struct sip_param p;

	while (sip_params_next(&params, &p) == SIP_OK) {
		if (span_ieq(p.name, name)) {
			*out_param = p;
			return true;
		}
	}
	return false;
}

enum sip_bad sip_params_check(struct span params, size_t max)
{
	struct span rest = params;
	struct sip_param p, earlier;
	enum sip_parse r;
	size_t n = 0;

	while ((r = sip_params_next(&rest, &p)) == SIP_OK) {
		struct span before = span_of(params.p, (size_t)(p.name.p - params.p));

		if (++n > max)
			return SIP_BAD_PARAM_COUNT;
		while (sip_params_next(&before, &earlier) == SIP_OK)
			if (span_ieq(earlier.name, p.name))
				return SIP_BAD_PARAM_DUPLICATE;
	}
	return r == SIP_END ? SIP_BAD_NONE : SIP_BAD_PARAM;
}

void sip_unquote(struct span content, struct buf *out)
{
	for (size_t i = 0; i < content.n; i++) {
		if (content.p[i] == '\\' && i + 1 < content.n)
			i++;
		buf_add_char(out, content.p[i]);
	}
}

/* Behind the value that begins at p: its comma or the end. NULL on an unclosed quote or bracket. */
static const char *value_end(const char *p, const char *end)
{
	while (p < end && *p != ',') {
		if (*p == '"')
			p = sip_skip_quoted(p, end);
		else if (*p == '<')
			p = sip_find_octet(p, end, '>');
		else
			p++;
		if (!p)
			return NULL;
	}
	return p;
}

enum sip_parse sip_list_next(struct span *rest, struct span *out_value)
{
	const char *end = sip_end(*rest), *p = sip_skip_lws(rest->p, end), *stop;
	struct span value;

	if (p == end) {
		*rest = span_of(end, 0);
		return SIP_END;
	}
	*rest = span_from(*rest, p);
	stop = value_end(p, end);
	if (!stop)
		return SIP_BAD;
	value = span_trim(span_of(p, (size_t)(stop - p)));
	/* A comma needs a value on both sides. */
	if (value.n == 0 || (stop < end && sip_skip_lws(stop + 1, end) == end))
		return SIP_BAD;
	*rest = span_from(*rest, stop < end ? stop + 1 : end);
	*out_value = value;
	return SIP_OK;
}

bool sip_list_has(struct span list, struct span token)
{
	struct span value;

	while (sip_list_next(&list, &value) == SIP_OK)
		if (span_ieq(value, token))
			return true;
	return false;
}
