/* SPDX-License-Identifier: MIT
 *
 * Why a source is never banned, in words: which peer, server or address of ours it is. For the
 * operator, off the path of messages. */
#ifndef EDGE_EXEMPT_H
#define EDGE_EXEMPT_H

#include "edge/trust.h"

#define EXEMPT_NAME_MAX 160

struct exempt {
	char name[EXEMPT_NAME_MAX]; /* "peer carrier-a", "standing.allow", "upstream pbx" */
	struct prefix prefix;       /* what of it meets the one that was asked for */
};

/* The first that is `what`, contains it or is part of it. False: it may be banned. */
bool exempt_find(
    const struct conf *c, const struct trust *t, const struct prefix *what, struct exempt *out_x);

/* "192.0.2.0/24 contains peer carrier-a (192.0.2.8/29)". */
void exempt_add_why(struct buf *b, const struct prefix *what, const struct exempt *x);

#endif
