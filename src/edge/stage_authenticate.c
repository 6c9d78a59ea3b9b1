/* SPDX-License-Identifier: MIT
 *
 * Is it who it says (RFC 3261 §22, RFC 7616, RFC 8760)? Everything but ACK and CANCEL, which cannot
 * be challenged, and what a configured peer sends. The decision is guard/auth's; here are its
 * facts, and its answer in SIP. */
#include "edge/edge.h"
#include "edge/guess.h"
#include "edge/reply.h"
#include "edge/stages.h"
#include "edge/wait.h"
#include "sip/auth.h"

/* Who the request says that it is from. */
static const struct party *self_of(const struct pass *p)
{
	return p->msg.method == SIP_METHOD_REGISTER ? &p->to : &p->from;
}

/* The realm in which the sender is asked who it is: its own domain if that is ours, else that of
 * whom it wants. */
static const struct conf_domain *realm_of(const struct pass *p)
{
	const struct party *self = self_of(p);

	if (self->domain)
		return self->domain;
	if (p->target.domain)
		return p->target.domain;
	return p->conf->domains_count ? &p->conf->domains[0] : NULL;
}

static enum sip_header_id credentials_header(const struct pass *p)
{
	return p->msg.method == SIP_METHOD_REGISTER ? SIP_HEADER_AUTHORIZATION
						    : SIP_HEADER_PROXY_AUTHORIZATION;
}

/* The credentials for our realm among several; for none of ours, the first. */
static const struct sip_header *find_credentials(struct pass *p, struct span realm)
{
	const struct sip_header *first = sip_msg_header(&p->msg, credentials_header(p));
	struct span r;

	if (!first || first->next == SIP_HEADER_NONE)
		return first;
	for (const struct sip_header *h = first; h; h = sip_msg_next(&p->msg, h))
		if (sip_auth_peek_realm(h->value, &r) && span_eq(r, realm))
			return h;
	return first;
}

static struct span unquoted(struct pass *p, const struct sip_auth *a, enum sip_auth_param which)
{
	struct span v = a->value[which];

	if (!(a->escaped >> which & 1))
		return v;
	char *text = arena_alloc(p->arena, v.n);
	struct buf b = buf_of(text, text ? v.n : 0);

	sip_unquote(v, &b);
	return buf_span(&b);
}

/* The digest was made for this request (RFC 7616 §3.4.6): proxies may have rewritten the spelling
 * of the Request-URI, so URIs are compared and not texts. Some clients name the server as a whole,
 * whatever they ask of it; the nonce count keeps such a digest from being used for a second request
 * (docs/decisions/0002-digest-uri.md). */
static bool uri_matches(struct pass *p, struct span uri)
{
	struct sip_parse_error err;
	struct sip_uri u;

	if (span_eq(uri, p->msg.uri))
		return true;
	if (sip_uri_parse(uri, &p->w->snap->limits, &u, &err) != SIP_OK)
		return false;
	if (!u.has_user && (u.kind == SIP_SCHEME_SIP || u.kind == SIP_SCHEME_SIPS) &&
	    snapshot_domain(p->w->snap, &u.host, &p->flow.local))
		return true;
	return sip_uri_equal(&u, &p->parts.uri);
}

/* What makes a retransmission the same request: transaction, CSeq and the flow it came by. */
static uint64_t request_hash(const struct pass *p)
{
	struct {
		struct txn_key key;
		uint8_t ip[16];
		uint64_t conn;
		uint32_t cseq, port;
	} same = {
	    .key = p->key, .conn = p->flow.conn, .cseq = p->msg.cseq, .port = p->flow.remote.port};
	uint64_t h;

	_Static_assert(sizeof(same) == 48, "no padding is hashed");
	memcpy(same.ip, p->flow.remote.ip, sizeof(same.ip));
	h = siphash13(&p->w->keys.tag, &same, sizeof(same));
	return h ? h : 1;
}

/* Who logs in is most likely who the request says it is. What the stages from here on look at is
 * then on its way from memory while the credentials are read. */
static void expect(struct pass *p, const struct conf_domain *realm, struct accounts_name *out_who)
{
	const struct party *self = self_of(p);

	*out_who = accounts_name(p->w->edge->accounts, self->user, realm->name);
	accounts_prefetch(p->w->edge->accounts, out_who);
	if (p->msg.method != SIP_METHOD_REGISTER || !p->to.domain || !p->to.user.n)
		return;
	p->aor = pass_account_text(p, &p->to);
	p->aor_place = bindings_prefetch(p->w->edge->bindings, p->aor);
}

/* The second step, when the first had its time. */
static void expect_more(
    struct pass *p, struct span realm, struct span username, struct accounts_name *who)
{
	struct accounts *cache = p->w->edge->accounts;

