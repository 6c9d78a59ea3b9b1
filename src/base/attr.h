/* SPDX-License-Identifier: MIT
 *
 * Attributes and the few macros that every layer uses. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

#define NODISCARD                 __attribute__((warn_unused_result))
#define PRINTF(fmt, va)           __attribute__((format(printf, fmt, va)))
#define LIKELY(x)                 __builtin_expect(!!(x), 1)
#define UNLIKELY(x)               __builtin_expect(!!(x), 0)
#define UNUSED                    __attribute__((unused))
#define CACHE_LINE                64

#define ARRAY_LEN(a)              (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, t, mem) ((t *)((char *)(ptr)-offsetof(t, mem)))
#ifndef MIN /* sys/param.h has the same pair */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#endif

#endif
