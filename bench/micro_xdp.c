/* SPDX-License-Identifier: MIT
 *
 * What the XDP program costs a packet: nanoseconds of BPF_PROG_TEST_RUN, a million times the same
 * UDP datagram of IPv4, with so many sources banned. Best of five. The driver is not in it, and the
 * sender's entry is in the processor's cache. Needs CAP_BPF and CAP_NET_ADMIN. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "helper/xdp_maps.h"
#include "helper/xdp_object.h"
#include "helper/xdp_packet.h"

enum { ROUNDS = 1000000, TRIES = 5, PORT = 5060, FRAME = 14 + 20 + 8 + 400 };

static const struct {
	const char *what;
	uint32_t source; /* host order; those from 11.0.0.0 on are banned */
	uint16_t port;
} rows[] = {
    {"a stranger, to another port", 0x0a000001, 20000},
    {"a stranger, to our port", 0x0a000001, PORT},
    {"a banned source, to our port", 0x0b000000, PORT},
    {"of a banned prefix, to our port", 0x0c000001, PORT},
};

static void make(unsigned char frame[FRAME], uint32_t source, uint16_t port)
{
	struct ethhdr e = {.h_proto = htons(ETH_P_IP)};
	struct iphdr ip = {.version = 4, .ihl = 5, .protocol = IPPROTO_UDP, .saddr = htonl(source)};
	uint16_t ports[2] = {htons(40000), htons(port)};

	memset(frame, 0, FRAME);
	memcpy(frame, &e, sizeof(e));
	memcpy(frame + 14, &ip, sizeof(ip));
	memcpy(frame + 34, ports, sizeof(ports));
}

static unsigned run(int program, uint32_t source, uint16_t port, unsigned *out_verdict)
{
	unsigned char frame[FRAME];
	unsigned best = UINT32_MAX;

	make(frame, source, port);
	for (int i = 0; i < TRIES; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = FRAME,
		    .repeat = ROUNDS);

		if (bpf_prog_test_run_opts(program, &o) != 0) {
			perror("BPF_PROG_TEST_RUN");
			exit(1);
		}
		best = MIN(best, o.duration);
		*out_verdict = o.retval;
	}
	return best;
}

static void ban(int map, uint32_t from, uint32_t to)
{
	const struct xdp_ban forever = {.until = UINT64_MAX};

	for (uint32_t i = from; i < to; i++) {
		struct xdp_source key = XDP_SOURCE_V4(htonl(0x0b000000 + i));

		(void)bpf_map_update_elem(map, &key, &forever, BPF_ANY);
	}
}

static void set_up(struct bpf_object *o)
{
	static struct xdp_ports ports = {.udp = {[PORT / 64] = 1ull << PORT % 64}};
	const struct xdp_ban forever = {.until = UINT64_MAX};
	struct xdp_net net = {96 + 8, {0, 0, htonl(0xffff), htonl(0x0c000000)}};
	__u32 zero = 0;

	(void)bpf_map_update_elem(
	    bpf_object__find_map_fd_by_name(o, "ports"), &zero, &ports, BPF_ANY);
	(void)bpf_map_update_elem(
	    bpf_object__find_map_fd_by_name(o, "nets"), &net, &forever, BPF_ANY);
}

int main(void)
{
	static const uint32_t sizes[] = {1, 100000, 250000};
	struct bpf_object *o = bpf_object__open_mem(xdp_object, xdp_object_size, NULL);
	uint32_t banned = 0;
	int program;

	if (!o || bpf_object__load(o) != 0) {
		fputs("the program cannot be loaded here\n", stderr);
		return 1;
	}
	program = bpf_program__fd(bpf_object__find_program_by_name(o, "ringfence_ban"));
	set_up(o);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ban(bpf_object__find_map_fd_by_name(o, "sources"), banned, sizes[i]);
		banned = sizes[i];
		for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
			unsigned verdict, ns = run(program, rows[k].source, rows[k].port, &verdict);

			printf("%7u bans  %-34s %-5s %4u ns\n", banned, rows[k].what,
			    verdict == XDP_DROP ? "drop" : "pass", ns);
		}
	}
	bpf_object__close(o);
	return 0;
}
