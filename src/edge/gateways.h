/* SPDX-License-Identifier: MIT
 *
 * The routers that this machine sends its packets by. To ban one of them would cut us off, so they
 * are among those that never are. Read when a configuration is loaded. */
#ifndef EDGE_GATEWAYS_H
#define EDGE_GATEWAYS_H

#include "base/addr.h"

#define GATEWAYS_MAX 64

/* The system's, at most GATEWAYS_MAX; returns how many. A system that does not tell has none. */
size_t gateways_read(struct addr out[GATEWAYS_MAX]);

/* From the text of /proc/net/route and /proc/net/ipv6_route; lines of another form are skipped.
 * out has room for cap; returns how many there are in it. */
size_t gateways_parse_v4(struct span text, struct addr *out, size_t cap);
size_t gateways_parse_v6(struct span text, struct addr *out, size_t cap);

#endif
