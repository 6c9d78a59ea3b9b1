/* SPDX-License-Identifier: MIT */
#include "base/flow.h"

const char *transport_name(enum transport t)
{
	static const char *const names[TRANSPORT_COUNT] = {
	    [TRANSPORT_NONE] = "NONE",
	    [TRANSPORT_UDP] = "UDP",
	    [TRANSPORT_TCP] = "TCP",
	    [TRANSPORT_TLS] = "TLS",
	    [TRANSPORT_WS] = "WS",
	    [TRANSPORT_WSS] = "WSS",
	};

	return (unsigned)t < TRANSPORT_COUNT ? names[t] : "NONE";
}
