/* SPDX-License-Identifier: MIT
 *
 * A configuration as the workers use it: the snapshot of conf/ with what follows from it, worked
 * out once a load. Immutable and counted; a worker holds one reference and swaps it between two
 * messages.
 *
 * Sockets have lasting numbers, slots, which are the same in every worker and live across reloads:
 * a listener that stays in the configuration keeps its slot and its socket. flow.listener is a
 * slot. */
#ifndef EDGE_SNAPSHOT_H
#define EDGE_SNAPSHOT_H

#include <stdatomic.h>

#include "conf/conf.h"
#include "edge/registrar.h"
#include "edge/trust.h"
#include "guard/auth.h"
#include "guard/limit.h"
#include "guard/signatures.h"
#include "sip/host.h"
#include "sip/limits.h"
#include "txn/fsm.h"

#define SLOTS_MAX 64
#define SLOT_NONE UINT16_MAX

struct slot {
	bool used;
	enum transport transport;
	struct addr addr;
	size_t listener; /* index into conf->listeners */
	uint16_t id; /* follows from transport and address alone: survives restarts, in tokens */
};

struct snapshot {
	_Atomic unsigned refs;
	const struct conf *conf; /* one reference */
	struct slot slots[SLOTS_MAX];
	size_t n_slots; /* one above the highest that is used */
	struct auth_policy auth;
	struct sip_limits limits;
	struct txn_timers timers;
	struct registrar_policy registrar;
	struct trust trust;
	struct limit_plan *limit_plan; /* counts; see there */
	struct standing_policy standing;
	struct signatures *signatures;
};

/* Takes over the caller's reference of c. `before` (or NULL) gives slots to the listeners that it
 * has too. NULL: no memory, or more listeners than slots; c is then still the caller's. */
struct snapshot *snapshot_new(const struct conf *c, const struct snapshot *before);

/* Before anyone else has it: offers only algorithms of `algs` (DIGEST_BIT), those for which every
 * account has a hash. False: none of the configured ones is left. *out_fewer: some were left out.
 */
bool snapshot_limit_algorithms(struct snapshot *s, uint8_t algs, bool *out_fewer);

struct snapshot *snapshot_get(struct snapshot *s);
void snapshot_put(struct snapshot *s); /* NULL is fine */

static inline const struct conf_listener *snapshot_listener(const struct snapshot *s, uint16_t slot)
{
	return slot < s->n_slots && s->slots[slot].used
		   ? &s->conf->listeners[s->slots[slot].listener]
		   : NULL;
}

/* The slot that a message to `to` leaves by: the one named by the flow if it still fits, else the
 * one with its local address, else the first of the zone (CONF_NONE: any) with that transport and
 * address family. SLOT_NONE: there is none. */
uint16_t snapshot_slot_for(const struct snapshot *s, const struct flow *to, size_t zone);

/* The slot with that lasting id, or SLOT_NONE. */
uint16_t snapshot_slot_by_id(const struct snapshot *s, uint16_t id);

/* The domain of ours that a host stands for: by name, or, for an address of ours, the first local
 * domain; so a phone that is told only our address is served. NULL: neither. */
const struct conf_domain *snapshot_domain(
    const struct snapshot *s, const struct sip_host *host, const struct addr *local);

/* Host and port name this edge; `local` is where the message came in (for wildcard listeners) or
 * NULL. */
bool snapshot_is_us(
    const struct snapshot *s, struct span host, uint16_t port, const struct addr *local);

#endif
