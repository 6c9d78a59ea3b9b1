/* SPDX-License-Identifier: MIT
 *
 * The XDP program: what it reads of frames, whole and cut off at every octet, in front of a page
 * that may not be touched; and the program itself in the kernel (BPF_PROG_TEST_RUN), where that
 * is allowed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/addr.h"
#include "helper/xdp_maps.h"
#include "helper/xdp_object.h"
#include "helper/xdp_packet.h"

#define BANNED   "192.0.2.7"
#define BANNED6  "2001:db8:7:8::9"

#define DDDDDDDD "dddddddd"

enum { PORT = 5060, NONE = 255, ETHERNET = 14, FRAME_MAX = 512 };

struct frame {
	unsigned char p[FRAME_MAX];
	size_t n;
};

struct row {
	const char *what, *source;
	unsigned tags;    /* of a VLAN */
	uint8_t protocol; /* of the transport */
	uint16_t port;
	unsigned options;       /* of IPv4, in words */
	uint16_t fragment;      /* field of IPv4, or offset of an IPv6 fragment header */
	const char *extensions; /* of IPv6: h r d f a */
	uint16_t type;          /* instead of that of IP */
	uint8_t first;          /* instead of version and length */
	bool is_not_read;
	uint8_t read_protocol;
	uint16_t read_port;
};

static const struct row rows[] = {
    {"UDP", BANNED, 0, IPPROTO_UDP, PORT, .read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"TCP", BANNED, 0, IPPROTO_TCP, PORT, .read_protocol = IPPROTO_TCP, .read_port = PORT},
    {"options", BANNED, 0, IPPROTO_UDP, PORT, .options = 10, .read_protocol = IPPROTO_UDP,
	.read_port = PORT},
    {"a tag", BANNED, 1, IPPROTO_UDP, PORT, .read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"two tags", BANNED, 2, IPPROTO_UDP, PORT, .read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"three tags", BANNED, 3, IPPROTO_UDP, PORT, .is_not_read = true},
    {"first fragment", BANNED, 0, IPPROTO_UDP, PORT, .fragment = 0x2000,
	.read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"later fragment", BANNED, 0, IPPROTO_UDP, PORT, .fragment = 0x2001,
	.read_protocol = IPPROTO_UDP},
    {"last fragment", BANNED, 0, IPPROTO_UDP, PORT, .fragment = 0x00b9,
	.read_protocol = IPPROTO_UDP},
    {"ICMP", BANNED, 0, IPPROTO_ICMP, PORT, .read_protocol = IPPROTO_ICMP},
    {"ARP", BANNED, 0, IPPROTO_UDP, PORT, .type = ETH_P_ARP, .is_not_read = true},
    {"a header that is too short", BANNED, 0, IPPROTO_UDP, PORT, .first = 0x44,
	.is_not_read = true},
    {"version 6 as 4", BANNED, 0, IPPROTO_UDP, PORT, .first = 0x65, .is_not_read = true},
    {"IPv6 UDP", BANNED6, 0, IPPROTO_UDP, PORT, .read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"IPv6 TCP, a tag", BANNED6, 1, IPPROTO_TCP, PORT, .read_protocol = IPPROTO_TCP,
	.read_port = PORT},
    {"IPv6 ICMP", BANNED6, 0, IPPROTO_ICMPV6, PORT, .read_protocol = IPPROTO_ICMPV6},
    {"IPv6 extensions", BANNED6, 0, IPPROTO_UDP, PORT, .extensions = "hdra",
	.read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"IPv6 first fragment", BANNED6, 0, IPPROTO_UDP, PORT, .extensions = "hf",
	.read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"IPv6 later fragment", BANNED6, 0, IPPROTO_UDP, PORT, .extensions = "hf", .fragment = 8,
	.read_protocol = IPPROTO_UDP},
    {"IPv6, as many extensions as are skipped", BANNED6, 0, IPPROTO_UDP, PORT,
	.extensions = DDDDDDDD "dddddda", .read_protocol = IPPROTO_UDP, .read_port = PORT},
    {"IPv6 too many extensions", BANNED6, 0, IPPROTO_UDP, PORT, .extensions = DDDDDDDD DDDDDDDD "d",
	.read_protocol = NONE},
    {"IPv6, one over the edge", BANNED6, 0, IPPROTO_UDP, PORT, .extensions = DDDDDDDD "ddddddda",
	.read_protocol = NONE},
    {"IPv6 ICMP in a fragment", BANNED6, 0, IPPROTO_ICMPV6, PORT, .extensions = "f", .fragment = 8,
	.read_protocol = IPPROTO_ICMPV6},
    {"IPv6, version 4", BANNED6, 0, IPPROTO_UDP, PORT, .first = 0x40, .is_not_read = true},
};

