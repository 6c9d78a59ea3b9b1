/* SPDX-License-Identifier: MIT
 *
 * A UDP socket of one worker, received and sent in batches. It lives in its loop's thread.
 * Datagrams are lent to the receiver for the time of the call; what is sent is written straight
 * into the batch. Sending never blocks: what the kernel does not take waits in a queue of fixed
 * size, and beyond that is dropped and counted. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "net/fail.h"
#include "net/loop.h"

/* The largest payload of a UDP datagram over IPv4 (RFC 768, RFC 791), and the room for one. */
#define NET_UDP_PAYLOAD_MAX 65507
#define NET_UDP_ROOM        65536
#define NET_UDP_BATCH       64

struct net_udp;

struct net_dgram {
	struct span data;  /* valid until the receiver returns */
	struct addr from;  /* where an answer goes */
	struct addr local; /* the address of ours that it came to; never a wildcard */
	bool truncated;    /* larger than NET_UDP_ROOM: data is its beginning */
};

struct net_udp_counters {
	uint64_t received, received_bytes;
	uint64_t sent, sent_bytes;
	uint64_t send_dropped; /* the queue was full, or the write overflowed */
	uint64_t send_errors;  /* the system refused one message (ECONNREFUSED, EMSGSIZE, EPERM) */
	uint64_t kernel_drops; /* the receive buffer was full */
};

struct net_udp_handler {
	/* n of 1..NET_UDP_BATCH datagrams in the order of arrival; l->now is fresh. A full batch:
	 * more is likely to wait. May send over any socket; must not free u. */
	void (*received)(void *arg, struct net_udp *u, const struct net_dgram *d, size_t n);
	/* Follows the batches of a turn, of which there is at least one or which was asked for: all
	 * that waited was read, or as much as one turn takes. True: call again in the next
	 * iteration of the loop, which then does not sleep. May be NULL. May send over any socket;
	 * must not free u. */
	bool (*drained)(void *arg, struct net_udp *u);
	/* A message to `to` was refused with this errno; may be NULL. Called while sending: must
	 * not send. */
	void (*send_failed)(void *arg, struct net_udp *u, const struct addr *to, int sys);
	void *arg;
};

struct net_udp_opts {
	struct addr addr;     /* port 0: the system chooses, see net_udp_local */
	bool reuse_port;      /* SO_REUSEPORT: always with more than one worker */
	uint16_t listener;    /* the caller's number, see net_udp_listener */
	uint32_t recv_buffer; /* bytes in the kernel; 0 = 4 MiB */
	uint32_t send_buffer; /* bytes in the kernel; 0 = 1 MiB */
	uint32_t queue_bytes; /* what waits for a full kernel; 0 = 1 MiB; at least 128 KiB */
	uint32_t queue_count; /* messages that wait; 0 = 1024; at least NET_UDP_BATCH */
};

/* Opens and binds; receiving starts with the next iteration. ERR_IO with *out_fail filled (may be
 * NULL), ERR_NOMEM. An IPv6 wildcard is IPv6 only. */
NODISCARD enum err net_udp_new(struct net_loop *l, const struct net_udp_opts *opts,
    const struct net_udp_handler *h, struct net_udp **out_u, struct net_fail *out_fail);

/* Sends what waits once more, closes. NULL is fine. Memory goes with the loop's next iteration. */
void net_udp_free(struct net_udp *u);

/* Bytes of address space that a socket takes with these options; pages are touched as used. */
size_t net_udp_memory(const struct net_udp_opts *opts);

/* The bound address with its real port; may be a wildcard. */
const struct addr *net_udp_local(const struct net_udp *u);
uint16_t net_udp_listener(const struct net_udp *u);

/* Room of NET_UDP_ROOM bytes for one message to write in place; ends with the next call for u
 * other than commit. Always usable: with a full queue it is room whose commit gives ERR_FULL. A
 * reservation that is not committed costs nothing. */
struct buf net_udp_reserve(struct net_udp *u);

/* Sends what was written into the reserved room. *b is that buf. local: the source address, for a
 * socket bound to a wildcard; NULL = the system chooses; ignored otherwise (its port always).
 * ERR_FULL when the queue is full, ERR_RANGE when *b overflowed or is larger than a datagram may
 * be: both counted as dropped. OK says only that it waits to be sent. */
NODISCARD enum err net_udp_commit(
    struct net_udp *u, const struct buf *b, const struct addr *to, const struct addr *local);

/* The same with a copy. */
NODISCARD enum err net_udp_send(
    struct net_udp *u, struct span data, const struct addr *to, const struct addr *local);

/* Sends the batch now. Happens by itself after each received batch, when NET_UDP_BATCH messages
 * wait, and before the loop sleeps. */
void net_udp_flush(struct net_udp *u);

/* How full the kernel's receive buffer is, 0..1; asks the system. */
double net_udp_fill(const struct net_udp *u);

/* Reads kernel_drops from the system. */
struct net_udp_counters net_udp_counters(struct net_udp *u);

#endif
