/* SPDX-License-Identifier: MIT
 *
 * Comparison of URIs and their canonical spellings (RFC 3261 §10.3, §19.1.4). */
#include "sip/chars.h"
#include "sip/uri_param.h"

/* One unescaped octet of *s. */
static unsigned char next_octet(struct span *s)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = 1;

	if (c == '%' && s->n >= 3 && sip_char_is(s->p[1], SIP_C_HEX) &&
	    sip_char_is(s->p[2], SIP_C_HEX)) {
		c = (unsigned char)(sip_hex_value(s->p[1]) << 4 | sip_hex_value(s->p[2]));
		n = 3;
	}
	*s = span_of(s->p + n, s->n - n);
	return c;
}

static bool equal_unescaped(struct span a, struct span b, bool any_case)
{
	while (a.n && b.n) {
		unsigned char x = next_octet(&a), y = next_octet(&b);

		if (x != y && (!any_case || ascii_lower(x) != ascii_lower(y)))
			return false;
	}
	return a.n == 0 && b.n == 0;
}

bool sip_uri_params_differ(struct span params)
{
	struct span rest = params, before;
	struct sip_param p, q;

	while (sip_uri_params_next(&rest, &p) == SIP_OK) {
		before = span_of(params.p, (size_t)(p.name.p - 1 - params.p));
		while (sip_uri_params_next(&before, &q) == SIP_OK)
			if (equal_unescaped(p.name, q.name, true))
				return false;
	}
	return true;
}

bool sip_user_equal(struct span a, struct span b)
{
	return equal_unescaped(a, b, false);
}

bool sip_uri_param(const struct sip_uri *uri, struct span name, struct sip_param *out_param)
{
	struct span rest = uri->params;
	struct sip_param p;

	while (sip_uri_params_next(&rest, &p) == SIP_OK) {
		if (equal_unescaped(p.name, name, true)) {
			*out_param = p;
			return true;
		}
	}
	return false;
}

/* These never match a URI that lacks them (RFC 3261 §19.1.4); transport by the examples there. */
static bool param_is_never_ignored(struct span name)
{
	static const struct span names[] = {
	    {"user", 4}, {"ttl", 3}, {"method", 6}, {"maddr", 5}, {"transport", 9}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (equal_unescaped(name, names[i], true))
			return true;
	return false;
}

/* Every parameter of a agrees with its namesake in b. */
static bool params_agree(const struct sip_uri *a, const struct sip_uri *b)
{
	struct span rest = a->params;
	struct sip_param p, q;

	while (sip_uri_params_next(&rest, &p) == SIP_OK) {
		if (!sip_uri_param(b, p.name, &q)) {
			if (param_is_never_ignored(p.name))
				return false;
		} else if (!equal_unescaped(p.value, q.value, true)) {
			return false;
		}
	}
	return true;
}

/* The next "name=value" of a header part. */
static bool next_header(struct span *rest, struct span *out_name, struct span *out_value)
{
	struct span pair;

	if (rest->n == 0)
		return false;
	span_cut(rest, '&', &pair);
	span_cut(&pair, '=', out_name);
	*out_value = pair;
	return true;
}

/* Every header of a stands in b with the same value. */
static bool headers_in(struct span a, struct span b)
{
	struct span name, value, other, other_value, rest;

	while (next_header(&a, &name, &value)) {
		bool found = false;

		rest = b;
		while (!found && next_header(&rest, &other, &other_value))
			found = equal_unescaped(name, other, true) &&
				equal_unescaped(value, other_value, false);
		if (!found)
			return false;
	}
	return true;
}

/* The next significant octet of a number: visual separators (RFC 3966 §3) do not count. 0: end. */
static unsigned char next_digit(struct span *s)
{
	while (s->n) {
		unsigned char c = ascii_lower(next_octet(s));

		if (c && !memchr("-.()", c, 4))
			return c;
	}
	return 0;
}

static bool equal_numbers(struct span a, struct span b)
{
	unsigned char x, y;

	do {
		x = next_digit(&a);
		y = next_digit(&b);
	} while (x == y && x);
	return x == y;
}

/* RFC 3966 §4: no parameter is ignored. */
static bool equal_tel(const struct sip_uri *a, const struct sip_uri *b)
{
	struct span rest = a->params;
	struct sip_param p, q;
	size_t n = 0, m = 0;

	if (!equal_numbers(a->user, b->user) || !params_agree(a, b))
		return false;
	while (sip_uri_params_next(&rest, &p) == SIP_OK) {
		if (!sip_uri_param(b, p.name, &q))
			return false;
		n++;
	}
	rest = b->params;
	while (sip_uri_params_next(&rest, &p) == SIP_OK)
		m++;
	return n == m;
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == SIP_SCHEME_TEL)
		return equal_tel(a, b);
	if (a->kind == SIP_SCHEME_URN || a->kind == SIP_SCHEME_OTHER)
		return span_ieq(a->scheme, b->scheme) && span_eq(a->opaque, b->opaque);
	return a->has_user == b->has_user && equal_unescaped(a->user, b->user, false) &&
	       equal_unescaped(a->password, b->password, false) && a->host.port == b->host.port &&
	       sip_host_equal(&a->host, &b->host) && params_agree(a, b) && params_agree(b, a) &&
	       headers_in(a->headers, b->headers) && headers_in(b->headers, a->headers);
}

