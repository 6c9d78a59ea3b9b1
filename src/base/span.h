/* SPDX-License-Identifier: MIT
 *
 * Text from the wire: a pointer and a length, passed by value, never NUL-terminated, never owned.
 * A span lives as long as the buffer it points into. An empty span may have a NULL pointer. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"

struct span {
	const char *p;
	size_t n;
};

/* A span over a string literal. */
#define SPAN(lit) ((struct span){("" lit), sizeof(lit) - 1})

/* Arguments for "%.*s"; only for text that is known to be printable. Text of strangers goes through
 * buf_add_escaped. */
#define SPAN_FMT(s) (int)(s).n, (s).p

static inline struct span span_of(const char *p, size_t n)
{
	return (struct span){p, n};
}

static inline struct span span_str(const char *str)
{
	return (struct span){str, str ? strlen(str) : 0};
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII lower case of one byte; locale-free. */
static inline unsigned char ascii_lower(unsigned char c)
{
	return (unsigned char)(c - 'A') < 26 ? (unsigned char)(c | 0x20) : c;
}

static inline bool ascii_is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* From p (inclusive) to the end of s. p must point into s. */
static inline struct span span_from(struct span s, const char *p)
{
	return (struct span){p, s.n - (size_t)(p - s.p)};
}

/* n octets in lower case; out and p do not overlap. */
void ascii_lower_copy(char *out, const char *p, size_t n);

/* n octets of each are equal without regard to ASCII case. */
bool ascii_ieq(const char *a, const char *b, size_t n);

/* Equal without regard to ASCII case (RFC 3261 §7.3.1). */
static inline bool span_ieq(struct span a, struct span b)
{
	return a.n == b.n && ascii_ieq(a.p, b.p, a.n);
}

/* s begins with prefix; the `i` form without regard to ASCII case. */
static inline bool span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq(span_of(s.p, prefix.n), prefix);
}

static inline bool span_istarts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && ascii_ieq(s.p, prefix.p, prefix.n);
}

static inline bool ascii_is_lws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without SP, HT, CR, LF at either end (LWS, RFC 3261 §25.1). */
static inline struct span span_trim(struct span s)
{
	while (s.n && ascii_is_lws(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && ascii_is_lws(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Splits at the first `sep`: *out_head is what stands before, *rest moves behind it. False, with
 * *out_head = all and *rest empty, when there is no `sep`. */
bool span_cut(struct span *rest, char sep, struct span *out_head);

/* Index of the first c, or s.n. */
size_t span_find(struct span s, char c);

/* Unsigned decimal, digits only, at least one, no sign, no space, value <= max.
 * ERR_SYNTAX or ERR_RANGE; *out_v untouched on failure. Leading zeros are accepted. */
NODISCARD enum err span_to_u64(struct span s, uint64_t max, uint64_t *out_v);
NODISCARD enum err span_to_u32(struct span s, uint32_t max, uint32_t *out_v);

/* Constant-time equality of contents for secrets; lengths are compared openly. */
bool span_eq_secret(struct span a, struct span b);

#endif
