/* SPDX-License-Identifier: MIT
 *
 * Who is believed for where it is, whatever it does: what the configuration names and what this
 * machine itself is. Worked out once for each configuration; immutable. */
#ifndef EDGE_TRUST_H
#define EDGE_TRUST_H

#include "edge/addr_set.h"
#include "guard/standing.h"

struct trust {
	struct prefix *never; /* the whole list, for standing_policy */
	size_t never_n, never_cap;
	struct addr_set exempt; /* allow-list, targets of upstreams and peers */
	struct addr_set own;    /* all of `never` */
};

/* ERR_NOMEM: *t is empty. */
NODISCARD enum err trust_init(struct trust *t, const struct conf *c);
void trust_done(struct trust *t);

/* Of a source that was met in that zone, and is trusted there: how many messages in the window of
 * flood it may send at most. 0: no limit; it is in the allow-list, or no peer. */
uint32_t trust_requests(
    const struct trust *t, const struct conf *c, size_t zone, const struct addr *source);

/* Of a source that was met in that zone. */
enum standing_trust trust_of(
    const struct trust *t, const struct conf *c, size_t zone, const struct addr *source);

/* Whether the address is that of a server of the configuration in that zone: of a core zone, a
 * peer, or a target. All else that we send to are phones; the allow-list makes no server of one. */
bool trust_is_server(const struct conf *c, size_t zone, const struct addr *a);

#endif
