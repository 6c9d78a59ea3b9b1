/* SPDX-License-Identifier: MIT
 *
 * A place in the kernel where bans are carried out: what the worker of the helper (work.c) asks of
 * nftables and of XDP. One thread; calls may block for as long as the kernel takes.
 *
 * On failure errno tells why where it can, and `why` gets a few words for the operator ("cannot
 * attach to eth0: it has a program already"), without a newline. A backend that failed once is
 * asked again: with the next change, and all over with the next synchronisation. */
#ifndef HELPER_BACKEND_H
#define HELPER_BACKEND_H

#include "base/buf.h"
#include "base/err.h"
#include "helper/setup.h"

struct backend_stats {
	uint64_t entries;        /* bans in force */
	uint64_t evicted;        /* bans that gave way to others for want of room */
	uint64_t packets, bytes; /* dropped since open */
};

struct backend {
	const char *name; /* "nftables", "xdp": as in the configuration */

	/* Makes it ready, with nobody blocked. What a former run left is replaced; what is
	 * somebody else's is never touched. setup is lent for the call. ERR_DENIED: no privilege;
	 * ERR_UNSUPPORTED: this kernel or this build cannot; ERR_IO; ERR_NOMEM. */
	enum err (*open)(const struct helper_setup *setup, struct buf *why, void **out_state);

	/* Blocks; who is blocked already gets the new end. At most MESSAGE_ITEMS of them.
	 * ERR_FULL: there is no room for all; some may be in force. */
	enum err (*add)(void *state, const struct helper_ban *bans, size_t n, struct buf *why);

	/* Ends bans of exactly these prefixes; of those that are not there nothing is said. */
	enum err (*remove)(void *state, const struct helper_ban *bans, size_t n, struct buf *why);

	/* Between the two all bans in force are added once more; whoever is not among them is
	 * blocked no more after sync_end at the latest. A sync that was begun may be begun anew
	 * without an end. OK from sync_begin with words in `why`: it works, but not everywhere. */
	enum err (*sync_begin)(void *state, struct buf *why);
	enum err (*sync_end)(void *state, struct buf *why);

	enum err (*stats)(void *state, struct backend_stats *out_stats);

	/* Frees the state. keep: what is blocked stays so, each ban to its end, where the kernel
	 * can do that without a process; else nothing of it is left. state may be NULL. */
	void (*close)(void *state, bool keep);
};

extern const struct backend backend_nftables;
extern const struct backend backend_xdp; /* backend_none.c where the build has no XDP */

#endif
