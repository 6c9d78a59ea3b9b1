/* SPDX-License-Identifier: MIT
 *
 * URIs (RFC 3261 §19.1, RFC 3966, RFC 8141). Spans point into the text that was parsed; nothing is
 * unescaped. */
#ifndef SIP_URI_H
#define SIP_URI_H

#include "sip/host.h"
#include "sip/limits.h"
#include "sip/params.h"

enum sip_scheme {
	SIP_SCHEME_OTHER = 0, /* any other scheme; only `opaque` is meant */
	SIP_SCHEME_SIP,
	SIP_SCHEME_SIPS,
	SIP_SCHEME_TEL, /* user is the number */
	SIP_SCHEME_URN, /* opaque is what follows "urn:" */
};

struct sip_uri {
	struct span text;     /* the whole URI */
	struct span scheme;   /* as written, without the colon */
	struct span user;     /* escaped; empty when absent; tel: the number as written */
	struct span password; /* escaped; empty when absent */
	struct span params;   /* from the first ';' on, with it; for sip, sips, tel */
	struct span headers;  /* behind the '?' */
	struct span opaque;   /* behind the scheme's colon, for urn and other */
	struct sip_host host; /* sip, sips */
	enum sip_scheme kind;
	bool has_user; /* an '@' was there; "sip:@h" is refused */
};

/* The whole of `text` is one URI, without <>. SIP_BAD with a reason: URI, URI_LONG, PARAM_COUNT,
 * PARAM_DUPLICATE; the content of *out_uri is then undefined (parsing in place saves a copy of it).
 * A '#' in the user part is accepted as dialled codes have it. RFC 3261 §19.1.1, §25.1. */
NODISCARD enum sip_parse sip_uri_parse(struct span text, const struct sip_limits *limits,
    struct sip_uri *out_uri, struct sip_parse_error *out_error);

/* A URI parameter by name (escapes and case do not matter in the name), e.g. "lr", "transport",
 * "maddr", "ttl", "method", "user", "ob". The value stays escaped. */
bool sip_uri_param(const struct sip_uri *uri, struct span name, struct sip_param *out_param);

/* Next of uri.params or of a rest of it; URI grammar (no quotes, no white space). */
NODISCARD enum sip_parse sip_uri_params_next(struct span *rest, struct sip_param *out_param);

/* Equality of RFC 3261 §19.1.4 (not transitive); other kinds compare as RFC 3966 §4 does for tel,
 * octet by octet for the rest. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);

/* Canonical address-of-record (RFC 3261 §10.3 step 5): "sip:user@host", for sips "sips:", no
 * password, port, parameters or headers; user unescaped as far as that keeps one meaning (what must
 * be escaped stays "%XX" in upper case), host in lower case. tel: "tel:" and the number without
 * visual separators. Two URIs name one AoR exactly when the texts are equal. ERR_UNSUPPORTED for
 * other kinds, ERR_FULL when out has no room. */
NODISCARD enum err sip_uri_write_aor(const struct sip_uri *uri, struct buf *out);

/* Only "user@host" of the above ("host" without a user): the account's name; sip and sips alike. */
NODISCARD enum err sip_uri_write_account(const struct sip_uri *uri, struct buf *out);

/* What of it may stand in a Request-URI (RFC 3261 §19.1.1): all but headers and the parameter
 * `method`. `uri` is of sip_uri_parse. ERR_FULL when out has no room. */
NODISCARD enum err sip_uri_write_target(const struct sip_uri *uri, struct buf *out);

/* Canonical user part alone, as in the AoR. */
NODISCARD enum err sip_uri_write_user(const struct sip_uri *uri, struct buf *out);

/* Same user part once unescaped (case matters). */
bool sip_user_equal(struct span a, struct span b);

/* The port to use when none was written: 5061 for sips, else 5060 (RFC 3261 §19.1.2). */
uint16_t sip_uri_port(const struct sip_uri *uri);

#endif
