/* SPDX-License-Identifier: MIT
 *
 * CPU time of processes, from the scheduler's own account in nanoseconds. */
#ifndef SIPLOAD_PROC_H
#define SIPLOAD_PROC_H

#include <stdint.h>
#include <sys/types.h>

#define PROC_MAX 128

struct proc_set {
	pid_t pid[PROC_MAX];
	unsigned n;
};

/* Sum of the run time in /proc/PID/task/TID/schedstat over all threads of all processes in the set;
 * what is gone counts 0. */
uint64_t proc_cpu_ns(const struct proc_set *set);

#endif
