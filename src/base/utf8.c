/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t utf8_length(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char c = p[0];

	if (c >= 0xc2 && c <= 0xdf)
		return n >= 2 && is_tail(p[1]) ? 2 : 0;
	if (c >= 0xe0 && c <= 0xef) {
		if (n < 3 || !is_tail(p[1]) || !is_tail(p[2]))
			return 0;
		return (c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ? 0 : 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (n < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
			return 0;
		return (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f) ? 0 : 4;
	}
	return 0;
}

/* The line ends U+2028 and U+2029, and what turns around or hides the text beside it: U+200B to
 * U+200F, U+202A to U+202E, U+2060 to U+206F, U+061C and U+FEFF. */
static bool is_invisible(const unsigned char *p, size_t len)
{
	if (len == 2)
		return p[0] == 0xd8 && p[1] == 0x9c;
	if (len != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae);
	return (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf) ||
	       (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf);
}

size_t utf8_printable(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	len = utf8_length(text, n);
	if (len == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	return is_invisible(p, len) ? 0 : len;
}

void utf8_add_shown(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n && !b->overflow;) {
		size_t len = utf8_printable(s.p + i, s.n - i);

		if (s.p[i] == '\\') {
			buf_add_lit(b, "\\\\");
		} else if (len) {
			buf_add(b, s.p + i, len);
		} else {
			buf_add_lit(b, "\\x");
			buf_add_hex(b, s.p + i, 1);
		}
		i += len ? len : 1;
	}
}
