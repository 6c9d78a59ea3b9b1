/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets of SIP share. A target defines LLVMFuzzerTestOneInput; libFuzzer or
 * replay.c calls it. Whatever must hold is an abort() when it does not. */
#ifndef TEST_FUZZ_SIP_H
#define TEST_FUZZ_SIP_H

#include <stdlib.h>

#include "sip/check.h"
#include "sip/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A fact that every input must leave true. */
static inline void must(bool fact)
{
	if (!fact)
		abort();
}

static inline struct span input_of(const uint8_t *data, size_t size)
{
	return span_of((const char *)data, size);
}

/* A message with all that judging it takes. */
struct read {
	struct sip_header headers[SIP_HEADERS_DEFAULT];
	struct sip_msg msg;
	struct sip_parts parts;
	struct sip_finding finding;
	struct sip_parse_error error;
};

/* Parsed and sound. */
static inline bool read_message(struct read *r, struct span text)
{
	return sip_msg_parse(text, &sip_limits_default, r->headers, SIP_HEADERS_DEFAULT, &r->msg,
		   &r->error) == SIP_OK &&
	       sip_check(&r->msg, &sip_limits_default, false, &r->parts, &r->finding) == SIP_OK;
}

#endif
