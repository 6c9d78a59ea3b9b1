/* SPDX-License-Identifier: MIT
 *
 * Keys of the ledger: made from addresses, and back into prefixes and text. */
#include <arpa/inet.h>
#include <string.h>

#include "guard/ledger.h"

#define KIND_SHIFT   60
#define FAMILY_SHIFT 56
#define PORT_SHIFT   32
#define V4_AT        12 /* of an IPv4-mapped address */

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static uint32_t load_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

/* Phones of one /64 have addresses of their own, and mostly the same port. */
static uint32_t host_of(const struct addr *a)
{
	return load_be32(a->ip + 8) ^ load_be32(a->ip + 12);
}

struct ledger_key ledger_key(
    enum ledger_kind kind, const struct addr *a, uint16_t port, uint32_t name)
{
	bool v4 = addr_is_v4(a);
	uint64_t lo = (uint64_t)kind << KIND_SHIFT | (uint64_t)(v4 ? 4 : 6) << FAMILY_SHIFT |
		      (uint64_t)port << PORT_SHIFT;

	if (v4) {
		uint32_t ip = load_be32(a->ip + V4_AT);

		return (struct ledger_key){name, lo | (kind == LEDGER_PREFIX ? ip & ~0xffu : ip)};
	} else {
		uint64_t net = load_be64(a->ip);

		return (struct ledger_key){kind == LEDGER_PREFIX ? net & ~(uint64_t)0xffff : net,
		    lo | (kind == LEDGER_FLOW ? host_of(a) : name)};
	}
}

enum ledger_kind ledger_key_kind(const struct ledger_key *k)
{
	return (enum ledger_kind)(k->lo >> KIND_SHIFT);
}

struct prefix ledger_key_prefix(const struct ledger_key *k)
{
	bool v4 = (k->lo >> FAMILY_SHIFT & 15) == 4, wide = ledger_key_kind(k) == LEDGER_PREFIX;
	struct prefix p = {.bits = 64};

	if (v4) {
		uint32_t ip = htonl((uint32_t)k->lo);

		p.bits = 128;
		p.ip[10] = p.ip[11] = 0xff;
		memcpy(p.ip + V4_AT, &ip, sizeof(ip));
	} else {
		for (int i = 0; i < 8; i++)
			p.ip[i] = (uint8_t)(k->hi >> (56 - 8 * i));
	}
	if (wide)
		p.bits = v4 ? 120 : 48;
	return p;
}

void ledger_key_add(struct buf *b, const struct ledger_key *k)
{
	struct prefix p = ledger_key_prefix(k);
	bool flow = ledger_key_kind(k) == LEDGER_FLOW;

	if (p.bits == 128) {
		struct addr a = {0};

		memcpy(a.ip, p.ip, sizeof(a.ip));
		addr_add_ip(b, &a);
	} else {
		if (flow)
			buf_add_char(b, '[');
		prefix_add(b, &p);
		if (flow)
			buf_add_char(b, ']');
	}
	if (flow) {
		buf_add_char(b, ':');
		buf_add_u64(b, k->lo >> PORT_SHIFT & UINT16_MAX);
	}
}
