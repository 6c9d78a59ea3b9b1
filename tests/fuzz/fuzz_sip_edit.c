/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"

/* A proxy's edits of an accepted message give an accepted message with one Via more. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[1 << 17];
	static struct read a, b;
	struct sip_edit list[8];
	struct sip_edits e = sip_edits_of(list, 8);
	struct buf out = BUF(text);

	if (!read_message(&a, input_of(data, size)) || a.msg.n_headers > 90)
		return 0;
	sip_edit_insert_top(
	    &e, &a.msg, SIP_HEADER_VIA, SPAN("Via: SIP/2.0/UDP edge;branch=z9hG4bK0"));
	sip_edit_set(&e, &a.msg, SIP_HEADER_MAX_FORWARDS, SPAN("Max-Forwards: 69"));
	if (sip_msg_has(&a.msg, SIP_HEADER_ROUTE))
		sip_edit_remove_first(&e, &a.msg, sip_msg_header(&a.msg, SIP_HEADER_ROUTE));
	must(sip_edit_write(&a.msg, &e, &out) == OK);
	if (!read_message(&b, buf_span(&out)))
		must(b.finding.reason == SIP_BAD_VIA_COUNT ||
		     b.error.reason == SIP_BAD_MESSAGE_LONG);
	must(span_eq(b.msg.via.branch, SPAN("z9hG4bK0")) && span_eq(a.msg.body, b.msg.body));
	return 0;
}
