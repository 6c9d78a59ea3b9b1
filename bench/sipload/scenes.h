/* SPDX-License-Identifier: MIT
 *
 * What an operation can consist of. */
#ifndef SIPLOAD_SCENES_H
#define SIPLOAD_SCENES_H

#include "load.h"

/* OPTIONS to the domain and its 200. */
extern const struct scene scene_options;

/* REGISTER, 401, REGISTER with credentials, 200 with our contact in it. A server that asks no
 * credentials is content with the first. */
extern const struct scene scene_register;

/* One REGISTER with the user's earlier nonce and the next count; the full exchange when there is
 * none or the server calls it stale. Needs users with kept nonces. */
extern const struct scene scene_reuse;

/* INVITE, 100, 180, 200, ACK, BYE, 200 to our own answering side; both in this process. */
extern const struct scene scene_call;

/* The answering side of scene_call: a request that came to an answering port. */
void answer_request(
    struct load *l, struct port *p, const struct wire *w, const struct sockaddr_in *from);

/* What the answering side has seen of a call. */
enum heard { HEARD_INVITE = 1, HEARD_ACK = 2, HEARD_BYE = 4 };

#endif
