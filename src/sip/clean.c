/* SPDX-License-Identifier: MIT */
#include "sip/clean.h"

#include "sip/chars.h"
#include "sip/scan.h"

void sip_clean_text(struct buf *out, struct span text)
{
	const char *end = sip_end(text), *p = text.p, *start = p;

	while ((p = sip_find_control(p, end)) < end) {
		buf_add(out, start, (size_t)(p - start));
		if (*p == '\r' || *p == '\n') {
			buf_add_char(out, ' ');
			p = sip_skip_lws(p, end);
		} else {
			buf_add_char(out, '?');
			p++;
		}
		start = p;
	}
	buf_add(out, start, (size_t)(p - start));
}

void sip_clean_header(struct buf *out, const struct sip_header *h)
{
	if (LIKELY(h->form == SIP_FORM_CLEAN)) {
		buf_add_span(out, sip_header_raw(h));
		return;
	}
	buf_add_span(out, h->name);
	buf_add_lit(out, ": ");
	if (h->form == 0)
		buf_add_span(out, h->value);
	else
		sip_clean_text(out, h->value);
	buf_add_lit(out, "\r\n");
}

bool sip_rest_of_list(const struct sip_header *h, struct span *out_rest)
{
	struct span rest = h->value, first;

	if (sip_list_next(&rest, &first) != SIP_OK)
		return false;
	rest = span_trim(rest);
	if (rest.n && rest.p[0] == ',')
		return false;
	*out_rest = rest;
	return true;
}
