/* SPDX-License-Identifier: MIT */
#include "wire.h"

enum field {
	FIELD_OTHER,
	FIELD_VIA,
	FIELD_FROM,
	FIELD_TO,
	FIELD_CALL_ID,
	FIELD_CSEQ,
	FIELD_CONTACT,
	FIELD_ROUTE,
	FIELD_CHALLENGE,
	FIELD_FORWARDS
};

static const struct {
	struct span name;
	enum field field;
} fields[] = {
    {SPAN("Via"), FIELD_VIA},
    {SPAN("v"), FIELD_VIA},
    {SPAN("From"), FIELD_FROM},
    {SPAN("f"), FIELD_FROM},
    {SPAN("To"), FIELD_TO},
    {SPAN("t"), FIELD_TO},
    {SPAN("Call-ID"), FIELD_CALL_ID},
    {SPAN("i"), FIELD_CALL_ID},
    {SPAN("CSeq"), FIELD_CSEQ},
    {SPAN("Contact"), FIELD_CONTACT},
    {SPAN("m"), FIELD_CONTACT},
    {SPAN("Record-Route"), FIELD_ROUTE},
    {SPAN("WWW-Authenticate"), FIELD_CHALLENGE},
    {SPAN("Proxy-Authenticate"), FIELD_CHALLENGE},
    {SPAN("Max-Forwards"), FIELD_FORWARDS},
};

static enum field field_of(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].name.n == name.n && span_ieq(fields[i].name, name))
			return fields[i].field;
	}
	return FIELD_OTHER;
}

/* One line without its line end; *rest moves behind it. */
static bool take_line(struct span *rest, struct span *out_line, struct span *out_whole)
{
	const char *nl = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	if (!nl)
		return false;
	size_t n = (size_t)(nl - rest->p);
	*out_whole = span_of(rest->p, n + 1);
	*out_line = span_of(rest->p, n && nl[-1] == '\r' ? n - 1 : n);
	*rest = span_from(*rest, nl + 1);
	return true;
}

static bool read_start(struct span line, struct wire *w)
{
	struct span first, second;
	if (!span_cut(&line, ' ', &first))
		return false;
	if (span_eq(first, SPAN("SIP/2.0"))) {
		(void)span_cut(&line, ' ', &second);
		return span_to_u32(second, 699, &w->status) == OK && w->status >= 100;
	}
	w->method = first;
	return span_cut(&line, ' ', &w->uri) && span_eq(line, SPAN("SIP/2.0"));
}

static bool read_cseq(struct span value, struct wire *w)
{
	struct span number;
	if (!span_cut(&value, ' ', &number) || span_to_u32(number, UINT32_MAX, &w->cseq) != OK)
		return false;
	value = span_trim(value);
	if (w->status)
		w->method = value;
	return span_eq(w->method, value);
}

/* A comma list in one field counts as several fields (RFC 3261 §7.3.1); commas within < > are the
 * URI's own. */
static bool add_routes(struct span value, struct wire *w)
{
	bool inside = false;
	const char *from = value.p, *end = value.p + value.n;
	for (const char *p = from; p <= end; p++) {
		if (p == end || (*p == ',' && !inside)) {
			if (w->routes == WIRE_ROUTES)
				return false;
			w->route[w->routes++] = span_trim(span_of(from, (size_t)(p - from)));
			from = p + 1;
		} else if (*p == '<' || *p == '>') {
			inside = *p == '<';
		}
	}
	return true;
}

static bool add_copy(struct wire *w, struct span whole)
{
	if (w->copies == WIRE_COPIES)
		return false;
	w->copy[w->copies++] = whole;
	return true;
}

static bool read_field(enum field f, struct span value, struct span whole, struct wire *w)
{
	if (f == FIELD_OTHER)
		return true;
	if (f == FIELD_VIA && !w->vias++)
		w->branch = wire_param(value, SPAN(";branch="));
	else if (f == FIELD_FROM)
		w->from = value;
	else if (f == FIELD_TO) {
		w->to = value;
		w->to_line = w->copies;
	} else if (f == FIELD_CALL_ID)
		w->call_id = value;
	else if (f == FIELD_CSEQ && !read_cseq(value, w))
		return false;
	else if (f == FIELD_CONTACT && !w->contact.p)
		w->contact = value;
	else if (f == FIELD_ROUTE && !add_routes(value, w))
		return false;
	else if (f == FIELD_CHALLENGE && w->challenges < WIRE_CHALLENGES)
		w->challenge[w->challenges++] = value;
	else if (f == FIELD_FORWARDS)
		w->max_forwards = value;
	if (f <= FIELD_CSEQ || f == FIELD_ROUTE)
		return add_copy(w, whole);
	return true;
}

bool wire_read(struct span text, struct wire *out_w)
{
	struct span rest = text, line, whole, name;
	memset(out_w, 0, offsetof(struct wire, copy));
	out_w->copies = 0;
	if (!take_line(&rest, &line, &whole) || !read_start(line, out_w))
		return false;
	while (take_line(&rest, &line, &whole)) {
		if (!line.n)
			break;
		if (!span_cut(&line, ':', &name))
			return false;
		if (!read_field(field_of(name), span_trim(line), whole, out_w))
			return false;
	}
	if (out_w->contact.p)
		out_w->contacts = span_from(text, out_w->contact.p);
	return out_w->branch.n && out_w->call_id.n && out_w->from.n && out_w->to.n && out_w->cseq;
}

struct span wire_param(struct span value, struct span name)
{
	const char *end = value.p + value.n, *p = value.p;
	while (p + name.n < end) {
		p = memchr(p, ';', (size_t)(end - p));
		if (!p || p + name.n >= end)
			break;
		if (span_istarts(span_from(value, p), name)) {
			const char *from = p + name.n, *to = from;
			while (to < end && *to != ';' && *to != ',' && *to != '>' && *to != ' ')
				to++;
			return span_of(from, (size_t)(to - from));
		}
		p++;
	}
	return span_of(NULL, 0);
}

struct span wire_uri(struct span value)
{
	struct span head;
	if (span_cut(&value, '<', &head)) {
		(void)span_cut(&value, '>', &head);
		return head;
	}
	value = head;
	(void)span_cut(&value, ';', &head);
	return span_trim(head);
}
