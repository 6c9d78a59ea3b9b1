/* SPDX-License-Identifier: MIT */
#include "cli/account.h"

#include "base/addr.h"

static bool is_alnum(char c)
{
	return ascii_is_digit(c) || (unsigned char)(ascii_lower((unsigned char)c) - 'a') < 26;
}

/* unreserved and user-unreserved of RFC 3261 §25.1. */
static bool is_user(char c)
{
	return is_alnum(c) || (c && strchr("-_.!~*'()&=+$,;?/", c));
}

static bool user_is_good(struct span user, struct buf *why)
{
	if (user.n == 0 || user.n > ACCOUNT_USER_MAX) {
		buf_addf(why, "a user name has 1 to %d characters", ACCOUNT_USER_MAX);
		return false;
	}
	for (size_t i = 0; i < user.n; i++) {
		if (is_user(user.p[i]))
			continue;
		buf_add_lit(why, "a user name consists of letters, digits and -_.!~*'()&=+$,;?/");
		return false;
	}
	return true;
}

/* Labels of letters, digits and hyphens that neither begin nor end with a hyphen. */
static bool is_host_name(struct span host)
{
	struct span label;
	bool more = true;

	while (more) {
		more = span_cut(&host, '.', &label);
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_alnum(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

static bool is_ipv6_reference(struct span host)
{
	struct addr a;

	return host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']' &&
	       addr_parse_ip(span_of(host.p + 1, host.n - 2), &a) == OK && !addr_is_v4(&a);
}

static bool domain_is_good(struct span domain, struct buf *why)
{
	if (domain.n && domain.n <= ACCOUNT_DOMAIN_MAX &&
	    (is_host_name(domain) || is_ipv6_reference(domain)))
		return true;
	buf_addf(why, "a domain is a host name or an address of at most %d characters",
	    ACCOUNT_DOMAIN_MAX);
	return false;
}

bool account_name_parse(struct span text, struct account_name *out_name, struct buf *why)
{
	struct span domain = text, user;

	if (span_istarts(text, SPAN("sip:"))) {
		buf_add_lit(why, "write user@domain, without sip:");
		return false;
	}
	if (!span_cut(&domain, '@', &user)) {
		buf_add_lit(why, "write user@domain, as in alice@example.com");
		return false;
	}
	if (!user_is_good(user, why) || !domain_is_good(domain, why))
		return false;
	memcpy(out_name->user_text, user.p, user.n);
	for (size_t i = 0; i < domain.n; i++)
		out_name->domain_text[i] = (char)ascii_lower((unsigned char)domain.p[i]);
	out_name->user = span_of(out_name->user_text, user.n);
	out_name->domain = span_of(out_name->domain_text, domain.n);
	return true;
}
