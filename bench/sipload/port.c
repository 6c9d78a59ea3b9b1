/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SOCKET_BUFFER (32 << 20)

static struct port_batch *batch_new(bool named)
{
	struct port_batch *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	for (unsigned i = 0; i < PORT_BATCH; i++) {
		b->iov[i] = (struct iovec){b->bytes[i], PORT_BYTES};
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
		b->msg[i].msg_hdr.msg_name = named ? &b->addr[i] : NULL;
		b->msg[i].msg_hdr.msg_namelen = named ? sizeof b->addr[i] : 0;
	}
	return b;
}

/* More than net.core.rmem_max when the user may; else as much as there is. */
static void grow_buffers(int fd)
{
	int size = SOCKET_BUFFER;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

enum err port_open(struct port *p, const struct sockaddr_in *self, const struct sockaddr_in *peer)
{
	struct port n = {.fd = -1, .connected = peer != NULL};
	socklen_t len = sizeof n.self;
	char ip[INET_ADDRSTRLEN];
	n.in = batch_new(!peer);
	n.out = batch_new(!peer);
	*p = n;
	if (!n.in || !n.out) {
		port_close(p);
		return ERR_NOMEM;
	}
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (const struct sockaddr *)self, sizeof *self) < 0 ||
	    (peer && connect(p->fd, (const struct sockaddr *)peer, sizeof *peer) < 0) ||
	    getsockname(p->fd, (struct sockaddr *)&p->self, &len) < 0) {
		int e = errno;
		port_close(p);
		errno = e;
		return ERR_IO;
	}
	grow_buffers(p->fd);
	inet_ntop(AF_INET, &p->self.sin_addr, ip, sizeof ip);
	(void)snprintf(p->text, sizeof p->text, "%s:%u", ip, ntohs(p->self.sin_port));
	return OK;
}

void port_close(struct port *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->in);
	free(p->out);
	*p = (struct port){.fd = -1};
}

struct buf port_room(struct port *p)
{
	return buf_of(p->out->bytes[p->queued], PORT_BYTES);
}

void port_put(struct port *p, const struct buf *b, const struct sockaddr_in *to)
{
	unsigned i = p->queued;
	if (b->overflow) {
		p->send_errors++;
		return;
	}
	p->out->iov[i].iov_len = b->n;
	if (!p->connected)
		p->out->addr[i] = *to;
	if (++p->queued == PORT_BATCH)
		port_flush(p);
}

void port_put_copy(struct port *p, struct span s, const struct sockaddr_in *to)
{
	struct buf b = port_room(p);
	buf_add_span(&b, s);
	port_put(p, &b, to);
}

void port_flush(struct port *p)
{
	unsigned done = 0;
	while (done < p->queued) {
		int n = sendmmsg(p->fd, p->out->msg + done, p->queued - done, 0);
		if (n < 0) {
			/* ECONNREFUSED reports an earlier datagram: the same one is tried again,
			 * once per error. */
			p->send_errors++;
			if (errno != ECONNREFUSED && errno != EINTR)
				break;
			continue;
		}
		done += (unsigned)n;
	}
	p->sent += done;
	p->queued = 0;
}

unsigned port_read(struct port *p)
{
	for (unsigned i = 0; i < PORT_BATCH && !p->connected; i++)
		p->in->msg[i].msg_hdr.msg_namelen = sizeof p->in->addr[i];
	int n = recvmmsg(p->fd, p->in->msg, PORT_BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	p->received += (unsigned)n;
	return (unsigned)n;
}
