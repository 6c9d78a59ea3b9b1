/* SPDX-License-Identifier: MIT
 *
 * How many connections each source holds: shared by all workers, of fixed size, keyed by IPv4
 * address or IPv6 /64 under a secret hash. Thread-safe. */
#ifndef NET_SOURCES_H
#define NET_SOURCES_H

#include "base/addr.h"

struct net_sources;

/* connections: the most that all workers together may hold. ERR_NOMEM, ERR_IO (no randomness). */
NODISCARD enum err net_sources_new(size_t connections, struct net_sources **out_t);
void net_sources_free(struct net_sources *t);
size_t net_sources_memory(size_t connections);

/* Counts one more connection of a's source. ERR_DENIED when it holds max already, ERR_FULL when
 * the table has no room where this source belongs. max in 1..65535. */
NODISCARD enum err net_sources_take(struct net_sources *t, const struct addr *a, uint32_t max);

/* Takes one back; each successful take has exactly one. */
void net_sources_give(struct net_sources *t, const struct addr *a);

/* Connections of a's source. */
uint32_t net_sources_count(struct net_sources *t, const struct addr *a);

#endif
