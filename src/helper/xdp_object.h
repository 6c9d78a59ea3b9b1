/* SPDX-License-Identifier: MIT
 *
 * xdp.bpf.c as clang made it: an object file that libbpf loads. */
#ifndef HELPER_XDP_OBJECT_H
#define HELPER_XDP_OBJECT_H

#include <stddef.h>

extern const unsigned char xdp_object[];
extern const size_t xdp_object_size;

#endif
