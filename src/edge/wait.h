/* SPDX-License-Identifier: MIT
 *
 * Passes that wait for the storage thread: copies of the message, bounded in number, resumed by
 * mail on their worker. A resumed message walks the whole path again with the answer in hand, so
 * that what changed in between (its retransmission was served, the configuration was swapped)
 * counts. */
#ifndef EDGE_WAIT_H
#define EDGE_WAIT_H

#include "edge/worker.h"

#define WAITING_MAX      2048              /* a worker */
#define WAITING_BYTES    ((size_t)8 << 20) /* of their messages */
#define WAITING_DEADLINE (8 * USEC_SEC)

struct waiting;

/* Asks for an account: what was brought back, from the cache, or by the storage thread from the
 * store. ANSWER_RECHECK: the cached answer did not fit, ask the store again. OK and ERR_NOT_FOUND:
 * known, OK fills *out_ha1s; ERR_BUSY: the pass waits, return STEP_WAIT; anything else: it cannot
 * be known now. */
NODISCARD enum err wait_for_account(struct pass *p, enum answer what,
    const struct accounts_name *who, struct digest_ha1s *out_ha1s);

/* Asks the store whose alias user@domain is, likewise. OK: *out_owner points into the pass, valid
 * as long as it. ERR_RANGE: too long for a name. */
NODISCARD enum err wait_for_alias(struct pass *p, enum answer what, struct span user,
    struct span domain, const struct alias **out_owner);

/* By mail: the answer is in. */
void wait_answered(struct worker *w, struct waiting *wt);

/* Once a second: those whose mail was lost. */
void wait_sweep(struct worker *w);

/* Frees what still waits; the storage thread has ended. */
void wait_done(struct worker *w);

#endif
