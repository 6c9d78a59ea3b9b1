/* SPDX-License-Identifier: MIT
 *
 * What the SIP tests share: messages in memory blocks of their exact size (so that a sanitizer sees
 * every read beyond them), parsed and checked, and what a message means as text. */
#ifndef TEST_SIP_RIG_H
#define TEST_SIP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/check.h"
#include "sip/edit.h"

/* A span over a char array that holds a string. */
#define SPAN_OF(array) span_of((array), sizeof(array) - 1)

struct rig {
	char *block; /* exact copy of what was given */
	enum sip_parse parsed;
	enum sip_parse checked; /* only when parsed is SIP_OK */
	struct sip_parse_error error;
	struct sip_finding finding;
	struct sip_msg msg;
	struct sip_parts parts;
	struct sip_header headers[SIP_HEADERS_DEFAULT];
};

/* Parses and checks a copy of the text as a datagram with the default limits. rig_done frees. */
void rig_read(struct rig *rig, struct span text);
void rig_read_limits(struct rig *rig, struct span text, const struct sip_limits *limits);
void rig_done(struct rig *rig);

/* Parsed and sound. */
bool rig_accepts(const struct rig *rig);

/* The reason why it is not accepted. */
enum sip_bad rig_reason(const struct rig *rig);

/* Reads a message and gives the reason alone. */
enum sip_bad rig_verdict(struct span text);

/* What the message says, written the same for every spelling of it: white space runs as one space,
 * names in lower case and long form. */
void rig_meaning(const struct sip_msg *msg, struct buf *out);

/* A copy of the span in a block of its exact size, to be freed by free(). */
char *rig_exact(struct span s);

/* The file of the corpus folder, to be freed. The test fails when it is not there. */
struct span rig_file(const char *folder, const char *name);

/* Same spans, told readably when they differ. */
void rig_assert_span(struct span got, const char *want, const char *file, int line);
#define assert_span(got, want) rig_assert_span((got), (want), __FILE__, __LINE__)

/* One reason, told by its slug when it is another. */
void rig_assert_reason(enum sip_bad got, enum sip_bad want, const char *what);

/* Valid messages that many tests start from. */
extern const struct span rig_messages[];
extern const size_t rig_n_messages;

#endif
