/* SPDX-License-Identifier: MIT */
#include "message.h"
#include "scenes.h"

static void start(struct load *l, struct op *op)
{
	char uri[128];
	struct buf u = BUF(uri), id = BUF(op->call_id), b;
	buf_add_lit(&u, "<sip:");
	buf_add_span(&u, l->set.domain);
	buf_add_char(&u, '>');
	message_add_id(op, &id);
	buf_add_span(&id, span_str(l->host));
	op->call_id_n = (uint8_t)id.n;
	op->cseq = 1;
	b = port_room(op->port);
	message_begin(l, op, SPAN("OPTIONS"), span_of(uri + 1, u.n - 2), buf_span(&u), 0, &b);
	message_add_contact(l, 0, op->port, &b);
	buf_add_lit(&b, "Accept: application/sdp\r\n");
	message_end(&b);
	load_send(l, op, &b);
}

static void answer(struct load *l, struct op *op, const struct wire *w)
{
	if (w->status == 200)
		load_op_done(l, op);
	else if (w->status >= 201)
		load_op_refused(l, op, w->status);
}

const struct scene scene_options = {"options", start, answer, NULL};
