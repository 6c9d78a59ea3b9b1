/* SPDX-License-Identifier: MIT */
#include "base/spin.h"

#include <sched.h>

/* Looks until the holder, who needs far less, is taken to have lost its processor. */
enum { LOOKS = 64 };

static void pause_once(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Only reads while it is held, so that the holder keeps its cache line. */
void spin_wait(struct spin *s)
{
	unsigned looks = 0;

	do {
		while (atomic_load_explicit(&s->held, memory_order_relaxed)) {
			if (++looks % LOOKS == 0)
				sched_yield();
			else
				pause_once();
		}
	} while (atomic_exchange_explicit(&s->held, 1, memory_order_acquire));
}
