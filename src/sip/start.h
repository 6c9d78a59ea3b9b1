/* SPDX-License-Identifier: MIT
 *
 * The start line (RFC 3261 §7.1, §7.2). Internal to this folder. */
#ifndef SIP_START_H
#define SIP_START_H

#include "sip/msg.h"

/* Reads the start line at p into *msg and returns the octet behind its line end. When it is none,
 * *out_reason is set and the place returned. A line that is SIP but malformed sets msg->fault. */
const char *sip_start_read(struct sip_msg *msg, const char *p, const char *end,
    const struct sip_limits *limits, enum sip_bad *out_reason);

#endif
