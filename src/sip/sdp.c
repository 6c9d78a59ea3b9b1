/* SPDX-License-Identifier: MIT */
#include "sip/sdp.h"

#include "sip/chars.h"

/* Cuts the next field at one space; false when it is empty. */
static bool take_field(struct span *rest, struct span *out_field)
{
	span_cut(rest, ' ', out_field);
	return out_field->n > 0;
}

enum sip_parse sip_sdp_next_line(struct span *rest, struct sip_sdp_line *out_line)
{
	struct span tail = *rest, text;

	if (sip_skip_lws(tail.p, sip_end(tail)) == sip_end(tail)) {
		*rest = span_of(sip_end(tail), 0);
		return SIP_END;
	}
	span_cut(&tail, '\n', &text);
	if (text.n && text.p[text.n - 1] == '\r')
		text.n--;
	if (text.n < 2 || text.p[1] != '=' || text.p[0] < 'a' || text.p[0] > 'z')
		return SIP_BAD;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\0' || text.p[i] == '\r')
			return SIP_BAD;
	*out_line = (struct sip_sdp_line){text, span_of(text.p + 2, text.n - 2), text.p[0]};
	*rest = tail;
	return SIP_OK;
}

enum sip_parse sip_sdp_attribute(struct span value, struct sip_sdp_attribute *out_attr)
{
	struct sip_sdp_attribute attr = {0};
	struct span rest = value;

	attr.has_value = span_cut(&rest, ':', &attr.name);
	attr.value = rest;
	if (attr.name.n == 0 || (attr.has_value && attr.value.n == 0) ||
	    sip_skip(attr.name.p, sip_end(attr.name), SIP_C_TOKEN) != sip_end(attr.name))
		return SIP_BAD;
	*out_attr = attr;
	return SIP_OK;
}

enum sip_parse sip_sdp_next_fmt(struct span *rest, struct span *out_fmt)
{
	struct span fmt;

	if (rest->n == 0)
		return SIP_END;
	if (!take_field(rest, &fmt))
		return SIP_BAD;
	*out_fmt = fmt;
	return SIP_OK;
}

/* nettype addrtype address[/ttl[/count]] */
static bool read_connection(struct span value, struct sip_sdp_connection *out)
{
	struct sip_sdp_connection c = {.text = value};
	struct span rest = value, address;

	if (!take_field(&rest, &c.nettype) || !take_field(&rest, &c.addrtype) ||
	    !take_field(&rest, &address) || rest.n)
		return false;
	span_cut(&address, '/', &c.address);
	if (c.address.n == 0)
		return false;
	*out = c;
	return true;
}

/* username sess-id sess-version nettype addrtype unicast-address */
static bool read_origin(struct span value, struct span *out_host)
{
	struct span rest = value, field[6];

	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		if (!take_field(&rest, &field[i]))
			return false;
	*out_host = field[5];
	return rest.n == 0;
}

/* media port["/"count] proto 1*fmt */
static bool read_media(struct span value, struct sip_sdp_media *m)
{
	struct span rest = value, port, fmt, fmts;
	uint32_t v, count = 1;

	if (!take_field(&rest, &m->media) || !take_field(&rest, &m->port_text) ||
	    !take_field(&rest, &m->proto) || rest.n == 0)
		return false;
	fmts = rest;
	port = m->port_text;
	if (span_cut(&port, '/', &fmt) &&
	    (span_to_u32(port, UINT16_MAX, &count) != OK || count == 0))
		return false;
	if (span_to_u32(fmt, UINT16_MAX, &v) != OK)
		return false;
	m->text = value;
	m->port = (uint16_t)v;
	m->port_count = (uint16_t)count;
	m->fmts = fmts;
	m->n_fmts = 0;
	while (rest.n) {
		if (!take_field(&rest, &fmt) || m->n_fmts == UINT16_MAX)
			return false;
		m->n_fmts++;
	}
	return true;
}