/* ---- frames ---- */

static void put16(struct frame *f, unsigned v)
{
	f->p[f->n++] = (unsigned char)(v >> 8);
	f->p[f->n++] = (unsigned char)v;
}

static void put_zeros(struct frame *f, size_t n)
{
	memset(f->p + f->n, 0, n);
	f->n += n;
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(span_str(text), &a), OK);
	return a;
}

static void put_v4(struct frame *f, const struct row *r, const struct addr *a)
{
	put16(f, (r->first ? r->first : 0x45u + r->options) << 8);
	put_zeros(f, 4);
	put16(f, r->fragment);
	put16(f, 64u << 8 | r->protocol);
	put_zeros(f, 2);
	memcpy(f->p + f->n, a->ip + 12, 4);
	f->n += 4;
	put_zeros(f, 4 + 4 * r->options);
}

static uint8_t number_of(char extension)
{
	static const struct {
		char name;
		uint8_t number;
	} known[] = {{'h', IPPROTO_HOPOPTS}, {'r', IPPROTO_ROUTING}, {'d', IPPROTO_DSTOPTS},
	    {'f', IPPROTO_FRAGMENT}, {'a', IPPROTO_AH}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].name == extension)
			return known[i].number;
	return 0;
}

/* One of 8 octets, or of 16 with a length that says so. */
static void put_extension(struct frame *f, const struct row *r, char kind, uint8_t next)
{
	unsigned length = kind == 'a' ? 2 : kind == 'r' ? 1 : 0;

	put16(f, (unsigned)next << 8 | length);
	put16(f, kind == 'f' ? r->fragment : 0);
	put_zeros(f, length ? 12 : 4);
}

static void put_v6(struct frame *f, const struct row *r, const struct addr *a)
{
	const char *x = r->extensions ? r->extensions : "";

	put16(f, (r->first ? r->first : 0x60u) << 8);
	put_zeros(f, 4);
	put16(f, (unsigned)(*x ? number_of(*x) : r->protocol) << 8 | 64);
	memcpy(f->p + f->n, a->ip, 16);
	f->n += 16;
	put_zeros(f, 16);
	for (; *x; x++)
		put_extension(f, r, *x, x[1] ? number_of(x[1]) : r->protocol);
}

/* What its IP header, at octet `at`, tells of the length. */
static void set_length(struct frame *f, size_t at, bool v4)
{
	size_t length = f->n - at - (v4 ? 0 : 40);

	at += v4 ? 2 : 4;
	f->p[at] = (unsigned char)(length >> 8);
	f->p[at + 1] = (unsigned char)length;
}

static struct frame make(const struct row *r)
{
	struct addr a = address(r->source);
	bool v4 = addr_is_v4(&a);
	struct frame f = {.n = 0};

	put_zeros(&f, 12);
	for (unsigned i = 0; i < r->tags; i++) {
		put16(&f, i ? ETH_P_8021Q : ETH_P_8021AD);
		put16(&f, 7);
	}
	put16(&f, r->type ? r->type : v4 ? ETH_P_IP : ETH_P_IPV6);
	if (v4)
		put_v4(&f, r, &a);
	else
		put_v6(&f, r, &a);
	put16(&f, 40000);
	put16(&f, r->port);
	put_zeros(&f, 16);
	set_length(&f, ETHERNET + 4 * r->tags, v4);
	return f;
}

/* ---- what is read of them ---- */

/* Behind them a page that may not be read. */
static char *before_a_wall(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + page, page, PROT_NONE), 0);
	return p + page;
}

static bool read_cut(char *wall, const struct frame *f, size_t n, struct xdp_packet *out_p)
{
	memcpy(wall - n, f->p, n);
	return xdp_packet_read(out_p, wall - n, wall);
}

static void test_what_is_read(void **state UNUSED)
{
	char *wall = before_a_wall();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct frame f = make(r);
		struct addr a = address(r->source);
		struct xdp_packet p;

		print_message("%s\n", r->what);
		assert_int_equal(read_cut(wall, &f, f.n, &p), !r->is_not_read);
		if (r->is_not_read)
			continue;
		assert_memory_equal(p.source, a.ip, 16);
		assert_int_equal(p.v4, addr_is_v4(&a));
		assert_int_equal(p.protocol, r->read_protocol);
		assert_int_equal(p.port, r->read_port);
		assert_int_equal(p.length, f.n - ETHERNET - 4 * r->tags);
	}
}

