/* SPDX-License-Identifier: MIT
 *
 * The XDP program: drops what banned sources send to our ports, and touches nothing else. It knows
 * when a ban ends, so that bans end on time whatever becomes of the helper.
 *
 * Decided on each frame by itself. A later fragment has no port and passes: without the first one,
 * which was dropped, it is thrown away when it has waited long enough. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "helper/xdp_maps.h"
#include "helper/xdp_packet.h"

/* When it is full, those go that sent nothing for the longest time. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, XDP_SOURCES_MAX);
	__type(key, struct xdp_source);
	__type(value, struct xdp_ban);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, XDP_NETS_MAX);
	__type(key, struct xdp_net);
	__type(value, struct xdp_ban);
} nets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_ports);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_dropped);
} dropped SEC(".maps");

/* The kernel refuses a sum of a pointer and what is a constant on one path and a variable on
 * another: so one number for the compiler, too, and none for what has no port. */
static bool has(const struct xdp_ports *s, bool tcp, __u16 port)
{
	__u32 n = XDP_PORT(tcp, port);

	__asm__ volatile("" : "+r"(n));
	return s->bits[n / 64] >> (n % 64) & 1;
}

/* Without neighbour discovery there would be no IPv6 at all. */
static bool is_for_us(const struct xdp_packet *p)
{
	__u32 zero = 0;
	const struct xdp_ports *s = bpf_map_lookup_elem(&ports, &zero);

	if (!s)
		return false;
	if (s->all)
		return p->protocol != IPPROTO_ICMPV6;
	return p->port && has(s, p->protocol == IPPROTO_TCP, p->port);
}

static bool is_in_force(const struct xdp_ban *b)
{
	return b && bpf_ktime_get_boot_ns() < b->until;
}

static bool is_banned(const struct xdp_packet *p)
{
	struct xdp_source source =
	    p->v4 ? XDP_SOURCE_V4(p->source[3]) : XDP_SOURCE_V6(p->source[0], p->source[1]);
	struct xdp_net net = {128, {p->source[0], p->source[1], p->source[2], p->source[3]}};

	return is_in_force(bpf_map_lookup_elem(&sources, &source)) ||
	       is_in_force(bpf_map_lookup_elem(&nets, &net));
}

static void count(__u64 bytes)
{
	__u32 zero = 0;
	struct xdp_dropped *d = bpf_map_lookup_elem(&dropped, &zero);

	if (!d)
		return;
	d->packets++;
	d->bytes += bytes;
}

SEC("xdp")
int ringfence_ban(struct xdp_md *ctx)
{
	const char *data = (const char *)(long)ctx->data, *end = (const char *)(long)ctx->data_end;
	struct xdp_packet p;

	if (!xdp_packet_read(&p, data, end) || !is_for_us(&p) || !is_banned(&p))
		return XDP_PASS;
	count(p.length);
	return XDP_DROP;
}

char licence[] SEC("license") = "Dual MIT/GPL";