/* bwtype ":" 1*DIGIT */
static bool bandwidth_is_sound(struct span value)
{
	struct span type;
	uint64_t v;

	return span_cut(&value, ':', &type) && type.n &&
	       sip_skip(type.p, sip_end(type), SIP_C_TOKEN) == sip_end(type) &&
	       span_to_u64(value, UINT64_MAX, &v) == OK;
}

/* start stop */
static bool time_is_sound(struct span value)
{
	struct span start;
	uint64_t v;

	return span_cut(&value, ' ', &start) && span_to_u64(start, UINT64_MAX, &v) == OK &&
	       span_to_u64(value, UINT64_MAX, &v) == OK;
}

/* "rtpmap:" payload SP encoding */
static bool rtpmap_is_sound(struct span value)
{
	struct span payload;
	uint32_t v;

	return span_cut(&value, ' ', &payload) && span_to_u32(payload, 127, &v) == OK &&
	       span_trim(value).n > 0;
}

static enum sip_sdp_direction direction_from(struct span name)
{
	switch (name.n) {
	case 8:
		return sip_is(name, "sendrecv")   ? SIP_SDP_SENDRECV
		       : sip_is(name, "sendonly") ? SIP_SDP_SENDONLY
		       : sip_is(name, "recvonly") ? SIP_SDP_RECVONLY
		       : sip_is(name, "inactive") ? SIP_SDP_INACTIVE
						  : SIP_SDP_DIRECTION_NONE;
	default:
		return SIP_SDP_DIRECTION_NONE;
	}
}

/* What c= and a= lines say for the session or for one media section. */
struct scope {
	struct sip_sdp_connection *connection;
	enum sip_sdp_direction *direction;
};

static enum sip_bad read_attribute(struct span value, const struct scope *scope)
{
	struct sip_sdp_attribute attr;
	enum sip_sdp_direction direction;

	if (sip_sdp_attribute(value, &attr) != SIP_OK)
		return SIP_BAD_SDP_ATTRIBUTE;
	if (sip_is(attr.name, "rtpmap") && !rtpmap_is_sound(attr.value))
		return SIP_BAD_SDP_ATTRIBUTE;
	direction = attr.has_value ? SIP_SDP_DIRECTION_NONE : direction_from(attr.name);
	if (direction != SIP_SDP_DIRECTION_NONE)
		*scope->direction = direction;
	return SIP_BAD_NONE;
}

/* A line that may stand in a session or in a media section. */
static enum sip_bad read_common(const struct sip_sdp_line *line, const struct scope *scope)
{
	switch (line->type) {
	case 'c':
		return read_connection(line->value, scope->connection) ? SIP_BAD_NONE
								       : SIP_BAD_SDP_CONNECTION;
	case 'b':
		return bandwidth_is_sound(line->value) ? SIP_BAD_NONE : SIP_BAD_SDP_BANDWIDTH;
	case 'a':
		return read_attribute(line->value, scope);
	case 'i':
	case 'k':
		return SIP_BAD_NONE;
	default:
		return SIP_BAD_SDP;
	}
}

static enum sip_bad read_session_line(struct sip_sdp *sdp, const struct sip_sdp_line *line)
{
	const struct scope scope = {&sdp->connection, &sdp->direction};

	switch (line->type) {
	case 'o':
		if (sdp->origin.n || !read_origin(line->value, &sdp->origin_host))
			return SIP_BAD_SDP_ORIGIN;
		sdp->origin = line->value;
		return SIP_BAD_NONE;
	case 's':
		if (sdp->session_name.p)
			return SIP_BAD_SDP;
		sdp->session_name = line->value;
		return SIP_BAD_NONE;
	case 't':
		return time_is_sound(line->value) ? SIP_BAD_NONE : SIP_BAD_SDP;
	case 'u':
	case 'e':
	case 'p':
	case 'r':
	case 'z':
		return SIP_BAD_NONE;
	default:
		return read_common(line, &scope);
	}
}

/* One m= line and what follows it. *out_reason names the fault and *rest its place. */
static enum sip_parse next_media(
    struct span *rest, struct sip_sdp_media *m, size_t *lines, enum sip_bad *out_reason)
{
	const struct scope scope = {&m->connection, &m->direction};
	struct sip_sdp_line line;
	enum sip_parse r = sip_sdp_next_line(rest, &line);
	struct span before;
	const char *start;

