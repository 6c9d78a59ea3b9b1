/* SPDX-License-Identifier: MIT */
#include "net/socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void net_fail_set(
    struct net_fail *f, enum transport tr, const struct addr *a, const char *step, int sys)
{
	if (f)
		*f = (struct net_fail){.transport = tr, .addr = *a, .step = step, .sys = sys};
}

/* The name of the system call that failed, or NULL. */
static const char *prepare(int fd, enum transport tr, const struct addr *a, bool reuse_port)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(a, false, &ss);
	int on = 1;

	if (!addr_is_v4(a) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return "setsockopt IPV6_V6ONLY";
	if (transport_is_stream(tr) &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return "setsockopt SO_REUSEADDR";
	if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return "setsockopt SO_REUSEPORT";
	if (bind(fd, (struct sockaddr *)&ss, n) != 0)
		return "bind";
	return NULL;
}

enum err net_socket_bind(enum transport tr, const struct addr *a, bool reuse_port, int *out_fd,
    struct net_fail *out_fail)
{
	int type = transport_is_stream(tr) ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(addr_is_v4(a) ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const char *failed;

	if (fd < 0) {
		net_fail_set(out_fail, tr, a, "socket", errno);
		return ERR_IO;
	}
	failed = prepare(fd, tr, a, reuse_port);
	if (failed) {
		net_fail_set(out_fail, tr, a, failed, errno);
		close(fd);
		return ERR_IO;
	}
	*out_fd = fd;
	return OK;
}

void net_socket_local(int fd, struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct addr got;

	if (getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
	    addr_from_sockaddr((struct sockaddr *)&ss, &got) == OK)
		*a = got;
}
