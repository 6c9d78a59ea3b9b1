/* SPDX-License-Identifier: MIT
 *
 * Names of URI parameters. Internal to this folder. */
#ifndef SIP_URI_PARAM_H
#define SIP_URI_PARAM_H

#include "sip/uri.h"

/* No name stands twice in the (well-formed) list, escapes and case aside (RFC 3261 §19.1.1). */
bool sip_uri_params_differ(struct span params);

#endif
