/* SPDX-License-Identifier: MIT
 *
 * Streaming JSON writer (RFC 8259) onto a struct buf: no tree, no allocation. The output is one
 * line of valid UTF-8 whatever strangers put into the strings, and holds no byte that a terminal
 * would act on. Commas are the writer's business. After an overflow nothing more is written. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#define JSON_DEPTH_MAX 32

struct json {
	struct buf *b;
	uint32_t more;  /* bit d: something stands already on depth d, so a comma comes first */
	uint32_t array; /* bit d: depth d is an array */
	uint8_t depth;
	bool keyed; /* a key was written and waits for its value */
	bool bad;   /* begun and ended wrongly by the caller, or too deep */
};

void json_init(struct json *j, struct buf *b);

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);

/* The name of the next value, in objects. */
void json_key(struct json *j, const char *key);
void json_key_span(struct json *j, struct span key);

/* A key that needs no escape and has its quotes and colon already, "\"ts\":", for tables of keys.
 */
void json_key_quoted(struct json *j, struct span quoted);

/* Values. In strings, quotes, backslashes and what utf8_printable does not allow (control
 * characters, line ends, bidirectional controls) are escaped; bytes that are not UTF-8 become
 * \u00XX. A NULL string of json_cstr is null. */
void json_str(struct json *j, struct span s);
void json_cstr(struct json *j, const char *s);
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
/* Thousandths, without floating point: 1500 is written 1.5, -20 is -0.02. */
void json_milli(struct json *j, int64_t v);
void json_bool(struct json *j, bool v);
void json_nil(struct json *j); /* not json_null: jansson has one, which it calls itself */

/* Key and value in one. */
void json_put_str(struct json *j, const char *key, struct span s);
void json_put_cstr(struct json *j, const char *key, const char *s);
void json_put_u64(struct json *j, const char *key, uint64_t v);
void json_put_i64(struct json *j, const char *key, int64_t v);
void json_put_bool(struct json *j, const char *key, bool v);

/* One whole value was written, all of it fitted, and everything begun was ended. */
bool json_ok(const struct json *j);

#endif
