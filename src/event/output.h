/* SPDX-License-Identifier: MIT
 *
 * What a sink writes to: a file, a socket, a web server, a program. An output runs on the thread of
 * its sink and may block, but looks at output_must_end at least every OUTPUT_TICK_MS. It is given
 * records one behind the other, takes as many as it can, and says what became of them. */
#ifndef EVENT_OUTPUT_H
#define EVENT_OUTPUT_H

#include <stdatomic.h>

#include "base/span.h"
#include "base/usec.h"

#define OUTPUT_TICK_MS 100
#define OUTPUT_WHY_MAX 96

/* What became of the records that were offered. */
struct output_result {
	size_t used;              /* bytes of the chunk that are done with: whole records */
	uint64_t delivered;       /* of those, records that arrived, as far as one can know */
	uint64_t lost;            /* of those, records given up */
	unsigned retry_ms;        /* > 0: the rest is to be offered again after that time */
	uint64_t reopened;        /* times that the place was opened again */
	int error;                /* errno of the present trouble; 0: it works */
	char why[OUTPUT_WHY_MAX]; /* words for people; "": those of errno */
};

struct output;

struct output_ops {
	/* How records lie in a chunk: each with its length before it (uint32_t, any alignment),
	 * else each ended by a newline. */
	bool framed;
	void (*deliver)(struct output *o, struct span chunk, struct output_result *out);
	/* Opens the place again, for SIGHUP; NULL: there is nothing to open. */
	void (*reopen)(struct output *o, struct output_result *out);
	void (*free)(struct output *o);
};

/* Begins the struct of every output. */
struct output {
	const struct output_ops *ops;
	const _Atomic usec_t *stop_by; /* set by the sink; 0: nothing ends */
};

/* The sink is to end: what cannot be delivered now is lost. */
bool output_is_ending(const struct output *o);

/* It is to end at once. */
bool output_must_end(const struct output *o);

/* Waits for events of poll(2) on fd (-1: only lets time pass), at most ms. False when they did not
 * come in time or the sink must end. */
bool output_wait(const struct output *o, int fd, short events, unsigned ms);

/* The next record of a framed chunk; moves *rest behind it. False at the end. */
bool output_next(struct span *rest, struct span *out_record);

/* The clock of stop_by: monotonic. */
usec_t output_now(void);

/* A pause before the next try, doubled from one second to a minute; 0 starts. */
unsigned output_backoff(unsigned before_ms);

/* Sets error and why. */
PRINTF(3, 4) void output_fail(struct output_result *r, int error, const char *fmt, ...);

/* A file that is appended to, created with mode 0640, and opened again when it was moved or
 * removed. ERR_IO, with errno, when it cannot be opened now; trouble later is no error here. */
NODISCARD enum err output_new_file(const char *path, struct output **out_o);

/* An open descriptor, such as standard output; it is not closed. */
NODISCARD enum err output_new_fd(int fd, struct output **out_o);

/* A datagram a record, to a socket of this machine or to a server; and a connection on which each
 * record has its length before it (octet counting, RFC 6587 §3.4.1). Names are looked up on the
 * sink's thread when the first record comes, and again after a failure; what cannot be sent waits.
 * Copies the texts. ERR_NOMEM. */
NODISCARD enum err output_new_unix(const char *path, struct output **out_o);
NODISCARD enum err output_new_udp(const char *host, uint16_t port, struct output **out_o);
NODISCARD enum err output_new_tcp(const char *host, uint16_t port, struct output **out_o);

#endif
