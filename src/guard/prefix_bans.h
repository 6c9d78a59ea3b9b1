/* SPDX-License-Identifier: MIT
 *
 * The list of prefixes that a person banned. It is asked for every message and hardly ever changed:
 * while it is empty the question costs one load, else a walk without a lock under a sequence
 * number, repeated when somebody changed the list meanwhile. Writers take a mutex. Fixed size. */
#ifndef GUARD_PREFIX_BANS_H
#define GUARD_PREFIX_BANS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/addr.h"
#include "base/usec.h"

#define PREFIX_BANS_MAX 256

/* A slot is in use while `until` is not 0. Everything is atomic because readers have no lock. */
struct prefix_ban {
	_Atomic uint64_t hi, lo, mask_hi, mask_lo;
	_Atomic usec_t until;
	_Atomic uint32_t dropped;
	_Atomic bool is_v6; /* holds no IPv4 address, however short it is */
	uint8_t bits;
	bool dirty; /* to be written to the store, as banned or as forgotten */
};

struct prefix_bans {
	_Atomic unsigned used; /* slots from the first to the last in use */
	_Atomic unsigned sequence;
	pthread_mutex_t lock;
	struct prefix_ban slot[PREFIX_BANS_MAX];
};

void prefix_bans_init(struct prefix_bans *l);
void prefix_bans_done(struct prefix_bans *l);

/* Until when one in force holds it; 0: none does. count: a message of it is dropped; *out_first: it
 * is the first one that this ban meets. */
usec_t prefix_bans_until(
    struct prefix_bans *l, const struct addr *a, bool count, usec_t now, bool *out_first);

/* A new one, or another end for one that is there. Those that ran out make room. clean: it is in
 * the store already. ERR_FULL. */
NODISCARD enum err prefix_bans_add(
    struct prefix_bans *l, const struct prefix *p, usec_t until, bool clean, usec_t now);

/* ERR_NOT_FOUND: this very prefix is not banned now. */
NODISCARD enum err prefix_bans_remove(struct prefix_bans *l, const struct prefix *p, usec_t now);

/* This very prefix is banned now. */
bool prefix_bans_has(struct prefix_bans *l, const struct prefix *p, usec_t now);

/* A copy of a slot. */
struct prefix_ban_view {
	struct prefix prefix;
	usec_t until; /* 0: free */
	uint32_t dropped;
	bool dirty;
};

/* i < PREFIX_BANS_MAX. */
void prefix_bans_get(struct prefix_bans *l, unsigned i, struct prefix_ban_view *out_v);

/* The store has it as of `until`. */
void prefix_bans_written(struct prefix_bans *l, unsigned i, usec_t until);

/* All count as changed. */
void prefix_bans_dirty(struct prefix_bans *l);

#endif
