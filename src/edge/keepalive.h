/* SPDX-License-Identifier: MIT
 *
 * Keep-alives to registered phones (registrar.keepalive): an empty datagram of CRLFs to each
 * binding that is reached over UDP, from the socket that it registered at, so that a NAT in between
 * keeps the way open (RFC 5626 §4.4.1 has the text; phones ignore it). Streams need none. One
 * worker does it, in small portions spread over the period. */
#ifndef EDGE_KEEPALIVE_H
#define EDGE_KEEPALIVE_H

#include "base/wheel.h"
#include "store/bindings.h"

struct worker;

struct keepalive {
	struct timer timer;
	struct bindings_cursor cursor;
	usec_t round; /* when the walk through the table began; 0: none is under way */
	bool walked;  /* to its end */
};

void keepalive_start(struct worker *w);

#endif
