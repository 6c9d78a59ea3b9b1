/* SPDX-License-Identifier: MIT
 *
 * The floor of a machine: a server that answers every datagram with one of the same size and does
 * nothing else. The request line is overwritten by a status line of the same length, which makes
 * the rest a proper answer. `floor ADDRESS:PORT`; ends with SIGTERM. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/addr.h"

#define BATCH         64
#define DATAGRAM      2048
#define SOCKET_BUFFER (8 << 20)

struct floor_batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	char bytes[BATCH][DATAGRAM];
};

static void turn_into_answer(char *p, size_t n)
{
	static const char status[] = "SIP/2.0 200 ";
	const char *cr = memchr(p, '\r', n);
	size_t line = cr ? (size_t)(cr - p) : 0;
	if (line < sizeof status)
		return;
	memcpy(p, status, sizeof status - 1);
	memset(p + sizeof status - 1, 'k', line - (sizeof status - 1));
}

static void serve(int fd, struct floor_batch *b)
{
	for (;;) {
		for (unsigned i = 0; i < BATCH; i++) {
			b->iov[i] = (struct iovec){b->bytes[i], DATAGRAM};
			b->msg[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
			    .msg_namelen = sizeof b->from[i],
			    .msg_iov = &b->iov[i],
			    .msg_iovlen = 1};
		}
		int n = recvmmsg(fd, b->msg, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EINTR)
			return;
		for (int i = 0; i < n; i++) {
			b->iov[i].iov_len = b->msg[i].msg_len;
			turn_into_answer(b->bytes[i], b->msg[i].msg_len);
		}
		for (int done = 0, sent; done < n; done += sent) {
			sent = sendmmsg(fd, b->msg + done, (unsigned)(n - done), 0);
			if (sent <= 0)
				sent = 1;
		}
	}
}

int main(int argc, char **argv)
{
	struct addr a;
	struct sockaddr_storage ss;
	int size = SOCKET_BUFFER, fd;
	struct floor_batch *b = calloc(1, sizeof *b);
	if (argc != 2 || !b || addr_parse(span_str(argv[1]), 5060, &a) != OK) {
		(void)fputs("usage: floor ADDRESS:PORT\n", stderr);
		free(b);
		return 2;
	}
	socklen_t len = addr_to_sockaddr(&a, false, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&ss, len) == 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
		serve(fd, b);
	}
	perror("floor");
	free(b);
	return 1;
}
