/* SPDX-License-Identifier: MIT
 *
 * One line of a header section: the scanner that parser and framer share, so that they agree about
 * where lines, headers and their values end. Internal to this folder. */
#ifndef SIP_LINE_H
#define SIP_LINE_H

#include "sip/msg.h"

/* Behind the LF that ends the line at p; *out_end is the end of its text. No folds: for start
 * lines. NULL with *out_reason when a control character stands in it or the text ends before. */
const char *sip_line_end(
    const char *p, const char *end, const char **out_end, enum sip_bad *out_reason);

/* The header line at *p with its folds: name, value, raw_n, id and form of *out_header, not `next`.
 * SIP_END when it is the empty line. *p moves behind it. On SIP_BAD *p is the place, the content of
 * *out_header is undefined and *out_reason is TRUNCATED, HEADER_NAME, NUL, BARE_CR or CONTROL. */
NODISCARD enum sip_parse sip_line_next(
    const char **p, const char *end, struct sip_header *out_header, enum sip_bad *out_reason);

#endif
