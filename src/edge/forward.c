/* SPDX-License-Identifier: MIT */
#include "edge/forward.h"

#include "edge/edge.h"
#include "edge/token.h"
#include "sip/auth.h"
#include "sip/build.h"
#include "sip/check.h"
#include "sip/clean.h"
#include "sip/edit.h"

#define EDITS_MAX 48

struct maker {
	struct worker *w;
	const struct sip_msg *msg;
	struct sip_edits edits;
	struct buf text; /* what the edits borrow */
};

/* Everything added to the text since `from`. */
static struct span since(const struct maker *m, size_t from)
{
	return span_of(m->text.p + from, m->text.n - from);
}

static void add_via(struct maker *m, const struct outgoing *out, const struct flow *from,
    const struct branch *branch)
{
	const struct sip_header *top = sip_msg_header(m->msg, SIP_HEADER_VIA);
	size_t at = m->text.n;

	sip_via_write_received(&m->msg->via, &from->remote, &m->text);
	if (!span_eq(since(m, at), m->msg->via.value))
		sip_edit_first_value(&m->edits, m->msg, top, since(m, at));
	at = m->text.n;
	buf_add_lit(&m->text, "Via: SIP/2.0/");
	buf_add_span(&m->text, span_str(transport_name(out->flow.transport)));
	buf_add_char(&m->text, ' ');
	buf_add_span(&m->text, out->listener->sent_by);
	buf_add_lit(&m->text, ";rport;branch=");
	branch_write(&m->text, branch);
	sip_edit_insert_top(&m->edits, m->msg, SIP_HEADER_VIA, since(m, at));
}

static void set_number(struct maker *m, enum sip_header_id id, uint64_t v)
{
	size_t at = m->text.n;

	buf_add_span(&m->text, sip_header_name(id));
	buf_add_lit(&m->text, ": ");
	buf_add_u64(&m->text, v);
	if (sip_msg_has(m->msg, id))
		sip_edit_set(&m->edits, m->msg, id, since(m, at));
	else
		sip_edit_insert_before(&m->edits, m->msg,
		    sip_msg_header(m->msg, SIP_HEADER_CONTENT_LENGTH), since(m, at));
}

/* Takes the first `n` Route values out, which are ours, and with `last` the last one too. */
static void strip_routes(struct maker *m, unsigned n, bool last)
{
	const struct sip_header *h = sip_msg_header(m->msg, SIP_HEADER_ROUTE);

	for (; h; h = sip_msg_next(m->msg, h)) {
		struct span rest = h->value, value;
		bool ends = last && h->next == SIP_HEADER_NONE;
		size_t at = m->text.n, kept = 0;
		unsigned dropped = 0;

		while (sip_list_next(&rest, &value) == SIP_OK) {
			if (n) {
				n--;
				dropped++;
				continue;
			}
			if (ends && span_trim(rest).n == 0) {
				dropped++;
				break;
			}
			if (kept++)
				buf_add_lit(&m->text, ", ");
			sip_clean_text(&m->text, value);
		}
		if (!kept)
			sip_edit_remove(&m->edits, m->msg, h);
		else if (dropped)
			sip_edit_value(&m->edits, m->msg, h, since(m, at));
	}
}

static void add_record_route(
    struct maker *m, const struct conf_listener *l, enum transport t, struct span token)
{
	size_t at = m->text.n;

	buf_add_lit(&m->text, "Record-Route: <sip:");
	buf_add_span(&m->text, token);
	buf_add_char(&m->text, '@');
	buf_add_span(&m->text, l->sent_by);
	if (transport_is_stream(t)) {
		buf_add_lit(&m->text, ";transport=");
		for (const char *c = transport_name(t); *c; c++)
			buf_add_char(&m->text, (char)ascii_lower((unsigned char)*c));
	}
	buf_add_lit(&m->text, ";lr>");
	sip_edit_insert_top(&m->edits, m->msg, SIP_HEADER_RECORD_ROUTE, since(m, at));
}

/* Tokens name slots by their lasting ids. */
static struct flow token_end(const struct worker *w, const struct flow *f)
{
	struct flow end = *f;

	end.listener = f->listener < w->snap->n_slots ? w->snap->slots[f->listener].id : 0;
	return end;
}

/* §16.6 step 4. Two of them when the request leaves by another listener than it came in by, so that
 * each side sees an address it can reach (double record-routing). */
static void add_record_routes(struct maker *m, const struct outgoing *out, const struct flow *from,
    const struct forwarding *facts)
{
	const struct siphash_key *key = &m->w->keys.token;
	const struct conf_listener *in = snapshot_listener(m->w->snap, from->listener);
	char token[ROUTE_TOKEN_TEXT_MAX];
	struct buf b = BUF(token);
	struct route_token t = {
	    .ends = {token_end(m->w, from), token_end(m->w, &out->flow)},
	    .caller_tag = route_token_tag(m->msg->call_id, sip_msg_from_tag(m->msg), key),
	    .parties = facts->parties,
	};

	route_token_write(&b, &t, key);
	/* Inserts before one header keep their order: the outer one is given first. */
	add_record_route(m, out->listener, out->flow.transport, buf_span(&b));
	if (in && in != out->listener)
		add_record_route(m, in, from->transport, buf_span(&b));
}