/* What is cut off is not read, or read right. */
static void test_cut_off_at_every_octet(void **state UNUSED)
{
	char *wall = before_a_wall();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame f = make(&rows[i]);
		struct addr a = address(rows[i].source);

		for (size_t n = 0; n < f.n; n++) {
			struct xdp_packet p;

			if (!read_cut(wall, &f, n, &p))
				continue;
			assert_false(rows[i].is_not_read);
			assert_memory_equal(p.source, a.ip, 16);
			assert_true(p.port == 0 || p.port == rows[i].read_port);
		}
	}
}

/* ---- the program in the kernel ---- */

static struct {
	struct bpf_object *object;
	int program, sources, nets, ports, dropped;
} kernel;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void set_ports(bool all)
{
	static struct xdp_ports ports;
	__u32 zero = 0;

	memset(&ports, 0, sizeof(ports));
	ports.all = all;
	ports.bits[XDP_PORT(IPPROTO_UDP, PORT) / 64] = 1ull << PORT % 64;
	ports.bits[XDP_PORT(IPPROTO_TCP, PORT) / 64] = 1ull << PORT % 64;
	assert_int_equal(bpf_map_update_elem(kernel.ports, &zero, &ports, BPF_ANY), 0);
}

static int load(void **state UNUSED)
{
	int rc;

	kernel.object = bpf_object__open_mem(xdp_object, xdp_object_size, NULL);
	assert_non_null(kernel.object);
	rc = bpf_object__load(kernel.object);
	if (rc == -EPERM || rc == -ENOSYS) {
		print_message("not allowed here: %s\n", strerror(-rc));
		bpf_object__close(kernel.object);
		kernel.object = NULL;
		return 0;
	}
	assert_int_equal(rc, 0);
	kernel.program =
	    bpf_program__fd(bpf_object__find_program_by_name(kernel.object, "ringfence_ban"));
	kernel.sources = bpf_object__find_map_fd_by_name(kernel.object, "sources");
	kernel.nets = bpf_object__find_map_fd_by_name(kernel.object, "nets");
	kernel.ports = bpf_object__find_map_fd_by_name(kernel.object, "ports");
	kernel.dropped = bpf_object__find_map_fd_by_name(kernel.object, "dropped");
	set_ports(false);
	return 0;
}

static int unload(void **state UNUSED)
{
	bpf_object__close(kernel.object);
	kernel.object = NULL;
	return 0;
}

static void need_kernel(void)
{
	if (!kernel.object)
		skip();
}

static void ban_source(const char *text, uint64_t until)
{
	struct addr a = address(text);
	struct xdp_ban ban = {.until = until};
	struct xdp_source key;
	__u32 word[4];

	memcpy(word, a.ip, sizeof(word));
	key = addr_is_v4(&a) ? XDP_SOURCE_V4(word[3]) : XDP_SOURCE_V6(word[0], word[1]);
	assert_int_equal(bpf_map_update_elem(kernel.sources, &key, &ban, BPF_ANY), 0);
}

static void ban_net(const char *text, uint64_t until)
{
	struct xdp_ban ban = {.until = until};
	struct prefix p;
	struct xdp_net key;

	assert_int_equal(prefix_parse(span_str(text), &p), OK);
	key.bits = p.bits;
	memcpy(key.word, p.ip, sizeof(key.word));
	assert_int_equal(bpf_map_update_elem(kernel.nets, &key, &ban, BPF_ANY), 0);
}

static unsigned run(const struct frame *f, size_t n)
{
	unsigned char out[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->p, .data_size_in = (__u32)n,
	    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(kernel.program, &o), 0);
	assert_int_equal(o.data_size_out, n);
	assert_memory_equal(out, f->p, n); /* it changes nothing */
	return o.retval;
}

static unsigned verdict(const char *source, uint8_t protocol, uint16_t port)
{
	struct row r = {.what = "", .source = source, .protocol = protocol, .port = port};
	struct frame f = make(&r);

	return run(&f, f.n);
}

static unsigned udp(const char *source)
{
	return verdict(source, IPPROTO_UDP, PORT);
}

static uint64_t packets(void)
{
	struct xdp_dropped counts[1024] = {{0}};
	int cpus = libbpf_num_possible_cpus();
	uint64_t n = 0;
	__u32 zero = 0;

	assert_in_range(cpus, 1, ARRAY_LEN(counts));
	assert_int_equal(bpf_map_lookup_elem(kernel.dropped, &zero, counts), 0);
	for (int i = 0; i < cpus; i++)
		n += counts[i].packets;
	return n;
}

