/* SPDX-License-Identifier: MIT
 *
 * The snapshot behind struct conf: its memory, its count, and the indices that make its questions
 * quick. Private to src/conf. Immutable once conf_load has given it out, but for the count. */
#ifndef CONF_SNAPSHOT_H
#define CONF_SNAPSHOT_H

#include <stdatomic.h>

#include "base/siphash.h"
#include "conf/conf.h"

/* From this address up to the next range's start, all sources are one peer's, or nobody's. */
struct source_range {
	uint64_t high, low; /* the address, host order */
	size_t peer;        /* index, or CONF_NONE */
};

struct source_ranges {
	struct source_range *list; /* ascending */
	size_t count;
};

struct snapshot {
	struct conf conf;
	atomic_uint refs;
	struct arena arena;
	struct siphash_key key;
	uint32_t *domain_slots; /* open addressing; 0 = free, else index + 1 */
	size_t domain_mask;
	struct source_ranges *sources; /* one a zone */
};

/* Makes the indices of a finished conf. ERR_NOMEM, or ERR_IO without randomness. */
NODISCARD enum err conf_snapshot_index(struct snapshot *s);

#endif
