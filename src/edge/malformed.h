/* SPDX-License-Identifier: MIT
 *
 * What the layer sip/ calls a fault, in the words of the table of reasons. */
#ifndef EDGE_MALFORMED_H
#define EDGE_MALFORMED_H

#include "event/reason.h"
#include "sip/bad.h"

enum reason malformed_reason(enum sip_bad bad);

#endif
