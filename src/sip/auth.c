/* SPDX-License-Identifier: MIT */
#include "sip/auth.h"

#include "sip/chars.h"

static const struct span param_names[SIP_AUTH_PARAM_COUNT] = {
    [SIP_AUTH_USERNAME] = {"username", 8},
    [SIP_AUTH_REALM] = {"realm", 5},
    [SIP_AUTH_NONCE] = {"nonce", 5},
    [SIP_AUTH_URI] = {"uri", 3},
    [SIP_AUTH_RESPONSE] = {"response", 8},
    [SIP_AUTH_CNONCE] = {"cnonce", 6},
    [SIP_AUTH_OPAQUE] = {"opaque", 6},
    [SIP_AUTH_ALGORITHM] = {"algorithm", 9},
    [SIP_AUTH_QOP] = {"qop", 3},
    [SIP_AUTH_NC] = {"nc", 2},
    [SIP_AUTH_USERHASH] = {"userhash", 8},
    [SIP_AUTH_USERNAME_EXT] = {"username*", 9},
    [SIP_AUTH_STALE] = {"stale", 5},
    [SIP_AUTH_DOMAIN] = {"domain", 6},
};

static const struct span algorithm_names[] = {
    [SIP_AUTH_MD5] = {"MD5", 3},
    [SIP_AUTH_MD5_SESS] = {"MD5-sess", 8},
    [SIP_AUTH_SHA_256] = {"SHA-256", 7},
    [SIP_AUTH_SHA_256_SESS] = {"SHA-256-sess", 12},
    [SIP_AUTH_SHA_512_256] = {"SHA-512-256", 11},
    [SIP_AUTH_SHA_512_256_SESS] = {"SHA-512-256-sess", 16},
};

/* One name [=] value of the list. */
struct item {
	struct span name;
	struct span value;
	bool escaped;
};

/* The one name of that length with that first letter; the full comparison decides. */
static enum sip_auth_param candidate(struct span name)
{
	char c = (char)ascii_lower((unsigned char)name.p[0]);

	switch (name.n) {
	case 2:
		return SIP_AUTH_NC;
	case 3:
		return c == 'u' ? SIP_AUTH_URI : SIP_AUTH_QOP;
	case 5:
		return c == 'r' ? SIP_AUTH_REALM : c == 'n' ? SIP_AUTH_NONCE : SIP_AUTH_STALE;
	case 6:
		return c == 'c' ? SIP_AUTH_CNONCE : c == 'o' ? SIP_AUTH_OPAQUE : SIP_AUTH_DOMAIN;
	case 8:
		if (c == 'r')
			return SIP_AUTH_RESPONSE;
		return (name.p[7] | 0x20) == 'e' ? SIP_AUTH_USERNAME : SIP_AUTH_USERHASH;
	case 9:
		return c == 'a' ? SIP_AUTH_ALGORITHM : SIP_AUTH_USERNAME_EXT;
	default:
		return SIP_AUTH_PARAM_COUNT;
	}
}

static enum sip_auth_param param_from(struct span name)
{
	enum sip_auth_param i = candidate(name);

	return i < SIP_AUTH_PARAM_COUNT && span_ieq(name, param_names[i]) ? i
									  : SIP_AUTH_PARAM_COUNT;
}

/* auth-param: token "=" ( token / quoted-string ), white space allowed around "=". NULL when it is
 * malformed. The values that stand unquoted in practice are wider than token. */
static const char *take_item(const char *p, const char *end, struct item *out)
{
	const char *start = p;

	p = sip_skip(p, end, SIP_C_TOKEN);
	out->name = span_of(start, (size_t)(p - start));
	p = sip_skip_lws(p, end);
	if (out->name.n == 0 || p == end || *p != '=')
		return NULL;
	start = p = sip_skip_lws(p + 1, end);
	out->escaped = false;
	if (p < end && *p == '"') {
		p = sip_find_quote(p + 1, end);
		out->escaped = p < end && *p == '\\';
		p = out->escaped ? sip_skip_quoted(start, end) : p < end ? p + 1 : NULL;
		if (!p)
			return NULL;
		out->value = span_of(start + 1, (size_t)(p - start - 2));
		return p;
	}
	p = sip_skip(p, end, SIP_C_VALUE);
	out->value = span_of(start, (size_t)(p - start));
	return p > start ? p : NULL;
}

