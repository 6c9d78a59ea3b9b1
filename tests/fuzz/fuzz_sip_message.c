/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"

/* What is accepted is written clean, and read again it is written the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char first[1 << 17], second[1 << 17];
	static struct read a, b;
	struct buf x = BUF(first), y = BUF(second);

	if (!read_message(&a, input_of(data, size)))
		return 0;
	must(sip_edit_write(&a.msg, NULL, &x) == OK && read_message(&b, buf_span(&x)));
	must(b.msg.n_unclean == 0 && b.msg.start_clean && b.msg.text.n == x.n);
	must(sip_edit_write(&b.msg, NULL, &y) == OK && span_eq(buf_span(&x), buf_span(&y)));
	return 0;
}
