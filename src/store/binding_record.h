/* SPDX-License-Identifier: MIT
 *
 * The bindings of one AoR as bytes, the same in the table's cells and in the log. Little-endian,
 * versioned, no alignment. Pure functions.
 *
 *   payload  version u8 · flags u8 (0) · count u16 · AoR length u16 · AoR · count x binding
 *   frame    payload length u32 · checksum u32 · payload
 *
 * A payload without bindings says that the AoR has none any more. */
#ifndef STORE_BINDING_RECORD_H
#define STORE_BINDING_RECORD_H

#include "store/binding.h"

#define BINDING_RECORD_VERSION 1
#define BINDING_RECORD_HEAD    6  /* bytes before the AoR */
#define BINDING_RECORD_FIXED   97 /* bytes of a binding before its texts */
#define BINDING_FRAME_HEAD     8

#define BINDING_RECORD_MAX                                                          \
	(BINDING_RECORD_HEAD + BINDING_AOR_MAX +                                    \
	    BINDING_CONTACTS_MAX *                                                  \
		(BINDING_RECORD_FIXED + BINDING_CONTACT_MAX + BINDING_CALL_ID_MAX + \
		    BINDING_PATH_MAX + BINDING_INSTANCE_MAX + BINDING_USER_AGENT_MAX))

struct binding_record_sum {
	size_t bytes;
	usec_t first_expiry, last_expiry; /* 0 when there is no binding */
};

/* Packs aor and the n items into out, which has room for BINDING_RECORD_MAX bytes; the texts of the
 * items then point into it. ERR_RANGE: a text, or n, is over its cap; out and the texts are then
 * undefined. User agents are cut. */
NODISCARD enum err binding_record_pack(struct span aor, struct binding *items, size_t n, char *out,
    struct binding_record_sum *out_sum);

/* Lays out in s->items the bindings that are live at wall; spans point into rec. *out_total counts
 * the expired ones too. ERR_SYNTAX: no record of this version, or caps are broken; s is then
 * undefined. */
NODISCARD enum err binding_record_unpack(
    struct span rec, usec_t wall, struct span *out_aor, struct binding_set *s, size_t *out_total);

/* Writes the frame head for the payload of n bytes that stands at frame + BINDING_FRAME_HEAD. */
void binding_frame_seal(char *frame, size_t n);

enum binding_frame {
	BINDING_FRAME_OK,
	BINDING_FRAME_END,     /* nothing left */
	BINDING_FRAME_DAMAGED, /* the checksum is wrong; *rest moved behind it, go on */
	BINDING_FRAME_TORN     /* the length makes no sense; *rest is empty now */
};

/* Takes the next frame off *rest. *out_payload is set with _OK only. */
enum binding_frame binding_frame_next(struct span *rest, struct span *out_payload);

#endif
