/* SPDX-License-Identifier: MIT */
#include "cli/status_privileges.h"

#include <stdio.h>

#include "cli/text.h"

#define SHOWN 160

static void print_why(const json_t *p, const char *key)
{
	struct span why = text_member(p, key);

	if (!why.n)
		return;
	printf("%16s", "");
	text_print_escaped(stdout, why, SHOWN);
	putchar('\n');
}

void status_print_privileges(const json_t *st)
{
	const json_t *p = json_object_get(st, "privileges");
	unsigned long long landlock = text_number(p, "landlock");

	fputs("privileges      user ", stdout);
	text_print_escaped(stdout, text_member(p, "user"), SHOWN);
	printf(", %s capabilities\n%16ssystem calls %s, files ",
	    json_is_true(json_object_get(p, "capabilities")) ? "HAS" : "no", "",
	    json_is_true(json_object_get(p, "calls_filtered")) ? "filtered" : "NOT filtered");
	if (landlock)
		printf("guarded (Landlock %llu)\n", landlock);
	else
		puts("NOT guarded");
	print_why(p, "calls_error");
	print_why(p, "files_error");
}
