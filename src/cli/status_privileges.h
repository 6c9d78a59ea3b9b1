/* SPDX-License-Identifier: MIT
 *
 * The line of `ringfence status` about what the daemon may do. */
#ifndef CLI_STATUS_PRIVILEGES_H
#define CLI_STATUS_PRIVILEGES_H

#include <jansson.h>

void status_print_privileges(const json_t *st);

#endif
