/* SPDX-License-Identifier: MIT
 *
 * What the daemon tells the helper: how to block, and whom for how long. Plain data; what is in
 * these structs went through message.c, so every field is within its bounds. */
#ifndef HELPER_SETUP_H
#define HELPER_SETUP_H

#include "base/addr.h"

#define HELPER_TABLE_MAX      32 /* bytes of the name of a table, without its end */
#define HELPER_PORTS_MAX      64
#define HELPER_INTERFACES_MAX 16
#define HELPER_INTERFACE_MAX  15 /* bytes of the name of an interface, without its end */

/* Places where bans are carried out; bits of helper_setup.wanted. */
enum helper_backend { HELPER_NFTABLES, HELPER_XDP, HELPER_BACKENDS };

enum helper_xdp_mode { HELPER_XDP_AUTO, HELPER_XDP_NATIVE, HELPER_XDP_GENERIC, HELPER_XDP_MODES };

/* A port of a listener of ours. */
struct helper_port {
	bool tcp; /* else UDP */
	uint16_t port;
};

struct helper_setup {
	unsigned wanted;                  /* 1u << enum helper_backend */
	char table[HELPER_TABLE_MAX + 1]; /* [a-z][a-z0-9_]*, of nftables */
	bool all_ports;                   /* else only what is sent to `ports` is dropped */
	struct helper_port ports[HELPER_PORTS_MAX];
	size_t ports_n;
	enum helper_xdp_mode xdp_mode;
	/* Printable, no blank, no '/' or ':'. At least one when XDP is wanted. */
	char interfaces[HELPER_INTERFACES_MAX][HELPER_INTERFACE_MAX + 1];
	size_t interfaces_n;
};

/* Times: at least a second, at most a leap year, the longest ban by hand. */
#define HELPER_SECONDS_MAX (366u * 24 * 60 * 60)

/* Never shorter: a prefix of a ban. On the mapped form, as in struct prefix. */
#define HELPER_BITS_LEAST_V4 (96 + 8)
#define HELPER_BITS_LEAST_V6 16

struct helper_ban {
	struct prefix what; /* unicast, IPv4 as mapped; host bits are zero */
	uint32_t seconds;   /* from now on; 0 where a ban ends */
};

#endif