static void test_sources(void **state UNUSED)
{
	uint64_t soon = now_ns() + 3600 * 1000000000ull;

	need_kernel();
	assert_int_equal(udp(BANNED), XDP_PASS);
	ban_source(BANNED, soon);
	ban_source(BANNED6, soon);
	assert_int_equal(udp(BANNED), XDP_DROP);
	assert_int_equal(udp("192.0.2.8"), XDP_PASS);
	assert_int_equal(udp(BANNED6), XDP_DROP);
	assert_int_equal(udp("2001:db8:7:8:ffff::1"), XDP_DROP); /* the same /64 */
	assert_int_equal(udp("2001:db8:7:9::9"), XDP_PASS);
	/* 192.0.2.7 as the first half of an IPv6 address */
	assert_int_equal(udp("c000:207::1"), XDP_PASS);
	assert_int_equal(udp("0:0:c000:207::1"), XDP_PASS);
	assert_int_equal(verdict(BANNED, IPPROTO_TCP, PORT), XDP_DROP);
	assert_int_equal(verdict(BANNED, IPPROTO_TCP, 22), XDP_PASS);
	assert_int_equal(verdict(BANNED, IPPROTO_ICMP, PORT), XDP_PASS);
	ban_source(BANNED, now_ns());
	assert_int_equal(udp(BANNED), XDP_PASS);
}

static void test_prefixes(void **state UNUSED)
{
	uint64_t soon = now_ns() + 3600 * 1000000000ull;

	need_kernel();
	ban_net("198.51.100.0/24", soon);
	ban_net("203.0.113.128/25", soon);
	ban_net("2001:db8:ff::/48", soon);
	ban_net("2001:db8:1:2:3:4:5:6/128", soon);
	assert_int_equal(udp("198.51.100.255"), XDP_DROP);
	assert_int_equal(udp("198.51.101.0"), XDP_PASS);
	assert_int_equal(udp("203.0.113.127"), XDP_PASS);
	assert_int_equal(udp("203.0.113.128"), XDP_DROP);
	assert_int_equal(udp("2001:db8:ff:1::1"), XDP_DROP);
	assert_int_equal(udp("2001:db8:fe:1::1"), XDP_PASS);
	assert_int_equal(udp("2001:db8:1:2:3:4:5:6"), XDP_DROP);
	assert_int_equal(udp("2001:db8:1:2:3:4:5:7"), XDP_PASS);
	ban_net("198.51.100.0/24", now_ns());
	assert_int_equal(udp("198.51.100.255"), XDP_PASS);
	/* One of both is enough. */
	ban_source("198.51.100.1", soon);
	ban_source("203.0.113.200", now_ns());
	assert_int_equal(udp("198.51.100.1"), XDP_DROP);
	assert_int_equal(udp("203.0.113.200"), XDP_DROP);
}

static void test_all_ports(void **state UNUSED)
{
	uint64_t soon = now_ns() + 3600 * 1000000000ull;

	need_kernel();
	ban_source(BANNED, soon);
	ban_source(BANNED6, soon);
	set_ports(true);
	assert_int_equal(verdict(BANNED, IPPROTO_TCP, 22), XDP_DROP);
	assert_int_equal(verdict(BANNED, IPPROTO_ICMP, 0), XDP_DROP);
	assert_int_equal(verdict("192.0.2.8", IPPROTO_TCP, 22), XDP_PASS);
	/* Neighbour discovery. */
	assert_int_equal(verdict(BANNED6, IPPROTO_ICMPV6, 0), XDP_PASS);
	assert_int_equal(verdict(BANNED6, IPPROTO_TCP, 22), XDP_DROP);
	set_ports(false);
}

/* The frames of the table, whole and cut off; what has no port of ours passes. */
static void test_verdicts(void **state UNUSED)
{
	uint64_t soon = now_ns() + 3600 * 1000000000ull, before, n = 0;

	need_kernel();
	ban_source(BANNED, soon);
	ban_source(BANNED6, soon);
	before = packets();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame f = make(&rows[i]);
		bool drops = !rows[i].is_not_read && rows[i].read_port == PORT;

		print_message("%s\n", rows[i].what);
		assert_int_equal(run(&f, f.n), drops ? XDP_DROP : XDP_PASS);
		n += drops;
		for (size_t cut = ETHERNET; cut < f.n; cut++) {
			unsigned v = run(&f, cut);

			assert_true(v == XDP_PASS || (v == XDP_DROP && drops));
			n += v == XDP_DROP;
		}
	}
	assert_int_equal(packets() - before, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_read),
	    cmocka_unit_test(test_cut_off_at_every_octet),
	    cmocka_unit_test(test_sources),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_all_ports),
	    cmocka_unit_test(test_verdicts),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
