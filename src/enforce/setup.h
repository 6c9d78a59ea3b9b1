/* SPDX-License-Identifier: MIT
 *
 * How the helper is to block, as the configuration says it. */
#ifndef ENFORCE_SETUP_H
#define ENFORCE_SETUP_H

#include "conf/conf.h"
#include "helper/setup.h"

/* Fills all of *out_setup. Where the configuration names no interface for XDP, those that have an
 * address of a listener in a zone without trust are taken, as they are now; all but loopback for a
 * listener on the unspecified address. */
void enforce_setup(const struct conf *c, struct helper_setup *out_setup);

#endif
