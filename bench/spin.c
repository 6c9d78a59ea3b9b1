/* SPDX-License-Identifier: MIT
 *
 * Keeps cores awake while something is measured: a thread of the lowest class (SCHED_IDLE) turns on
 * each, so that a sleeping server is not also waiting for a halted virtual core to wake. It gives
 * way to everything else. `spin SECONDS CORE...`; ends earlier with its parent or with SIGTERM. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/span.h"

#define SECONDS_MAX 3600

static void *turn(void *arg)
{
	const unsigned *core = arg;
	struct sched_param none = {0};
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(*core, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0 ||
	    sched_setscheduler(0, SCHED_IDLE, &none) < 0) {
		perror("spin");
		return NULL;
	}
	for (;;)
		__asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
	uint32_t seconds;
	static unsigned core[CPU_SETSIZE];
	if (argc < 3 || argc > CPU_SETSIZE ||
	    span_to_u32(span_str(argv[1]), SECONDS_MAX, &seconds)) {
		(void)fputs("usage: spin SECONDS CORE...\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (int i = 2; i < argc; i++) {
		pthread_t t;
		uint32_t c;
		if (span_to_u32(span_str(argv[i]), CPU_SETSIZE - 1, &c) != OK)
			return 2;
		core[i] = c;
		if (pthread_create(&t, NULL, turn, &core[i]) != 0)
			return 1;
	}
	(void)sleep(seconds);
	return 0;
}
