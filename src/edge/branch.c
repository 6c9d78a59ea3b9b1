/* SPDX-License-Identifier: MIT */
#include "edge/branch.h"

enum { BYTES = 18 };

static void put(unsigned char *p, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		p[bytes] = (unsigned char)v;
		v >>= 8;
	}
}

static uint64_t get(const unsigned char *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

void branch_write(struct buf *b, const struct branch *br)
{
	unsigned char bytes[BYTES];

	put(bytes, br->worker, 1);
	put(bytes + 1, br->slot, 3);
	put(bytes + 4, br->generation, 2);
	put(bytes + 6, br->cookie, 8);
	put(bytes + 14, br->loop, 4);
	buf_add_lit(b, "z9hG4bK");
	buf_add_base64url(b, bytes, sizeof(bytes));
}

enum err branch_read(struct span text, struct branch *out_b)
{
	unsigned char bytes[BYTES];

	/* The cookie is ours, so its case is, too. */
	if (text.n != BRANCH_TEXT_LEN || !span_starts(text, SPAN("z9hG4bK")) ||
	    base64url_decode(span_of(text.p + 7, text.n - 7), bytes, sizeof(bytes)) != BYTES)
		return ERR_SYNTAX;
	*out_b = (struct branch){
	    .worker = bytes[0],
	    .slot = (uint32_t)get(bytes + 1, 3),
	    .generation = (uint16_t)get(bytes + 4, 2),
	    .cookie = get(bytes + 6, 8),
	    .loop = (uint32_t)get(bytes + 14, 4),
	};
	return OK;
}
