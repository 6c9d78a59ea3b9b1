/* SPDX-License-Identifier: MIT
 *
 * Changes to a received message: a list of edits in an array of the caller, applied once, when the
 * message is written. Every header is written as the parser understood it (folds become one space,
 * white space before the colon and LF-only line ends are gone, Content-Length is the true one);
 * untouched clean runs are copied whole.
 *
 * Texts given to an edit are borrowed until sip_edit_write. Header texts are "Name: value" or a
 * value, without line end; one with a control character makes sip_edit_write fail. */
#ifndef SIP_EDIT_H
#define SIP_EDIT_H

#include "sip/msg.h"

enum sip_edit_op {
	SIP_EDIT_INSERT,       /* a header line before header `at` (at == n_headers: at the end) */
	SIP_EDIT_VALUE,        /* the value of header `at` */
	SIP_EDIT_FIRST_VALUE,  /* the first value of the comma list of header `at` */
	SIP_EDIT_REMOVE_FIRST, /* that one goes; the header too, when it was the only value */
	SIP_EDIT_REMOVE,       /* header `at` goes */
};

struct sip_edit {
	struct span text;
	uint16_t at;
	uint8_t op;
};

struct sip_edits {
	struct sip_edit *list; /* edits of headers in order of position, then of issue */
	uint16_t n;
	uint16_t cap;
	bool overflow;
	bool has_body;
	struct span start_line; /* empty: as it came */
	struct span uri;        /* empty: as it came */
	struct span body;       /* with has_body */
};

static inline struct sip_edits sip_edits_of(struct sip_edit *array, size_t cap)
{
	return (struct sip_edits){.list = array, .cap = (uint16_t)cap};
}

/* Each of these appends one edit; one too many sets `overflow`, which sip_edit_write reports. Of
 * several VALUE, FIRST_VALUE, REMOVE... for one header the last one given counts; inserts before
 * one header stand in the order in which they were given. */
void sip_edit_start_line(struct sip_edits *edits, struct span line);
void sip_edit_uri(struct sip_edits *edits, struct span uri);
void sip_edit_body(struct sip_edits *edits, struct span body);
void sip_edit_value(struct sip_edits *edits, const struct sip_msg *msg, const struct sip_header *h,
    struct span value);
void sip_edit_first_value(struct sip_edits *edits, const struct sip_msg *msg,
    const struct sip_header *h, struct span value);
void sip_edit_remove_first(
    struct sip_edits *edits, const struct sip_msg *msg, const struct sip_header *h);
void sip_edit_remove(
    struct sip_edits *edits, const struct sip_msg *msg, const struct sip_header *h);

/* Every header of an id goes. */
void sip_edit_remove_all(struct sip_edits *edits, const struct sip_msg *msg, enum sip_header_id id);

/* A line before header h; NULL: at the end of the headers. */
void sip_edit_insert_before(struct sip_edits *edits, const struct sip_msg *msg,
    const struct sip_header *h, struct span line);

/* A line above the first header of an id, or above all headers when there is none: Via, Route,
 * Record-Route, Path. */
void sip_edit_insert_top(
    struct sip_edits *edits, const struct sip_msg *msg, enum sip_header_id id, struct span line);

/* A line at the end of the headers. */
void sip_edit_append(struct sip_edits *edits, const struct sip_msg *msg, struct span line);

/* The message shall have one header of this id, with the value of `line`: the first one gets it,
 * others go; when there is none, `line` is appended. */
void sip_edit_set(
    struct sip_edits *edits, const struct sip_msg *msg, enum sip_header_id id, struct span line);

/* Writes the message with its edits. edits may be NULL (then: normalises only). ERR_FULL when the
 * edits overflowed or out has no room (out->overflow), ERR_SYNTAX when an edit's text holds a
 * control character, when the message has a fault, or when a list to take a value from is
 * malformed. out is appended to; on failure its content is undefined from the old end on. */
NODISCARD enum err sip_edit_write(
    const struct sip_msg *msg, const struct sip_edits *edits, struct buf *out);

#endif
