/* SPDX-License-Identifier: MIT
 *
 * Datagrams as fast as the core sends them, or at a rate, from one or many addresses of
 * 127.0.0.0/8; nobody waits for answers, but they are counted. */
#ifndef SIPLOAD_FLOOD_H
#define SIPLOAD_FLOOD_H

#include "load.h"

struct flood {
	uint64_t sent, sent_bytes, answered, answered_bytes, errors, elapsed_ns, watch_cpu_ns;
};

/* "options", "register", "invite", or "mix" of the three in turn; false: none of them. */
bool flood_take_method(struct span name, unsigned *out_methods);

/* methods: as flood_take_method gave them. set->sources addresses from set->local on take turns.
 * ERR_IO with errno set, ERR_NOMEM. */
NODISCARD enum err flood_run(
    const struct settings *set, struct span user_agent, unsigned methods, struct flood *out_f);

#endif
