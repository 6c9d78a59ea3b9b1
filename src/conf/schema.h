/* SPDX-License-Identifier: MIT
 *
 * The one table of configuration keys. It drives the reading of a file (build.c) and everything
 * that is written about it (write.c): the reference page, the JSON Schema, the example file. A key
 * is added here and nowhere else; what it means to the program is a field of a struct. */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include <stdint.h>

#include "base/span.h"
#include "conf/errors.h"

enum schema_type {
	/* Containers; their keys are the rows whose path goes one level deeper. */
	TYPE_MAP,   /* fixed keys */
	TYPE_NAMED, /* entries under names that the operator chooses; their keys stand under ".*" */
	TYPE_LIST,  /* a list of maps; likewise under ".*" */

	/* Scalars that the table alone describes: converted and stored at `offset`. */
	TYPE_BOOL,
	TYPE_WORD, /* one of `words`; stored as its index */
	TYPE_COUNT,
	TYPE_SIZE,
	TYPE_DURATION, /* usec_t; or, in a field of 32 bits, seconds */

	/* Values that need more than the table: the node is kept at `offset` for assemble.c. */
	TYPE_TEXT,
	TYPE_NAME,      /* of another entry */
	TYPE_HOST_PORT, /* HOST or HOST:PORT */
	TYPE_TARGET,    /* sip:ADDRESS:PORT */
	TYPE_STORE,     /* sqlite:PATH */
	TYPE_PATH,
	TYPE_LISTENS,  /* lists of such */
	TYPE_PREFIXES, /* an address or prefix each */
	TYPE_WORDS,    /* each one of `words` */
	TYPE_TARGETS,  /* a URI or {uri:, backup:} each */
	TYPE_WEIGHTS,  /* a map of reasons to numbers */
	TYPE_SEVERAL,  /* a text or a list of such; each one of `words`, if there are any */

	TYPE_LATER /* a name of the design that this version does not have; `doc` is the message */
};

struct schema_key {
	const char *path; /* "zones.*.trust" */
	enum schema_type type;
	bool required;
	const char *preset; /* the default as one would write it; NULL = none */
	uint64_t min, max;  /* of COUNT, SIZE, DURATION (in us) */
	const char
	    *words; /* of WORD and WORDS, "none|network"; of COUNT and DURATION: a word for 0 */
	size_t offset, width; /* of the field, in the struct of the nearest entry or in the draft */
	size_t entry_size;    /* of NAMED and LIST */
	const char *doc;
};

extern const struct schema_key schema[];
extern const size_t schema_count;

/* The row of a key in a container, NULL when there is none. parent NULL = the top of the file.
 * The keys of entries are found with the row of their NAMED or LIST container. */
const struct schema_key *schema_find(const struct schema_key *parent, struct span key);

/* Row after row of a container; NULL starts and ends. */
const struct schema_key *schema_next(const struct schema_key *parent, const struct schema_key *row);

/* The last part of the path: "trust". */
struct span schema_leaf(const struct schema_key *row);

/* A container: its value is a map or a list of maps. */
bool schema_is_container(const struct schema_key *row);

/* Position of a word in "a|b|c", or -1. */
int schema_word_index(const char *words, struct span word);

/* Word number i of "a|b|c"; n = 0 behind the last. */
struct span schema_word(const char *words, size_t i);

/* "a, b or c". */
void schema_add_words(struct buf *b, const char *words);

#endif
