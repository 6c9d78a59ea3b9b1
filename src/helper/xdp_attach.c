/* SPDX-License-Identifier: MIT */
#include "helper/xdp_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void xdp_attach_init(struct xdp_attach *a, const struct helper_setup *setup)
{
	a->mode = setup->xdp_mode;
	a->n = setup->interfaces_n;
	for (size_t i = 0; i < a->n; i++) {
		a->list[i].name = setup->interfaces[i];
		a->list[i].link = -1;
	}
}

/* Its number; 0 and errno: there is none of that name, or (EPFNOSUPPORT) its frames are not what
 * the program reads. By netlink's kind of socket, since the worker may make no other. */
static unsigned find(const char *name)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), error;
	struct ifreq number = {.ifr_ifindex = 0}, kind;
	bool found;

	memcpy(number.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	kind = number;
	found = fd >= 0 && ioctl(fd, SIOCGIFINDEX, &number) == 0 &&
		ioctl(fd, SIOCGIFHWADDR, &kind) == 0;
	error = errno;
	if (fd >= 0)
		close(fd);
	if (found && kind.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
	    kind.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK) {
		found = false;
		error = EPFNOSUPPORT;
	}
	errno = error;
	return found ? (unsigned)number.ifr_ifindex : 0;
}

/* Whose it may be: ours is not there when this is asked. */
static bool has_program(unsigned index)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, found);

	return bpf_xdp_query((int)index, 0, &found) != 0 || found.attach_mode != XDP_ATTACHED_NONE;
}

/* The link, or -1 and errno: EEXIST where there is a program; EBUSY is that of a driver, which
 * another mode need not have. */
static int attach(int program, unsigned index, unsigned flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = bpf_link_create(program, (int)index, BPF_XDP, &options), error = errno;

	if (fd >= 0)
		return fd;
	if (error == EBUSY || error == EEXIST)
		error = has_program(index) ? EEXIST : EBUSY;
	errno = error;
	return -1;
}

/* Errors that another mode would have, too. */
static bool is_final(int error)
{
	return error == EEXIST || error == EPERM || error == EACCES || error == ENODEV;
}

static int attach_to(const char *name, int program, enum helper_xdp_mode mode)
{
	unsigned index = find(name);
	int fd = -1;

	if (!index)
		return -1;
	if (mode != HELPER_XDP_GENERIC)
		fd = attach(program, index, XDP_FLAGS_DRV_MODE);
	if (fd < 0 && (mode == HELPER_XDP_GENERIC || (mode == HELPER_XDP_AUTO && !is_final(errno))))
		fd = attach(program, index, XDP_FLAGS_SKB_MODE);
	return fd;
}

static enum err tell(const char *name, enum helper_xdp_mode mode, int error, struct buf *why)
{
	buf_addf(why, "%s%s: ", why->n ? "; " : "", name);
	switch (error) {
	case ENODEV:
	case ENXIO:
		buf_add_lit(why, "no such interface");
		return ERR_NOT_FOUND;
	case EEXIST:
		buf_add_lit(why, "has an XDP program that is not ringfence's");
		return ERR_EXISTS;
	case EPERM:
	case EACCES:
		buf_add_lit(why, "may not attach a program");
		return ERR_DENIED;
	case EPFNOSUPPORT:
		buf_add_lit(why, "is no Ethernet");
		return ERR_UNSUPPORTED;
	case EOPNOTSUPP:
		if (mode == HELPER_XDP_NATIVE)
			buf_add_lit(why, "its driver has no XDP: set xdp.mode to generic");
		else
			buf_add_lit(why, "cannot have a program");
		return ERR_UNSUPPORTED;
	default:
		buf_addf(why, "cannot attach: %s", strerror(error));
		return ERR_IO;
	}
}

enum err xdp_attach_all(struct xdp_attach *a, int program, struct buf *why)
{
	enum err last = ERR_NOT_FOUND;
	bool any = false;
	int error = 0;

	if (!a->n)
		buf_add_lit(why, "no interface has the address of a listener: name some in "
				 "xdp.interfaces");
	for (size_t i = 0; i < a->n; i++) {
		if (a->list[i].link < 0)
			a->list[i].link = attach_to(a->list[i].name, program, a->mode);
		if (a->list[i].link >= 0) {
			any = true;
			continue;
		}
		error = errno;
		last = tell(a->list[i].name, a->mode, error, why);
	}
	errno = error;
	return any ? OK : last;
}

bool xdp_attach_holds(const struct xdp_attach *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct bpf_link_info info = {0};
		__u32 size = sizeof(info);

		if (a->list[i].link >= 0 &&
		    (bpf_obj_get_info_by_fd(a->list[i].link, &info, &size) != 0 ||
			!info.xdp.ifindex))
			return false;
	}
	return true;
}

void xdp_attach_done(struct xdp_attach *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].link >= 0) {
			close(a->list[i].link);
			a->list[i].link = -1;
		}
}
