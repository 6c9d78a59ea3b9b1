/* SPDX-License-Identifier: MIT */
#include "edge/reply.h"

#include "edge/transport.h"
#include "sip/build.h"

#define TAG_LEN 16

/* From what a retransmission and the ACK have in common with the request, to the letter. */
static void make_tag(struct worker *w, const struct sip_msg *msg, char tag[TAG_LEN])
{
	struct siphash_key k = w->keys.tag;
	struct buf b = buf_of(tag, TAG_LEN);
	struct span from = sip_msg_value(msg, SIP_HEADER_FROM);
	uint64_t h = siphash13(&k, msg->call_id.p, msg->call_id.n);

	k.k0 ^= h;
	k.k1 ^= msg->cseq;
	h = siphash13(&k, from.p, from.n);
	buf_add_hex(&b, &h, sizeof(h));
}

enum err reply_write(struct worker *w, const struct sip_msg *msg, const struct flow *flow,
    unsigned status, struct span extra, struct buf *out)
{
	char tag[TAG_LEN];
	struct sip_reply r = {
	    .status = (uint16_t)status,
	    .to_tag = span_of(tag, TAG_LEN),
	    .extra = extra,
	    .source = &flow->remote,
	};

	make_tag(w, msg, tag);
	return sip_build_response(msg, &r, out);
}

bool reply_made_tag(struct worker *w, const struct sip_msg *ack, struct span tag)
{
	char made[TAG_LEN];

	make_tag(w, ack, made);
	return span_eq(tag, span_of(made, TAG_LEN));
}

/* Keyed hashes: a slot of their own bits is as good as any, and nobody can aim at one. */
static size_t refused_slot(const struct txn_key *key)
{
	return (key->b[0] | (size_t)key->b[1] << 8) % WORKER_REFUSED;
}

bool reply_refused(const struct worker *w, const struct txn_key *key)
{
	return memcmp(&w->refused[refused_slot(key)], key, sizeof(*key)) == 0;
}

void reply_send(struct pass *p)
{
	struct worker *w = p->w;
	struct outgoing out;
	unsigned status = p->reply.status;

	if (p->has_token && p->msg.method == SIP_METHOD_INVITE && status >= 300)
		w->refused[refused_slot(&p->key)] = p->key;
	if (outgoing_open(w, &p->back, CONF_NONE, &out) != OK ||
	    reply_write(w, &p->msg, &p->flow, status, p->reply.headers, &out.buf) != OK)
		return;
	/* Who showed with this very message that it receives there may be sent anything. */
	if ((p->proven ? outgoing_send(&out, NULL) : outgoing_answer(&out)) == OK)
		counter_inc(w->counters,
		    (enum counter)(COUNTER_RESPONSE_1XX + MIN(MAX(status / 100, 1), 6) - 1));
}

struct buf reply_headers(struct pass *p, size_t cap)
{
	char *text = arena_alloc(p->arena, cap);

	return buf_of(text, text ? cap : 0);
}
