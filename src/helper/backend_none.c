/* SPDX-License-Identifier: MIT
 *
 * XDP where the build has none. */
#include <errno.h>

#include "helper/backend.h"

static enum err open_none(const struct helper_setup *setup, struct buf *why, void **out_state)
{
	(void)setup;
	(void)out_state;
	errno = EOPNOTSUPP;
	buf_add_lit(why, "this build has no XDP");
	return ERR_UNSUPPORTED;
}

static void close_none(void *state, bool keep)
{
	(void)state;
	(void)keep;
}

const struct backend backend_xdp = {.name = "xdp", .open = open_none, .close = close_none};
