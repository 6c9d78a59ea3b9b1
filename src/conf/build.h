/* SPDX-License-Identifier: MIT
 *
 * Holds a tree against the schema: shapes, names of keys, scalars, bounds, defaults. What is wrong
 * is reported, all of it; what is right stands in the draft. */
#ifndef CONF_BUILD_H
#define CONF_BUILD_H

#include "conf/draft.h"

/* Fills the draft (zeroed by the caller); entries and default nodes come from the arena. False only
 * when there is no memory. */
NODISCARD bool build_draft(const struct node *root, struct arena *arena, struct conf_errors *errs,
    struct draft *out_draft);

/* The name that `text` was probably meant to be: the nearest of n, or n = 0 when none is near. */
struct span build_nearest(struct span text, const struct span *names, size_t n);

#endif
