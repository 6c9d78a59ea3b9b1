/* SPDX-License-Identifier: MIT
 *
 * Scalars with units, as the schema types them. Each reader takes the whole text or fails with a
 * static sentence that says what would be right; *out_v is untouched then. Pure functions. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base/addr.h"
#include "base/flow.h"
#include "base/usec.h"

/* NULL when all is well, else what is wrong: "unit must be s, m or h". */
typedef const char *value_error;

/* Events a time: "10/s", "5/m", "100/h". */
struct rate {
	uint32_t events;
	usec_t window;
};

NODISCARD value_error value_bool(struct span s, bool *out_v);
NODISCARD value_error value_count(struct span s, uint64_t *out_v);    /* "4096" */
NODISCARD value_error value_size(struct span s, uint64_t *out_v);     /* "1500", "64KiB", "1MiB" */
NODISCARD value_error value_duration(struct span s, uint64_t *out_v); /* "500ms", "2h"; in us */
NODISCARD value_error value_rate(struct span s, struct rate *out_v);

/* A host name (RFC 1123 §2.1: letters, digits, hyphens, dots; no trailing dot) or an address, IPv6
 * in brackets. */
NODISCARD value_error value_host(struct span s);

/* "HOST", "HOST:PORT", "[v6]:PORT"; port 0 = none. out_host points into s. */
NODISCARD value_error value_host_port(struct span s, struct span *out_host, uint16_t *out_port);

/* "udp:192.0.2.1:5060", "tcp:[::1]:5060". The address and the port are needed. */
NODISCARD value_error value_listen(struct span s, enum transport *out_t, struct addr *out_a);

/* "sip:192.0.2.1:5060;transport=tcp": an address, an optional port (5060), an optional transport.
 */
NODISCARD value_error value_target(struct span s, enum transport *out_t, struct addr *out_a);

/* Writes as a person would: 500ms, 30s, 2h; 64KiB. */
void value_add_duration(struct buf *b, uint64_t us);
void value_add_size(struct buf *b, uint64_t bytes);

#endif
