/* SPDX-License-Identifier: MIT
 *
 * Writing of received text so that nothing odd is passed on. */
#ifndef SIP_CLEAN_H
#define SIP_CLEAN_H

#include "sip/msg.h"

/* The text with each fold as one space and each control character (met in quoted-pairs alone) as a
 * question mark. */
void sip_clean_text(struct buf *out, struct span text);

/* "Name: value CRLF"; a clean header is copied. */
void sip_clean_header(struct buf *out, const struct sip_header *h);

/* What stands behind the first value of the comma list of h, trimmed; empty when there is no other.
 * False when the list is malformed. */
bool sip_rest_of_list(const struct sip_header *h, struct span *out_rest);

static inline struct span sip_header_raw(const struct sip_header *h)
{
	return span_of(h->name.p, h->raw_n);
}

#endif
