/* SPDX-License-Identifier: MIT
 *
 * An XDP program on its interfaces. It is held there by links of the kernel, which end with this
 * process. An interface that has a program already is left alone. */
#ifndef HELPER_XDP_ATTACH_H
#define HELPER_XDP_ATTACH_H

#include "base/buf.h"
#include "base/err.h"
#include "helper/setup.h"

struct xdp_attach {
	enum helper_xdp_mode mode;
	size_t n;
	struct {
		const char *name; /* of the setup */
		int link;         /* -1: not attached */
	} list[HELPER_INTERFACES_MAX];
};

/* Attached nowhere yet. The names stay those of setup, which outlives *a. */
void xdp_attach_init(struct xdp_attach *a, const struct helper_setup *setup);

/* Attaches the program where it is not. OK when it is on one interface at least; `why` tells of all
 * where it is not. Else the last error, in errno too: ERR_EXISTS: they have programs already;
 * ERR_NOT_FOUND: no such interface; ERR_DENIED; ERR_UNSUPPORTED: also one without Ethernet, whose
 * frames the program cannot read; ERR_IO. */
NODISCARD enum err xdp_attach_all(struct xdp_attach *a, int program, struct buf *why);

/* False: an interface where it was attached is gone, or somebody took it off. */
bool xdp_attach_holds(const struct xdp_attach *a);

/* Takes it off everywhere. */
void xdp_attach_done(struct xdp_attach *a);

#endif
