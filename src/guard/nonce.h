/* SPDX-License-Identifier: MIT
 *
 * Nonces without state (RFC 7616 §3.3, §5.4): everything needed to judge one that comes back stands
 * in it, under a message authentication code. Minting costs no memory, no lock and no system call,
 * so no number of challenges can stop logins.
 *
 * Text: 48 characters of base64url over 36 bytes:
 *
 *   key id 1 · algorithm 1 · issued 6 (wall clock, ms) · salt 8 · realm tag 4 · source tag 4 · MAC
 * 12
 *
 * The MAC is SipHash-2-4-128 cut to 96 bits over the 24 bytes before it. SipHash is a pseudo-random
 * function made for short input; its 128-bit form is unbroken, a forger has 2^-96 a try, online
 * only, and a nonce lives a minute. It costs a tenth of HMAC-SHA-256 on input of this size.
 *
 * Bound to a source as the ledger knows sources: the whole IPv4 address, or the /64 of IPv6. A
 * nonce that comes back is then a proof that its sender receives at that address. A phone whose
 * carrier moves it to another address pays one more round trip with stale=true, and no one is asked
 * for a password. The port is left out: mappings change it.
 *
 * The wall clock that is passed in must not run backwards within a process (the clock at start plus
 * monotonic time does not): the replay table orders nonces by their time of issue. */
#ifndef GUARD_NONCE_H
#define GUARD_NONCE_H

#include "base/addr.h"
#include "base/rng.h"
#include "base/usec.h"
#include "guard/digest.h"

#define NONCE_TEXT_LEN   48
#define NONCE_KEYS_BYTES 84 /* of a saved key set */

/* Two clocks of one machine never differ; a clock that was set back may make a nonce look young. */
#define NONCE_FUTURE_MAX (5 * USEC_SEC)

struct nonce_key {
	struct siphash_key mac, tag;
	uint64_t created_ms; /* wall clock */
	uint8_t id;
	bool valid;
};

/* A plain value: copied to each worker, replaced as a whole. */
struct nonce_keys {
	struct nonce_key current, previous;
};

enum nonce_verdict {
	NONCE_FRESH,
	NONCE_STALE, /* genuine but past its lifetime, or older than the oldest key we still have */
	NONCE_FORGED,
	NONCE_WRONG_ALGORITHM,
	NONCE_WRONG_REALM,
	NONCE_WRONG_SOURCE,
	NONCE_FROM_FUTURE,
};

struct nonce_info {
	uint64_t id;        /* the salt; with issued_ms, unique */
	uint64_t issued_ms; /* wall clock */
	usec_t age;
};

/* A first key set. ERR_IO when the system has no randomness. */
NODISCARD enum err nonce_keys_init(struct nonce_keys *out_keys, usec_t wall);

/* current becomes previous, a new current is made. Nonces of the former previous key are then
 * STALE: rotate no more often than a nonce lives. ERR_IO: the key set is unchanged. */
NODISCARD enum err nonce_keys_rotate(struct nonce_keys *keys, usec_t wall);

/* Whether the current key is older than `period`. */
bool nonce_keys_due(const struct nonce_keys *keys, usec_t wall, usec_t period);

/* As bytes to be stored, and back. Loading gives ERR_SYNTAX for anything that save did not write.
 */
void nonce_keys_save(const struct nonce_keys *keys, uint8_t out[NONCE_KEYS_BYTES]);
NODISCARD enum err nonce_keys_load(const void *bytes, size_t n, struct nonce_keys *out_keys);

/* Writes NONCE_TEXT_LEN characters, no NUL. */
void nonce_mint(const struct nonce_keys *keys, struct rng *rng, enum digest_alg alg,
    struct span realm, const struct addr *source, usec_t wall, char out[NONCE_TEXT_LEN]);

/* Judges what came back, the MAC first. *out_info is filled for every verdict but FORGED and, of
 * the keyless kind, STALE (zeroed then). */
enum nonce_verdict nonce_verify(const struct nonce_keys *keys, struct span text,
    enum digest_alg alg, struct span realm, const struct addr *source, usec_t wall, usec_t lifetime,
    struct nonce_info *out_info);

/* Whether it is genuine, was given to this source and is at most max_age old; for which realm and
 * algorithm is not asked. Who sends it receives at this address. */
bool nonce_was_given_to(const struct nonce_keys *keys, struct span text, const struct addr *source,
    usec_t wall, usec_t max_age);

#endif
