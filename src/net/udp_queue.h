/* SPDX-License-Identifier: MIT
 *
 * Datagrams that wait to be sent: a ring of messages over a ring of bytes, both of fixed size,
 * given to the kernel in batches. Messages are written in place. Internal to net/udp. */
#ifndef NET_UDP_QUEUE_H
#define NET_UDP_QUEUE_H

#include <sys/socket.h>

#include "base/addr.h"

/* Told of each message that the system refused. May be NULL. */
typedef void (*udp_queue_failed_fn)(void *arg, const struct addr *to, int sys);

union udp_name {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct udp_source {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_queue {
	int fd;
	bool v4;          /* family of the socket */
	bool with_source; /* bound to a wildcard: the source is chosen a message */
	bool blocked;     /* the kernel took no more; wait until it is writable */
	struct mmsghdr *msgs;
	struct iovec *iovs;
	union udp_name *names;
	struct udp_source *sources;
	uint32_t head, count,
	    cap; /* the messages that wait: count of them from head on, in a ring */
	char *bytes;
	size_t bytes_cap;
	size_t begin,
	    end;     /* the bytes of the waiting messages, in a ring; begin == end == 0 if none */
	char *spare; /* where a message is written that will be dropped */
	uint64_t sent, sent_bytes, dropped, errors;
	udp_queue_failed_fn failed;
	void *failed_arg;
};

/* fd is not owned. bytes_cap at least two rooms, cap at least a batch. ERR_NOMEM. */
NODISCARD enum err udp_queue_init(struct udp_queue *q, int fd, bool v4, bool with_source,
    size_t bytes_cap, uint32_t cap, udp_queue_failed_fn failed, void *arg);
void udp_queue_done(struct udp_queue *q);
size_t udp_queue_memory(size_t bytes_cap, uint32_t cap);

/* As net_udp_reserve and net_udp_commit say. */
struct buf udp_queue_reserve(struct udp_queue *q);
NODISCARD enum err udp_queue_commit(
    struct udp_queue *q, const struct buf *b, const struct addr *to, const struct addr *local);

/* Gives the kernel all that waits, or as much as it takes: then `blocked` is set. */
void udp_queue_flush(struct udp_queue *q);

#endif
