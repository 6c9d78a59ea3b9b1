/* SPDX-License-Identifier: MIT
 *
 * Writing the requests of an operation. */
#ifndef SIPLOAD_MESSAGE_H
#define SIPLOAD_MESSAGE_H

#include "load.h"

/* "000000010000002a" */
void message_add_id(const struct op *op, struct buf *b);

/* Begins a new transaction of the operation and writes the request line, Via, Max-Forwards, From,
 * To, Call-ID, CSeq and User-Agent. `uri` is the Request-URI; `to` the value of To; the CSeq is
 * op->cseq as it stands. `method` must be a literal: the operation keeps it. */
void message_begin(struct load *l, struct op *op, struct span method, struct span uri,
    struct span to, uint32_t from_user, struct buf *b);

/* The same head again for the same transaction: what an ACK to a refused INVITE has. */
void message_add_head(struct load *l, const struct op *op, struct span method, struct span uri,
    struct span to, uint32_t from_user, struct buf *b);

/* "<sip:NAME@DOMAIN>" */
void message_add_user(const struct load *l, uint32_t user, struct buf *b);

/* "Contact: <sip:NAME@ADDRESS:PORT>" with line end. */
void message_add_contact(const struct load *l, uint32_t user, const struct port *at, struct buf *b);

/* Picks the challenge out of a 401 or 407, keeps its nonce for the user, and writes the field that
 * answers it. False, with the operation ended, when it cannot be answered. */
bool message_add_login(
    struct load *l, struct op *op, const struct wire *w, struct span uri, struct buf *b);

/* The same from the user's kept nonce with the next count. */
void message_add_kept_login(struct load *l, struct op *op, struct span uri, struct buf *b);

/* "Content-Length: 0" and the empty line. */
void message_end(struct buf *b);

#endif
