/* SPDX-License-Identifier: MIT
 *
 * Which events a follower or a reader of the file wants. All that is set must fit. */
#ifndef EVENT_FILTER_H
#define EVENT_FILTER_H

#include "event/event.h"

struct event_filter {
	char reason[64];   /* a name, or the beginning of names up to a dot: "auth" or "auth." */
	size_t reason_n;   /* 0: any */
	char account[128]; /* "user@domain", or "user" of any domain */
	size_t account_n;  /* 0: any */
	struct prefix source;
	bool has_source;
};

/* Each takes an empty text as "any". ERR_RANGE: too long; ERR_NOT_FOUND: no reason begins so;
 * ERR_SYNTAX: no address or prefix. */
NODISCARD enum err event_filter_set_reason(struct event_filter *f, struct span reason);
NODISCARD enum err event_filter_set_account(struct event_filter *f, struct span account);
NODISCARD enum err event_filter_set_source(struct event_filter *f, struct span source);

/* "user@host" of "sip:user@host:port;params?headers"; empty where it is no URI. */
struct span event_uri_account(struct span uri);

/* What a filter asks of an event. */
struct event_facts {
	struct span reason;
	const struct addr *source; /* NULL when the event has none */
	struct span account;
	struct span from, to; /* URIs: who is called has no other trace than To */
};

/* An account fits when it is the account of the event, or From or To name it. */
bool event_filter_allows(const struct event_filter *f, const struct event_facts *e);

#endif
