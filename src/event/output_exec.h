/* SPDX-License-Identifier: MIT
 *
 * Events told to a program: it is run once for each, one after the other, by a process that may do
 * so (daemon/runner), since the daemon itself may not. A program that fails is not run again. */
#ifndef EVENT_OUTPUT_EXEC_H
#define EVENT_OUTPUT_EXEC_H

#include "event/exec_message.h"
#include "event/output.h"

/* Has the process told what is to be run, and gives a socket for its records. Never blocks; called
 * from any thread. ERR_IO with errno. */
typedef enum err exec_open_fn(void *arg, const struct exec_program *p, int *out_fd);

/* Texts are copied; arg must outlive the output. ERR_SYNTAX: not a valid program; ERR_IO with
 * errno; ERR_NOMEM. */
NODISCARD enum err output_new_exec(
    const struct exec_program *p, exec_open_fn *open, void *arg, struct output **out_o);

#endif
