/* SPDX-License-Identifier: MIT
 *
 * Who sent it, for whom is it, and did it come along a route that we made? Facts only: what they
 * are worth is decided by the stages behind. */
#include "edge/stages.h"

/* Mostly all three URIs name one domain: `known` is what was found for the host of `before`. */
static const struct conf_domain *domain_of(const struct pass *p, const struct sip_uri *uri,
    const struct sip_uri *before, const struct conf_domain *known)
{
	if (known && uri->host.type == before->host.type && uri->host.port == before->host.port &&
	    span_eq(uri->host.text, before->host.text))
		return known;
	return snapshot_domain(p->w->snap, &uri->host, &p->flow.local);
}

/* The user part as the account has it; what has no escape in it stands so in the message. */
static enum err user_of(struct pass *p, const struct sip_uri *uri, struct span *out_user)
{
	size_t room = uri->user.n;
	struct buf b;
	char *text;
	enum err e;

	if (uri->kind != SIP_SCHEME_TEL && span_find(uri->user, '%') == room) {
		*out_user = uri->user;
		return OK;
	}
	text = arena_alloc(p->arena, room);
	b = buf_of(text, text ? room : 0);
	e = sip_uri_write_user(uri, &b);
	if (e == OK)
		*out_user = buf_span(&b);
	return e;
}

static void party_of(struct pass *p, const struct sip_uri *uri, struct party *out)
{
	*out = (struct party){.domain = NULL};
	if (uri->kind != SIP_SCHEME_SIP && uri->kind != SIP_SCHEME_SIPS &&
	    uri->kind != SIP_SCHEME_TEL)
		return;
	if (user_of(p, uri, &out->user) != OK)
		return;
	out->host = uri->host.text;
	out->domain = domain_of(p, uri, &p->parts.uri, p->target.domain);
	if (out->domain)
		out->host = out->domain->name;
}

struct span pass_account_text(struct pass *p, const struct party *who)
{
	size_t room = who->user.n + 1 + who->domain->name.n;
	char *text = arena_alloc(p->arena, room);
	struct buf b = buf_of(text, text ? room : 0);

	buf_add_span(&b, who->user);
	buf_add_char(&b, '@');
	buf_add_span(&b, who->domain->name);
	return b.overflow ? span_of(NULL, 0) : buf_span(&b);
}

bool pass_uri_is_ours(struct pass *p, const struct sip_uri *uri)
{
	return (uri->kind == SIP_SCHEME_SIP || uri->kind == SIP_SCHEME_SIPS) &&
	       (snapshot_is_us(p->w->snap, uri->host.text, uri->host.port, &p->flow.local) ||
		   snapshot_domain(p->w->snap, &uri->host, &p->flow.local));
}

/* A URI of ours: with a genuine token in its user part it is one of our Record-Routes. */
static enum err take_token(struct pass *p, const struct sip_uri *uri)
{
	if (!uri->has_user)
		return OK;
	if (p->has_token)
		return OK;
	enum err e = route_token_read(uri->user, &p->w->keys.token, &p->token);

	p->has_token = e == OK;
	return e;
}

/* RFC 3261 §16.4: takes note of the Route values at the top that are ours. ERR_DENIED: one was
 * altered. */
static enum err take_routes(struct pass *p)
{
	struct sip_values it = sip_values_of(&p->msg, SIP_HEADER_ROUTE);
	struct sip_nameaddr addr;
	enum sip_parse got;

	while ((got = sip_values_next_nameaddr(&it, &addr)) == SIP_OK) {
		struct sip_parse_error err;
		struct sip_uri uri;
		enum err e;

		if (p->forwarding.own_routes == UINT8_MAX ||
		    sip_uri_parse(addr.uri, &p->w->snap->limits, &uri, &err) != SIP_OK ||
		    !pass_uri_is_ours(p, &uri)) {
			p->foreign_route = true;
			break;
		}
		e = take_token(p, &uri);
		if (e != OK)
			return ERR_DENIED;
		p->forwarding.own_routes++;
	}
	p->foreign_route = p->foreign_route || got == SIP_BAD;
	return OK;
}

/* §16.4: a strict router put our Record-Route into the Request-URI; the real one is the last Route.
 */
static bool undo_strict_route(struct pass *p)
{
	struct sip_values it = sip_values_of(&p->msg, SIP_HEADER_ROUTE);
	struct sip_nameaddr addr, last = {0};
	struct sip_parse_error err;
	struct sip_uri uri;
	struct sip_param lr;

	if (!p->parts.uri.has_user || !sip_uri_param(&p->parts.uri, SPAN("lr"), &lr) ||
	    !pass_uri_is_ours(p, &p->parts.uri) || take_token(p, &p->parts.uri) != OK ||
	    !p->has_token)
		return false;
	while (sip_values_next_nameaddr(&it, &addr) == SIP_OK)
		last = addr;
	if (!last.uri.n || sip_uri_parse(last.uri, &p->w->snap->limits, &uri, &err) != SIP_OK)
		return false;
	p->parts.uri = uri;
	p->forwarding.strict_route = true;
	return true;
}

/* A token leads along the dialog that it was made for, and no other (RFC 5626 §5.3): who holds one
 * gains nothing for a new request. */
static bool is_in_its_dialog(struct pass *p)
{
	const struct siphash_key *k = &p->w->keys.token;
	struct span call_id = p->msg.call_id;

	if (!p->parts.to_tag.n)
		return false;
	p->from_caller = route_token_tag(call_id, p->parts.from_tag, k) == p->token.caller_tag;
	return p->from_caller ||
	       route_token_tag(call_id, p->parts.to_tag, k) == p->token.caller_tag;
}

enum step stage_identify(struct pass *p)
{
	size_t zone = p->listener->zone;

	p->proven = transport_is_stream(p->flow.transport);
	p->peer = conf_peer_find(p->conf, zone, &p->flow.remote);
	(void)undo_strict_route(p);
	if (take_routes(p) != OK || (p->has_token && !is_in_its_dialog(p)))
		return pass_reply(p, REASON_ROUTE_FORGED_FLOW, 403);
	party_of(p, &p->parts.uri, &p->target);
	party_of(p, &p->parts.from_uri, &p->from);
	party_of(p, &p->parts.to_uri, &p->to);
	p->target_is_us =
	    !p->parts.uri.has_user && ((p->target.domain && p->parts.uri.kind != SIP_SCHEME_TEL) ||
					  pass_uri_is_ours(p, &p->parts.uri));
	return STEP_NEXT;
}
