/* SPDX-License-Identifier: MIT */
#include "sip/chars.h"

/* Short names for this table alone. */
enum {
	TOKEN = SIP_C_TOKEN,
	WORD = SIP_C_WORD,
	USER = SIP_C_USER,
	PASSWORD = SIP_C_PASSWORD,
	PARAM = SIP_C_PARAM,
	HEADER = SIP_C_HEADER,
	URIC = SIP_C_URIC,
	VALUE = SIP_C_VALUE,
	HOST = SIP_C_HOST,
	HEX = SIP_C_HEX,
	LWS = SIP_C_LWS,
	TEL = SIP_C_TEL,
	ALPHA = SIP_C_ALPHA,
	LABEL = SIP_C_LABEL,
};

const uint16_t sip_char_class[256] = {
    ['0' ... '9'] =
	TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | HEX | TEL | LABEL,
    ['A' ... 'F'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | HEX |
		    TEL | ALPHA | LABEL,
    ['G' ... 'Z'] =
	TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | ALPHA | LABEL,
    ['a' ... 'f'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | HEX |
		    TEL | ALPHA | LABEL,
    ['g' ... 'z'] =
	TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | ALPHA | LABEL,
    ['\t'] = LWS,
    ['\n'] = LWS,
    ['\r'] = LWS,
    [' '] = LWS,
    ['!'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE,
    ['"'] = WORD,
    ['#'] = USER | TEL,
    ['$'] = USER | PASSWORD | PARAM | HEADER | URIC | VALUE,
    ['%'] = TOKEN | WORD | VALUE,
    ['&'] = USER | PASSWORD | PARAM | URIC | VALUE,
    ['\''] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE,
    ['('] = WORD | USER | PASSWORD | PARAM | HEADER | URIC | TEL,
    [')'] = WORD | USER | PASSWORD | PARAM | HEADER | URIC | TEL,
    ['*'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | TEL,
    ['+'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | TEL,
    [','] = USER | PASSWORD | URIC,
    ['-'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | TEL | LABEL,
    ['.'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | TEL,
    ['/'] = WORD | USER | PARAM | HEADER | URIC | VALUE,
    [':'] = WORD | PARAM | HEADER | URIC | VALUE,
    [';'] = USER | URIC,
    ['<'] = WORD,
    ['='] = USER | PASSWORD | URIC | VALUE,
    ['>'] = WORD,
    ['?'] = WORD | USER | HEADER | URIC,
    ['@'] = URIC | VALUE,
    ['['] = WORD | PARAM | HEADER | VALUE,
    ['\\'] = WORD,
    [']'] = WORD | PARAM | HEADER | VALUE,
    ['_'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE | HOST | LABEL,
    ['`'] = TOKEN | WORD | VALUE,
    ['{'] = WORD,
    ['}'] = WORD,
    ['~'] = TOKEN | WORD | USER | PASSWORD | PARAM | HEADER | URIC | VALUE,
};
