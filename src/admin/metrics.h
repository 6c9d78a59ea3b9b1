/* SPDX-License-Identifier: MIT
 *
 * What `/metrics` answers: all figures of the daemon as Prometheus reads them. The families stand
 * in metrics.def. Labels are names of the program or of the configuration, never what a stranger
 * sent, so that their number is bounded. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/admin.h"

#define METRICS_MAX ((size_t)512 * 1024) /* bytes of the whole page */

/* Figures of the HTTP interface itself. */
#define METRICS_CODES_MAX 8
struct metrics_http {
	uint16_t code[METRICS_CODES_MAX]; /* 0: none yet */
	uint64_t answers[METRICS_CODES_MAX];
	uint64_t connections, refused;
};

struct metrics_input {
	const struct admin_status *status;
	const struct event_hub *hub;
	const struct metrics_http *http;
	usec_t wall;
};

/* The whole page. False: it did not fit. */
bool metrics_write(const struct metrics_input *in, struct buf *b);

/* The whole of docs/metrics.md. */
void metrics_write_docs(struct buf *b);

#endif
