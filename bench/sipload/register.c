/* SPDX-License-Identifier: MIT */
#include "message.h"
#include "scenes.h"

#define EXPIRES "3600"

enum step {
	STEP_BARE,
	STEP_KEPT, /* sent with the kept nonce */
	STEP_LOGIN /* sent with the answer to a challenge */
};

static struct span registrar_uri(const struct load *l, struct buf *b)
{
	buf_add_lit(b, "sip:");
	buf_add_span(b, l->set.domain);
	return buf_span(b);
}

/* Writes a REGISTER up to the credentials. Each user stays with one port, and with one Call-ID and
 * a growing CSeq (RFC 3261 §10.2). */
static struct buf begin(struct load *l, struct op *op, struct span uri)
{
	char to[128];
	struct buf t = BUF(to), b;
	message_add_user(l, op->user, &t);
	op->cseq = ++l->users.user[op->user].cseq;
	b = port_room(op->port);
	message_begin(l, op, SPAN("REGISTER"), uri, buf_span(&t), op->user, &b);
	message_add_contact(l, op->user, op->port, &b);
	buf_add_lit(&b, "Expires: " EXPIRES "\r\n");
	return b;
}

static bool take_user(struct load *l, struct op *op)
{
	unsigned user = users_take(&l->users);
	struct buf id = BUF(op->call_id);
	if (user == l->users.n) {
		load_op_wrong(l, op, WRONG_NO_USER);
		return false;
	}
	op->user = user;
	op->port = l->use_ears ? &l->ear[user % l->ears] : &l->port[user % l->ports];
	users_add_name(&l->users, user, &id);
	buf_add_span(&id, span_str(l->host));
	op->call_id_n = (uint8_t)id.n;
	return true;
}

static void start(struct load *l, struct op *op)
{
	char text[128];
	struct buf u = BUF(text), b;
	if (!take_user(l, op))
		return;
	b = begin(l, op, registrar_uri(l, &u));
	op->step = STEP_BARE;
	message_end(&b);
	load_send(l, op, &b);
}

static void start_reuse(struct load *l, struct op *op)
{
	char text[128];
	struct buf u = BUF(text), b;
	if (!take_user(l, op))
		return;
	b = begin(l, op, registrar_uri(l, &u));
	if (l->users.login[op->user].nonce_n) {
		message_add_kept_login(l, op, buf_span(&u), &b);
		op->step = STEP_KEPT;
	}
	message_end(&b);
	load_send(l, op, &b);
}

static void login(struct load *l, struct op *op, const struct wire *w)
{
	char text[128];
	struct buf u = BUF(text), b;
	b = begin(l, op, registrar_uri(l, &u));
	if (!message_add_login(l, op, w, buf_span(&u), &b))
		return;
	op->step = STEP_LOGIN;
	message_end(&b);
	load_send(l, op, &b);
}

/* The 200 lists all bindings; ours must be among them. */
static bool lists_contact(const struct load *l, const struct op *op, const struct wire *w)
{
	char text[64];
	struct buf b = BUF(text);
	buf_add_lit(&b, "sip:");
	users_add_name(&l->users, op->user, &b);
	buf_add_char(&b, '@');
	buf_add_span(&b, span_str(op->port->text));
	return w->contacts.n && memmem(w->contacts.p, w->contacts.n, b.p, b.n);
}

static void answer(struct load *l, struct op *op, const struct wire *w)
{
	if (w->status < 200)
		return;
	if (w->status == 401 && op->step != STEP_LOGIN)
		login(l, op, w);
	else if (w->status != 200)
		load_op_refused(l, op, w->status);
	else if (!lists_contact(l, op, w))
		load_op_wrong(l, op, WRONG_NO_BINDING);
	else
		load_op_done(l, op);
}

const struct scene scene_register = {"register", start, answer, answer_request};
const struct scene scene_reuse = {"register-reuse", start_reuse, answer, answer_request};
