/* SPDX-License-Identifier: MIT */
#include "edge/proxy.h"

#include "edge/forward.h"
#include "edge/loop.h"
#include "edge/record.h"
#include "edge/transport.h"
#include "sip/check.h"
#include "sip/clean.h"

#define CHALLENGES_MAX 32 /* of other branches, added to an answer */

static void context_put(struct context *ctx)
{
	struct worker *w = ctx->w;

	if (--ctx->refs)
		return;
	wheel_cancel(&w->wheel, &ctx->timer);
	for (unsigned i = 0; i < FORK_MAX; i++)
		stored_clear(w, &ctx->responses[i]);
	slab_free(&w->slab, ctx);
}

void proxy_client_gone(struct context *ctx, unsigned index)
{
	ctx->clients[index] = NULL;
	context_put(ctx);
}

void proxy_server_gone(struct context *ctx)
{
	ctx->server = NULL;
	context_put(ctx);
}

/* No branch runs or waits any more: what is left has no use for the context. But a 2xx that is sent
 * again still has to go on to the caller (RFC 6026 §7.2, §8.5). */
static void dissolve(struct context *ctx)
{
	struct server_txn *server = ctx->server;

	for (unsigned i = 0; i < FORK_MAX; i++) {
		struct client_txn *t = ctx->clients[i];

		if (!t)
			continue;
		if (server)
			client_txn_follow(t, server);
		t->ctx = NULL;
		proxy_client_gone(ctx, i);
	}
	if (server) {
		server->ctx = NULL;
		proxy_server_gone(ctx);
	}
}

/* Writes and sends the request on one branch. */
static void start_branch(struct context *ctx, unsigned i, const struct sip_msg *msg)
{
	struct worker *w = ctx->w;
	const struct target *target = &ctx->targets[i];
	struct client_txn *t = client_txn_new(w, ctx, i, msg->method, ctx->facts.loop);
	struct outgoing out;
	enum err e;

	if (!t) {
		proxy_unreachable(ctx, i);
		return;
	}
	ctx->clients[i] = t;
	ctx->refs++;
	e = outgoing_open(w, &target->flow, CONF_NONE, &out);
	if (e != OK) {
		out.flow = target->flow;
		out.buf = buf_of(NULL, 0);
	}
	if (e == OK)
		e = forward_write(&out, msg, &ctx->flow, target, &ctx->facts, &t->branch);
	if (e == OK)
		e = outgoing_send(&out, &t->branch);
	if (e == OK)
		counter_inc(w->counters, COUNTER_FORWARDED_REQUESTS);
	client_txn_sent(t, &out.flow, buf_span(&out.buf), e);
}

static void start_branches(struct context *ctx, unsigned mask, const struct sip_msg *msg)
{
	/* A later group starts from the kept copy. */
	if (!msg && ctx->server && ctx->server->request.p)
		msg = worker_parse_stored(ctx->w, stored_span(&ctx->server->request));
	for (unsigned i = 0; i < FORK_MAX && mask; i++) {
		if (!(mask & 1u << i))
			continue;
		mask &= ~(1u << i);
		if (msg)
			start_branch(ctx, i, msg);
		else
			proxy_unreachable(ctx, i);
	}
}

static bool is_challenge(const struct sip_header *h)
{
	return h->id == SIP_HEADER_WWW_AUTHENTICATE || h->id == SIP_HEADER_PROXY_AUTHENTICATE;
}

/* Whether challenges of the response have to be looked at: it has some, and is that of a phone. */
static bool may_ask_for_ours(const struct context *ctx, unsigned branch, const struct sip_msg *msg)
{
	return (sip_msg_has(msg, SIP_HEADER_WWW_AUTHENTICATE) ||
		   sip_msg_has(msg, SIP_HEADER_PROXY_AUTHENTICATE)) &&
	       forward_is_phone(ctx->w, &ctx->targets[branch].flow);
}