static void write_user(struct span user, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	while (user.n) {
		const char *plain = sip_skip(user.p, sip_end(user), SIP_C_USER);
		unsigned char c;

		buf_add(out, user.p, (size_t)(plain - user.p));
		user = span_from(user, plain);
		if (user.n == 0)
			break;
		c = next_octet(&user);
		if (sip_char_is((char)c, SIP_C_USER)) {
			buf_add_char(out, (char)c);
		} else {
			char escape[3] = {'%', digits[c >> 4], digits[c & 15]};

			buf_add(out, escape, sizeof(escape));
		}
	}
}

static void write_host(const struct sip_host *host, struct buf *out)
{
	struct span name = host->text;
	struct addr addr;

	if (sip_host_addr(host, &addr) == OK) {
		addr_add_ip_ref(out, &addr);
		return;
	}
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n > out->cap - out->n) {
		out->overflow = true;
		return;
	}
	for (size_t i = 0; i < name.n; i++)
		out->p[out->n++] = (char)ascii_lower((unsigned char)name.p[i]);
}

static void write_number(struct span number, struct buf *out)
{
	unsigned char c;

	while ((c = next_digit(&number)) != 0)
		buf_add_char(out, (char)c);
}

enum err sip_uri_write_user(const struct sip_uri *uri, struct buf *out)
{
	if (uri->kind == SIP_SCHEME_TEL)
		write_number(uri->user, out);
	else if (uri->kind == SIP_SCHEME_SIP || uri->kind == SIP_SCHEME_SIPS)
		write_user(uri->user, out);
	else
		return ERR_UNSUPPORTED;
	return out->overflow ? ERR_FULL : OK;
}

enum err sip_uri_write_account(const struct sip_uri *uri, struct buf *out)
{
	if (uri->kind != SIP_SCHEME_SIP && uri->kind != SIP_SCHEME_SIPS)
		return ERR_UNSUPPORTED;
	if (uri->has_user) {
		write_user(uri->user, out);
		buf_add_char(out, '@');
	}
	write_host(&uri->host, out);
	return out->overflow ? ERR_FULL : OK;
}

enum err sip_uri_write_aor(const struct sip_uri *uri, struct buf *out)
{
	switch (uri->kind) {
	case SIP_SCHEME_SIP:
		buf_add_lit(out, "sip:");
		return sip_uri_write_account(uri, out);
	case SIP_SCHEME_SIPS:
		buf_add_lit(out, "sips:");
		return sip_uri_write_account(uri, out);
	case SIP_SCHEME_TEL:
		buf_add_lit(out, "tel:");
		return sip_uri_write_user(uri, out);
	case SIP_SCHEME_URN:
	case SIP_SCHEME_OTHER:
		break;
	}
	return ERR_UNSUPPORTED;
}