	if (!span_eq(who->user, username)) {
		*who = accounts_name(cache, username, realm);
		accounts_prefetch(cache, who);
	}
	accounts_prefetch_entry(cache, who);
	if (p->aor.n)
		bindings_prefetch_record(p->w->edge->bindings, p->aor_place);
}

/* False: malformed. */
static bool read_credentials(struct pass *p, const struct sip_header *h, struct auth_facts *f)
{
	struct sip_parse_error err;
	struct sip_auth a;

	f->has_credentials = true;
	if (sip_auth_parse_credentials(h->value, &p->w->snap->limits, &a, &err) != SIP_OK) {
		pass_evidence_text(p, span_str(sip_bad_text(err.reason)));
		return false;
	}
	f->username = unquoted(p, &a, SIP_AUTH_USERNAME);
	f->realm = unquoted(p, &a, SIP_AUTH_REALM);
	f->nonce = a.value[SIP_AUTH_NONCE];
	f->uri = a.value[SIP_AUTH_URI];
	f->response = a.value[SIP_AUTH_RESPONSE];
	f->algorithm = a.value[SIP_AUTH_ALGORITHM];
	f->cnonce = a.value[SIP_AUTH_CNONCE];
	f->qop = a.value[SIP_AUTH_QOP];
	f->nc = a.value[SIP_AUTH_NC];
	f->uri_matches = uri_matches(p, f->uri);
	return true;
}

/* The wall clock may be set back; nonces are judged by one that is not (guard/nonce.h). */
static usec_t nonce_clock(const struct pass *p)
{
	return p->w->edge->nonce_epoch + p->now;
}

static void gather(struct pass *p, const struct conf_domain *realm, struct auth_facts *f)
{
	const struct party *self = self_of(p);

	f->method = p->msg.method_name;
	f->source = p->flow.remote;
	f->request = request_hash(p);
	f->claimed_user = self->user;
	f->claimed_domain = self->host;
	/* Who is called by another name than its account's, as from a trunk, has that name in From
	 * for the whole dialog (RFC 3261 §12.2.1.1); the route says that the dialog was let
	 * through. */
	f->claimed_is_alias = p->has_token && p->msg.method != SIP_METHOD_REGISTER &&
			      p->token.parties == route_token_parties(&p->parts.from_uri,
						      &p->parts.to_uri, &p->w->keys.token);
	f->expected_realm = realm->name;
	f->wall = nonce_clock(p);
}

static enum step challenge(
    struct pass *p, enum reason r, const struct conf_domain *realm, bool stale)
{
	bool www = p->msg.method == SIP_METHOD_REGISTER;
	const struct auth_policy *policy = &p->w->snap->auth;
	struct buf b = reply_headers(p, policy->offered_n * (realm->name.n + 200));

	for (size_t i = 0; i < policy->offered_n; i++) {
		if (www)
			buf_add_lit(&b, "WWW-Authenticate: ");
		else
			buf_add_lit(&b, "Proxy-Authenticate: ");
		auth_challenge_add(&b, &p->w->auth, policy, i, realm->name, &p->flow.remote,
		    nonce_clock(p), stale);
		buf_add_lit(&b, "\r\n");
	}
	if (b.overflow)
		return pass_drop(p, REASON_ROUTE_OVERLOAD);
	p->reply.headers = buf_span(&b);
	return pass_reply(p, r, www ? 401 : 407);
}

static void count_outcome(struct pass *p, enum auth_outcome o)
{
	struct counters *c = p->w->counters;

	if (o == AUTH_OK || o == AUTH_RETRANSMISSION)
		counter_inc(c, COUNTER_AUTH_OK);
	else if (o == AUTH_CHALLENGE)
		counter_inc(c, COUNTER_AUTH_CHALLENGES);
	else if (o == AUTH_STALE)
		counter_inc(c, COUNTER_AUTH_STALE);
	else
		counter_inc(c, COUNTER_AUTH_FAILED);
}

