/* SPDX-License-Identifier: MIT
 *
 * The YAML file as a small tree with the place of every node. Scalars stay text: the schema gives
 * them their type. Nothing of YAML that could surprise is let in: no aliases, anchors, tags, second
 * documents, duplicate keys or keys that are not text. The tree lives in the caller's arena. */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include "base/arena.h"
#include "conf/errors.h"

#define TREE_TEXT_MAX  ((size_t)1024 * 1024)
#define TREE_DEPTH_MAX 16
#define TREE_NODES_MAX 50000

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	bool quoted;           /* a scalar in quotes or a block: "" is a text, not an absence */
	uint32_t line, column; /* from 1; of the value */
	struct span text;      /* of a scalar, NUL-terminated */
	struct span key;       /* where the parent is a map, NUL-terminated */
	uint32_t key_line, key_column;
	struct node *children, *next;
	size_t count; /* of children */
};

/* Reads the text and reports what is wrong with it. NULL when reading could not go to the end, for
 * an error or for lack of memory (then *out_nomem is set). A tree with duplicate keys is reported
 * and returned, so that the rest can be judged, too. An empty text gives an empty map. */
struct node *tree_read(
    struct span text, struct arena *arena, struct conf_errors *errs, bool *out_nomem);

/* The value under a key of a map, or NULL. */
const struct node *tree_child(const struct node *map, const char *key);

/* A plain scalar without text, or ~: the key was written but nothing behind it. */
bool tree_is_absent(const struct node *n);

#endif
