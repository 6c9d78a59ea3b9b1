/* SPDX-License-Identifier: MIT
 *
 * Scalars with units. */
#include "conf/value.h"

struct unit {
	struct span name;
	uint64_t factor;
};

static const struct unit durations[] = {
    {{"d", 1}, 24 * 60 * USEC_MIN},
    {{"h", 1}, 60 * USEC_MIN},
    {{"m", 1}, USEC_MIN},
    {{"s", 1}, USEC_SEC},
    {{"ms", 2}, USEC_MS},
};

static const struct unit sizes[] = {
    {{"GiB", 3}, 1024 * 1024 * 1024},
    {{"MiB", 3}, 1024 * 1024},
    {{"KiB", 3}, 1024},
    {{"B", 1}, 1},
};

static const struct unit *find_unit(const struct unit *units, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(units[i].name, name))
			return &units[i];
	return NULL;
}

/* The digits in front and the text behind them. */
static struct span cut_digits(struct span *rest)
{
	size_t n = 0;

	while (n < rest->n && ascii_is_digit(rest->p[n]))
		n++;
	struct span digits = span_of(rest->p, n);
	*rest = span_from(*rest, rest->p + n);
	return digits;
}

value_error value_bool(struct span s, bool *out_v)
{
	if (!span_eq(s, SPAN("true")) && !span_eq(s, SPAN("false")))
		return "must be true or false";
	*out_v = s.n == 4;
	return NULL;
}

value_error value_count(struct span s, uint64_t *out_v)
{
	enum err e = span_to_u64(s, UINT64_MAX / 2, out_v);

	if (e == ERR_RANGE)
		return "is too large";
	return e ? "must be a whole number, like 100" : NULL;
}

value_error value_size(struct span s, uint64_t *out_v)
{
	struct span unit = s, digits = cut_digits(&unit);
	const struct unit *u = find_unit(sizes, ARRAY_LEN(sizes), unit);
	uint64_t v;

	if (!digits.n)
		return "must be a size, like 1500, 64KiB or 1MiB";
	if (unit.n && !u)
		return "unit must be B, KiB, MiB or GiB";
	if (span_to_u64(digits, UINT64_MAX / 2 / (u ? u->factor : 1), &v) != OK)
		return "is too large";
	*out_v = v * (u ? u->factor : 1);
	return NULL;
}

value_error value_duration(struct span s, uint64_t *out_v)
{
	struct span unit = s, digits = cut_digits(&unit);
	const struct unit *u = find_unit(durations, ARRAY_LEN(durations), unit);
	uint64_t v;

	if (!digits.n)
		return "must be a duration, like 500ms, 30s, 5m, 2h or 1d";
	if (!unit.n)
		return "needs a unit: ms, s, m, h or d";
	if (unit.p[0] == '.')
		return "must be a whole number and a unit: 500ms, not 0.5s";
	if (!u)
		return "unit must be ms, s, m, h or d";
	if (span_to_u64(digits, UINT64_MAX / 2 / u->factor, &v) != OK)
		return "is too large";
	*out_v = v * u->factor;
	return NULL;
}

value_error value_rate(struct span s, struct rate *out_v)
{
	struct span unit = s, number;
	const struct unit *u;
	uint32_t events;

	if (!span_cut(&unit, '/', &number) || span_to_u32(number, UINT32_MAX, &events) != OK)
		return "must be a rate, like 10/s, 5/m or 100/h";
	u = find_unit(durations, ARRAY_LEN(durations), unit);
	if (!u || u->factor < USEC_SEC || u->factor > 60 * USEC_MIN)
		return "unit must be s, m or h";
	*out_v = (struct rate){events, u->factor};
	return NULL;
}

static bool is_label_char(char c)
{
	unsigned char l = ascii_lower((unsigned char)c);

	return (l >= 'a' && l <= 'z') || ascii_is_digit(c) || c == '-';
}

static bool is_label(struct span label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_label_char(label.p[i]))
			return false;
	return true;
}

value_error value_host(struct span s)
{
	struct span rest = s, label;
	struct addr a;
	bool more;

	if (addr_parse_ip(s, &a) == OK)
		return addr_is_v4(&a) || s.p[0] == '[' ? NULL
						       : "an IPv6 address needs brackets: [::1]";
	if (s.n == 0 || s.n > 253)
		return "must be a host name of 1 to 253 characters, or an address";
	do {
		more = span_cut(&rest, '.', &label);
		if (!is_label(label))
			return "must be a host name (letters, digits and - between dots) or an "
			       "address";
	} while (more);
	/* A last label of digits alone is a mistyped address (RFC 1123 §2.1). */
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_digit(label.p[i]))
			return NULL;
	return "is not a valid IPv4 address";
}

