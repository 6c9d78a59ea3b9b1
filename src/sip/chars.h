/* SPDX-License-Identifier: MIT
 *
 * Character classes of RFC 3261 §25.1 and the scanning steps that the value parsers share. Internal
 * to this folder. */
#ifndef SIP_CHARS_H
#define SIP_CHARS_H

#include "sip/scan.h"

enum sip_char {
	SIP_C_TOKEN = 1 << 0,
	SIP_C_WORD = 1 << 1,     /* Call-ID without its '@' */
	SIP_C_USER = 1 << 2,     /* user part of a SIP URI, without '%' */
	SIP_C_PASSWORD = 1 << 3, /* without '%' */
	SIP_C_PARAM = 1 << 4,    /* name or value of a URI parameter, without '%' */
	SIP_C_HEADER = 1 << 5,   /* name or value of a URI header, without '%' */
	SIP_C_URIC = 1 << 6,     /* anything in an absolute URI, without '%' */
	SIP_C_VALUE = 1 << 7,    /* unquoted value of a generic parameter; see sip/params.c */
	SIP_C_HOST = 1 << 8,     /* letters, digits, hyphen, underscore, dot */
	SIP_C_HEX = 1 << 9,
	SIP_C_LWS = 1 << 10,
	SIP_C_TEL = 1 << 11,   /* a telephone-subscriber (RFC 3966 §3) */
	SIP_C_ALPHA = 1 << 12, /* letters */
	SIP_C_LABEL = 1 << 13, /* SIP_C_HOST without the dot */
};

/* The classes that hold all letters, digits, the hyphen and the dot. */
#define SIP_C_PLAIN                                                                            \
	(SIP_C_TOKEN | SIP_C_WORD | SIP_C_USER | SIP_C_PASSWORD | SIP_C_PARAM | SIP_C_HEADER | \
	    SIP_C_URIC | SIP_C_VALUE | SIP_C_HOST)

extern const uint16_t sip_char_class[256];

static inline bool sip_char_is(char c, unsigned cls)
{
	return (sip_char_class[(unsigned char)c] & cls) != 0;
}

/* Behind the last octet; an empty span may have no pointer, to which nothing may be added. */
static inline const char *sip_end(struct span s)
{
	return s.n ? s.p + s.n : s.p;
}

/* The first octet of [p, end) that is not of the class, or end. */
static inline const char *sip_skip(const char *p, const char *end, unsigned cls)
{
	if (cls & SIP_C_PLAIN)
		p = sip_pass_plain(p, end);
	while (p < end && sip_char_is(*p, cls))
		p++;
	return p;
}

static inline const char *sip_skip_lws(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' && ascii_is_lws(*p))
		p++;
	return p;
}

/* Behind octets of the class and "%XX" escapes. NULL when an escape is incomplete. */
static inline const char *sip_skip_escaped(const char *p, const char *end, unsigned cls)
{
	while ((p = sip_skip(p, end, cls)) < end && *p == '%') {
		if (end - p < 3 || !sip_char_is(p[1], SIP_C_HEX) || !sip_char_is(p[2], SIP_C_HEX))
			return NULL;
		p += 3;
	}
	return p;
}

/* p stands on '"': the octet behind the closing one, or NULL when there is none. */
static inline const char *sip_skip_quoted(const char *p, const char *end)
{
	for (p++; (p = sip_find_quote(p, end)) < end; p += 2) {
		if (*p == '"')
			return p + 1;
		if (end - p < 2)
			return NULL;
	}
	return NULL;
}

/* Value of one hexadecimal digit that is known to be one. */
static inline unsigned sip_hex_value(char c)
{
	return ascii_is_digit(c) ? (unsigned)(c - '0') : ((unsigned)(c | 0x20) - 'a' + 10) & 15;
}

/* The span is this lower-case literal, any case. */
#define sip_is(s, lit)               \
	((s).n == sizeof(lit) - 1 && \
	    (memcmp((s).p, lit, sizeof(lit) - 1) == 0 || span_ieq((s), SPAN(lit))))

#endif
