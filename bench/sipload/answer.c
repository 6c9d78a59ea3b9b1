/* SPDX-License-Identifier: MIT
 *
 * The answering side: it finds the call by the From tag, which the calling side of this process
 * made, and answers at once. */
#include "message.h"
#include "scenes.h"

#define RESEND_NS (500 * NS_MS)

/* Status line and the copied fields; To gets our tag when it has none and `id` is given. */
static void add_answer(struct buf *b, struct span status, const struct wire *w, const struct op *op)
{
	bool tagged = wire_param(w->to, SPAN(";tag=")).n > 0;
	buf_add_lit(b, "SIP/2.0 ");
	buf_add_span(b, status);
	buf_add_lit(b, "\r\n");
	for (unsigned i = 0; i < w->copies; i++) {
		if (i != w->to_line || tagged || !op) {
			buf_add_span(b, w->copy[i]);
			continue;
		}
		buf_add_lit(b, "To: ");
		buf_add_span(b, w->to);
		buf_add_lit(b, ";tag=a");
		message_add_id(op, b);
		buf_add_lit(b, "\r\n");
	}
}

static void answer_plain(struct port *p, struct span status, const struct wire *w,
    const struct op *op, const struct sockaddr_in *from)
{
	struct buf b = port_room(p);
	add_answer(&b, status, w, op);
	message_end(&b);
	port_put(p, &b, from);
}

static void add_offer_answer(struct buf *b)
{
	static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=sipload\r\n"
				  "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40002 RTP/AVP 0 101\r\n"
				  "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
				  "a=fmtp:101 0-15\r\na=sendrecv\r\n";
	buf_add_lit(b, "Content-Type: application/sdp\r\nContent-Length: ");
	buf_add_u64(b, sizeof sdp - 1);
	buf_add_lit(b, "\r\n\r\n");
	buf_add(b, sdp, sizeof sdp - 1);
}

static void add_callee(struct load *l, const struct op *op, struct port *p, struct buf *b)
{
	message_add_contact(l, op->user + 1 == l->users.n ? 0 : op->user + 1, p, b);
}

static void send_ringing(struct load *l, struct op *op, struct port *p, const struct wire *w,
    const struct sockaddr_in *from)
{
	struct buf b = port_room(p);
	add_answer(&b, SPAN("180 Ringing"), w, op);
	add_callee(l, op, p, &b);
	message_end(&b);
	port_put(p, &b, from);
}

/* The 200 is kept and sent again until the ACK comes (RFC 3261 §13.3.1.4). */
static void send_ok(struct load *l, struct op *op, struct port *p, const struct wire *w,
    const struct sockaddr_in *from)
{
	struct buf b = port_room(p);
	add_answer(&b, SPAN("200 OK"), w, op);
	add_callee(l, op, p, &b);
	add_offer_answer(&b);
	if (!b.overflow && b.n <= sizeof op->ear_sent) {
		memcpy(op->ear_sent, b.p, b.n);
		op->ear_sent_n = (uint16_t)b.n;
		op->ear_resend_ns = l->now_ns + RESEND_NS;
		op->ear_to = *from;
	}
	port_put(p, &b, from);
}

static void take_invite(struct load *l, struct op *op, struct port *p, const struct wire *w,
    const struct sockaddr_in *from)
{
	if (op->heard & HEARD_INVITE) {
		if (op->ear_sent_n)
			port_put_copy(p, span_of(op->ear_sent, op->ear_sent_n), from);
		return;
	}
	op->heard |= HEARD_INVITE;
	op->ear = p;
	answer_plain(p, SPAN("100 Trying"), w, NULL, from);
	send_ringing(l, op, p, w, from);
	send_ok(l, op, p, w, from);
}

void answer_request(
    struct load *l, struct port *p, const struct wire *w, const struct sockaddr_in *from)
{
	bool late = false;
	struct op *op = load_find(l, wire_param(w->from, SPAN(";tag=")), &late);
	if (span_eq(w->method, SPAN("OPTIONS"))) {
		answer_plain(p, SPAN("200 OK"), w, NULL, from);
		return;
	}
	if (!op) {
		*(late ? &l->stats.late : &l->stats.unexpected) += 1;
		return;
	}
	if (span_eq(w->method, SPAN("INVITE"))) {
		take_invite(l, op, p, w, from);
	} else if (span_eq(w->method, SPAN("ACK"))) {
		op->heard |= HEARD_ACK;
		op->ear_sent_n = 0;
	} else if (span_eq(w->method, SPAN("BYE"))) {
		op->heard |= HEARD_BYE;
		op->ear_sent_n = 0;
		answer_plain(p, SPAN("200 OK"), w, op, from);
	} else {
		l->stats.unexpected++;
	}
}
