/* SPDX-License-Identifier: MIT
 *
 * See registrar.h. All of a request is judged before any of it is applied. While it is applied, a
 * binding that goes is marked with expires_at = 0 and stays in its place. */
#include "edge/registrar.h"

#define NO_MATCH SIZE_MAX

/* One registration being judged. */
struct work {
	const struct registrar_request *req;
	const struct registrar_policy *policy;
	struct binding_set *set;
	struct registrar_result r;
	size_t before;                          /* bindings that were there */
	struct span path;                       /* as kept */
	uint32_t expires[BINDING_CONTACTS_MAX]; /* granted to each contact; 0 = take it away */
	size_t match[BINDING_CONTACTS_MAX];     /* the binding that a contact is about */
};

void registrar_policy_init(struct registrar_policy *p)
{
	*p = (struct registrar_policy){
	    .min_expires = 60,
	    .default_expires = 3600,
	    .max_expires = 7200,
	    .max_contacts = 10,
	    .max_contact_bytes = BINDING_CONTACT_MAX,
	    .max_call_id_bytes = BINDING_CALL_ID_MAX,
	    .max_path_bytes = BINDING_PATH_MAX,
	    .max_instance_bytes = BINDING_INSTANCE_MAX,
	    .max_user_agent_bytes = BINDING_USER_AGENT_MAX,
	    .path = REGISTRAR_PATH_SUPPORTED,
	};
}

static bool refuse(struct work *w, uint16_t status, enum reason reason)
{
	w->r = (struct registrar_result){.status = status, .reason = reason};
	return false;
}

static bool refuse_figure(
    struct work *w, uint16_t status, enum reason reason, uint64_t value, uint64_t limit)
{
	refuse(w, status, reason);
	w->r.value = value;
	w->r.limit = limit;
	return false;
}

/* ---- judging the request alone ---- */

/* RFC 3261 §10.3 step 7. A time under the minimum may only be refused when it is also under an
 * hour. */
static bool judge_expires(struct work *w, size_t i)
{
	const struct registrar_contact *c = &w->req->contacts[i];
	const struct registrar_policy *p = w->policy;
	uint32_t asked = p->default_expires;

	if (c->has_expires)
		asked = c->expires;
	else if (w->req->has_expires)
		asked = w->req->expires;
	if (asked > 0 && asked < 3600 && asked < p->min_expires) {
		refuse_figure(w, 423, REASON_REGISTRAR_TOO_BRIEF, asked, p->min_expires);
		w->r.min_expires = p->min_expires;
		return false;
	}
	w->expires[i] = MIN(asked, p->max_expires);
	return true;
}

