/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"

/* The canonical address-of-record of a URI is a URI, and its own canonical form. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char first[4096], second[4096];
	struct buf x = BUF(first), y = BUF(second);
	struct sip_parse_error e;
	struct sip_uri a, b;

	if (sip_uri_parse(input_of(data, size), &sip_limits_default, &a, &e) != SIP_OK)
		return 0;
	must(sip_uri_equal(&a, &a));
	if (sip_uri_write_aor(&a, &x) != OK)
		return 0;
	must(sip_uri_parse(buf_span(&x), &sip_limits_default, &b, &e) == SIP_OK);
	must(sip_uri_write_aor(&b, &y) == OK && span_eq(buf_span(&x), buf_span(&y)));
	return 0;
}
