/* SPDX-License-Identifier: MIT
 *
 * By which keys of the configuration a reason is judged, for the commands that explain one. */
#ifndef CLI_REASON_KEYS_H
#define CLI_REASON_KEYS_H

#include "conf/conf.h"
#include "event/reason.h"

/* What it adds to the score of its source; conf may be NULL: as installed. */
uint32_t reason_weight(enum reason r, const struct conf *conf);

/* Calls fn with each key that has a part in it: those of the control, those of each limit, and for
 * what is held against its source the thresholds of the score. */
void reason_keys_each(enum reason r, const struct conf *conf, conf_key_fn *fn, void *arg);

#endif
