/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "helper/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first octet says who sent it. What is taken is within its bounds, and is written as it came.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct message m;
	static char text[MESSAGE_BYTES];
	struct buf b = BUF(text);
	const char *why = NULL;
	struct span datagram = span_of((const char *)data + 1, n ? n - 1 : 0);

	if (!n || message_read(datagram, data[0] & 1, &m, &why) != OK)
		return n && !why ? (abort(), 0) : 0;
	if (message_write(&m, &b) != OK || !span_eq(buf_span(&b), datagram))
		abort();
	for (size_t i = 0; i < m.n && (m.type == MESSAGE_ADD || m.type == MESSAGE_REMOVE); i++)
		if (!message_may_block(&m.bans[i].what) || m.bans[i].seconds > HELPER_SECONDS_MAX)
			abort();
	return 0;
}
