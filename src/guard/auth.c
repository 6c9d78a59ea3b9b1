/* SPDX-License-Identifier: MIT */
#include "guard/auth.h"

/* Caps of what is hashed or kept; clients stay far below. */
#define USERNAME_MAX 255
#define CNONCE_MAX   256
#define NC_DIGITS    8

static const struct {
	const char *reason;
	enum auth_answer answer;
} outcomes[AUTH_OUTCOME_COUNT] = {
    [AUTH_OK] = {"auth.ok", AUTH_ANSWER_PASS},
    [AUTH_CHALLENGE] = {"auth.challenge", AUTH_ANSWER_CHALLENGE},
    [AUTH_MALFORMED] = {"auth.malformed", AUTH_ANSWER_BAD_REQUEST},
    [AUTH_WRONG_REALM] = {"auth.wrong-realm", AUTH_ANSWER_CHALLENGE},
    [AUTH_ALGORITHM] = {"auth.algorithm", AUTH_ANSWER_CHALLENGE},
    /* RFC 7616 §3.3 allows stale=true whenever the nonce is not valid. A phone that kept the nonce
     * of another server, or moved to another address, then tries again by itself; an attacker
     * learns nothing that the new nonce does not tell. */
    [AUTH_FORGED_NONCE] = {"auth.forged-nonce", AUTH_ANSWER_CHALLENGE_STALE},
    [AUTH_WRONG_SOURCE] = {"auth.wrong-source", AUTH_ANSWER_CHALLENGE_STALE},
    [AUTH_STALE] = {"auth.stale", AUTH_ANSWER_CHALLENGE_STALE},
    [AUTH_URI_MISMATCH] = {"auth.uri-mismatch", AUTH_ANSWER_BAD_REQUEST},
    [AUTH_UNKNOWN_USER] = {"auth.unknown-user", AUTH_ANSWER_CHALLENGE},
    [AUTH_BAD_PASSWORD] = {"auth.bad-password", AUTH_ANSWER_CHALLENGE},
    [AUTH_NO_HASH] = {"auth.no-hash", AUTH_ANSWER_CHALLENGE},
    /* Many clients never count nc up. They get a new nonce and no one is asked. */
    [AUTH_REPLAY] = {"auth.replay", AUTH_ANSWER_CHALLENGE_STALE},
    [AUTH_RETRANSMISSION] = {"auth.retransmission", AUTH_ANSWER_PASS},
    [AUTH_IDENTITY_MISMATCH] = {"auth.identity-mismatch", AUTH_ANSWER_FORBIDDEN},
};

const char *auth_reason(enum auth_outcome outcome)
{
	return outcomes[outcome].reason;
}

enum auth_answer auth_answer(enum auth_outcome outcome)
{
	return outcomes[outcome].answer;
}

enum err auth_worker_init(struct auth_worker *w, const struct nonce_keys *keys,
    struct replay *replay, const struct siphash_key *dummy_key)
{
	enum err e = rng_init(&w->rng);

	if (e == OK)
		e = digest_init(&w->digest);
	if (e != OK)
		return e;
	w->keys = *keys;
	w->replay = replay;
	w->dummy = *dummy_key;
	return OK;
}

void auth_worker_done(struct auth_worker *w)
{
	digest_done(&w->digest);
}

