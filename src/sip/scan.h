/* SPDX-License-Identifier: MIT
 *
 * The inner loops: control characters, one octet, quotes, plain text, sixteen octets at a time
 * where the machine can.
 * Never reads outside of [p, end). Internal to this folder. */
#ifndef SIP_SCAN_H
#define SIP_SCAN_H

#include "base/span.h"

#ifdef __SSE2__
#include <emmintrin.h>

#define SIP_SCAN_BLOCK 16

/* Bit i: octet i is a control character. */
static inline unsigned sip_scan_controls(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)p);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
	__m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, del));
}

/* Bit i: octet i is c. */
static inline unsigned sip_scan_octet(const char *p, char c)
{
	__m128i x = _mm_loadu_si128((const __m128i *)p);

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(c)));
}

/* Bit i: octet i is a quote or a backslash. */
static inline unsigned sip_scan_quotes(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)p);

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(
	    _mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
}

/* Bit i: octet i is neither letter, digit, hyphen nor dot. */
static inline unsigned sip_scan_not_plain(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)p);
	__m128i letter = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i other = _mm_sub_epi8(x, _mm_set1_epi8('-')); /* from '-' to '9', without '/' */

	letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8('z' - 'a')), letter);
	other = _mm_cmpeq_epi8(_mm_min_epu8(other, _mm_set1_epi8('9' - '-')), other);
	other = _mm_andnot_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('/')), other);
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(letter, other)) ^ 0xffffu;
}
#endif

static inline bool sip_is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* The first control character other than HT, or end. */
static inline const char *sip_find_control(const char *p, const char *end)
{
#ifdef SIP_SCAN_BLOCK
	if (end - p >= SIP_SCAN_BLOCK) {
		const char *last = end - SIP_SCAN_BLOCK;
		unsigned mask;

		for (; p <= last; p += SIP_SCAN_BLOCK) {
			mask = sip_scan_controls(p);
			if (UNLIKELY(mask) && (mask &= ~sip_scan_octet(p, '\t')) != 0)
				return p + __builtin_ctz(mask);
		}
		/* The rest, with octets before it in which nothing was found. */
		mask = sip_scan_controls(last) & ~sip_scan_octet(last, '\t');
		return mask ? last + __builtin_ctz(mask) : end;
	}
#endif
	while (p < end && !sip_is_control(*p))
		p++;
	return p;
}

/* The first quote or backslash, or end. */
static inline const char *sip_find_quote(const char *p, const char *end)
{
#ifdef SIP_SCAN_BLOCK
	if (end - p >= SIP_SCAN_BLOCK) {
		for (const char *last = end - SIP_SCAN_BLOCK; p <= last; p += SIP_SCAN_BLOCK) {
			unsigned mask = sip_scan_quotes(p);

			if (mask)
				return p + __builtin_ctz(mask);
		}
	}
#endif
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Behind the letters, digits, hyphens and dots at p, as far as whole blocks show them. */
static inline const char *sip_pass_plain(const char *p, const char *end)
{
#ifdef SIP_SCAN_BLOCK
	if (end - p >= SIP_SCAN_BLOCK) {
		for (const char *last = end - SIP_SCAN_BLOCK; p <= last; p += SIP_SCAN_BLOCK) {
			unsigned mask = sip_scan_not_plain(p);

			if (mask)
				return p + __builtin_ctz(mask);
		}
	}
#else
	(void)end;
#endif
	return p;
}

/* The first c, or NULL; for texts that are mostly a few blocks long. */
static inline const char *sip_find_octet(const char *p, const char *end, char c)
{
#ifdef SIP_SCAN_BLOCK
	if (end - p >= SIP_SCAN_BLOCK) {
		const char *last = end - SIP_SCAN_BLOCK;
		unsigned mask;

		for (; p <= last; p += SIP_SCAN_BLOCK) {
			mask = sip_scan_octet(p, c);
			if (mask)
				return p + __builtin_ctz(mask);
		}
		mask = sip_scan_octet(last, c);
		return mask ? last + __builtin_ctz(mask) : NULL;
	}
#endif
	return p < end ? memchr(p, c, (size_t)(end - p)) : NULL;
}

#endif
