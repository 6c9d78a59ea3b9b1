/* SPDX-License-Identifier: MIT
 *
 * Transport addresses and prefixes. IPv4 is kept IPv4-mapped (RFC 4291 §2.5.5.2), so that one
 * comparison serves both families; it is printed as IPv4. A dual-stack socket and an IPv4 socket
 * name the same peer with the same bytes. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>

#include "base/buf.h"

struct addr {
	uint8_t ip[16];
	uint16_t port; /* host order; 0 = none */
	uint16_t pad;
	uint32_t scope; /* IPv6 link-local interface; else 0 */
};

struct prefix {
	uint8_t ip[16];
	uint8_t bits; /* 0..128, counted on the mapped form: IPv4 /24 is 120 */
};

/* Longest text of an address: "[ffff:...:255.255.255.255%4294967295]:65535". */
#define ADDR_TEXT_MAX 72

bool addr_is_v4(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b); /* address and port */
bool addr_same_ip(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *a);
bool addr_is_unspecified(const struct addr *a);

/* From the socket layer and back. out_ss must hold sockaddr_storage; v6only = 1 gives an AF_INET6
 * sockaddr even for a mapped address. Returns the length. */
NODISCARD enum err addr_from_sockaddr(const struct sockaddr *sa, struct addr *out_a);
socklen_t addr_to_sockaddr(const struct addr *a, bool v6only, struct sockaddr_storage *out_ss);

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", no port, no scope by name. ERR_SYNTAX. The port of
 * *out_a is 0. */
NODISCARD enum err addr_parse_ip(struct span s, struct addr *out_a);

/* "192.0.2.1:5060", "[2001:db8::1]:5060"; the port may be missing and is then default_port. */
NODISCARD enum err addr_parse(struct span s, uint16_t default_port, struct addr *out_a);

/* IPv6 is written as RFC 5952 says; the _ref form puts it into brackets (RFC 3261 IPv6reference).
 */
void addr_add_ip(struct buf *b, const struct addr *a);
void addr_add_ip_ref(struct buf *b, const struct addr *a);
void addr_add(struct buf *b, const struct addr *a); /* with brackets and port */

/* "192.0.2.0/24", "2001:db8::/32", or an address alone (whole). ERR_SYNTAX; ERR_RANGE when host
 * bits are not zero or the length is too great. */
NODISCARD enum err prefix_parse(struct span s, struct prefix *out_p);

/* A prefix written as IPv6 shorter than /96 holds no IPv4 address: "::/0" is all of IPv6 only. */
bool prefix_contains(const struct prefix *p, const struct addr *a);
void prefix_add(struct buf *b, const struct prefix *p);

#endif
