/* SPDX-License-Identifier: MIT */
#include "base/err.h"

static const char *const texts[ERR_COUNT] = {
    [OK] = "done",
    [ERR_NOMEM] = "no memory",
    [ERR_FULL] = "no room left",
    [ERR_RANGE] = "out of range",
    [ERR_SYNTAX] = "bad syntax",
    [ERR_IO] = "system error",
    [ERR_NOT_FOUND] = "not found",
    [ERR_EXISTS] = "exists already",
    [ERR_BUSY] = "busy, try again later",
    [ERR_CLOSED] = "closed",
    [ERR_TIMEOUT] = "timed out",
    [ERR_DENIED] = "not allowed",
    [ERR_UNSUPPORTED] = "not supported",
};

const char *err_text(enum err e)
{
	return (unsigned)e < ERR_COUNT && texts[e] ? texts[e] : "unknown error";
}
