/* SPDX-License-Identifier: MIT
 *
 * The names under which transactions are found (RFC 3261 §17.1.3, §17.2.3): fixed-size keyed hashes
 * (SipHash-1-3, 128 bits) of what identifies a transaction, so that the tables hold no text of
 * strangers and nobody without the key can make two transactions meet. Pure functions. */
#ifndef TXN_KEY_H
#define TXN_KEY_H

#include "base/siphash.h"
#include "base/span.h"

struct txn_key {
	uint8_t b[16];
};

/* What a request of an RFC 2543 client is told by (§17.2.3, second part). `via` is the whole top
 * Via value, `cseq` its number. */
struct txn_old {
	struct span uri, to_tag, from_tag, call_id, via;
	uint32_t cseq;
};

/* The branch was made by an RFC 3261 element: magic cookie (§8.1.1.7) and something behind it. */
bool txn_branch_is_magic(struct span branch);

/* Server transaction of a request with a magic branch: top Via's branch and sent-by (host and port
 * as written) and the method. ACK gives the key of its INVITE; for the INVITE that a CANCEL is
 * about, pass INVITE as the method. Without regard to case but for the method. */
void txn_key_server(const struct siphash_key *k, struct span branch, struct span sent_by,
    struct span method, struct txn_key *out_key);

/* Server transaction of a request without one. The To tag counts for all but INVITE and ACK: an
 * ACK carries the tag of our response, which the INVITE did not have; the owner compares it. */
void txn_key_server_old(const struct siphash_key *k, const struct txn_old *old, struct span method,
    struct txn_key *out_key);

/* Client transaction: our branch from the top Via of the response, and the method of its CSeq. */
void txn_key_client(
    const struct siphash_key *k, struct span branch, struct span method, struct txn_key *out_key);

#endif
