/* SPDX-License-Identifier: MIT */
#include "sip/method.h"

static const struct span names[SIP_METHOD_COUNT] = {
    [SIP_METHOD_UNKNOWN] = {"UNKNOWN", 7},
    [SIP_METHOD_INVITE] = {"INVITE", 6},
    [SIP_METHOD_ACK] = {"ACK", 3},
    [SIP_METHOD_BYE] = {"BYE", 3},
    [SIP_METHOD_CANCEL] = {"CANCEL", 6},
    [SIP_METHOD_OPTIONS] = {"OPTIONS", 7},
    [SIP_METHOD_REGISTER] = {"REGISTER", 8},
    [SIP_METHOD_PRACK] = {"PRACK", 5},
    [SIP_METHOD_UPDATE] = {"UPDATE", 6},
    [SIP_METHOD_INFO] = {"INFO", 4},
    [SIP_METHOD_REFER] = {"REFER", 5},
    [SIP_METHOD_MESSAGE] = {"MESSAGE", 7},
    [SIP_METHOD_SUBSCRIBE] = {"SUBSCRIBE", 9},
    [SIP_METHOD_NOTIFY] = {"NOTIFY", 6},
    [SIP_METHOD_PUBLISH] = {"PUBLISH", 7},
};

/* The one candidate by first letters; the full comparison decides. */
static enum sip_method candidate(struct span t)
{
	switch (t.p[0]) {
	case 'A':
		return SIP_METHOD_ACK;
	case 'B':
		return SIP_METHOD_BYE;
	case 'C':
		return SIP_METHOD_CANCEL;
	case 'I':
		return t.n == 4 ? SIP_METHOD_INFO : SIP_METHOD_INVITE;
	case 'M':
		return SIP_METHOD_MESSAGE;
	case 'N':
		return SIP_METHOD_NOTIFY;
	case 'O':
		return SIP_METHOD_OPTIONS;
	case 'P':
		return t.n == 5 ? SIP_METHOD_PRACK : SIP_METHOD_PUBLISH;
	case 'R':
		return t.n == 5 ? SIP_METHOD_REFER : SIP_METHOD_REGISTER;
	case 'S':
		return SIP_METHOD_SUBSCRIBE;
	case 'U':
		return SIP_METHOD_UPDATE;
	default:
		return SIP_METHOD_UNKNOWN;
	}
}

enum sip_method sip_method_from(struct span token)
{
	enum sip_method m;

	if (token.n < 3)
		return SIP_METHOD_UNKNOWN;
	m = candidate(token);
	return m != SIP_METHOD_UNKNOWN && span_eq(token, names[m]) ? m : SIP_METHOD_UNKNOWN;
}

struct span sip_method_name(enum sip_method m)
{
	return names[(unsigned)m < SIP_METHOD_COUNT ? m : SIP_METHOD_UNKNOWN];
}
