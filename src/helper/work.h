/* SPDX-License-Identifier: MIT
 *
 * The worker of the helper: reads requests of one daemon, has them carried out, answers each. Knows
 * nothing when it begins; the daemon tells all of it anew after HELLO. */
#ifndef HELPER_WORK_H
#define HELPER_WORK_H

#include <stdint.h>

enum work_end {
	WORK_GONE = 0, /* the daemon is gone without a word: bans stay to their ends */
	WORK_STOPPED,  /* it said STOP */
	WORK_BROKEN    /* the socket fails */
};

/* Serves until the socket ends. fd: SOCK_SEQPACKET, stays the caller's. generation: not 0. */
enum work_end work_run(int fd, uint32_t generation);

#endif
