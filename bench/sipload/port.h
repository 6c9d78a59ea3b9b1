/* SPDX-License-Identifier: MIT
 *
 * A UDP socket of the generator that receives and sends in batches, never blocks and never sleeps.
 * What is written stays in the port's own buffers until port_flush(). One thread. */
#ifndef SIPLOAD_PORT_H
#define SIPLOAD_PORT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"

#define PORT_BATCH 64
#define PORT_BYTES 4096 /* longest datagram read or written */

struct port_batch {
	struct mmsghdr msg[PORT_BATCH];
	struct iovec iov[PORT_BATCH];
	struct sockaddr_in addr[PORT_BATCH];
	char bytes[PORT_BATCH][PORT_BYTES];
};

struct port {
	int fd;
	bool connected; /* to the server: datagrams from elsewhere never arrive */
	struct sockaddr_in self;
	char text[24]; /* "127.0.0.1:12345" */
	unsigned queued;
	uint64_t sent, received, send_errors;
	struct port_batch *in, *out;
};

/* Opens and binds; `peer` may be NULL for a port that speaks with anybody. ERR_IO with errno set,
 * ERR_NOMEM. On failure nothing is left open. */
NODISCARD enum err port_open(
    struct port *p, const struct sockaddr_in *self, const struct sockaddr_in *peer);
void port_close(struct port *p);

/* Room for one datagram. The next port_put() sends what was written into it, unless it overflowed.
 */
struct buf port_room(struct port *p);

/* Queues what was written into `b`. `to` is ignored on a connected port. A full batch is sent. */
void port_put(struct port *p, const struct buf *b, const struct sockaddr_in *to);

/* Queues a copy of ready-made bytes. */
void port_put_copy(struct port *p, struct span s, const struct sockaddr_in *to);

void port_flush(struct port *p);

/* Reads up to PORT_BATCH datagrams; they stay in p->in until the next call. */
unsigned port_read(struct port *p);

static inline struct span port_datagram(const struct port *p, unsigned i)
{
	return span_of(p->in->bytes[i], p->in->msg[i].msg_len);
}

#endif
