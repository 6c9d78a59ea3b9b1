/* SPDX-License-Identifier: MIT */
#include "base/addr.h"

#include <arpa/inet.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->ip, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->scope == b->scope;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_same_ip(a, b) && a->port == b->port;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return addr_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	if (addr_is_v4(a))
		return memcmp(a->ip + 12, zero, 4) == 0;
	return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

enum err addr_from_sockaddr(const struct sockaddr *sa, struct addr *out_a)
{
	struct addr a = {0};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		memcpy(a.ip, v4_mapped, sizeof(v4_mapped));
		memcpy(a.ip + 12, &in->sin_addr, 4);
		a.port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		memcpy(a.ip, &in6->sin6_addr, 16);
		a.port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
			a.scope = in6->sin6_scope_id;
	} else {
		return ERR_UNSUPPORTED;
	}
	*out_a = a;
	return OK;
}

socklen_t addr_to_sockaddr(const struct addr *a, bool v6only, struct sockaddr_storage *out_ss)
{
	if (addr_is_v4(a) && !v6only) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};

		memcpy(&in.sin_addr, a->ip + 12, 4);
		memcpy(out_ss, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};

	memcpy(&in6.sin6_addr, a->ip, 16);
	memcpy(out_ss, &in6, sizeof(in6));
	return sizeof(in6);
}

/* Takes 0 to 255 without leading zeros, which some read as octal. */
static bool take_octet(struct span *s, uint8_t *out)
{
	unsigned v = 0;
	size_t n = 0;

	for (; n < s->n && n < 3 && ascii_is_digit(s->p[n]); n++)
		v = 10 * v + (unsigned)(s->p[n] - '0');
	if (n == 0 || v > 255 || (n > 1 && s->p[0] == '0'))
		return false;
	*s = span_of(s->p + n, s->n - n);
	*out = (uint8_t)v;
	return true;
}

static bool parse_v4(struct span s, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		if (i) {
			if (s.n == 0 || s.p[0] != '.')
				return false;
			s = span_of(s.p + 1, s.n - 1);
		}
		if (!take_octet(&s, &out[i]))
			return false;
	}
	return s.n == 0;
}

static bool parse_v6(struct span s, uint8_t out[16])
{
	char text[INET6_ADDRSTRLEN + 1];

	if (s.n >= sizeof(text) || !memchr(s.p, ':', s.n) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, out) == 1;
}

enum err addr_parse_ip(struct span s, struct addr *out_a)
{
	struct addr a = {0};
	bool ref = s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

	if (ref)
		s = span_of(s.p + 1, s.n - 2);
	if (s.n == 0)
		return ERR_SYNTAX;
	/* Brackets are for IPv6 only (RFC 3261 §25.1, IPv6reference). */
	if (!ref && parse_v4(s, a.ip + 12))
		memcpy(a.ip, v4_mapped, sizeof(v4_mapped));
	else if (!parse_v6(s, a.ip))
		return ERR_SYNTAX;
	*out_a = a;
	return OK;
}

enum err addr_parse(struct span s, uint16_t default_port, struct addr *out_a)
{
	struct span host = s, port = {0};
	struct addr a;
	uint32_t v = default_port;
	size_t colon = s.n;

	for (size_t i = s.n; i > 0 && s.p[i - 1] != ']'; i--)
		if (s.p[i - 1] == ':')
			colon = i - 1;
	/* More than one colon outside brackets is a bare IPv6 address. */
	if (colon < s.n && (s.p[0] == '[' || !memchr(s.p + colon + 1, ':', s.n - colon - 1))) {
		host = span_of(s.p, colon);
		port = span_of(s.p + colon + 1, s.n - colon - 1);
		if (span_to_u32(port, 65535, &v) != OK)
			return ERR_SYNTAX;
	}
	if (addr_parse_ip(host, &a) != OK)
		return ERR_SYNTAX;
	a.port = (uint16_t)v;
	*out_a = a;
	return OK;
}

static char *put_octet(char *p, unsigned v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

void addr_add_ip(struct buf *b, const struct addr *a)
{
	char text[INET6_ADDRSTRLEN], *p;

	if (addr_is_v4(a)) {
		p = put_octet(text, a->ip[12]);
		for (int i = 13; i < 16; i++) {
			*p++ = '.';
			p = put_octet(p, a->ip[i]);
		}
		buf_add(b, text, (size_t)(p - text));
		return;
	}
	inet_ntop(AF_INET6, a->ip, text, sizeof(text));
	buf_add_span(b, span_str(text));
}

void addr_add_ip_ref(struct buf *b, const struct addr *a)
{
	bool v6 = !addr_is_v4(a);

	if (v6)
		buf_add_char(b, '[');
	addr_add_ip(b, a);
	if (v6)
		buf_add_char(b, ']');
}

void addr_add(struct buf *b, const struct addr *a)
{
	addr_add_ip_ref(b, a);
	buf_add_char(b, ':');
	buf_add_u64(b, a->port);
}

static bool host_bits_zero(const struct prefix *p)
{
	for (unsigned bit = p->bits; bit < 128; bit++)
		if (p->ip[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

enum err prefix_parse(struct span s, struct prefix *out_p)
{
	struct span ip = s;
	struct prefix p;
	struct addr a;
	uint32_t bits, width;
	bool has_bits = span_cut(&s, '/', &ip);
	enum err e;

	if (addr_parse_ip(ip, &a) != OK)
		return ERR_SYNTAX;
	width = addr_is_v4(&a) && !memchr(ip.p, ':', ip.n) ? 32 : 128;
	bits = width;
	e = has_bits ? span_to_u32(s, width, &bits) : OK;
	if (e != OK)
		return e;
	memcpy(p.ip, a.ip, sizeof(p.ip));
	p.bits = (uint8_t)(bits + 128 - width);
	if (!host_bits_zero(&p))
		return ERR_RANGE;
	*out_p = p;
	return OK;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (memcmp(p->ip, a->ip, whole) != 0 || (p->bits < 96 && addr_is_v4(a)))
		return false;
	return rest == 0 || ((p->ip[whole] ^ a->ip[whole]) & (0xff00 >> rest & 0xff)) == 0;
}

void prefix_add(struct buf *b, const struct prefix *p)
{
	struct addr a = {0};
	bool v4;

	memcpy(a.ip, p->ip, sizeof(a.ip));
	v4 = addr_is_v4(&a) && p->bits >= 96;
	addr_add_ip(b, &a);
	buf_add_char(b, '/');
	buf_add_u64(b, v4 ? p->bits - 96u : p->bits);
}
