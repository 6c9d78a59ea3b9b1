/* SPDX-License-Identifier: MIT
 *
 * How commands write figures and sentences for people. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"

/* The longest of the forms below. */
#define TEXT_FIGURE_MAX 48

/* "58 s", "3 min 5 s", "4 h 12 min", "12 d 3 h". */
void text_add_duration(struct buf *b, uint64_t seconds);

/* The same without a zero at the end: "10 min", "2 h". */
void text_add_time(struct buf *b, uint64_t seconds);

/* "512 bytes", "1.5 KiB", "128.0 MiB". */
void text_add_size(struct buf *b, uint64_t bytes);

/* Breaks at blanks so that no line is wider than 80 columns; each begins with `indent` blanks. */
void text_print_wrapped(FILE *to, struct span s, unsigned indent);

/* The same into a buffer; `first` columns of the first line are taken already. Lines after the
 * first are indented; a newline at the end. */
void text_add_wrapped(struct buf *b, struct span s, unsigned first, unsigned indent);

/* Members of an object from the daemon; absent or of another type: "" and 0. The text is the
 * object's. */
struct span text_member(const json_t *o, const char *key);
uint64_t text_number(const json_t *o, const char *key);

/* The object as a line of JSON, in ASCII: programs read it, and terminals may. */
void text_print_json(FILE *to, const json_t *o);

/* Where a ban is in force, of its members `enforced` and `ledger_only`: "in the ledger and
 * nftables", "in the ledger only: ..."; nothing where they are not there. */
#define TEXT_ENFORCED_MAX 512
void text_add_enforced(struct buf *b, const json_t *ban);

/* Escapes text of strangers for a terminal. */
void text_print_escaped(FILE *to, struct span s, size_t max);

#endif
