/* SPDX-License-Identifier: MIT
 *
 * The other end of the control socket, for commands: blocking, with deadlines. One thread. */
#ifndef ADMIN_CLIENT_H
#define ADMIN_CLIENT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/usec.h"

#define ADMIN_TIMEOUT_MS 10000

struct admin_client;

/* ERR_NOT_FOUND: no daemon listens there; ERR_DENIED: no right to speak to it; ERR_RANGE: the path
 * is too long; ERR_IO. On failure a sentence for a person goes to `why`. */
NODISCARD enum err admin_client_new(const char *path, struct buf *why, struct admin_client **out_c);
void admin_client_free(struct admin_client *c);

/* To poll for an answer; an answer may also be there already, so look with admin_client_next first.
 */
int admin_client_fd(const struct admin_client *c);

/* Sends a request line. Does not take the reference. */
NODISCARD enum err admin_client_send(struct admin_client *c, const json_t *request);

/* The next line, parsed; the caller owns *out_reply. timeout_ms < 0 waits for ever. ERR_CLOSED: the
 * daemon is gone; ERR_TIMEOUT; ERR_SYNTAX: what came is not an object. */
NODISCARD enum err admin_client_next(struct admin_client *c, int timeout_ms, json_t **out_reply);

/* Connects, asks once and disconnects. OK only when the daemon said ok; its error text, or what
 * went wrong, goes to `why`. *out_reply, which may be NULL-initialised, is set whenever a reply
 * came, also one that says no: the caller frees it. ERR_DENIED: the daemon said no; else as above.
 */
NODISCARD enum err admin_call(
    const char *path, const json_t *request, struct buf *why, json_t **out_reply);

#endif
