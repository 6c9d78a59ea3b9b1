/* SPDX-License-Identifier: MIT
 *
 * One unbound-address socket serves all sources: IP_PKTINFO names the source of each datagram, and
 * every address of 127.0.0.0/8 is ours. */
#include "flood.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH 64

static const struct span methods_known[] = {SPAN("OPTIONS"), SPAN("REGISTER"), SPAN("INVITE")};

#define METHODS ARRAY_LEN(methods_known)
#define MIX     ((1u << METHODS) - 1)

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

struct flood_batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	union control control[BATCH];
	char text[BATCH][1024];
	char trash[BATCH][64];
	struct mmsghdr in[BATCH];
	struct iovec in_iov[BATCH];
};

static void prepare(struct flood_batch *b, const struct settings *set)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *m = &b->msg[i].msg_hdr;
		b->iov[i].iov_base = b->text[i];
		m->msg_iov = &b->iov[i];
		m->msg_iovlen = 1;
		m->msg_name = (void *)&set->target;
		m->msg_namelen = sizeof set->target;
		m->msg_control = &b->control[i];
		m->msg_controllen = sizeof b->control[i];
		b->control[i].head = (struct cmsghdr){.cmsg_level = IPPROTO_IP,
		    .cmsg_type = IP_PKTINFO,
		    .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo))};
		b->in_iov[i] = (struct iovec){b->trash[i], sizeof b->trash[i]};
		b->in[i].msg_hdr.msg_iov = &b->in_iov[i];
		b->in[i].msg_hdr.msg_iovlen = 1;
	}
}

/* The k-th of the methods that are set. */
static struct span method_of(unsigned methods, uint64_t k)
{
	size_t at = methods == MIX ? k % METHODS : 0;

	while (!(methods >> at & 1))
		at++;
	return methods_known[at];
}

static void write_one(struct flood_batch *b, unsigned i, const struct settings *set,
    struct span user_agent, unsigned methods, uint64_t k)
{
	uint32_t ip = ntohl(set->local.sin_addr.s_addr) + (uint32_t)(k % set->sources);
	struct buf t = buf_of(b->text[i], sizeof b->text[i]);
	struct span m = method_of(methods, k);
	const char *user = m.p[0] == 'I' ? "u0000001@" : "", *self = m.p[0] == 'O' ? "" : "f@";
	memcpy(CMSG_DATA(&b->control[i].head),
	    &(struct in_pktinfo){.ipi_spec_dst.s_addr = htonl(ip)}, sizeof(struct in_pktinfo));
	buf_addf(&t,
	    "%.*s sip:%s%.*s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 127.0.0.1:5999;rport;branch=z9hG4bK-f%016llx\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:f@%.*s>;tag=f%llx\r\nTo: <sip:%s%.*s>\r\n"
	    "Call-ID: f%016llx@sipload\r\nCSeq: 1 %.*s\r\nUser-Agent: %.*s\r\n"
	    "Contact: <sip:f@127.0.0.1:5999>\r\nContent-Length: 0\r\n\r\n",
	    SPAN_FMT(m), user, SPAN_FMT(set->domain), (unsigned long long)k, SPAN_FMT(set->domain),
	    (unsigned long long)k, self, SPAN_FMT(set->domain), (unsigned long long)k, SPAN_FMT(m),
	    SPAN_FMT(user_agent));
	b->iov[i].iov_len = t.n;
}

static void drain(int fd, struct flood_batch *b, struct flood *f)
{
	int n;
	do {
		n = recvmmsg(fd, b->in, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
		for (int i = 0; i < n; i++)
			f->answered_bytes += b->in[i].msg_len;
		f->answered += n > 0 ? (uint64_t)n : 0;
	} while (n == BATCH);
}

static void flood_loop(int fd, struct flood_batch *b, const struct settings *set,
    struct span user_agent, unsigned methods, struct flood *f)
{
	uint64_t begin = load_clock_ns(), now = begin, k = 0;
	while (now < begin + set->duration_ns) {
		unsigned n = BATCH;
		now = load_clock_ns();
		if (set->rate > 0) {
			double due = (double)(now - begin) / 1e9 * set->rate - (double)k;
			n = due < 0 ? 0 : due < BATCH ? (unsigned)due : BATCH;
		}
		for (unsigned i = 0; i < n; i++)
			write_one(b, i, set, user_agent, methods, k++);
		int done = n ? sendmmsg(fd, b->msg, n, 0) : 0;
		f->sent += done > 0 ? (uint64_t)done : 0;
		for (int i = 0; i < done; i++)
			f->sent_bytes += b->iov[i].iov_len;
		f->errors += done < (int)n;
		drain(fd, b, f);
	}
	f->elapsed_ns = load_clock_ns() - begin;
}

bool flood_take_method(struct span name, unsigned *out_methods)
{
	for (size_t i = 0; i < METHODS; i++) {
		if (!span_ieq(name, methods_known[i]))
			continue;
		*out_methods = 1u << i;
		return true;
	}
	if (!span_ieq(name, SPAN("mix")))
		return false;
	*out_methods = MIX;
	return true;
}

enum err flood_run(
    const struct settings *set, struct span user_agent, unsigned methods, struct flood *out_f)
{
	struct flood f = {0};
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct flood_batch *b = calloc(1, sizeof *b);
	if (!b)
		return ERR_NOMEM;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof any) < 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		free(b);
		errno = e;
		return ERR_IO;
	}
	prepare(b, set);
	uint64_t cpu = proc_cpu_ns(&set->watch);
	flood_loop(fd, b, set, user_agent, methods, &f);
	f.watch_cpu_ns = proc_cpu_ns(&set->watch) - cpu;
	close(fd);
	free(b);
	*out_f = f;
	return OK;
}
