/* SPDX-License-Identifier: MIT
 *
 * The secrets of this edge that survive a restart: nonces stay good for the phones that hold one,
 * and dialogs find their way. Kept in the state store, made there when they are missing. */
#ifndef EDGE_KEYS_H
#define EDGE_KEYS_H

#include "edge/worker.h"
#include "store/store.h"

/* ERR_IO and what else the store says; damaged keys are made anew. */
NODISCARD enum err keys_load(
    struct store *s, usec_t wall, struct nonce_keys *out_nonce, struct edge_keys *out_keys);

#endif
