/* SPDX-License-Identifier: MIT
 *
 * Events posted to a web server, as JSON arrays: with libcurl, on the sink's thread. No redirect is
 * followed, no proxy of the environment is used, and an address is judged after its name was looked
 * up, right before it is connected to: a name cannot point us into the own network. */
#ifndef EVENT_OUTPUT_WEBHOOK_H
#define EVENT_OUTPUT_WEBHOOK_H

#include "base/addr.h"
#include "event/output.h"

/* Texts are copied. */
struct webhook_setup {
	const char *url;
	bool loopback;      /* http: only this machine may be connected to */
	bool allow_private; /* private addresses too */
	const char *ca;     /* file of certificates; NULL: the system's */
	const char *token; /* path of a file whose first line is a token, or a whole header; NULL */
	usec_t timeout;    /* of one request as a whole */
};

/* ERR_IO with errno: the file of the token cannot be read. ERR_SYNTAX: it has no token in it.
 * ERR_NOMEM. */
NODISCARD enum err output_new_webhook(const struct webhook_setup *setup, struct output **out_o);

/* Whether an address may be connected to. */
bool webhook_allows(const struct webhook_setup *setup, const struct addr *a);

/* To be called once, before the first thread is started. */
NODISCARD enum err webhook_global_init(void);

#endif
