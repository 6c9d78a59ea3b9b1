/* SPDX-License-Identifier: MIT
 *
 * Whether this build watches itself with a sanitizer: its runtime makes a process that looks into
 * this one, and system calls of its own choice. */
#ifndef DAEMON_SANITIZER_H
#define DAEMON_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANITIZER 1
#endif
#endif
#ifndef SANITIZER
#define SANITIZER 0
#endif

#endif
