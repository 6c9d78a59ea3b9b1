/* SPDX-License-Identifier: MIT
 *
 * A score that halves every half-life. Pure functions; a half-life of 0 never forgets. */
#ifndef GUARD_SCORE_H
#define GUARD_SCORE_H

#include "base/usec.h"

/* What is left of it after `passed`. Exact at whole half-lives. */
double score_after(double score, usec_t passed, usec_t half_life);

/* How long until it is down to `floor`; 0 when it is, USEC_MAX when it never will be. */
usec_t score_time_to(double score, double floor, usec_t half_life);

#endif