/* Whether all challenges of the response are for passwords of ours, and it has some. */
static bool asks_for_ours_alone(const struct worker *w, const struct sip_msg *msg)
{
	unsigned ours = 0, all = 0;

	for (unsigned i = 0; i < msg->n_headers; i++) {
		const struct sip_header *h = &msg->headers[i];

		all += is_challenge(h);
		ours += forward_asks_for_ours(w, h);
	}
	return ours && ours == all;
}

/* Sends a response that came for the caller on to it; server may be gone afterwards. A final one
 * that cannot be passed on becomes one of our own: the caller must not wait for ever. One without
 * the challenge that it is about is a refusal. */
static void answer_with(struct server_txn *server, const struct sip_msg *msg, unsigned status,
    struct span more, bool of_phone)
{
	struct worker *w = server->w;
	struct outgoing out;

	if (of_phone && !more.n && (msg->status == 401 || msg->status == 407) &&
	    asks_for_ours_alone(w, msg))
		status = 403;
	if (outgoing_open(w, &server->flow, CONF_NONE, &out) != OK ||
	    forward_write_response(&out, msg, status, more, of_phone) != OK) {
		if (msg->status >= 200 && server->status < 200) {
			record_answer(server, 500, NULL);
			server_txn_reply(server, 500, span_of(NULL, 0));
		}
		return;
	}
	counter_inc(w->counters, COUNTER_FORWARDED_RESPONSES);
	record_answer(server, status ? status : msg->status, msg);
	server_txn_respond(server, status ? status : msg->status, &out);
}

/* Adds a header while there is room: some challenges are better than no answer. */
static void add_line(struct buf *b, const struct sip_header *h, unsigned *lines)
{
	size_t before = b->n;

	if (*lines == CHALLENGES_MAX || b->overflow)
		return;
	sip_clean_header(b, h);
	if (b->overflow)
		b->n = before;
	else
		(*lines)++;
}

/* §16.7 step 7: the challenges of all branches that asked for credentials. */
static struct span gather_challenges(
    struct context *ctx, const struct fork_act *act, unsigned index, const struct sip_msg *at_hand)
{
	struct worker *w = ctx->w;
	size_t cap = 8192;
	char *text = arena_alloc(&w->arena, cap);
	struct buf b = buf_of(text, text ? cap : 0);
	unsigned lines = 0;

	for (unsigned i = 0; i < FORK_MAX; i++) {
		const struct sip_msg *msg = i == index ? at_hand : NULL;
		bool of_phone;

		if (!(act->challenges & 1u << i) || i == act->branch)
			continue;
		if (!msg && ctx->responses[i].p)
			msg = worker_parse_stored(w, stored_span(&ctx->responses[i]));
		of_phone = msg && may_ask_for_ours(ctx, i, msg);
		for (unsigned h = 0; msg && h < msg->n_headers; h++)
			if (is_challenge(&msg->headers[h]) &&
			    !(of_phone && forward_asks_for_ours(w, &msg->headers[h])))
				add_line(&b, &msg->headers[h], &lines);
	}
	return buf_span(&b);
}

/* The final answer: the message at hand, a kept one, or one of our own. */
static void answer_final(
    struct context *ctx, const struct fork_act *act, unsigned index, const struct sip_msg *msg)
{
	struct span more = {0};
	bool local =
	    act->flags & FORK_LOCAL || (act->branch != index && !ctx->responses[act->branch].p);

	if (!ctx->server)
		return;
	if (local) {
		record_answer(ctx->server, act->status, NULL);
		server_txn_reply(ctx->server, act->status, span_of(NULL, 0));
		return;
	}
	if (act->flags & FORK_AGGREGATE)
		more = gather_challenges(ctx, act, index, msg);
	if (act->branch != index || !msg)
		msg = worker_parse_stored(ctx->w, stored_span(&ctx->responses[act->branch]));
	if (msg)
		answer_with(ctx->server, msg, act->flags & FORK_AS_500 ? 500 : 0, more,
		    may_ask_for_ours(ctx, act->branch, msg));
	else
		server_txn_reply(ctx->server, 500, span_of(NULL, 0));
}

