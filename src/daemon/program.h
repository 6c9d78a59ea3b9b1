/* SPDX-License-Identifier: MIT
 *
 * The process of one sink that runs a program: a process of the runner's, one thread, one program
 * at a time. Never a shell: the program gets the arguments of the configuration as they stand
 * there, an environment of our own words, and the event on standard input. It has the time of the
 * sink; what it started ends with it. */
#ifndef DAEMON_PROGRAM_H
#define DAEMON_PROGRAM_H

#include "event/exec_message.h"

/* Runs p for each record that comes from fd, until that ends: then what runs is killed, too. */
_Noreturn void program_serve(int fd, const struct exec_program *p);

/* Sends a result. Nobody may be there to read it. */
void program_answer(int fd, const struct exec_result *r);

#endif
