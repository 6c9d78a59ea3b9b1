/* SPDX-License-Identifier: MIT
 *
 * The calling side. */
#include "message.h"
#include "scenes.h"

enum step { STEP_INVITE, STEP_BYE };

static uint32_t callee_of(const struct load *l, const struct op *op)
{
	return op->user + 1 == l->users.n ? 0 : op->user + 1;
}

static struct span invite_uri(const struct load *l, const struct op *op, struct buf *b)
{
	uint32_t callee = callee_of(l, op);
	buf_add_lit(b, "sip:");
	users_add_name(&l->users, callee, b);
	buf_add_char(b, '@');
	buf_add_span(b, l->set.direct ? span_str(op->ear->text) : l->set.domain);
	return buf_span(b);
}

static void add_body(const struct op *op, struct buf *b)
{
	char sdp[512];
	struct buf s = BUF(sdp);
	buf_add_lit(&s, "v=0\r\no=- ");
	buf_add_u64(&s, (uint64_t)op->slot << 16 | op->generation);
	buf_add_lit(&s, " 1 IN IP4 127.0.0.1\r\ns=sipload\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			"m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n"
			"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			"a=fmtp:101 0-15\r\na=sendrecv\r\n");
	buf_add_lit(b, "Content-Type: application/sdp\r\nContent-Length: ");
	buf_add_u64(b, s.n);
	buf_add_lit(b, "\r\n\r\n");
	buf_add_span(b, buf_span(&s));
}

/* An INVITE; with the answer to `challenge` when that is not NULL. */
static void send_invite(struct load *l, struct op *op, const struct wire *challenge)
{
	char uri[128], to[128];
	struct buf u = BUF(uri), t = BUF(to), b = port_room(op->port);
	message_add_user(l, callee_of(l, op), &t);
	op->cseq++;
	message_begin(l, op, SPAN("INVITE"), invite_uri(l, op, &u), buf_span(&t), op->user, &b);
	if (challenge && !message_add_login(l, op, challenge, buf_span(&u), &b))
		return;
	message_add_contact(l, op->user, op->port, &b);
	buf_add_lit(&b, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nSupported: timer\r\n");
	add_body(op, &b);
	load_send(l, op, &b);
}

static void start(struct load *l, struct op *op)
{
	struct buf id = BUF(op->call_id);
	unsigned user = users_take(&l->users);
	if (user == l->users.n) {
		load_op_wrong(l, op, WRONG_NO_USER);
		return;
	}
	op->user = user;
	op->step = STEP_INVITE;
	op->cseq = 0;
	op->port = &l->port[user % l->ports];
	op->ear = &l->ear[callee_of(l, op) % l->ears];
	message_add_id(op, &id);
	buf_add_span(&id, span_str(l->host));
	op->call_id_n = (uint8_t)id.n;
	send_invite(l, op, NULL);
}

static bool keep(struct span s, char *to, size_t room, uint16_t *out_n)
{
	if (!s.n || s.n > room)
		return false;
	memcpy(to, s.p, s.n);
	*out_n = (uint16_t)s.n;
	return true;
}

/* The route set is the Record-Route fields in reverse (RFC 3261 §12.1.2). */
static bool keep_dialog(struct op *op, const struct wire *w)
{
	struct buf b = BUF(op->routes);
	for (unsigned i = w->routes; i-- > 0;) {
		buf_add_lit(&b, "Route: ");
		buf_add_span(&b, w->route[i]);
		buf_add_lit(&b, "\r\n");
	}
	op->routes_n = (uint16_t)b.n;
	return !b.overflow && keep(w->to, op->to, sizeof op->to, &op->to_n) &&
	       keep(wire_uri(w->contact), op->target, sizeof op->target, &op->target_n);
}

static struct buf begin_in_dialog(struct load *l, struct op *op, struct span method)
{
	struct buf b = port_room(op->port);
	message_begin(l, op, method, span_of(op->target, op->target_n), span_of(op->to, op->to_n),
	    op->user, &b);
	buf_add(&b, op->routes, op->routes_n);
	return b;
}

static void send_ack(struct load *l, struct op *op)
{
	struct buf b = begin_in_dialog(l, op, SPAN("ACK"));
	message_end(&b);
	port_put(op->port, &b, &l->set.target);
}

static void send_bye(struct load *l, struct op *op, const struct wire *challenge)
{
	op->cseq++;
	op->step = STEP_BYE;
	struct buf b = begin_in_dialog(l, op, SPAN("BYE"));
	if (challenge &&
	    !message_add_login(l, op, challenge, span_of(op->target, op->target_n), &b))
		return;
	message_end(&b);
	load_send(l, op, &b);
}

static void established(struct load *l, struct op *op, const struct wire *w)
{
	if (!w->contact.n || (l->set.want_route && !w->routes)) {
		load_op_wrong(l, op, WRONG_NO_ROUTE);
		return;
	}
	if (!keep_dialog(op, w)) {
		load_op_wrong(l, op, WRONG_TOO_LONG);
		return;
	}
	op->challenged = 0;
	send_ack(l, op);
	send_bye(l, op, NULL);
}

/* The ACK of a refused INVITE belongs to the INVITE's transaction (RFC 3261 §17.1.1.3). */
static void ack_refusal(struct load *l, struct op *op, const struct wire *w)
{
	char uri[128];
	struct buf u = BUF(uri), b = port_room(op->port);
	message_add_head(l, op, SPAN("ACK"), invite_uri(l, op, &u), w->to, op->user, &b);
	message_end(&b);
	port_put(op->port, &b, &l->set.target);
}

static void answer_to_invite(struct load *l, struct op *op, const struct wire *w)
{
	bool challenge = w->status == 401 || w->status == 407;
	if (w->status < 200) {
		op->sent_n = 0;
		return;
	}
	if (w->status == 200) {
		established(l, op, w);
		return;
	}
	ack_refusal(l, op, w);
	if (challenge && !op->challenged)
		send_invite(l, op, w);
	else
		load_op_refused(l, op, w->status);
}

static void answer_to_bye(struct load *l, struct op *op, const struct wire *w)
{
	if (w->status < 200)
		return;
	if ((w->status == 401 || w->status == 407) && !op->challenged) {
		send_bye(l, op, w);
		return;
	}
	if (w->status != 200) {
		load_op_refused(l, op, w->status);
		return;
	}
	if (l->measuring && !(op->heard & HEARD_ACK))
		l->stats.ack_missing++;
	load_op_done(l, op);
}

static void answer(struct load *l, struct op *op, const struct wire *w)
{
	if (op->step == STEP_INVITE)
		answer_to_invite(l, op, w);
	else
		answer_to_bye(l, op, w);
}

const struct scene scene_call = {"call", start, answer, answer_request};