static void carry_out(
    struct context *ctx, const struct fork_act *act, unsigned index, const struct sip_msg *msg)
{
	struct worker *w = ctx->w;
	usec_t next;

	ctx->refs++;
	if (act->flags & FORK_STORE && msg)
		stored_set(w, &ctx->responses[index], msg->text);
	if (act->flags & FORK_FORWARD && msg && ctx->server)
		answer_with(
		    ctx->server, msg, 0, span_of(NULL, 0), may_ask_for_ours(ctx, index, msg));
	if (act->flags & FORK_ANSWER)
		answer_final(ctx, act, index, msg);
	if (act->flags & FORK_SILENT && ctx->server)
		server_txn_abandon(ctx->server);
	for (unsigned i = 0; i < FORK_MAX; i++) {
		if (act->cancel & 1u << i && ctx->clients[i])
			client_txn_cancel(ctx->clients[i]);
		if (act->release & 1u << i)
			stored_clear(w, &ctx->responses[i]);
	}
	if (act->start)
		start_branches(ctx, act->start, NULL);
	next = fork_next(&ctx->fork);
	if (next)
		wheel_arm(&w->wheel, &ctx->timer, next);
	else
		wheel_cancel(&w->wheel, &ctx->timer);
	if (act->flags & FORK_DONE)
		dissolve(ctx);
	context_put(ctx);
}

/* A stand-in is asked when a server does not serve, not when it refuses. */
static bool is_refusal(unsigned status)
{
	return status >= 300 && status != 408 && status != 500 && status != 503 && status != 504;
}

/* A phone that asks callers for their passwords is told of. */
static void tell_challenges(struct context *ctx, unsigned index, const struct sip_msg *msg)
{
	struct worker *w = ctx->w;
	const struct flow *phone = &ctx->targets[index].flow;

	if ((msg->status != 401 && msg->status != 407) || !may_ask_for_ours(ctx, index, msg))
		return;
	for (unsigned i = 0; i < msg->n_headers; i++)
		if (forward_asks_for_ours(w, &msg->headers[i])) {
			record_challenge(w, phone, msg, msg->headers[i].value);
			return;
		}
}

void proxy_response(struct context *ctx, unsigned index, const struct sip_msg *msg)
{
	if (ctx->facts.failover && is_refusal(msg->status))
		fork_stop(&ctx->fork);

	struct fork_act act = fork_response(&ctx->fork, index, msg->status, ctx->w->loop.now);

	tell_challenges(ctx, index, msg);
	carry_out(ctx, &act, index, msg);
}

void proxy_repeated(struct server_txn *server, const struct sip_msg *msg)
{
	/* A 2xx, with which no phone takes a challenge. */
	answer_with(server, msg, 0, span_of(NULL, 0), false);
}

void proxy_timeout(struct context *ctx, unsigned index)
{
	struct fork_act act = fork_timeout(&ctx->fork, index, ctx->w->loop.now);

	carry_out(ctx, &act, index, NULL);
}

void proxy_unreachable(struct context *ctx, unsigned index)
{
	struct fork_act act = fork_unreachable(&ctx->fork, index, ctx->w->loop.now);

	carry_out(ctx, &act, index, NULL);
}

void proxy_cancel(struct server_txn *t)
{
	struct fork_act act;

	if (!t->ctx)
		return;
	act = fork_cancel(&t->ctx->fork, t->w->loop.now);
	carry_out(t->ctx, &act, FORK_NONE, NULL);
}

static void on_timer_c(struct timer *timer, usec_t now)
{
	struct context *ctx = CONTAINER_OF(timer, struct context, timer);
	struct fork_act act = fork_timer(&ctx->fork, now);

	carry_out(ctx, &act, FORK_NONE, NULL);
}

