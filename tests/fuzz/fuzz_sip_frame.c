/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"
#include "sip/frame.h"

/* A first message is framed the same however it is cut, and the parser reads it to its end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct read r;
	struct sip_framer f = {0}, g = {0};
	struct span in = input_of(data, size), msg, cut;
	struct sip_parse_error e;
	enum sip_frame whole, part = SIP_FRAME_MORE;
	size_t used, n;

	whole = sip_frame_next(&f, &sip_limits_default, in, &used, &msg, &e);
	for (n = 0; n <= size && part == SIP_FRAME_MORE; n++)
		part = sip_frame_next(&g, &sip_limits_default, span_of(in.p, n), &used, &cut, &e);
	must((whole == SIP_FRAME_MESSAGE) == (part == SIP_FRAME_MESSAGE));
	if (whole == SIP_FRAME_MESSAGE) {
		must(span_eq(msg, cut) && msg.n == n - 1);
		if (sip_msg_parse(msg, &sip_limits_default, r.headers, SIP_HEADERS_DEFAULT, &r.msg,
			&e) == SIP_OK)
			must(r.msg.text.n == msg.n && r.msg.body.n == (size_t)r.msg.content_length);
	}
	return 0;
}
