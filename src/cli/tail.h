/* SPDX-License-Identifier: MIT
 *
 * The lines of a file from the last to the first, without reading more of it than is asked for. */
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

#include "base/span.h"

/* Longer lines are left out. */
#define TAIL_LINE_MAX 65536

/* Calls fn for each line, without its newline, until it returns false. A last line without a
 * newline counts. ERR_IO, with errno, when reading fails; ERR_NOMEM. */
NODISCARD enum err tail_read(int fd, bool (*fn)(void *arg, struct span line), void *arg);

#endif