value_error value_host_port(struct span s, struct span *out_host, uint16_t *out_port)
{
	size_t end = s.n && s.p[0] == '[' ? span_find(s, ']') + 1 : span_find(s, ':');
	struct span host, port;
	value_error error;
	uint32_t v = 0;

	if (end > s.n)
		return "lacks the ] behind an IPv6 address";
	host = span_of(s.p, end);
	port = span_from(s, s.p + end);
	if (port.n && s.p[0] != '[' && span_find(span_from(port, port.p + 1), ':') < port.n - 1)
		return "an IPv6 address needs brackets: [::1]:5060";
	error = value_host(host);
	if (error)
		return error;
	if (port.n && (port.p[0] != ':' ||
			  span_to_u32(span_from(port, port.p + 1), 65535, &v) != OK || v == 0))
		return "port must be a number from 1 to 65535";
	*out_host = host;
	*out_port = (uint16_t)v;
	return NULL;
}

static value_error address_and_port(struct span s, uint16_t default_port, struct addr *out_a)
{
	struct span host;
	struct addr a;
	uint16_t port;
	value_error error = value_host_port(s, &host, &port);

	if (error)
		return error;
	if (addr_parse_ip(host, &a) != OK)
		return "must hold an IP address: host names are not looked up here";
	if (!port && !default_port)
		return "lacks the port: udp:192.0.2.1:5060";
	a.port = port ? port : default_port;
	*out_a = a;
	return NULL;
}

value_error value_listen(struct span s, enum transport *out_t, struct addr *out_a)
{
	struct span rest = s, scheme;
	enum transport t;
	value_error error;

	if (!span_cut(&rest, ':', &scheme))
		return "must be TRANSPORT:ADDRESS:PORT, like udp:192.0.2.1:5060 or tcp:[::1]:5060";
	if (span_eq(scheme, SPAN("udp")))
		t = TRANSPORT_UDP;
	else if (span_eq(scheme, SPAN("tcp")))
		t = TRANSPORT_TCP;
	else if (span_eq(scheme, SPAN("tls")) || span_eq(scheme, SPAN("ws")) ||
		 span_eq(scheme, SPAN("wss")))
		return "this version listens on udp and tcp only";
	else
		return "must begin with udp: or tcp:, like udp:192.0.2.1:5060";
	error = address_and_port(rest, 0, out_a);
	if (!error)
		*out_t = t;
	return error;
}

value_error value_target(struct span s, enum transport *out_t, struct addr *out_a)
{
	struct span params = s, host_port;
	enum transport t = TRANSPORT_UDP;
	value_error error;
	bool more = span_cut(&params, ';', &host_port);

	if (span_istarts(host_port, SPAN("sips:")))
		return "sips: needs TLS, which this version does not have: use sip:";
	if (!span_istarts(host_port, SPAN("sip:")))
		return "must be a SIP URI, like sip:192.0.2.1:5060";
	host_port = span_from(host_port, host_port.p + 4);
	if (span_find(host_port, '@') < host_port.n)
		return "must have no user part: sip:192.0.2.1:5060";
	while (more) {
		struct span param;

		more = span_cut(&params, ';', &param);
		if (span_ieq(param, SPAN("transport=udp")))
			t = TRANSPORT_UDP;
		else if (span_ieq(param, SPAN("transport=tcp")))
			t = TRANSPORT_TCP;
		else
			return "only ;transport=udp or ;transport=tcp can follow";
	}
	error = address_and_port(host_port, 5060, out_a);
	if (!error)
		*out_t = t;
	return error;
}

static void add_with_unit(struct buf *b, uint64_t v, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v && v % units[i].factor == 0) {
			buf_add_u64(b, v / units[i].factor);
			buf_add_span(b, units[i].name);
			return;
		}
	buf_add_u64(b, v);
}

void value_add_duration(struct buf *b, uint64_t us)
{
	if (us == 0)
		buf_add_lit(b, "0s");
	else
		add_with_unit(b, us, durations, ARRAY_LEN(durations));
}

void value_add_size(struct buf *b, uint64_t bytes)
{
	/* Plain bytes carry no unit. */
	add_with_unit(b, bytes, sizes, ARRAY_LEN(sizes) - 1);
}
