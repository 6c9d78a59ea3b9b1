/* SPDX-License-Identifier: MIT
 *
 * What a sink that runs programs and the process that runs them (daemon/runner) say to each other,
 * on this machine, between two processes of one program. Three messages, each a datagram:
 *
 *   program  to the runner: what is to be run for this sink, with a socket for the rest;
 *   record   to that socket: one event (event/format_exec.c), the program is run once for it;
 *   result   from that socket: first READY or REFUSED, then one for each record.
 *
 * Reading believes nothing: what is out of bounds is refused as a whole. Pure functions. */
#ifndef EVENT_EXEC_MESSAGE_H
#define EVENT_EXEC_MESSAGE_H

#include "base/buf.h"
#include "base/usec.h"

#define EXEC_ARGS_MAX      32   /* the program itself and its arguments */
#define EXEC_ARG_MAX       1024 /* bytes of each, without its NUL */
#define EXEC_PROGRAM_MAX   (sizeof(uint32_t) + EXEC_ARGS_MAX * (EXEC_ARG_MAX + 1))
#define EXEC_VARIABLES_MAX 64
#define EXEC_TIMEOUT_MIN   (100 * USEC_MS)
#define EXEC_TIMEOUT_MAX   (5 * USEC_MIN)

/* argv[0] is an absolute path. Behind each argument that was read stands a NUL. */
struct exec_program {
	struct span argv[EXEC_ARGS_MAX];
	size_t argc;
	usec_t timeout; /* whole milliseconds; after it the program is killed */
};

/* "RINGFENCE_REASON=auth.bad-password", each with a NUL behind it; and what the program reads. */
struct exec_record {
	struct span variables[EXEC_VARIABLES_MAX];
	size_t count;
	struct span json;
};

enum exec_end {
	EXEC_READY,       /* of the socket: records may come */
	EXEC_REFUSED,     /* of the socket: the configuration does not name this program */
	EXEC_EXITED,      /* value: the exit code, 0 to 255 */
	EXEC_KILLED,      /* value: the signal, 1 to 64 */
	EXEC_TIMED_OUT,   /* it was killed */
	EXEC_NOT_STARTED, /* value: errno */
	EXEC_END_COUNT
};

struct exec_result {
	enum exec_end end;
	uint32_t value; /* 0 where none is named */
};

#define EXEC_RESULT_BYTES 8

/* No empty path, no NUL inside, all within the bounds above. */
bool exec_program_is_valid(const struct exec_program *p);

/* Appends a valid program. */
void exec_write_program(const struct exec_program *p, struct buf *b);

/* The spans point into the message. ERR_SYNTAX: it is none, or out of bounds. */
NODISCARD enum err exec_read_program(struct span message, struct exec_program *out_p);

/* Names begin with RINGFENCE_ and have capital letters and _, values no control characters.
 * ERR_SYNTAX. */
NODISCARD enum err exec_read_record(struct span message, struct exec_record *out_r);

void exec_write_result(const struct exec_result *r, struct buf *b);
NODISCARD enum err exec_read_result(struct span message, struct exec_result *out_r);

/* The same program, arguments and time. */
bool exec_program_eq(const struct exec_program *a, const struct exec_program *b);

#endif
