/* SPDX-License-Identifier: MIT
 *
 * Who sent a frame, and to which port. Part of the XDP program, and of a test that runs it with
 * frames of any length: every octet is looked at only behind a comparison with `end`, which is what
 * the kernel's verifier wants to see, too. */
#ifndef HELPER_XDP_PACKET_H
#define HELPER_XDP_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>

#define XDP_VLAN_TAGS        2
#define XDP_EXTENSIONS       6 /* headers of IPv6 that are skipped at most */

#define XDP_FRAGMENT_OFFSET  0x1fff /* of IPv4, in host order */
#define XDP_FRAGMENT_OFFSET6 0xfff8 /* of IPv6 */

/* Headers stand where they come to stand. */
#define XDP_INLINE static inline __attribute__((always_inline, no_sanitize("alignment")))

struct xdp_packet {
	const char *ip; /* where its IP header begins */
	bool v4;
	__u32 source[4]; /* network order, IPv4 as mapped */
	__u8 protocol;   /* behind the headers of IP; 255: not found */
	__u16 port;      /* of the destination; 0: of no port, or it is in another fragment */
};

struct xdp_vlan {
	__be16 tag, type;
};

/* The common part of what may stand between the IPv6 header and the transport. */
struct xdp_extension {
	__u8 next;
	__u8 length;   /* see below; in a fragment header reserved */
	__be16 offset; /* of a fragment */
	__be32 identification;
};

XDP_INLINE bool xdp_is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* UDP and TCP begin with the ports. */
XDP_INLINE void xdp_read_port(struct xdp_packet *p, const char *at, const char *end)
{
	const __be16 *ports = (const __be16 *)at;

	if ((p->protocol == IPPROTO_UDP || p->protocol == IPPROTO_TCP) && at + 4 <= end)
		p->port = bpf_ntohs(ports[1]);
}

XDP_INLINE bool xdp_read_v4(struct xdp_packet *p, const char *at, const char *end)
{
	const struct iphdr *h = (const struct iphdr *)at;

	if (at + sizeof(*h) > end || h->version != 4 || h->ihl < 5)
		return false;
	p->v4 = true;
	p->source[0] = p->source[1] = 0;
	p->source[2] = bpf_htonl(0xffff);
	p->source[3] = h->saddr;
	p->protocol = h->protocol;
	if (!(h->frag_off & bpf_htons(XDP_FRAGMENT_OFFSET)))
		xdp_read_port(p, at + h->ihl * 4, end);
	return true;
}

/* The transport behind the extension headers. An authentication header counts in words of four
 * octets, less two; the others in words of eight, less one. */
XDP_INLINE void xdp_skip_extensions(
    struct xdp_packet *p, const char *at, const char *end, __u8 next)
{
	for (int i = 0; i < XDP_EXTENSIONS; i++) {
		const struct xdp_extension *x = (const struct xdp_extension *)at;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_AH) {
			p->protocol = next;
			xdp_read_port(p, at, end);
			return;
		}
		if (at + sizeof(*x) > end)
			return;
		if (next == IPPROTO_FRAGMENT && x->offset & bpf_htons(XDP_FRAGMENT_OFFSET6)) {
			p->protocol = x->next;
			return;
		}
		if (next == IPPROTO_FRAGMENT)
			at += sizeof(*x);
		else if (next == IPPROTO_AH)
			at += (x->length + 2) * 4;
		else
			at += (x->length + 1) * 8;
		next = x->next;
	}
}

XDP_INLINE bool xdp_read_v6(struct xdp_packet *p, const char *at, const char *end)
{
	const struct ipv6hdr *h = (const struct ipv6hdr *)at;

	if (at + sizeof(*h) > end || h->version != 6)
		return false;
	p->v4 = false;
	__builtin_memcpy(p->source, &h->saddr, sizeof(p->source));
	xdp_skip_extensions(p, at + sizeof(*h), end, h->nexthdr);
	return true;
}

/* False: not IP, or cut off before its source. */
XDP_INLINE bool xdp_packet_read(struct xdp_packet *p, const char *at, const char *end)
{
	const struct ethhdr *e = (const struct ethhdr *)at;
	__be16 type;

	p->protocol = 255;
	p->port = 0;
	if (at + sizeof(*e) > end)
		return false;
	type = e->h_proto;
	at += sizeof(*e);
	for (int i = 0; i < XDP_VLAN_TAGS && xdp_is_vlan(type); i++) {
		const struct xdp_vlan *v = (const struct xdp_vlan *)at;

		if (at + sizeof(*v) > end)
			return false;
		type = v->type;
		at += sizeof(*v);
	}
	p->ip = at;
	if (type == bpf_htons(ETH_P_IP))
		return xdp_read_v4(p, at, end);
	return type == bpf_htons(ETH_P_IPV6) && xdp_read_v6(p, at, end);
}

#endif
