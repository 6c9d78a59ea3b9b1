/* SPDX-License-Identifier: MIT
 *
 * The name of an account as an operator writes it: "alice@example.com". */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include "base/buf.h"

#define ACCOUNT_USER_MAX   64 /* what the columns of a subscriber table hold */
#define ACCOUNT_DOMAIN_MAX 64

struct account_name {
	char user_text[ACCOUNT_USER_MAX], domain_text[ACCOUNT_DOMAIN_MAX];
	struct span user, domain; /* into the texts; domain in lower case */
};

/* user: the characters of a SIP user part that need no escape (RFC 3261 §25.1); domain: a host name
 * or an address (IPv6 in brackets). False: what is wrong is added to why. The name must not be
 * copied: its spans point into itself. */
bool account_name_parse(struct span text, struct account_name *out_name, struct buf *why);

#endif
