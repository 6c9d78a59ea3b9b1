/* SPDX-License-Identifier: MIT
 *
 * A writer into memory of fixed size that the caller owns. What does not fit is not written and
 * sets `overflow`, once for all: callers append freely and check at the end. Never allocates. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/span.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
	bool overflow;
};

static inline struct buf buf_of(char *p, size_t cap)
{
	return (struct buf){p, 0, cap, false};
}

/* A buf over a char array. */
#define BUF(array) buf_of((array), sizeof(array))

static inline void buf_add(struct buf *b, const char *p, size_t n)
{
	if (UNLIKELY(n > b->cap - b->n)) {
		b->overflow = true;
		return;
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void buf_add_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.n);
}

static inline void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

#define buf_add_lit(b, lit) buf_add((b), ("" lit), sizeof(lit) - 1)

static inline struct span buf_span(const struct buf *b)
{
	return span_of(b->p, b->n);
}

/* Decimal. */
void buf_add_u64(struct buf *b, uint64_t v);

/* Lower-case hexadecimal of n bytes. */
void buf_add_hex(struct buf *b, const void *bytes, size_t n);

/* base64url without padding (RFC 4648 §5): 4 characters for 3 bytes, 2 or 3 for a rest of 1 or 2.
 */
void buf_add_base64url(struct buf *b, const void *bytes, size_t n);

/* printf into the buffer; all or nothing, and it needs one byte more than the text. Not for text of
 * strangers. */
PRINTF(2, 3) void buf_addf(struct buf *b, const char *fmt, ...);

/* Text of strangers for people's eyes: printable ASCII as it is, all else as \xHH, backslash as \\.
 * At most max bytes of the text are shown, then "...". */
void buf_add_escaped(struct buf *b, struct span s, size_t max);

/* NUL-terminates for C interfaces: writes the NUL at p[n], outside of n. False when there is no
 * room or the buffer overflowed. */
bool buf_terminate(struct buf *b);

/* Decodes base64url (padding not accepted) into out; returns the number of bytes, or -1 when the
 * text is not canonical base64url or does not fit into cap. */
long base64url_decode(struct span s, void *out, size_t cap);

/* Nothing but hexadecimal digits of either case; true for the empty text. */
bool hex_is(struct span s);

/* Decodes exactly n bytes from 2n hexadecimal digits of either case. */
bool hex_decode(struct span s, void *out, size_t n);

#endif
