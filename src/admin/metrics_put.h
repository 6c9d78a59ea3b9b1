/* SPDX-License-Identifier: MIT
 *
 * The samples of each family of metrics.def: between metrics.c and metrics_put.c. */
#ifndef ADMIN_METRICS_PUT_H
#define ADMIN_METRICS_PUT_H

#include "admin/exposition.h"
#include "admin/metrics.h"

enum metric_id {
#define ROW(id, type, name, labels, put, help) METRIC_##id,
#include "admin/metrics.def"
#undef ROW
	METRIC_COUNT
};

/* Writes the samples of a family that was begun. */
typedef void metric_put_fn(
    struct exposition *x, const struct metrics_input *in, enum metric_id family);

struct metric {
	enum metric_id id;
	const char *type, *name, *labels, *help;
	metric_put_fn *put;
};

#define ROW(id, type, name, labels, put, help) metric_put_fn put;
#include "admin/metrics.def"
#undef ROW

/* Those counters that belong to a family, in metrics.c. */
void metrics_put_counters(
    struct exposition *x, const struct counter_totals *t, enum metric_id family);

#endif