	if (r == SIP_END)
		return SIP_END;
	*m = (struct sip_sdp_media){0};
	*out_reason = SIP_BAD_SDP_MEDIA;
	if (r == SIP_BAD || line.type != 'm' || !read_media(line.value, m))
		return SIP_BAD;
	*lines += 1;
	start = rest->p;
	for (before = *rest; (r = sip_sdp_next_line(rest, &line)) == SIP_OK; before = *rest) {
		if (line.type == 'm') {
			*rest = before;
			break;
		}
		*lines += 1;
		*out_reason = read_common(&line, &scope);
		if (*out_reason != SIP_BAD_NONE)
			return SIP_BAD;
	}
	*out_reason = SIP_BAD_SDP;
	m->lines = span_of(start, (size_t)(rest->p - start));
	return r == SIP_BAD ? SIP_BAD : SIP_OK;
}

enum sip_parse sip_sdp_next_media(struct span *rest, struct sip_sdp_media *out_media)
{
	struct sip_sdp_media m;
	enum sip_bad reason;
	size_t lines = 0;
	enum sip_parse r = next_media(rest, &m, &lines, &reason);

	if (r == SIP_OK)
		*out_media = m;
	return r;
}

/* Session part: up to the first m= line, which *rest then begins with. */
static enum sip_bad read_session(struct span *rest, struct sip_sdp *sdp, size_t *lines)
{
	struct sip_sdp_line line;
	struct span before;
	enum sip_bad reason;
	enum sip_parse r;

	if (sip_sdp_next_line(rest, &line) != SIP_OK || line.type != 'v' ||
	    !span_eq(line.value, SPAN("0")))
		return SIP_BAD_SDP;
	*lines = 1;
	for (before = *rest; (r = sip_sdp_next_line(rest, &line)) == SIP_OK; before = *rest) {
		if (line.type == 'm') {
			*rest = before;
			break;
		}
		*lines += 1;
		reason = read_session_line(sdp, &line);
		if (reason != SIP_BAD_NONE)
			return reason;
	}
	if (r == SIP_BAD)
		return SIP_BAD_SDP;
	if (sdp->origin.n == 0)
		return SIP_BAD_SDP_ORIGIN;
	return sdp->session_name.p ? SIP_BAD_NONE : SIP_BAD_SDP;
}

static enum sip_bad read_all(
    struct span *rest, const struct sip_limits *limits, struct sip_sdp *sdp)
{
	struct sip_sdp_media m;
	enum sip_bad reason;
	enum sip_parse r;
	size_t lines = 0;

	reason = read_session(rest, sdp, &lines);
	if (reason != SIP_BAD_NONE)
		return reason;
	sdp->session = span_of(sdp->text.p, (size_t)(rest->p - sdp->text.p));
	sdp->media = *rest;
	while ((r = next_media(rest, &m, &lines, &reason)) == SIP_OK) {
		if (++sdp->n_media > limits->sdp_media || lines > limits->sdp_lines)
			return SIP_BAD_SDP_LINES;
		if (m.port && m.connection.text.n == 0 && sdp->connection.text.n == 0)
			return SIP_BAD_SDP_CONNECTION;
	}
	if (r == SIP_BAD)
		return reason;
	return lines > limits->sdp_lines ? SIP_BAD_SDP_LINES : SIP_BAD_NONE;
}

enum sip_parse sip_sdp_parse(struct span body, const struct sip_limits *limits,
    struct sip_sdp *out_sdp, struct sip_parse_error *out_error)
{
	struct sip_sdp sdp = {.text = body};
	struct span rest = body;
	enum sip_bad reason = read_all(&rest, limits, &sdp);

	if (reason != SIP_BAD_NONE) {
		*out_error = (struct sip_parse_error){reason, (size_t)(rest.p - body.p)};
		return SIP_BAD;
	}
	*out_sdp = sdp;
	return SIP_OK;
}
