/* SPDX-License-Identifier: MIT
 *
 * What workers tell each other, and what other threads tell a worker: letters through its mailbox.
 * A letter owns its memory; nothing else is shared. */
#ifndef EDGE_MAIL_H
#define EDGE_MAIL_H

#include "edge/worker.h"

#define MAIL_BYTES_MAX ((size_t)8 << 20) /* of letters on their way to one worker */

/* A message that came here but belongs to another worker: it walks the path there, with what the
 * gate said here. hops: how many workers saw it before. ERR_FULL, ERR_NOMEM: lost, counted. */
NODISCARD enum err mail_hand_over(const struct pass *p, uint32_t to, unsigned hops);

/* Send `text` over a connection of another worker. The branch is told by mail when that fails. */
NODISCARD enum err mail_send(struct worker *w, uint32_t to, const struct flow *flow,
    struct span text, const struct branch *branch);

/* From any thread: the answer that a pass waits for is in. */
NODISCARD enum err mail_answer(struct worker *w, void *waiting);

/* From any thread: use this configuration from now on; takes the reference. */
NODISCARD enum err mail_snapshot(struct worker *w, struct snapshot *snap);

/* The mailbox callbacks. */
void mail_received(void *arg, const struct mail *m);
void mail_dropped(void *arg, const struct mail *m);

#endif
