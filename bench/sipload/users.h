/* SPDX-License-Identifier: MIT
 *
 * The subscribers that the generator plays: PREFIX and seven digits, the password another prefix
 * and the name. What must be remembered of each between two requests. One thread. */
#ifndef SIPLOAD_USERS_H
#define SIPLOAD_USERS_H

#include "digest.h"

#define USER_NAME_MAX  32
#define USER_NONCE_MAX 192

/* The nonce that a user may use again. */
struct login {
	char nonce[USER_NONCE_MAX];
	uint16_t nonce_n; /* 0 = none */
	bool qop;
	uint32_t nc; /* the last count used */
};

struct user {
	uint32_t cseq;
	bool busy, has_ha1;
	char ha1[DIGEST_HEX_MAX];
};

struct users {
	unsigned n, next;
	struct span prefix, password_prefix;
	char realm[128]; /* of the first challenge; all others must have the same */
	size_t realm_n;
	struct user *user;
	struct login *login; /* NULL unless nonces are kept */
};

/* ERR_NOMEM. The spans must outlive it. */
NODISCARD enum err users_init(
    struct users *u, unsigned n, struct span prefix, struct span password_prefix, bool keep_nonces);
void users_done(struct users *u);

/* The next user with nothing under way, marked busy; users.n when all are. */
unsigned users_take(struct users *u);

void users_add_name(const struct users *u, unsigned i, struct buf *b);

/* HA1 of user i for the realm of the challenge, computed at its first use; NULL when the realm is
 * not that of the earlier challenges. */
const char *users_ha1(struct users *u, struct digest *d, unsigned i, struct span realm);

/* Remembers the nonce for further use under the next counts. */
void users_keep(struct users *u, unsigned i, const struct challenge *c);

#endif
