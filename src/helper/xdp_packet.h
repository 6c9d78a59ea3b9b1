/* SPDX-License-Identifier: MIT
 *
 * Who sent a frame, and to which port. Part of the XDP program, and of a test that runs it with
 * frames of any length: every octet is looked at only behind a comparison with `end`, which is what
 * the kernel's verifier wants to see, too. It lets only those who may read all of the kernel's
 * memory (CAP_PERFMON) add a variable to a pointer, or subtract pointers; so we go in steps. */
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
#define XDP_IHL_MAX          15
#define XDP_EXTENSION_WORDS  16 /* of eight octets: what is skipped of IPv6 extension headers */

#define XDP_FRAGMENT_OFFSET  0x1fff /* of IPv4, in host order */
#define XDP_FRAGMENT_OFFSET6 0xfff8 /* of IPv6 */

/* Headers stand where they come to stand. */
#define XDP_INLINE static inline __attribute__((always_inline, no_sanitize("alignment")))

/* The verifier follows a loop beyond its end, too, as a processor might that guesses. */
#ifdef __clang__
#define XDP_UNROLL _Pragma("clang loop unroll(full)")
#else
#define XDP_UNROLL
#endif

struct xdp_packet {
	__u32 length; /* from the IP header on, as that tells */
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

/* The compiler must not make one addition of several steps. */
XDP_INLINE const char *xdp_step(const char *at, int octets)
{
	at += octets;
	__asm__ volatile("" : "+r"(at));
	return at;
}

/* UDP and TCP begin with the ports. */
XDP_INLINE void xdp_read_port(struct xdp_packet *p, const char *at, const char *end)
{
	const __be16 *ports = (const __be16 *)at;

	if ((p->protocol == IPPROTO_UDP || p->protocol == IPPROTO_TCP) && at + 4 <= end)
		p->port = bpf_ntohs(ports[1]);
}

XDP_INLINE const char *xdp_skip_options(const char *at, __u8 words)
{
	at = xdp_step(at, sizeof(struct iphdr));
	XDP_UNROLL
	for (int i = sizeof(struct iphdr) / 4; i < XDP_IHL_MAX; i++)
		if (i < words)
			at = xdp_step(at, 4);
	return at;
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
	p->length = bpf_ntohs(h->tot_len);
	if (!(h->frag_off & bpf_htons(XDP_FRAGMENT_OFFSET)))
		xdp_read_port(p, xdp_skip_options(at, h->ihl), end);
	return true;
}

XDP_INLINE bool xdp_is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* Its length in words of eight octets, less one. That of an authentication header is in words of
 * four, less two; it fills words of eight (RFC 4302, 3.3.3.2.1). */
XDP_INLINE __u32 xdp_extension_words(const struct xdp_extension *x, __u8 kind)
{
	if (kind == IPPROTO_FRAGMENT)
		return 0;
	return kind == IPPROTO_AH ? x->length / 2 : x->length;
}

/* The transport behind the extension headers. */
XDP_INLINE void xdp_skip_extensions(
    struct xdp_packet *p, const char *at, const char *end, __u8 next)
{
	__u32 rest = 0; /* words of the header that we are in */

	XDP_UNROLL
	for (int i = 0; i <= XDP_EXTENSION_WORDS; i++, at = xdp_step(at, 8)) {
		const struct xdp_extension *x = (const struct xdp_extension *)at;

		if (rest) {
			rest--;
			continue;
		}
		if (!xdp_is_extension(next)) {
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
		rest = xdp_extension_words(x, next);
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
	p->length = sizeof(*h) + bpf_ntohs(h->payload_len);
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
	if (type == bpf_htons(ETH_P_IP))
		return xdp_read_v4(p, at, end);
	return type == bpf_htons(ETH_P_IPV6) && xdp_read_v6(p, at, end);
}

#endif
