/* SPDX-License-Identifier: MIT
 *
 * What the counter of our table in nftables has counted, asked of the kernel by netlink.
 * libnftables would read all elements of all sets for it, too: with 100,000 bans 0.8 s each time,
 * and a new ban would wait. One thread. */
#ifndef HELPER_DROPS_H
#define HELPER_DROPS_H

#include <stdint.h>

#include "base/err.h"

struct drops;

/* Opens a socket to the kernel. ERR_NOMEM; ERR_IO: errno tells why. */
NODISCARD enum err drops_open(struct drops **out_d);
void drops_close(struct drops *d); /* NULL is fine */

/* Packets and bytes that the counter `name` of the table `table` (family inet) has counted. Waits
 * for the kernel for a second at most. ERR_NOT_FOUND: there is no such table or counter; ERR_IO:
 * errno tells why. */
NODISCARD enum err drops_read(struct drops *d, const char *table, const char *name,
    uint64_t *out_packets, uint64_t *out_bytes);

#endif
