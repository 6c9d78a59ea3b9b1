/* SPDX-License-Identifier: MIT */
#include "proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t read_first_number(const char *path)
{
	uint64_t v = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &v) != 1)
		v = 0;
	(void)fclose(f);
	return v;
}

static uint64_t threads_cpu_ns(pid_t pid)
{
	char path[80];
	uint64_t sum = 0;
	struct dirent *e;
	(void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	DIR *d = opendir(path);
	if (!d)
		return 0;
	while ((e = readdir(d))) {
		long tid = strtol(e->d_name, NULL, 10);
		if (tid <= 0)
			continue;
		(void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/schedstat", (long)pid, tid);
		sum += read_first_number(path);
	}
	(void)closedir(d);
	return sum;
}

uint64_t proc_cpu_ns(const struct proc_set *set)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < set->n; i++)
		sum += threads_cpu_ns(set->pid[i]);
	return sum;
}
