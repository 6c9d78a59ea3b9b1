/* SPDX-License-Identifier: MIT */
#ifndef CLI_STATUS_LIMITS_H
#define CLI_STATUS_LIMITS_H

#include <jansson.h>

/* The lines of `status` about named limits; none where there are none. */
void status_print_limits(const json_t *st);

#endif
