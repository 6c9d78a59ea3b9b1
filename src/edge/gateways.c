/* SPDX-License-Identifier: MIT */
#include "edge/gateways.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES_BYTES ((size_t)256 * 1024) /* of a file that are looked at */

/* The next field of a line, between blanks and tabs; n = 0: there is none. */
static struct span next_field(struct span *rest)
{
	struct span f;

	while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t'))
		*rest = span_of(rest->p + 1, rest->n - 1);
	f = span_of(rest->p, 0);
	while (rest->n && rest->p[0] != ' ' && rest->p[0] != '\t') {
		f.n++;
		*rest = span_of(rest->p + 1, rest->n - 1);
	}
	return f;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)ascii_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly n bytes as 2 * n hexadecimal digits. */
static bool read_hex(struct span s, uint8_t *out, size_t n)
{
	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit(s.p[2 * i]), low = digit(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static size_t add(struct addr *out, size_t n, size_t cap, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_same_ip(&out[i], a))
			return n;
	if (n < cap)
		out[n++] = *a;
	return n;
}

/* Field `which` (from 0) of a line. */
static struct span field(struct span line, int which)
{
	struct span f = next_field(&line);

	for (int i = 0; i < which; i++)
		f = next_field(&line);
	return f;
}

/* Iface Destination Gateway ...: the address as a number of this machine's own byte order. */
size_t gateways_parse_v4(struct span text, struct addr *out, size_t cap)
{
	size_t n = 0;
	bool more = true;

	while (more) {
		struct span line;
		struct addr a = {.ip = {[10] = 0xff, [11] = 0xff}};
		uint8_t b[4];
		uint32_t host;

		more = span_cut(&text, '\n', &line);
		if (!read_hex(field(line, 2), b, sizeof(b)))
			continue;
		host = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
		memcpy(a.ip + 12, &host, sizeof(host));
		if (host)
			n = add(out, n, cap, &a);
	}
	return n;
}

/* Destination, length, source, length, next hop ...: in network order. */
size_t gateways_parse_v6(struct span text, struct addr *out, size_t cap)
{
	size_t n = 0;
	bool more = true;

	while (more) {
		struct span line;
		struct addr a = {.port = 0};

		more = span_cut(&text, '\n', &line);
		if (read_hex(field(line, 4), a.ip, sizeof(a.ip)) && !addr_is_unspecified(&a))
			n = add(out, n, cap, &a);
	}
	return n;
}

static size_t read_file(const char *path,
    size_t (*parse)(struct span text, struct addr *out, size_t cap), struct addr *out, size_t cap)
{
	const size_t room = LINES_BYTES;
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(room) : NULL;
	size_t n = 0;

	if (text)
		n = parse(span_of(text, fread(text, 1, room, f)), out, cap);
	free(text);
	if (f)
		fclose(f);
	return n;
}

size_t gateways_read(struct addr out[GATEWAYS_MAX])
{
	size_t n = read_file("/proc/net/route", gateways_parse_v4, out, GATEWAYS_MAX);

	return n + read_file("/proc/net/ipv6_route", gateways_parse_v6, out + n, GATEWAYS_MAX - n);
}
