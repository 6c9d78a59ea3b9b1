/* SPDX-License-Identifier: MIT
 *
 * A store in a file of SQLite. Accounts stand in a table `subscriber` as OpenSIPS and Kamailio make
 * it: columns that it lacks (Kamailio: no SHA hashes) are done without, columns that are not ours
 * (password, ha1b, rpid, email_address) are never read for authentication nor filled. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/store.h"

/* path: a file, or ":memory:". roles: STORE_ flags. busy_ms: how long a call waits for another
 * process's lock. A new file gets mode 0600. On failure a sentence is added to why (what, where,
 * what next); ERR_NOT_FOUND: no such file and STORE_CREATE was not given; ERR_IO; ERR_BUSY;
 * ERR_UNSUPPORTED: there is a table of that name without the needed columns; ERR_NOMEM. */
NODISCARD enum err sqlite_open(
    const char *path, unsigned roles, int busy_ms, struct buf *why, struct store **out_s);

#endif
