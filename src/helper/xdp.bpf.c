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

/* What is worked out of a frame: one a processor, which does one frame after the other. It is not
 * on the stack: where the program may not read all of the kernel's memory, each first write to a
 * place there makes the processor wait, so that it cannot guess what it was before. */
struct work {
	struct xdp_packet packet;
	struct xdp_source source;
	struct xdp_net net;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} work SEC(".maps");

const __u32 zero = 0;

static bool has(const struct xdp_ports *s, const struct xdp_packet *p)
{
	__u32 n = XDP_PORT(p->protocol, p->port);

	return s->bits[n / 64] >> (n % 64) & 1;
}

/* Without neighbour discovery there would be no IPv6 at all. */
static bool is_for_us(const struct xdp_packet *p)
{
	const struct xdp_ports *s = bpf_map_lookup_elem(&ports, &zero);

	if (!s)
		return false;
	if (s->all)
		return p->protocol != IPPROTO_ICMPV6;
	return p->port && has(s, p); /* only UDP and TCP have one */
}

static bool is_in_force(const struct xdp_ban *b)
{
	return b && bpf_ktime_get_boot_ns() < b->until;
}

static bool is_banned(struct work *w)
{
	const struct xdp_packet *p = &w->packet;

	w->source = p->v4 ? XDP_SOURCE_V4(p->source[3]) : XDP_SOURCE_V6(p->source[0], p->source[1]);
	w->net.bits = 128;
	for (int i = 0; i < 4; i++)
		w->net.word[i] = p->source[i];
	return is_in_force(bpf_map_lookup_elem(&sources, &w->source)) ||
	       is_in_force(bpf_map_lookup_elem(&nets, &w->net));
}

static void count(__u64 bytes)
{
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
	struct work *w = bpf_map_lookup_elem(&work, &zero);

	if (!w || !xdp_packet_read(&w->packet, data, end) || !is_for_us(&w->packet) ||
	    !is_banned(w))
		return XDP_PASS;
	count(w->packet.length);
	return XDP_DROP;
}

char licence[] SEC("license") = "Dual MIT/GPL";
