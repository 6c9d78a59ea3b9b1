/* SPDX-License-Identifier: MIT
 *
 * Where a request is to go: what the route stage finds and the send stage forwards to. */
#ifndef EDGE_TARGET_H
#define EDGE_TARGET_H

#include "base/flow.h"

struct target {
	struct span uri;   /* the new Request-URI; empty: as it came */
	struct span route; /* values for Route headers above the rest (Path), or empty */
	struct flow flow;  /* the address it is sent to; flow.listener is a slot */
	uint8_t group;     /* tried in this order */
};

/* What forwarding needs to know of the request besides the message itself; kept with it, so that a
 * later branch is made like the first. */
struct forwarding {
	uint8_t own_routes;    /* Route values at the top that are ours: taken out */
	bool strict_route;     /* the Request-URI was our route: the last Route is the real one */
	bool record_route;     /* write ourselves into the route set */
	bool failover;         /* the groups are one server and its stand-ins */
	bool drop_credentials; /* the credentials were for us: they go no further */
	uint32_t breadth;      /* Max-Breadth for each branch (RFC 5393 §5.3.3) */
	uint32_t parties;      /* for the route token: route_token_parties */
	uint32_t loop;         /* hash for loop detection (§16.6 step 8) */
};

#endif
