/* SPDX-License-Identifier: MIT
 *
 * UTF-8 (RFC 3629) in text of strangers. Pure functions. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

/* The length of the character of more than one octet at p: no overlong form, no surrogate, at most
 * U+10FFFF. 0 when there is none, as for ASCII. n > 0 octets are there. */
size_t utf8_length(const char *p, size_t n);

/* The length of the character at p, ASCII too, when it may stand in a line of text and on a
 * terminal; 0 for control characters (C0, DEL, C1), for the line ends U+2028 and U+2029, for what
 * turns around or hides the text beside it (bidirectional controls, zero width), and for what is no
 * UTF-8. */
size_t utf8_printable(const char *p, size_t n);

/* Text of strangers for formats that have no escapes of their own for it: what utf8_printable
 * allows as it is, each other octet as \xHH, backslash as \\. Nothing is lost: the octets can be
 * read back. At most four times as long as s. */
void utf8_add_shown(struct buf *b, struct span s);

#endif
