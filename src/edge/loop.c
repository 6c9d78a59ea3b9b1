/* SPDX-License-Identifier: MIT */
#include "edge/loop.h"

#include "edge/worker.h"

/* With another Request-URI or Route it is a spiral, which is fine. */
uint32_t loop_hash(struct pass *p)
{
	struct siphash_key k = p->w->keys.txn;
	struct span parts[] = {
	    p->msg.uri,
	    p->parts.to_tag,
	    p->parts.from_tag,
	    p->msg.call_id,
	    sip_msg_value(&p->msg, SIP_HEADER_ROUTE),
	    sip_msg_value(&p->msg, SIP_HEADER_PROXY_AUTHORIZATION),
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].n)
			k.k0 ^= siphash13(&k, parts[i].p, parts[i].n);
		k.k1 += p->msg.cseq + i;
	}
	return (uint32_t)k.k0;
}

static bool is_same(struct pass *p, const struct sip_via *via)
{
	struct branch b;

	return branch_read(via->branch, &b) == OK &&
	       snapshot_is_us(p->w->snap, via->sent_by.text, via->sent_by.port, NULL) &&
	       b.loop == loop_hash(p);
}

bool loop_found(struct pass *p)
{
	const struct sip_header *top = sip_msg_header(&p->msg, SIP_HEADER_VIA);
	struct sip_values it = sip_values_of(&p->msg, SIP_HEADER_VIA);
	struct sip_via via;

	/* A phone's request has one Via, which is parsed already. */
	if (top->next == SIP_HEADER_NONE && span_find(top->value, ',') == top->value.n)
		return is_same(p, &p->msg.via);
	while (sip_values_next_via(&it, &p->w->snap->limits, &via) == SIP_OK)
		if (is_same(p, &via))
			return true;
	return false;
}
