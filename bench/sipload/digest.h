/* SPDX-License-Identifier: MIT
 *
 * The client's half of HTTP digest (RFC 7616, RFC 8760) with qop=auth. The hash is fetched once;
 * one context is reused. One thread. */
#ifndef SIPLOAD_DIGEST_H
#define SIPLOAD_DIGEST_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "wire.h"

#define DIGEST_HEX_MAX 65 /* SHA-256 in hexadecimal, and its NUL */

enum digest_hash { DIGEST_MD5, DIGEST_SHA256 };

struct digest {
	enum digest_hash hash;
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct challenge {
	struct span realm, nonce, opaque; /* into the message that was read */
	bool qop, stale;
};

struct credentials {
	struct span user, realm, nonce, opaque, method, uri;
	const char *ha1;
	bool qop;
	uint32_t nc;
	uint64_t cnonce;
};

/* ERR_UNSUPPORTED when the library lacks the hash, ERR_NOMEM. */
NODISCARD enum err digest_init(struct digest *d, enum digest_hash hash);
void digest_done(struct digest *d);

/* "MD5", "SHA-256". */
struct span digest_name(enum digest_hash hash);

/* The challenge of this hash among those of a 401 or 407; false when there is none. */
bool digest_challenge(const struct digest *d, const struct wire *w, struct challenge *out_c);

/* H(user:realm:password) in hexadecimal with NUL. */
void digest_ha1(struct digest *d, struct span user, struct span realm, struct span password,
    char out_hex[DIGEST_HEX_MAX]);

/* Appends "Digest username=..., response=..." without a line end. */
void digest_add_credentials(struct digest *d, const struct credentials *c, struct buf *b);

#endif
