/* SPDX-License-Identifier: MIT */
#include "message.h"

/* Eight digits at once: each nibble into a byte of its own, then to its character. */
static void add_hex32(struct buf *b, uint32_t v)
{
	uint64_t x = v;
	x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
	x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x << 4 | x) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	uint64_t letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
	x += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
	x = __builtin_bswap64(x);
	buf_add(b, (const char *)&x, sizeof x);
}

void message_add_id(const struct op *op, struct buf *b)
{
	add_hex32(b, op->slot);
	add_hex32(b, op->generation);
}

void message_add_user(const struct load *l, uint32_t user, struct buf *b)
{
	buf_add_lit(b, "<sip:");
	users_add_name(&l->users, user, b);
	buf_add_char(b, '@');
	buf_add_span(b, l->set.domain);
	buf_add_char(b, '>');
}

void message_add_contact(const struct load *l, uint32_t user, const struct port *at, struct buf *b)
{
	buf_add_lit(b, "Contact: <sip:");
	users_add_name(&l->users, user, b);
	buf_add_char(b, '@');
	buf_add_span(b, span_str(at->text));
	buf_add_lit(b, ">\r\n");
}

void message_add_head(struct load *l, const struct op *op, struct span method, struct span uri,
    struct span to, uint32_t from_user, struct buf *b)
{
	static const char digits[] = "0123456789abcdef";
	buf_add_span(b, method);
	buf_add_char(b, ' ');
	buf_add_span(b, uri);
	buf_add_lit(b, " SIP/2.0\r\nVia: SIP/2.0/UDP ");
	buf_add_span(b, span_str(op->port->text));
	buf_add_lit(b, ";rport;branch=z9hG4bK-");
	message_add_id(op, b);
	buf_add_char(b, digits[op->txn >> 4]);
	buf_add_char(b, digits[op->txn & 15]);
	buf_add_lit(b, "\r\nMax-Forwards: 70\r\nFrom: ");
	message_add_user(l, from_user, b);
	buf_add_lit(b, ";tag=");
	message_add_id(op, b);
	buf_add_lit(b, "\r\nTo: ");
	buf_add_span(b, to);
	buf_add_lit(b, "\r\nCall-ID: ");
	buf_add(b, op->call_id, op->call_id_n);
	buf_add_lit(b, "\r\nCSeq: ");
	buf_add_u64(b, op->cseq);
	buf_add_char(b, ' ');
	buf_add_span(b, method);
	buf_add_lit(b, "\r\nUser-Agent: sipload/1\r\n");
}

void message_begin(struct load *l, struct op *op, struct span method, struct span uri,
    struct span to, uint32_t from_user, struct buf *b)
{
	op->method = method;
	op->txn++;
	message_add_head(l, op, method, uri, to, from_user, b);
}

static void add_login(
    struct load *l, const struct op *op, struct credentials *c, struct span uri, struct buf *b)
{
	char name[USER_NAME_MAX];
	struct buf n = BUF(name);
	users_add_name(&l->users, op->user, &n);
	c->user = buf_span(&n);
	c->method = op->method;
	c->uri = uri;
	c->cnonce = l->now_ns ^ (uint64_t)l->run << 32;
	digest_add_credentials(&l->digest, c, b);
	buf_add_lit(b, "\r\n");
}

bool message_add_login(
    struct load *l, struct op *op, const struct wire *w, struct span uri, struct buf *b)
{
	struct challenge ch;
	l->stats.challenges++;
	if (op->challenged++ || !digest_challenge(&l->digest, w, &ch)) {
		load_op_wrong(l, op, WRONG_NO_CHALLENGE);
		return false;
	}
	const char *ha1 = users_ha1(&l->users, &l->digest, op->user, ch.realm);
	if (!ha1) {
		load_op_wrong(l, op, WRONG_REALM);
		return false;
	}
	users_keep(&l->users, op->user, &ch);
	if (w->status == 401)
		buf_add_lit(b, "Authorization: ");
	else
		buf_add_lit(b, "Proxy-Authorization: ");
	add_login(l, op,
	    &(struct credentials){.realm = ch.realm,
		.nonce = ch.nonce,
		.opaque = ch.opaque,
		.ha1 = ha1,
		.qop = ch.qop,
		.nc = 1},
	    uri, b);
	return true;
}

void message_add_kept_login(struct load *l, struct op *op, struct span uri, struct buf *b)
{
	struct login *k = &l->users.login[op->user];
	k->nc++;
	buf_add_lit(b, "Authorization: ");
	add_login(l, op,
	    &(struct credentials){.realm = span_of(l->users.realm, l->users.realm_n),
		.nonce = span_of(k->nonce, k->nonce_n),
		.ha1 = l->users.user[op->user].ha1,
		.qop = k->qop,
		.nc = k->nc},
	    uri, b);
}

void message_end(struct buf *b)
{
	buf_add_lit(b, "Content-Length: 0\r\n\r\n");
}
