/* SPDX-License-Identifier: MIT */
#include "helper/drops.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/object.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ANSWER_MAX = 8192, WAIT_S = 1 }; /* of a counter about 150 bytes */

struct drops {
	struct mnl_socket *socket;
	uint32_t sequence;
};

struct counted {
	bool found;
	uint64_t packets, bytes;
};

enum err drops_open(struct drops **out_d)
{
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct drops *d = calloc(1, sizeof(*d));

	if (!d)
		return ERR_NOMEM;
	d->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!d->socket || mnl_socket_bind(d->socket, 0, MNL_SOCKET_AUTOPID) != 0 ||
	    setsockopt(
		mnl_socket_get_fd(d->socket), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0) {
		drops_close(d);
		return ERR_IO;
	}
	*out_d = d;
	return OK;
}

void drops_close(struct drops *d)
{
	int error = errno;

	if (!d)
		return;
	if (d->socket)
		mnl_socket_close(d->socket);
	free(d);
	errno = error;
}

static bool ask(struct drops *d, const char *table, const char *name)
{
	_Alignas(struct nlmsghdr) char request[512]; /* names have 32 bytes */
	struct nftnl_obj *wanted = nftnl_obj_alloc();
	struct nlmsghdr *header;
	bool sent;

	if (!wanted)
		return false;
	nftnl_obj_set_str(wanted, NFTNL_OBJ_TABLE, table);
	nftnl_obj_set_str(wanted, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(wanted, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	header = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETOBJ, NFPROTO_INET, 0, ++d->sequence);
	nftnl_obj_nlmsg_build_payload(header, wanted);
	sent = mnl_socket_sendto(d->socket, header, header->nlmsg_len) >= 0;
	nftnl_obj_free(wanted);
	return sent;
}

/* As mnl_cb_t: 0 stops. */
static int take(const struct nlmsghdr *header, void *arg)
{
	struct nftnl_obj *counter = nftnl_obj_alloc();
	struct counted *c = arg;

	if (counter && nftnl_obj_nlmsg_parse(header, counter) == 0 &&
	    nftnl_obj_is_set(counter, NFTNL_OBJ_CTR_PKTS) &&
	    nftnl_obj_is_set(counter, NFTNL_OBJ_CTR_BYTES))
		*c = (struct counted){true, nftnl_obj_get_u64(counter, NFTNL_OBJ_CTR_PKTS),
		    nftnl_obj_get_u64(counter, NFTNL_OBJ_CTR_BYTES)};
	nftnl_obj_free(counter);
	return MNL_CB_STOP;
}

/* The answer, or one that was too late for the request before, which is passed over. -1: none. */
static int receive(struct drops *d, struct counted *c)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_MAX];
	ssize_t n;
	int rc;

	do {
		n = mnl_socket_recvfrom(d->socket, answer, sizeof(answer));
		rc = n < 0 ? -1
			   : mnl_cb_run(answer, (size_t)n, d->sequence,
				 mnl_socket_get_portid(d->socket), take, c);
	} while (rc < 0 && (errno == EPROTO || errno == EINTR));
	return rc;
}

enum err drops_read(struct drops *d, const char *table, const char *name, uint64_t *out_packets,
    uint64_t *out_bytes)
{
	struct counted c = {.found = false};

	if (!ask(d, table, name))
		return ERR_IO;
	if (receive(d, &c) < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (!c.found) {
		errno = EBADMSG;
		return ERR_IO;
	}
	*out_packets = c.packets;
	*out_bytes = c.bytes;
	return OK;
}
