/* SPDX-License-Identifier: MIT */
#include "edge/mail.h"

#include <stdlib.h>

#include "edge/edge.h"
#include "edge/stream.h"
#include "edge/wait.h"

enum mail_kind { MAIL_MESSAGE, MAIL_SEND, MAIL_SEND_FAILED, MAIL_ANSWER, MAIL_SNAPSHOT };

struct letter {
	struct flow flow;
	struct branch branch;
	struct gate_answer gate; /* of a message */
	bool has_branch;
	uint8_t hops;
	uint32_t n;
	char text[];
};

/* The memory of letters on their way to one worker is bounded: strangers can have them written. */
static bool take_room(struct worker *to, size_t bytes)
{
	if (atomic_fetch_add(&to->mail_bytes, bytes) + bytes <= MAIL_BYTES_MAX)
		return true;
	atomic_fetch_sub(&to->mail_bytes, bytes);
	return false;
}

static size_t letter_size(const struct letter *l)
{
	return sizeof(*l) + l->n;
}

static void letter_free(struct worker *to, struct letter *l)
{
	atomic_fetch_sub(&to->mail_bytes, letter_size(l));
	free(l);
}

/* Takes the letter, whatever becomes of it. */
static enum err post(struct worker *from, uint32_t to, enum mail_kind kind, struct letter *l)
{
	struct worker *w = edge_worker(from->edge, to);
	enum err e = ERR_FULL;

	if (w && take_room(w, letter_size(l))) {
		e = mailbox_post(w->mail, &(struct mail){.kind = kind, .ptr = l});
		if (e != OK)
			letter_free(w, l);
	} else {
		free(l);
	}
	counter_inc(from->counters, e == OK ? COUNTER_MAILBOX_POSTED : COUNTER_MAILBOX_FULL);
	return e;
}

static struct letter *letter_new(
    const struct flow *flow, struct span text, const struct branch *branch)
{
	struct letter *l = malloc(sizeof(*l) + text.n);

	if (!l)
		return NULL;
	*l = (struct letter){.flow = *flow, .n = (uint32_t)text.n, .has_branch = branch != NULL};
	if (branch)
		l->branch = *branch;
	if (text.n)
		memcpy(l->text, text.p, text.n);
	return l;
}

enum err mail_hand_over(const struct pass *p, uint32_t to, unsigned hops)
{
	struct letter *l = letter_new(&p->flow, p->data, NULL);

	if (!l)
		return ERR_NOMEM;
	l->gate = p->gate;
	l->hops = (uint8_t)hops;
	return post(p->w, to, MAIL_MESSAGE, l);
}

enum err mail_send(struct worker *w, uint32_t to, const struct flow *flow, struct span text,
    const struct branch *branch)
{
	struct letter *l = letter_new(flow, text, branch);

	return l ? post(w, to, MAIL_SEND, l) : ERR_NOMEM;
}

enum err mail_answer(struct worker *w, void *waiting)
{
	return mailbox_post(w->mail, &(struct mail){.kind = MAIL_ANSWER, .ptr = waiting});
}

enum err mail_snapshot(struct worker *w, struct snapshot *snap)
{
	return mailbox_post(w->mail, &(struct mail){.kind = MAIL_SNAPSHOT, .ptr = snap});
}

static void send_for_other(struct worker *w, struct letter *l)
{
	enum err e = stream_send(w, &l->flow, span_of(l->text, l->n), NULL);

	if (e == OK || !l->has_branch)
		return;
	struct letter *back = letter_new(&l->flow, span_of(NULL, 0), &l->branch);

	if (back)
		(void)post(w, l->branch.worker, MAIL_SEND_FAILED, back);
}

void mail_received(void *arg, const struct mail *m)
{
	struct worker *w = arg;
	struct letter *l = m->ptr;
	struct client_txn *t;

	switch ((enum mail_kind)m->kind) {
	case MAIL_MESSAGE:
		w->hops = l->hops;
		worker_receive(w, &l->flow, span_of(l->text, l->n), &l->gate);
		w->hops = 0;
		letter_free(w, l);
		break;
	case MAIL_SEND:
		send_for_other(w, l);
		letter_free(w, l);
		break;
	case MAIL_SEND_FAILED:
		t = client_txn_find(w, &l->branch);
		arena_clear(&w->arena);
		if (t)
			client_txn_transport_error(t);
		letter_free(w, l);
		break;
	case MAIL_ANSWER:
		wait_answered(w, m->ptr);
		break;
	case MAIL_SNAPSHOT:
		worker_use_snapshot(w, m->ptr);
		break;
	}
	event_ring_flush(w->events);
}

void mail_dropped(void *arg, const struct mail *m)
{
	(void)arg;
	switch ((enum mail_kind)m->kind) {
	case MAIL_MESSAGE:
	case MAIL_SEND:
	case MAIL_SEND_FAILED:
		free(m->ptr);
		break;
	case MAIL_ANSWER: /* freed with the worker's waiting passes */
		break;
	case MAIL_SNAPSHOT:
		snapshot_put(m->ptr);
		break;
	}
}
