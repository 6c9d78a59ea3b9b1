/* SPDX-License-Identifier: MIT
 *
 * Tables and keys of the transactions; the machines are run in server_txn.c and client_txn.c. */
#include "edge/txns.h"

#include <stdlib.h>

#include "edge/worker.h"
#include "sip/check.h"

enum err txns_init(struct txns *t, size_t cap, const struct siphash_key *key)
{
	enum err e = table_init(&t->servers, cap, TABLE_KEY(struct server_txn, node, key), key);

	if (e != OK)
		return e;
	/* Twice as many branches as requests; only what is used is touched. */
	t->clients_cap = (uint32_t)MIN(cap * 2, ((size_t)1 << 24) - 1);
	t->clients = calloc(t->clients_cap, sizeof(*t->clients));
	if (!t->clients) {
		table_done(&t->servers);
		return ERR_NOMEM;
	}
	t->clients_free = UINT32_MAX;
	t->clients_used = 0;
	return OK;
}

void txns_done(struct txns *t)
{
	table_done(&t->servers);
	free(t->clients);
	*t = (struct txns){.clients = NULL};
}

size_t txns_memory(size_t cap)
{
	return table_memory(cap) + cap * 2 * sizeof(struct client_slot);
}

/* sent-by as written: host and, if there is one, port. */
static struct span sent_by(const struct sip_via *via, char *text, size_t cap)
{
	struct buf b = buf_of(text, cap);

	buf_add_span(&b, via->sent_by.text);
	buf_add_char(&b, ':');
	buf_add_u64(&b, via->sent_by.port);
	return buf_span(&b);
}

void txns_request_key(struct worker *w, const struct sip_msg *msg, const struct sip_parts *parts,
    bool of_invite, struct txn_key *out_key)
{
	struct span method = of_invite ? SPAN("INVITE") : msg->method_name;
	char text[300];

	if (txn_branch_is_magic(msg->via.branch)) {
		txn_key_server(&w->keys.txn, msg->via.branch,
		    sent_by(&msg->via, text, sizeof(text)), method, out_key);
		return;
	}
	struct txn_old old = {
	    .uri = msg->uri,
	    .to_tag = parts->to_tag,
	    .from_tag = parts->from_tag,
	    .call_id = msg->call_id,
	    .via = msg->via.value,
	    .cseq = msg->cseq,
	};

	txn_key_server_old(&w->keys.txn, &old, method, out_key);
}

struct server_txn *txns_find(struct worker *w, const struct txn_key *key)
{
	struct table_node *n = table_find(&w->txns.servers, key);

	return n ? table_entry(n, struct server_txn, node) : NULL;
}

void stored_set(struct worker *w, struct stored *s, struct span text)
{
	stored_clear(w, s);
	s->p = slab_alloc(&w->slab, text.n);
	if (!s->p)
		return;
	memcpy(s->p, text.p, text.n);
	s->n = (uint32_t)text.n;
}

void stored_clear(struct worker *w, struct stored *s)
{
	slab_free(&w->slab, s->p);
	*s = (struct stored){.p = NULL};
}
