/* SPDX-License-Identifier: MIT
 *
 * Time as every layer passes it: microseconds. Logic takes `now` as an argument; only the loop and
 * the daemon read a clock. Monotonic unless a name says `wall`. */
#ifndef BASE_USEC_H
#define BASE_USEC_H

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_MS  ((usec_t)1000)
#define USEC_SEC ((usec_t)1000000)
#define USEC_MIN (60 * USEC_SEC)
#define USEC_MAX UINT64_MAX

#endif
