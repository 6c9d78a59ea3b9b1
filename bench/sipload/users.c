/* SPDX-License-Identifier: MIT */
#include "users.h"

#include <stdlib.h>

enum err users_init(
    struct users *u, unsigned n, struct span prefix, struct span password_prefix, bool keep_nonces)
{
	*u = (struct users){.n = n, .prefix = prefix, .password_prefix = password_prefix};
	u->user = calloc(n, sizeof *u->user);
	if (keep_nonces)
		u->login = calloc(n, sizeof *u->login);
	if (u->user && (u->login || !keep_nonces))
		return OK;
	users_done(u);
	return ERR_NOMEM;
}

void users_done(struct users *u)
{
	free(u->user);
	free(u->login);
	*u = (struct users){0};
}

unsigned users_take(struct users *u)
{
	for (unsigned tried = 0; tried < u->n; tried++) {
		unsigned i = u->next;
		u->next = i + 1 == u->n ? 0 : i + 1;
		if (!u->user[i].busy) {
			u->user[i].busy = true;
			return i;
		}
	}
	return u->n;
}

void users_add_name(const struct users *u, unsigned i, struct buf *b)
{
	char digits[7];
	for (int k = 6; k >= 0; k--, i /= 10)
		digits[k] = (char)('0' + i % 10);
	buf_add_span(b, u->prefix);
	buf_add(b, digits, sizeof digits);
}

const char *users_ha1(struct users *u, struct digest *d, unsigned i, struct span realm)
{
	char name[USER_NAME_MAX], password[2 * USER_NAME_MAX];
	struct buf n = BUF(name), p = BUF(password);
	if (!u->realm_n && realm.n && realm.n <= sizeof u->realm) {
		memcpy(u->realm, realm.p, realm.n);
		u->realm_n = realm.n;
	}
	if (!span_eq(realm, span_of(u->realm, u->realm_n)))
		return NULL;
	if (!u->user[i].has_ha1) {
		users_add_name(u, i, &n);
		buf_add_span(&p, u->password_prefix);
		buf_add_span(&p, buf_span(&n));
		digest_ha1(d, buf_span(&n), realm, buf_span(&p), u->user[i].ha1);
		u->user[i].has_ha1 = true;
	}
	return u->user[i].ha1;
}

void users_keep(struct users *u, unsigned i, const struct challenge *c)
{
	if (!u->login || c->nonce.n > USER_NONCE_MAX)
		return;
	struct login *l = &u->login[i];
	memcpy(l->nonce, c->nonce.p, c->nonce.n);
	l->nonce_n = (uint16_t)c->nonce.n;
	l->qop = c->qop;
	l->nc = 1;
}