bool forward_is_phone(const struct worker *w, const struct flow *to)
{
	const struct conf_listener *l = snapshot_listener(w->snap, to->listener);

	return !l || !trust_is_server(w->snap->conf, l->zone, &to->remote);
}

/* Credentials that were for us tell the next hop nothing but how to attack them; those for a proxy
 * behind us go on (§22.3). */
static void drop_credentials(struct maker *m, enum sip_header_id id)
{
	const struct sip_header *h = sip_msg_header(m->msg, id);
	struct span realm;

	for (; h; h = sip_msg_next(m->msg, h))
		if (!sip_auth_peek_realm(h->value, &realm) ||
		    conf_domain_find(m->w->snap->conf, realm))
			sip_edit_remove(&m->edits, m->msg, h);
}

bool forward_asks_for_ours(const struct worker *w, const struct sip_header *h)
{
	struct sip_parse_error err;
	struct sip_auth a;

	if (h->id != SIP_HEADER_WWW_AUTHENTICATE && h->id != SIP_HEADER_PROXY_AUTHENTICATE)
		return false;
	/* What is no Digest (Basic has the password told as it is) or that we cannot read, or only
	 * with its escapes undone, a phone may read otherwise. */
	return sip_auth_parse_challenge(h->value, &w->snap->limits, &a, &err) != SIP_OK ||
	       a.escaped >> SIP_AUTH_REALM & 1 ||
	       conf_domain_find(w->snap->conf, a.value[SIP_AUTH_REALM]);
}

/* Room for all that is written anew: the top Via and Routes may be long. */
static size_t text_room(const struct sip_msg *msg, const struct target *target)
{
	const struct sip_header *h = sip_msg_header(msg, SIP_HEADER_ROUTE);
	size_t room = 2048 + msg->via.value.n + target->route.n;

	for (; h; h = sip_msg_next(msg, h))
		room += 2 * h->value.n;
	return room;
}

enum err forward_write(struct outgoing *out, const struct sip_msg *msg, const struct flow *from,
    const struct target *target, const struct forwarding *facts, const struct branch *branch)
{
	struct worker *w = out->w;
	struct sip_edit list[EDITS_MAX];
	size_t room = text_room(msg, target);
	char *text = arena_alloc(&w->arena, room);
	struct maker m = {.w = w,
	    .msg = msg,
	    .edits = sip_edits_of(list, EDITS_MAX),
	    .text = buf_of(text, text ? room : 0)};

	if (target->uri.n)
		sip_edit_uri(&m.edits, target->uri);
	add_via(&m, out, from, branch);
	set_number(&m, SIP_HEADER_MAX_FORWARDS,
	    msg->max_forwards >= 0 ? (uint64_t)MAX(msg->max_forwards - 1, 0)
				   : w->snap->conf->sip.max_forwards);
	if (facts->breadth)
		set_number(&m, SIP_HEADER_MAX_BREADTH, facts->breadth);
	strip_routes(&m, facts->own_routes, facts->strict_route);
	if (target->route.n) {
		size_t at = m.text.n;

		buf_add_lit(&m.text, "Route: ");
		buf_add_span(&m.text, target->route);
		sip_edit_insert_top(&m.edits, msg, SIP_HEADER_ROUTE, since(&m, at));
	}
	if (facts->record_route)
		add_record_routes(&m, out, from, facts);
	if (sip_msg_has(msg, SIP_HEADER_PROXY_AUTHORIZATION) &&
	    (facts->drop_credentials || forward_is_phone(w, &out->flow)))
		drop_credentials(&m, SIP_HEADER_PROXY_AUTHORIZATION);
	if (sip_msg_has(msg, SIP_HEADER_AUTHORIZATION) && forward_is_phone(w, &out->flow))
		drop_credentials(&m, SIP_HEADER_AUTHORIZATION);
	if (m.text.overflow)
		return ERR_FULL;
	return sip_edit_write(msg, &m.edits, &out->buf);
}

enum err forward_write_response(struct outgoing *out, const struct sip_msg *msg, unsigned status,
    struct span more, bool of_phone)
{
	struct sip_edit list[EDITS_MAX];
	struct sip_edits edits = sip_edits_of(list, EDITS_MAX);
	char line[64];
	struct buf b = BUF(line);

	if (status) {
		buf_add_lit(&b, "SIP/2.0 ");
		buf_add_u64(&b, status);
		buf_add_char(&b, ' ');
		buf_add_span(&b, sip_status_phrase(status));
		sip_edit_start_line(&edits, buf_span(&b));
	}
	sip_edit_remove_first(&edits, msg, sip_msg_header(msg, SIP_HEADER_VIA));
	for (unsigned i = 0; of_phone && i < msg->n_headers; i++)
		if (forward_asks_for_ours(out->w, &msg->headers[i]))
			sip_edit_remove(&edits, msg, &msg->headers[i]);
	while (more.n) {
		struct span one;

		(void)span_cut(&more, '\n', &one);
		if (one.n && one.p[one.n - 1] == '\r')
			one.n--;
		if (one.n)
			sip_edit_append(&edits, msg, one);
	}
	return sip_edit_write(msg, &edits, &out->buf);
}
