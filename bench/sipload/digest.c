/* SPDX-License-Identifier: MIT */
#include "digest.h"

enum err digest_init(struct digest *d, enum digest_hash hash)
{
	d->hash = hash;
	d->ctx = EVP_MD_CTX_new();
	d->md = EVP_MD_fetch(NULL, hash == DIGEST_MD5 ? "MD5" : "SHA256", NULL);
	if (d->ctx && d->md)
		return OK;
	bool no_memory = !d->ctx;
	digest_done(d);
	return no_memory ? ERR_NOMEM : ERR_UNSUPPORTED;
}

void digest_done(struct digest *d)
{
	EVP_MD_CTX_free(d->ctx);
	EVP_MD_free(d->md);
	*d = (struct digest){.hash = d->hash};
}

struct span digest_name(enum digest_hash hash)
{
	return hash == DIGEST_MD5 ? SPAN("MD5") : SPAN("SHA-256");
}

/* Takes `name=value` or `name="value"` and the comma behind it. Escapes are left as they are. */
static bool take_param(struct span *rest, struct span *out_name, struct span *out_value)
{
	struct span tail, skipped;
	*rest = span_trim(*rest);
	if (!span_cut(rest, '=', out_name))
		return false;
	*out_name = span_trim(*out_name);
	if (rest->n && rest->p[0] == '"') {
		tail = span_of(rest->p + 1, rest->n - 1);
		if (!span_cut(&tail, '"', out_value))
			return false;
		(void)span_cut(&tail, ',', &skipped);
		*rest = tail;
		return true;
	}
	(void)span_cut(rest, ',', out_value);
	*out_value = span_trim(*out_value);
	return true;
}

static bool has_token(struct span list, struct span token)
{
	struct span one;
	while (list.n) {
		(void)span_cut(&list, ',', &one);
		if (span_ieq(span_trim(one), token))
			return true;
	}
	return false;
}

static bool read_challenge(struct span value, struct challenge *out_c, struct span *out_algorithm)
{
	struct span name, v;
	struct challenge c = {0};
	struct span algorithm = SPAN("MD5");
	if (!span_istarts(value, SPAN("Digest ")))
		return false;
	value = span_of(value.p + 7, value.n - 7);
	while (take_param(&value, &name, &v)) {
		if (span_ieq(name, SPAN("realm")))
			c.realm = v;
		else if (span_ieq(name, SPAN("nonce")))
			c.nonce = v;
		else if (span_ieq(name, SPAN("opaque")))
			c.opaque = v;
		else if (span_ieq(name, SPAN("algorithm")))
			algorithm = v;
		else if (span_ieq(name, SPAN("qop")))
			c.qop = has_token(v, SPAN("auth"));
		else if (span_ieq(name, SPAN("stale")))
			c.stale = span_ieq(v, SPAN("true"));
	}
	*out_c = c;
	*out_algorithm = algorithm;
	return c.nonce.n > 0;
}

bool digest_challenge(const struct digest *d, const struct wire *w, struct challenge *out_c)
{
	struct challenge c;
	struct span algorithm;
	for (unsigned i = 0; i < w->challenges; i++) {
		if (read_challenge(w->challenge[i], &c, &algorithm) &&
		    span_ieq(algorithm, digest_name(d->hash))) {
			*out_c = c;
			return true;
		}
	}
	return false;
}

static void hash_hex(struct digest *d, struct span text, char out_hex[DIGEST_HEX_MAX])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf b = buf_of(out_hex, DIGEST_HEX_MAX);
	EVP_DigestInit_ex2(d->ctx, d->md, NULL);
	EVP_DigestUpdate(d->ctx, text.p, text.n);
	EVP_DigestFinal_ex(d->ctx, raw, &n);
	buf_add_hex(&b, raw, n);
	(void)buf_terminate(&b);
}

static void add_joined(struct buf *b, struct span s)
{
	buf_add_char(b, ':');
	buf_add_span(b, s);
}

void digest_ha1(struct digest *d, struct span user, struct span realm, struct span password,
    char out_hex[DIGEST_HEX_MAX])
{
	char text[512];
	struct buf b = BUF(text);
	buf_add_span(&b, user);
	add_joined(&b, realm);
	add_joined(&b, password);
	hash_hex(d, buf_span(&b), out_hex);
}

static void add_nc(struct buf *b, uint32_t nc)
{
	uint8_t bytes[4] = {
	    (uint8_t)(nc >> 24), (uint8_t)(nc >> 16), (uint8_t)(nc >> 8), (uint8_t)nc};
	buf_add_hex(b, bytes, sizeof bytes);
}

static void response_hex(
    struct digest *d, const struct credentials *c, char out_hex[DIGEST_HEX_MAX])
{
	char text[1024], ha2[DIGEST_HEX_MAX];
	struct buf b = BUF(text);
	buf_add_span(&b, c->method);
	add_joined(&b, c->uri);
	hash_hex(d, buf_span(&b), ha2);
	b = BUF(text);
	buf_add_span(&b, span_str(c->ha1));
	add_joined(&b, c->nonce);
	if (c->qop) {
		buf_add_char(&b, ':');
		add_nc(&b, c->nc);
		buf_add_char(&b, ':');
		buf_add_hex(&b, &c->cnonce, sizeof c->cnonce);
		add_joined(&b, SPAN("auth"));
	}
	add_joined(&b, span_str(ha2));
	hash_hex(d, buf_span(&b), out_hex);
}

static void add_quoted(struct buf *b, struct span name, struct span value)
{
	buf_add_span(b, name);
	buf_add_lit(b, "=\"");
	buf_add_span(b, value);
	buf_add_char(b, '"');
}

void digest_add_credentials(struct digest *d, const struct credentials *c, struct buf *b)
{
	char response[DIGEST_HEX_MAX];
	response_hex(d, c, response);
	add_quoted(b, SPAN("Digest username"), c->user);
	add_quoted(b, SPAN(", realm"), c->realm);
	add_quoted(b, SPAN(", nonce"), c->nonce);
	add_quoted(b, SPAN(", uri"), c->uri);
	add_quoted(b, SPAN(", response"), span_str(response));
	buf_add_lit(b, ", algorithm=");
	buf_add_span(b, digest_name(d->hash));
	if (c->qop) {
		buf_add_lit(b, ", qop=auth, nc=");
		add_nc(b, c->nc);
		buf_add_lit(b, ", cnonce=\"");
		buf_add_hex(b, &c->cnonce, sizeof c->cnonce);
		buf_add_char(b, '"');
	}
	if (c->opaque.n)
		add_quoted(b, SPAN(", opaque"), c->opaque);
}
