/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "event/exec_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first octet says which message it is. A program that is taken is written as it came. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char text[EXEC_PROGRAM_MAX];
	struct span message = span_of((const char *)data + 1, n ? n - 1 : 0);
	struct buf b = BUF(text);
	struct exec_program p;
	struct exec_record r;
	struct exec_result end;

	if (n && data[0] % 3 == 0 && exec_read_program(message, &p) == OK) {
		exec_write_program(&p, &b);
		if (!span_eq(buf_span(&b), message))
			abort();
	}
	if (n && data[0] % 3 == 1 && exec_read_record(message, &r) == OK && !r.json.n)
		abort();
	if (n && data[0] % 3 == 2 && exec_read_result(message, &end) == OK &&
	    end.end >= EXEC_END_COUNT)
		abort();
	return 0;
}