/* closed: the account is, to this place, and the password was not looked at. */
static enum step conclude(struct pass *p, const struct auth_facts *f,
    const struct auth_claim *claim, const struct conf_domain *realm, enum auth_outcome o,
    bool closed)
{
	enum reason r = REASON_NONE;

	count_outcome(p, o);
	p->proven = p->proven || claim->proven;
	/* Who tried is on record, right or wrong. */
	p->account_user = f->username;
	p->account_domain = f->has_credentials ? realm->name : span_of(NULL, 0);
	guess_concluded(p, f, claim, o);
	if (auth_answer(o) == AUTH_ANSWER_PASS) {
		p->retransmission = o == AUTH_RETRANSMISSION;
		p->authenticated = true;
		p->forwarding.drop_credentials = true;
		return STEP_NEXT;
	}
	if (reason_parse(span_str(auth_reason(o)), &r) != OK)
		r = REASON_AUTH_MALFORMED;
	if (closed)
		r = REASON_GUESSING_LOCKED;
	if (claim->detail)
		pass_evidence_text(p, span_str(claim->detail));
	if (o == AUTH_STALE)
		pass_evidence(p, (double)claim->nonce.age / 1e6,
		    (double)p->w->snap->auth.nonce_lifetime / 1e6, 0);
	switch (auth_answer(o)) {
	case AUTH_ANSWER_BAD_REQUEST:
		return pass_reply(p, r, 400);
	case AUTH_ANSWER_FORBIDDEN:
		return pass_reply(p, r, 403);
	case AUTH_ANSWER_CHALLENGE_STALE:
		return challenge(p, r, realm, true);
	case AUTH_ANSWER_PASS:
	case AUTH_ANSWER_CHALLENGE:
		break;
	}
	return challenge(p, r, realm, false);
}

static enum step unavailable(
    struct pass *p, const struct auth_facts *f, const struct conf_domain *realm)
{
	p->account_user = f->username;
	p->account_domain = realm->name;
	p->reply.headers = SPAN("Retry-After: 5\r\n");
	return pass_reply(p, REASON_AUTH_STORE_UNAVAILABLE, 503);
}

/* Right password, but another name in From or To: OK when that is an alias of the account. */
static enum err owns_alias(struct pass *p, const struct auth_facts *f)
{
	const struct alias *owner;
	enum err e = wait_for_alias(p, ANSWER_ALIAS, f->claimed_user, f->claimed_domain, &owner);

	if (e != OK)
		return e;
	return span_eq(span_of(owner->user, owner->user_n), f->username) &&
		       span_ieq(span_of(owner->domain, owner->domain_n), f->expected_realm)
		   ? OK
		   : ERR_DENIED;
}

enum step stage_authenticate(struct pass *p)
{
	const struct conf_domain *realm = realm_of(p);
	struct auth_facts f = {.has_credentials = false};
	struct auth_claim claim = {.detail = NULL};
	const struct sip_header *credentials;
	struct accounts_name who;
	struct digest_ha1s ha1s;
	enum auth_outcome o;
	enum err e;
	bool closed;

	if (p->peer || p->msg.method == SIP_METHOD_ACK || p->msg.method == SIP_METHOD_CANCEL)
		return STEP_NEXT;
	if (!realm)
		return pass_reply(p, REASON_ROUTE_DOMAIN_UNKNOWN, 403);
	credentials = find_credentials(p, realm->name);
	if (credentials) {
		expect(p, realm, &who);
		if (!read_credentials(p, credentials, &f))
			return conclude(p, &f, &claim, realm, AUTH_MALFORMED, false);
		expect_more(p, realm->name, f.username, &who);
	}
	gather(p, realm, &f);
	o = auth_screen(&p->w->auth, &p->w->snap->auth, &f, &claim);
	if (o != AUTH_OK)
		return conclude(p, &f, &claim, realm, o, false);
	closed = guess_is_closed(p, &f, &claim);
	e = wait_for_account(p, ANSWER_ACCOUNT, &who, &ha1s);
	if (e == ERR_BUSY)
		return STEP_WAIT;
	if (e != OK && e != ERR_NOT_FOUND)
		return unavailable(p, &f, realm);
	/* Of a closed account as for one that does not exist: the same work, the same answer. */
	o = auth_verify(&p->w->auth, &f, &claim, e == OK && !closed ? &ha1s : NULL);
	if (o == AUTH_BAD_PASSWORD || o == AUTH_UNKNOWN_USER || o == AUTH_NO_HASH) {
		/* The password may have been changed a moment ago. */
		e = wait_for_account(p, ANSWER_RECHECK, &who, &ha1s);
		if (e == ERR_BUSY)
			return STEP_WAIT;
		if (p->answers.have & 1u << ANSWER_RECHECK && (e == OK || e == ERR_NOT_FOUND))
			o = auth_verify(&p->w->auth, &f, &claim, e == OK && !closed ? &ha1s : NULL);
	}
	if (o == AUTH_IDENTITY_MISMATCH) {
		e = owns_alias(p, &f);
		if (e == ERR_BUSY)
			return STEP_WAIT;
		if (e != OK && e != ERR_DENIED && e != ERR_NOT_FOUND && e != ERR_RANGE)
			return unavailable(p, &f, realm);
		/* This request has used its nonce count when it came the first time. */
		o = e == OK ? AUTH_RETRANSMISSION : o;
	}
	return conclude(p, &f, &claim, realm, o, closed);
}
