/* SPDX-License-Identifier: MIT
 *
 * What is written about the configuration, from the same table that reads it. */
#ifndef CONF_WRITE_H
#define CONF_WRITE_H

#include "base/buf.h"

/* docs/configuration.md. */
void conf_write_reference(struct buf *b);

/* docs/ringfence.schema.json: JSON Schema (draft 7) for editors. */
void conf_write_schema(struct buf *b);

/* What a first configuration is made of. All texts are the caller's and printable. */
struct conf_example {
	const char *const *listen; /* "udp:127.0.0.1:5060" */
	size_t listen_count;
	const char *advertise; /* or NULL */
	const char *domain;
};

/* A whole file: the least that is needed, and every other key with its default in a comment. */
void conf_write_example(struct buf *b, const struct conf_example *example);

/* Room that is enough for each of them. */
#define CONF_WRITE_MAX (128 * 1024)

#endif