/* scheme 1*LWS; the place behind, or NULL. */
static const char *take_scheme(struct span value, struct sip_auth *auth)
{
	const char *end = sip_end(value), *start = sip_skip_lws(value.p, end), *p;

	p = sip_skip(start, end, SIP_C_TOKEN);
	if (p == start || (p < end && !sip_char_is(*p, SIP_C_LWS)))
		return NULL;
	auth->scheme_text = span_of(start, (size_t)(p - start));
	auth->scheme = sip_is(auth->scheme_text, "digest") ? SIP_AUTH_DIGEST : SIP_AUTH_OTHER;
	return sip_skip_lws(p, end);
}

static enum sip_bad store(
    struct sip_auth *auth, const struct item *item, const struct sip_limits *limits)
{
	enum sip_auth_param param = param_from(item->name);

	if (item->value.n > limits->credential)
		return SIP_BAD_AUTH_LONG;
	if (param == SIP_AUTH_PARAM_COUNT)
		return SIP_BAD_NONE;
	if (sip_auth_has(auth, param))
		return SIP_BAD_AUTH_DUPLICATE;
	auth->present |= 1u << param;
	if (item->escaped)
		auth->escaped |= 1u << param;
	auth->value[param] = item->value;
	return SIP_BAD_NONE;
}

/* The comma list of parameters. */
static enum sip_bad read_items(
    struct span value, const struct sip_limits *limits, struct sip_auth *auth, const char **out_at)
{
	const char *end = sip_end(value), *p = take_scheme(value, auth);
	enum sip_bad reason;
	struct item item;

	*out_at = value.p;
	if (!p)
		return SIP_BAD_AUTH;
	if (auth->scheme != SIP_AUTH_DIGEST)
		return SIP_BAD_AUTH_SCHEME;
	for (;;) {
		*out_at = p;
		p = take_item(p, end, &item);
		if (!p)
			return SIP_BAD_AUTH;
		reason = store(auth, &item, limits);
		if (reason != SIP_BAD_NONE)
			return reason;
		p = sip_skip_lws(p, end);
		if (p == end)
			return SIP_BAD_NONE;
		*out_at = p;
		if (*p != ',')
			return SIP_BAD_AUTH;
		p = sip_skip_lws(p + 1, end);
	}
}

static unsigned qop_from(struct span v)
{
	return sip_is(v, "auth")       ? SIP_AUTH_QOP_AUTH
	       : sip_is(v, "auth-int") ? SIP_AUTH_QOP_AUTH_INT
				       : SIP_AUTH_QOP_UNKNOWN;
}

static void read_common(struct sip_auth *auth)
{
	if (sip_auth_has(auth, SIP_AUTH_ALGORITHM))
		auth->algorithm = sip_auth_algorithm_from(auth->value[SIP_AUTH_ALGORITHM]);
	auth->stale = sip_is(auth->value[SIP_AUTH_STALE], "true");
	auth->userhash = sip_is(auth->value[SIP_AUTH_USERHASH], "true");
}

/* Types and presence of what a digest response needs (RFC 7616 §3.4). */
static enum sip_bad finish_credentials(struct sip_auth *auth)
{
	static const enum sip_auth_param needed[] = {
	    SIP_AUTH_REALM, SIP_AUTH_NONCE, SIP_AUTH_URI, SIP_AUTH_RESPONSE};
	struct span nc = auth->value[SIP_AUTH_NC], response = auth->value[SIP_AUTH_RESPONSE];
	unsigned char count[4];

	read_common(auth);
	if (sip_auth_has(auth, SIP_AUTH_QOP))
		auth->qop = qop_from(auth->value[SIP_AUTH_QOP]);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!sip_auth_has(auth, needed[i]))
			return SIP_BAD_AUTH_MISSING;
	if (!sip_auth_has(auth, SIP_AUTH_USERNAME) && !sip_auth_has(auth, SIP_AUTH_USERNAME_EXT))
		return SIP_BAD_AUTH_MISSING;
	if (auth->qop != SIP_AUTH_QOP_NONE &&
	    (!sip_auth_has(auth, SIP_AUTH_CNONCE) || !sip_auth_has(auth, SIP_AUTH_NC)))
		return SIP_BAD_AUTH_MISSING;
	if (response.n == 0 || !hex_is(response))
		return SIP_BAD_AUTH;
	if (sip_auth_has(auth, SIP_AUTH_NC)) {
		if (!hex_decode(nc, count, sizeof(count)))
			return SIP_BAD_AUTH;
		auth->nc = (uint32_t)count[0] << 24 | (uint32_t)count[1] << 16 |
			   (uint32_t)count[2] << 8 | count[3];
	}
	return SIP_BAD_NONE;
}

