/* SPDX-License-Identifier: MIT
 *
 * Does a message look like one of a known scanner? The signatures of a configuration
 * (conf/signatures.h), made ready to be compared; immutable, of the snapshot. Text is compared
 * without regard to case, and only its first SIGNATURES_LOOK octets. */
#ifndef GUARD_SIGNATURES_H
#define GUARD_SIGNATURES_H

#include "conf/conf.h"

#define SIGNATURES_LOOK 256

struct signatures;

/* The configuration must outlive it. ERR_NOMEM. */
NODISCARD enum err signatures_new(const struct conf_scan *c, struct signatures **out_s);
void signatures_free(struct signatures *s); /* NULL is fine */

/* The parts of a message that signatures look at. Spans may be empty. */
struct signature_facts {
	struct span method, user_agent, from_user, to_user, call_id;
	/* The first header of a name; {NULL, 0}: it has none. */
	struct span (*header)(void *arg, struct span name);
	void *arg;
};

/* The first signature that fits; NULL: none does. */
const struct conf_signature *signatures_match(
    const struct signatures *s, const struct signature_facts *f);

#endif
