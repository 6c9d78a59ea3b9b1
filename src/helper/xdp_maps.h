/* SPDX-License-Identifier: MIT
 *
 * What the XDP program (xdp.bpf.c) and the helper (xdp.c) share: the layout of the maps. Compiled
 * for both, so it knows nothing of ours. Addresses are in network order, IPv4 as mapped
 * (::ffff:a.b.c.d). */
#ifndef HELPER_XDP_MAPS_H
#define HELPER_XDP_MAPS_H

#include <linux/types.h>

/* The kernel takes the memory for all sources at once, about 100 bytes each. */
#define XDP_SOURCES_MAX (1 << 18)
#define XDP_NETS_MAX    2048

/* `sources`: an IPv4 address, or the first half of an IPv6 address. No IPv6 source begins with the
 * first word of those of IPv4. */
struct xdp_source {
	__u32 word[2];
};

#define XDP_SOURCE_V4(address)     ((struct xdp_source){{0xffffffff, (address)}})
#define XDP_SOURCE_V6(first, next) ((struct xdp_source){{(first), (next)}})

/* `nets`: any other prefix; bits are counted on the mapped form. */
struct xdp_net {
	__u32 bits;
	__u32 word[4];
};

/* The value of both. */
struct xdp_ban {
	__u64 until;      /* CLOCK_BOOTTIME, ns */
	__u32 generation; /* of the synchronisation that told it */
	__u32 zero;
};

/* `ports`, one: what is dropped. A bit a port, by its number: those of TCP (protocol 6), then those
 * of UDP (17). Without a branch: the kernel refuses a sum of a pointer and a number whose range
 * differs by the way that led there. */
#define XDP_PORT(protocol, port) (((protocol)&1u) << 16 | (port))

struct xdp_ports {
	__u64 all; /* 1: whatever it is sent to, and whatever it is but ICMPv6 */
	__u64 bits[2 * 65536 / 64];
};

/* `dropped`, one a processor. */
struct xdp_dropped {
	__u64 packets;
	__u64 bytes; /* from the IP header on, as that tells */
};

#endif
