/* SPDX-License-Identifier: MIT */
#include "sip/limits.h"

const struct sip_limits sip_limits_default = {
    .message = 65535,
    .start_line = 2048,
    .method = 64,
    .headers = SIP_HEADERS_DEFAULT,
    .header_name = 128,
    .header_value = 8192,
    .uri = 1024,
    .body = 65535,
    .vias = 64,
    .routes = 32,
    .contacts = 32,
    .params = 32,
    .branch = 256,
    .tag = 256,
    .call_id = 256,
    .credential = 1024,
    .sdp_lines = 1024,
    .sdp_media = 32,
};
