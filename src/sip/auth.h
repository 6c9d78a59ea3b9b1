/* SPDX-License-Identifier: MIT
 *
 * Authorization, Proxy-Authorization, WWW-Authenticate and Proxy-Authenticate values as data (RFC
 * 3261 §20.7, §20.27, §20.44; RFC 7616; RFC 8760). Cryptography is not here. */
#ifndef SIP_AUTH_H
#define SIP_AUTH_H

#include "sip/limits.h"
#include "sip/params.h"

enum sip_auth_scheme { SIP_AUTH_OTHER = 0, SIP_AUTH_DIGEST };

enum sip_auth_algorithm {
	SIP_AUTH_MD5 = 0, /* also when the parameter is absent (RFC 7616 §3.4) */
	SIP_AUTH_MD5_SESS,
	SIP_AUTH_SHA_256,
	SIP_AUTH_SHA_256_SESS,
	SIP_AUTH_SHA_512_256,
	SIP_AUTH_SHA_512_256_SESS,
	SIP_AUTH_ALGORITHM_UNKNOWN,
};

enum sip_auth_qop {
	SIP_AUTH_QOP_NONE = 0, /* absent */
	SIP_AUTH_QOP_AUTH = 1,
	SIP_AUTH_QOP_AUTH_INT = 2,
	SIP_AUTH_QOP_UNKNOWN = 4,
};

/* The parameters that have a field, in the order of `present`. */
enum sip_auth_param {
	SIP_AUTH_USERNAME,
	SIP_AUTH_REALM,
	SIP_AUTH_NONCE,
	SIP_AUTH_URI,
	SIP_AUTH_RESPONSE,
	SIP_AUTH_CNONCE,
	SIP_AUTH_OPAQUE,
	SIP_AUTH_ALGORITHM,
	SIP_AUTH_QOP,
	SIP_AUTH_NC,
	SIP_AUTH_USERHASH,
	SIP_AUTH_USERNAME_EXT, /* username* (RFC 7616 §3.4) */
	SIP_AUTH_STALE,
	SIP_AUTH_DOMAIN,
	SIP_AUTH_PARAM_COUNT
};

struct sip_auth {
	enum sip_auth_scheme scheme;
	enum sip_auth_algorithm algorithm;
	unsigned
	    qop;     /* credentials: one of enum sip_auth_qop; challenge: the offered ones, or-ed */
	uint32_t nc; /* credentials: value of the eight hexadecimal digits */
	uint32_t present; /* bit (1 << enum sip_auth_param) */
	uint32_t escaped; /* same bits: the value holds quoted-pairs; see sip_unquote */
	bool stale;
	bool userhash;
	struct span scheme_text;
	struct span value[SIP_AUTH_PARAM_COUNT]; /* content, without quotes; empty when absent */
};

/* One Authorization or Proxy-Authorization value. SIP_BAD with AUTH (grammar, unclosed quote, nc
 * not eight hexadecimal digits, response not hexadecimal), AUTH_DUPLICATE (a parameter with a field
 * stands twice), AUTH_LONG (limits.credential), AUTH_SCHEME (not Digest), AUTH_MISSING (one of
 * username, realm, nonce, uri, response; with qop also cnonce and nc). Unknown parameters are
 * skipped. An unknown algorithm or qop is no fault: it is told as such. On SIP_BAD the content of
 * *out_auth is undefined (parsing in place saves a copy of it). */
NODISCARD enum sip_parse sip_auth_parse_credentials(struct span value,
    const struct sip_limits *limits, struct sip_auth *out_auth, struct sip_parse_error *out_error);

/* One challenge; realm and nonce must be there. On SIP_BAD as above. */
NODISCARD enum sip_parse sip_auth_parse_challenge(struct span value,
    const struct sip_limits *limits, struct sip_auth *out_auth, struct sip_parse_error *out_error);

/* The realm of a credentials value without judging the rest, to choose among several headers. False
 * when the scheme is not Digest or the realm cannot be read. */
bool sip_auth_peek_realm(struct span value, struct span *out_realm);

static inline bool sip_auth_has(const struct sip_auth *auth, enum sip_auth_param param)
{
	return (auth->present >> param) & 1;
}

/* "MD5", "SHA-256", "SHA-512-256", ...; empty for unknown. */
struct span sip_auth_algorithm_name(enum sip_auth_algorithm algorithm);

/* Any case; SIP_AUTH_ALGORITHM_UNKNOWN. */
enum sip_auth_algorithm sip_auth_algorithm_from(struct span name);

/* One challenge line with its CRLF: `Name: Digest realm="...", nonce="...", algorithm=..,
 * qop="auth"[, stale=true]`. name is "WWW-Authenticate" or "Proxy-Authenticate"; realm and nonce
 * must need no escaping (ERR_SYNTAX when they hold a quote, backslash or control character). */
NODISCARD enum err sip_auth_write_challenge(struct span name, struct span realm, struct span nonce,
    enum sip_auth_algorithm algorithm, bool stale, struct buf *out);

#endif
