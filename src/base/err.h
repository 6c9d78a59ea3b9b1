/* SPDX-License-Identifier: MIT
 *
 * The one error type of fallible functions. Parsers and decisions have result types of their own;
 * the three are never mixed. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

enum err {
	OK = 0,
	ERR_NOMEM,     /* no memory, or a budget is spent */
	ERR_FULL,      /* a fixed table, queue or buffer has no room */
	ERR_RANGE,     /* a value is outside its bounds */
	ERR_SYNTAX,    /* text does not follow its grammar */
	ERR_IO,        /* the system refused; errno tells why at the place where it happened */
	ERR_NOT_FOUND, /* nothing under that name */
	ERR_EXISTS,    /* something is already there */
	ERR_BUSY,      /* try again later */
	ERR_CLOSED,    /* the other side, or the owner, is gone */
	ERR_TIMEOUT,   /* a deadline passed */
	ERR_DENIED,    /* not allowed */
	ERR_UNSUPPORTED,
	ERR_COUNT
};

/* A few words for a person, static, never NULL: "no memory". */
const char *err_text(enum err e);

#endif