static struct span keep(char **at, struct span s)
{
	struct span kept = span_of(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

/* The context with copies of the targets, held by its server transaction. */
static struct context *context_new(struct pass *p, struct server_txn *server)
{
	struct worker *w = p->w;
	size_t texts = 0;
	struct context *ctx;
	char *at;

	for (size_t i = 0; i < p->n_targets; i++)
		texts += p->targets[i].uri.n + p->targets[i].route.n;
	ctx = slab_alloc(&w->slab, sizeof(*ctx) + p->n_targets * sizeof(struct target) + texts);
	if (!ctx)
		return NULL;
	memset(ctx, 0, sizeof(*ctx));
	ctx->w = w;
	ctx->refs = 1;
	ctx->server = server;
	ctx->flow = p->back;
	ctx->facts = p->forwarding;
	ctx->n_targets = p->n_targets;
	timer_init(&ctx->timer, on_timer_c);
	at = (char *)(ctx->targets + p->n_targets);
	for (size_t i = 0; i < p->n_targets; i++) {
		ctx->targets[i] = p->targets[i];
		ctx->targets[i].uri = keep(&at, p->targets[i].uri);
		ctx->targets[i].route = keep(&at, p->targets[i].route);
	}
	fork_init(&ctx->fork, p->msg.method == SIP_METHOD_INVITE, p->conf->sip.timer_c);
	return ctx;
}

static void start(struct pass *p, struct context *ctx)
{
	struct fork_act act = {0};
	unsigned branch, first = 0;

	for (size_t i = 0; i < p->n_targets; i++)
		if (fork_add(&ctx->fork, p->targets[i].group, p->now, &branch, &act) != OK)
			break;
	act = fork_start(&ctx->fork, p->now);
	first = act.start;
	act.start = 0;
	ctx->refs++;
	start_branches(ctx, first, &p->msg);
	carry_out(ctx, &act, FORK_NONE, NULL);
	context_put(ctx);
}

/* §16.11: no transaction, the branch follows from the request so that a retransmission takes the
 * same one. */
static enum step forward_ack(struct pass *p)
{
	struct worker *w = p->w;
	const struct target *target = &p->targets[0];
	struct branch branch = {.worker = (uint8_t)w->id, .loop = p->forwarding.loop};
	struct outgoing out;

	/* It has the credentials of its INVITE (§13.2.2.4), which were for us. */
	p->forwarding.drop_credentials = !p->peer && p->conf->auth.mode == CONF_MODE_ENFORCE;
	branch.slot = (1u << 24) - 1;
	branch.cookie = siphash24(&w->keys.txn, p->msg.via.branch.p, p->msg.via.branch.n);
	if (outgoing_open(w, &target->flow, CONF_NONE, &out) == OK &&
	    forward_write(&out, &p->msg, &p->flow, target, &p->forwarding, &branch) == OK &&
	    outgoing_send(&out, &branch) == OK)
		counter_inc(w->counters, COUNTER_FORWARDED_REQUESTS);
	return STEP_DONE;
}

static enum step full(struct pass *p)
{
	p->reply.headers = SPAN("Retry-After: 5\r\n");
	return pass_reply(p, REASON_TXN_FULL, 503);
}

/* How the call went is on record under the name of who placed it. */
static void keep_account(struct pass *p, struct server_txn *t)
{
	char name[ACCOUNT_TEXT_MAX];
	struct buf b = BUF(name);

	if (!p->authenticated || !conf_wants_events(p->conf))
		return;
	record_account(p, &b);
	stored_set(p->w, &t->account, buf_span(&b));
}

enum step proxy_forward(struct pass *p)
{
	struct worker *w = p->w;
	struct server_txn *t;

	p->forwarding.loop = loop_hash(p);
	if (p->msg.method == SIP_METHOD_ACK)
		return forward_ack(p);
	t = server_txn_new(w, &p->key, &p->back, &p->msg, p->parts.to_tag.n == 0);
	if (!t)
		return full(p);
	keep_account(p, t);
	t->ctx = context_new(p, t);
	if (!t->ctx) {
		server_txn_abandon(t);
		return full(p);
	}
	if (p->msg.method == SIP_METHOD_INVITE)
		server_txn_trying(t, &p->msg);
	start(p, t->ctx);
	return STEP_DONE;
}
