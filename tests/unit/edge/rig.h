/* SPDX-License-Identifier: MIT
 *
 * One whole worker in the test's own thread, on a clock of the test's: messages come from and go to
 * phones that are sockets on the loopback address; time passes when the test says so. */
#ifndef TEST_EDGE_RIG_H
#define TEST_EDGE_RIG_H

#include "edge/edge.h"

#define RIG_PHONES 8
#define RIG_TEXT   16384

struct rig {
	struct edge edge;
	struct worker *w;
	struct conf *conf;
	uint16_t port; /* of the listener on 127.0.0.1 */
	int fd[RIG_PHONES];
	struct addr phone[RIG_PHONES]; /* 127.0.0.(10 + i) */
	usec_t now, epoch;
	const char *check_mode;
	char text[RIG_TEXT]; /* what was received last */
	size_t baseline;     /* bytes of the slab in use with nothing to do */
};

/* more: further YAML, or ""; it may begin with indented lines, which are controls. Phone 0 is a
 * peer, `trunk`; nobody else has to log in. All are in standing.allow unless `more` has a section
 * standing. */
void rig_init(struct rig *r, const char *more);

/* The same with another mode of the check. */
void rig_init_check(struct rig *r, const char *more, const char *check_mode);
void rig_done(struct rig *r);

/* The configuration of rig_init with another `more`, as a reload brings it. */
void rig_reload(struct rig *r, const char *more);

/* A message from that phone; LF becomes CRLF. {via} is its Via's address, {edge} ours. */
__attribute__((format(printf, 3, 4))) void rig_send(
    struct rig *r, unsigned phone, const char *fmt, ...);

/* What the gate says of all that rig_send sends. */
extern const struct gate_answer rig_gate;

/* The same message n times in one batch off the wire, before the gate. */
__attribute__((format(printf, 4, 5))) void rig_wire(
    struct rig *r, unsigned phone, size_t n, const char *fmt, ...);

/* The next message that waits for the phone, NUL-terminated, or NULL. */
const char *rig_recv(struct rig *r, unsigned phone);

/* Waiting messages are thrown away; returns how many there were. */
unsigned rig_drain(struct rig *r, unsigned phone);

/* Time passes, in steps of at most 10 ms. */
void rig_run(struct rig *r, usec_t time);

/* Binds user@example.com to the phones of the mask, for a day. */
void rig_bind(struct rig *r, const char *user, unsigned mask);

/* Nothing is left: no transaction, no branch, no byte, no timer but the worker's own. */
void rig_assert_empty(struct rig *r);

uint64_t rig_counter(const struct rig *r, enum counter c);

/* The value of a header of a message, up to the line end, in a static buffer; "" when absent. */
const char *rig_header(const char *msg, const char *name);

/* The answer that a phone gives: Via, From, To (with ;tag=TAG unless it has one), Call-ID, CSeq and
 * Record-Route of the request. more: header lines or "". */
void rig_answer(struct rig *r, unsigned phone, const char *request, unsigned status,
    const char *tag, const char *more);

#endif