/* It will be written between quotes into answers. */
static bool instance_is_clean(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

static bool parse_uri(struct span text, struct sip_uri *out_uri)
{
	struct sip_parse_error error;

	return sip_uri_parse(text, &sip_limits_default, out_uri, &error) == SIP_OK &&
	       (out_uri->kind == SIP_SCHEME_SIP || out_uri->kind == SIP_SCHEME_SIPS);
}

static bool judge_contact(struct work *w, size_t i)
{
	const struct registrar_contact *c = &w->req->contacts[i];
	const struct registrar_policy *p = w->policy;
	size_t uri_max = MIN(p->max_contact_bytes, BINDING_CONTACT_MAX);
	size_t instance_max = MIN(p->max_instance_bytes, BINDING_INSTANCE_MAX);
	struct sip_uri uri;

	if (c->uri.n > uri_max)
		return refuse_figure(w, 400, REASON_REGISTRAR_BAD_CONTACT, c->uri.n, uri_max);
	if (c->instance.n > instance_max)
		return refuse_figure(
		    w, 400, REASON_REGISTRAR_BAD_CONTACT, c->instance.n, instance_max);
	if (c->q > BINDING_Q_MAX || !instance_is_clean(c->instance) || !parse_uri(c->uri, &uri))
		return refuse(w, 400, REASON_REGISTRAR_BAD_CONTACT);
	if (!judge_expires(w, i))
		return false;
	/* What is taken away may name anything. */
	if (w->expires[i] && p->is_self && p->is_self(p->is_self_arg, &uri))
		return refuse(w, 403, REASON_REGISTRAR_OWN_CONTACT);
	return true;
}

static bool judge_path(struct work *w)
{
	const struct registrar_request *req = w->req;
	enum registrar_path mode = w->policy->path;
	size_t max = MIN(w->policy->max_path_bytes, BINDING_PATH_MAX);

	if (req->path.n == 0 || mode == REGISTRAR_PATH_IGNORE ||
	    (mode == REGISTRAR_PATH_SUPPORTED && !req->supports_path))
		return true;
	if (mode == REGISTRAR_PATH_REQUIRE && !req->supports_path)
		return refuse(w, 420, REASON_REGISTRAR_PATH_UNSUPPORTED);
	if (req->path.n > max)
		return refuse_figure(w, 400, REASON_REGISTRAR_BAD_CONTACT, req->path.n, max);
	w->path = req->path;
	return true;
}

static bool contact_is_outbound(const struct work *w, size_t i)
{
	const struct registrar_contact *c = &w->req->contacts[i];

	return w->req->supports_outbound && c->reg_id && c->instance.n;
}

static bool judge_request(struct work *w)
{
	const struct registrar_request *req = w->req;
	size_t call_id_max = MIN(w->policy->max_call_id_bytes, BINDING_CALL_ID_MAX);
	size_t flows = 0;

	/* §10.3 step 6 */
	if (req->star && (req->n_contacts || !req->has_expires || req->expires))
		return refuse(w, 400, REASON_REGISTRAR_BAD_CONTACT);
	if (req->call_id.n > call_id_max)
		return refuse_figure(
		    w, 400, REASON_REGISTRAR_BAD_CONTACT, req->call_id.n, call_id_max);
	if (req->n_contacts > BINDING_CONTACTS_MAX)
		return refuse_figure(w, 403, REASON_REGISTRAR_TOO_MANY_CONTACTS, req->n_contacts,
		    w->policy->max_contacts);
	for (size_t i = 0; i < req->n_contacts; i++) {
		if (!judge_contact(w, i))
			return false;
		flows += contact_is_outbound(w, i) && w->expires[i];
	}
	/* One request comes over one flow (RFC 5626 §6). */
	if (flows > 1)
		return refuse(w, 400, REASON_REGISTRAR_BAD_CONTACT);
	return judge_path(w);
}

/* ---- against what is bound ---- */

static bool uris_equal(struct span a, struct span b)
{
	struct sip_uri ua, ub;

	return span_eq(a, b) || (parse_uri(a, &ua) && parse_uri(b, &ub) && sip_uri_equal(&ua, &ub));
}

/* The binding that contact i is about: the same flow of the same device (RFC 5626 §6), else the
 * same URI (RFC 3261 §19.1.4). A flow does not take over another flow's binding by its URI, which
 * all flows of a device may share. */
static size_t find_match(const struct work *w, size_t i, size_t from)
{
	const struct registrar_contact *c = &w->req->contacts[i];
	const struct binding_set *s = w->set;
	bool outbound = contact_is_outbound(w, i);

	for (size_t k = from; outbound && k < s->n; k++)
		if (s->items[k].reg_id == c->reg_id && span_ieq(s->items[k].instance, c->instance))
			return k;
	for (size_t k = from; k < s->n; k++)
		if (!(outbound && s->items[k].reg_id) && uris_equal(s->items[k].contact, c->uri))
			return k;
	return NO_MATCH;
}

/* §10.3 steps 6 and 7: within a Call-ID, CSeq must grow; one that does not makes the whole request
 * fail, with 500, since answering 200 would have the UA believe what is not so. The same request
 * again (its first answer was lost, and its transaction is over) gets the answer again. */
static bool in_order(struct work *w, const struct binding *b, bool *out_again)
{
	const struct registrar_request *req = w->req;

	if (req->cseq > b->cseq || !span_eq(b->call_id, req->call_id))
		return true;
	if (req->cseq < b->cseq || !req->retransmission)
		return refuse_figure(
		    w, 500, REASON_REGISTRAR_OUT_OF_ORDER, req->cseq, (uint64_t)b->cseq + 1);
	*out_again = true;
	return true;
}

static bool judge_order(struct work *w, bool *out_again)
{
	const struct binding_set *s = w->set;

	for (size_t k = 0; w->req->star && k < s->n; k++)
		if (!in_order(w, &s->items[k], out_again))
			return false;
	for (size_t i = 0; i < w->req->n_contacts; i++) {
		size_t k = w->match[i] = find_match(w, i, 0);

		if (k != NO_MATCH && !in_order(w, &s->items[k], out_again))
			return false;
	}
	return true;
}

static void take_away(struct work *w, struct binding *b)
{
	if (b->expires_at)
		w->r.removed++;
	b->expires_at = 0;
}

static void bind_contact(struct work *w, size_t i, struct binding *b, bool is_new)
{
	const struct registrar_request *req = w->req;
	const struct registrar_contact *c = &req->contacts[i];

	if (is_new)
		b->registered_at = req->wall;
	b->contact = c->uri;
	b->call_id = req->call_id;
	b->path = w->path;
	b->instance = c->instance;
	b->user_agent =
	    span_of(req->user_agent.p, MIN(req->user_agent.n, w->policy->max_user_agent_bytes));
	b->flow = req->flow;
	b->expires_at = req->wall + w->expires[i] * USEC_SEC;
	b->updated_at = req->wall;
	b->cseq = req->cseq;
	b->reg_id = contact_is_outbound(w, i) ? c->reg_id : 0;
	b->q = c->q;
	w->r.outbound_used |= b->reg_id != 0;
	w->r.path_kept = w->path.n > 0;
}

static bool apply_contact(struct work *w, size_t i)
{
	struct binding_set *s = w->set;
	size_t k = w->match[i];

	/* The same contact may stand in the request twice: the last one counts. */
	if (k == NO_MATCH)
		k = find_match(w, i, w->before);
	if (w->expires[i] == 0) {
		if (k != NO_MATCH)
			take_away(w, &s->items[k]);
		return true;
	}
	if (k != NO_MATCH) {
		bind_contact(w, i, &s->items[k], false);
		w->r.refreshed += k < w->before;
		return true;
	}
	if (s->n == s->cap)
		return refuse_figure(
		    w, 403, REASON_REGISTRAR_TOO_MANY_CONTACTS, s->n + 1, w->policy->max_contacts);
	s->items[s->n] = (struct binding){0};
	bind_contact(w, i, &s->items[s->n++], true);
	w->r.added++;
	return true;
}

static size_t count_live(const struct binding_set *s)
{
	size_t n = 0;

	for (size_t k = 0; k < s->n; k++)
		n += s->items[k].expires_at != 0;
	return n;
}

/* A device that was restarted comes with a new Call-ID (RFC 3261 §10.2) and often a new contact. If
 * there is no room otherwise, what it left behind goes: same instance, no flow of its own. */
static void drop_left_behind(struct work *w)
{
	struct binding_set *s = w->set;

	for (size_t k = 0; k < w->before; k++) {
		struct binding *old = &s->items[k];

		for (size_t n = w->before; n < s->n && old->expires_at; n++)
			if (old->instance.n && !old->reg_id &&
			    span_ieq(old->instance, s->items[n].instance) &&
			    !span_eq(old->call_id, s->items[n].call_id))
				take_away(w, old);
	}
}

static bool judge_room(struct work *w)
{
	size_t max = w->policy->max_contacts, live = count_live(w->set);

	if (live > max && live > w->before) {
		drop_left_behind(w);
		live = count_live(w->set);
	}
	/* Where the limit was lowered, refreshing what is there stays possible. */
	if (live > max && live > w->before)
		return refuse_figure(w, 403, REASON_REGISTRAR_TOO_MANY_CONTACTS, live, max);
	return true;
}

static void close_gaps(struct binding_set *s)
{
	size_t n = 0;

	for (size_t k = 0; k < s->n; k++)
		if (s->items[k].expires_at)
			s->items[n++] = s->items[k];
	s->n = n;
}

static bool apply(struct work *w)
{
	struct binding_set *s = w->set;

	for (size_t k = 0; w->req->star && k < s->n; k++)
		take_away(w, &s->items[k]);
	for (size_t i = 0; i < w->req->n_contacts; i++)
		if (!apply_contact(w, i))
			return false;
	if (!judge_room(w))
		return false;
	close_gaps(s);
	return true;
}

static enum reason reason_of_success(const struct registrar_result *r)
{
	return r->added       ? REASON_REGISTRAR_REGISTERED
	       : r->refreshed ? REASON_REGISTRAR_REFRESHED
			      : REASON_REGISTRAR_REMOVED;
}

static bool decide(struct work *w)
{
	bool again = false;

	if (!judge_request(w))
		return false;
	if (!w->req->star && w->req->n_contacts == 0) {
		w->r.reason = REASON_REGISTRAR_FETCHED;
		return true;
	}
	if (!judge_order(w, &again))
		return false;
	if (again) {
		w->r.reason = REASON_REGISTRAR_REFRESHED;
		return true;
	}
	if (!apply(w))
		return false;
	w->r.reason = reason_of_success(&w->r);
	w->r.changed = w->r.added || w->r.refreshed || w->r.removed;
	return true;
}

void registrar_decide(const struct registrar_request *req, const struct registrar_policy *p,
    struct binding_set *s, struct registrar_result *out_r)
{
	struct work w;

	w.req = req;
	w.policy = p;
	w.set = s;
	w.before = s->n;
	w.path = (struct span){0};
	w.r = (struct registrar_result){.status = 200};
	decide(&w);
	*out_r = w.r;
}

/* ---- against the table ---- */

struct edit {
	const struct registrar_request *req;
	const struct registrar_policy *policy;
	struct registrar_result *out_r;
};

static bool edit_bindings(void *arg, struct binding_set *s)
{
	struct edit *e = arg;

	registrar_decide(e->req, e->policy, s, e->out_r);
	return e->out_r->status == 200 && e->out_r->changed;
}

void registrar_register(struct bindings *t, const struct registrar_request *req,
    const struct registrar_policy *p, struct binding_set *s, struct registrar_result *out_r)
{
	struct registrar_result r = {.status = 400, .reason = REASON_REGISTRAR_BAD_CONTACT};
	struct edit edit = {req, p, &r};

	switch ((int)bindings_update(t, req->aor, req->wall, s, edit_bindings, &edit)) {
	case OK:
		binding_set_sort(s);
		break;
	case ERR_FULL:
		r = (struct registrar_result){.status = 503, .reason = REASON_REGISTRAR_FULL};
		break;
	default: /* the AoR is too long for the table */
		r = (struct registrar_result){
		    .status = 400, .reason = REASON_REGISTRAR_BAD_CONTACT};
		break;
	}
	*out_r = r;
}

/* ---- writing ---- */

static void write_contact(struct buf *b, const struct binding *c, usec_t wall)
{
	usec_t left = c->expires_at > wall ? (c->expires_at - wall) / USEC_SEC : 0;

	buf_add_char(b, '<');
	buf_add_span(b, c->contact);
	buf_add_lit(b, ">;expires=");
	buf_add_u64(b, MAX(left, 1)); /* 0 would say that it is gone */
	if (c->q < BINDING_Q_MAX)
		buf_addf(b, ";q=0.%03u", c->q);
	if (c->instance.n) {
		buf_add_lit(b, ";+sip.instance=\"");
		buf_add_span(b, c->instance);
		buf_add_char(b, '"');
	}
	if (c->reg_id) {
		buf_add_lit(b, ";reg-id=");
		buf_add_u64(b, c->reg_id);
	}
}

void registrar_write_contacts(struct buf *b, const struct binding_set *s, usec_t wall)
{
	for (size_t i = 0; i < s->n; i++) {
		buf_add_lit(b, "Contact: ");
		write_contact(b, &s->items[i], wall);
		buf_add_lit(b, "\r\n");
	}
}

void registrar_write_contact_values(struct buf *b, const struct binding_set *s, usec_t wall)
{
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_add_lit(b, ", ");
		write_contact(b, &s->items[i], wall);
	}
}
