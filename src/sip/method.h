/* SPDX-License-Identifier: MIT
 *
 * Request methods of RFC 3261 and the extensions that an edge meets. A method that is not listed is
 * SIP_METHOD_UNKNOWN; its name stays in the message. */
#ifndef SIP_METHOD_H
#define SIP_METHOD_H

#include "base/span.h"

enum sip_method {
	SIP_METHOD_UNKNOWN = 0,
	SIP_METHOD_INVITE,
	SIP_METHOD_ACK,
	SIP_METHOD_BYE,
	SIP_METHOD_CANCEL,
	SIP_METHOD_OPTIONS,
	SIP_METHOD_REGISTER,
	SIP_METHOD_PRACK,
	SIP_METHOD_UPDATE,
	SIP_METHOD_INFO,
	SIP_METHOD_REFER,
	SIP_METHOD_MESSAGE,
	SIP_METHOD_SUBSCRIBE,
	SIP_METHOD_NOTIFY,
	SIP_METHOD_PUBLISH,
	SIP_METHOD_COUNT
};

/* Case-sensitive (RFC 3261 §7.1): "invite" is unknown. */
enum sip_method sip_method_from(struct span token);

/* "INVITE"; "UNKNOWN" for SIP_METHOD_UNKNOWN. Static. */
struct span sip_method_name(enum sip_method m);

#endif
