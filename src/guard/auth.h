/* SPDX-License-Identifier: MIT
 *
 * The decision about credentials (RFC 3261 §22, RFC 7616, RFC 8760) as functions over facts. It
 * comes in two steps because the account may have to be fetched in between:
 *
 *   auth_screen   what needs no account: form, realm, algorithm, nonce, uri
 *   auth_verify   password, replay, identity
 *
 * so that noise never reaches the accounts store. An unknown user costs the same hashing as a wrong
 * password and gets the same answer. Nothing here logs, reads a clock or sees a message. */
#ifndef GUARD_AUTH_H
#define GUARD_AUTH_H

#include "base/buf.h"
#include "guard/nonce.h"
#include "guard/replay.h"

enum auth_outcome {
	AUTH_OK,
	AUTH_CHALLENGE,    /* no credentials for our realm: the ordinary first request */
	AUTH_MALFORMED,    /* credentials that no client of RFC 7616 sends */
	AUTH_WRONG_REALM,  /* credentials for another realm */
	AUTH_ALGORITHM,    /* an algorithm that was not offered, or not the nonce's */
	AUTH_FORGED_NONCE, /* not a nonce of ours */
	AUTH_WRONG_SOURCE, /* a nonce of ours that was given to another address */
	AUTH_STALE,        /* a nonce of ours, too old */
	AUTH_URI_MISMATCH, /* `uri` is not the Request-URI */
	AUTH_UNKNOWN_USER,
	AUTH_BAD_PASSWORD,
	AUTH_NO_HASH,           /* the account has none for the algorithm: nobody can log in so */
	AUTH_REPLAY,            /* right password, but the nonce count was used */
	AUTH_RETRANSMISSION,    /* right, and the same request of the same flow as a moment ago */
	AUTH_IDENTITY_MISMATCH, /* right, but From/To names someone else */
	AUTH_OUTCOME_COUNT
};

/* How a request with this outcome is answered: the edge maps it to 401/407, 400, 403. */
enum auth_answer {
	AUTH_ANSWER_PASS,
	AUTH_ANSWER_CHALLENGE,       /* 401 or 407 with new nonces */
	AUTH_ANSWER_CHALLENGE_STALE, /* the same with stale=true: try again without asking the
					person */
	AUTH_ANSWER_BAD_REQUEST,     /* 400 */
	AUTH_ANSWER_FORBIDDEN,       /* 403 */
};

/* From the configuration snapshot. */
struct auth_policy {
	enum digest_alg offered[DIGEST_ALG_COUNT]; /* in order of preference (RFC 8760 §2.3) */
	size_t offered_n;
	usec_t nonce_lifetime;
	/* Accept answers without qop (RFC 2069), each nonce once. They have no client nonce and no
	 * count: off unless very old devices need it. */
	bool allow_rfc2069;
};

/* What a worker keeps: one a thread. */
struct auth_worker {
	struct digest digest;
	struct rng rng;
	struct nonce_keys keys;   /* a copy; replaced on the worker's own thread */
	struct replay *replay;    /* shared, not owned */
	struct siphash_key dummy; /* makes the HA1s that unknown users are checked against */
};

struct auth_facts {
	/* The credentials, without their quotes; empty where a parameter is missing. */
	bool has_credentials;
	struct span username, realm, nonce, uri, response, algorithm, cnonce, qop, nc;
	/* The request. */
	struct span method;
	bool
	    uri_matches; /* `uri` and Request-URI are equal by RFC 3261 §19.1.4, said by the edge */
	struct addr source;
	uint64_t request; /* keyed hash of top Via branch, CSeq and flow; not 0 */
	/* Who the request says it is: To for REGISTER, From for the rest. */
	struct span claimed_user, claimed_domain;
	bool claimed_is_alias; /* ... and that is an alias which the account `username` owns */
	/* What is wanted. */
	struct span expected_realm;
	usec_t wall; /* never runs backwards: see guard/nonce.h */
};

/* What screening found out, for auth_verify and the event. */
struct auth_claim {
	enum digest_alg alg;
	struct nonce_info nonce; /* age is evidence */
	uint32_t nc;
	bool proven;        /* the nonce is ours and was given to this very address */
	const char *detail; /* a few words on MALFORMED and ALGORITHM, static; else NULL */
};

/* keys: copied. replay: shared, outlives the worker. dummy_key: one a process. ERR_IO, ERR_NOMEM,
 * ERR_UNSUPPORTED. */
NODISCARD enum err auth_worker_init(struct auth_worker *w, const struct nonce_keys *keys,
    struct replay *replay, const struct siphash_key *dummy_key);
void auth_worker_done(struct auth_worker *w);

/* AUTH_OK: the account `username` at expected_realm is needed now, then auth_verify. Any other
 * outcome is final. *out_claim is always filled. */
enum auth_outcome auth_screen(struct auth_worker *w, const struct auth_policy *policy,
    const struct auth_facts *f, struct auth_claim *out_claim);

/* account: NULL for an unknown user. The claim must be auth_screen's of the same facts, of the same
 * pass or, after a wait, an earlier one. */
enum auth_outcome auth_verify(struct auth_worker *w, const struct auth_facts *f,
    const struct auth_claim *claim, const struct digest_ha1s *account);

/* "auth.stale"; "auth.ok" for AUTH_OK; static, never NULL. The same words as in the table of
 * reasons. */
const char *auth_reason(enum auth_outcome outcome);

enum auth_answer auth_answer(enum auth_outcome outcome);

/* The value of one WWW-Authenticate or Proxy-Authenticate header (RFC 7616 §3.3) for algorithm
 * number i of the policy, with a fresh nonce:
 *   Digest realm="example.com", nonce="...", algorithm=SHA-256, qop="auth"
 * One header an algorithm, in order. b overflows when there is no room (realm + 160 bytes do). */
void auth_challenge_add(struct buf *b, struct auth_worker *w, const struct auth_policy *policy,
    size_t i, struct span realm, const struct addr *source, usec_t wall, bool stale);

#endif
