/* SPDX-License-Identifier: MIT
 *
 * host [":" port] at p, for the URI and Via parsers. Internal to this folder. */
#ifndef SIP_HOST_TAKE_H
#define SIP_HOST_TAKE_H

#include "sip/host.h"

/* The octet behind it, or NULL as sip_host_take says SIP_BAD. `lws` allows white space around the
 * colon: Vias yes (RFC 3261 §20.42), URIs no. On NULL the content of *out_host is undefined. */
const char *sip_hostport_take(const char *p, const char *end, bool lws, struct sip_host *out_host);

#endif
