/* SPDX-License-Identifier: MIT */
#include "net/fail.h"

#include <errno.h>

/* What a person can do about it; NULL when the system's own words say enough. */
static const char *advice(int sys)
{
	switch (sys) {
	case EADDRINUSE:
		return "another process listens there";
	case EACCES:
	case EPERM:
		return "ports below 1024 need CAP_NET_BIND_SERVICE";
	case EADDRNOTAVAIL:
		return "this machine has no such address";
	case EMFILE:
	case ENFILE:
		return "raise the limit of open files";
	case EAFNOSUPPORT:
		return "the kernel has this address family switched off";
	default:
		return NULL;
	}
}

void net_fail_add(struct buf *b, const struct net_fail *f)
{
	const char *name = transport_name(f->transport);
	const char *hint = advice(f->sys);

	for (; *name; name++)
		buf_add_char(b, (char)ascii_lower((unsigned char)*name));
	buf_add_char(b, ':');
	addr_add(b, &f->addr);
	buf_addf(b, ": %s: %s", f->step, strerrordesc_np(f->sys));
	if (hint)
		buf_addf(b, " (%s)", hint);
}
