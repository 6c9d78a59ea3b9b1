/* SPDX-License-Identifier: MIT */
#include "net/udp_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "net/udp.h"

/* Messages begin on cache lines of their own. */
#define ALIGN_UP(n) (((n) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1))

size_t udp_queue_memory(size_t bytes_cap, uint32_t cap)
{
	return bytes_cap + NET_UDP_ROOM +
	       cap * (sizeof(struct mmsghdr) + sizeof(struct iovec) + sizeof(union udp_name) +
			 sizeof(struct udp_source));
}

/* The control message that names the source address; its address is filled in a message. */
static void init_source(struct udp_source *s, bool v4)
{
	struct cmsghdr *c = (struct cmsghdr *)s->bytes;

	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(v4 ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo));
}

static void init_message(struct udp_queue *q, uint32_t i)
{
	struct msghdr *m = &q->msgs[i].msg_hdr;

	m->msg_iov = &q->iovs[i];
	m->msg_iovlen = 1;
	m->msg_name = &q->names[i];
	m->msg_namelen = q->v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	q->names[i].v4.sin_family = q->v4 ? AF_INET : AF_INET6;
	init_source(&q->sources[i], q->v4);
}

enum err udp_queue_init(struct udp_queue *q, int fd, bool v4, bool with_source, size_t bytes_cap,
    uint32_t cap, udp_queue_failed_fn failed, void *arg)
{
	assert(bytes_cap >= 2 * NET_UDP_ROOM && cap >= NET_UDP_BATCH);
	*q = (struct udp_queue){.fd = fd,
	    .v4 = v4,
	    .with_source = with_source,
	    .cap = cap,
	    .bytes_cap = bytes_cap,
	    .failed = failed,
	    .failed_arg = arg};
	q->msgs = calloc(cap, sizeof(*q->msgs));
	q->iovs = calloc(cap, sizeof(*q->iovs));
	q->names = calloc(cap, sizeof(*q->names));
	q->sources = calloc(cap, sizeof(*q->sources));
	q->bytes = aligned_alloc(CACHE_LINE, ALIGN_UP(bytes_cap));
	q->spare = malloc(NET_UDP_ROOM);
	if (!q->msgs || !q->iovs || !q->names || !q->sources || !q->bytes || !q->spare) {
		udp_queue_done(q);
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < cap; i++)
		init_message(q, i);
	return OK;
}

void udp_queue_done(struct udp_queue *q)
{
	free(q->msgs);
	free(q->iovs);
	free(q->names);
	free(q->sources);
	free(q->bytes);
	free(q->spare);
	*q = (struct udp_queue){.fd = -1};
}

/* Where one more message of the largest size can be written without a break, or NULL. */
static char *find_room(const struct udp_queue *q)
{
	if (q->count == q->cap)
		return NULL;
	if (q->end < q->begin)
		return q->begin - q->end > NET_UDP_ROOM ? q->bytes + q->end : NULL;
	if (q->bytes_cap - q->end >= NET_UDP_ROOM)
		return q->bytes + q->end;
	return q->begin > NET_UDP_ROOM ? q->bytes : NULL;
}

struct buf udp_queue_reserve(struct udp_queue *q)
{
	char *p = find_room(q);

	if (!p && !q->blocked) {
		udp_queue_flush(q);
		p = find_room(q);
	}
	return buf_of(p ? p : q->spare, NET_UDP_ROOM);
}

static void set_name(const struct udp_queue *q, union udp_name *name, const struct addr *to)
{
	if (q->v4) {
		memcpy(&name->v4.sin_addr, to->ip + 12, 4);
		name->v4.sin_port = htons(to->port);
		return;
	}
	memcpy(&name->v6.sin6_addr, to->ip, 16);
	name->v6.sin6_port = htons(to->port);
	name->v6.sin6_scope_id = to->scope;
}

static void set_source(struct udp_queue *q, uint32_t i, const struct addr *local)
{
	struct msghdr *m = &q->msgs[i].msg_hdr;
	char *data = (char *)CMSG_DATA((struct cmsghdr *)q->sources[i].bytes);

	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (!local || addr_is_unspecified(local) || addr_is_v4(local) != q->v4)
		return;
	m->msg_control = q->sources[i].bytes;
	if (q->v4) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, local->ip + 12, 4);
		memcpy(data, &info, sizeof(info));
		m->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = local->scope};

		memcpy(&info.ipi6_addr, local->ip, 16);
		memcpy(data, &info, sizeof(info));
		m->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

enum err udp_queue_commit(
    struct udp_queue *q, const struct buf *b, const struct addr *to, const struct addr *local)
{
	uint32_t i = q->head + q->count;

	if (b->overflow || b->n > NET_UDP_PAYLOAD_MAX || addr_is_v4(to) != q->v4) {
		q->dropped++;
		return ERR_RANGE;
	}
	if (b->p == q->spare) {
		q->dropped++;
		return ERR_FULL;
	}
	assert(b->p == find_room(q));
	if (i >= q->cap)
		i -= q->cap;
	q->iovs[i] = (struct iovec){b->p, b->n};
	set_name(q, &q->names[i], to);
	if (q->with_source)
		set_source(q, i, local);
	q->count++;
	q->end = ALIGN_UP((size_t)(b->p - q->bytes) + b->n);
	if (q->count >= NET_UDP_BATCH && !q->blocked)
		udp_queue_flush(q);
	return OK;
}

/* Forgets the n messages at the head. */
static void drop_head(struct udp_queue *q, uint32_t n)
{
	q->head += n;
	if (q->head >= q->cap)
		q->head -= q->cap;
	q->count -= n;
	if (q->count == 0) {
		q->head = 0;
		q->begin = q->end = 0;
	} else {
		q->begin = (size_t)((char *)q->iovs[q->head].iov_base - q->bytes);
	}
}

static void refuse_head(struct udp_queue *q, int sys)
{
	struct addr to;

	q->errors++;
	if (q->failed && addr_from_sockaddr((const struct sockaddr *)&q->names[q->head], &to) == OK)
		q->failed(q->failed_arg, &to, sys);
	drop_head(q, 1);
}

void udp_queue_flush(struct udp_queue *q)
{
	q->blocked = false;
	while (q->count) {
		uint32_t n = MIN(MIN(q->count, q->cap - q->head), NET_UDP_BATCH);
		int r = sendmmsg(q->fd, q->msgs + q->head, n, MSG_DONTWAIT);

		if (r > 0) {
			for (uint32_t i = 0; i < (uint32_t)r; i++)
				q->sent_bytes += q->iovs[q->head + i].iov_len;
			q->sent += (uint32_t)r;
			drop_head(q, (uint32_t)r);
		} else if (r < 0 && errno == EAGAIN) {
			q->blocked = true;
			return;
		} else if (r < 0 && errno != EINTR) {
			refuse_head(q, errno);
		}
	}
}
