/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"

/* A Via that is written back is a Via with the same branch. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[1 << 17];
	struct span rest = input_of(data, MIN(size, (size_t)8192)), again;
	struct addr source = {.ip = {[10] = 0xff, 0xff, 192, 0, 2, 1}, .port = 5060};
	struct sip_parse_error e;
	struct sip_via via, other;

	while (sip_via_next(&rest, &sip_limits_default, &via, &e) == SIP_OK) {
		struct buf out = BUF(text);

		sip_via_write_received(&via, &source, &out);
		again = buf_span(&out);
		if (sip_via_next(&again, &sip_limits_default, &other, &e) == SIP_OK)
			must(span_eq(via.branch, other.branch) && again.n == 0);
	}
	return 0;
}
