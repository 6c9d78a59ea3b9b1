/* SPDX-License-Identifier: MIT */
#include "sip/host.h"

#include "sip/chars.h"
#include "sip/host_take.h"

/* Behind a number up to 255 at p, or NULL: one to three digits, no leading zeros, which have two
 * readings. */
static const char *take_octet(const char *p, const char *end)
{
	if (p == end || !ascii_is_digit(p[0]))
		return NULL;
	if (end - p < 2 || !ascii_is_digit(p[1]))
		return p + 1;
	if (p[0] == '0')
		return NULL;
	if (end - p < 3 || !ascii_is_digit(p[2]))
		return p + 2;
	return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0') <= 255 ? p + 3 : NULL;
}

/* Behind a dotted quad at p, or NULL when it is none or what follows could belong to a name. */
static const char *take_v4(const char *p, const char *end)
{
	p = take_octet(p, end);
	for (int dots = 0; p && dots < 3; dots++)
		p = p < end && *p == '.' ? take_octet(p + 1, end) : NULL;
	return p && p < end && sip_char_is(*p, SIP_C_HOST) ? NULL : p;
}

/* hostname of RFC 3261 §25.1 with the underscores that are met in practice: no empty label but a
 * trailing dot, and a last label that does not begin with a digit (else it is a wrong address). */
static const char *take_name(const char *p, const char *end)
{
	const char *label = p, *last = p;

	for (;; label = ++p) {
		p = sip_skip(p, end, SIP_C_LABEL);
		if (p == label)
			break;
		last = label;
		if (p == end || *p != '.')
			return ascii_is_digit(*last) ? NULL : p;
	}
	/* An empty label: only behind the dot that ends the name. */
	return p == last || ascii_is_digit(*last) || (p < end && *p == '.') ? NULL : p;
}

static const char *take_v6_reference(const char *p, const char *end)
{
	const char *close = memchr(p, ']', (size_t)(end - p));
	struct addr ignored;

	if (!close || addr_parse_ip(span_of(p + 1, (size_t)(close - p - 1)), &ignored) ||
	    !memchr(p, ':', (size_t)(close - p)))
		return NULL;
	return close + 1;
}

/* The host alone; NULL when there is none. */
static const char *take_host(const char *p, const char *end, struct sip_host *host)
{
	const char *start = p, *stop = NULL;

	if (p == end)
		return NULL;
	host->type = SIP_HOST_NAME;
	if (*p == '[') {
		host->type = SIP_HOST_V6;
		stop = take_v6_reference(p, end);
	} else if (ascii_is_digit(*p)) {
		host->type = SIP_HOST_V4;
		stop = take_v4(p, end);
	}
	if (!stop && host->type != SIP_HOST_V6) {
		host->type = SIP_HOST_NAME;
		stop = take_name(p, end);
	}
	if (stop)
		host->text = span_of(start, (size_t)(stop - start));
	return stop;
}

/* p stands behind the colon. */
static const char *take_port(const char *p, const char *end, struct sip_host *host)
{
	const char *start = p;
	uint32_t v = 0;

	for (; p < end && ascii_is_digit(*p); p++) {
		v = v * 10 + (uint32_t)(*p - '0');
		if (v > UINT16_MAX)
			return NULL;
	}
	if (p == start || v == 0)
		return NULL;
	host->port = (uint16_t)v;
	return p;
}

const char *sip_hostport_take(const char *p, const char *end, bool lws, struct sip_host *out_host)
{
	const char *colon;

	out_host->port = 0;
	p = take_host(p, end, out_host);
	if (!p)
		return NULL;
	colon = lws ? sip_skip_lws(p, end) : p;
	if (colon < end && *colon == ':') {
		p = lws ? sip_skip_lws(colon + 1, end) : colon + 1;
		p = take_port(p, end, out_host);
	}
	return p;
}

enum sip_parse sip_host_take(struct span *rest, struct sip_host *out_host)
{
	struct sip_host host = {0};
	const char *p = sip_hostport_take(rest->p, sip_end(*rest), true, &host);

	if (!p)
		return SIP_BAD;
	*out_host = host;
	*rest = span_from(*rest, p);
	return SIP_OK;
}

enum err sip_host_addr(const struct sip_host *host, struct addr *out_addr)
{
	struct span text = host->text;
	enum err e;

	if (host->type != SIP_HOST_V4 && host->type != SIP_HOST_V6)
		return ERR_UNSUPPORTED;
	if (host->type == SIP_HOST_V6)
		text = span_of(text.p + 1, text.n - 2);
	e = addr_parse_ip(text, out_addr);
	if (e == OK)
		out_addr->port = host->port;
	return e;
}

static struct span without_dot(struct span name)
{
	return span_of(name.p, name.n - (name.n && name.p[name.n - 1] == '.'));
}

bool sip_host_equal(const struct sip_host *a, const struct sip_host *b)
{
	struct addr x, y;

	if (a->type != b->type)
		return false;
	if (a->type == SIP_HOST_V6)
		return sip_host_addr(a, &x) == OK && sip_host_addr(b, &y) == OK &&
		       addr_same_ip(&x, &y);
	return span_ieq(without_dot(a->text), without_dot(b->text));
}
