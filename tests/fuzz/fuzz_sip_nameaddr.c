/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"

/* Each value of a list, read alone, is the same value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = input_of(data, size);
	struct sip_nameaddr a, b;
	uint16_t q;

	while (sip_nameaddr_next(&rest, &a) == SIP_OK) {
		must(sip_nameaddr_parse(a.value, &b) == SIP_OK && span_eq(a.uri, b.uri));
		must(span_eq(a.params, b.params) && span_eq(a.tag, b.tag));
		must(sip_params_check(a.params, SIZE_MAX) != SIP_BAD_PARAM);
		if (sip_nameaddr_q(&a, &q) == SIP_OK)
			must(q <= 1000);
	}
	return 0;
}
