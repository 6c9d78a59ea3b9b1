/* SPDX-License-Identifier: MIT
 *
 * Where does it go? Inside a dialog: along the route that we made. Else to an account of a local
 * domain, then by the configured routes. What is neither is refused: there is no open relay. */
#include "edge/edge.h"
#include "edge/reply.h"
#include "edge/stages.h"
#include "edge/wait.h"

static struct target *add_target(struct pass *p)
{
	struct target *t;

	if (p->n_targets == FORK_MAX)
		return NULL;
	t = &p->targets[p->n_targets++];
	*t = (struct target){.group = 0};
	return t;
}

/* A contact or a route, without what may not stand in a Request-URI (§16.5). Most have nothing of
 * it. */
static struct span as_target(struct pass *p, struct span text)
{
	struct sip_parse_error err;
	struct sip_uri uri;
	struct buf b;
	char *copy;

	if (span_find(text, '?') == text.n && span_find(text, ';') == text.n)
		return text;
	if (sip_uri_parse(text, &sip_limits_default, &uri, &err) != SIP_OK)
		return text;
	copy = arena_alloc(p->arena, text.n);
	b = buf_of(copy, copy ? text.n : 0);
	return sip_uri_write_target(&uri, &b) == OK ? buf_span(&b) : text;
}

static enum step route_in_dialog(struct pass *p)
{
	/* The other end of the dialog (RFC 5626 §5.3). */
	const struct flow *end = &p->token.ends[p->from_caller ? 1 : 0];
	struct target *t = add_target(p);

	t->flow = *end;
	t->flow.listener = snapshot_slot_by_id(p->w->snap, end->listener);
	if (p->forwarding.strict_route)
		t->uri = as_target(p, p->parts.uri.text);
	return STEP_NEXT;
}

static enum step route_ack(struct pass *p)
{
	if (p->has_token && reply_refused(p->w, &p->key))
		return STEP_DONE;
	if (p->has_token)
		return route_in_dialog(p);
	if (reply_made_tag(p->w, &p->msg, p->parts.to_tag))
		return STEP_DONE;
	counter_inc(p->w->counters, COUNTER_STRAY_ACK);
	return pass_drop(p, REASON_TXN_STRAY_ACK);
}

#define ALLOW                                                                              \
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, " \
	"MESSAGE, "                                                                        \
	"SUBSCRIBE, NOTIFY, PUBLISH\r\n"

static enum step answer_options(struct pass *p)
{
	p->reply.status = 200;
	p->reply.silent = true;
	p->reply.headers =
	    SPAN("Accept: application/sdp\r\n" ALLOW "Supported: path, outbound\r\n");
	return STEP_REPLY;
}

static enum step for_us(struct pass *p)
{
	if (p->msg.method == SIP_METHOD_OPTIONS)
		return answer_options(p);
	p->reply.headers = SPAN("Allow: OPTIONS, REGISTER\r\n");
	pass_evidence_text(p, p->msg.method_name);
	return pass_reply(p, REASON_CHECK_METHOD, 405);
}

/* All phones of the account ring at once, those preferred first where there are too many. */
static void add_bindings(struct pass *p, struct span aor)
{
	struct worker *w = p->w;

	bindings_lookup(w->edge->bindings, aor, p->wall, &w->bindings);
	for (size_t i = 0; i < w->bindings.n; i++) {
		const struct binding *b = &w->bindings.items[i];
		struct target *t = add_target(p);

		if (!t)
			break;
		t->uri = as_target(p, b->contact);
		t->route = b->path;
		t->flow = b->flow;
		t->flow.listener = snapshot_slot_for(w->snap, &b->flow, CONF_NONE);
	}
}

/* "sip:user@192.0.2.1:5060;transport=tcp" */
static struct span uri_at(struct pass *p, const struct conf_target *to)
{
	size_t room = p->parts.uri.user.n + ADDR_TEXT_MAX + 32;
	char *text = arena_alloc(p->arena, room);
	struct buf b = buf_of(text, text ? room : 0);

	buf_add_lit(&b, "sip:");
	if (p->parts.uri.user.n) {
		buf_add_span(&b, p->parts.uri.user);
		buf_add_char(&b, '@');
	}
	addr_add(&b, &to->addr);
	if (to->transport == TRANSPORT_TCP)
		buf_add_lit(&b, ";transport=tcp");
	return b.overflow ? span_of(NULL, 0) : buf_span(&b);
}

static bool add_hop(struct pass *p, const struct conf_target *to, size_t zone, unsigned group)
{
	struct target *t = add_target(p);

	if (!t)
		return false;
	t->uri = uri_at(p, to);
	t->group = (uint8_t)group;
	t->flow =
	    (struct flow){.transport = to->transport, .remote = to->addr, .listener = SLOT_NONE};
	t->flow.listener = snapshot_slot_for(p->w->snap, &t->flow, zone);
	return t->uri.n != 0;
}

static enum step by_routes(struct pass *p, enum step refused)
{
	const struct conf *c = p->conf;
	struct span domain = p->target.domain ? p->target.domain->name : p->target.host;
	const struct conf_route *r =
	    conf_route_find(c, p->listener->zone, p->peer, domain, p->target.user);

