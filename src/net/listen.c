/* SPDX-License-Identifier: MIT */
#include "net/listen.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket.h"

enum err net_listen_check(const struct net_listen_addr *addrs, size_t n, struct net_fail *out_fail)
{
	for (size_t i = 0; i < n; i++) {
		int fd;
		enum err e =
		    net_socket_bind(addrs[i].transport, &addrs[i].addr, false, &fd, out_fail);

		if (e != OK)
			return e;
		if (transport_is_stream(addrs[i].transport) && listen(fd, 1) != 0) {
			net_fail_set(out_fail, addrs[i].transport, &addrs[i].addr, "listen", errno);
			close(fd);
			return ERR_IO;
		}
		close(fd);
	}
	return OK;
}

static enum err open_one(struct net_listen *ls, struct net_loop *l, size_t i,
    const struct net_listen_addr *a, const struct net_udp_opts *udp,
    const struct net_udp_handler *h, struct net_tcp *tcp, struct net_fail *out_fail)
{
	struct net_udp_opts uo = udp ? *udp : (struct net_udp_opts){0};
	struct net_listener_opts so = {.addr = a->addr,
	    .transport = a->transport,
	    .listener = (uint16_t)i,
	    .reuse_port = true};

	if (transport_is_stream(a->transport))
		return net_tcp_listen(tcp, &so, &ls->stream[i], out_fail);
	uo.addr = a->addr;
	uo.listener = (uint16_t)i;
	uo.reuse_port = true;
	return net_udp_new(l, &uo, h, &ls->udp[i], out_fail);
}

enum err net_listen_init(struct net_listen *ls, struct net_loop *l,
    const struct net_listen_addr *addrs, size_t n, const struct net_udp_opts *udp,
    const struct net_udp_handler *h, struct net_tcp *tcp, struct net_fail *out_fail)
{
	memset(ls, 0, sizeof(*ls));
	if (n > NET_LISTEN_MAX)
		return ERR_RANGE;
	ls->n = n;
	for (size_t i = 0; i < n; i++) {
		enum err e = open_one(ls, l, i, &addrs[i], udp, h, tcp, out_fail);

		if (e != OK) {
			net_listen_done(ls);
			return e;
		}
	}
	return OK;
}

void net_listen_done(struct net_listen *ls)
{
	for (size_t i = 0; i < ls->n; i++) {
		net_udp_free(ls->udp[i]);
		net_listener_free(ls->stream[i]);
	}
	memset(ls, 0, sizeof(*ls));
}
