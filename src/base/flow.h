/* SPDX-License-Identifier: MIT
 *
 * A flow (RFC 5626 §3): the pair of transport addresses, and for streams the connection, over which
 * a message came and over which its sender can be reached again. */
#ifndef BASE_FLOW_H
#define BASE_FLOW_H

#include "base/addr.h"

enum transport {
	TRANSPORT_NONE,
	TRANSPORT_UDP,
	TRANSPORT_TCP,
	TRANSPORT_TLS,
	TRANSPORT_WS,
	TRANSPORT_WSS,
	TRANSPORT_COUNT
};

struct flow {
	struct addr remote;
	struct addr local; /* the address of ours that the message came to */
	uint64_t conn;     /* connection id for streams, 0 for datagrams */
	enum transport transport;
	uint16_t listener; /* index of the listener in the configuration snapshot */
};

/* "UDP", "TCP", as in a Via (RFC 3261 §20.42); never NULL. */
const char *transport_name(enum transport t);

static inline bool transport_is_stream(enum transport t)
{
	return t > TRANSPORT_UDP;
}

/* Same peer over the same path: transport, remote address, and connection for streams. */
static inline bool flow_eq(const struct flow *a, const struct flow *b)
{
	return a->transport == b->transport && a->conn == b->conn &&
	       addr_eq(&a->remote, &b->remote);
}

#endif