	if (!r)
		return refused;
	p->finding = (struct finding){.reason = REASON_NONE};
	p->reply.status = 0;
	if (r->to_peer != CONF_NONE) {
		const struct conf_peer *peer = &c->peers[r->to_peer];

		(void)add_hop(p, &peer->target, peer->zone, 0);
	} else {
		const struct conf_upstream *up = &c->upstreams[r->to_upstream];

		p->forwarding.failover = true;
		for (size_t i = 0; i < up->targets_count; i++)
			(void)add_hop(p, &up->targets[i], up->zone, (unsigned)i);
	}
	return STEP_NEXT;
}

/* No account, but perhaps another name of one. */
static enum err for_alias(struct pass *p)
{
	const struct alias *owner;
	enum err e =
	    wait_for_alias(p, ANSWER_ALIAS_TARGET, p->target.user, p->target.domain->name, &owner);
	char aor[sizeof(owner->user) + 1 + sizeof(owner->domain)];
	struct buf b = BUF(aor);

	if (e != OK)
		return e;
	buf_add(&b, owner->user, owner->user_n);
	buf_add_char(&b, '@');
	buf_add(&b, owner->domain, owner->domain_n);
	add_bindings(p, buf_span(&b));
	return OK;
}

static enum step for_account(struct pass *p)
{
	struct span aor = pass_account_text(p, &p->target);
	struct accounts_name who;
	struct digest_ha1s ha1s;
	enum err e;

	if (!aor.n)
		return pass_drop(p, REASON_ROUTE_OVERLOAD);
	add_bindings(p, aor);
	if (p->n_targets)
		return STEP_NEXT;
	who = accounts_name(p->w->edge->accounts, p->target.user, p->target.domain->name);
	e = wait_for_account(p, ANSWER_TARGET, &who, &ha1s);
	if (e == ERR_BUSY)
		return STEP_WAIT;
	if (e == ERR_NOT_FOUND || e == ERR_RANGE)
		e = for_alias(p);
	if (e == ERR_BUSY)
		return STEP_WAIT;
	if (p->n_targets)
		return STEP_NEXT;
	if (e == ERR_NOT_FOUND || e == ERR_RANGE)
		return by_routes(p, pass_reply(p, REASON_ROUTE_NOT_FOUND, 404));
	if (e == OK)
		return pass_reply(p, REASON_ROUTE_UNREGISTERED, 480);
	p->reply.headers = SPAN("Retry-After: 5\r\n");
	return pass_reply(p, REASON_AUTH_STORE_UNAVAILABLE, 503);
}

/* RFC 5393 §5.3.3: the branches share what the request may still fork into. */
static enum step share_breadth(struct pass *p)
{
	uint32_t breadth = p->conf->sip.max_breadth;

	if (sip_msg_has(&p->msg, SIP_HEADER_MAX_BREADTH) &&
	    sip_msg_number(&p->msg, SIP_HEADER_MAX_BREADTH, UINT32_MAX, &breadth) != SIP_OK)
		breadth = 1;
	breadth = MIN(breadth, p->conf->sip.max_breadth);
	if (breadth < p->n_targets) {
		pass_evidence(p, (double)p->n_targets, breadth, 0);
		return pass_reply(p, REASON_CHECK_MAX_BREADTH, 440);
	}
	p->forwarding.breadth = breadth / (uint32_t)p->n_targets;
	return STEP_NEXT;
}

static bool makes_dialog(const struct pass *p)
{
	return p->parts.to_tag.n == 0 &&
	       (p->msg.method == SIP_METHOD_INVITE || p->msg.method == SIP_METHOD_SUBSCRIBE ||
		   p->msg.method == SIP_METHOD_REFER || p->msg.method == SIP_METHOD_NOTIFY);
}

static enum step find_targets(struct pass *p)
{
	enum sip_scheme kind = p->parts.uri.kind;

	if (p->has_token)
		return route_in_dialog(p);
	if (p->target_is_us)
		return for_us(p);
	if (kind != SIP_SCHEME_SIP && kind != SIP_SCHEME_TEL) {
		/* sips: would have to go over TLS all the way. */
		pass_evidence_text(p, p->parts.uri.scheme);
		return pass_reply(p, REASON_CHECK_URI_SCHEME, 416);
	}
	if (p->parts.to_tag.n)
		return pass_reply(p, REASON_ROUTE_DIALOG_UNKNOWN, 481);
	if (p->foreign_route)
		return pass_reply(p, REASON_ROUTE_RELAY_DENIED, 403);
	if (p->target.domain && p->target.user.n)
		return for_account(p);
	return by_routes(p, pass_reply(p, REASON_ROUTE_RELAY_DENIED, 403));
}

enum step stage_route(struct pass *p)
{
	enum step step;

	if (p->msg.method == SIP_METHOD_REGISTER)
		return stage_register(p);
	if (p->msg.method == SIP_METHOD_ACK)
		return route_ack(p);
	step = find_targets(p);
	if (step != STEP_NEXT)
		return step;
	p->forwarding.record_route = makes_dialog(p);
	if (p->forwarding.record_route)
		p->forwarding.parties =
		    route_token_parties(&p->parts.from_uri, &p->parts.to_uri, &p->w->keys.token);
	return share_breadth(p);
}
