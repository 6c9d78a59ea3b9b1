/* SPDX-License-Identifier: MIT
 *
 * The part of `ringfence status` about bans in the kernel. */
#ifndef CLI_STATUS_ENFORCEMENT_H
#define CLI_STATUS_ENFORCEMENT_H

#include <jansson.h>

/* To standard output; st: the answer of `status`. */
void status_print_enforcement(const json_t *st);

#endif
