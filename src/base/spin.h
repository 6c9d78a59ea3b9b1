/* SPDX-License-Identifier: MIT
 *
 * A lock for what is held for some ten nanoseconds: an entry of a table that all workers share. Who
 * waits for it does not sleep, but lets others run when the holder seems to have lost its
 * processor. Not fair, and nothing may be called while it is held that could sleep or that takes
 * the same lock again. All that was written before spin_unlock is seen after the next spin_lock. */
#ifndef BASE_SPIN_H
#define BASE_SPIN_H

#include <stdatomic.h>

#include "base/attr.h"

/* All zero: free. */
struct spin {
	atomic_uint held;
};

/* The rest of spin_lock when somebody else holds it. */
void spin_wait(struct spin *s);

static inline void spin_lock(struct spin *s)
{
	if (UNLIKELY(atomic_exchange_explicit(&s->held, 1, memory_order_acquire)))
		spin_wait(s);
}

/* By the thread that locked it. */
static inline void spin_unlock(struct spin *s)
{
	atomic_store_explicit(&s->held, 0, memory_order_release);
}

#endif