/* nc-value is exactly eight hexadecimal digits (RFC 7616 §3.4) and counts from 1. */
static bool nc_parse(struct span nc, uint32_t *out_nc)
{
	uint8_t raw[NC_DIGITS / 2];
	uint32_t v;

	if (!hex_decode(nc, raw, sizeof(raw)))
		return false;
	v = (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
	if (v == 0)
		return false;
	*out_nc = v;
	return true;
}

/* What is wrong with the form of the credentials; NULL: nothing. Fills claim->nc. */
static const char *form_fault(
    const struct auth_policy *policy, const struct auth_facts *f, struct auth_claim *claim)
{
	if (f->username.n == 0 || f->username.n > USERNAME_MAX)
		return "username missing or too long";
	if (f->nonce.n == 0 || f->uri.n == 0 || f->response.n == 0)
		return "nonce, uri or response missing";
	if (f->qop.n == 0) {
		claim->nc = 1;
		return policy->allow_rfc2069 ? NULL : "qop missing";
	}
	if (!span_ieq(f->qop, SPAN("auth")))
		return "qop was not offered";
	if (f->cnonce.n == 0 || f->cnonce.n > CNONCE_MAX)
		return "cnonce missing or too long";
	if (!nc_parse(f->nc, &claim->nc))
		return "nc is not a count of eight hexadecimal digits";
	return NULL;
}

static bool offered(const struct auth_policy *policy, enum digest_alg alg)
{
	for (size_t i = 0; i < policy->offered_n; i++)
		if (policy->offered[i] == alg)
			return true;
	return false;
}

static enum auth_outcome screen_nonce(struct auth_worker *w, const struct auth_policy *policy,
    const struct auth_facts *f, struct auth_claim *claim)
{
	enum nonce_verdict v = nonce_verify(&w->keys, f->nonce, claim->alg, f->expected_realm,
	    &f->source, f->wall, policy->nonce_lifetime, &claim->nonce);

	switch (v) {
	case NONCE_FRESH:
		claim->proven = true;
		return AUTH_OK;
	case NONCE_STALE:
	case NONCE_FROM_FUTURE:
		return AUTH_STALE;
	case NONCE_WRONG_ALGORITHM:
		claim->detail = "the nonce was made for another algorithm";
		return AUTH_ALGORITHM;
	case NONCE_WRONG_REALM:
		return AUTH_WRONG_REALM;
	case NONCE_WRONG_SOURCE:
		return AUTH_WRONG_SOURCE;
	case NONCE_FORGED:
		break;
	}
	return AUTH_FORGED_NONCE;
}

enum auth_outcome auth_screen(struct auth_worker *w, const struct auth_policy *policy,
    const struct auth_facts *f, struct auth_claim *out_claim)
{
	enum auth_outcome outcome;

	*out_claim = (struct auth_claim){.alg = DIGEST_MD5};
	if (!f->has_credentials)
		return AUTH_CHALLENGE;
	if (!span_ieq(f->realm, f->expected_realm))
		return AUTH_WRONG_REALM;
	out_claim->detail = form_fault(policy, f, out_claim);
	if (out_claim->detail)
		return AUTH_MALFORMED;
	/* No algorithm means MD5 (RFC 7616 §3.4). */
	if ((f->algorithm.n && digest_alg_parse(f->algorithm, &out_claim->alg) != OK) ||
	    !offered(policy, out_claim->alg)) {
		out_claim->detail = "the algorithm was not offered";
		return AUTH_ALGORITHM;
	}
	if (f->response.n != 2 * digest_alg_size(out_claim->alg)) {
		out_claim->detail = "response has the wrong length for its algorithm";
		return AUTH_MALFORMED;
	}
	outcome = screen_nonce(w, policy, f, out_claim);
	if (outcome != AUTH_OK)
		return outcome;
	if (!f->uri_matches)
		return AUTH_URI_MISMATCH;
	replay_prefetch(w->replay, out_claim->nonce.id);
	return AUTH_OK;
}

/* The HA1 of someone who does not exist: unguessable, the same each time for the same name. */
static void dummy_ha1(
    const struct auth_worker *w, enum digest_alg alg, struct span username, uint8_t out[DIGEST_MAX])
{
	siphash24_128(&w->dummy, username.p, username.n, out);
	if (digest_alg_size(alg) > 16)
		siphash24_128(&w->dummy, out, 16, out + 16);
}

static bool identity_agrees(const struct auth_facts *f)
{
	if (f->claimed_is_alias)
		return true;
	return span_eq(f->claimed_user, f->username) &&
	       span_ieq(f->claimed_domain, f->expected_realm);
}

static enum auth_outcome use_count(
    struct auth_worker *w, const struct auth_facts *f, const struct auth_claim *claim)
{
	switch (
	    replay_use(w->replay, claim->nonce.id, claim->nonce.issued_ms, claim->nc, f->request)) {
	case REPLAY_NEW:
		return AUTH_OK;
	case REPLAY_RETRANSMISSION:
		return AUTH_RETRANSMISSION;
	case REPLAY_STALE:
		return AUTH_STALE;
	case REPLAY_USED:
		break;
	}
	return AUTH_REPLAY;
}

enum auth_outcome auth_verify(struct auth_worker *w, const struct auth_facts *f,
    const struct auth_claim *claim, const struct digest_ha1s *account)
{
	const struct digest_input in = {.method = f->method,
	    .uri = f->uri,
	    .nonce = f->nonce,
	    .nc = f->nc,
	    .cnonce = f->cnonce,
	    .qop = f->qop};
	uint8_t dummy[DIGEST_MAX], want[DIGEST_MAX];
	bool usable = account && (account->algs & DIGEST_BIT(claim->alg));
	enum auth_outcome outcome;
	bool right;

	/* Made in either case, so that the work is the same. */
	dummy_ha1(w, claim->alg, f->username, dummy);
	digest_response(
	    &w->digest, claim->alg, usable ? account->ha1[claim->alg] : dummy, &in, want);
	right = digest_equals_hex(claim->alg, want, f->response);
	if (!account)
		return AUTH_UNKNOWN_USER;
	if (!usable)
		return AUTH_NO_HASH;
	if (!right)
		return AUTH_BAD_PASSWORD;
	outcome = use_count(w, f, claim);
	if (outcome != AUTH_OK && outcome != AUTH_RETRANSMISSION)
		return outcome;
	return identity_agrees(f) ? outcome : AUTH_IDENTITY_MISMATCH;
}

/* quoted-string (RFC 3261 §25.1): '"' and '\' are escaped. Line breaks cannot stand in a domain
 * that the configuration accepted; they are left out all the same, so that no header can be forged.
 */
static void add_quoted(struct buf *b, struct span s)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\r' || c == '\n' || c == '\0')
			continue;
		if (c == '"' || c == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, c);
	}
	buf_add_char(b, '"');
}

void auth_challenge_add(struct buf *b, struct auth_worker *w, const struct auth_policy *policy,
    size_t i, struct span realm, const struct addr *source, usec_t wall, bool stale)
{
	enum digest_alg alg = policy->offered[i];
	char nonce[NONCE_TEXT_LEN];

	nonce_mint(&w->keys, &w->rng, alg, realm, source, wall, nonce);
	buf_add_lit(b, "Digest realm=");
	add_quoted(b, realm);
	buf_add_lit(b, ", nonce=\"");
	buf_add(b, nonce, sizeof(nonce));
	buf_add_lit(b, "\", algorithm=");
	buf_add_span(b, digest_alg_name(alg));
	buf_add_lit(b, ", qop=\"auth\"");
	if (stale)
		buf_add_lit(b, ", stale=true");
}
