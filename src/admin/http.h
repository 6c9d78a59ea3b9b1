/* SPDX-License-Identifier: MIT
 *
 * The HTTP interface, for Prometheus and for who asks whether the daemon is well: `/metrics`,
 * `/healthz` and `/`, GET and HEAD only, one request a connection. libwebsockets reads the requests
 * on the main loop; a page is written in one go and sent as the socket takes it, so that no worker
 * and no other client waits. Bounded are connections, the size of a request, the time to send one
 * and to take an answer, and how often the page is made. Main thread only. */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include <uv.h>

#include "admin/admin.h"
#include "conf/conf.h"

#define ADMIN_HTTP_CLIENTS  32
#define ADMIN_HTTP_REQUEST  4096            /* bytes of the headers of a request */
#define ADMIN_HTTP_DEADLINE 10              /* seconds: for a request, and for taking its answer */
#define ADMIN_HTTP_FRESH    (250 * USEC_MS) /* a page is made again when it is older */

struct admin_http;

/* Listens where c says; *out_h is NULL when it says nothing. backend and hub must outlive it.
 * ERR_IO, ERR_BUSY, ERR_EXISTS, ERR_RANGE, ERR_NOMEM, with a sentence in `why`. */
NODISCARD enum err admin_http_new(uv_loop_t *loop, const struct conf *c,
    const struct admin_backend *backend, struct event_hub *hub, struct buf *why,
    struct admin_http **out_h);

/* The token of another configuration; listeners stay as they are. h may be NULL. */
void admin_http_use(struct admin_http *h, const struct conf *c);

/* Closes everything and runs the loop until that is done; NULL is fine. */
void admin_http_free(struct admin_http *h);

/* Whether the value of an Authorization header is "Bearer TOKEN"; takes equally long for all tokens
 * of one length (RFC 6750 §2.1; the scheme in any case, RFC 9110 §11.1). */
bool admin_http_authorized(struct span header, struct span token);

#endif
