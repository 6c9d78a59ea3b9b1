/* SPDX-License-Identifier: MIT
 *
 * Prometheus' text format 0.0.4, written a family at a time. Names, labels and help come from the
 * program's tables; values of labels are escaped here and nowhere else, so that no name of the
 * operator can break a line. After an overflow of the buffer nothing more is written. */
#ifndef ADMIN_EXPOSITION_H
#define ADMIN_EXPOSITION_H

#include "base/buf.h"
#include "event/histogram.h"

#define EXPOSITION_LABELS    4   /* of a sample */
#define EXPOSITION_VALUE_MAX 200 /* bytes of a label's value that are shown, before escaping */
#define EXPOSITION_TYPE      "text/plain; version=0.0.4; charset=utf-8"

struct exposition {
	struct buf *b;
	struct span name, labels; /* of the family; labels: "control,reason", may be empty */
};

/* Begins a family: HELP and TYPE. type: "counter", "gauge", "histogram". name and labels must stay
 * until the next family begins. */
void exposition_family(
    struct exposition *x, struct span name, const char *type, struct span labels, struct span help);

/* A sample; values: as many as the family has labels, in their order. */
void exposition_u64(struct exposition *x, uint64_t v, const struct span *values);

/* Thousandths of a millionth: 1500000000 is written 1.5. */
void exposition_nano(struct exposition *x, uint64_t v, const struct span *values);

/* _bucket, _sum and _count of a histogram in seconds. */
void exposition_histogram(
    struct exposition *x, const struct histogram_totals *h, const struct span *values);

/* Text as the value of a label, without its quotes: backslash, quote and newline as the format
 * says; whatever is not printable ASCII as \xHH. */
void exposition_add_value(struct buf *b, struct span s);

#endif
