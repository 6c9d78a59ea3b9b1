/* SPDX-License-Identifier: MIT */
#include "guard/digest.h"

#include <openssl/evp.h>

static const struct {
	struct span name;
	const char *fetch;
	size_t size;
} algs[DIGEST_ALG_COUNT] = {
    [DIGEST_MD5] = {{"MD5", 3}, "MD5", 16},
    [DIGEST_SHA256] = {{"SHA-256", 7}, "SHA2-256", 32},
    [DIGEST_SHA512_256] = {{"SHA-512-256", 11}, "SHA2-512/256", 32},
};

enum err digest_init(struct digest *d)
{
	*d = (struct digest){0};
	for (int i = 0; i < DIGEST_ALG_COUNT; i++) {
		d->md[i] = EVP_MD_fetch(NULL, algs[i].fetch, NULL);
		d->ctx[i] = EVP_MD_CTX_new();
		if (!d->md[i] || !d->ctx[i] || EVP_DigestInit_ex2(d->ctx[i], d->md[i], NULL) != 1) {
			enum err e = d->ctx[i] ? ERR_UNSUPPORTED : ERR_NOMEM;

			digest_done(d);
			return e;
		}
	}
	return OK;
}

void digest_done(struct digest *d)
{
	for (int i = 0; i < DIGEST_ALG_COUNT; i++) {
		EVP_MD_CTX_free(d->ctx[i]);
		EVP_MD_free(d->md[i]);
	}
	*d = (struct digest){0};
}

struct span digest_alg_name(enum digest_alg alg)
{
	return algs[alg].name;
}

size_t digest_alg_size(enum digest_alg alg)
{
	return algs[alg].size;
}

enum err digest_alg_parse(struct span name, enum digest_alg *out_alg)
{
	for (int i = 0; i < DIGEST_ALG_COUNT; i++) {
		if (span_ieq(name, algs[i].name)) {
			*out_alg = (enum digest_alg)i;
			return OK;
		}
	}
	return ERR_UNSUPPORTED;
}

/* The hash of the parts with ':' between them. The parts are gathered first, because each call into
 * the library costs as much as hashing a short text; what does not fit is passed in pieces. */
static void hash_joined(
    struct digest *d, enum digest_alg alg, const struct span *parts, size_t n, uint8_t *out)
{
	EVP_MD_CTX *ctx = d->ctx[alg];
	char text[512];
	size_t at = 0;
	int ok = EVP_DigestInit_ex2(ctx, NULL, NULL);

	for (size_t i = 0; i < n; i++) {
		if (parts[i].n + 1 > sizeof(text) - at) {
			ok &= EVP_DigestUpdate(ctx, text, at);
			at = 0;
		}
		if (i)
			text[at++] = ':';
		if (parts[i].n > sizeof(text) - at) {
			ok &= EVP_DigestUpdate(ctx, text, at);
			ok &= EVP_DigestUpdate(ctx, parts[i].p, parts[i].n);
			at = 0;
		} else if (parts[i].n) {
			memcpy(text + at, parts[i].p, parts[i].n);
			at += parts[i].n;
		}
	}
	ok &= EVP_DigestUpdate(ctx, text, at);
	ok &= EVP_DigestFinal_ex(ctx, out, NULL);
	d->computed++;
	/* A failed hash must never look like a known value. With fetched algorithms and living
	 * contexts the library cannot fail. */
	if (UNLIKELY(ok != 1))
		__builtin_trap();
}

void digest_ha1(struct digest *d, enum digest_alg alg, struct span user, struct span realm,
    struct span password, uint8_t out[DIGEST_MAX])
{
	const struct span parts[] = {user, realm, password};

	hash_joined(d, alg, parts, ARRAY_LEN(parts), out);
}

/* Where H(A2) is kept, or would be. Who aims at a place costs others one hash operation. */
static struct digest_a2 *a2_place(struct digest *d, struct span method, struct span uri)
{
	size_t at = method.n + 3 * uri.n + (uri.n ? (unsigned char)uri.p[uri.n - 1] : 0);

	return &d->a2s[at % DIGEST_A2S];
}

static bool a2_is(
    const struct digest_a2 *a2, enum digest_alg alg, struct span method, struct span uri)
{
	return a2->alg == alg && span_eq(span_of(a2->text, a2->method_n), method) &&
	       span_eq(span_of(a2->text + a2->method_n, a2->uri_n), uri);
}

static void a2_keep(
    struct digest_a2 *a2, enum digest_alg alg, struct span method, struct span uri, struct span hex)
{
	if (method.n == 0 || uri.n == 0 || method.n + uri.n > DIGEST_A2_BYTES)
		return;
	a2->alg = (uint8_t)alg;
	a2->method_n = (uint8_t)method.n;
	a2->uri_n = (uint8_t)uri.n;
	memcpy(a2->text, method.p, method.n);
	memcpy(a2->text + method.n, uri.p, uri.n);
	memcpy(a2->hex, hex.p, hex.n);
}

/* H(A2) as text, in what is remembered or in `text`. */
static struct span a2_hex(
    struct digest *d, enum digest_alg alg, struct span method, struct span uri, struct buf *text)
{
	struct digest_a2 *a2 = a2_place(d, method, uri);
	const struct span parts[] = {method, uri};
	uint8_t hash[DIGEST_MAX];

	if (method.n && a2_is(a2, alg, method, uri))
		return span_of(a2->hex, 2 * algs[alg].size);
	hash_joined(d, alg, parts, ARRAY_LEN(parts), hash);
	buf_add_hex(text, hash, algs[alg].size);
	a2_keep(a2, alg, method, uri, buf_span(text));
	return buf_span(text);
}

void digest_response(struct digest *d, enum digest_alg alg, const uint8_t ha1[DIGEST_MAX],
    const struct digest_input *in, uint8_t out[DIGEST_MAX])
{
	char hex1[2 * DIGEST_MAX], hex2[2 * DIGEST_MAX];
	struct buf a1 = BUF(hex1), room = BUF(hex2);
	struct span a2 = a2_hex(d, alg, in->method, in->uri, &room);

	buf_add_hex(&a1, ha1, algs[alg].size);
	if (in->qop.n) {
		const struct span parts[] = {
		    buf_span(&a1), in->nonce, in->nc, in->cnonce, in->qop, a2};

		hash_joined(d, alg, parts, ARRAY_LEN(parts), out);
	} else {
		const struct span parts[] = {buf_span(&a1), in->nonce, a2};

		hash_joined(d, alg, parts, ARRAY_LEN(parts), out);
	}
}

bool digest_equals_hex(enum digest_alg alg, const uint8_t want[DIGEST_MAX], struct span hex)
{
	uint8_t got[DIGEST_MAX];

	if (!hex_decode(hex, got, algs[alg].size))
		return false;
	return span_eq_secret(span_of((const char *)got, algs[alg].size),
	    span_of((const char *)want, algs[alg].size));
}
