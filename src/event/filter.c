/* SPDX-License-Identifier: MIT */
#include "event/filter.h"

static enum err keep(char *to, size_t cap, size_t *out_n, struct span s)
{
	if (s.n > cap)
		return ERR_RANGE;
	if (s.n)
		memcpy(to, s.p, s.n);
	*out_n = s.n;
	return OK;
}

enum err event_filter_set_reason(struct event_filter *f, struct span reason)
{
	for (unsigned i = 1; i < REASON_COUNT && reason.n; i++)
		if (reason_matches(reason, (enum reason)i))
			return keep(f->reason, sizeof(f->reason), &f->reason_n, reason);
	if (reason.n)
		return ERR_NOT_FOUND;
	f->reason_n = 0;
	return OK;
}

enum err event_filter_set_account(struct event_filter *f, struct span account)
{
	return keep(f->account, sizeof(f->account), &f->account_n, account);
}

enum err event_filter_set_source(struct event_filter *f, struct span source)
{
	struct prefix p;
	enum err e = OK;

	if (source.n)
		e = prefix_parse(source, &p);
	if (e != OK)
		return ERR_SYNTAX;
	f->has_source = source.n > 0;
	if (f->has_source)
		f->source = p;
	return OK;
}

static bool account_fits(struct span wanted, struct span account)
{
	struct span user, rest = account;

	if (span_ieq(wanted, account))
		return true;
	return span_find(wanted, '@') == wanted.n && span_cut(&rest, '@', &user) &&
	       span_ieq(wanted, user);
}

static struct span before(struct span s, char c)
{
	return span_of(s.p, span_find(s, c));
}

struct span event_uri_account(struct span uri)
{
	size_t scheme = span_find(uri, ':'), host, end;
	struct span s;

	if (scheme == uri.n)
		return span_of(NULL, 0);
	s = span_of(uri.p + scheme + 1, uri.n - scheme - 1);
	s = before(before(s, ';'), '?');
	host = span_find(s, '@');
	if (host + 1 < s.n && s.p[host + 1] == '[') {
		end = span_find(s, ']');
		return span_of(s.p, end < s.n ? end + 1 : end);
	}
	end = span_find(span_of(s.p + host, s.n - host), ':');
	return span_of(s.p, host + end);
}

static bool names(struct span wanted, const struct event_facts *e)
{
	return account_fits(wanted, e->account) ||
	       account_fits(wanted, event_uri_account(e->from)) ||
	       account_fits(wanted, event_uri_account(e->to));
}

bool event_filter_allows(const struct event_filter *f, const struct event_facts *e)
{
	if (f->reason_n && !reason_name_matches(span_of(f->reason, f->reason_n), e->reason))
		return false;
	if (f->account_n && !names(span_of(f->account, f->account_n), e))
		return false;
	return !f->has_source || (e->source && prefix_contains(&f->source, e->source));
}
