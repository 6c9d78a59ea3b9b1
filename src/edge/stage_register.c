/* SPDX-License-Identifier: MIT
 *
 * REGISTER (RFC 3261 §10.3): facts from the message to the registrar, its result into an answer. */
#include "edge/edge.h"
#include "edge/reply.h"
#include "edge/stages.h"
#include "edge/stream.h"
#include "sip/clean.h"

#define CONTACTS_MAX 64

static bool names_this_edge(void *arg, const struct sip_uri *uri)
{
	const struct pass *p = arg;

	return snapshot_is_us(p->w->snap, uri->host.text, uri->host.port, &p->flow.local) ||
	       (uri->host.type == SIP_HOST_NAME && snapshot_domain(p->w->snap, &uri->host, NULL));
}

static bool read_contact(const struct sip_nameaddr *addr, struct registrar_contact *out_c)
{
	struct registrar_contact c = {.uri = addr->uri};
	struct sip_param param;

	if (sip_nameaddr_q(addr, &c.q) != SIP_OK)
		return false;
	if (sip_nameaddr_param(addr, SPAN("expires"), &param))
		c.has_expires = sip_delta_seconds(param.value, &c.expires) == SIP_OK;
	if (sip_nameaddr_param(addr, SPAN("+sip.instance"), &param))
		c.instance = param.value;
	if (sip_nameaddr_param(addr, SPAN("reg-id"), &param) &&
	    span_to_u32(param.value, INT32_MAX, &c.reg_id) != OK)
		return false;
	*out_c = c;
	return true;
}

static bool read_contacts(struct pass *p, struct registrar_request *req)
{
	struct registrar_contact *list = arena_alloc(p->arena, CONTACTS_MAX * sizeof(*list));
	struct sip_values it = sip_values_of(&p->msg, SIP_HEADER_CONTACT);
	struct sip_nameaddr addr;
	enum sip_parse got;

	if (!list)
		return false;
	req->contacts = list;
	while ((got = sip_values_next_nameaddr(&it, &addr)) == SIP_OK) {
		if (addr.star) {
			req->star = true;
			continue;
		}
		if (req->n_contacts == CONTACTS_MAX || !read_contact(&addr, &list[req->n_contacts]))
			return false;
		req->n_contacts++;
	}
	return got == SIP_END;
}

/* All Path values as one comma list. */
static struct span join_path(struct pass *p)
{
	const struct sip_header *h = sip_msg_header(&p->msg, SIP_HEADER_PATH);
	size_t room = 0;
	struct buf b;

	if (!h || (h->next == SIP_HEADER_NONE && h->form == SIP_FORM_CLEAN))
		return h ? h->value : span_of(NULL, 0);
	for (const struct sip_header *i = h; i; i = sip_msg_next(&p->msg, i))
		room += i->value.n + 2;
	b = reply_headers(p, room);
	for (; h; h = sip_msg_next(&p->msg, h)) {
		if (b.n)
			buf_add_lit(&b, ", ");
		sip_clean_text(&b, h->value);
	}
	return buf_span(&b);
}

static bool gather(struct pass *p, struct registrar_request *req)
{
	*req = (struct registrar_request){
	    .aor = p->aor.n ? p->aor : pass_account_text(p, &p->to),
	    .call_id = p->msg.call_id,
	    .cseq = p->msg.cseq,
	    .retransmission = p->retransmission,
	    .supports_path = sip_msg_lists(&p->msg, SIP_HEADER_SUPPORTED, SPAN("path")),
	    .supports_outbound = sip_msg_lists(&p->msg, SIP_HEADER_SUPPORTED, SPAN("outbound")),
	    .path = join_path(p),
	    .user_agent = sip_msg_value(&p->msg, SIP_HEADER_USER_AGENT),
	    .flow = p->flow,
	    .wall = p->wall,
	};
	req->has_expires = sip_msg_expires(&p->msg, &req->expires) == SIP_OK;
	return req->aor.n && read_contacts(p, req);
}

static void note(
    struct pass *p, const struct registrar_request *req, const struct registrar_result *r)
{
	struct counters *c = p->w->counters;

	counter_add(c, COUNTER_REGISTER_NEW, r->added);
	counter_add(c, COUNTER_REGISTER_REFRESHED, r->refreshed);
	counter_add(c, COUNTER_REGISTER_REMOVED, r->removed);
	p->finding.reason = r->reason;
	if (r->changed && transport_is_stream(p->flow.transport))
		stream_bound(p->w, p->flow.conn, req->aor);
}

static enum step accepted(
    struct pass *p, const struct registrar_request *req, const struct registrar_result *r)
{
	struct binding_set *set = &p->w->bindings;
	struct buf b = reply_headers(p, 256 + req->path.n + set->n * (BINDING_CONTACT_MAX + 256));

	note(p, req, r);
	registrar_write_contacts(&b, set, p->wall);
	if (r->path_kept) {
		buf_add_lit(&b, "Path: ");
		buf_add_span(&b, req->path);
		buf_add_lit(&b, "\r\n");
	}
	if (r->outbound_used)
		buf_add_lit(&b, "Require: outbound\r\n");
	if (b.overflow)
		return pass_drop(p, REASON_ROUTE_OVERLOAD);
	p->reply.headers = buf_span(&b);
	p->reply.status = 200;
	return STEP_REPLY;
}

static enum step refused(struct pass *p, const struct registrar_result *r)
{
	struct buf b = reply_headers(p, 64);

	counter_inc(p->w->counters, COUNTER_REGISTER_REFUSED);
	if (r->status == 423) {
		buf_add_lit(&b, "Min-Expires: ");
		buf_add_u64(&b, r->min_expires);
		buf_add_lit(&b, "\r\n");
	} else if (r->status == 503) {
		buf_add_lit(&b, "Retry-After: 30\r\n");
	} else if (r->status == 420) {
		buf_add_lit(&b, "Unsupported: path\r\n");
	}
	if (r->limit)
		pass_evidence(p, (double)r->value, (double)r->limit, 0);
	p->reply.headers = buf_span(&b);
	return pass_reply(p, r->reason, r->status);
}

enum step stage_register(struct pass *p)
{
	struct registrar_policy policy = p->w->snap->registrar;
	struct registrar_request req;
	struct registrar_result r;

	if (!p->target.domain && !p->target_is_us)
		return pass_reply(p, REASON_ROUTE_RELAY_DENIED, 403);
	if (!p->to.domain || !p->to.user.n)
		return pass_reply(p, REASON_ROUTE_DOMAIN_UNKNOWN, 404);
	policy.is_self = names_this_edge;
	policy.is_self_arg = p;
	if (!gather(p, &req))
		return pass_reply(p, REASON_REGISTRAR_BAD_CONTACT, 400);
	registrar_register(p->w->edge->bindings, &req, &policy, &p->w->bindings, &r);
	return r.status == 200 ? accepted(p, &req, &r) : refused(p, &r);
}
