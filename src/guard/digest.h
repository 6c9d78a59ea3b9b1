/* SPDX-License-Identifier: MIT
 *
 * Digest arithmetic (RFC 7616 §3.4, RFC 8760): A1, A2 and the response for MD5, SHA-256 and
 * SHA-512-256. Values are binary here; hexadecimal exists only on the wire. A struct digest keeps
 * the algorithms fetched once and their contexts warm: one a thread, never shared. */
#ifndef GUARD_DIGEST_H
#define GUARD_DIGEST_H

#include "base/buf.h"

enum digest_alg { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512_256, DIGEST_ALG_COUNT };

#define DIGEST_BIT(alg) (1u << (alg))
#define DIGEST_MAX      32 /* bytes of the longest digest */

struct evp_md_st;
struct evp_md_ctx_st;

/* A2s that are remembered: nearly all registrations of a domain have the same one. A power of two,
 * and the longest method and URI together. */
#define DIGEST_A2S      8
#define DIGEST_A2_BYTES 120

/* H(A2) of one method and URI under one algorithm; nothing of it is secret. */
struct digest_a2 {
	uint8_t alg;
	uint8_t method_n, uri_n; /* method_n 0: none yet */
	char text[DIGEST_A2_BYTES];
	char hex[2 * DIGEST_MAX];
};

struct digest {
	struct evp_md_st *md[DIGEST_ALG_COUNT];
	struct evp_md_ctx_st *ctx[DIGEST_ALG_COUNT];
	uint64_t
	    computed; /* hash operations so far: equal cost is shown by counting, not by clock */
	struct digest_a2 a2s[DIGEST_A2S];
};

/* What enters a response besides A1. With qop empty, nc and cnonce are not used (RFC 2069). */
struct digest_input {
	struct span method, uri, nonce, nc, cnonce, qop;
};

/* The A1s of one account; bit DIGEST_BIT(alg) of `algs` says which are there. Secrets: never
 * printed. */
struct digest_ha1s {
	uint8_t ha1[DIGEST_ALG_COUNT][DIGEST_MAX];
	uint8_t algs;
};

/* ERR_NOMEM, or ERR_UNSUPPORTED when the crypto library lacks an algorithm (MD5 under FIPS). */
NODISCARD enum err digest_init(struct digest *d);
void digest_done(struct digest *d);

/* "MD5", "SHA-256", "SHA-512-256" (RFC 7616 §6.1, RFC 8760 §2.2); static. */
struct span digest_alg_name(enum digest_alg alg);

/* Bytes of a digest: 16, 32, 32. */
size_t digest_alg_size(enum digest_alg alg);

/* Without regard to case. ERR_UNSUPPORTED for every other name, the -sess variants among them. */
NODISCARD enum err digest_alg_parse(struct span name, enum digest_alg *out_alg);

/* H(user ":" realm ":" password), RFC 7616 §3.4.2; writes digest_alg_size(alg) bytes. */
void digest_ha1(struct digest *d, enum digest_alg alg, struct span user, struct span realm,
    struct span password, uint8_t out[DIGEST_MAX]);

/* The response of RFC 7616 §3.4.1 to A1 = ha1, binary; two hash operations, or one when method and
 * URI are remembered. What it costs does not depend on ha1. */
void digest_response(struct digest *d, enum digest_alg alg, const uint8_t ha1[DIGEST_MAX],
    const struct digest_input *in, uint8_t out[DIGEST_MAX]);

/* Whether the hexadecimal text (of either case) is the digest `want`. Takes the same time for every
 * well-formed text. */
bool digest_equals_hex(enum digest_alg alg, const uint8_t want[DIGEST_MAX], struct span hex);

#endif