static enum sip_bad finish_challenge(struct sip_auth *auth)
{
	struct span rest = auth->value[SIP_AUTH_QOP], one;

	read_common(auth);
	while (rest.n) {
		span_cut(&rest, ',', &one);
		auth->qop |= qop_from(span_trim(one));
	}
	if (!sip_auth_has(auth, SIP_AUTH_REALM) || !sip_auth_has(auth, SIP_AUTH_NONCE))
		return SIP_BAD_AUTH_MISSING;
	return SIP_BAD_NONE;
}

static enum sip_parse parse(struct span value, const struct sip_limits *limits,
    enum sip_bad (*finish)(struct sip_auth *auth), struct sip_auth *out_auth,
    struct sip_parse_error *out_error)
{
	const char *at;
	enum sip_bad reason;

	*out_auth = (struct sip_auth){0};
	reason = read_items(value, limits, out_auth, &at);
	if (reason == SIP_BAD_NONE)
		reason = finish(out_auth);
	if (reason == SIP_BAD_NONE)
		return SIP_OK;
	*out_error = (struct sip_parse_error){reason, (size_t)(at - value.p)};
	return SIP_BAD;
}

enum sip_parse sip_auth_parse_credentials(struct span value, const struct sip_limits *limits,
    struct sip_auth *out_auth, struct sip_parse_error *out_error)
{
	return parse(value, limits, finish_credentials, out_auth, out_error);
}

enum sip_parse sip_auth_parse_challenge(struct span value, const struct sip_limits *limits,
    struct sip_auth *out_auth, struct sip_parse_error *out_error)
{
	return parse(value, limits, finish_challenge, out_auth, out_error);
}

bool sip_auth_peek_realm(struct span value, struct span *out_realm)
{
	const char *end = sip_end(value), *p;
	struct sip_auth auth = {0};
	struct item item;

	p = take_scheme(value, &auth);
	if (!p || auth.scheme != SIP_AUTH_DIGEST)
		return false;
	while ((p = take_item(p, end, &item)) != NULL) {
		if (sip_is(item.name, "realm")) {
			*out_realm = item.value;
			return true;
		}
		p = sip_skip_lws(p, end);
		if (p == end || *p != ',')
			return false;
		p = sip_skip_lws(p + 1, end);
	}
	return false;
}

struct span sip_auth_algorithm_name(enum sip_auth_algorithm algorithm)
{
	return (unsigned)algorithm < ARRAY_LEN(algorithm_names) ? algorithm_names[algorithm]
								: span_of(NULL, 0);
}

enum sip_auth_algorithm sip_auth_algorithm_from(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithm_names); i++)
		if (span_ieq(name, algorithm_names[i]))
			return (enum sip_auth_algorithm)i;
	return SIP_AUTH_ALGORITHM_UNKNOWN;
}

static bool needs_no_escape(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\' ||
		    s.p[i] == 0x7f)
			return false;
	return true;
}

enum err sip_auth_write_challenge(struct span name, struct span realm, struct span nonce,
    enum sip_auth_algorithm algorithm, bool stale, struct buf *out)
{
	if (!needs_no_escape(realm) || !needs_no_escape(nonce))
		return ERR_SYNTAX;
	buf_add_span(out, name);
	buf_add_lit(out, ": Digest realm=\"");
	buf_add_span(out, realm);
	buf_add_lit(out, "\", nonce=\"");
	buf_add_span(out, nonce);
	buf_add_lit(out, "\", algorithm=");
	buf_add_span(out, sip_auth_algorithm_name(algorithm));
	buf_add_lit(out, ", qop=\"auth\"");
	if (stale)
		buf_add_lit(out, ", stale=true");
	buf_add_lit(out, "\r\n");
	return out->overflow ? ERR_FULL : OK;
}
