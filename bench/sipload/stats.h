/* SPDX-License-Identifier: MIT
 *
 * What a run counts, and how it is printed. */
#ifndef SIPLOAD_STATS_H
#define SIPLOAD_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hist.h"

#define STATUS_MAX 700

/* Ways in which an answer can fail to be the right one. */
enum wrong {
	WRONG_CALL_ID,
	WRONG_CSEQ,
	WRONG_FROM_TAG,
	WRONG_NO_CHALLENGE, /* 401/407 without one that we can answer */
	WRONG_REALM,
	WRONG_NO_BINDING, /* 200 to a REGISTER that does not list our contact */
	WRONG_NO_ROUTE,   /* no Record-Route where one was wanted, or no Contact */
	WRONG_TOO_LONG,   /* dialog state did not fit */
	WRONG_NO_USER,    /* all users have something under way: more users are needed */
	WRONG_COUNT
};

struct stats {
	uint64_t ops; /* completed within the measured time */
	uint64_t started, retransmits, timeouts;
	uint64_t refused[STATUS_MAX]; /* final answers that were not wanted, by status */
	uint64_t wrong[WRONG_COUNT];
	uint64_t late;  /* answers of operations that are over: repeated ones, mostly */
	uint64_t stray; /* answers that belong to nothing */
	uint64_t unreadable;
	uint64_t unexpected; /* requests that nobody here waits for */
	uint64_t challenges;
	uint64_t ack_missing; /* calls that ended before their ACK reached the answering side */
	uint64_t warmup_failures;
	uint64_t elapsed_ns, watch_cpu_ns, spin_cpu_ns, own_cpu_ns;
	struct hist latency;
};

/* Operations that did not end well. */
uint64_t stats_failures(const struct stats *s);

/* Starts counting anew; failures so far go to warmup_failures. */
void stats_reset(struct stats *s);

/* One JSON object on one line; `scene` and `target` are plain words. */
void stats_print_json(
    const struct stats *s, const char *scene, double rate, unsigned window, bool watched, FILE *f);
void stats_print_text(const struct stats *s, const char *scene, bool watched, FILE *f);

#endif
