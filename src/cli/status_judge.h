/* SPDX-License-Identifier: MIT */
#ifndef CLI_STATUS_JUDGE_H
#define CLI_STATUS_JUDGE_H

#include <jansson.h>

/* The lines of `status` about the judge: ledger, tiers, who is refused, queues, controls. */
void status_print_judge(const json_t *st);

#endif
